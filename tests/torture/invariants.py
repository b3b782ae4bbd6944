"""What has to hold of a CA that was killed, checked while its clients rest: see docs/reliability.md.

Each check says what is wrong through the ledger. `world` is load.World.
"""
import glob
import json
import os
import random
import time

from load import PATIENCE, run
from peer import Responder, crl_contents

SAMPLE = 200     # certificates that OCSP is asked about after a batch; at the end all
AT_A_TIME = 100  # checkpoints of one `cerca audit verify`, which takes no more
COMES = PATIENCE  # what may still be under way: alerts, the CRL
WAITS = ("--timeout", str(PATIENCE))  # of a command that is given once


def until(seconds, condition):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


class Invariants:
    def __init__(self, world, during, lost_power=False):
        self.world, self.ledger, self.during = world, world.ledger, during
        self.lost_power = lost_power
        self.rows = None

    def violated(self, text):
        self.ledger.violated(text, self.during)

    def all(self, whole):
        """Everything. whole: nothing by sample."""
        if not until(PATIENCE, self.listed):
            return self.violated("the CA does not answer")
        self.issued()
        self.imported()
        self.store()
        self.audit(whole)
        if self.world.setting["http"]:
            self.view(whole)
        self.crl()
        if self.world.setting["hook"]:
            self.alerts()
        return None

    def listed(self):
        self.rows = self.world.listed()
        return self.rows is not None

    def missing(self, what, wanted, have):
        lost = [w for w in wanted if w not in have]
        if lost:
            self.violated("%d %s, the first %s" % (len(lost), what, lost[:3]))

    def issued(self):
        """Acknowledged is there, revoked is revoked, and no serial number occurs twice."""
        ours = [r for r in self.rows if r["source"] == "issued"]
        state = {r["serial"]: r["status"] for r in ours}
        if len(state) != len(ours):
            self.violated("%d serial numbers occur twice" % (len(ours) - len(state)))
        self.missing("acknowledged certificates are not in the store", self.ledger.issued, state)
        self.missing("revoked ones are not revoked", self.ledger.revoked,
                     {s for s, v in state.items() if v == "revoked"})
        self.missing("acknowledged ones are neither valid nor revoked", self.ledger.issued,
                     {s for s, v in state.items() if v in ("valid", "revoked")})
        names = {}
        for r in ours:
            if r["status"] == "valid" and r["sans"] and r["sans"][0].endswith(".torture.example"):
                names.setdefault(r["sans"][0], []).append(r["serial"])
        for name, serials in names.items():
            if len(serials) > 1:
                self.violated("%s has two certificates for one request: %s" % (name, serials))

    def imported(self):
        theirs = [r for r in self.rows if r["source"] == "imported"]
        have = {r["fingerprint"] for r in theirs}
        if len(have) != len(theirs):
            self.violated("imported certificates occur twice")
        self.missing("imported certificates are not in the store", self.ledger.imported, have)
        notes = {r["subject"].removeprefix("CN="): r["note"] for r in theirs}
        for name, text in self.ledger.coming.items():
            if notes.get(name) == text:  # done, and nobody was told
                self.ledger.notes[name] = text
        self.ledger.coming.clear()
        self.missing("notes are not what was acknowledged", self.ledger.notes.items(), notes.items())

    def store(self):
        """Every signature of the signers' records has an intent, among all else that this walks."""
        r = run("cerca", "store", "check", *WAITS)
        if r.returncode != 0:
            self.violated("cerca store check: " + (r.stdout + r.stderr)[:1000])

    def audit(self, whole):
        """The log goes on from the checkpoints that were given out since the last time, or ever."""
        kept = self.ledger.checkpoints
        if not whole:
            kept = kept[-20:] + random.sample(kept, min(20, len(kept)))
        for at in range(0, len(kept), AT_A_TIME):
            command = ["cerca", "audit", "verify", *WAITS]
            for vkey in self.world.setting["vkeys"]:
                command += ["--key", vkey]
            for path in kept[at:at + AT_A_TIME]:
                command += ["--checkpoint", path]
            r = run(*command)
            if r.returncode != 0:
                self.violated("cerca audit verify: " + (r.stdout + r.stderr)[:1000])

    def view(self, whole):
        """OCSP says of each certificate what the list does."""
        responder = Responder(self.world.setting["http"], self.world.template)
        state = self.having("valid", "revoked", "open")
        asked = list(state) if whole else random.sample(list(state), min(SAMPLE, len(state)))
        said = {}
        for serial in asked:
            said[serial] = self.said(responder, serial)
            if said[serial] is None:
                return self.violated("OCSP does not answer about " + serial)
        differ = [serial for serial in asked if said[serial] != state[serial]]
        if differ and self.listed():  # one may have been given up meanwhile
            state = {**self.having("valid", "revoked", "open"),
                     **dict.fromkeys(self.having("abandoned"), "revoked")}
        for serial in differ:
            now = self.said(responder, serial)
            if now != state.get(serial):
                self.violated("OCSP says %s of %s, which the store calls %s" % (now, serial, state.get(serial)))
        return None

    def having(self, *statuses):
        """{serial: status} of ours that have one of these."""
        return {r["serial"]: r["status"] for r in self.rows
                if r["issuer"] == "issuing" and r["status"] in statuses}

    @staticmethod
    def said(responder, serial):
        """None: no answer, for long."""
        got = []

        def answered():
            got[:] = [responder.ask(serial)]
            return got[0] is not None

        if not until(PATIENCE, answered):
            return None
        return {0x80: "valid", 0xA1: "revoked", 0x82: "open"}.get(got[0][0], "nothing")

    def crl(self):
        """The next one has all that was revoked."""
        def complete():
            for path in glob.glob(os.path.join(self.world.setting["view"], "issuing-*", "crl.der")):
                with open(path, "rb") as f:
                    octets = f.read()
                # One that somebody saw, but whose name was not durable yet, is followed by the one
                # before until the next is made, which is soon.
                if self.lost_power and self.older(octets):
                    return False
                self.world.judge_crl(octets)
            last = self.ledger.crls.get("issuing")
            return last is not None and set(self.ledger.revoked) <= last[2]

        if not until(COMES, complete):
            self.violated("the CRL does not get what was revoked")

    def older(self, octets):
        last = self.ledger.crls.get("issuing")
        return last is not None and crl_contents(octets)[0] < last[0]

    def alerts(self):
        """Each certificate that ends soon is told of as one event, and one alert is about it."""
        events = {}

        def read():
            events.clear()
            for name, event, *_ in [*self.ledger.alerts.items(), *self.world.raised()]:
                events.setdefault(name, set()).add(event)
            return all(name in events for name in self.ledger.ending)

        if not until(COMES, read):
            self.missing("alerts were not delivered", self.ledger.ending, events)
        for name, ids in events.items():
            if len(ids) > 1:
                self.violated("the alert about %s was raised as %d events" % (name, len(ids)))
        self.ledger.alerts.update((name, min(ids)) for name, ids in events.items())
        self.ledger.counts["alerts told"] = len(events)
        about = self.alerted()
        if len(about) != len(set(about)):
            self.violated("two alerts are about one certificate")

    def alerted(self):
        """The names of alerts about an end."""
        r = run("cerca", "alerts", "list", "--all", "-o", "json")
        return [a["name"] for a in json.loads(r.stdout or "[]") if a["rule"] == "expiry"]
