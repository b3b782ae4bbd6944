/*
 * The messages between programs. Reading and writing each lives here and in
 * lib/proto*.c, on lib/wire.h. A get function checks every bound and leaves nothing
 * unread; slices in what it returns point into the frame's body.
 *
 * get functions return 0, or -1 with a malformed body.
 */
#ifndef LIB_PROTO_H
#define LIB_PROTO_H

#include "lib/agentstate.h"
#include "lib/annotation.h"
#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/csr.h"
#include "lib/fault.h"
#include "lib/frame.h"
#include "lib/key.h"
#include "lib/san.h"
#include "lib/tbs.h"
#include "lib/wire.h"

enum msg_type {
    MSG_FAULT = 1, /* the answer to anything that was refused or failed */
    MSG_READY = 2, /* to cercad: serving */

    /* admin socket: cerca asks, cerca-ca answers */
    MSG_ISSUE = 0x0101,
    MSG_ISSUED = 0x0102,
    MSG_LIST = 0x0103,
    MSG_LIST_PAGE = 0x0104,
    MSG_SHOW = 0x0105,
    MSG_SHOWN = 0x0106,
    MSG_CA_LIST = 0x0107,
    MSG_CA_LISTED = 0x0108,
    MSG_STATUS = 0x0109,
    MSG_STATUS_REPLY = 0x010a,
    MSG_CHECK = 0x010b,          /* empty body */
    MSG_CHECK_PROGRESS = 0x010c, /* any number, then */
    MSG_CHECK_FINDING = 0x010d,
    MSG_CHECK_DONE = 0x010e,
    MSG_EXPLAIN = 0x0110, /* lib/proto_policy.h */
    MSG_EXPLAINED = 0x0111,
    MSG_BACKUP = 0x0130,          /* empty body; the descriptor to write to */
    MSG_BACKUP_PROGRESS = 0x0131, /* any number (as MSG_CHECK_PROGRESS), then */
    MSG_BACKUP_DONE = 0x0132,
    MSG_OPEN = 0x0134, /* answered by MSG_GATE_DONE, empty */
    MSG_CLOSE = 0x0135,
    MSG_GATE_DONE = 0x0136,
    MSG_CA_KEY = 0x0140, /* lib/proto_ca.h */
    MSG_CA_KEY_SHOWN = 0x0141,
    MSG_CA_INSTALL = 0x0142,
    MSG_CA_INSTALLED = 0x0143,
    MSG_CA_CREATE = 0x0144,
    MSG_CA_CREATED = 0x0145,
    MSG_CA_CROSS = 0x0146,
    MSG_CA_CROSSED = 0x0147,
    MSG_TOKEN_CREATE = 0x0160, /* lib/proto_token.h */
    MSG_TOKEN_CREATED = 0x0161,
    MSG_TOKEN_LIST = 0x0162,
    MSG_TOKEN_LISTED = 0x0163,
    MSG_TOKEN_REVOKE = 0x0164,
    MSG_TOKEN_REVOKED = 0x0165,
    MSG_REQUEST_LIST = 0x0168, /* lib/proto_request.h */
    MSG_REQUEST_LISTED = 0x0169,
    MSG_REQUEST_SHOW = 0x016a,
    MSG_REQUEST_SHOWN = 0x016b,
    MSG_REQUEST_APPROVE = 0x016c,
    MSG_REQUEST_DENY = 0x016d,
    MSG_REQUEST_DECIDED = 0x016e,

    MSG_REVOKE = 0x0150,
    MSG_REVOKED = 0x0151,
    MSG_BLOCK_LIST = 0x0152,
    MSG_BLOCK_LISTED = 0x0153,
    MSG_UNBLOCK = 0x0154,    /* an identity: fixed 16 */
    MSG_UNBLOCKED = 0x0155,  /* empty body */
    MSG_AUDIT_READ = 0x0120, /* bodies in lib/proto_audit.h */
    MSG_AUDIT_PAGE = 0x0121,
    MSG_AUDIT_CHECKPOINTS = 0x0122,
    MSG_AUDIT_CHECKPOINTED = 0x0123,
    MSG_AUDIT_SIGN = 0x0124, /* a checkpoint now; answered by MSG_AUDIT_CHECKPOINTED */
    MSG_AUDIT_TILE = 0x0125,
    MSG_AUDIT_TILE_IS = 0x0126,

    MSG_CRL_LIST = 0x0180,
    MSG_CRL_LISTED = 0x0181,
    MSG_CRL_SHOW = 0x0182,
    MSG_CRL_SHOWN = 0x0183, /* crl_info, and the descriptor of the CRL, DER, to read */
    MSG_CRL_PUBLISH = 0x0184,
    MSG_CRL_PUBLISHED = 0x0185,
    MSG_CRL_INSTALL = 0x0186, /* answered by MSG_CRL_PUBLISHED */

    MSG_IMPORT = 0x01b0, /* lib/proto_import.h */
    MSG_IMPORTED = 0x01b1,

    MSG_VIEW_EXPORT = 0x0190, /* empty body: an export of the view, now */
    MSG_VIEW_EXPORTED = 0x0191,

    MSG_ANNOTATE = 0x01a0, /* lib/proto_inventory.h */
    MSG_ANNOTATED = 0x01a1,
    MSG_LIST_LINES = 0x01a6, /* as MSG_LIST; rows of valid certificates say `followed` */
    MSG_FILTER_SAVE = 0x01a2,
    MSG_FILTER_SAVED = 0x01a3, /* empty body */
    MSG_FILTER_LIST = 0x01a4,
    MSG_FILTER_LISTED = 0x01a5,
    MSG_NOTIFY_TEST = 0x01d0, /* lib/proto_watch.h */
    MSG_NOTIFY_TESTED = 0x01d1,
    MSG_NOTIFY_LIST = 0x01d2,
    MSG_NOTIFY_LISTED = 0x01d3,
    MSG_NOTIFY_SHOW = 0x01d4,
    MSG_NOTIFY_SHOWN = 0x01d5,
    MSG_NOTIFY_DECIDE = 0x01d6,
    MSG_NOTIFY_DECIDED = 0x01d7,

    MSG_ALERT_LIST = 0x01c0, /* lib/proto_alert.h */
    MSG_ALERT_LISTED = 0x01c1,
    MSG_ALERT_SHOW = 0x01c2,
    MSG_ALERT_SHOWN = 0x01c3,
    MSG_ALERT_ACK = 0x01c4,
    MSG_ALERT_ACKED = 0x01c5,
    MSG_FINDING_LIST = 0x01c6,
    MSG_FINDING_LISTED = 0x01c7,
    MSG_FINDING_COUNT = 0x01c8,
    MSG_FINDING_COUNTED = 0x01c9,
    MSG_FINDING_EXCEPT = 0x01ca,
    MSG_FINDING_EXCEPTED = 0x01cb,
    MSG_EXCEPTION_LIST = 0x01cc,
    MSG_EXCEPTION_LISTED = 0x01cd,
    MSG_LINE_EXPLAIN = 0x01ce,
    MSG_LINE_EXPLAINED = 0x01cf,
    MSG_CAMPAIGN_CHANGE = 0x01f0, /* lib/proto_campaign.h */
    MSG_CAMPAIGN_CHANGED = 0x01f1,
    MSG_CAMPAIGN_LIST = 0x01f2,
    MSG_CAMPAIGN_LISTED = 0x01f3,
    MSG_CAMPAIGN_COUNT = 0x01f4,
    MSG_CAMPAIGN_COUNTED = 0x01f5,
    MSG_AGENT_LIST = 0x0800, /* lib/proto_agent.h */
    MSG_AGENT_LISTED = 0x0801,
    MSG_AGENT_SHOW = 0x0802,
    MSG_AGENT_SHOWN = 0x0803,
    MSG_PLACE_LIST = 0x0804,
    MSG_PLACE_LISTED = 0x0805,
    MSG_SCAN_RECORD = 0x0808, /* lib/proto_observe.h */
    MSG_SCAN_RECORDED = 0x0809,
    MSG_OBSERVATION_LIST = 0x080a,
    MSG_OBSERVATION_LISTED = 0x080b,
    MSG_JOB_LIST = 0x0810,
    MSG_JOB_LISTED = 0x0811,
    MSG_JOB_CHANGE = 0x0812,
    MSG_JOB_CHANGED = 0x0813,

    /* signer socket: cerca-ca asks, cerca-signer answers */
    MSG_HELLO = 0x0201,
    MSG_HELLO_REPLY = 0x0202,
    MSG_SIGN = 0x0203,
    MSG_SIGNED = 0x0204,
    MSG_PING = 0x0205, /* touches the token; empty bodies */
    MSG_PONG = 0x0206,
    MSG_SIGN_CRL = 0x0214, /* the descriptor of a draft */
    MSG_CRL_SIGNED = 0x0215,
    MSG_CA_CSR = 0x0218,
    MSG_CA_CSR_REPLY = 0x0219, /* the request (RFC 2986), DER */
    MSG_CHECKPOINT = 0x0210,   /* bodies in lib/proto_audit.h */
    MSG_CHECKPOINTED = 0x0211,

    /* delegate socket: cerca-public asks, cerca-ca answers; nothing else is accepted there */
    MSG_DELEGATE = 0x0401,
    MSG_DELEGATED = 0x0402,      /* the certificate of the responder, DER */
    MSG_DELEGATE_STATE = 0x0403, /* of all responders, when something changed; no answer */

    /* both of the delegate socket, without an answer, and of the enroll socket, answered by
     * MSG_ENROLL_NOTED */
    MSG_COUNTERS = 0x0410, /* lib/counters.h */

    /* enroll socket: cerca-enroll asks, cerca-ca answers (lib/proto_enroll.h) */
    MSG_ENROLL = 0x0501,        /* answered by MSG_ISSUED or MSG_ENROLL_KEYED */
    MSG_ENROLL_SERVER = 0x0502, /* a CSR, DER; answered by MSG_ISSUED */
    MSG_ENROLL_CAS = 0x0503,    /* a label */
    MSG_ENROLL_CAS_ARE = 0x0504,
    MSG_ENROLL_TURNED_AWAY = 0x0505, /* answered by MSG_ENROLL_NOTED, empty */
    MSG_ENROLL_NOTED = 0x0506,
    MSG_ENROLL_KEYED = 0x0507,
    MSG_ENROLL_HINT = 0x0510,
    MSG_ENROLL_HINTED = 0x0511,
    MSG_ENROLL_REPORT = 0x0518, /* lib/proto_agent.h */
    MSG_ENROLL_REPORTED = 0x0519,

    /* watch socket: cerca-watch asks, cerca-ca answers (lib/proto_watch.h) */
    MSG_WATCH_DUE = 0x0601,
    MSG_WATCH_DUE_ARE = 0x0602,
    MSG_WATCH_OUTCOME = 0x0603,
    MSG_WATCH_NOTED = 0x0604,
    MSG_WATCH_WAKE = 0x0605, /* unasked: something may be due */

    /* scan socket, and the pair of cerca scan: cerca-scan works, its peer gives the work
     * (lib/proto_scan.h) */
    MSG_SCAN_READY = 0x0620,
    MSG_SCAN_JOB = 0x0621,
    MSG_SCAN_TARGETS = 0x0622,
    MSG_SCAN_GO = 0x0623,
    MSG_SCAN_STOP = 0x0624,
    MSG_SCAN_RESULT = 0x0625,
    MSG_SCAN_PROGRESS = 0x0626,
    MSG_SCAN_DONE = 0x0627,

    /* the pair of cerca-agent and cerca-agent-key (lib/proto_hostkey.h) */
    MSG_HOSTKEY_MAKE = 0x0640,
    MSG_HOSTKEY_SHOW = 0x0641,
    MSG_HOSTKEY_PUBLIC = 0x0642,
    MSG_HOSTKEY_SIGN = 0x0643,
    MSG_HOSTKEY_SIGNED = 0x0644,
    MSG_HOSTKEY_DESTROY = 0x0645,
    MSG_HOSTKEY_DESTROYED = 0x0646,
    MSG_HOSTKEY_OPEN = 0x0647,
    MSG_HOSTKEY_OPENED = 0x0648,

    /* metrics socket: cerca-admin asks, cerca-ca answers (lib/proto_metrics.h) */
    MSG_METRICS = 0x0701,
    MSG_METRICS_ARE = 0x0702,

    /* control socket: cercad tells cerca-ca */
    MSG_CHILD_STATE = 0x0301,
};

void fault_put(struct buf *b, const struct fault *f);
int fault_get(struct slice body, struct fault *out) WARN_UNUSED;

#define TOKEN_TEXT_MAX 128 /* octets */

/* MSG_ISSUE: the one request type. Every protocol adapter fills it. */
struct issue_request {
    char profile[64];
    struct slice csr;     /* DER, at most CSR_MAX */
    struct san_list sans; /* asked for beside the CSR's own (union) */
    char subject[256];    /* RFC 4514 text that replaces the CSR's subject; "" keeps it */
    char owner[128];      /* "" : none */
    int64_t validity;     /* seconds; 0: the profile's default */
    int64_t not_after;    /* 0: by validity; not both */
    bool has_request_key;
    uint8_t request_key[32]; /* the same key and content: the same certificate */
    bool has_replaces;
    uint8_t replaces[SERIAL_LEN]; /* renew: the certificate that this one follows */
    struct slice token;           /* text that cerca token create printed; empty: none. A secret */
    bool dry_run; /* decide and say, record and issue nothing; answered by MSG_ISSUED with no
                     certificate */
};
void issue_request_put(struct buf *b, const struct issue_request *r);
int issue_request_get(struct slice body, struct issue_request *out) WARN_UNUSED;
/* Without reading the rest, which may be malformed. */
bool issue_request_has_token(struct slice body);

/* MSG_ISSUED */
struct issued {
    struct slice certificate; /* DER */
    struct slice chain; /* concatenated DER certificates from the issuer up to, without, the root */
    bool again;         /* the request key was known: this is the certificate of then */
};
void issued_put(struct buf *b, const struct issued *i);
int issued_get(struct slice body, struct issued *out) WARN_UNUSED;

/* One certificate as lists and show tell it. */
#define CERT_INFO_NAMES_MAX 4096
#define CERT_INFO_MAX 10240 /* octets of one at its longest */
struct cert_info {
    uint8_t serial[SERIAL_LEN];
    enum store_source source;
    uint64_t number;        /* of one that others issued, whose serial above is of no meaning ... */
    char other_serial[128]; /* ... and this is it, hexadecimal, cut to fit */
    char origin[256];       /* likewise: where it was found */
    int64_t last_seen;      /* by an import or a scan; 0: never */
    uint8_t told;           /* of others: what its CA said, enum import_told (proto_import.h) */
    bool stranger;          /* likewise: signed by the key of an issuer of ours */
    char issuer[128]; /* name in the configuration at the time; of others its RFC 4514 name, cut */
    char status[16];  /* valid, expired, held, revoked, abandoned, open */
    char profile[64];
    char owner[128];
    char requester[128];
    char subject[512];              /* RFC 4514, cut to fit */
    char sans[CERT_INFO_NAMES_MAX]; /* "dns:a dns:b ip:192.0.2.1", one space between, cut at a name
                                     */
    int64_t not_before, not_after, issued_at, revoked_at;
    uint8_t reason;
    uint8_t fingerprint[32];
    char key[64], signature[64]; /* "p256", "rsa-sha256": the key's kind, and how it is signed */
    bool has_replaces, has_replaced_by;
    uint8_t replaces[SERIAL_LEN], replaced_by[SERIAL_LEN];
    bool followed; /* by a valid one that ends later; told only where it is asked for */
    struct annotation annotation; /* of its identity, which is always there; `owner` is in force */
};
/* Is this requester a program of the CA itself? What those ask for they renew by themselves. */
bool requester_own(const char *requester);
void cert_info_put(struct buf *b, const struct cert_info *i);
/* Reads one from w; the error sticks to w. */
void cert_info_get(struct wire_in *w, struct cert_info *out);

/* MSG_LIST */
#define LIST_CURSOR_MAX 600
#define LIST_LIMIT_MAX 1000
#define LIST_REQUEST_MAX 4096 /* octets of one */
struct list_request {
    char status[16];                    /* "" any; valid, expired, revoked, held, open */
    int64_t expires_before;             /* 0: any */
    int64_t issued_from, issued_before; /* 0: any */
    char name[256], owner[128], requester[128], profile[64], issuer[64];
    bool has_key;
    uint8_t key[32]; /* SHA-256 of the SubjectPublicKeyInfo */
    uint8_t sources; /* a bit 1 << enum store_source each; 0: any */
    bool has_identity;
    uint8_t identity[ANNOTATION_IDENTITY];
    struct annotation_filter annotation;
    char contains[128]; /* somewhere in names, subject, serial, owner, requester; ASCII letters of
                           any case; "": any */
    char installed_on[AGENT_HOST_SIZE]; /* an agent of this host, or with this name in its
                                               certificate, told of it there; "": any */
    uint16_t installed;  /* a bit 1 << enum agent_state each (lib/agentstate.h): some agent has it
                            installed and is in such a state about it; 0: any */
    uint32_t limit;      /* rows of this page, 1 to LIST_LIMIT_MAX */
    struct slice cursor; /* from the page before; empty: from the start */
};
void list_request_put(struct buf *b, const struct list_request *r);
int list_request_get(struct slice body, struct list_request *out) WARN_UNUSED;

/* MSG_LIST_PAGE: cursor (bytes; empty: no more), count, then cert_info's. A page may hold
 * fewer rows than asked for (frame size, bounded work) and still have a cursor. */
struct list_page {
    struct slice cursor;
    uint32_t n;
    struct wire_in rows; /* n times cert_info_get, then wire_in_done */
};
/* `rows`: the n cert_infos already written one after the other. */
void list_page_put(struct buf *b, struct slice cursor, uint32_t n, struct slice rows);
int list_page_get(struct slice body, struct list_page *out) WARN_UNUSED;

/* MSG_SHOW: a serial (hex), a SHA-256 fingerprint (hex), SHOW_FOREIGN and the number of one that
 * others issued, or a name; MSG_SHOWN: matches, newest
 * first. */
#define SHOW_MAX 16
#define SHOW_FOREIGN "foreign:"
struct show_request {
    char selector[256];
};
void show_request_put(struct buf *b, const struct show_request *r);
int show_request_get(struct slice body, struct show_request *out) WARN_UNUSED;
/* One match: info, then the certificate (bytes, empty while open) and the chain (bytes). */
struct shown {
    struct cert_info info;
    struct slice certificate;
    struct slice chain;
};
void shown_put(struct buf *b, const struct shown *s);
void shown_get(struct wire_in *w, struct shown *out);
/* MSG_SHOWN is a u32 count (1 to SHOW_MAX), a u8 "there are more", then that many `shown`. */

/* MSG_REVOKE: the same for each of the serials; MSG_REVOKED: an outcome for each, in their order.
 * Every one of them is durable and in the public view, or says why not. */
#define REVOKE_MAX 256
struct revoke_request {
    bool release;        /* from hold; the fields below are not looked at */
    bool block;          /* their subjects and names alone, whatever became of them; nor here */
    uint8_t reason;      /* CRLReason (RFC 5280 5.3.1); certificateHold puts on hold */
    int64_t invalidity;  /* RFC 5280 5.3.2; 0: not known */
    bool block_identity; /* nothing is issued any more for these subjects and names */
    uint32_t n;          /* 1 to REVOKE_MAX */
    uint8_t serial[REVOKE_MAX][SERIAL_LEN];
};
void revoke_request_put(struct buf *b, const struct revoke_request *r);
int revoke_request_get(struct slice body, struct revoke_request *out) WARN_UNUSED;
struct revoke_outcome {
    uint8_t code; /* enum fault_code; FAULT_NONE: done */
    char rule[64], text[256];
};
void revoke_outcome_put(struct buf *b, const struct revoke_outcome *o);
/* Reads one from w; the error sticks to w. */
void revoke_outcome_get(struct wire_in *w, struct revoke_outcome *out);

/* MSG_BLOCK_LIST: what nothing is issued for any more; MSG_BLOCK_LISTED: a flag "there are more", a
 * u32 count, then that many block_info, keys first. */
#define BLOCK_IDENTITY 16
struct block_query {
    bool further; /* from behind these */
    bool identity;
    uint8_t id[32];
};
void block_query_put(struct buf *b, const struct block_query *q);
int block_query_get(struct slice body, struct block_query *out) WARN_UNUSED;
struct block_info {
    bool identity;       /* profile, subject and names; else a key */
    uint8_t id[32];      /* BLOCK_IDENTITY octets; else SHA-256 of the SubjectPublicKeyInfo */
    struct cert_info by; /* the certificate with which it was blocked */
};
void block_info_put(struct buf *b, const struct block_info *i);
/* Reads one from w; the error sticks to w. */
void block_info_get(struct wire_in *w, struct block_info *out);
void unblock_put(struct buf *b, const uint8_t identity[BLOCK_IDENTITY]);
int unblock_get(struct slice body, uint8_t identity[BLOCK_IDENTITY]) WARN_UNUSED;

/* MSG_CA_LISTED: a u32 count, then that many. */
#define CA_MAX 64
struct ca_info {
    char name[64];
    char subject[512];
    char parent[64];
    char token[64];
    char key[24];   /* "p256" */
    char state[16]; /* "ready", "no certificate", "unavailable", "crl-only", "offline" */
    bool signs_leaves, signs_cas;
    uint32_t generation; /* 1, or one more than that of the issuer that it replaces */
    char successor[64];  /* the issuer that replaces it; "": none */
    int64_t not_before, not_after;
    uint8_t fingerprint[32];
    struct slice certificate;
};
void ca_info_put(struct buf *b, const struct ca_info *c);
void ca_info_get(struct wire_in *w, struct ca_info *out);

/* MSG_STATUS_REPLY: a u8 "all is well", a u32 count, then that many items. */
#define STATUS_ITEMS_MAX 256
struct status_item {
    char name[64]; /* "hsm.default", "store", "issuing", "view", "clock", "signer.default" ... */
    bool ok;
    char state[64]; /* "ready", "unavailable", "stopped: wrong PIN", "full" ... */
    char text[256]; /* for people: "HSM unavailable, retry after 5 s" */
    uint32_t retry_after;
    int64_t by; /* when it is too late to do something; 0: there is no such time */
};
void status_item_put(struct buf *b, const struct status_item *s);
void status_item_get(struct wire_in *w, struct status_item *out);

/* MSG_CHECK_PROGRESS: text what, u64 done, u64 total. MSG_CHECK_FINDING: text rule (64), text text
 * (512). MSG_CHECK_DONE: u64 findings. */
void check_progress_put(struct buf *b, const char *what, uint64_t done, uint64_t total);
int check_progress_get(struct slice body, char what[64], uint64_t *done,
                       uint64_t *total) WARN_UNUSED;
void check_finding_put(struct buf *b, const char *rule, const char *text);
int check_finding_get(struct slice body, char rule[64], char text[512]) WARN_UNUSED;
void check_done_put(struct buf *b, uint64_t findings);
int check_done_get(struct slice body, uint64_t *findings) WARN_UNUSED;

/* MSG_VIEW_EXPORTED */
struct view_exported {
    uint64_t number;
    int64_t time;
    uint64_t files, octets;
    uint64_t new_octets; /* that the export before did not have */
};
void view_exported_put(struct buf *b, const struct view_exported *e);
int view_exported_get(struct slice body, struct view_exported *out) WARN_UNUSED;

/* MSG_OPEN, MSG_CLOSE */
struct gate_request {
    char reason[200]; /* for people; may be empty */
};
void gate_request_put(struct buf *b, const struct gate_request *r);
int gate_request_get(struct slice body, struct gate_request *out) WARN_UNUSED;

/* MSG_BACKUP_DONE: what was written. */
struct backup_done {
    uint64_t octets, change, audit_size, certificates;
    uint8_t sha256[32]; /* of all that the footer covers: see lib/backupfile.h */
};
void backup_done_put(struct buf *b, const struct backup_done *d);
int backup_done_get(struct slice body, struct backup_done *out) WARN_UNUSED;

/* MSG_CRL_SHOW, MSG_CRL_PUBLISH: an issuer, and which of its CRLs (lib/crlname.h). MSG_CRL_LISTED:
 * a u32 count, then that many of what MSG_CRL_SHOWN and MSG_CRL_PUBLISHED have one of; the parts
 * of one number are one row, "8 shards". */
struct crl_request {
    char issuer[64];
    char list[24]; /* "full", "delta", "shard-3-of-8" */
};
void crl_request_put(struct buf *b, const char *issuer, const char *list);
int crl_request_get(struct slice body, struct crl_request *out) WARN_UNUSED;
#define CRL_ROWS_MAX 128 /* they fit into a frame */
struct crl_row {
    char issuer[64];
    char list[24];
    char state[16];  /* "current", "none", "due", "late", "expired" */
    char text[256];  /* why, when something is wrong */
    bool installed;  /* made elsewhere: its issuer's key is not here */
    uint64_t number; /* 0: there is none */
    uint64_t base;   /* of a delta: the number of the full one that it is over */
    int64_t this_update, next_update;
    int64_t next; /* when the next one is due; 0: not ours to make */
    uint64_t entries, octets;
};
void crl_row_put(struct buf *b, const struct crl_row *r);
/* Reads one from w; the error sticks to w. */
void crl_row_get(struct wire_in *w, struct crl_row *out);
/* MSG_CRL_INSTALL: the whole CRL as a file that comes along, DER. */
#define CRL_INSTALL_MAX (16u << 20)

/* MSG_HELLO: u8[8] generation of the configuration that cerca-ca runs under.
 * MSG_HELLO_REPLY: the same of the signer, a u32 count, then the keys it can sign with. */
struct signer_key {
    char issuer[64];   /* name of the issuer in the configuration */
    enum sig_alg alg;  /* it signs with this and nothing else */
    struct slice spki; /* public key, read from the token */
};
void hello_put(struct buf *b, const uint8_t generation[8]);
int hello_get(struct slice body, uint8_t generation[8]) WARN_UNUSED;
void signer_key_put(struct buf *b, const struct signer_key *k);
void signer_key_get(struct wire_in *w, struct signer_key *out);

/* MSG_SIGN: "sign this draft". MSG_SIGNED: the whole certificate. */
struct sign_request {
    char issuer[64];
    uint8_t generation[8];
    struct slice tbs;
};
void sign_request_put(struct buf *b, const struct sign_request *r);
int sign_request_get(struct slice body, struct sign_request *out) WARN_UNUSED;

/* MSG_CA_CSR: "show the key of this issuer by a certification request". */
struct csr_request {
    char issuer[64];
    uint8_t generation[8];
    bool make_key; /* when the token has none */
};
void csr_request_put(struct buf *b, const struct csr_request *r);
int csr_request_get(struct slice body, struct csr_request *out) WARN_UNUSED;

/* MSG_SIGN_CRL: "sign this TBSCertList", so many octets from `start` on in the file that comes
 * along. MSG_CRL_SIGNED: the signature alone. */
#define CRL_DRAFT_MAX (UINT64_C(1) << 31)
struct crl_sign_request {
    char issuer[64];
    uint8_t generation[8];
    uint64_t start, octets;
};
void crl_sign_request_put(struct buf *b, const struct crl_sign_request *r);
int crl_sign_request_get(struct slice body, struct crl_sign_request *out) WARN_UNUSED;

/* MSG_CHILD_STATE */
/* MSG_DELEGATE: an OCSP responder's certificate from this issuer (RFC 6960 4.2.2.2). */
struct delegate_request {
    uint8_t owner[32]; /* SHA-256 of the issuer's SubjectPublicKeyInfo */
    struct slice csr;  /* DER, at most CSR_MAX */
};
void delegate_request_put(struct buf *b, const struct delegate_request *r);
int delegate_request_get(struct slice body, struct delegate_request *out) WARN_UNUSED;

/* MSG_DELEGATE_STATE: what cerca-public answers with, issuer by issuer. */
#define DELEGATE_STATES_MAX 256
struct delegate_state {
    uint8_t owner[32];             /* SHA-256 of the issuer's SubjectPublicKeyInfo */
    int64_t not_before, not_after; /* of the responder's certificate; 0: there is none */
    int64_t next;                  /* when its successor is asked for */
    bool blind;                    /* the issuer's view cannot be read: tryLater */
};
void delegate_states_put(struct buf *b, const struct delegate_state *s, uint32_t n);
int delegate_states_get(struct slice body, struct delegate_state out[DELEGATE_STATES_MAX],
                        uint32_t *n) WARN_UNUSED;

enum child_state { CHILD_RUNNING = 1, CHILD_WAITING = 2, CHILD_STOPPED = 3 };
struct child_status {
    char program[32]; /* "cerca-signer" */
    char token[64];   /* "" for others */
    enum child_state state;
    uint32_t pid, restarts;
    uint32_t retry_after_ms; /* with CHILD_WAITING */
    char reason[128];        /* of the last end: "killed by signal 9", "wrong PIN" ... */
};
void child_status_put(struct buf *b, const struct child_status *s);
int child_status_get(struct slice body, struct child_status *out) WARN_UNUSED;

#endif
