"""Doubles of the programs that talk to cerca-ca, in the hands of who means ill (stolen.t); what
stolen_core.py has in common with them.

    stolen.py types SOCKET TYPE...           which of these types are not cut off: their numbers
    stolen.py frames SOCKET TYPE...          malformed frames and bodies of chance; says how many
    stolen.py delegate SOCKET OWNER CSR...   asks for OCSP responders; NAME.der of what is given
    stolen.py enroll SOCKET CASE FILE        cases are JSON; the answer as JSON
    stolen.py due SOCKET CHANNEL             asks for notices
    stolen.py ask SOCKET TYPE HEX            one question; the answer as JSON
    stolen.py flood SOCKET TYPE SECONDS      asks without reading; says how often it was cut off
    stolen.py hold SOCKET N FILE             holds N connections until FILE is gone; says how many
"""
import json
import os
import random
import select
import socket
import struct
import sys
import time

HEADER = 12
FAULT = 1
HARMLESS = (FAULT, 0x0202, 0x0504, 0x0506)  # public keys, the CA certificates, and "noted"


def connect(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(30)
    s.connect(path)
    return s


def frame(kind, number, body=b""):
    return struct.pack(">BBHQ", 1, 0, kind, number) + body


def octets(data):
    return struct.pack(">I", len(data)) + data


def text(data):
    return octets(data.encode())


def answer(s, number, wait):
    """The first frame with this number; None: cut off; (): nothing was said."""
    end = time.monotonic() + wait
    while True:
        left = end - time.monotonic()
        if left <= 0 or not select.select([s], [], [], left)[0]:
            return ()
        try:
            data = s.recv(70000)
        except ConnectionResetError:
            return None
        if not data:
            return None
        _, _, kind, at = struct.unpack(">BBHQ", data[:HEADER])
        if at == number:
            return kind, data[HEADER:]


def fault(body):
    """Code, rule and text of a MSG_FAULT, as far as they are there to be read."""
    return "".join(chr(c) if 32 <= c < 127 else " " for c in body)


def ask(path, kind, body, wait=30):
    with connect(path) as s:
        s.send(frame(kind, 7, body))
        return answer(s, 7, wait)


def say(got, name=None):
    if got is None:
        print(json.dumps({"type": 0, "text": "cut off"}))
    elif got == ():
        print(json.dumps({"type": 0, "text": "nothing"}))
    else:
        kind, body = got
        if name and kind != FAULT:
            with open(name, "wb") as out:
                out.write(body)
        print(json.dumps({"type": kind, "text": fault(body) if kind == FAULT else "", "octets": len(body)}))


def types(path, kinds):
    """A type without a permit costs the connection, whatever comes with it."""
    for kind in kinds:
        with connect(path) as s:
            s.send(frame(kind, 7, b""))
            if answer(s, 7, 1) is not None:
                print(kind)


def frames(path, kinds):
    chance = random.Random(2026)
    n = 0
    for length in range(HEADER):
        n += 1
        with connect(path) as s:
            s.send(bytes(chance.randrange(256) for _ in range(length)) or b"\0")
            if answer(s, 7, 5) is not None:
                sys.exit("a frame of %d octets was taken" % length)
    for head in (struct.pack(">BBHQ", 2, 0, kinds[0], 7), struct.pack(">BBHQ", 1, 1, kinds[0], 7),
                 struct.pack(">BBHQ", 0, 0, kinds[0], 7)):
        n += 1
        with connect(path) as s:
            s.send(head)
            if answer(s, 7, 5) is not None:
                sys.exit("a frame of another version, or with flags, was taken")
    for kind in kinds:
        for _ in range(25):
            n += 1
            length = chance.choice([1, 2, 4, 8, 16, 17, 33, 64, 200, 1000, 8000, 60000])
            body = bytes(chance.randrange(256) for _ in range(min(length, 300))) * (length // 300 + 1)
            if chance.randrange(2):
                body = struct.pack(">I", chance.choice([0, 1, 32, 0x7fffffff, 0xffffffff])) + body
            got = ask(path, kind, body[:length], 0.05)
            if got and got[0] not in HARMLESS:
                sys.exit("octets of chance got an answer of type %#x" % got[0])
    print(n)


def flood(path, kind, seconds):
    """As many questions as go in, none of the answers read."""
    end, cut, sent = time.monotonic() + seconds, 0, 0
    s = connect(path)
    s.setblocking(False)
    while time.monotonic() < end:
        try:
            s.send(frame(kind, sent, b"x"))
            sent += 1
        except BlockingIOError:
            select.select([], [s], [], 0.1)
        except (ConnectionError, OSError):
            cut += 1
            s.close()
            s = connect(path)
            s.setblocking(False)
    print(json.dumps({"sent": sent, "cut": cut}))


def hold(path, n, until):
    held = []
    for _ in range(n):
        try:
            held.append(connect(path))
        except OSError:
            break
    print(len(held), flush=True)
    while os.path.exists(until):
        time.sleep(0.05)


def enroll(path, case, out):
    def read(name):
        with open(name, "rb") as file:
            return file.read()
    r = json.loads(case)
    body = text(r.get("label", "")) + bytes([r.get("renew", 0), r.get("make_key", 0)])
    body += text(r.get("address", "192.0.2.1")) + octets(read(r["csr"]))
    body += octets(b"".join(read(c) for c in r.get("chain", []))) + octets(b"")
    body += bytes([1 if "secret" in r else 0]) + text(r.get("user", "")) + text(r.get("secret", ""))
    say(ask(path, 0x0501, body), out)


def main():
    what, path, *more = sys.argv[1:]
    if what == "types":
        types(path, [int(k) for k in more])
    elif what == "frames":
        frames(path, [int(k) for k in more])
    elif what == "delegate":
        owner = bytes.fromhex(more[0])
        for csr in more[1:]:
            with open(csr, "rb") as file:
                say(ask(path, 0x0401, octets(owner) + octets(file.read())), csr + ".given")
    elif what == "enroll":
        enroll(path, *more)
    elif what == "due":
        say(ask(path, 0x0601, text(more[0]) + struct.pack(">I", 4)))
    elif what == "ask":
        say(ask(path, int(more[0], 0), bytes.fromhex(more[1])), "answer.bin")
    elif what == "flood":
        flood(path, int(more[0], 0), float(more[1]))
    elif what == "hold":
        hold(path, int(more[0]), more[1])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
