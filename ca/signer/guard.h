/*
 * What this signer may sign: the second opinion on every draft, from the
 * signer's own reading of the configuration and of the draft's bytes. It
 * touches no token and keeps no state, so that all of it can be tested alone.
 *
 * A draft must be, octet for octet, what lib/tbs.h writes from what was read out
 * of it and from the issuer's configured URLs, so that nothing in it goes unread
 * and no two readers differ about it. A leaf, and a CA that is not of
 * the configuration, must be what one of the issuer's profiles gives out; the subject, and who may
 * have which of the profile's names, is cerca-ca's to decide.
 *
 * What it cannot know: whether a serial was used before (its record shows that),
 * and the key of an issuer whose key lies in another token.
 *
 * Every refusal has a rule "signer.*".
 */
#ifndef CA_SIGNER_GUARD_H
#define CA_SIGNER_GUARD_H

#include "lib/cert.h"
#include "lib/conf.h"
#include "lib/fault.h"

/* One configured issuer, of whichever token. */
struct guard_issuer {
    const struct conf_issuer *conf;
    struct buf subject;     /* Name, whole DER, from the configured text */
    struct buf folded;      /* the same for comparing (lib/name.h) */
    struct buf constraints; /* NameConstraints of its certificate; empty: none */
    _Atomic bool ours; /* its key is in our token and can be used: the fields below, set once */
    unsigned long handle;
    struct buf spki; /* SubjectPublicKeyInfo, whole DER */
    struct spki key; /* points into spki */
    uint8_t key_id[20];
    uint8_t spki_hash[32];
};

struct guard {
    const struct conf *conf;
    struct guard_issuer *issuer;
    size_t n;
};

/* Reads the issuers' names. No key is ours yet. `conf` must outlive the guard. */
int guard_new(const struct conf *conf, struct guard *out, struct fault *f) WARN_UNUSED;
void guard_free(struct guard *g);
/* Gives an issuer its key; takes a copy of `spki`. */
int guard_set_key(struct guard_issuer *i, struct slice spki, unsigned long handle,
                  struct fault *f) WARN_UNUSED;
/* Was the request made under the guard's configuration? Rule "signer.generation": not yet, or not
 * any more. */
int guard_generation(const struct guard *g, const uint8_t generation[8],
                     struct fault *f) WARN_UNUSED;
/* The issuer of this name whose key is ours; rules "signer.issuer", "signer.key". */
int guard_find(const struct guard *g, const char *name, const struct guard_issuer **out,
               struct fault *f) WARN_UNUSED;

/* May `by` sign this draft, parsed from the very bytes that will be hashed? `now` is the time.
 * Rules "signer.issuer-name", "signer.algorithm", "signer.serial", "signer.extension",
 * "signer.authority", "signer.validity"; of leaves "signer.leaf", "signer.spki", "signer.subject",
 * "signer.profile"; of CAs "signer.ca", "signer.spki", "signer.subject", "signer.path-length",
 * "signer.constraints"; "signer.form", "signer.lint". */
int guard_check(const struct guard *g, const struct guard_issuer *by, const struct cert *draft,
                int64_t now, struct fault *f) WARN_UNUSED;

#endif
