/* The certificates that clients of a label need: RFC 7030 4.1.3. */
#include <string.h>

#include "ca/enroll/enroll_inner.h"

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
        return 0;
    return fault_unavailable(f, 60, "issuer.certificate", "no issuer has a certificate yet");
}
