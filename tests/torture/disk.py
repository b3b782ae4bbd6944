#!/usr/bin/env python3
"""A disk that loses what was not synced: the CA works under load, recorded (recorder.c), and is stopped;
then its folder is made as a power cut at some moment would have left it (image.py), the CA is started on
that, and everything that had been acknowledged before the cut has to hold. N times, by a seed.

    disk.py SETTING N SEED REPORT

What is recorded begins on the last of those images, so that recoveries are cut too. Ends with 1 if an
invariant was violated; the image stays in the folder `lost`.
"""
import ctypes
import http.client
import json
import os
import random
import shutil
import ssl
import sys
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flow"))
sys.dont_write_bytecode = True

import invariants  # noqa: E402
from daemon import Daemon  # noqa: E402
from image import (MARK, SYNC_ALL, SYNC_END, Disk, Keep, differences, new_log, read_log,  # noqa: E402
                   write_folder)
from ledger import Ledger  # noqa: E402
from load import PATIENCE, World  # noqa: E402

LOG_SIZE = 4 << 30  # sparse
FIRST = 5000000     # number of a client's request; those before are of kills.py
# Not recorded: cercad's own lock, what nobody reads after a power cut, and what SoftHSM2 writes by stdio
# without a sync; of that, the token's object is there or empty by chance.
IGNORED = ("lock.mdb", "cercad.lock", "derived/in-use", "token.object", "generation")
SHARES = (0, 0, 0, 0.3, 0.7, 0.95)
UNITS = (0, 4096, 512)
LOADED = ("issued", "revoked", "imported")  # in each recording
KINDS = ("issued", "revoked", "imported", "notes", "ending", "alerts")


class Campaign(Daemon):
    def __init__(self, setting, rounds, seed):
        super().__init__(setting, os.path.join(setting["bin"], "cercad"))
        self.rounds, self.random = rounds, random.Random(seed)
        self.done, self.wrong, self.begin = 0, [], time.monotonic()
        self.recorder = ctypes.CDLL(setting["recorder"])
        self.crls, self.number = {}, FIRST
        self.raised = []
        self.ledger = None
        self.known = Ledger()  # what holds when a recording begins
        self.counts = dict.fromkeys(("recordings", "recorded events", "recorded octets",
                                     "completed syncs", "nothing unsynced kept", "some of it kept",
                                     "acknowledged before the cuts"), 0)

    def heard(self):
        """The receiver has written whatever was sent: what comes later is of another life."""
        context = ssl.create_default_context(cafile=self.setting["hook_ca"])

        def rests():
            connection = http.client.HTTPSConnection("localhost", self.setting["hook_port"], timeout=60,
                                                     context=context)
            connection.request("GET", "/others")
            others = connection.getresponse().read()
            connection.close()
            return others == b"0"

        if not invariants.until(PATIENCE, rests):
            raise SystemExit("the receiver of notices does not end")

    # --- recording --------------------------------------------------------------------------------

    def told(self, kind, key, value):
        if kind == "crls":
            self.crls[value] = self.ledger.crls["issuing"]
        self.recorder.recorder_mark(json.dumps([kind, key, value]).encode())

    def ledger_from(self, other, told=None):
        ledger = Ledger(told)
        ledger.wrong, ledger.begin = self.wrong, self.begin
        for kind in KINDS + ("coming", "crls"):
            getattr(ledger, kind).update(getattr(other, kind))
        ledger.checkpoints = list(other.checkpoints)
        return ledger

    def boot(self):
        """Another life of the machine."""
        with open(self.setting["boot"], "w", encoding="ascii") as f:
            f.write(str(uuid.uuid4()) + "\n")
        self.start()
        if not self.well():
            raise SystemExit("the CA is not well: see " + self.setting["log"])

    def record(self):
        """(the disk before, events) of some seconds under load."""
        ca, log = self.setting["ca"], self.setting["recording"]
        before, whole = Disk(ca, self.setting["syncs"]), Disk(ca)
        new_log(log, LOG_SIZE)
        if self.recorder.recorder_open(log.encode(), ca.encode()) != 0:
            raise SystemExit("the log cannot be mapped")
        self.ledger = self.ledger_from(self.known, self.told)
        self.ledger.hook_from = os.path.getsize(self.setting["hook"])
        world = World(self.ledger, self.setting["folder"], self.setting, self.random.random())
        world.numbers = iter(range(self.number, 1 << 30))
        self.boot()
        world.start()
        self.ledger.work()
        time.sleep(self.setting["seconds"])
        if not invariants.until(PATIENCE, lambda: all(getattr(self.ledger, kind).keys() -
                                                      getattr(self.known, kind).keys() for kind in LOADED)):
            self.ledger.violated("nothing is acknowledged", "load")
        if not self.ledger.rest(PATIENCE + 60):
            self.ledger.violated("clients wait for ever", "load")
        self.ledger.end()
        self.number = world.number()
        self.stop()
        self.heard()
        self.raised = list(world.raised())
        events = read_log(log)
        os.unlink(log)
        for e in events:
            whole.apply(e)
        missed = differences(whole.after_power_loss(Keep(None, 1, 0)), ca, IGNORED)
        if missed:
            raise SystemExit("the recorder did not see all that happened to " + ", ".join(missed[:9]))
        self.counts["recordings"] += 1
        self.counts["recorded events"] += len(events)
        self.counts["recorded octets"] += sum(len(e.data) for e in events)
        self.counts["completed syncs"] += sum(e.kind in (SYNC_END, SYNC_ALL) for e in events)
        return before, events

    # --- cuts -------------------------------------------------------------------------------------

    def cuts(self, events, n):
        """So many numbers of events, rising: half of them right behind an acknowledgement. Where no sync
        keeps anything: behind all of them, of which something has to be missing."""
        if not self.setting["syncs"]:
            return [len(events)] * n
        marks = [i + 1 for i, e in enumerate(events) if e.kind == MARK] or [len(events)]
        return sorted(self.random.choice(marks) if self.random.random() < 0.5
                      else self.random.randrange(1, len(events) + 1) for _ in range(n))

    def acknowledge(self, ledger, mark):
        kind, key, value = json.loads(mark.data)
        if kind == "crls":
            ledger.crls[key] = self.crls[value]
        elif kind == "checkpoints":
            ledger.checkpoints.append(key)
        else:
            ledger.hold(kind, key, value)

    def look(self, image, modes, ledger, during):
        """Starts on the image, and checks all that was acknowledged before."""
        write_folder(image, modes, self.setting["ca"])
        shutil.rmtree(self.setting["lost"], ignore_errors=True)
        shutil.copytree(self.setting["ca"], self.setting["lost"])
        ledger.hook_from = os.path.getsize(self.setting["hook"])
        self.boot()
        world = World(ledger, self.setting["folder"], self.setting, 0)
        invariants.Invariants(world, during, lost_power=True).all(False)
        self.stop()
        self.heard()

    def session(self, n):
        """A recording, and n rounds of it."""
        disk, events = self.record()
        ledger, at, latest = self.ledger_from(self.known), 0, 0.0
        for cut in self.cuts(events, n):
            for e in events[at:cut]:
                disk.apply(e)
                latest = max(latest, e.time)
                if e.kind == MARK:
                    self.acknowledge(ledger, e)
            at = cut
            # An event knows the time before it has its place: what was told at some event's time was
            # told before that one's place. Nor may it be missed: whether that was noted is there too.
            ledger.alerts.update((name, event) for name, event, time_ in self.raised if time_ <= latest)
            keep = Keep(self.random, self.random.choice(SHARES) if self.setting["syncs"] else 0,
                        self.random.choice(UNITS))
            self.done += 1
            after, image = self.ledger_from(ledger), disk.after_power_loss(keep)
            for path in image:
                if path.endswith("/token.object") and self.random.random() < 0.3:
                    image[path] = b""
            self.look(image, disk.modes, after,
                      "round %d: recording %d cut at event %d of %d, %d%% of what was not synced kept by %s" %
                      (self.done, self.counts["recordings"], cut, len(events), keep.share * 100,
                       keep.unit or "write"))
            self.counts["some of it kept" if keep.share else "nothing unsynced kept"] += 1
            self.counts["acknowledged before the cuts"] += sum(len(getattr(ledger, k)) for k in KINDS)
            self.known = after
            if self.wrong:
                return
        print("[%-40s] %d/%d rounds, %.0f s" % ("#" * (40 * self.done // self.rounds), self.done,
                                                 self.rounds, time.monotonic() - self.begin), flush=True)

    def go(self):
        while self.done < self.rounds and not self.wrong:
            self.session(min(self.setting["rounds_each"], self.rounds - self.done))


def main():
    setting = json.load(open(sys.argv[1], encoding="utf-8"))
    rounds, seed, report = int(sys.argv[2]), sys.argv[3], sys.argv[4]
    campaign = Campaign(setting, rounds, seed)
    if not setting["syncs"]:
        invariants.COMES = 2  # what is never there is not waited for
    try:
        campaign.go()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        campaign.kill_daemon()
        whole = campaign.ledger_from(campaign.known)
        whole.counts = campaign.counts
        whole.report(report, campaign="disk", seed=seed, rounds=campaign.done)
    print("%d rounds: " % campaign.done + ", ".join("%s %d" % c for c in sorted(campaign.counts.items())))
    print("%d violations; seed %s" % (len(campaign.wrong), seed))
    sys.exit(1 if campaign.wrong or campaign.done != rounds else 0)


main()
