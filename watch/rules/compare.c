#include "watch/rules/compare.h"

#include <string.h>

static const char *const words[COMPARES + 1] = {
    [COMPARE_SUPERSEDED] = "superseded",
    [COMPARE_UNKNOWN] = "unknown",
    [COMPARE_SELF_SIGNED] = "self-signed",
    [COMPARE_FOREIGN] = "foreign-issuer",
    [COMPARE_CHAIN_MISSING] = "chain-missing",
    [COMPARE_CHAIN_INCOMPLETE] = "chain-incomplete",
    [COMPARE_CHAIN_ORDER] = "chain-order",
    [COMPARE_WRONG_NAME] = "wrong-name",
    [COMPARE_EXPIRED] = "expired",
    [COMPARE_REVOKED] = "revoked",
    [COMPARE_WEAK_PROTOCOL] = "weak-protocol",
    [COMPARE_WEAK_CIPHER] = "weak-cipher",
    [COMPARE_UNREACHABLE] = "unreachable",
    [COMPARE_NO_TLS] = "no-tls",
    [COMPARE_NEVER] = "never",
    [COMPARE_RETIRED] = "retired",
    [COMPARES] = "matches",
};

const char *compare_word(enum compare c)
{
    return words[c <= COMPARES ? c : COMPARES];
}

enum compare compare_parse(const char *word)
{
    unsigned c = 0;

    while (c < COMPARES && strcmp(words[c], word) != 0)
        c++;
    return (enum compare)c;
}

/* Nobody misses what was replaced, has ended or was retired. */
static uint32_t of_gone(const struct compare_place *p, const struct compare_known *k, int64_t now)
{
    if (!k->newest || k->revoked || k->retired != 0 || now >= k->ends)
        return 0;
    return COMPARE_BIT(p->no_tls ? COMPARE_NO_TLS : COMPARE_UNREACHABLE);
}

/* What was looked at before the newest one was there says nothing about it. */
static bool superseded(const struct compare_place *p, const struct compare_known *k)
{
    if (p->at == COMPARE_AT_INSTALLED && p->serves_others)
        return true;
    return !k->newest && p->looked > k->since;
}

static uint32_t of_use(const struct compare_place *p, const struct compare_known *k, int64_t now)
{
    uint32_t found = p->flaws;

    if (superseded(p, k))
        found |= COMPARE_BIT(COMPARE_SUPERSEDED);
    if (now >= k->ends)
        found |= COMPARE_BIT(COMPARE_EXPIRED);
    if (k->revoked)
        found |= COMPARE_BIT(COMPARE_REVOKED);
    if (k->retired != 0 && p->looked > k->retired)
        found |= COMPARE_BIT(COMPARE_RETIRED);
    return found;
}

/* It was issued, whoever uses it: nobody who comes too late can. */
static uint32_t of_log(const struct compare_known *k, int64_t now)
{
    return k->told || now >= k->ends ? 0 : COMPARE_BIT(COMPARE_UNKNOWN);
}

uint32_t compare(const struct compare_place *p, const struct compare_known *k, int64_t now)
{
    uint32_t found = 0;

    if (p->at == COMPARE_AT_LOGGED)
        return of_log(k, now);
    if (p->at == COMPARE_AT_SERVED && p->gone) {
        found = of_gone(p, k, now);
        if (!p->shown)
            return found;
        found |= p->flaws;
    } else if (p->at != COMPARE_AT_FOUND) {
        /* A file that lies somewhere is used by nobody that we know of. */
        found = of_use(p, k, now);
    }
    if (!k->told)
        found |= COMPARE_BIT(COMPARE_UNKNOWN);
    if (!k->issued && (p->flaws & COMPARE_BIT(COMPARE_SELF_SIGNED)) == 0 &&
        p->at == COMPARE_AT_SERVED)
        found |= COMPARE_BIT(COMPARE_FOREIGN);
    return found;
}
