"""Servers that notices go to and that fail in every way, for flows: over HTTP by the path, over SMTP
by the port. While FOLDER/good is there all of them are well.

usage: notify_liar.py FOLDER
Prints the ports of HTTP and of the SMTP servers: one that takes a mail and does not say so, one whose
greeting has no end. FOLDER/log gets a line a notice that was read whole: who, its id, taken or lost.

  /head     a header without an end        /status   a status that is none
  /noise    octets that are not HTTP       /hangup   the connection ends without an answer
  /silent   nothing is ever answered       /later    429, for an hour
  /half     an answer that ends too early  /500      what it says
"""
import os
import re
import socketserver
import sys
import threading
import time

folder = sys.argv[1]
lock = threading.Lock()


def good():
    return os.path.exists(os.path.join(folder, "good"))


def note(who, ident, taken):
    with lock, open(os.path.join(folder, "log"), "a", encoding="ascii") as out:
        out.write(f"{who} {ident} {'taken' if taken else 'lost'}\n")


def pour(connection, octets):
    """For longer than anybody listens."""
    for _ in range(1 << 16):
        connection.sendall(octets)
        time.sleep(0.001)


class Http(socketserver.StreamRequestHandler):
    def handle(self):
        path = self.rfile.readline(4096).split(b" ")[1].decode()[1:]
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.rfile.readline(65536)
        length = int(re.search(rb"content-length: *(\d+)", head, re.I).group(1))
        ident = re.search(rb"webhook-id: *(\S+)", head, re.I).group(1).decode()
        self.rfile.read(length)
        taken = good()
        note(path, ident, taken)
        if taken:
            return self.wfile.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        return getattr(self, "do_" + path)()

    def do_head(self):
        pour(self.connection, b"HTTP/1.1 200 OK\r\n" + b"X-More: " + b"x" * 4096)

    def do_status(self):
        self.wfile.write(b"HTTP/1.1 banana OK\r\nContent-Length: 0\r\n\r\n")

    def do_noise(self):
        self.wfile.write(bytes(range(256)) * 64)

    def do_hangup(self):
        pass

    def do_silent(self):
        time.sleep(60)

    def do_later(self):
        self.wfile.write(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\n"
                         b"Connection: close\r\nContent-Length: 0\r\n\r\n")

    def do_half(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")

    def do_500(self):
        self.wfile.write(b"HTTP/1.1 500 Oh\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")


class Lost(socketserver.StreamRequestHandler):
    """A mail is taken, and nobody learns it."""
    name = "lost"

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        self.say("220 mail.test")
        while True:
            word = self.rfile.readline(4096)[:4].upper()
            if word == b"DATA":
                if not self.data():
                    return
            elif word in (b"QUIT", b""):
                return
            else:
                self.say("250 OK")

    def data(self):
        self.say("354 go on")
        mail = b""
        while not mail.endswith(b"\r\n.\r\n"):
            mail += self.rfile.readline(65536)
        ident = re.search(rb"^Message-ID: *<(\w+)", mail, re.I | re.M).group(1).decode()
        taken = good()
        note(self.name, ident, taken)
        if taken:
            self.say("250 OK")
        return taken


class Babble(Lost):
    name = "babble"

    def handle(self):
        if good():
            super().handle()
        else:
            pour(self.connection, b"220-" + b"x" * 500 + b"\r\n")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *args):
        pass


servers = [Server(("127.0.0.1", 0), handler) for handler in (Http, Lost, Babble)]
for server in servers:
    threading.Thread(target=server.serve_forever).start()
print(*[server.server_address[1] for server in servers], flush=True)
