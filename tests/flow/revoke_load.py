#!/usr/bin/env python3
"""Revokes certificates from several threads while a program is killed again and again, and asks the
OCSP responder the moment that a revocation is acknowledged. Others ask all the time.

    revoke_load.py CERCAD_PID PROGRAM KILLS PORT REQUEST SERIAL...

REQUEST is an OCSP request for a certificate of the same issuer, in which the serial is replaced.
Ends with 0 unless an answer called good what was acknowledged as revoked, or one was older than an
answer before it (RFC 6960 4.2.2.1: thisUpdate). A connection that fails, or tryLater, is asked again.
"""
import os
import random
import signal
import subprocess
import sys
import threading
import time

from peer import GOOD, REVOKED, Responder, pid_of

LIMIT = 90  # seconds for all of it

cercad, program, kills, port = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
template = open(sys.argv[5], "rb").read()
serials = sys.argv[6:]

lock = threading.Lock()
acked, wrong, newest, asked, later = {}, [], {}, [0], [0]
done = threading.Event()
begin = time.monotonic()


of_thread = threading.local()


def ask(serial):
    """(status, thisUpdate), or None: not now."""
    if not hasattr(of_thread, "responder"):
        of_thread.responder = Responder(port, template)
    try:
        got = of_thread.responder.ask(serial)
    except ValueError as e:
        with lock:
            wrong.append(str(e))
        return None
    if got is None:
        later[0] += 1
    else:
        asked[0] += 1
    return got


def check(serial):
    """Asks once. What was acknowledged before must be revoked, and no answer older than one that
    was there before it was asked. False: not now."""
    with lock:
        revoked, before = serial in acked, newest.get(serial, "")
    got = ask(serial)
    if got is None:
        return False
    status, this_update = got
    with lock:
        if revoked and status != REVOKED:
            wrong.append("%s was acknowledged, and is called %#x" % (serial, status))
        if not revoked and status not in (GOOD, REVOKED):
            wrong.append("%s is called %#x" % (serial, status))
        if this_update < before:
            wrong.append("%s: %s after %s" % (serial, this_update, before))
        newest[serial] = max(before, this_update, newest.get(serial, ""))
    return True


def in_time():
    return time.monotonic() - begin < LIMIT


def until_answered(serial):
    while not check(serial):
        if not in_time():
            with lock:
                wrong.append("%s: no answer" % serial)
            return
        time.sleep(0.02)


def revoke(mine):
    for serial in mine:
        # The command waits for a core that comes back; one that it lost its answer of may say
        # "already", which is no acknowledgement of this one, but true.
        r = subprocess.run(["cerca", "revoke", serial, "--reason", "superseded", "--timeout", "30"],
                           capture_output=True, text=True)
        if r.returncode == 0 or "revoked already" in r.stdout:
            with lock:
                acked[serial] = True
            until_answered(serial)
        else:
            with lock:
                wrong.append("%s: %s%s" % (serial, r.stdout, r.stderr))


def watch():
    while not done.is_set():
        check(random.choice(serials))
        time.sleep(0.003)


def kill_often():
    """Evenly over the revocations."""
    for n in range(kills):
        while len(acked) < len(serials) * (n + 1) // (kills + 2) and in_time():
            time.sleep(0.002)
        time.sleep(random.random() * 0.02)
        while (pid := pid_of(cercad, program)) is None and in_time():
            time.sleep(0.01)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)


killed = []
revokers = [threading.Thread(target=revoke, args=(serials[n::4],)) for n in range(4)]
others = [threading.Thread(target=watch) for n in range(2)] + [threading.Thread(target=kill_often)]
for t in others + revokers:
    t.start()
for t in revokers:
    t.join()
done.set()
for t in others:
    t.join()
for s in serials:
    until_answered(s)
print("%d acknowledged, %d killed, %d answers, %d times not now, %.1f s" %
      (len(acked), len(set(killed)), asked[0], later[0], time.monotonic() - begin))
for w in wrong[:20]:
    print(w)
sys.exit(1 if wrong or len(acked) != len(serials) or len(set(killed)) < kills else 0)
