"""What programs of the flows that load a CA have in common, made of the standards and OpenSSL alone:
keys and requests, the certificate in an answer of EST, one question to an OCSP responder, the
programs that a cercad runs.
"""
import base64
import ctypes
import http.client

# --- keys and requests, by OpenSSL -------------------------------------------------------------

c = ctypes.CDLL("libcrypto.so.3")
P = ctypes.c_void_p
for name, result, *arguments in (
        ("EVP_PKEY_Q_keygen", P, P, P, ctypes.c_char_p, ctypes.c_char_p),
        ("EVP_PKEY_free", None, P), ("X509_REQ_free", None, P),
        ("EVP_sha256", P),
        ("X509_REQ_new", P), ("X509_REQ_get_subject_name", P, P),
        ("X509_NAME_add_entry_by_txt", ctypes.c_int, P, ctypes.c_char_p, ctypes.c_int,
         ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.c_int),
        ("X509V3_EXT_conf_nid", P, P, P, ctypes.c_int, ctypes.c_char_p),
        ("OPENSSL_sk_new_null", P), ("OPENSSL_sk_push", ctypes.c_int, P, P),
        ("X509_REQ_add_extensions", ctypes.c_int, P, P),
        ("X509_REQ_set_pubkey", ctypes.c_int, P, P),
        ("X509_REQ_sign", ctypes.c_int, P, P, P),
        ("i2d_X509_REQ", ctypes.c_int, P, P), ("i2d_PUBKEY", ctypes.c_int, P, P)):
    f = getattr(c, name)
    f.restype, f.argtypes = result, arguments


def der(write, what):
    buffer = ctypes.create_string_buffer(4096)
    at = P(ctypes.addressof(buffer))
    size = write(what, ctypes.byref(at))
    return buffer.raw[:size]


def make_request(host):
    """(request, SubjectPublicKeyInfo), both DER, for that DNS name and a new key."""
    host = host.encode()
    key, r, extensions = c.EVP_PKEY_Q_keygen(None, None, b"EC", b"P-256"), c.X509_REQ_new(), \
        c.OPENSSL_sk_new_null()
    ok = c.X509_NAME_add_entry_by_txt(c.X509_REQ_get_subject_name(r), b"CN", 0x1001, host, -1, -1, 0)
    ok &= c.OPENSSL_sk_push(extensions, c.X509V3_EXT_conf_nid(None, None, 85, b"DNS:" + host)) > 0
    ok &= c.X509_REQ_add_extensions(r, extensions) & c.X509_REQ_set_pubkey(r, key)
    if not ok or c.X509_REQ_sign(r, key, c.EVP_sha256()) <= 0:
        raise SystemExit("OpenSSL makes no request")
    made = der(c.i2d_X509_REQ, r), der(c.i2d_PUBKEY, key)
    c.X509_REQ_free(r)
    c.EVP_PKEY_free(key)
    return made


# --- DER ----------------------------------------------------------------------------------------

def inside(data):
    """The elements of what is in one DER element: (tag, whole, contents)."""
    at, elements = 0, []
    while at < len(data):
        length, head = data[at + 1], 2
        if length & 0x80:
            head += length & 0x7f
            length = int.from_bytes(data[at + 2:at + head], "big")
        elements.append((data[at], data[at:at + head + length], data[at + head:at + head + length]))
        at += head + length
    return elements


def certificate(body):
    """The one of a certs-only message (RFC 5652 5.1), as EST answers."""
    info = inside(inside(base64.b64decode(body))[0][2])
    signed = inside(inside(info[1][2])[0][2])
    return next(inside(e[2])[0][1] for e in signed if e[0] == 0xa0)


def serial(cert):
    tbs = inside(inside(inside(cert)[0][2])[0][2])
    return tbs[1][2].hex()


def crl_contents(crl):
    """(number, thisUpdate, set of serials) of a DER CRL (RFC 5280 5.1)."""
    tbs = inside(inside(inside(crl)[0][2])[0][2])
    times = [e[2].decode() for e in tbs if e[0] in (0x17, 0x18)]
    lists = [e for e in tbs if e[0] == 0x30]  # algorithm, issuer, perhaps the entries
    entries = {inside(e[2])[0][2].hex() for e in inside(lists[2][2])} if len(lists) > 2 else set()
    number = None
    for extension in inside(inside(next(e[2] for e in tbs if e[0] == 0xa0))[0][2]):
        parts = inside(extension[2])
        if parts[0][2] == b"\x55\x1d\x14":  # cRLNumber
            number = int.from_bytes(inside(parts[-1][2])[0][2], "big")
    return number, times[0], entries


# --- OCSP ---------------------------------------------------------------------------------------

GOOD, REVOKED, UNKNOWN = 0x80, 0xA1, 0x82


class Responder:
    """One connection to an OCSP responder. The template is a request for a certificate of the same
    issuer with a serial of 16 octets, which is replaced. Not for two threads."""

    def __init__(self, port, template):
        self.port, self.template, self.connection = port, template, None
        self.first, self.place, self.end = self.cert_id()

    def cert_id(self):
        """The CertID's octets, which an answer repeats: the SEQUENCE whose end is the serial's. Its begin, the
        serial's begin, and the end of both."""
        der_, place = self.template, len(self.template) + 2
        while (place := der_.rfind(b"\x02\x10", 0, place - 2) + 2) > 2:  # the serial may have these octets too
            end = place + 16
            for start in range(place - 2, 0, -1):
                if der_[start] == 0x30 and der_[start + 1] < 0x80 and start + 2 + der_[start + 1] == end:
                    if der_[start + 2] == 0x30:  # the hash's AlgorithmIdentifier comes first
                        return start, place, end
        raise SystemExit("no CertID in the request")

    def exchange(self, body):
        """The octets of one answer, or None when there was none."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            self.connection.request("POST", "/ocsp", body,
                                    {"Content-Type": "application/ocsp-request"})
            answer = self.connection.getresponse()
            data = answer.read()
            return data if answer.status == 200 else None
        except (OSError, http.client.HTTPException):
            self.close()
            return None

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def ask(self, serial_hex):
        """(status, thisUpdate); None: not now. Raises ValueError for an answer about another."""
        request = self.template[:self.place] + bytes.fromhex(serial_hex) + self.template[self.end:]
        answer = self.exchange(request)
        if answer is None or answer.startswith(b"\x30\x03\x0a\x01\x03"):
            return None
        at = answer.find(request[self.first:self.end])
        if at < 0:
            raise ValueError("%s: no answer for it: %s" % (serial_hex, answer.hex()))
        at += self.end - self.first
        status = answer[at]
        at += 2 + answer[at + 1]
        return status, answer[at + 2:at + 17].decode()


# --- programs -----------------------------------------------------------------------------------

def children_of(cercad):
    """{name: pid} of the programs that this cercad runs. {} when it is gone."""
    found = {}
    try:
        children = open("/proc/%d/task/%d/children" % (cercad, cercad)).read().split()
    except OSError:
        return found
    for pid in children:
        try:
            if b"--check" not in open("/proc/%s/cmdline" % pid, "rb").read():
                found[open("/proc/%s/comm" % pid).read().strip()] = int(pid)
        except OSError:
            pass
    return found


def pid_of(cercad, program):
    return children_of(cercad).get(program)


