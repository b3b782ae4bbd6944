/*
 * Keys that nobody may have certified, whatever a profile allows: too small or too large,
 * with parameters that standards forbid, off their curve, or made by generators that are
 * known to be broken. A table of named rules, the same for requests, for keys of CAs and for
 * `cerca lint`. Everything is computed from the public key alone, in microseconds.
 *
 * Threads: any; scratch memory is kept per thread (lib/key_thread.h).
 */
#ifndef LIB_KEYCHECK_H
#define LIB_KEYCHECK_H

#include "lib/key.h"

struct keycheck {
    const char *name;    /* "key.rsa.roca" */
    const char *section; /* where the rule comes from */
    const char *allowed; /* what a good key looks like */
    /* Does the key keep the rule? One of another kind does. */
    bool (*keeps)(const struct spki *k);
};

extern const struct keycheck keychecks[];
extern const size_t keychecks_count;

/* `k` passed spki_parse. The first rule that it breaks becomes a refusal (FAULT_POLICY, the
 * rule's name and what is allowed). */
int keycheck(const struct spki *k, struct fault *f) WARN_UNUSED;

#endif
