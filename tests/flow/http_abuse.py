#!/usr/bin/env python3
"""A hostile peer of cerca-public: what is malformed, huge, or strange over HTTP, and who floods it.

    http_abuse.py requests PORT     one line a case that was not answered as it should be
    http_abuse.py idle PORT N       N connections that say nothing, opened anew as they are closed
    http_abuse.py crowd PORT N      N connections that say nothing or too little, opened anew as
                                    they are closed, until standard input ends; says "there" then
"""
import re
import resource
import select
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

HEAD = b"Host: x\r\n"


def talk(port, parts, limit=10):
    """Sends the parts and reads until the other side closes; (all octets, whether it closed)."""
    data = b""
    with socket.create_connection(("127.0.0.1", port), timeout=limit) as s:
        try:
            for p in parts:
                s.sendall(p)
        except OSError:
            pass  # it does not want more
        try:
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        try:
            while chunk := s.recv(65536):
                data += chunk
                if len(data) > 1 << 22:
                    break
        except ConnectionResetError:
            return data, True
        except TimeoutError:
            return data, False
    return data, True


def statuses(data):
    # Our HTTP library repeats the head of its own errors where the body should begin.
    data = re.sub(rb"(HTTP/1\.1 4\d\d [^\r]*\r\n(?:[^\r]+\r\n)*\r\n)\1", rb"\1", data)
    return [int(m) for m in re.findall(rb"HTTP/1\.[01] (\d{3}) ", data)]


def get(path, *fields, version=b"1.1", method=b"GET"):
    return (method + b" " + path + b" HTTP/" + version + b"\r\n" + HEAD +
            b"".join(f + b"\r\n" for f in fields) + b"\r\n")


def post(path, body, *fields):
    return get(path, b"Content-Length: %d" % len(body), *fields, method=b"POST") + body


CLOSE = b"Connection: close"
MALFORMED = b"\x30\x03\x0a\x01\x01"  # an OCSPResponse: malformedRequest

# What is sent, in parts; the statuses that may come, in order: a tuple of sets. An empty set: the
# connection is closed without a word.
CASES = {
    # --- what is right, if rare
    "pipelining": ([get(b"/health") + get(b"/ca/issuing.crt") + get(b"/nothing", CLOSE)],
                   ({200}, {200}, {404})),
    "a head in single octets": ([bytes([b]) for b in get(b"/ca/issuing.crt", CLOSE)], ({200},)),
    "HTTP/1.0 ends the connection": ([get(b"/ca/issuing.crt", version=b"1.0")], ({200},)),
    "HTTP/1.0 with keep-alive": ([get(b"/ca/issuing.crt", b"Connection: Keep-Alive",
                                      version=b"1.0") + get(b"/health", CLOSE)], ({200}, {200})),
    "HEAD": ([get(b"/ca/issuing.crt", CLOSE, method=b"HEAD")], ({200},)),
    "Expect: 100-continue": ([get(b"/ocsp", b"Content-Length: 3", b"Expect: 100-continue", CLOSE,
                                  method=b"POST"), b"abc"], ({100}, {200})),
    "a chunked body": ([get(b"/ocsp", b"Transfer-Encoding: chunked", CLOSE, method=b"POST"),
                        b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"], ({200},)),
    "a chunked body with trailers": ([get(b"/ocsp", b"Transfer-Encoding: chunked", CLOSE,
                                          method=b"POST"), b"1\r\na\r\n0\r\nX: y\r\n\r\n"], ({200},)),
    "bare line feeds": ([b"GET /health HTTP/1.1\nHost: x\nConnection: close\n\n"], ({200, 400},)),
    "an empty line in front": ([b"\r\n" + get(b"/health", CLOSE)], ({200},)),
    "the absolute form": ([get(b"http://x/ca/issuing.crt", CLOSE)], ({200},)),
    # --- what is wrong
    "no Host": ([b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n"], ({400},)),
    "HTTP/2 preface": ([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], ({400, 505},)),
    "HTTP/0.9": ([b"GET /health\r\n\r\n"], ({400, 505},)),
    "HTTP/9.9": ([get(b"/health", CLOSE, version=b"9.9")], ({400, 505},)),
    "no version": ([b"GET /health HTTP\r\n\r\n"], ({400, 505},)),
    "a TLS client": ([b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 500], ()),
    "a NUL in the head": ([get(b"/health", b"X: a\x00b", CLOSE)], ({400, 200},)),
    "a NUL in the path": ([get(b"/hea\x00lth", CLOSE)], ({400, 404},)),
    "a control character in the path": ([get(b"/hea\x01lth", CLOSE)], ({400, 404},)),
    "a blank in a field's name": ([get(b"/health", b"X y: z", CLOSE)], ({200, 400},)),
    "a folded field": ([get(b"/health", b"X: a\r\n b", CLOSE)], ({200, 400},)),
    "a method that is huge": ([b"A" * 20000 + b" / HTTP/1.1\r\n" + HEAD + b"\r\n"],
                              ({400, 405, 414, 431, 501},)),
    "a path that never ends": ([b"GET /" + b"a" * 200000], ({414, 400, 431},)),
    "a field that never ends": ([b"GET / HTTP/1.1\r\nX: " + b"a" * 200000], ({431, 400},)),
    "10,000 fields": ([get(b"/health", *[b"X%d: y" % n for n in range(10000)])], ({431},)),
    "10,000 fields of one name": ([get(b"/health", *[b"Cookie: a"] * 10000)], ({431},)),
    "Content-Length: -1": ([get(b"/ocsp", b"Content-Length: -1", method=b"POST")], ({400},)),
    "Content-Length: +5": ([get(b"/ocsp", b"Content-Length: +5", method=b"POST") + b"abcde"],
                           ({400},)),
    "Content-Length: 0x5": ([get(b"/ocsp", b"Content-Length: 0x5", method=b"POST") + b"abcde"],
                            ({400},)),
    "Content-Length: 2^64": ([get(b"/ocsp", b"Content-Length: 18446744073709551616",
                                  method=b"POST")], ({400, 413},)),
    "Content-Length: 2^63": ([get(b"/ocsp", b"Content-Length: 9223372036854775808",
                                  method=b"POST")], ({400, 413},)),
    "two lengths": ([get(b"/ocsp", b"Content-Length: 3", b"Content-Length: 30", method=b"POST") +
                     b"abc" + b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"], ({400},)),
    "the same length twice": ([get(b"/ocsp", b"Content-Length: 3", b"Content-Length: 3",
                                   method=b"POST") + b"abc"], ({400},)),
    "a length and chunks": ([get(b"/ocsp", b"Content-Length: 3", b"Transfer-Encoding: chunked",
                                 method=b"POST") + b"0\r\n\r\n"], ({400},)),
    "an encoding that nobody knows": ([get(b"/ocsp", b"Transfer-Encoding: gzip", method=b"POST")],
                                      ({501},)),
    "a chunk of a huge size": ([get(b"/ocsp", b"Transfer-Encoding: chunked", method=b"POST"),
                                b"ffffffffffffffff\r\nabc"], ()),
    "a chunk of a size beyond that": ([get(b"/ocsp", b"Transfer-Encoding: chunked", method=b"POST"),
                                       b"1ffffffffffffffff\r\nabc"], ({400, 413},)),
    "a chunk that is no number": ([get(b"/ocsp", b"Transfer-Encoding: chunked", method=b"POST"),
                                   b"zz\r\nabc"], ({400},)),
    "a chunk with an endless extension": ([get(b"/ocsp", b"Transfer-Encoding: chunked",
                                               method=b"POST"), b"1;" + b"a" * 200000],
                                          ({400, 413, 431, 500},)),
    "a large body": ([post(b"/ocsp", b"x" * 100000)], ({413},)),
    "a large body in chunks": ([get(b"/ocsp", b"Transfer-Encoding: chunked", method=b"POST")] +
                               [b"1000\r\n" + b"x" * 4096 + b"\r\n"] * 40 + [b"0\r\n\r\n"],
                               ({413},)),
    "a GET with a body": ([get(b"/ca/issuing.crt", b"Content-Length: 3", CLOSE) + b"abc"],
                          ({200, 400},)),
    "ranges that are none": ([get(b"/crl/issuing.crl", b"Range: bytes=" + b"0-1," * 3000 + b"1-2",
                                  CLOSE)], ({200, 206, 416, 431},)),
    "a range backwards": ([get(b"/crl/issuing.crl", b"Range: bytes=9-3", CLOSE)], ({200, 416},)),
    "a range beyond 2^64": ([get(b"/crl/issuing.crl", b"Range: bytes=99999999999999999999-", CLOSE)],
                            ({200, 416},)),
    "a path out of the view": ([get(b"/../../../etc/passwd", CLOSE)], ({404, 400},)),
    "TRACE": ([get(b"/health", CLOSE, method=b"TRACE")], ({405},)),
    "CONNECT": ([b"CONNECT x:443 HTTP/1.1\r\n" + HEAD + b"\r\n"], ({405, 400},)),
    "OPTIONS *": ([get(b"*", CLOSE, method=b"OPTIONS")], ({405, 400, 404},)),
    "Upgrade": ([get(b"/health", b"Connection: Upgrade", b"Upgrade: websocket"), ], ({200},)),
}

# To the responder: an OCSP error in a 200 (RFC 6960 A.1), of these octets.
OCSP_CASES = {
    "base64 that is none": get(b"/ocsp/%21%21%21%21", CLOSE),
    "half of a code": get(b"/ocsp/AAAA%3", CLOSE),
    "padding in the middle": get(b"/ocsp/AA==AAAA", CLOSE),
    "the empty request": post(b"/ocsp", b"", CLOSE),
    "a length of 2^31": post(b"/ocsp", b"\x30\x84\x80\x00\x00\x00", CLOSE),
    "an indefinite length": post(b"/ocsp", b"\x30\x80" + b"\x30\x80" * 1000, CLOSE),
    "a thousand levels": post(b"/ocsp", b"\x30\x82\xff\x00" * 1000, CLOSE),
    "a thousand CertIDs": post(b"/ocsp", b"\x30\x82\x1f\x40\x30\x82\x1f\x3c\x30\x82\x1f\x38" +
                               b"\x30\x06\x30\x04\x30\x00\x02\x00" * 1000, CLOSE),
}


def requests(port):
    bad = 0
    with ThreadPoolExecutor(len(CASES)) as pool:  # some are closed at their time limit only
        answers = list(pool.map(lambda c: talk(port, c[0]), CASES.values()))
    for (name, (_, wanted)), (data, closed) in zip(CASES.items(), answers):
        got = statuses(data)
        if len(got) != len(wanted) or any(g not in w for g, w in zip(got, wanted)) or not closed:
            print("%s: %s%s" % (name, got, "" if closed else ", not closed"), data[:80])
            bad += 1
    for name, request in OCSP_CASES.items():
        data, closed = talk(port, [request])
        if not re.match(rb"HTTP/1.1 (200|400) ", data) or not closed or \
                (b" 200 " in data[:16] and not data.endswith(MALFORMED)):
            print("%s: %s" % (name, data[-200:]))
            bad += 1
    print("%d requests" % (len(CASES) + len(OCSP_CASES)))
    return 1 if bad else 0


HALF_SAID = (b"", b"GET /health HTTP/1.1\r\nX: ", b"POST /ocsp HTTP/1.1\r\nHost: x\r\n"
             b"Content-Length: 60000\r\n\r\n" + b"x" * 30000)
IDLE = (b"",)


def crowd(port, n, words):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    poll = select.epoll()
    there = {}
    said = False
    poll.register(0, select.EPOLLIN | select.EPOLLHUP)
    while True:
        while len(there) < n:
            s = socket.socket()
            s.settimeout(5)
            try:
                s.connect(("127.0.0.1", port))
                s.setblocking(False)
                s.send(words[len(there) % len(words)])
            except OSError:
                s.close()
                break
            there[s.fileno()] = s
            poll.register(s.fileno(), select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR)
        if not said and len(there) >= n:
            said = True
            print("there", flush=True)
        for fd, _ in poll.poll(0.05):
            if fd == 0:
                return 0
            poll.unregister(fd)
            there.pop(fd).close()


if sys.argv[1] == "requests":
    sys.exit(requests(int(sys.argv[2])))
sys.exit(crowd(int(sys.argv[2]), int(sys.argv[3]), IDLE if sys.argv[1] == "idle" else HALF_SAID))
