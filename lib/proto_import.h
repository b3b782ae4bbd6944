/* Certificates that others issued, on their way into the inventory (MSG_IMPORT, MSG_IMPORTED). */
#ifndef LIB_PROTO_IMPORT_H
#define LIB_PROTO_IMPORT_H

#include "lib/wire.h"

/* What the CA that issued it said of a certificate. */
enum import_told {
    IMPORT_NOT_TOLD = 0,
    IMPORT_VALID = 1,
    IMPORT_REVOKED = 2,
    IMPORT_EXPIRED = 3,
};
#define IMPORT_TOLD_MAX IMPORT_EXPIRED
struct import_status {
    uint8_t told;   /* enum import_told */
    uint8_t reason; /* CRLReason (RFC 5280 5.3.1) of a revocation, else 0; 6: on hold */
    int64_t time;   /* of the revocation, seconds; 0: not told */
};
void import_status_put(struct buf *b, const struct import_status *s);
/* The error sticks to w. */
void import_status_get(struct wire_in *w, struct import_status *out);

/* MSG_IMPORT: some of what an import found; as much as a frame holds. The same once more changes
 * nothing, so it may be repeated. */
#define IMPORT_MAX 128        /* certificates of one message */
#define IMPORT_DER_MAX 32768  /* octets of one */
#define IMPORT_ORIGIN_MAX 256 /* octets with their NUL */
#define IMPORT_OWNER_MAX 128  /* likewise */
#define IMPORT_TAGS_MAX 512   /* likewise */
struct import_item {
    struct import_status status;
    char origin[IMPORT_ORIGIN_MAX]; /* where it was found, for people */
    struct slice der;
};
struct import_request {
    bool dry_run; /* say what would become of them, record nothing */
    /* For what has no owner yet, and tags, commas between them, beside those that are there; "":
     * none. Written about every certificate of the message that is in the inventory then. */
    char owner[IMPORT_OWNER_MAX];
    char tags[IMPORT_TAGS_MAX];
    uint32_t n; /* 1 to IMPORT_MAX */
    struct import_item item[IMPORT_MAX];
};
void import_request_put(struct buf *b, const struct import_request *r);
int import_request_get(struct slice body, struct import_request *out) WARN_UNUSED;
/* Octets that an item takes in the message. */
size_t import_item_size(const struct import_item *i);

/* MSG_IMPORTED: a u32 count, then an outcome for each, in their order. */
enum import_became {
    IMPORT_NEW = 1,     /* is in the inventory now; in a dry run: would be */
    IMPORT_KNOWN = 2,   /* was there already; that it was seen again is noted */
    IMPORT_ISSUED = 3,  /* was issued here; that it was seen is noted */
    IMPORT_REFUSED = 4, /* `rule` and `text` say why */
};
struct import_outcome {
    uint8_t became;
    /* It bears the signature of an issuer of ours whose key is here, but was not issued through
     * this CA. That is recorded and logged. */
    bool stranger;
    uint64_t number; /* of the foreign certificate; 0: none (a dry run, refused, issued here) */
    char rule[64], text[256];
};
void import_outcome_put(struct buf *b, const struct import_outcome *o);
/* Reads one from w; the error sticks to w. */
void import_outcome_get(struct wire_in *w, struct import_outcome *out);

#endif
