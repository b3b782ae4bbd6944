#include "ca/policy/policy.h"

#include <string.h>

#include "lib/clock.h"

/* A relying party's clock may be a little behind ours. */
#define CA_BACKDATE 60

/* A CA certificate does not outlive the one above it; the configuration asked
 * for its validity, so what does not fit is refused, not cut. */
static int decide_ca_validity(const struct conf_issuer *i, const struct policy_issuer *parent,
                              int64_t now, struct decision *d, struct fault *f)
{
    char end[CLOCK_TEXT_SIZE];

    const struct policy_issuer *first = parent == NULL ? NULL : policy_first_to_end(parent);

    d->not_before = now - CA_BACKDATE;
    d->not_after = now + i->validity;
    if (first == NULL || d->not_after <= first->not_after)
        return 0;
    clock_format(first->not_after, end);
    return fault_set(f, FAULT_CONFIG, "validity.issuer",
                     "issuer \"%s\" would outlive \"%s\" above it, which ends at %s; shorten its "
                     "validity or renew that one first",
                     i->name, first->conf->name, end);
}

/* The subject, and behind it the name constraints. */
static int put_texts(const struct conf_issuer *i, struct decision *d, struct fault *f)
{
    size_t at;
    int rc = name_parse(i->subject, &d->bytes, f);

    at = d->bytes.n;
    if (rc == 0)
        rc =
            constraints_put(i->permitted, i->n_permitted, i->excluded, i->n_excluded, &d->bytes, f);
    if (rc != 0)
        return rc;
    d->subject = slice_of(d->bytes.p, at);
    d->constraints = slice_of(d->bytes.p + at, d->bytes.n - at);
    return 0;
}

/* What every certificate of this issuer's key says, whoever signs it with `alg`. */
static int describe(const struct conf_issuer *i, const struct policy_own_keys *own,
                    struct slice spki, enum sig_alg alg, struct decision *out, struct fault *f)
{
    struct spki key;

    if (spki_parse(spki, &key, f) != 0 || policy_key_sound(own, &key, f) != 0 ||
        put_texts(i, out, f) != 0)
        return -(int)f->code;
    out->spki = spki;
    spki_hash(&key, out->spki_hash);
    spki_key_id(&key, out->subject_key_id);
    out->key_usage = KU_KEY_CERT_SIGN | KU_CRL_SIGN; /* RFC 5280 4.2.1.3 */
    out->alg = alg;
    out->ca = true;
    out->path_len = i->path_len;
    policy_identity(out->profile, out->subject, &out->sans, out->identity);
    return 0;
}

int policy_decide_ca(const struct conf_issuer *i, const struct policy_issuer *parent,
                     const struct policy_own_keys *own, struct slice spki, int64_t now,
                     struct decision *out, struct fault *f)
{
    memset(out, 0, sizeof(*out));
    buf_init(&out->bytes, NAME_DER_MAX + CONSTRAINTS_MAX);
    out->profile = parent == NULL ? "root-ca" : "subordinate-ca";
    out->key_reuse = KEY_REUSE_SAME_IDENTITY;
    if (describe(i, own, spki, (parent != NULL ? parent->conf : i)->alg, out, f) != 0 ||
        (parent != NULL && policy_constraints(parent, out, f) != 0) ||
        decide_ca_validity(i, parent, now, out, f) != 0) {
        decision_free(out);
        return -(int)f->code;
    }
    return 0;
}

int policy_decide_cross(const struct policy_issuer *subject, const struct policy_issuer *by,
                        const struct policy_own_keys *own, struct slice spki, int64_t now,
                        struct decision *out, struct fault *f)
{
    const struct policy_issuer *first = policy_first_to_end(by);

    memset(out, 0, sizeof(*out));
    buf_init(&out->bytes, NAME_DER_MAX + CONSTRAINTS_MAX);
    out->profile = "cross-ca";
    out->key_reuse = KEY_REUSE_ALLOW; /* the same key under a second issuer is what is asked for */
    out->not_before = now - CA_BACKDATE;
    out->not_after = subject->not_after < first->not_after ? subject->not_after : first->not_after;
    if (describe(subject->conf, own, spki, by->conf->alg, out, f) != 0 ||
        policy_constraints(by, out, f) != 0) {
        decision_free(out);
        return -(int)f->code;
    }
    if (out->not_after > now)
        return 0;
    decision_free(out);
    return fault_set(f, FAULT_POLICY, "validity.issuer", "\"%s\" or a CA above \"%s\" has expired",
                     subject->conf->name, by->conf->name);
}
