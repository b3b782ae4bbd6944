#include "ca/lifecycle/campaigns.h"

#include <stdio.h>
#include <string.h>

#include "lib/cert.h"

int campaigns_load(struct campaigns *c, struct store *s, struct fault *f)
{
    size_t n, kept = 0;
    int rc = store_campaigns(s, c->row, &n, f);

    c->n = 0;
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        if (c->row[i].state == CAMPAIGN_RUNS)
            c->row[kept++] = c->row[i];
    c->n = kept;
    return 0;
}

void campaigns_look(const struct authorities *all, const struct cert_row *row, const char *owner,
                    struct campaign_what *out)
{
    const struct authority *a = authority_numbered(all, row->ref.issuer);
    struct cert c;
    struct fault ignored;

    memset(out, 0, sizeof(*out));
    (void)snprintf(out->profile, sizeof(out->profile), "%.127s", row->profile);
    (void)snprintf(out->owner, sizeof(out->owner), "%.127s", owner);
    (void)snprintf(out->issuer, sizeof(out->issuer), "%.63s", a == NULL ? "" : a->conf->name);
    if (row->source != SOURCE_ISSUED || row->tbs.n == 0 || tbs_parse(row->tbs, &c, &ignored) != 0)
        return;
    key_describe(c.key.type, c.key.bits, out->key_type);
    (void)snprintf(out->algorithm, sizeof(out->algorithm), "%.63s", sig_alg_name(c.tbs_alg));
}

const struct campaign *campaigns_pull(const struct campaigns *c, const struct authorities *all,
                                      const struct cert_row *row, const char *owner, int64_t *at)
{
    const struct campaign *first = NULL;
    struct campaign_what is;

    *at = INT64_MAX;
    if (c->n == 0 || row->source != SOURCE_ISSUED || all == NULL)
        return NULL;
    campaigns_look(all, row, owner, &is);
    for (size_t i = 0; i < c->n; i++) {
        int64_t then = campaign_at(&c->row[i], row->identity);

        if (then >= *at || !campaign_wants(&c->row[i], &is, row->created))
            continue;
        first = &c->row[i];
        *at = then;
    }
    return first;
}
