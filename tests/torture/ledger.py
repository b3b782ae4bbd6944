"""What a CA has acknowledged, and what broke. Workers on many threads write here; the invariants
(invariants.py) are read off it while they rest.
"""
import contextlib
import json
import threading
import time


class Ledger:
    """Every field of what was acknowledged is written behind the acknowledgement, under `lock`."""

    def __init__(self, told=None):
        self.lock = threading.Condition()
        self.begin = time.monotonic()
        self.told = told or (lambda kind, *what: None)  # the recorder's marks (disk.py)
        self.issued = {}       # serial: name
        self.revoked = {}      # serial: True
        self.imported = {}     # SHA-256: name
        self.ending = {}       # name: SHA-256, of imported ones that an alert is due about
        self.notes = {}        # name: text
        self.coming = {}       # name: the note that was asked for and is not acknowledged
        self.alerts = {}       # name: the event that was told about its end
        self.hook_from = 0     # where the log of the receiver begins that counts
        self.checkpoints = []  # files
        self.crls = {}         # issuer: [(number, octets, serials)] of the newest two
        self.answers = {}      # serial: thisUpdate of the newest OCSP answer
        self.counts = {}
        self.wrong = []
        self.working = 0
        self.resting = True
        self.ended = False

    # --- what happens -------------------------------------------------------------------------

    def count(self, what, n=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + n

    def violated(self, what, during):
        entry = {"violated": what, "seconds": round(time.monotonic() - self.begin, 3), "during": during}
        with self.lock:
            self.wrong.append(entry)
        print("VIOLATED after %(seconds).1f s, during %(during)s: %(violated)s" % entry, flush=True)

    def acknowledge(self, kind, key, value=True):
        """kind: issued, revoked, imported, notes or ending."""
        with self.lock:
            self.hold(kind, key, value)
            self.counts[kind] = self.counts.get(kind, 0) + 1
        self.told(kind, key, value)

    def hold(self, kind, key, value):
        getattr(self, kind)[key] = value
        if kind == "notes":
            self.coming.pop(key, None)

    def intend(self, name, text):
        """A note that is asked for now may be there before it is acknowledged."""
        with self.lock:
            self.coming[name] = text
        self.told("coming", name, text)

    def keep_checkpoint(self, path):
        with self.lock:
            self.checkpoints.append(path)
            self.counts["checkpoints"] = self.counts.get("checkpoints", 0) + 1
        self.told("checkpoints", path, True)

    # --- work and rest ------------------------------------------------------------------------

    @contextlib.contextmanager
    def turn(self):
        """One operation of a worker. False at the end; waits while all rest."""
        with self.lock:
            self.lock.wait_for(lambda: not self.resting or self.ended)
            self.working += 1
        try:
            yield not self.ended
        finally:
            with self.lock:
                self.working -= 1
                self.lock.notify_all()

    def rest(self, seconds):
        """Nobody begins anything; waits for what was begun. False: somebody did not end."""
        with self.lock:
            self.resting = True
            return self.lock.wait_for(lambda: self.working == 0, seconds)

    def work(self):
        with self.lock:
            self.resting = False
            self.lock.notify_all()

    def end(self):
        with self.lock:
            self.ended = True
            self.lock.notify_all()

    def report(self, path, **more):
        with open(path, "w", encoding="utf-8") as out:
            json.dump({**more, "acknowledged": dict(sorted(self.counts.items())),
                       "seconds": round(time.monotonic() - self.begin, 1), "violations": self.wrong},
                      out, indent=2)
            out.write("\n")
