/*
 * What is served or lies somewhere, held against what is recorded: the fixed vocabulary of
 * outcomes, each of which but "matches" is a rule of findings ("seen." and the word) that goes when
 * it is no longer so. Pure. Threads: any.
 */
#ifndef WATCH_RULES_COMPARE_H
#define WATCH_RULES_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum compare {
    COMPARE_SUPERSEDED,       /* another has taken its place, and it is still served */
    COMPARE_UNKNOWN,          /* nobody has told us of it */
    COMPARE_SELF_SIGNED,      /* it is its own issuer */
    COMPARE_FOREIGN,          /* another CA issued it */
    COMPARE_CHAIN_MISSING,    /* served alone, where its issuer is no root */
    COMPARE_CHAIN_INCOMPLETE, /* the chain that is served does not reach a root */
    COMPARE_CHAIN_ORDER,      /* it is not served from the certificate up */
    COMPARE_WRONG_NAME,       /* it is not for the name that was asked for */
    COMPARE_EXPIRED,
    COMPARE_REVOKED,
    COMPARE_WEAK_PROTOCOL, /* TLS 1.0 or 1.1 is offered */
    COMPARE_WEAK_CIPHER,   /* so is a cipher that nobody should have any more */
    COMPARE_UNREACHABLE,   /* where it was served nobody answers */
    COMPARE_NO_TLS,        /* where it was served something else than TLS answers */
    COMPARE_NEVER,         /* issued for a server, and seen nowhere */
    COMPARE_RETIRED,       /* seen where it should be gone: its identity is retired */
    COMPARES
};
#define COMPARE_BIT(c) (1u << (c))
/* "superseded", "chain-missing"; "matches" for COMPARES. */
const char *compare_word(enum compare c);
/* COMPARES: there is no such word. */
enum compare compare_parse(const char *word);

enum compare_at {
    COMPARE_AT_SERVED = 1, /* a scan saw it in TLS */
    COMPARE_AT_INSTALLED,  /* an agent looks after it */
    COMPARE_AT_FOUND,      /* it lies on a host */
    COMPARE_AT_LOGGED,     /* a log of Certificate Transparency shows that it was issued */
};

/* One place. */
struct compare_place {
    enum compare_at at;
    int64_t looked;     /* when that was last looked at */
    bool gone;          /* of a served one: that look found nobody who has its key ... */
    bool no_tls;        /* ... but something that is no TLS */
    bool shown;         /* ... but somebody who shows this one, and goes no further */
    uint32_t flaws;     /* of a served one, by the chain alone: COMPARE_SELF_SIGNED to _WRONG_NAME,
                           _WEAK_PROTOCOL, _WEAK_CIPHER */
    bool serves_others; /* of an installed one: its services were seen to serve another */
};
/* What is recorded of the certificate that is there, and of its line. */
struct compare_known {
    bool told;       /* issued here, or imported: not only seen */
    bool issued;     /* here */
    bool newest;     /* of its line ... */
    int64_t since;   /* ... which has its newest one since then */
    bool revoked;    /* or on hold */
    int64_t ends;    /* notAfter */
    int64_t retired; /* when its identity was; 0: it is not */
};
/* A bit for each that holds; 0: matches. */
uint32_t compare(const struct compare_place *p, const struct compare_known *k, int64_t now);

#endif
