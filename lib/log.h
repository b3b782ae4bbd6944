/*
 * Logs: one line an event, `event key=value ...`, to standard error with time
 * and level, or without them for journald (when JOURNAL_STREAM names our
 * standard error). Values with spaces are quoted, control characters escaped.
 * Secrets never come here.
 *
 * Thread-safe: a line is written with one write(2).
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include "lib/fault.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* `program` is shown on every line; kept by reference. Call before threads, and before anything is
 * opened: where standard input, output or error is closed its number is taken by /dev/null, so that
 * reading and writing it fail instead of meeting what is opened later. */
void log_open(const char *program, enum log_level level);
enum log_level log_level_now(void);
/* "error", "warn", "info", "debug"; -1 for anything else. */
int log_level_parse(const char *text, enum log_level *out) WARN_UNUSED;

/* Key and value pairs, all C strings, ended by NULL:
 * log_info("signer.started", "token", name, "pid", pidtext, NULL) */
void log_error(const char *event, ...) __attribute__((sentinel));
void log_warn(const char *event, ...) __attribute__((sentinel));
void log_info(const char *event, ...) __attribute__((sentinel));
void log_debug(const char *event, ...) __attribute__((sentinel));
/* The same with a fault's code, rule, field and text behind the pairs. */
void log_fault(enum log_level level, const char *event, const struct fault *f, ...)
    __attribute__((sentinel));

/* A number as text for a log pair: a ring of thread-local buffers, good for
 * the next 8 calls of this thread. */
const char *log_num(int64_t v);
const char *log_hex(struct slice s); /* cut at 32 octets */

#endif
