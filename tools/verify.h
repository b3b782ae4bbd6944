/*
 * Verifying the audit log: every record is hashed again, the tree is built again, and compared
 * with every checkpoint there is. What is wrong is named. No source is trusted but the keys.
 *
 * Findings, by rule:
 *   audit.key           a checkpoint is not signed by a known key: of another log or key
 *   audit.signature     a checkpoint names a known key, and its signature is wrong
 *   audit.origin        a checkpoint is of a log of another name
 *   audit.tampered      a record is not what the log's hashes say; or records between two
 *                       checkpoints are not what was signed
 *   audit.reordered     a record stands at another's place
 *   audit.missing       the records are not there one after the other
 *   audit.truncated     a checkpoint is over more records than there are
 *   audit.forked        a checkpoint that was kept elsewhere is of a log with another past
 */
#ifndef TOOLS_VERIFY_H
#define TOOLS_VERIFY_H

#include "tools/audit.h"

/* A checkpoint whose signature is good. */
struct known {
    uint64_t size;
    uint8_t root[32];
    bool elsewhere; /* given by hand, not by the log's own keeper */
    char name[128]; /* how people call it */
};

struct verify {
    void (*finding)(void *arg, const char *rule, const char *text);
    void *arg;
    uint64_t findings;
    struct note_key *key;
    size_t n_keys;
    char origin[NOTE_NAME_MAX + 1]; /* of the log; "": the first checkpoint's */
    struct known *known;
    size_t n_known, room;

    struct merkle records; /* the tree of what the records hash to */
    struct merkle hashes;  /* the tree of the log's hash tiles */
    size_t next;           /* of `known`, while it is sorted */
    uint64_t good_size;    /* the records are right up to here */
    uint64_t signed_size;  /* the tiles are, where some record is not */
    bool broken;           /* some range between two checkpoints is not what was signed */
    struct suspect *suspect;
    size_t n_suspects;
};

void verify_init(struct verify *v);
void verify_free(struct verify *v);
/* -FAULT_MALFORMED when it is none. */
int verify_add_key(struct verify *v, const char *vkey, struct fault *f) WARN_UNUSED;
/* Keys that came along with a log: better than none, and no proof of whose log it is. */
void verify_add_keys(struct verify *v, struct slice lines);
/* Looks at signature and origin, and remembers. */
void verify_add_checkpoint(struct verify *v, const char *name, bool elsewhere, struct slice note);
/* Before the first leaf. */
void verify_begin(struct verify *v);
/* The next leaf, by its record (NULL: there is none, trust `hash`), and as the log's hash tiles
 * have it (NULL: beyond them). */
void verify_leaf(struct verify *v, const uint8_t *record_hash, const uint8_t *hash);
/* After the last: what remains to be found. */
void verify_end(struct verify *v);
void verify_found(struct verify *v, const char *rule, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
