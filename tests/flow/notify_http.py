"""Whom notices go to over HTTP, for flows: a webhook receiver that checks signatures by itself, and
services that answer as recorded.

usage: notify_http.py LOG SECRET [CERT KEY]
Prints its port. LOG gets a JSON text a request. The first part of the path says what it is:
/ok, /500, /429, /400, /moved, /huge, /garbage, /drip, /once500, /slack, /teams, /v2, /api, /rest.
Its clock is that of the programs that are tested (lib/clock.h).
"""
import base64
import hashlib
import hmac
import http.server
import json
import os
import ssl
import sys
import threading
import time

log_path, secret = sys.argv[1], open(sys.argv[2], "rb").read().strip()
lock = threading.Lock()
seen = {}
tickets = {}  # of ServiceNow and Jira, by the condition's key


def now():
    """Seconds, with the offset of a test."""
    offset = os.environ.get("CERCA_TEST_CLOCK_OFFSET", "0")
    if offset.startswith("@"):
        with open(offset[1:], encoding="ascii") as f:
            offset = f.read()
    return time.time() + int(offset)


def signature_ok(headers, body):
    """As https://www.standardwebhooks.com says, written from that text alone."""
    stamp = headers.get("webhook-timestamp", "")
    if not stamp.isdigit() or abs(now() - int(stamp)) > 300:
        return False
    signed = f"{headers.get('webhook-id')}.{stamp}.".encode() + body
    want = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(v, "v1," + want)
               for v in headers.get("webhook-signature", "").split(" "))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self, body):
        try:
            data = json.loads(body) if body else None
        except ValueError:
            data = None
        entry = {"method": self.command, "path": self.path, "id": self.headers.get("webhook-id"),
                 "type": self.headers.get("Content-Type"), "auth": self.headers.get("Authorization"),
                 "signed": signature_ok(self.headers, body), "monotonic": time.monotonic(), "body": data}
        with lock, open(log_path, "a", encoding="utf-8") as out:
            out.write(json.dumps(entry) + "\n")
        return data

    def answer(self, status, text="", headers=()):
        body = text if isinstance(text, bytes) else text.encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def drip(self):
        """A byte a second, for longer than anybody waits."""
        self.send_response(200)
        self.send_header("Content-Length", "600")
        self.end_headers()
        for _ in range(600):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.5)

    def servicenow(self, data):
        if self.command == "GET":
            key = self.path.split("correlation_id%3D")[1].split("%5E")[0]
            found = tickets.get(key)
            rows = [{"sys_id": found["id"]}] if found and found["state"] == "1" else []
            return self.answer(200, json.dumps({"result": rows}))
        if self.command == "POST":
            ticket = {"id": hashlib.md5(data["correlation_id"].encode()).hexdigest(), "state": "1"}
            tickets[data["correlation_id"]] = ticket
            return self.answer(201, json.dumps(
                {"result": {"sys_id": ticket["id"], "number": "INC0010001"}}))
        for ticket in tickets.values():
            if self.path.endswith(ticket["id"]):
                ticket["state"] = data.get("state", ticket["state"])
                return self.answer(200, json.dumps({"result": {"sys_id": ticket["id"]}}))
        return self.answer(404, '{"error":{"message":"No Record found"}}')

    def jira(self, data):
        if "/search" in self.path:
            key = self.path.split("cerca-")[1].split("%22")[0]
            if self.path.startswith("/rest/api/2/search/jql"):
                return self.answer(404, "<html>no such page</html>")
            found = tickets.get("jira-" + key)
            return self.answer(200, json.dumps({"issues": [{"key": found}] if found else []}))
        if self.command == "POST" and self.path.endswith("/issue"):
            key = data["fields"]["labels"][1][len("cerca-"):]
            tickets["jira-" + key] = "OPS-7"
            return self.answer(201, '{"id":"10001","key":"OPS-7"}')
        if self.path.endswith("/comment"):
            return self.answer(201, '{"id":"20001"}')
        if self.command == "GET":
            return self.answer(200, json.dumps({"transitions": [
                {"id": "11", "to": {"statusCategory": {"key": "indeterminate"}}},
                {"id": "31", "to": {"statusCategory": {"key": "done"}}}]}))
        return self.answer(204)

    def handle_one(self):
        if self.path == "/others":  # how many others it is busy with, all that came before among them
            with lock:
                others = self.server.busy - 1
            return self.answer(200, str(others))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = self.note(body)
        what = self.path.split("/")[1].split("?")[0]
        seen[self.path] = seen.get(self.path, 0) + 1
        if what == "ok":
            self.answer(204)
        elif what == "once500":
            self.answer(500 if seen[self.path] == 1 else 200, "once")
        elif what in ("500", "400"):
            self.answer(int(what), f"error {what}")
        elif what == "429":
            self.answer(429, "slow down", [("Retry-After", "120")])
        elif what == "moved":
            self.answer(302, "", [("Location", "/ok/elsewhere")])
        elif what == "huge":
            self.answer(200, b"x" * (64 << 20))
        elif what == "garbage":
            self.answer(200, "<html><title>Please log in</title></html>")
        elif what == "drip":
            self.drip()
        elif what == "slack":
            self.answer(200, "ok")
        elif what == "teams":
            self.answer(202)
        elif what == "v2":
            self.answer(202, json.dumps({"status": "success", "message": "Event processed",
                                         "dedup_key": (data or {}).get("dedup_key")}))
        elif what == "api":
            self.servicenow(data)
        elif what == "rest":
            self.jira(data)
        else:
            self.answer(404)
        return None

    do_GET = do_POST = do_PATCH = handle_one


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    busy = 0  # connections

    def process_request(self, request, client_address):
        with lock:
            self.busy += 1
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            with lock:
                self.busy -= 1


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) > 4:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.handle_error = lambda *args: None
server.serve_forever()
