/* What the audit commands share: asking for records, checkpoints and tiles, and showing them. */
#ifndef TOOLS_AUDIT_H
#define TOOLS_AUDIT_H

#include "lib/merkle.h"
#include "lib/proto_audit.h"
#include "tools/json.h"
#include "tools/tool.h"

/* ---- asking cerca-ca ---- */

/* --log N: a log that a restore ended, by the number that the restore told, 0 the first one; NULL:
 * AUDIT_LOG_NOW, the log in force. */
int audit_log_option(const char *text, int64_t *log, struct fault *f) WARN_UNUSED;

/* One page; good until the next call. */
int audit_page(struct tool *t, const struct audit_read *r, struct audit_page *out,
               struct fault *f) WARN_UNUSED;
/* Every kept checkpoint over `least` records and more, in order. */
typedef int (*audit_each_checkpoint)(void *arg, const struct checkpointed *c, struct fault *f);
int audit_checkpoints(struct tool *t, int64_t log, uint64_t least, audit_each_checkpoint fn,
                      void *arg, struct fault *f) WARN_UNUSED;
/* The newest, or, with `now`, one that is signed for us (of the log in force). Copied into *note
 * and *keys (buf_init'd); *c has its text point into *note. -FAULT_NOT_FOUND: there is none yet. */
int audit_newest(struct tool *t, int64_t log, bool now, struct checkpoint *c, struct buf *note,
                 struct buf *keys, struct fault *f) WARN_UNUSED;
/* A tile_reader's read; `arg` is the tool. */
int audit_read_tile(void *tool, const struct tile *t, uint8_t *out, struct fault *f) WARN_UNUSED;

/* ---- showing ---- */

/* index, time, action, actor ... of one record; a pruned one has index and "pruned" only. */
json_t *audit_json(const struct audit_leaf *leaf);
json_t *json_base64(const uint8_t *p, size_t n);
/* Hexadecimal of any length. */
json_t *json_hex_long(struct slice s);

#endif
