/*
 * Audit: every decision, refusals included, is a leaf of an append-only Merkle
 * log (RFC 9162 2.1 hashing), written in the same transaction as what it
 * describes.
 *
 * A leaf's data is salt (16 random octets) and record; its hash is
 * SHA-256(0x00 || SHA-256(salt || record)): a record can be pruned later while
 * the tree stays provable, and nobody guesses records from public hashes.
 */
#ifndef CA_AUDIT_AUDIT_H
#define CA_AUDIT_AUDIT_H

#include "lib/buf.h"
#include "lib/fault.h"
#include "lib/merkle.h"
#include "lib/tbs.h"

#define AUDIT_SALT 16
#define AUDIT_RECORD_MAX 2048

enum audit_action {
    AUDIT_START = 1,   /* cerca-ca came up: version, generation */
    AUDIT_INTENT = 2,  /* an intent to sign was recorded */
    AUDIT_FINISH = 3,  /* the signature was recorded */
    AUDIT_ABANDON = 4, /* an intent was given up, recorded as revoked */
    AUDIT_REFUSE = 5,  /* a request was refused */
    AUDIT_REVOKE = 6,
    AUDIT_DROP = 7, /* a signature came for an intent that is not open */
    AUDIT_CHECKPOINT = 8,
    AUDIT_BACKUP = 9,
    AUDIT_RESTORE = 10, /* first of a log: how the one before it ended; then what was taken over */
    AUDIT_OPEN = 11,    /* issuing was opened ... */
    AUDIT_CA_INSTALL = 12,
    AUDIT_CRL = 13,
    AUDIT_TOKEN_CREATE = 14,
    AUDIT_TOKEN_REVOKE = 15,
    AUDIT_REQUEST = 16, /* something waits for a second operator; what became of it */
    AUDIT_APPROVE = 17, /* another operator said yes */
    AUDIT_DENY = 18,
    AUDIT_HOLD = 19,
    AUDIT_RELEASE = 20,
    AUDIT_KEY_BLOCK = 21,
    AUDIT_IDENTITY_BLOCK = 22,
    AUDIT_PRUNE = 23, /* details of old records were dropped; their hashes stay */
    AUDIT_CA_RETIRE = 24,
    AUDIT_CLOSE = 25, /* ... or closed by an operator */
    AUDIT_IDENTITY_UNBLOCK = 26,
    AUDIT_ALERT = 27,     /* an operator has seen it, or takes that back */
    AUDIT_EXCEPTION = 28, /* a finding is accepted until a day, or not any more */
    AUDIT_FOREIGN = 29,   /* certificates that others issued came into the inventory */
    AUDIT_ANNOTATE = 30,  /* what operators write about an identity was changed */
    AUDIT_STRANGER = 31,  /* a certificate came that our key signed, and that was not issued here */
    AUDIT_FILTER = 32,    /* a filter of lists was saved, or removed */
    AUDIT_NOTIFY = 33,    /* what was not delivered is tried again, or dropped */
    AUDIT_CAMPAIGN = 34,  /* renewals are pulled forward, or not any more */
    AUDIT_REPORT = 35,    /* an agent told something new of its host */
    AUDIT_SCAN = 36,      /* an operator pauses, resumes or begins a scan */
};
#define AUDIT_ACTION_MAX AUDIT_SCAN

struct audit_event {
    enum audit_action action;
    int64_t time;          /* seconds */
    uint8_t generation[8]; /* first octets of the configuration's hash */
    char actor[64];        /* "operator:alice", "uid:1000", "cerca-ca" */
    char origin[64];       /* "admin pid=123", later an address */
    char profile[64];      /* may be empty */
    bool has_serial;
    uint8_t serial[SERIAL_LEN];
    uint16_t issuer;
    uint8_t fault_code; /* with AUDIT_REFUSE: enum fault_code */
    char rule[64];
    char field[64];
    char value[128];
    char detail[256]; /* names asked for, reason text ...; may be empty */
};

const char *audit_action_name(enum audit_action a);
/* The record's octets: one version octet, then the fields by lib/wire.h; only
 * what the action needs is written. */
void audit_put(struct buf *b, const struct audit_event *e);
int audit_get(struct slice record, struct audit_event *out) WARN_UNUSED;
void audit_set_fault(struct audit_event *e, const struct fault *f);

#endif
