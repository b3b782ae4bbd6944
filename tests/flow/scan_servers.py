"""Servers for scans: good ones behind STARTTLS, and hostile ones.

    scan_servers.py CERT KEY PORTS

Listens on ports of 127.0.0.1 that the kernel chooses, writes "NAME PORT" lines to PORTS when all of
them listen, and serves until it is ended.
"""
import os
import socket
import ssl
import struct
import sys
import threading
import time

cert, key, ports_file = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)

refused = set()  # ports


def record(kind, body, version=b"\x03\x03"):
    return bytes([kind]) + version + struct.pack(">H", len(body)) + body


def message(kind, body):
    return bytes([kind]) + struct.pack(">I", len(body))[1:] + body


def server_hello(suite, extensions=b"", random=b"r" * 32, session=b""):
    body = b"\x03\x03" + random + bytes([len(session)]) + session + struct.pack(">H", suite) + b"\x00"
    return message(2, body + struct.pack(">H", len(extensions)) + extensions)


def lines(c):
    return c.makefile("rb")


# --- good ones -----------------------------------------------------------------------------------


def tls(c):
    with context.wrap_socket(c, server_side=True) as t:
        t.recv(1)


def smtp(c):
    f = lines(c)
    c.sendall(b"220-mail.example\r\n220 ready\r\n")
    f.readline()
    c.sendall(b"250-mail.example\r\n250-SIZE 1000\r\n250 STARTTLS\r\n")
    f.readline()
    c.sendall(b"220 go ahead\r\n")
    tls(c)


def imap(c):
    f = lines(c)
    c.sendall(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")
    tag = f.readline().split()[0]
    c.sendall(tag + b" OK begin\r\n")
    tls(c)


def pop3(c):
    f = lines(c)
    c.sendall(b"+OK ready\r\n")
    f.readline()
    c.sendall(b"+OK begin\r\n")
    tls(c)


def ldap(c):
    c.recv(4096)
    c.sendall(b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00")
    tls(c)


def postgres(c):
    c.recv(8)
    c.sendall(b"S")
    tls(c)


def mysql(c):
    greeting = b"\x0a8.0.1\x00" + b"\x01\x00\x00\x00" + b"saltsalt\x00" + b"\xff\xff" + b"\x21\x02\x00\xff"
    c.sendall(struct.pack("<I", len(greeting))[:3] + b"\x00" + greeting)
    c.recv(36, socket.MSG_WAITALL)
    tls(c)


# --- hostile ones --------------------------------------------------------------------------------


def hang(c):
    time.sleep(60)


def drip(c):
    c.sendall(b"\x16\x03\x03\x20\x00\x02\x00\x1f\x00")
    for _ in range(600):
        c.sendall(b"\x00")
        time.sleep(0.1)


def http(c):
    c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def garbage(c):
    c.recv(4096)
    c.sendall(record(22, os.urandom(400).replace(b"\x02", b"\x03")))
    time.sleep(5)


def closes(c):
    c.recv(4096)


def resets(c):
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def alert(c):
    c.recv(4096)
    c.sendall(record(21, b"\x02\x28"))


def endless_chain(c):
    """Announces ten mebibytes of certificates, and sends them."""
    c.recv(4096)
    c.sendall(record(22, server_hello(0xC02F)))
    c.sendall(record(22, b"\x0b" + struct.pack(">I", 10 << 20)[1:] + b"\x00" * 16))
    for _ in range(10 << 6):
        c.sendall(record(22, b"\x00" * 16384))


def endless_handshake(c):
    """HelloRequests without end, which a client has to pass over (RFC 5246 7.4.1.1)."""
    c.recv(4096)
    c.sendall(record(22, server_hello(0xC02F)))
    while True:
        c.sendall(record(22, b"\x00\x00\x00\x00" * 4000))


def endless_alerts(c):
    c.recv(4096)
    while True:
        c.sendall(record(21, b"\x01\x70") * 1000)


def retry_loop(c):
    """A HelloRetryRequest after the other."""
    random = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
    extensions = b"\x00\x2b\x00\x02\x03\x04" + b"\x00\x2c\x00\x03\x00\x01x"
    while True:
        hello = c.recv(4096)
        if not hello:
            return
        session = hello[44:44 + hello[43]]
        c.sendall(record(22, server_hello(0x1301, extensions, random, session)))


def same_suite(c):
    """Refuses the first, and then chooses one suite for ever, offered or not."""
    c.recv(4096)
    if c.getsockname()[1] in refused:
        c.sendall(record(22, server_hello(0x0035)))
        time.sleep(5)
    refused.add(c.getsockname()[1])
    c.sendall(record(21, b"\x02\x28"))


def bad_certificate(c):
    der = b"\x30\x82\x01\x00" + b"\xff" * 256
    c.recv(4096)
    one = struct.pack(">I", len(der))[1:] + der
    c.sendall(record(22, server_hello(0xC02F) + message(11, struct.pack(">I", len(one))[1:] + one)))
    time.sleep(5)


def borrowed(c):
    """Shows a certificate, and nothing by its key."""
    der = ssl.PEM_cert_to_DER_cert(open(cert).read())
    c.recv(4096)
    one = struct.pack(">I", len(der))[1:] + der
    c.sendall(record(22, server_hello(0xC02B) + message(11, struct.pack(">I", len(one))[1:] + one)))


def smtp_liar(c):
    """Says that TLS begins, and goes on without it."""
    f = lines(c)
    c.sendall(b"220 ready\r\n")
    f.readline()
    c.sendall(b"250 STARTTLS\r\n")
    f.readline()
    c.sendall(b"220 go ahead\r\n")
    c.recv(4096)
    c.sendall(b"500 what do you mean\r\n")


def smtp_injector(c):
    """Has more to say behind its answer, in the same piece."""
    f = lines(c)
    c.sendall(b"220 ready\r\n")
    f.readline()
    c.sendall(b"250 STARTTLS\r\n")
    f.readline()
    c.sendall(b"220 go ahead\r\n250 and this\r\n")


def smtp_without(c):
    f = lines(c)
    c.sendall(b"220 ready\r\n")
    f.readline()
    c.sendall(b"250 SIZE\r\n")


def smtp_endless(c):
    while True:
        c.sendall(b"220-and more\r\n" * 100)


def postgres_without(c):
    c.recv(8)
    c.sendall(b"N")


def ldap_liar(c):
    c.recv(4096)
    c.sendall(b"\x30\x84\x7f\xff\xff\xff\x02\x01\x01")


servers = [
    (tls, ""), (smtp, "smtp"), (imap, "imap"), (pop3, "pop3"), (ldap, "ldap"), (postgres, "postgres"),
    (mysql, "mysql"), (hang, ""), (drip, ""), (http, ""), (garbage, ""), (closes, ""), (resets, ""),
    (alert, ""), (endless_chain, ""), (endless_handshake, ""), (endless_alerts, ""), (retry_loop, ""),
    (same_suite, ""), (bad_certificate, ""), (borrowed, ""), (smtp_liar, "smtp"), (smtp_injector, "smtp"),
    (smtp_without, "smtp"), (smtp_endless, "smtp"), (postgres_without, "postgres"), (ldap_liar, "ldap"),
]


def serve(function, connection):
    try:
        with connection:
            connection.settimeout(60)
            function(connection)
    except (OSError, ssl.SSLError, IndexError):
        pass


def accept(function, listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(function, connection), daemon=True).start()


with open(ports_file + ".new", "w") as out:
    for function, kind in servers:
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        port = listener.getsockname()[1]
        out.write(f"{function.__name__} {port}/{kind or 'tls'}\n")
        threading.Thread(target=accept, args=(function, listener), daemon=True).start()
os.rename(ports_file + ".new", ports_file)
while True:
    time.sleep(3600)
