/*
 * The store: every certificate, durably. Domain verbs; records are copied out;
 * nothing points into the database after a call returns. LMDB is the backend
 * (ca/store); one conformance suite (tests/unit/store_conformance_test.c) runs over the interface.
 *
 * Two environments below the store's folder:
 *   durable   certificates (TBS), signatures, status, keys, request keys, issuers,
 *             audit, meta and the change sequence; every commit is synced;
 *   derived   indexes for lists; never synced, follows the change sequence, rebuilt
 *             in the background when in doubt.
 *
 * Writing: any thread submits operations; one writer thread takes all that wait
 * into one transaction (group commit), publishes the changes, and calls each
 * operation's `done`. What depends on other requests (key reuse, blocked keys,
 * request keys) is decided inside the write transaction, before its first put. If a put
 * fails the transaction is aborted and its members rerun one by one. A commit that fails has an
 * unknown outcome: log and exit.
 *
 * Reading: any thread, at any time, sees the last commit.
 */
#ifndef CA_STORE_STORE_H
#define CA_STORE_STORE_H

#include "ca/audit/audit.h"
#include "lib/agentstate.h"
#include "lib/annotation.h"
#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/crl.h"
#include "lib/fault.h"
#include "lib/tbs.h"

struct store;

#define STORE_SCHEMA 4
#define IDENTITY_LEN 16    /* octets of an identity: struct store_intent says what that is */
#define STORE_NAME_MAX 128 /* profile, requester, owner: octets with their NUL */

struct cert_ref {
    uint8_t serial[SERIAL_LEN];
    uint16_t issuer; /* number of an issuer generation, from store_issuer_add */
};

/* Issuers that are none: ca/store/inventory.h. */
#define STORE_FOREIGN 0xffff
#define STORE_ANNOTATED 0xfffe

#define STORE_ORIGIN_MAX 256 /* octets with their NUL */

enum cert_state {
    CERT_OPEN = 1, /* an intent: recorded, not yet signed for good */
    CERT_GOOD = 2, /* finished */
    CERT_HELD = 3, /* certificateHold */
    CERT_REVOKED = 4,
    CERT_ABANDONED = 5, /* an intent given up: counts as revoked */
};

/* One certificate, copied out. Slices point into `bytes`. */
struct cert_row {
    struct cert_ref ref;
    enum cert_state state;
    struct slice tbs;
    enum sig_alg alg;
    struct slice signature; /* empty while open or abandoned */
    char profile[STORE_NAME_MAX];
    char requester[STORE_NAME_MAX];
    char owner[STORE_NAME_MAX];
    int64_t not_before, not_after;
    int64_t created, finished, revoked_at; /* 0: not (yet) */
    uint8_t reason;                        /* CRLReason (RFC 5280 5.3.1) when held or revoked */
    int64_t invalidity;                    /* RFC 5280 5.3.2; 0: not known */
    uint8_t spki_hash[32];
    uint8_t identity[16]; /* what must keep working: see struct store_intent */
    bool has_request_key;
    uint8_t request_key[32];
    uint8_t content[32];
    bool has_replaces, has_replaced_by;
    struct cert_ref replaces, replaced_by;
    uint8_t generation[8];   /* of the configuration it was drafted under */
    uint64_t change;         /* number of its newest change of state */
    uint8_t fingerprint[32]; /* SHA-256 of the whole certificate; zeros while open */
    enum store_source source;
    struct slice der;              /* of a foreign one: all of it */
    char origin[STORE_ORIGIN_MAX]; /* likewise: where it was found */
    int64_t last_seen;             /* by an import or a scan; 0: never */
    uint8_t told;                  /* of a foreign one: enum import_told (lib/proto_import.h) */
    bool stranger;                 /* likewise: see struct foreign (ca/store/inventory.h) */
    struct buf bytes;
};
void cert_row_init(struct cert_row *r);
void cert_row_free(struct cert_row *r);
/* The certificate, assembled; only when finished. */
int cert_row_der(const struct cert_row *r, struct buf *out) WARN_UNUSED;

/* A change of state, as the view and the indexes see it. */
struct store_change {
    uint64_t number; /* strictly increasing, no holes */
    struct cert_ref ref;
    enum cert_state state;
    uint8_t reason;    /* 8 with CERT_GOOD: released from hold */
    int64_t time;      /* of the change, seconds */
    int64_t not_after; /* of the certificate */
};

/* Called on the writer thread, after a commit, before any `done`. A failure
 * makes every operation of the commit that changed a state answer with this fault
 * (retryable; the commit stands). */
typedef int (*store_publish)(void *arg, const struct store_change *c, size_t n, struct fault *f);

struct store_options {
    const char *dir;
    uint64_t quota;          /* octets of both environments; 0: none */
    uint64_t free_watermark; /* octets */
    int64_t request_key_life;
    int64_t intent_grace;
    size_t run_entries; /* 0: RUN_ENTRIES (ca/store/runs.h); tests have shorter runs */
    bool no_sync;       /* tests only */
    bool no_derive;     /* one-shot programs: do not start the background indexer */
    bool read_only;     /* store check of a stopped CA, backups */
    /* The image of a backup, read where it lies: read_only and no_derive, no lock; `dir` is only
     * looked at for its free space. NULL: none. */
    const char *image;
    /* A restore: the durable environment lies in STORE_RESTORED_DIR, and the caller holds the
     * lock (store_lock). */
    bool restoring;
};

/* Where a restore puts the durable environment together, below the store's folder. */
#define STORE_RESTORED_DIR "durable.restored"
/* Takes the lock of the store below dir, which is made: FAULT_CONFLICT "store.lock" when it is in
 * use. Held as long as *fd is open. */
int store_lock(const char *dir, int *fd, struct fault *f) WARN_UNUSED;

/* Opens, creating what is absent; brings an older schema up to date (not when read_only: that is
 * refused, rule "store.schema"); recovers. Starts
 * the writer and the indexer threads. Ready in well under a second at any size. */
int store_open(const struct store_options *o, struct store **out, struct fault *f) WARN_UNUSED;
/* Writes and answers what is queued and ends the writer; what is submitted later is refused
 * ("store.read-only"), reading goes on. Before what operations point to goes away. */
void store_stop(struct store *s);
/* store_stop, then ends the indexer and closes. */
void store_close(struct store *s);
/* Before the first operation is submitted. */
void store_on_publish(struct store *s, store_publish fn, void *arg);

/* Issuers: one number for each (name, key), for ever. */
struct store_issuer {
    uint16_t number;
    char name[STORE_NAME_MAX];
    uint8_t spki_hash[32];
    struct slice certificate; /* DER; empty until known. Points into `bytes` */
    struct buf bytes;
};
/* Finds or adds; durable when it returns. */
int store_issuer_add(struct store *s, const char *name, const uint8_t spki_hash[32],
                     uint16_t *number, struct fault *f) WARN_UNUSED;
int store_issuer_set_certificate(struct store *s, uint16_t number, struct slice der,
                                 struct fault *f) WARN_UNUSED;
typedef int (*store_issuer_each)(void *arg, const struct store_issuer *i);
int store_issuers(struct store *s, store_issuer_each fn, void *arg, struct fault *f) WARN_UNUSED;

/* The gate: may this CA issue? Durable. A store that was never closed or restored has none. */
#define STORE_REASON_MAX 200
#define STORE_RESTORES_MAX 64
/* A restore: where the history before it ends, and what was known of the part that is lost. */
struct store_restore {
    int64_t time, copied;   /* of the restore; of the backup */
    uint64_t change;        /* the newest one in the backup */
    uint64_t audit_size;    /* of the audit log that ended with it ... */
    uint8_t audit_root[32]; /* ... and its root: that log is never appended to again */
    uint64_t checkpoint;    /* size in the newest checkpoint known of that log; 0: none */
    uint32_t lost;          /* certificates of which only the serial is known */
    uint32_t revoked, held; /* statuses taken over from what was published */
    uint32_t signatures;    /* intents that were finished after the backup */
    uint32_t kept_held;     /* holds of the backup that were released since: still held */
    uint32_t by;            /* in: uid of who restored; kept of the newest one, in the gate */
};
struct store_gate {
    bool closed;   /* reserve is refused, rule "store.closed"; everything else goes on */
    bool restored; /* closed since a restore: what was published meanwhile is merged at a start */
    int64_t since; /* when it was last opened or closed; 0: never */
    char reason[STORE_REASON_MAX];
    /* Of the newest restore; 0: never. Tokens, approvals and whatever else was handed out before
     * this time is void: the copy may not know that it was used. */
    int64_t restored_at;
    bool has_restored_by;
    uint32_t restored_by; /* uid of who did that */
    /* Which audit log is in force: 0, or the time of the restore that began it, so that two
     * restores of one backup never continue the same log. */
    int64_t audit_log;
    uint16_t n_restores;
    struct store_restore restore[STORE_RESTORES_MAX];
    /* Numbers behind `from`, up to `to`, were given to changes that nobody knows any more. */
    uint16_t n_skips;
    struct store_skip {
        uint64_t from, to;
    } skip[STORE_RESTORES_MAX];
};
int store_gate(struct store *s, struct store_gate *out, struct fault *f) WARN_UNUSED;
/* 0, or -FAULT_UNAVAILABLE, rule "store.closed", with the reason and who opens it. */
int store_issuing(struct store *s, struct fault *f) WARN_UNUSED;

/* 0, or why the clock is in doubt (lib/clockguard.h). STORE_GATE with close false accepts it. */
int store_clock(struct store *s, struct fault *f) WARN_UNUSED;

enum store_op_kind {
    STORE_RESERVE,
    STORE_FINISH,
    STORE_ABANDON,
    STORE_REVOKE, /* or put on hold, by the reason; keyCompromise and cACompromise block the key too
                   */
    STORE_RELEASE, /* from hold */
    STORE_BLOCK,   /* the identity of `ref`, whatever became of that certificate */
    STORE_UNBLOCK, /* an identity; out: `ref`, with which it was blocked */
    STORE_AUDIT,
    STORE_TOKEN,     /* ca/store/tokens.h */
    STORE_REQUEST,   /* ca/store/requests.h */
    STORE_APPROVAL,  /* ca/store/approvals.h */
    STORE_GATE,      /* opens or closes */
    STORE_RESTORED,  /* of a fresh copy of a backup: closed, numbers move on, a new audit log. Not
                        recorded; the store has to be closed and opened again right after */
    STORE_SKIP,      /* while restored: numbers move on, for a view that knows more has turned up */
    STORE_PUBLISHED, /* while restored: what was published of a certificate, see below */
    STORE_CRL,       /* a CRL's number is taken, or it is published: ca/store/crls.h */
    STORE_CHECKPOINT, /* keeps a signed checkpoint of the audit log */
    STORE_OUTBOX,     /* what is to be told: ca/store/outbox.h */
    STORE_ALERT,      /* ca/store/alerts.h */
    STORE_MARK,
    STORE_EXCEPT,
    STORE_CAMPAIGN,    /* ca/store/campaigns.h */
    STORE_ATTEMPT,     /* ca/store/attempts.h */
    STORE_FOREIGN_ADD, /* certificates that others issued: ca/store/inventory.h */
    STORE_ANNOTATE,    /* likewise: what operators write about an identity */
    STORE_FILTER,      /* likewise: a filter of lists, kept under a name */
    STORE_REPORT,      /* of an agent: ca/store/installations.h */
    STORE_OBSERVE,     /* what scans saw: ca/store/observations.h */
    STORE_FORGET,      /* what scans saw long ago: ca/store/observations.h */
    STORE_SCAN_JOB,    /* how far a scan is: ca/store/scanjobs.h */
    STORE_PRUNE,       /* drops details of old audit records, STORE_PRUNE_SLICE of them at most */
};
#define STORE_PRUNE_SLICE 256
struct store_request;
struct store_approval;
struct approval_ask;
struct store_token;
struct store_crl_step;
struct store_outbox;
struct store_alert;
struct store_mark;
struct store_except;
struct store_campaign;
struct attempt;
struct store_foreign;
struct store_annotate;
struct saved_filter;
struct store_report;
struct store_observe;
struct store_forget;
struct scan_job_row;
enum store_outcome {
    STORE_DONE = 0,  /* what was asked is now durable */
    STORE_KNOWN = 1, /* reserve: this request key is recorded already; `ref` says for what */
    STORE_NOT_OPEN =
        2,           /* finish, abandon: the intent is finished or abandoned; `state` says which */
    STORE_SAME = 3,  /* published, annotate: the store knows as much, or more */
    STORE_WAITS = 4, /* reserve: there is no approval; it waits for one */
};

/* STORE_PUBLISHED: `ref`, with op->reason and op->time (of the revocation), was published in
 * this state by the CA that the backup was taken of. Only what is newer is taken over: a
 * certificate is never un-revoked, nor taken off hold. One that the store does not know gets a row
 * of its own, with an empty TBS and an empty signature, for its serial must never be used again; an
 * open intent that was finished keeps its TBS and gets an empty signature. */
struct store_published {
    enum cert_state state; /* CERT_GOOD, CERT_HELD or CERT_REVOKED */
};

/* ca/store/limits.h */
/* In the order of store_limits. */
enum store_limit_kind { LIMIT_PROFILE = 1, LIMIT_REQUESTER = 2, LIMIT_IDENTITY = 3 };
#define STORE_LIMITS_MAX 3 /* of one request */
struct store_limit {
    enum store_limit_kind kind;
    const char *name; /* of the profile; the requester, "operator:alice"; the identity, in hex */
    uint32_t n;       /* certificates ... */
    int64_t per;      /* ... in so many seconds */
};

struct store_intent {
    struct slice tbs;
    enum sig_alg alg;
    const char *profile, *requester, *owner;
    int64_t not_before, not_after;
    uint8_t spki_hash[32];
    /* Hash of requester's subject of enrollment: profile and sorted names. Two certificates with
     * equal identity serve the same thing; KEY_REUSE_SAME_IDENTITY compares it. */
    uint8_t identity[16];
    enum key_reuse key_reuse;
    bool has_request_key;
    uint8_t request_key[32];
    uint8_t content[32]; /* same key, other content: refused, rule "request.key" */
    /* Its key was made for it and is kept nowhere, so that who repeats the request has lost it:
     * what the request key was used for is superseded (revoked, or abandoned while it is open) in
     * the same transaction, recorded, and the token's use goes over to this one. Nothing is
     * STORE_KNOWN. */
    bool anew;
    bool dry; /* decided as if in earnest, refusals recorded, and nothing put: DONE or WAITS */
    struct store_limit limit[STORE_LIMITS_MAX]; /* none may be reached */
    size_t n_limits;
    uint64_t token;                /* of which it takes a use (ca/store/tokens.h); 0: none */
    struct approval_ask *approval; /* NULL: needs none */
    bool has_replaces;
    struct cert_ref replaces; /* must be known; rule "replaces.unknown" */
    uint8_t generation[8];
};

/* One operation. The submitter owns it and everything it points to until
 * `done` is called, on the writer thread (it must not block). */
struct store_op {
    enum store_op_kind kind;
    struct cert_ref ref;                 /* in; out with STORE_KNOWN */
    struct store_intent intent;          /* reserve */
    struct slice signature;              /* finish */
    uint8_t fingerprint[32];             /* finish */
    int64_t time;                        /* of the change: now */
    uint8_t reason;                      /* revoke: CRLReason */
    int64_t invalidity;                  /* revoke: RFC 5280 5.3.2; 0: not known */
    uint8_t identity[16];                /* unblock */
    bool block_identity;                 /* revoke: nothing is issued for this identity any more */
    struct store_request *request;       /* request */
    struct store_approval *approval;     /* approval */
    struct store_token *token;           /* token */
    struct store_crl_step *crl;          /* crl */
    struct store_outbox *outbox;         /* outbox */
    struct store_alert *alert;           /* alert */
    struct store_mark *mark;             /* mark */
    struct store_except *except;         /* except */
    struct store_campaign *campaign;     /* campaign */
    struct attempt *attempt;             /* attempt */
    struct store_foreign *foreign;       /* foreign-add */
    struct store_annotate *annotate;     /* annotate */
    struct saved_filter *filter;         /* filter */
    struct store_report *report;         /* report */
    struct store_observe *observe;       /* observe */
    struct store_forget *forget;         /* forget */
    const struct scan_job_row *scan_job; /* scan-job */
    bool close;                          /* gate */
    const char *why;                     /* gate, restored: for people, cut to STORE_REASON_MAX */
    struct store_restore restore;        /* restored: copied, checkpoint */
    uint64_t skip_to; /* restored, skip: the numbers of changes go on behind this */
    struct store_published published;
    uint64_t size;            /* checkpoint: of the tree that it signs */
    struct slice note, keys;  /* checkpoint: struct store_checkpoint has them */
    uint64_t until;           /* prune: records below this index, and below the newest
                                 checkpoint's size; out: below this they are pruned */
    struct audit_event audit; /* recorded in the same transaction; when the store refuses,
                                 as AUDIT_REFUSE with the rule (for want of space once a minute
                                 only); a finish of an intent that is not open as AUDIT_DROP;
                                 not at all with STORE_KNOWN or an abandon that comes late,
                                 for nothing was done; with STORE_WAITS once, as AUDIT_REQUEST */
    /* out */
    int result; /* 0 or a negative fault code */
    enum store_outcome outcome;
    enum cert_state state;
    struct fault fault;
    void (*done)(struct store_op *op);
    void *arg;
    struct store_op *next; /* the store's */
};

/* Refusals by rule: request.key (other content, requester or profile), store.full, serial.unique,
 * key.blocked, identity.blocked, key.reuse, replaces.unknown (reserve); serial.unknown (the
 * others); serial.foreign (whatever changes the state of a certificate that was not issued here);
 * revoke.reason, revoke.invalidity, revoke.already, revoke.open (an open intent cannot be
 * put on hold); release.held (what is released must be on hold). Revoked stays revoked; only its
 * reason may still become keyCompromise, the time stays. store.closed (reserve); gate.same (open or
 * closed already, and the clock not in doubt); restore.state (published, in a store that is not
 * restored and closed); restore.often.
 *
 * Never blocks, never fails; the answer comes through done. A reserve beyond the free-space
 * watermark or the quota is refused with FAULT_FULL, rule "store.full"; the others still work. */
void store_submit(struct store *s, struct store_op *op);
/* The same, waiting. For one-shot programs and tests. */
int store_do(struct store *s, struct store_op *op) WARN_UNUSED;

/* Reads. -FAULT_NOT_FOUND when there is none. */
int store_get(struct store *s, const struct cert_ref *ref, struct cert_row *out,
              struct fault *f) WARN_UNUSED;
/* By serial alone: *n of the at most `max` refs with that serial (issuers may differ). */
int store_find_serial(struct store *s, const uint8_t serial[SERIAL_LEN], struct cert_ref *out,
                      size_t max, size_t *n, struct fault *f) WARN_UNUSED;
int store_find_fingerprint(struct store *s, const uint8_t fingerprint[32], struct cert_ref *out,
                           struct fault *f) WARN_UNUSED; /* derived */
/* Open intents created before `before`, at most max. */
int store_open_intents(struct store *s, int64_t before, struct cert_ref *out, size_t max, size_t *n,
                       struct fault *f) WARN_UNUSED;

enum store_status_filter {
    STATUS_ANY = 0,
    STATUS_VALID,
    STATUS_EXPIRED,
    STATUS_REVOKED,
    STATUS_HELD,
    STATUS_OPEN
};
/* Lists, by the derived indexes. Every given field must match; the owner is the annotation's, else
 * the certificate's own. The walk follows the index of the first of key, identity, name,
 * annotation, places (by these three only what is finished), owner, requester, profile, issuer,
 * status that is given, else expiry; order is that index's, stable over pages. That of keys is
 * durable: it is there while the others are rebuilt, open intents and all. */
struct store_filter {
    enum store_status_filter status;
    int64_t expires_before;             /* 0: any */
    int64_t issued_from, issued_before; /* when the intent was recorded; 0: any */
    int64_t now;
    char name[256]; /* exact DNS name, or ".example.com" for all below; other SANs and the CN exact;
                       "" any */
    char owner[STORE_NAME_MAX];
    char requester[STORE_NAME_MAX];
    char profile[STORE_NAME_MAX];
    bool has_issuer;
    uint16_t issuer;
    bool has_key;
    uint8_t spki_hash[32];
    unsigned sources; /* a bit 1 << enum store_source each; 0: any */
    bool has_identity;
    uint8_t identity[16];
    struct annotation_filter annotation;
    char installed_on[AGENT_HOST_SIZE]; /* as in struct list_request, as is that below */
    uint16_t installed;
};
#define STORE_CURSOR_MAX 600
struct store_cursor {
    size_t n; /* 0: from the start; on return 0: no more */
    uint8_t at[STORE_CURSOR_MAX];
};
typedef int (*store_each)(void *arg, const struct cert_row *row); /* >0 stops after this row */
/* At most `limit` rows and a bounded number of index steps a call: fewer rows with a
 * cursor set means "ask again". First waits (bounded, 2 s) until the indexes have every change
 * committed before the call: who issued sees it. While the indexes are rebuilt:
 * FAULT_UNAVAILABLE, rule "store.index", with the progress in the text. */
int store_list(struct store *s, const struct store_filter *q, size_t limit,
               struct store_cursor *cursor, store_each fn, void *arg, struct fault *f) WARN_UNUSED;

/* Changes after number `after`, in order, at most max, in short transactions. */
int store_changes_since(struct store *s, uint64_t after, struct store_change *out, size_t max,
                        size_t *n, struct fault *f) WARN_UNUSED;
/* Every finished or revoked or abandoned certificate as a change, in order of (serial, issuer),
 * from behind *after (NULL: from the start), at most max: for rebuilding the view in slices. */
int store_states(struct store *s, const struct cert_ref *after, struct store_change *out,
                 size_t max, size_t *n, struct fault *f) WARN_UNUSED;

struct store_stats {
    uint64_t certificates, open_intents, change, audit_size;
    uint64_t foreign, annotations; /* ca/store/inventory.h */
    uint64_t audit_pruned;         /* audit records below this index have no details any more */
    uint64_t last_tick;            /* the newest serial's */
    int64_t last_commit;           /* seconds */
    uint64_t durable_bytes, derived_bytes, free_bytes;
    bool full;               /* issuing is stopped by the watermark or the quota */
    bool rebuilding;         /* the indexes */
    uint64_t derived_change; /* they have applied */
    uint8_t audit_root[32];
    int64_t audit_log; /* which log that is: see struct store_gate */
    uint8_t uuid[16];  /* of the store; a restored one has that of its backup */
    uint32_t schema;
};
int store_stats(struct store *s, struct store_stats *out, struct fault *f) WARN_UNUSED;

/* The newest change of a certificate's state that is committed. Costs nothing. */
uint64_t store_newest_change(struct store *s);
/* Is it one that CRLs tell of: revoked, held, released? The newest such one of an issuer, or a
 * later one of another; 0 when there is none. Costs nothing; not of a store that is open for
 * reading only. */
bool store_change_tells(const struct store_change *c);
uint64_t store_newest_status(struct store *s, uint16_t issuer);

/* What nothing is issued for any more: keys, then identities, each in the order of `id`, from
 * behind `after` (NULL: from the start) until fn returns other than 0. */
struct store_block {
    bool identity;
    uint8_t id[32];     /* SHA-256 of a SubjectPublicKeyInfo; or an identity, 16 octets */
    struct cert_ref by; /* the certificate with which it was blocked */
};
typedef int (*store_block_each)(void *arg, const struct store_block *b);
int store_blocks(struct store *s, const struct store_block *after, store_block_each fn, void *arg,
                 struct fault *f) WARN_UNUSED;
/* Is this identity one of them? */
int store_identity_blocked(struct store *s, const uint8_t identity[IDENTITY_LEN], bool *blocked,
                           struct fault *f) WARN_UNUSED;

/* Copies the durable environment as it is at one moment, while serving: `stats` is what it was
 * then. The sink gets it from its first octet to its last, on the caller's thread; when it
 * fails, so does the copy. Pages that are freed meanwhile are not used again before the end: when
 * the disk or the quota becomes full the copy ends, FAULT_FULL, rule "backup.room". */
typedef int (*store_sink)(void *arg, struct slice s, struct fault *f);
int store_copy(struct store *s, store_sink sink, void *arg, struct store_stats *stats,
               struct fault *f) WARN_UNUSED;

/* Which audit log: STORE_LOG_NOW is the one in force; else as store_gate.audit_log names the one in
 * force, of those that restores ended too. `size`: records in it. FAULT_NOT_FOUND, rule
 * "audit.log", names those that there are. */
#define STORE_LOG_NOW ((int64_t)-1)
int store_log(struct store *s, int64_t log, uint64_t *size, struct fault *f) WARN_UNUSED;

/* Audit records from `first`, in order. A pruned one has no salt, and SHA-256(salt || record) for
 * a record. */
typedef int (*store_audit_each)(void *arg, uint64_t index, struct slice salt, struct slice record);
int store_audit(struct store *s, int64_t log, uint64_t first, size_t max, store_audit_each fn,
                void *arg, struct fault *f) WARN_UNUSED;
/* The first record that is not older than `time`, or the size of the log: found by halving, since
 * records go by time but for seconds. Pruned ones count as older. */
int store_audit_since(struct store *s, int64_t log, int64_t time, uint64_t *index,
                      struct fault *f) WARN_UNUSED;

/* Checkpoints of the audit log, as they were signed. */
struct store_checkpoint {
    uint64_t size;     /* of the tree */
    int64_t time;      /* when it was kept */
    struct slice note; /* lib/note.h */
    struct slice keys; /* vkeys of who signed it, a line each */
};
typedef int (*store_checkpoint_each)(void *arg, const struct store_checkpoint *c); /* >0 stops */
/* Those over `least` records and more, in order; UINT64_MAX: the newest alone. */
int store_checkpoints(struct store *s, int64_t log, uint64_t least, store_checkpoint_each fn,
                      void *arg, struct fault *f) WARN_UNUSED;

/* Walks every invariant in slices, serving meanwhile: rows decode; TBS parses and agrees with
 * its row; signature present exactly when finished; spki, request key, open and change rows agree
 * both ways; serials unique and growing with time; the audit log's hashes give the recorded root;
 * indexes equal to the rows; indexes that are not are rebuilt in the background. */
struct store_check_report {
    void *arg;
    /* False ends the check: -FAULT_UNAVAILABLE, rule "check.stopped". NULL: never asked. */
    bool (*progress)(void *arg, const char *what, uint64_t done, uint64_t total);
    void (*finding)(void *arg, const char *rule, const char *text);
};
int store_check(struct store *s, const struct store_check_report *r, uint64_t *findings,
                struct fault *f) WARN_UNUSED;

#endif
