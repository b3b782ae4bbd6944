#!/usr/bin/env python3
"""kill -9 of the programs of a CA under load, and all of them at once, N times, by a seed.

    kills.py SETTING N SEED REPORT

SETTING is a JSON file of tests/torture/run. Prints progress and counts, writes REPORT, and ends with
1 if an invariant was violated.
"""
import json
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flow"))
sys.dont_write_bytecode = True

from daemon import Daemon  # noqa: E402
from invariants import Invariants, until  # noqa: E402
from ledger import Ledger  # noqa: E402
from load import PATIENCE, World, run  # noqa: E402

PROGRAMS = ("cerca-ca", "cerca-signer", "cerca-public", "cerca-enroll", "cerca-admin", "cerca-watch",
            "cerca-scan")
TOGETHER = ("all", "cercad")  # cercad's children end with it


class Campaign(Daemon):
    def __init__(self, setting, kills, seed):
        super().__init__(setting, "cercad")
        self.kills, self.random = kills, random.Random(seed)
        self.ledger = Ledger()
        self.world = World(self.ledger, setting["folder"], setting, seed)
        self.killed = {}

    def victims(self):
        """Each in its turn, in an order by chance."""
        while True:
            order = list(PROGRAMS) * 2 + list(TOGETHER)
            self.random.shuffle(order)
            yield from order

    def awaited(self, program):
        """[its pid]; it may still be waiting to be started again."""
        pids = []

        def runs():
            pids[:] = [pid for name, pid in self.running().items() if name == program]
            return bool(pids)

        until(PATIENCE, runs)
        return pids

    def kill(self, victim):
        if victim == "all":
            pids = [*self.running().values(), self.cercad.pid]
            self.random.shuffle(pids)
        elif victim == "cercad":
            pids = [self.cercad.pid]
        else:
            pids = self.awaited(victim)
            if not pids:
                return self.ledger.violated(victim + " does not come back", "a kill")
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # cercad's end took it along
        if victim in TOGETHER:
            self.cercad.wait()
            self.start()
        self.killed[victim] = self.killed.get(victim, 0) + 1
        return None

    def batch(self, victims, last):
        """Kills, then all invariants."""
        self.ledger.work()
        for victim in victims:
            # Anywhere: from the very start of a program to the midst of its work.
            time.sleep(self.random.expovariate(1 / self.setting["between"]))
            self.kill(victim)
        if not self.ledger.rest(PATIENCE + 60):
            self.ledger.violated("clients wait for ever", "load")
        Invariants(self.world, "kills up to " + str(sum(self.killed.values()))).all(last)

    def progress(self):
        done = sum(self.killed.values())
        bar = "#" * (40 * done // self.kills)
        c = self.ledger.counts
        print("[%-40s] %d/%d killed, %d issued, %d revoked, %d imported, %.0f s" % (
            bar, done, self.kills, c.get("issued", 0), c.get("revoked", 0), c.get("imported", 0),
            time.monotonic() - self.ledger.begin), flush=True)

    def begin(self):
        self.start()
        if not self.well():
            raise SystemExit("the CA does not start: see " + self.setting["log"])
        self.world.start()

    def end(self):
        self.ledger.end()
        if not self.well():
            self.ledger.violated("not all is well in the end: " + run("cerca", "status").stdout, "the end")
        self.cercad.send_signal(signal.SIGTERM)
        self.cercad.wait(60)

    def go(self):
        self.begin()
        victims, done = self.victims(), 0
        while done < self.kills and not self.ledger.wrong:
            n = min(self.setting["batch"], self.kills - done)
            done += n
            self.batch([next(victims) for _ in range(n)], done == self.kills)
            self.progress()
        self.end()


def main():
    setting = json.load(open(sys.argv[1], encoding="utf-8"))
    kills, seed, report = int(sys.argv[2]), sys.argv[3], sys.argv[4]
    campaign = Campaign(setting, kills, seed)
    try:
        campaign.go()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        campaign.kill_daemon()
        campaign.ledger.report(report, campaign="kills", seed=seed, killed=campaign.killed)
    print("killed: " + ", ".join("%s %d" % k for k in sorted(campaign.killed.items())))
    print("acknowledged and seen: " + ", ".join("%s %d" % c for c in sorted(campaign.ledger.counts.items())))
    print("%d violations; seed %s" % (len(campaign.ledger.wrong), seed))
    sys.exit(1 if campaign.ledger.wrong or sum(campaign.killed.values()) != kills else 0)


if __name__ == "__main__":
    main()
