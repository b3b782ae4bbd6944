#!/usr/bin/env python3
"""The Secrets of a Kubernetes API server, with its answers, for the agent.

    kube_server.py CERTIFICATE KEY FOLDER

Serves HTTPS on a free port of 127.0.0.1, written to FOLDER/port. The Secret is FOLDER/secret.json,
which tests may change; FOLDER/account is the token. Each line of FOLDER/plan is what becomes of one
request, before it is looked at:

    pass           nothing
    change         somebody else changes the Secret first: a newer resourceVersion
    delete         somebody else deletes it first
    STATUS         that status, with a Status object
    garbage, huge, hang

Requests are told in FOLDER/requests: method, path, content type.
"""
import base64
import http.server
import json
import os
import ssl
import sys
import time

certificate, key, folder = sys.argv[1:4]
REASONS = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict",
           422: "Invalid", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}


def path_of(name):
    return os.path.join(folder, name)


def read(name):
    try:
        with open(path_of(name), encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def write(name, text):
    with open(path_of("new"), "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path_of("new"), path_of(name))


def load():
    text = read("secret.json")
    return json.loads(text) if text else None


def save(secret):
    old = int(secret["metadata"].get("resourceVersion", "1000"))
    secret["metadata"]["resourceVersion"] = str(old + 7)
    write("secret.json", json.dumps(secret))


def status(code, message):
    return code, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                  "message": message, "reason": REASONS.get(code, "Unknown"),
                  "details": {"name": "web-tls", "kind": "secrets"}, "code": code}


def merge(target, patch):
    """RFC 7396."""
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict):
            target[name] = merge(target.get(name, {}), value)
        else:
            target[name] = value
    return target


def valid(secret):
    if secret.get("type") == "kubernetes.io/tls":
        return all(base64.b64decode(secret["data"][name], validate=True)
                   for name in ("tls.crt", "tls.key"))
    return True


class Secrets(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    one = "/api/v1/namespaces/shop/secrets/web-tls"
    all = "/api/v1/namespaces/shop/secrets"

    def log_message(self, *args):
        pass

    def answer(self, code, body):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def planned(self):
        lines = read("plan").split("\n")
        word = lines[0]
        write("plan", "\n".join(lines[1:]))
        secret = load()
        if word == "change" and secret:
            secret["metadata"].setdefault("labels", {})["changed-by"] = "somebody"
            save(secret)
        elif word == "delete" and secret:
            os.unlink(path_of("secret.json"))
        elif word.isdigit():
            self.answer(*status(int(word), "planned: no"))
            return True
        elif word == "garbage":
            self.answer(200, b"{\"kind\": \"Secret\", ")
            return True
        elif word == "huge":
            self.answer(200, b"{\"kind\": \"" + b"x" * 3000000 + b"\"}")
            return True
        elif word == "hang":
            time.sleep(30)
            return True
        return False

    def get(self, _):
        secret = load()
        if secret is None:
            return status(404, 'secrets "web-tls" not found')
        return 200, secret

    def post(self, body):
        if load() is not None:
            return status(409, 'secrets "web-tls" already exists')
        if not valid(body):
            return status(422, "Secret is invalid")
        body["metadata"]["uid"] = "5c9e8b0a-7d0f-4b42-9a55-0d9be2f4a001"
        save(body)
        return 201, load()

    def patch(self, body):
        secret = load()
        if secret is None:
            return status(404, 'secrets "web-tls" not found')
        wanted = body.get("metadata", {}).get("resourceVersion")
        if wanted is not None and wanted != secret["metadata"]["resourceVersion"]:
            return status(409, 'Operation cannot be fulfilled on secrets "web-tls": the object has '
                               "been modified; please apply your changes to the latest version and "
                               "try again")
        merge(secret, body)
        if not valid(secret):
            return status(422, "Secret is invalid")
        save(secret)
        return 200, secret

    def handle_any(self, path, types, act):
        length = int(self.headers.get("Content-Length", "0"))
        data = self.rfile.read(length)
        kind = self.headers.get("Content-Type", "-")
        with open(path_of("requests"), "a", encoding="utf-8") as f:
            f.write(f"{self.command} {self.path} {kind}\n")
        if self.headers.get("Authorization") != "Bearer " + read("account").strip():
            self.answer(*status(401, "Unauthorized"))
        elif self.path != path:
            self.answer(*status(404, "the server could not find the requested resource"))
        elif kind not in types:
            self.answer(*status(415, "the body of the request was in an unknown format"))
        elif not self.planned():
            self.answer(*act(json.loads(data) if data else None))

    def do_GET(self):
        self.handle_any(self.one, ["-"], self.get)

    def do_POST(self):
        self.handle_any(self.all, ["application/json"], self.post)

    def do_PATCH(self):
        self.handle_any(self.one, ["application/merge-patch+json"], self.patch)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Secrets)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
write("port", str(server.server_address[1]))
server.serve_forever()
