/* The certificates that clients of a label need: RFC 7030 4.1.3. */
#include <string.h>

#include "ca/enroll/enroll_inner.h"
#include "lib/clock.h"

#define ISSUERS_MAX 64

/* By parent, and by generation in both directions. */
static bool related(const struct conf_issuer *a, const struct conf_issuer *b)
{
    return strcmp(a->parent, b->name) == 0 || strcmp(a->replaces, b->name) == 0 ||
           strcmp(b->replaces, a->name) == 0;
}

/* Whoever is related to one that is in, until nobody comes in any more. */
static void spread(const struct authorities *all, bool *in)
{
    bool more = true;

    while (more) {
        more = false;
        for (size_t i = 0; i < all->n && i < ISSUERS_MAX; i++)
            for (size_t k = 0; k < all->n && k < ISSUERS_MAX && in[i]; k++)
                if (!in[k] && related(all->item[i].conf, all->item[k].conf))
                    in[k] = more = true;
    }
}

/* ---- cross certificates ---- */

#define CROSS_PROFILE "cross-ca"
#define CROSS_MAX 32

struct crossing {
    const struct authorities *all;
    const bool *in;
    struct buf *out;
    struct buf der;
};

/* Of a CA that is in, whoever certified it. */
static int add_cross(void *arg, const struct cert_row *row)
{
    struct crossing *x = arg;
    struct cert c;
    struct fault ignored;

    fault_clear(&ignored);
    buf_reset(&x->der);
    if (row->state != CERT_GOOD || cert_row_der(row, &x->der) != 0 ||
        cert_parse(buf_slice(&x->der), &c, &ignored) != 0)
        return 0;
    for (size_t i = 0; i < x->all->n && i < ISSUERS_MAX; i++)
        if (x->in[i] && slice_eq(c.subject, buf_slice(&x->all->item[i].name))) {
            buf_put_slice(x->out, buf_slice(&x->der));
            return 0;
        }
    return 0;
}

static int put_crosses(const struct enroll *e, const bool *in, struct buf *out, struct fault *f)
{
    struct store_filter q = {.status = STATUS_VALID, .profile = CROSS_PROFILE, .now = clock_now()};
    struct store_cursor cursor = {.n = 0};
    struct crossing x = {.all = e->parts.authorities, .in = in, .out = out};
    int rc;

    buf_init(&x.der, CERT_MAX);
    rc = store_list(e->parts.store, &q, CROSS_MAX, &cursor, add_cross, &x, f);
    buf_free(&x.der);
    return rc;
}

/* ---- all of them ---- */

int cas_put(const struct enroll *e, const char *label, struct buf *out, struct fault *f)
{
    const struct conf_est *l = conf_est(e->parts.conf, label);
    const struct authorities *all = e->parts.authorities;
    bool in[ISSUERS_MAX] = {false};
    const char *issuer;

    if (l == NULL)
        return fault_refuse(f, "est.label", "label", slice_str(label),
                            "a label of the configuration");
    issuer = conf_profile(e->parts.conf, l->profile)->issuer;
    for (size_t i = 0; i < all->n && i < ISSUERS_MAX; i++)
        in[i] = strcmp(all->item[i].conf->name, issuer) == 0;
    spread(all, in);
    for (size_t i = 0; i < all->n && i < ISSUERS_MAX; i++)
        if (in[i])
            buf_put_slice(out, buf_slice(&all->item[i].certificate));
    if (out->n > 0)
        return put_crosses(e, in, out, f);
    return fault_unavailable(f, 60, "issuer.certificate", "no issuer has a certificate yet");
}
