/*
 * The one fault type. A function that can refuse or fail takes a struct fault,
 * sets it where the reason is known, and returns a negative code; whoever
 * stands at the edge (a socket, a command line, a protocol adapter) logs it or
 * maps it once.
 *
 * A refusal names the rule that was broken, the field, the value that was
 * given and what would have been allowed.
 */
#ifndef LIB_FAULT_H
#define LIB_FAULT_H

#include <stdint.h>

#include "lib/buf.h"

enum fault_code {
    FAULT_NONE = 0,
    FAULT_MALFORMED = 1,   /* the bytes are not what they claim to be */
    FAULT_POLICY = 2,      /* well-formed, but policy says no */
    FAULT_DENIED = 3,      /* this requester may not ask for that */
    FAULT_NOT_FOUND = 4,   /* no such certificate, profile, issuer ... */
    FAULT_CONFLICT = 5,    /* contradicts something recorded */
    FAULT_UNAVAILABLE = 6, /* not now; retry_after says when to try again */
    FAULT_FULL = 7,        /* disk or quota; issuing stops, revoking does not */
    FAULT_INTERNAL = 8,    /* a library or the system failed unexpectedly */
    FAULT_CONFIG = 9,      /* the configuration is wrong */
    FAULT_TOO_LARGE = 10,  /* past a bound */
    FAULT_PENDING = 11,    /* recorded; waits for an operator's yes. value: the request's number */
};

#define FAULT_CODE_MAX FAULT_PENDING

struct fault {
    enum fault_code code;
    uint32_t retry_after; /* seconds, with FAULT_UNAVAILABLE, FAULT_FULL, FAULT_PENDING; else 0 */
    char rule[64];        /* stable name, e.g. "key.rsa.size", "csr.pop" */
    char field[64];       /* what was looked at, e.g. "san.dns"; may be empty */
    char value[128];      /* what was given, printable, cut to fit; may be empty */
    char allowed[256];    /* what is allowed; may be empty */
    char text[256];       /* one sentence for people */
};

void fault_clear(struct fault *f);

/* Sets code, rule and text (printf-like). Returns -(int)code. `f` may not be NULL. */
int fault_set(struct fault *f, enum fault_code code, const char *rule, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* A policy refusal; the text is made of the parts. Unprintable octets of value
 * are shown as \xNN. Returns -FAULT_POLICY. */
int fault_refuse(struct fault *f, const char *rule, const char *field, struct slice value,
                 const char *allowed);

/* Names the rule anew and keeps everything else: for a reader that says which of its own parts a
 * lower one refused. Returns -code. */
int fault_rename(struct fault *f, const char *rule);

/* FAULT_UNAVAILABLE with a time to wait. Returns -FAULT_UNAVAILABLE. */
int fault_unavailable(struct fault *f, uint32_t retry_after, const char *rule, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* "refused", "denied", "unavailable" ...: the stable word for a code. */
const char *fault_code_name(enum fault_code code);

/* May the same request succeed later without being changed? */
bool fault_retryable(const struct fault *f);

/* One line for people: text, then rule, field, value, allowed where set. */
void fault_print(const struct fault *f, struct buf *out);

#endif
