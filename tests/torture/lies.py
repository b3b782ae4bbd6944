#!/usr/bin/env python3
"""Are the invariants checked? The ledger is told what never was, `cerca` what the CA never said, and a signer's
record has what nobody intended: each has to be found.

    lies.py SETTING
"""
import glob
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flow"))
sys.dont_write_bytecode = True

import invariants  # noqa: E402
from kills import Campaign  # noqa: E402
from peer import Responder  # noqa: E402


def a_good_one(ledger):
    return next(s for s in ledger.issued if s not in ledger.revoked)


def changed_checkpoint(campaign):
    """One that nobody signed."""
    lines = open(campaign.ledger.checkpoints[-1], encoding="utf-8").read().split("\n")
    path = campaign.world.path("lie.checkpoint")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join([lines[0], str(int(lines[1]) - 1), *lines[2:]]))
    campaign.ledger.checkpoints.append(path)


def revoked_in_ocsp(campaign):
    good = a_good_one(campaign.ledger)
    campaign.ledger.revoked[good] = True
    responder = Responder(campaign.setting["http"], campaign.world.template)
    invariants.until(60, lambda: campaign.world.judge_answer(responder, good))
    del campaign.ledger.revoked[good]


def later_crl(campaign):
    number, octets, entries = campaign.ledger.crls["issuing"]
    campaign.ledger.crls["issuing"] = (number + 1000, octets, entries)


def other_event(campaign):
    """Once more about a certificate that was told of."""
    name = next(iter(campaign.ledger.alerts))
    campaign.ledger.alerts[name] = "another event"


def signed_without_intent(campaign):
    """An entry of the signer's record (lib/signrecord.h) that no intent of the store was for."""
    path = glob.glob(os.path.join(campaign.setting["ca"], "signer", "*.record"))[0]
    size = os.path.getsize(path)
    with open(path, "ab") as f:
        f.write((size // 64 + 1).to_bytes(8, "big") + bytes(8) + b"\x5e" * 48)


class Lying(invariants.Invariants):
    """What `cerca list` and `cerca alerts list` say, with rows that are there twice, or otherwise than OCSP has them."""

    def listed(self):
        if not super().listed():
            return False
        ours = [r for r in self.rows if r["source"] == "issued" and r["status"] == "valid" and r["sans"]
                and r["sans"][0].endswith(".torture.example")]
        theirs = next(r for r in self.rows if r["source"] == "imported")
        good = {**ours[0], "status": "revoked"}
        self.rows = [good if r is ours[0] else r for r in self.rows]
        self.rows += [ours[1], {**ours[2], "serial": "11" * 16, "issuer": ""}, theirs]
        return True

    def alerted(self):
        return super().alerted()[:1] * 2


# What is told, and what of it has to be found.
LIES = (
    (lambda c: c.ledger.issued.update({"00" * 16: "n0.torture.example"}), "certificates are not in the store"),
    (lambda c: c.ledger.revoked.update({a_good_one(c.ledger): True}), "revoked ones are not revoked"),
    (None, "the CRL does not get what was revoked"),  # the one before
    (lambda c: c.ledger.imported.update({"0" * 64: "f0"}), "imported certificates are not in the store"),
    (lambda c: c.ledger.notes.update({next(iter(c.ledger.imported.values())): "never"}), "notes are not"),
    (lambda c: c.ledger.ending.update({"f0": "0" * 64}), "alerts were not delivered"),
    (changed_checkpoint, "cerca audit verify"),
    (later_crl, "CRL number"),
    (revoked_in_ocsp, "OCSP calls"),
    (other_event, "was raised as 2 events"),
    (signed_without_intent, "record.intent"),
    # Of Lying.
    (None, "serial numbers occur twice"),
    (None, "has two certificates for one request"),
    (None, "imported certificates occur twice"),
    (None, "which the store calls revoked"),
    (None, "two alerts are about one certificate"),
)


def main():
    setting = json.load(open(sys.argv[1], encoding="utf-8"))
    campaign = Campaign(setting, 0, 0)
    ledger = campaign.ledger
    try:
        campaign.begin()
        ledger.work()
        enough = invariants.until(invariants.PATIENCE, lambda: ledger.revoked and ledger.imported and
                                  ledger.notes and ledger.checkpoints and ledger.crls)
        ledger.rest(invariants.PATIENCE)
        invariants.Invariants(campaign.world, "the truth").all(True)
        if not enough or ledger.wrong:
            raise SystemExit("the truth is not believed")
        invariants.COMES = 2  # what is never there is not waited for
        for tell, _ in LIES:
            if tell is not None:
                tell(campaign)
        Lying(campaign.world, "lies").all(True)
    finally:
        campaign.kill_daemon()
    missed = [found for _, found in LIES if not any(found in w["violated"] for w in ledger.wrong)]
    print("%d lies, %d of them found" % (len(LIES), len(LIES) - len(missed)))
    for found in missed:
        print("nobody said: ..." + found)
    sys.exit(1 if missed else 0)


main()
