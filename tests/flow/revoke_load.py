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
import re
import signal
import socket
import subprocess
import sys
import threading
import time

GOOD, REVOKED, UNKNOWN = 0x80, 0xA1, 0x82
LIMIT = 90  # seconds for all of it

cercad, program, kills, port = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
template = open(sys.argv[5], "rb").read()
serials = sys.argv[6:]

lock = threading.Lock()
acked, wrong, newest, asked, later = {}, [], {}, [0], [0]
done = threading.Event()
begin = time.monotonic()


def serial_place(der):
    """The INTEGER of the serial: the last one of 16 octets before the end of the CertID."""
    at = der.rfind(b"\x02\x10")
    return at + 2


PLACE = serial_place(template)


def cert_id(der):
    """The CertID's octets, which an answer repeats: the SEQUENCE whose end is that of the serial."""
    end = PLACE + 16
    for start in range(PLACE - 2, 0, -1):
        if der[start] == 0x30 and der[start + 1] < 0x80 and start + 2 + der[start + 1] == end:
            if der[start + 2] == 0x30:  # the hash's AlgorithmIdentifier comes first
                return start, end
    raise SystemExit("no CertID in the request")


FROM, TO = cert_id(template)


def exchange(body):
    """The octets of one answer, or None when the connection failed."""
    head = b"POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
            s.sendall(head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            data = b""
            while chunk := s.recv(65536):
                data += chunk
    except OSError:
        return None
    top, _, answer = data.partition(b"\r\n\r\n")
    return answer if re.match(rb"HTTP/1.1 200", top) else None


def ask(serial):
    """(status, thisUpdate), or None: not now."""
    request = template[:PLACE] + bytes.fromhex(serial) + template[PLACE + 16 :]
    answer = exchange(request)
    if answer is None or answer.startswith(b"\x30\x03\x0a\x01\x03"):
        later[0] += 1
        return None
    at = answer.find(request[FROM:TO])
    if at < 0:
        with lock:
            wrong.append("%s: no answer for it: %s" % (serial, answer.hex()))
        return None
    at += TO - FROM
    status = answer[at]
    at += 2 + answer[at + 1]
    asked[0] += 1
    return status, answer[at + 2 : at + 17].decode()


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


def pid_of(name):
    for pid in open("/proc/%d/task/%d/children" % (cercad, cercad)).read().split():
        try:
            if open("/proc/%s/comm" % pid).read().strip() == name and \
                    b"--check" not in open("/proc/%s/cmdline" % pid, "rb").read():
                return int(pid)
        except OSError:
            pass
    return None


def kill_often():
    """Evenly over the revocations."""
    for n in range(kills):
        while len(acked) < len(serials) * (n + 1) // (kills + 2) and in_time():
            time.sleep(0.002)
        time.sleep(random.random() * 0.02)
        while (pid := pid_of(program)) is None and in_time():
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
