#!/usr/bin/env python3
"""An EST server written from RFC 7030, 8951 and 9908 alone, with Python's http.server and ssl and
the openssl command. It shares no code with Cerca. The label says how it answers, rightly or not.

    est_server.py FOLDER MINIMUM [no-ems]

FOLDER has ca.pem, ca.key, root.pem, server.pem, server.key. MINIMUM is 1.2 or 1.3: the one version of TLS that it
speaks. The port is written to standard output, what clients send to FOLDER/seen.
"""
import base64
import hashlib
import http.server
import os
import re
import ssl
import subprocess
import sys
import tempfile

folder, version = sys.argv[1], sys.argv[2]
CERTS = "application/pkcs7-mime; smime-type=certs-only"
NONCE = "f00d"


def path(name):
    return os.path.join(folder, name)


def openssl(*args, data=b""):
    return subprocess.run(["openssl", *args], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=True).stdout


def with_file(data, use):
    with tempfile.NamedTemporaryFile(dir=folder) as f:
        f.write(data)
        f.flush()
        return use(f.name)


def p7(*pems):
    files = [x for p in pems for x in ("-certfile", p)]
    return openssl("crl2pkcs7", "-nocrl", *files, "-outform", "DER")


def lines(der):
    return base64.encodebytes(der)


def issue(csr):
    """Whatever was asked for."""
    return with_file(csr, lambda f: openssl(
        "x509", "-req", "-inform", "DER", "-in", f, "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
        "-days", "30", "-copy_extensions", "copyall", "-set_serial", "0x" + os.urandom(8).hex().replace("f", "1")))


def text_of(csr):
    return openssl("req", "-inform", "DER", "-noout", "-text", "-verify", data=csr).decode()


def oid(dotted):
    return openssl("asn1parse", "-genstr", "OID:" + dotted, "-noout", "-out", "/dev/stdout")


def element(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    head = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else bytes([0x82, n >> 8, n & 255])
    return bytes([tag]) + head + body


SEQ, SET = 0x30, 0x31
CHALLENGE, CN, OU = "1.2.840.113549.1.9.7", "2.5.4.3", "2.5.4.11"


def attributes(label):
    if label == "link":
        return element(SEQ, oid(CHALLENGE), element(SEQ, oid("1.2.840.10045.2.1"),
                                                    element(SET, oid("1.3.132.0.34"))))
    if label == "template":  # RFC 9908 3.4: CN to fill in, OU given, a P-521 key, clientAuth
        rdns = element(SEQ, element(SET, element(SEQ, oid(OU), element(0x0c, b"theirs"))),
                       element(SET, element(SEQ, oid(CN))))
        key = element(0xa0, element(SEQ, oid("1.2.840.10045.2.1"), oid("1.3.132.0.35")))
        eku = element(SEQ, oid("2.5.29.37"), element(4, element(SEQ, oid("1.3.6.1.5.5.7.3.2"))))
        extensions = element(SEQ, oid("1.2.840.113549.1.9.14"), element(SET, element(SEQ, eku)))
        template = element(SEQ, b"\x02\x01\x00", rdns, key, element(0xa1, extensions))
        return element(SEQ, oid("1.2.3.4"), element(SEQ, oid("1.2.840.113549.1.9.16.2.61"),
                                                    element(SET, template)))
    return None


def make_key(csr, label):
    """RFC 7030 4.4.2: the two parts."""
    pem = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    pkcs8 = openssl("pkcs8", "-topk8", "-nocrypt", "-outform", "DER", data=pem)
    spki = openssl("pkey", "-pubout", data=pem)
    key_type, key = "application/pkcs8", pkcs8
    if label == "sealed":
        package = element(SEQ, pkcs8)
        signed = with_file(package, lambda f: openssl(
            "cms", "-sign", "-binary", "-nodetach", "-econtent_type", "2.16.840.1.101.2.1.2.78.5", "-in", f,
            "-signer", path("signer.pem"), "-inkey", path("signer.key"), "-outform", "DER"))
        key = with_file(signed, lambda f: openssl(
            "cms", "-encrypt", "-binary", "-keyid", "-aes-128-cbc", "-in", f, "-outform", "DER",
            "-recip", path("opener.pem")))
        key_type = "application/pkcs7-mime; smime-type=server-generated-key"
    cert = with_file(spki, lambda f: with_file(csr, lambda g: openssl(
        "x509", "-req", "-inform", "DER", "-in", g, "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
        "-days", "30", "-copy_extensions", "copyall", "-force_pubkey", f, "-set_serial", "0x5")))
    certs = with_file(cert, p7)
    body = b"preamble\r\n"
    for kind, der in ((key_type, key), (CERTS, certs)):
        body += b"--x y\r\nContent-Type: " + kind.encode() + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        body += lines(der) + b"\r\n"
    return body + b"--x y--\r\n"


pending = {}


class Est(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def log_message(self, *args):
        pass

    def seen(self, text):
        with open(path("seen"), "a", encoding="utf-8") as f:
            f.write(text + "\n")

    def answer(self, status, body=b"", kind=None, **fields):
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def binding(self):
        """RFC 5929: Python knows this one only."""
        return base64.b64encode(self.connection.get_channel_binding("tls-unique")).decode()

    def route(self):
        m = re.fullmatch(r"/\.well-known/est/(?:([a-z0-9-]+)/)?([a-z]+)", self.path)
        self.label, self.op = (m.group(1) or "", m.group(2)) if m else ("", "")
        peer = self.connection.getpeercert()
        subject = ",".join("=".join(x) for rdn in peer["subject"] for x in rdn) if peer else "-"
        self.seen(f"{self.command} {self.path} {self.headers.get('Content-Type', '-')} "
                  f"{self.headers.get('Authorization', '-')} {subject}")

    def permitted(self):
        said = self.headers.get("Authorization", "")
        if self.label == "basic":
            good = said == "Basic " + base64.b64encode(b"alice:s e:cret").decode()
            challenge = 'Basic realm="est"'
        elif self.label == "digest":
            field = dict(re.findall(r'(\w+)="?([^",]*)"?', said))
            ha1 = hashlib.md5(b"alice:est:s e:cret").hexdigest()
            ha2 = hashlib.md5(f"POST:{self.path}".encode()).hexdigest()
            want = hashlib.md5(f"{ha1}:{NONCE}:{ha2}".encode()).hexdigest()
            good, challenge = field.get("response") == want, f'Digest realm="est", nonce="{NONCE}"'
        elif self.label == "bearer":
            good, challenge = said == "Bearer tok-en", "Bearer"
        elif self.label == "tls":
            good, challenge = bool(self.connection.getpeercert()), None
        else:
            return True
        if good:
            return True
        fields = {"WWW_Authenticate": challenge} if challenge else {}
        self.answer(401, b"Say who you are.\x1b[31m\nSecond line.\n", "text/plain", **fields)
        return False

    def do_GET(self):
        self.route()
        if self.op == "csrattrs":
            der = attributes(self.label)
            if der is None:
                return self.answer(204 if self.label == "none" else 404)
            return self.answer(200, lines(der), "application/csrattrs")
        if self.op == "cacerts" and self.label == "nochain":
            return self.answer(404)
        if self.op == "cacerts" and self.label == "liar":
            return self.answer(200, lines(p7(path("root.pem"), path("ca.pem"), path("evil.pem"))), CERTS)
        if self.op == "cacerts":
            return self.answer(200, lines(p7(path("root.pem"), path("ca.pem"))), CERTS)
        return self.answer(404, b"no such operation", "text/plain")

    def do_POST(self):
        self.route()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.permitted():
            return None
        csr = base64.b64decode(body)
        if self.op == "serverkeygen":
            self.seen(text_of(csr))
            return self.answer(200, make_key(csr, self.label), 'multipart/mixed; boundary="x y"')
        if self.op not in ("simpleenroll", "simplereenroll"):
            return self.answer(404, b"no such operation", "text/plain")
        self.seen(text_of(csr))
        return self.enroll(csr)

    def enroll(self, csr):
        if self.label == "link" and self.binding() not in text_of(csr).replace("\n", ""):
            return self.answer(400, b"not linked to this connection", "text/plain")
        if self.label == "pending":
            spki = openssl("req", "-inform", "DER", "-noout", "-pubkey", data=csr)
            pending[spki] = pending.get(spki, 0) + 1
            if pending[spki] < 3:
                return self.answer(202, b"somebody will look", "text/plain", Retry_After="1")
        wrong = getattr(self, "say_" + self.label.replace("-", "_"), None)
        if wrong:
            return wrong(csr)
        der = with_file(issue(csr), p7)
        if self.label == "der":
            return self.answer(200, der, CERTS)
        if self.label == "flat":
            return self.answer(200, base64.b64encode(der), "Application/PKCS7-mime")
        if self.label == "pem":
            return self.answer(200, openssl("pkcs7", "-inform", "DER", data=der), CERTS)
        return self.answer(200, lines(der), CERTS, Content_Transfer_Encoding="base64")

    # --- what servers do wrong ---

    def say_refuse(self, _):
        self.answer(403, b"The name is not yours.\n", "text/plain")

    def say_html(self, _):
        self.answer(200, b"<html>Log in</html>", "text/html")

    def say_untyped(self, csr):
        self.answer(200, lines(with_file(issue(csr), p7)))

    def say_garbage(self, _):
        self.answer(200, b"!!!! no base64 !!!!", CERTS)

    def say_empty(self, _):
        self.answer(200, b"", CERTS)

    def say_otherkey(self, _):
        self.answer(200, lines(p7(path("ca.pem"))), CERTS)

    def say_huge(self, _):
        self.answer(200, b"A" * 1000000, CERTS)

    def say_busy(self, _):
        self.answer(503, b"The HSM is away.", "text/plain", Retry_After="1")

    def say_broken(self, _):
        self.answer(500, b"oops", "text/plain")

    def say_drop(self, _):
        self.close_connection = True
        self.connection.close()

    def say_moved(self, _):
        port = self.server.server_address[1]
        self.answer(307, Location=f"https://localhost:{port}/.well-known/est/simpleenroll")

    def say_away(self, _):
        self.answer(307, Location="https://localhost:1/.well-known/est/simpleenroll")

    def say_circle(self, _):
        self.answer(307, Location=self.path)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(path("server.pem"), path("server.key"))
context.load_verify_locations(path("root.pem"))
context.verify_mode = ssl.CERT_OPTIONAL
context.minimum_version = context.maximum_version = {
    "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
if "no-ems" in sys.argv:
    context.options |= 1  # SSL_OP_NO_EXTENDED_MASTER_SECRET
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Est)
server.daemon_threads = True
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()
