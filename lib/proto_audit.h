/* Messages about the audit log: among cerca, cerca-ca and cerca-signer. */
#ifndef LIB_PROTO_AUDIT_H
#define LIB_PROTO_AUDIT_H

#include "lib/note.h"
#include "lib/proto.h"
#include "lib/tile.h"

/* MSG_CHECKPOINT: "sign this checkpoint". */
struct checkpoint_request {
    char origin[NOTE_NAME_MAX + 1];
    uint8_t generation[8];
    uint64_t size;
    uint8_t root[32];
};
void checkpoint_request_put(struct buf *b, const struct checkpoint_request *r);
int checkpoint_request_get(struct slice body, struct checkpoint_request *out) WARN_UNUSED;

/* MSG_CHECKPOINTED: the signed note, and the public halves of both keys that signed it. As rows
 * of the store and in MSG_AUDIT_CHECKPOINTED it has the same form. */
struct checkpointed {
    uint64_t size;
    int64_t time;
    struct slice note;
    struct slice keys; /* vkeys, a line each */
};
void checkpointed_put(struct buf *b, const struct checkpointed *c);
/* Reads one from w; the error sticks to w. */
void checkpointed_get(struct wire_in *w, struct checkpointed *out);

/* MSG_AUDIT_READ: records from an index on, or the newest. */
#define AUDIT_LIMIT_MAX 5000
/* The log in force; else a log has the number that a restore told when it began, the first one 0.
 */
#define AUDIT_LOG_NOW ((int64_t)-1)
struct audit_read {
    int64_t log;
    uint64_t from; /* index to begin at; backwards: to end before, UINT64_MAX: the newest */
    bool backwards;
    uint32_t limit;                       /* records at most, 1 to AUDIT_LIMIT_MAX */
    int64_t since, until;                 /* 0: any; until is exclusive */
    char actor[64], action[32], rule[64]; /* "" any */
    bool has_serial;
    bool around; /* with serial: look only around the times that its certificate's row says */
    uint8_t serial[SERIAL_LEN];
    bool generic; /* every record, pruned ones too: the fields above must be empty */
};
void audit_read_put(struct buf *b, const struct audit_read *r);
int audit_read_get(struct slice body, struct audit_read *out) WARN_UNUSED;

/* MSG_AUDIT_PAGE: where to go on, the size of the log then, a count, then that many leaves. A page
 * may hold fewer than asked for, even none, and still not be the last. */
struct audit_page {
    bool more;
    uint64_t next; /* `from` of the next page */
    uint64_t size;
    uint32_t n;
    struct wire_in leaves; /* n times audit_leaf_get, then wire_in_done */
};
void audit_page_put(struct buf *b, const struct audit_page *p, struct slice leaves);
int audit_page_get(struct slice body, struct audit_page *out) WARN_UNUSED;
struct audit_leaf {
    uint64_t index;
    struct slice salt;   /* 16 octets; none when pruned */
    struct slice record; /* or, pruned, SHA-256(salt || record) */
};
void audit_leaf_put(struct buf *b, const struct audit_leaf *l);
void audit_leaf_get(struct wire_in *w, struct audit_leaf *out);
bool audit_leaf_pruned(const struct audit_leaf *l);
/* Its hash in the tree. */
void audit_leaf_hash(const struct audit_leaf *l, uint8_t out[32]);

/* MSG_AUDIT_CHECKPOINTS: an i64, which log; a u64, the least size wanted, or UINT64_MAX: only the
 * newest.
 * MSG_AUDIT_CHECKPOINTED: a u32 count, then checkpointed's, in order of size; all that fit. */
#define CHECKPOINTS_MAX 256

/* MSG_AUDIT_TILE: which; MSG_AUDIT_TILE_IS: its octets, nothing else. */
void tile_request_put(struct buf *b, const struct tile *t);
int tile_request_get(struct slice body, struct tile *out) WARN_UNUSED;

#endif
