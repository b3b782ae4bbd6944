#include <stdlib.h>
#include <string.h>

#include "agent/trust/inner.h"
#include "lib/anycert.h"
#include "lib/clock.h"
#include "lib/crl.h"
#include "lib/pem.h"
#include "lib/tbs.h"

#define SKEW 300 /* seconds that the issuer's clock may be ahead of ours */

static int bad_time(const char *what, int64_t t, struct fault *f)
{
    char text[CLOCK_TEXT_SIZE];

    clock_format(t, text);
    return fault_set(f, FAULT_CONFLICT, "trust.time", "%s %s", what, text);
}

static int check_times(const struct crl_info *i, int64_t now, struct fault *f)
{
    if (i->next_update == 0)
        return fault_set(f, FAULT_CONFLICT, "trust.time", "the list has no nextUpdate");
    if (i->this_update > now + SKEW)
        return bad_time("the list is not valid before", i->this_update, f);
    if (i->next_update <= now || i->next_update <= i->this_update)
        return bad_time("the list has ended:", i->next_update, f);
    return 0;
}

/* Is it the one that signed? */
static bool signed_by(const struct crl_info *i, struct slice tbs, struct slice cert)
{
    struct anycert *a = xcalloc(1, sizeof(*a));
    struct pubkey *key = NULL;
    struct spki spki;
    struct fault f;
    bool yes = anycert_parse(cert, a, &f) == 0 && slice_eq(a->subject, i->issuer) &&
               (!a->has_key_usage || (a->key_usage & KU_CRL_SIGN) != 0) &&
               spki_parse(a->spki, &spki, &f) == 0 && sig_alg_fits(i->alg, spki.type) &&
               pubkey_open(&spki, &key, &f) == 0 &&
               pubkey_verify(key, i->alg, tbs, i->signature) == 0;

    pubkey_free(key);
    free(a);
    return yes;
}

static int check_signature(const struct crl_info *i, struct slice der, struct slice issuers,
                           struct fault *f)
{
    struct slice tbs = slice_of(der.p + i->tbs_at, i->tbs_len), cert;
    int rc;

    while ((rc = trust_next_cert(&issuers, &cert, f)) == 0)
        if (signed_by(i, tbs, cert))
            return 0;
    return rc < 0 ? rc
                  : fault_set(f, FAULT_DENIED, "trust.issuer",
                              "none of the issuer's certificates has signed the list");
}

static int to_der(struct buf *octets, struct fault *f)
{
    static const char *const labels[] = {"X509 CRL", NULL};
    struct buf der;
    int rc;

    buf_init(&der, octets->max);
    rc = pem_or_der(buf_slice(octets), labels, &der, f);
    if (rc == 0) {
        buf_free(octets);
        *octets = der;
        return 0;
    }
    buf_free(&der);
    return fault_rename(f, "trust.crl");
}

static int read_list(struct crl_reader *r, struct fault *f)
{
    struct crl_entry e;
    int rc;

    do
        rc = crl_read_entry(r, &e, NULL, f);
    while (rc == 1);
    return rc == 0 ? crl_read_end(r, f) : rc;
}

/* `issuers` empty: it was checked when it was installed. */
static int judge(const struct crl_info *i, struct slice der, struct slice issuers, int64_t now,
                 struct trust_item *out, struct fault *f)
{
    int rc = 0;

    if (i->delta)
        return fault_set(f, FAULT_CONFLICT, "trust.crl", "it is a delta, no full list");
    if (issuers.n > 0)
        rc = check_signature(i, der, issuers, f);
    if (rc == 0 && issuers.n > 0)
        rc = check_times(i, now, f);
    if (rc < 0)
        return rc;
    out->there = true;
    out->number = i->has_number ? i->number : 0;
    out->entries = i->entries;
    out->this_update = i->this_update;
    out->next_update = i->next_update;
    return 0;
}

int trust_check_crl(struct buf *der, struct slice issuers, int64_t now, struct trust_item *out,
                    struct fault *f)
{
    int rc = to_der(der, f);
    struct slice octets = buf_slice(der), rest = octets;
    const struct crl_input in = {.read = crl_memory_read, .arg = &rest, .size = octets.n};
    struct crl_reader *r = NULL;

    if (rc == 0)
        rc = crl_read_begin(&in, &r, f);
    if (rc == 0)
        rc = read_list(r, f);
    if (rc == 0)
        rc = judge(crl_read_info(r), octets, issuers, now, out, f);
    crl_reader_free(r);
    return rc;
}

int trust_newer(const struct trust_item *old, struct slice old_der, const struct trust_item *new,
                struct slice new_der, struct fault *f)
{
    if (!old->there)
        return 1;
    if (slice_eq(old_der, new_der))
        return 0;
    if (old->number != 0 && new->number <= old->number)
        return fault_set(f, FAULT_CONFLICT, "trust.number",
                         "number %llu does not follow %llu, which is installed",
                         (unsigned long long)new->number, (unsigned long long)old->number);
    if (old->number == 0 && new->this_update <= old->this_update)
        return bad_time("it is not newer than the one installed:", new->this_update, f);
    return 1;
}
