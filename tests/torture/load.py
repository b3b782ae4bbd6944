"""The load: threads that issue, revoke, enroll over EST, import, write into the inventory, have
checkpoints, CRLs and backups made, and ask OCSP, CRLs, checkpoints and metrics all the time.

Whoever is told nothing asks again with the same request until there is an answer, and only an answer
is acknowledged (ledger.py). An answer that is wrong in itself is a violation at once.
"""
import base64
import hashlib
import http.client
import json
import os
import random
import ssl
import subprocess
import threading
import time

from peer import GOOD, REVOKED, Responder, certificate, crl_contents, make_request, serial

PATIENCE = 240  # seconds until "asks again" becomes "is never answered"
BATCH = 10      # certificates of an import
REVOKE_EVERY = 3


def run(*command, seconds=PATIENCE):
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


class World:
    """One CA and its clients. `folder` is for files; paths and ports are those of the flow."""

    def __init__(self, ledger, folder, setting, seed):
        self.ledger, self.folder, self.setting = ledger, folder, setting
        self.random = random.Random(seed)
        self.numbers = iter(range(1, 1 << 30))
        self.context = ssl.create_default_context(cafile=setting["root"])
        self.template = open(setting["ocsp_request"], "rb").read()
        self.foreign = open(setting["foreign"], "rb").read()
        self.threads = []

    def number(self):
        with self.ledger.lock:
            return next(self.numbers)

    def path(self, name):
        return os.path.join(self.folder, name)

    def insist(self, what, attempt):
        """attempt() until it says something else than None. What it says, or None at the end."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            got = attempt()
            if got is not None:
                return got
            time.sleep(0.05)
        self.ledger.violated("%s is never answered" % what, "load")
        return None

    # --- what changes something -------------------------------------------------------------------

    def issue(self):
        n = self.number()
        name = "n%d.torture.example" % n
        request, out = self.path("%d.csr" % n), self.path("%d.pem" % n)
        key = hashlib.sha256(b"%s %d" % (self.setting["base"].encode(), n)).hexdigest()
        with open(request, "wb") as f:
            f.write(make_request(name)[0])

        def attempt():
            r = run("cerca", "issue", "--profile", "tls-server", "--csr", request, "--request-key", key,
                    "--timeout", "30", "--out", out)
            return ssl.PEM_cert_to_DER_cert(first_pem(out)) if r.returncode == 0 else None

        got = self.insist("the request for " + name, attempt)
        if got is not None:
            self.ledger.acknowledge("issued", serial(got), name)
            os.unlink(out)
        os.unlink(request)

    def revoke(self):
        with self.ledger.lock:
            good = [s for s in list(self.ledger.issued)[-500:] if s not in self.ledger.revoked]
        if len(good) < 2 * REVOKE_EVERY:
            return
        chosen = self.random.choice(good)

        def attempt():
            r = run("cerca", "revoke", chosen, "--reason", "superseded", "--timeout", "30")
            return True if r.returncode == 0 or "revoked already" in r.stdout else None

        if self.insist("the revocation of " + chosen, attempt):
            self.ledger.acknowledge("revoked", chosen)

    def enroll(self, connection):
        n = self.number()
        name = "n%d.torture.example" % n
        request, spki = make_request(name)
        head = {"Content-Type": "application/pkcs10",
                "Authorization": "Bearer " + self.setting["token"]}

        def attempt():
            try:
                connection.request("POST", "/.well-known/est/simpleenroll",
                                   base64.b64encode(request), head)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                return None
            if answer.status == 200:
                return certificate(body)
            if answer.status != 503:
                self.ledger.violated("EST says %d to %s: %s" % (answer.status, name, body[:200]), "load")
                return b""
            return None

        got = self.insist("the enrollment of " + name, attempt)
        if got:
            if spki not in got:
                self.ledger.violated("%s got somebody else's certificate" % name, "load")
            self.ledger.acknowledge("issued", serial(got), name)
            self.ledger.count("enrolled")

    def import_some(self):
        """Certificates of another CA, of which the first ends soon: an alert is due about it."""
        made = {}
        for i in range(BATCH):
            n = self.number()
            name = b"f%08d" % n
            cert = self.foreign.replace(b"f00000000", name).replace(b"\x51" * 8, b"\x51%07d" % n)
            if i > 0:  # the others end later
                cert = cert.replace(self.setting["soon"].encode(), self.setting["later"].encode())
            made[hashlib.sha256(cert).hexdigest()] = (name.decode(), cert)
        path = self.path("import-%d.pem" % self.number())
        with open(path, "w", encoding="ascii") as f:
            f.writelines(ssl.DER_cert_to_PEM_cert(cert) for _, cert in made.values())

        def attempt():
            r = run("cerca", "import", path, "--timeout", "30", "-o", "json")
            return True if r.returncode == 0 else None

        if self.insist("an import", attempt):
            for i, (sha, (name, _)) in enumerate(made.items()):
                self.ledger.acknowledge("imported", sha, name)
                if i == 0:
                    self.ledger.acknowledge("ending", name, sha)
        os.unlink(path)

    def annotate(self):
        with self.ledger.lock:
            names = list(self.ledger.imported.values())[-200:]
        if not names:
            return
        name, text = self.random.choice(names), "note %d" % self.number()
        self.ledger.intend(name, text)

        def attempt():
            r = run("cerca", "inventory", "set", "note=" + text, name, "--timeout", "30")
            return True if r.returncode == 0 else None

        if self.insist("a note about " + name, attempt):
            self.ledger.acknowledge("notes", name, text)

    def checkpoint(self):
        path = self.path("%08d.checkpoint" % self.number())
        if self.insist("a checkpoint", lambda: True if run(
                "cerca", "audit", "checkpoint", "--out", path).returncode == 0 else None):
            self.ledger.keep_checkpoint(path)

    def backup(self):
        path = self.path("%d.backup" % self.number())

        def attempt():
            if os.path.exists(path):
                os.unlink(path)
            return True if run("cerca", "backup", "--out", path).returncode == 0 else None

        if self.insist("a backup", attempt):
            self.ledger.count("backups")
            os.unlink(path)

    def publish(self):
        if self.insist("a CRL", lambda: True if run(
                "cerca", "crl", "publish", "issuing").returncode == 0 else None):
            self.ledger.count("crls published")

    def scan(self):
        """Of our own HTTPS. The one before may be going on; who is asked may be away."""
        if run("cerca", "scans", "run", "self").returncode == 0:
            self.ledger.count("scans begun")

    # --- what only looks --------------------------------------------------------------------------

    def get(self, path, port=None):
        """The body of 200, or None."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.setting["http"], timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            return body if answer.status == 200 else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def look_at_crl(self):
        octets = self.get("/crl/issuing.crl")
        if octets is not None:
            self.judge_crl(octets)

    def judge_crl(self, octets):
        """Numbers grow, one number is one CRL, and nobody leaves (no certificate ends here)."""
        number, _, entries = crl_contents(octets)
        with self.ledger.lock:
            last = self.ledger.crls.get("issuing")
            self.ledger.crls["issuing"] = (number, octets, entries)
        if last is None or last[0] != number:
            self.ledger.count("crls")
            self.ledger.told("crls", "issuing", number)
        if last is None:
            return
        if number < last[0]:
            self.ledger.violated("CRL number %d after %d" % (number, last[0]), "load")
        if number == last[0] and octets != last[1]:
            self.ledger.violated("two CRLs of number %d" % number, "load")
        if number >= last[0] and not last[2] <= entries:
            self.ledger.violated("CRL %d lost %s" % (number, sorted(last[2] - entries)[:3]), "load")

    def ask(self, responder):
        with self.ledger.lock:
            known = list(self.ledger.issued)
            if not known:
                return
            chosen = self.random.choice(known[-300:] if self.random.random() < 0.7 else known)
        self.judge_answer(responder, chosen)

    def judge_answer(self, responder, chosen):
        """False: not now. What was acknowledged as revoked before is never called anything else."""
        with self.ledger.lock:
            revoked, before = chosen in self.ledger.revoked, self.ledger.answers.get(chosen, "")
        try:
            got = responder.ask(chosen)
        except ValueError as e:
            self.ledger.violated("OCSP: %s" % e, "load")
            return True
        if got is None:
            return False
        status, this_update = got
        self.ledger.count("ocsp answers")
        if revoked and status != REVOKED or status not in (GOOD, REVOKED):
            self.ledger.violated("OCSP calls %s %#x; revoked: %s" % (chosen, status, revoked), "load")
        if this_update < before:
            self.ledger.violated("OCSP: %s of %s after %s" % (chosen, this_update, before), "load")
        with self.ledger.lock:
            self.ledger.answers[chosen] = max(this_update, self.ledger.answers.get(chosen, ""))
        return True

    def look_at_checkpoint(self):
        note = self.get("/audit/checkpoint")
        if note is not None:
            path = self.path("public-%s.checkpoint" % hashlib.sha256(note).hexdigest()[:24])
            if not os.path.exists(path):
                with open(path, "wb") as f:
                    f.write(note)
                self.ledger.keep_checkpoint(path)

    def raised(self):
        """(name, id of the event, time) of each notice that a certificate ends soon, from hook_from on.
        The receiver writes it before it answers."""
        with open(self.setting["hook"], encoding="utf-8") as f:
            f.seek(self.ledger.hook_from)
            for line in f:
                entry = json.loads(line) if line.endswith("\n") else {}
                body = entry.get("body") or {}
                data = body.get("data", {})
                if data.get("rule") == "expiry" and data.get("kind") == "raised":
                    yield body["subject"].removeprefix("CN="), body["id"], entry["monotonic"]

    # --- threads ----------------------------------------------------------------------------------

    def worker(self, *jobs, pause=0.0):
        """A thread that does these in turn, for ever."""
        def loop():
            while True:
                for job in jobs:
                    with self.ledger.turn() as go_on:
                        if not go_on:
                            return
                        try:
                            job()
                        except Exception as e:  # a client that fails has not got what it was promised
                            self.ledger.violated("%s: %r" % (getattr(job, "__name__", "job"), e), "load")
                    time.sleep(pause)

        self.threads.append(threading.Thread(target=loop, daemon=True))

    def start(self):
        def est():
            connection = http.client.HTTPSConnection("localhost", self.setting["https"], timeout=60,
                                                     context=self.context)
            return lambda: self.enroll(connection)

        for _ in range(2):
            self.worker(self.issue)
            if self.setting["https"]:
                self.worker(est(), pause=0.02)
        self.worker(self.revoke)
        self.worker(self.import_some, self.annotate, self.annotate, self.checkpoint, self.annotate,
                    self.publish, pause=0.05)
        self.worker(self.backup, self.scan, pause=0.5)
        if self.setting["http"]:
            responder = Responder(self.setting["http"], self.template)
            self.worker(lambda: self.ask(responder), pause=0.01)
            self.worker(self.look_at_crl, self.look_at_checkpoint, pause=0.05)
            self.worker(lambda: self.get("/metrics", self.setting["metrics"]), pause=0.2)
        for t in self.threads:
            t.start()

    def listed(self):
        """All that the store knows, as `cerca list` tells it."""
        r = run("cerca", "list", "--limit", "0", "-o", "json")
        return json.loads(r.stdout) if r.returncode == 0 else None


def first_pem(path):
    text = open(path, encoding="ascii").read()
    end = "-----END CERTIFICATE-----"
    return text[:text.index(end) + len(end)]
