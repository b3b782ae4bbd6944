#!/usr/bin/env python3
"""A Certificate Transparency log for ct.t, both APIs, made of nothing of ours: openssl makes
certificates and signatures, the tree is hashed here.

  ct_log.py DIR PORT-FILE    serves until it is killed; the file DIR/mode says how it behaves,
                             DIR/size how many entries it shows, DIR/asked gets every path
"""
import base64
import gzip
import hashlib
import json
import os
import struct
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder, port_file = os.path.abspath(sys.argv[1]), sys.argv[2]
SIZE = 700
ORIGIN = "log.example/2026"
POISON = bytes.fromhex("060a2b06010401d679020403")


def run(*args, data=None):
    return subprocess.run(args, input=data, check=True, capture_output=True, cwd=folder).stdout


def sha(data):
    return hashlib.sha256(data).digest()


# --- DER, as much as it takes to leave the poison out ---------------------------------------------


def element(data, at):
    """(start of contents, end)"""
    n = data[at + 1]
    if n < 0x80:
        return at + 2, at + 2 + n
    octets = n & 0x7F
    n = int.from_bytes(data[at + 2 : at + 2 + octets], "big")
    return at + 2 + octets, at + 2 + octets + n


def wrap(tag, contents):
    n = len(contents)
    if n < 0x80:
        return bytes([tag, n]) + contents
    raw = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(raw)]) + raw + contents


def children(data, start, end):
    out = []
    while start < end:
        stop = element(data, start)[1]
        out.append(data[start:stop])
        start = stop
    return out


def without_poison(cert):
    tbs = children(cert, *element(cert, 0))[0]
    fields = children(tbs, *element(tbs, 0))
    extensions = children(fields[-1], *element(fields[-1], 0))[0]
    kept = [e for e in children(extensions, *element(extensions, 0)) if POISON not in e]
    fields[-1] = wrap(0xA3, wrap(0x30, b"".join(kept)))
    return wrap(0x30, b"".join(fields))


# --- certificates and entries -----------------------------------------------------------------------


def certificate(name, poison=False, san=None):
    ext = "subjectAltName=" + (san or "DNS:" + name)
    args = ["openssl", "x509", "-req", "-in", "any.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "30"]
    text = ext + "\n"
    if poison:
        text += "1.3.6.1.4.1.11129.2.4.3=critical,ASN1:NULL\n"
    return run(*args, "-subj", "/CN=" + name, "-extfile", "/dev/stdin", "-outform", "DER", data=text.encode())


def u24(data):
    return len(data).to_bytes(3, "big") + data


def timestamped(when, cert, precert):
    if precert:
        body = b"\0\1" + sha(issuer_key) + u24(without_poison(cert))
    else:
        body = b"\0\0" + u24(cert)
    return struct.pack(">Q", when) + body + b"\0\0"


run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
    "-out", "ca.pem", "-days", "90", "-subj", "/CN=Other CA")
run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "any.key",
    "-out", "any.csr", "-subj", "/CN=any")
issuer_key = run("openssl", "pkey", "-in", "ca.key", "-pubout", "-outform", "DER")
issuer = run("openssl", "x509", "-in", "ca.pem", "-outform", "DER")
for name, alg in ("ec", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]), ("rsa", ["rsa", "-pkeyopt", "rsa_keygen_bits:2048"]):
    run("openssl", "genpkey", "-algorithm", *alg, "-out", name + ".key")
    run("openssl", "pkey", "-in", name + ".key", "-pubout", "-out", name + ".pem")

other = certificate("www.notexample.com")  # ends like the domain, and is not under it
certs = {i: (other, False) for i in range(SIZE)}
certs[3] = (certificate("www.example.com"), False)
certs[255] = (certificate("api.EXAMPLE.com", poison=True), True)
certs[256] = (certificate("other.example.org", poison=True), True)
certs[300] = (certificate("x", san="DNS:*.deep.example.com,DNS:y.example.net"), False)
certs[400] = (b"\x30\x03\x02\x01\x01", False)  # no certificate
certs[699] = (certificate("last.example.com"), False)
entries = [timestamped(1790000000000 + i, *certs[i]) for i in range(SIZE)]
leaves = [sha(b"\0\0\0" + e) for e in entries]
another = certificate("api.example.com", poison=True)  # than the log has taken


def tree(hashes):
    if not hashes:
        return sha(b"")
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return sha(b"\1" + tree(hashes[:k]) + tree(hashes[k:]))


def subproof(m, hashes, whole):
    if m == len(hashes):
        return [] if whole else [tree(hashes)]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    if m <= k:
        return subproof(m, hashes[:k], whole) + [tree(hashes[k:])]
    return subproof(m - k, hashes[k:], False) + [tree(hashes[:k])]


# --- answers ------------------------------------------------------------------------------------------


def mode():
    return open(os.path.join(folder, "mode")).read().split()


def size():
    return int(open(os.path.join(folder, "size")).read())


def signed(n, root, when):
    key = "rsa" if "rsa" in mode() else "ec"
    text = b"\0\1" + struct.pack(">QQ", when, n) + root
    if "wrong-signature" in mode():
        text += b"!"
    path = os.path.join(folder, "signed.%d" % threading.get_ident())
    with open(path, "wb") as f:
        f.write(text)
    sig = run("openssl", "dgst", "-sha256", "-sign", key + ".key", path)
    return bytes([4, 1 if key == "rsa" else 3]) + struct.pack(">H", len(sig)) + sig


def head():
    n = size()
    root = tree(leaves[:n])
    if "other-root" in mode():
        root = sha(root)
    return n, root, 1790000001000


def checkpoint():
    n, root, when = head()
    key = "rsa.pem" if "rsa" in mode() else "ec.pem"
    log_id = sha(run("openssl", "pkey", "-pubin", "-in", key, "-pubout", "-outform", "DER"))
    key_id = sha(ORIGIN.encode() + b"\n\x05" + log_id)[:4]
    body = key_id + struct.pack(">Q", when) + signed(n, root, when)
    stranger = base64.b64encode(b"abcd" + bytes(64)).decode()
    text = "%s\n%d\n%s\n" % (ORIGIN, n, base64.b64encode(root).decode())
    return (text + "\n\u2014 witness.example %s\n\u2014 %s %s\n" % (stranger, ORIGIN, base64.b64encode(body).decode())).encode()


def sth():
    n, root, when = head()
    return json.dumps({"tree_size": n, "timestamp": when, "sha256_root_hash": base64.b64encode(root).decode(),
                       "tree_head_signature": base64.b64encode(signed(n, root, when)).decode()}).encode()


def shown(i):
    if i == 255 and "other-precert" in mode():
        return another
    return certs[i][0]


def get_entries(query):
    at = dict(p.split("=") for p in query.split("&"))
    first, last = int(at["start"]), min(int(at["end"]), int(at["start"]) + 99)  # fewer than asked for
    out = []
    for i in range(first, last + 1):
        leaf = b"\0\0" + entries[i]
        extra = u24(u24(issuer))
        if certs[i][1]:
            extra = u24(shown(i)) + extra
        if "huge-entry" in mode() and i == 3:
            leaf = b"\0\0" + timestamped(0, b"\x30\x83\xff\xff\xfa" + bytes(0xFFFFFA), False)
        if "cut-entry" in mode() and i == 3:
            leaf = leaf[:-3]
        out.append({"leaf_input": base64.b64encode(leaf).decode(), "extra_data": base64.b64encode(extra).decode()})
    return json.dumps({"entries": out}).encode()


def data_tile(rest):
    name, _, width = rest.partition(".p/")
    n = int(name.replace("x", "").replace("/", ""))
    end = min(n * 256 + (int(width) if width else 256), SIZE)
    if "no-partial" in mode() and width:
        return None
    out = b""
    for i in range(n * 256, end):
        out += entries[i] + (u24(shown(i)) if certs[i][1] else b"") + struct.pack(">H", 32) + sha(issuer)
    return out[:-7] if "cut-entry" in mode() else out


def hash_tile(level, rest):
    name, _, width = rest.partition(".p/")
    n, step = int(name.replace("x", "").replace("/", "")), 256 ** int(level)
    hashes = [tree(leaves[i * step : (i + 1) * step]) for i in range(n * 256, n * 256 + (int(width) if width else 256))]
    return b"".join(hashes)


def answer(path):
    path, _, query = path.partition("?")
    if path == "/checkpoint":
        return checkpoint()
    if path == "/ct/v1/get-sth":
        return sth()
    if path == "/ct/v1/get-entries":
        return get_entries(query)
    if path == "/ct/v1/get-sth-consistency":
        at = dict(p.split("=") for p in query.split("&"))
        proof = subproof(int(at["first"]), leaves[: int(at["second"])], True)
        return json.dumps({"consistency": [base64.b64encode(h).decode() for h in proof]}).encode()
    if path.startswith("/tile/data/"):
        return data_tile(path[11:])
    if path.startswith("/tile/"):
        level, _, rest = path[6:].partition("/")
        return hash_tile(level, rest)
    return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    busy = set()

    def log_message(self, *_):
        pass

    def do_GET(self):
        with open(os.path.join(folder, "asked"), "a") as f:
            f.write(self.path + "\n")
        try:
            self.reply()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def reply(self):
        entry = "get-entries" in self.path or "/data/" in self.path
        if "busy" in mode() and self.path not in Handler.busy:
            Handler.busy.add(self.path)
            self.send_response(429)
            self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if "endless" in mode() and entry or "endless-head" in mode() and not entry:
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b'{"entries": [' + b" " * 65536)
        if "hang" in mode() and entry:
            time.sleep(300)
        body = b"\xff\x00garbage{" * 99 if "garbage" in mode() and entry else answer(self.path)
        self.send_response(404 if body is None else 200)
        body = body or b"no"
        if "/data/" in self.path:
            body = gzip.compress(bytes(1 << 30) if "bomb" in mode() else body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(port_file + ".new", "w") as f:
    f.write(str(server.server_port))
os.rename(port_file + ".new", port_file)
server.serve_forever()
