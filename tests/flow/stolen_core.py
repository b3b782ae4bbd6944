"""A double of cerca-ca on the socket of a cerca-signer, in the hands of who means ill (stolen-core.t).

    stolen_core.py drafts SOCKET ISSUER CERT CERTS   drafts of end-entity certificates, by CERT, which
                                       the issuer signed; CERTS: the issuers' own, name=FILE,...
    stolen_core.py authorities SOCKET CERT CERTS     drafts of CA certificates, by CERT, which root signed
    stolen_core.py lists SOCKET ISSUER CRL CERTS     drafts of CRLs, by the issuer's newest one
    stolen_core.py checkpoints SOCKET NOTE           checkpoints, by the newest one of the log
    stolen_core.py requests SOCKET ISSUER...         requests for the CAs' own keys

Each line printed is a draft, and what came of it: signed, or the rule of the refusal. What was signed
lies in files named after the draft, and is what its issuer signed by OpenSSL's judgement, or it says
"signed, but what else".
"""
import base64
import calendar
import hashlib
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

import peer
import stolen

HELLO, SIGN, SIGN_CRL, CHECKPOINT, CA_CSR = 0x0201, 0x0203, 0x0214, 0x0210, 0x0218
SIGNED, CRL_SIGNED, CHECKPOINTED, CSR_MADE = 0x0204, 0x0215, 0x0211, 0x0219
YEAR = 365 * 86400


# --- DER --------------------------------------------------------------------------------------------

def tlv(tag, *parts):
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def parts_of(der):
    """The elements inside one element, each whole."""
    return [whole for _, whole, _ in peer.inside(peer.inside(der)[0][2])]


def der_of(path):
    data = open(path, "rb").read()
    if b"-----BEGIN" not in data:
        return data
    return base64.b64decode(re.search(b"-----BEGIN [^-]*-----(.*?)-----END", data, re.S).group(1))


def oid(text):
    n = [int(i) for i in text.split(".")]
    octets = bytes([40 * n[0] + n[1]])
    for i in n[2:]:
        digits = [i & 0x7f]
        while i > 0x7f:
            i >>= 7
            digits.insert(0, 0x80 | i & 0x7f)
        octets += bytes(digits)
    return tlv(6, octets)


def when(seconds):
    """RFC 5280 4.1.2.5: UTCTime up to 2049."""
    t = time.gmtime(seconds)
    return tlv(0x17, time.strftime("%y%m%d%H%M%SZ", t).encode()) if t.tm_year < 2050 else \
        tlv(0x18, time.strftime("%Y%m%d%H%M%SZ", t).encode())


def seconds_of(der):
    text = der[2:].decode()
    return calendar.timegm(time.strptime(text, "%y%m%d%H%M%SZ" if der[0] == 0x17 else "%Y%m%d%H%M%SZ"))


def name(cn, tag=0x0c):
    return tlv(0x30, tlv(0x31, tlv(0x30, oid("2.5.4.3"), tlv(tag, cn.encode()))))


def key_bits(spki):
    return peer.inside(peer.inside(spki)[0][2])[1][2][1:]


class Draft:
    """A TBSCertificate (RFC 5280 4.1) in parts that are there to be changed."""

    def __init__(self, certificate):
        fields = parts_of(parts_of(certificate)[0])
        self.version, _, self.alg, self.issuer, validity, self.subject, self.spki = fields[:7]
        self.times = parts_of(validity)
        self.more = b""
        self.extensions = {}
        for extension in parts_of(peer.inside(fields[7])[0][2]):
            inner = parts_of(extension)
            self.extensions[inner[0]] = inner[1:]
        self.new_serial()

    def new_serial(self):
        self.serial = bytes([0x40 | os.urandom(1)[0] & 0x3f]) + os.urandom(15)
        return self

    def for_key(self, spki):
        self.spki = spki
        self.put("2.5.29.14", tlv(4, hashlib.sha1(key_bits(spki)).digest()))
        return self

    def put(self, which, value, critical=False):
        flag = [b"\x01\x01\xff"] if critical else []
        self.extensions[oid(which)] = flag + [tlv(4, value)]
        return self

    def drop(self, which):
        del self.extensions[oid(which)]
        return self

    def der(self):
        listed = [tlv(0x30, which, *rest) for which, rest in self.extensions.items()]
        return tlv(0x30, self.version, tlv(2, self.serial), self.alg, self.issuer,
                   tlv(0x30, *self.times), self.subject, self.spki, self.more,
                   tlv(0xa3, tlv(0x30, *listed)))


# --- the socket -------------------------------------------------------------------------------------

def generation(path):
    kind, body = stolen.ask(path, HELLO, bytes(8))
    if kind != HELLO + 1:
        sys.exit("the signer does not answer a greeting")
    return body[:8]


def verdict(got, wanted):
    """The rule of the refusal, "signed", or what happened instead."""
    if got is None:
        return "cut off"
    if got == ():
        return "nothing"
    kind, body = got
    if kind == wanted:
        return "signed"
    if kind != stolen.FAULT:
        return "type %#x" % kind
    length = struct.unpack(">I", body[5:9])[0]
    return body[9:9 + length].decode()


def say(draft, what):
    print("%s: %s" % (draft, what), flush=True)


class Signer:
    def __init__(self, path, issuer):
        self.path, self.issuer, self.generation = path, issuer, generation(path)

    def sign(self, tbs, issuer=None, other_generation=None, tail=b""):
        return stolen.ask(self.path, SIGN, stolen.text(issuer or self.issuer) +
                          (other_generation or self.generation) + stolen.octets(tbs) + tail)

    def sign_list(self, fd, start, octets, issuer=None):
        body = stolen.text(issuer or self.issuer) + self.generation + struct.pack(">QQ", start, octets)
        with stolen.connect(self.path) as s:
            socket.send_fds(s, [stolen.frame(SIGN_CRL, 7, body)], [] if fd is None else [fd])
            return stolen.answer(s, 7, 30)


HASHES = {oid("1.2.840.10045.4.3.2"): "sha256", oid("1.2.840.10045.4.3.3"): "sha384"}


def verifies(signed, by):
    """By OpenSSL: is that the signature of this certificate's key over the octets in front of it?"""
    tbs, alg, signature = parts_of(signed)
    with tempfile.TemporaryDirectory() as folder:
        for file, octets in (("tbs", tbs), ("signature", peer.inside(signature)[0][2][1:])):
            with open(os.path.join(folder, file), "wb") as out:
                out.write(octets)
        key = subprocess.run(["openssl", "x509", "-in", by, "-noout", "-pubkey"], capture_output=True, check=True)
        return subprocess.run(["openssl", "dgst", "-" + HASHES[parts_of(alg)[0]], "-verify", "/dev/stdin",
                               "-signature", folder + "/signature", folder + "/tbs"],
                              input=key.stdout, capture_output=True, check=False).returncode == 0


def try_certificate(signer, by, what, tbs, **how):
    got = signer.sign(tbs, **how)
    said = verdict(got, SIGNED)
    if said == "signed":
        file = re.sub("[^a-z0-9]+", "-", what.lower()) + ".der"
        with open(file, "wb") as out:
            out.write(got[1])
        if parts_of(got[1])[0] != tbs or not verifies(got[1], by):
            said += ", but what else"
    say(what, said)


def files(text):
    return dict(item.split("=", 1) for item in text.split(","))


# --- end-entity certificates ------------------------------------------------------------------------

SAN, BASIC, USAGE, PURPOSE = "2.5.29.17", "2.5.29.19", "2.5.29.15", "2.5.29.37"
VICTIM = tlv(0x30, tlv(0x82, b"www.victim.example"))
PURPOSES = {"code signing": "1.3.6.1.5.5.7.3.3", "any purpose": "2.5.29.37.0",
            "OCSP signing for years": "1.3.6.1.5.5.7.3.9"}


def weak_key():
    done = subprocess.run("openssl genrsa 1024 | openssl rsa -pubout -outform DER", shell=True,
                          capture_output=True, check=True)
    return done.stdout


def drafts(path, issuer, certificate, certificates):
    own = files(certificates)
    signer, template = Signer(path, issuer), der_of(certificate)
    others = [n for n in own if n != issuer]
    ca = Draft(der_of(own[issuer]))
    now = int(time.time())

    def new():
        return Draft(template)

    def t(what, draft, **how):
        try_certificate(signer, own[issuer], what, draft if isinstance(draft, bytes) else draft.der(), **how)

    def purpose(which):
        return new().put(PURPOSE, tlv(0x30, oid(which)))

    def from_to(begin, end):
        d = new()
        d.times = [when(begin), when(end)]
        return d

    def changed(**fields):
        d = new()
        for field, value in fields.items():
            setattr(d, field, value)
        return d

    mine = new().for_key(peer.make_request("x")[1])
    mine.subject = name("www.victim.example")
    t("a name of its choice, for a key of its own", mine.put(SAN, VICTIM))
    again = new().for_key(peer.make_request("y")[1])
    again.serial = mine.serial
    t("another one under the same serial number", again)
    t("in another issuer's name", changed(issuer=Draft(der_of(own[others[0]])).subject))
    t("by another issuer's key", new(), issuer=others[0])
    t("by a key that nobody configured", new(), issuer="nobody")
    t("under another configuration", new(), other_generation=bytes(8))
    t("with another algorithm", changed(alg=tlv(0x30, oid("1.2.840.10045.4.3.3"))))
    t("with SHA-1", changed(alg=tlv(0x30, oid("1.2.840.10045.4.1"))))
    t("with a short serial number", changed(serial=b"\x45" * 8))
    t("with a negative serial number", changed(serial=b"\xc5" * 16))
    t("for longer than its profile", from_to(now - 300, now + 9 * YEAR))
    t("from a year ago", from_to(now - YEAR, now + 86400))
    t("from tomorrow", from_to(now + 86400, now + 2 * 86400))
    t("that ended before it began", from_to(now, now - 60))
    t("as a CA", new().put(BASIC, b"\x30\x03\x01\x01\xff", True).put(USAGE, b"\x03\x02\x01\x06", True))
    t("as a CA by key usage alone", new().put(USAGE, b"\x03\x02\x01\x06", True))
    t("with keyCertSign beside digitalSignature", new().put(USAGE, b"\x03\x02\x02\x84", True))
    for text, which in PURPOSES.items():
        t("for " + text, purpose(which))
    t("without a purpose", new().drop(PURPOSE))
    t("for the CA's own key", new().for_key(ca.spki))
    t("in a CA's name", changed(subject=ca.subject))
    t("for an RSA key of 1024 bits", new().for_key(weak_key()))
    t("with a kind of name that no profile has",
      new().put(SAN, tlv(0x30, tlv(0xa0, oid("1.3.6.1.4.1.311.20.2.3"), tlv(0xa0, tlv(0xc, b"root@victim"))))))
    t("with an extension that nobody reads", new().put("1.2.3.4", b"\x05\x00"))
    t("with another CA's key identifier", new().put("2.5.29.35", tlv(0x30, tlv(0x80, bytes(20)))))
    t("with a key identifier of its choice", new().put("2.5.29.14", tlv(4, bytes(20))))
    t("with the CRL of another host",
      new().put("2.5.29.31", tlv(0x30, tlv(0x30, tlv(0xa0, tlv(0xa0, tlv(0x86, b"http://evil.example/crl")))))))
    t("without its CRL", new().drop("2.5.29.31"))
    t("with unique identifiers", changed(more=b"\x82\x02\x00\x01"))
    t("of version 2", changed(version=b"\xa0\x03\x02\x01\x01"))
    t("with octets behind it", new().der() + b"\0")
    t("with octets behind the request", new(), tail=b"\0")
    t("of indefinite length", b"\x30\x80" + new().der()[4:] + b"\0\0")
    t("that is a hash", hashlib.sha256(b"anything").digest())
    t("that is empty", b"")
    t("that is a CRL's", parts_of(der_of(own["crl"]))[0] if "crl" in own else tlv(0x30))


# --- CA certificates --------------------------------------------------------------------------------

def authorities(path, certificate, certificates):
    own = files(certificates)
    signer, template = Signer(path, "root"), der_of(certificate)
    mine = peer.make_request("x")[1]

    def t(what, draft):
        try_certificate(signer, own["root"], what, draft.der())

    def new():
        return Draft(template)

    t("the CA's certificate again, as configured", new())
    t("a CA of its own key in the issuing CA's name", new().for_key(mine))
    other = new().for_key(mine)
    other.subject = name("Evil CA")
    t("a CA of its own key and name", other)
    other = new()
    other.subject = name("Evil CA")
    t("the CA's key in another name", other)
    t("a longer path", new().put(BASIC, b"\x30\x06\x01\x01\xff\x02\x01\x05", True))
    t("a path without an end", new().put(BASIC, b"\x30\x03\x01\x01\xff", True))
    other = new()
    other.times = [when(int(time.time()) - 300), when(int(time.time()) + 40 * YEAR)]
    t("a CA for forty years", other)
    t("a CA that signs codes", new().put(PURPOSE, tlv(0x30, oid(PURPOSES["code signing"]))))
    t("a CA that signs with any usage", new().put(USAGE, b"\x03\x02\x01\x86", True))
    root = Draft(der_of(own["root"]))
    t("the root for its own key", root)
    root.for_key(mine)
    t("the root for a key of its own", root)
    leaf = Draft(der_of(own["leaf"]))
    leaf.issuer, leaf.alg = root.issuer, new().alg
    leaf.put("2.5.29.35", new().extensions[oid("2.5.29.35")][0][2:])
    t("an end-entity certificate by the root", leaf)


# --- CRLs -------------------------------------------------------------------------------------------

class List:
    """A TBSCertList (RFC 5280 5.1) in parts."""

    def __init__(self, crl):
        fields = parts_of(parts_of(crl)[0])
        self.version, self.alg, self.issuer = fields[:3]
        self.times = fields[3:5]
        self.entries = parts_of(fields[5]) if fields[5][0] == 0x30 else []
        self.extensions = {}
        for extension in parts_of(peer.inside(fields[-1])[0][2]):
            inner = parts_of(extension)
            self.extensions[inner[0]] = inner[1:]
        number = self.extensions[oid("2.5.29.20")][-1]
        self.number = int.from_bytes(peer.inside(peer.inside(number)[0][2])[0][2], "big")

    put = Draft.put

    def numbered(self, number):
        octets = number.to_bytes(number.bit_length() // 8 + 1, "big")
        return self.put("2.5.29.20", tlv(2, octets))

    def later(self):
        """Begins a moment ago and is valid for as long."""
        span = seconds_of(self.times[1]) - seconds_of(self.times[0])
        self.times = [when(int(time.time()) - 10), when(int(time.time()) - 10 + span)]
        return self

    def der(self):
        listed = [tlv(0x30, which, *rest) for which, rest in self.extensions.items()]
        return tlv(0x30, self.version, self.alg, self.issuer, *self.times,
                   *([tlv(0x30, *self.entries)] if self.entries else []),
                   tlv(0xa0, tlv(0x30, *listed)))


def entry(serial, reason=None):
    inner = [] if reason is None else [tlv(0x30, tlv(0x30, oid("2.5.29.21"), tlv(4, tlv(10, bytes([reason])))))]
    return tlv(0x30, tlv(2, serial), when(int(time.time()) - 60), *inner)


def try_list(signer, by, what, octets, claim=None, start=0, issuer=None):
    with tempfile.TemporaryFile() as file:
        file.write(octets)
        file.flush()
        got = signer.sign_list(file.fileno(), start, len(octets) if claim is None else claim, issuer)
    said = verdict(got, CRL_SIGNED)
    if said == "signed":
        target = re.sub("[^a-z0-9]+", "-", what.lower()) + ".crl"
        signed = tlv(0x30, octets, parts_of(octets)[1], tlv(3, b"\0", got[1]))
        with open(target, "wb") as out:
            out.write(signed)
        if not verifies(signed, by):
            said += ", but what else"
    say(what, said)


def lists(path, issuer, crl, certificates):
    own = files(certificates)
    signer, template = Signer(path, issuer), der_of(crl)
    newest = List(template).number
    others = [n for n in own if n != issuer]
    serials = [bytes([0x40, i]) + bytes(14) for i in range(3)]

    def new():
        return List(template).later().numbered(newest + 1)

    def t(what, draft, **how):
        try_list(signer, own[issuer], what, draft if isinstance(draft, bytes) else draft.der(), **how)

    def with_entries(*entries):
        d = new()
        d.entries = list(entries)
        return d

    def changed(**fields):
        d = new()
        for field, value in fields.items():
            setattr(d, field, value)
        return d

    t("under the number of the newest one", new().numbered(newest))
    t("under a lower number", new().numbered(1) if newest > 1 else new().numbered(0))
    t("for a hundred years", changed(times=[when(int(time.time())), when(int(time.time()) + 20 * YEAR)]))
    t("from a week ago", changed(times=[when(int(time.time()) - 7 * 86400), new().times[1]]))
    t("in another issuer's name", changed(issuer=Draft(der_of(own[others[0]])).subject))
    t("by another issuer's key", new(), issuer=others[0])
    t("with serial numbers out of order", with_entries(entry(serials[1]), entry(serials[0])))
    t("with a serial number twice", with_entries(entry(serials[1]), entry(serials[1])))
    t("with a serial number of another form", with_entries(entry(b"\x05")))
    t("with removeFromCRL", with_entries(entry(serials[0], 8)))
    t("as a delta, where none are configured", new().put("2.5.29.27", tlv(2, b"\x01"), True))
    t("for another place", new().put("2.5.29.28", tlv(0x30, tlv(0xa0, tlv(0xa0, tlv(0x86, b"http://evil.example/crl")))), True))
    t("with an extension that nobody reads", new().put("1.2.3.4", b"\x05\x00"))
    t("that is a certificate's", parts_of(der_of(own[issuer]))[0])
    t("of fewer octets than said", new(), claim=len(new().der()) + 100)
    t("of more octets than said", new().der() + b"\0")
    t("from behind the end of the file", new(), start=1 << 30)
    t("of two gigabytes", new(), claim=(1 << 31) + 1)
    say("without a file", verdict(signer.sign_list(None, 0, 100), CRL_SIGNED))
    for what, fd in (("from a pipe", os.pipe()[0]), ("from a folder", os.open("/", os.O_RDONLY)),
                     ("from a device", os.open("/dev/zero", os.O_RDONLY)),
                     ("from a socket", socket.socketpair()[0].detach())):
        say(what, verdict(signer.sign_list(fd, 0, 100), CRL_SIGNED))
        os.close(fd)
    with tempfile.TemporaryFile() as sparse:
        sparse.truncate(1 << 31)
        say("of two gigabytes of nothing", verdict(signer.sign_list(sparse.fileno(), 0, 1 << 31), CRL_SIGNED))
    t("without those who are revoked, under the next number", with_entries())
    t("another one under that number", with_entries(entry(serials[0])))


# --- the audit log ----------------------------------------------------------------------------------

def checkpoints(path, note):
    origin, size, root = open(note, encoding="utf-8").read().split("\n")[:3]
    size, root, now = int(size), base64.b64decode(root), generation(path)
    other = origin + "/99"

    def t(what, origin, size, root, under=now):
        body = stolen.text(origin) + under + struct.pack(">Q", size) + root
        say(what, verdict(stolen.ask(path, CHECKPOINT, body), CHECKPOINTED))

    t("the newest one again", origin, size, root)
    t("another root for that size", origin, size, bytes(32))
    t("a smaller log", origin, size - 1, bytes(32))
    t("no log at all", origin, 0, bytes(32))
    t("of another log", "log.example/audit", 5, bytes(32))
    t("of a log of no number", origin + "/x", 5, bytes(32))
    t("of a log with a line more", origin + "\n5", 5, bytes(32))
    t("under another configuration", origin, size, root, bytes(8))
    t("of a log that a restore would begin", other, 100, bytes(32))
    t("... a smaller one", other, 99, bytes(32))
    t("the first log again, smaller", origin, size - 1, bytes(32))
    t("... and the other", other, 99, bytes(32))
    t("a root that is too short", origin, size, bytes(31))


# --- requests ---------------------------------------------------------------------------------------

def requests(path, issuers):
    now = generation(path)
    for issuer in issuers:
        for make in (0, 1):
            got = stolen.ask(path, CA_CSR, stolen.text(issuer) + now + bytes([make]))
            said = verdict(got, CSR_MADE)
            if said == "signed":
                with open("%s-%d.csr" % (issuer, make), "wb") as out:
                    out.write(got[1])
            say("of %s%s" % (issuer, ", with a new key" if make else ""), said)
    got = stolen.ask(path, CA_CSR, stolen.text(issuers[0]) + bytes(8) + b"\0")
    say("under another configuration", verdict(got, CSR_MADE))


def main():
    what, path, *more = sys.argv[1:]
    if what == "drafts":
        drafts(path, *more)
    elif what == "authorities":
        authorities(path, *more)
    elif what == "lists":
        lists(path, *more)
    elif what == "checkpoints":
        checkpoints(path, *more)
    elif what == "requests":
        requests(path, more)
    else:
        sys.exit(__doc__)


main()
