/*
 * The inventory: certificates that others issued ("foreign"), and what operators write about what
 * must keep working (annotations of identities). Beside the issued ones of ca/store/store.h; lists,
 * reads and the change sequence have both.
 *
 * A foreign certificate has the ref {serial: its number, big-endian; issuer: STORE_FOREIGN}. Its
 * state is CERT_GOOD, or what the CA that issued it told when it was added or seen again:
 * CERT_REVOKED, which it stays, or CERT_HELD. Nothing that changes the state of an issued one is
 * for it ("serial.foreign"), and neither the public view nor CRLs have it. Its key counts for lists
 * by key, not for the reuse of keys. A struct cert_row of one has `source`, `der`, `origin`,
 * `last_seen`, `told`, `stranger`; who added it is the requester; profile and owner are empty.
 *
 * An identity is what must keep working. That of an issued certificate is of its profile, subject
 * and names; that of a foreign one of its names alone (anycert_names_id). Certificates of one
 * identity are a line: the one that expires last is its newest. Lines of the same names are found
 * together by store_same_names, whatever their profiles and issuers.
 *
 * A change of annotations has a number in the change sequence too, with the ref {serial: the
 * identity; issuer: STORE_ANNOTATED}, so that whoever follows the sequence sees it. Those with an
 * issuer of STORE_ANNOTATED and more are none of the public view's.
 */
#ifndef CA_STORE_INVENTORY_H
#define CA_STORE_INVENTORY_H

#include "ca/store/store.h"
#include "lib/annotation.h"
#include "lib/anycert.h"
#include "lib/proto_import.h"
#include "lib/proto_inventory.h"

/* ---- foreign certificates ---- */

void foreign_ref(uint64_t number, struct cert_ref *out);
/* 0 when it is not the ref of a foreign certificate. */
uint64_t foreign_number(const struct cert_ref *ref);

enum foreign_outcome {
    FOREIGN_ADDED = 1,
    FOREIGN_SEEN = 2,      /* known already: last seen moved, and what was told is taken over */
    FOREIGN_ISSUED = 3,    /* issued here: last seen is noted; `ref` is its own */
    FOREIGN_MALFORMED = 4, /* not a certificate (anycert_parse): left out */
};

/* One certificate to add. The DER is the submitter's until the operation is done. */
struct foreign {
    struct slice der;          /* at most ANYCERT_MAX */
    const char *origin;        /* where it was found: "file web.pem", "host 192.0.2.1:443"; cut */
    struct import_status told; /* what the CA that issued it said of it */
    uint16_t stranger; /* the issuer of ours whose signature it bears though it is none that was
                          issued here; 0: it is no stranger. The first time that is known it is
                          recorded, in a record of its own */
    /* out */
    enum foreign_outcome outcome;
    struct cert_ref ref;
};

/* STORE_FOREIGN_ADD: STORE_FOREIGN_MAX of them at most are one operation, so one commit and one
 * audit record, before whose detail the store puts the counts. op->time is when they were seen.
 * Refused: "store.full", "foreign.count". */
#define STORE_FOREIGN_MAX 500
struct store_foreign {
    enum store_source source; /* SOURCE_IMPORTED or SOURCE_SCANNED */
    const char *by;           /* "operator:alice" */
    size_t n;
    struct foreign *item;
    size_t added, seen, issued, malformed; /* out */
    size_t changes;                        /* out: of the change sequence */
};

/* ---- annotations ---- */

/* STORE_ANNOTATE: sets the fields of `mask` of one identity as in `row` (nothing of a text: unset).
 * The caller has checked it. In the audit record the store puts "identity HEX" and the names of
 * the fields that changed in front of the detail. Out: `changed`; STORE_SAME, and nothing recorded,
 * when nothing changed. Refused: "store.full", "annotation.tags" (add). */
struct store_annotate {
    struct annotation row;
    unsigned mask;
    bool add; /* in place of `mask`: owner and tags of `row`, as annotation_add says */
    unsigned changed;
};

/* *known is false, and *out empty but for its identity, when nothing is set. */
int store_annotation(struct store *s, const uint8_t identity[IDENTITY_LEN], struct annotation *out,
                     bool *known, struct fault *f) WARN_UNUSED;

/* ---- filters of lists, kept under a name ---- */

/* STORE_FILTER: op->filter is kept in the place of one of that name, or removed. Refused:
 * "store.full", "filter.unknown" (removed), "filter.many". */
/* By name, from behind `after` ("": from the start), until fn returns other than 0. */
typedef int (*store_filter_each)(void *arg, const struct saved_filter *f);
int store_filters(struct store *s, const char *after, store_filter_each fn, void *arg,
                  struct fault *f) WARN_UNUSED;
/* -FAULT_NOT_FOUND, "filter.unknown". */
int store_filter_get(struct store *s, const char *name, struct saved_filter *out,
                     struct fault *f) WARN_UNUSED;

/* ---- lines ---- */

/* They are found by the derived indexes, which are about a second behind the commits unless
 * somebody waits for them. The newest change that these have; -FAULT_UNAVAILABLE, rule
 * "store.index", while they are rebuilt. Costs nothing. */
int store_indexed(struct store *s, uint64_t *change, struct fault *f) WARN_UNUSED;
/* Waits until they have all that was committed before the call, as `fresh` does below: once for
 * many reads. */
int store_index_wait(struct store *s, struct fault *f) WARN_UNUSED;

/* One line: its identity, and its newest certificate. Open and given-up intents are no members; a
 * revoked or held certificate is. */
struct store_line {
    uint8_t identity[IDENTITY_LEN];
    struct cert_ref newest; /* of those that expire last, the one with the greatest ref */
    int64_t not_after;
    uint32_t members; /* at most STORE_LINE_MEMBERS are counted */
};
#define STORE_LINE_MEMBERS 100
typedef int (*store_line_each)(void *arg, const struct store_line *l); /* >0 stops */
/* Lines in the order of identities, from behind `after` (NULL: from the start), at most `max` of
 * them, by the derived index, in one short transaction: *n of them were walked over; 0 of
 * them means the end, fewer than `max` only that a slice of time was over. `fresh`: waits first, as
 * store_list does. A line whose index entries are older than the last change is told as the index
 * has it: read the row. */
int store_lines(struct store *s, const uint8_t after[IDENTITY_LEN], size_t max, bool fresh,
                store_line_each fn, void *arg, size_t *n, struct fault *f) WARN_UNUSED;
/* The line of one identity. -FAULT_NOT_FOUND, rule "identity.unknown". */
int store_line(struct store *s, const uint8_t identity[IDENTITY_LEN], bool fresh,
               struct store_line *out, struct fault *f) WARN_UNUSED;
/* Of all finished certificates with these names (names_id), whatever their identity, at most `max`
 * refs, the latest expiry first. */
int store_same_names(struct store *s, const uint8_t names[SAN_IDENTITY], bool fresh,
                     struct cert_ref *out, size_t max, size_t *n, struct fault *f) WARN_UNUSED;
/* The names of a certificate, for store_same_names. Of one without a TBS (lost in a restore) it is
 * all zeros. */
void cert_row_names(const struct cert_row *r, uint8_t out[SAN_IDENTITY]);

/* Many reads as of one moment, which cost less than each for itself: for some milliseconds, since
 * pages that are freed meanwhile are not used again before its end. One thread. */
struct store_moment;
int store_moment_begin(struct store *s, struct store_moment **out, struct fault *f) WARN_UNUSED;
void store_moment_end(struct store_moment *m); /* NULL is fine */
/* The row of a line's newest certificate, and what is written about the identity.
 * -FAULT_NOT_FOUND when there is no such certificate. */
int store_line_newest(struct store_moment *m, const struct store_line *l, struct cert_row *row,
                      struct annotation *a, struct fault *f) WARN_UNUSED;
/* Certificates with this key that are of another identity: at most `max` refs, whatever became of
 * them. By half the key's hash: compare it. */
int store_key_others(struct store *s, const uint8_t spki_hash[32],
                     const uint8_t identity[IDENTITY_LEN], struct cert_ref *out, size_t max,
                     size_t *n, struct fault *f) WARN_UNUSED;
/* Which keys more than one identity has, for whoever asks of all certificates: a walk in slices,
 * each a short transaction of at most `max` certificates, and far quicker than to look for each
 * key. `fn` is told the first KEY_PART octets of each such key's hash, of those recorded before the
 * walk began; of the latest of these, which the first slice tells, also of keys that one alone has,
 * and of some more than once. Begins with zeros; w->ended is set by the last slice. */
#define KEY_PART 16
struct store_key_walk {
    bool begun, ended;
    uint8_t last[50]; /* an entry of ca/store/runs.h */
};
typedef void (*store_key_each)(void *arg, const uint8_t key[KEY_PART]);
int store_shared_keys(struct store *s, struct store_key_walk *w, size_t max, store_key_each fn,
                      void *arg, struct fault *f) WARN_UNUSED;
/* Is nothing issued for the identity, or the key, any more? */
int store_blocked(struct store *s, const uint8_t identity[IDENTITY_LEN],
                  const uint8_t spki_hash[32], bool *by_identity, bool *by_key,
                  struct fault *f) WARN_UNUSED;

#endif
