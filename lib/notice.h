/*
 * A notice: one thing that people are told, once for each channel that it goes to. It says the
 * facts and no channel's form; watch/notify makes mails, messages and tickets of it.
 *
 * Its id is made once and stays: whoever is told twice, because an answer was lost, can see that
 * it is the same. Notices about one condition share its key, so that a ticket that one opened is
 * closed by another; a channel gets those of one key in their order.
 */
#ifndef LIB_NOTICE_H
#define LIB_NOTICE_H

#include "lib/wire.h"

enum notice_kind {
    NOTICE_RAISED = 1, /* of a condition (has_key) ... */
    NOTICE_REPEATED = 2,
    NOTICE_ESCALATED = 3,
    NOTICE_ACKNOWLEDGED = 4,
    NOTICE_RESOLVED = 5,
    NOTICE_DIGEST = 6,    /* ... or of none: a list for an owner, */
    NOTICE_HEARTBEAT = 7, /* alerting is alive, */
    NOTICE_TEST = 8,      /* somebody wants to see whether this arrives */
};
#define NOTICE_KINDS 8

enum severity {
    SEVERITY_INFO = 1,
    SEVERITY_WARNING = 2,
    SEVERITY_CRITICAL = 3,
};

#define NOTICE_KEY 16
#define NOTICE_ID_SIZE 33 /* 32 hexadecimal digits */
#define NOTICE_FACTS_MAX 16
#define NOTICE_TEXT_SIZE 8192

struct notice_fact {
    char name[32]; /* "serial", "not after": for people */
    char value[256];
};

struct notice {
    uint64_t number;         /* the outbox's; 0: not there yet */
    char id[NOTICE_ID_SIZE]; /* the outbox makes one where it is "" */
    enum notice_kind kind;
    enum severity severity;
    bool has_key;
    uint8_t key[NOTICE_KEY];     /* of the condition */
    int64_t time;                /* of what happened */
    int64_t first_seen;          /* of the condition; 0: there is none */
    int64_t deadline;            /* when it is too late, as an expiry; 0: none */
    char rule[64];               /* "expiry", "crl.late" */
    char subject[256];           /* what it is about: a name, an issuer */
    char owner[128];             /* who has it; "": nobody known */
    char contact[256];           /* the owner's mail address; "" */
    char summary[256];           /* one line, which names the subject too */
    char text[NOTICE_TEXT_SIZE]; /* lines; may be "" */
    uint32_t n_facts;
    struct notice_fact fact[NOTICE_FACTS_MAX];
};

/* "raised"; "warning". "unknown" for anything else. */
const char *notice_kind_word(enum notice_kind k);
const char *severity_word(enum severity s);
bool severity_parse(const char *word, enum severity *out);

/* Cut where it is longer, at a character's end; what is not UTF-8 (RFC 3629) becomes ASCII with
 * "?" for the rest. */
void notice_set(char *field, size_t cap, const char *text);
/* Another fact, unless the value is "" or there are NOTICE_FACTS_MAX. */
void notice_fact(struct notice *n, const char *name, const char *value);

void notice_put(struct buf *b, const struct notice *n);
/* Reads one from w; the error sticks to w. */
void notice_get(struct wire_in *w, struct notice *out);

#endif
