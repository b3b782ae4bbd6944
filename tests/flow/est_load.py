#!/usr/bin/env python3
"""A thousand clients enroll over EST while programs are killed, each with a key of its own.

    est_load.py CERCAD_PID PORT TOKEN N KILLS OUT

Kills cerca-ca and cerca-signer in turn, KILLS times in all, at random points of the load. A client
does as RFC 7030 4.2.3 says: it asks again after a 503 with Retry-After (sooner here), with the same
request, until it has its certificate. When all have one, each asks once more. Ends with 0 when every
answer was a certificate for that key, the same each time, or such a 503. OUT gets the serials.
"""
import base64
import http.client
import os
import random
import signal
import ssl
import sys
import threading
import time
from collections import Counter

from peer import certificate, make_request, pid_of, serial

cercad, port, token = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
n, kills, out = int(sys.argv[4]), int(sys.argv[5]), sys.argv[6]

CLIENTS = 24  # at once
LIMIT = 100   # seconds for all of it

# --- clients -----------------------------------------------------------------------------------

lock, answers, wrong, done = threading.Lock(), Counter(), [], [0]
requests = [make_request("n%d.kill.example" % i) for i in range(n)]
certificates = [None] * n
begin = time.monotonic()
context = ssl.create_default_context(cafile="root.pem")
head = {"Content-Type": "application/pkcs10", "Authorization": "Bearer " + token}


def enroll(connection, i):
    """Asks until there is an answer that is not "later"."""
    while time.monotonic() - begin < LIMIT:
        connection.request("POST", "/.well-known/est/simpleenroll", base64.b64encode(requests[i][0]),
                           head)
        answer = connection.getresponse()
        body = answer.read()
        with lock:
            answers[answer.status] += 1
        if answer.status == 200:
            return certificate(body)
        if answer.status != 503 or not answer.headers.get("Retry-After", "").isdigit():
            raise ValueError("%d %s" % (answer.status, body[:300]))
        time.sleep(random.uniform(0.05, 0.3))
    raise TimeoutError("no certificate in %d s" % LIMIT)


def client(numbers):
    connection = http.client.HTTPSConnection("localhost", port, timeout=60, context=context)
    for i in numbers:
        try:
            got = enroll(connection, i)
            if requests[i][1] not in got or b"n%d.kill.example" % i not in got:
                raise ValueError("somebody else's certificate")
            if certificates[i] not in (None, got):
                raise ValueError("a second certificate")
            certificates[i] = got
        except Exception as e:  # whatever it is, a client without a certificate
            wrong.append("request %d: %r" % (i, e))
            connection.close()
        with lock:
            done[0] += 1


def all_ask():
    done[0] = 0
    threads = [threading.Thread(target=client, args=(range(k, n, CLIENTS),)) for k in range(CLIENTS)]
    for t in threads:
        t.start()
    return threads


# --- kills -------------------------------------------------------------------------------------

def kill(program, progress):
    """The one that runs by then, when so many clients are done."""
    while (done[0] < progress or pid_of(cercad, program) is None) and time.monotonic() - begin < LIMIT:
        time.sleep(0.002)
    time.sleep(random.uniform(0, 0.02))
    pid = pid_of(cercad, program)
    if pid is None or done[0] >= n:
        return 0
    os.kill(pid, signal.SIGKILL)
    return 1


threads = all_ask()
share = n / (kills + 1)
killed = Counter()
for k in range(kills):
    program = ("cerca-ca", "cerca-signer")[k % 2]
    killed[program] += kill(program, int(random.uniform(k + 0.3, k + 1) * share))
for t in threads:
    t.join()
took, first = time.monotonic() - begin, dict(answers)
for t in all_ask():
    t.join()
with open(out, "w") as f:
    f.writelines(serial(x) + "\n" for x in certificates if x is not None)
print("%d of %d have a certificate; killed %s; answers %s in %.1f s, then %s" % (
    sum(x is not None for x in certificates), n, dict(killed), first, took,
    dict(answers - Counter(first))))
for w in wrong[:10]:
    print(w)
sys.exit(0 if not wrong and sum(killed.values()) == kills and None not in certificates else 1)
