/* What stands in a CRL: who is revoked, in order of serial, and its extensions. */
#include <stdlib.h>
#include <string.h>

#include "ca/crl/slot.h"
#include "lib/ext.h"

struct crl_content {
    struct slot *s;
    bool keep; /* nobody leaves */
    uint8_t after[SERIAL_LEN];
    struct store_revoked batch[CRL_SOURCE_BATCH];
    struct buf idp, freshest;
};

/* By a clock that is or was wrong, what is valid looks expired. */
static bool keeps_all(const struct slot *s)
{
    struct fault doubt;

    return store_clock(s->p->parts.store, &doubt) != 0 ||
           s->row.scheduled > s->next.this_update + CRL_CLOCK_SLACK;
}

/* RFC 5280 3.3: until it was on one regularly scheduled CRL beyond its validity. */
static bool has_left(const struct crl_content *q, const struct store_revoked *r)
{
    int64_t last = r->not_after > r->time ? r->not_after : r->time;

    return !q->keep && last < q->s->row.scheduled;
}

static bool belongs(const struct crl_content *q, const struct store_revoked *r)
{
    const struct crl_name *name = &q->s->name;

    return (name->kind != CRL_SHARD || crl_shard_of(r->serial, name->shards) == name->shard) &&
           !has_left(q, r);
}

/* Empty batches end the walk, so what does not belong is passed over here. */
static int next_revoked(struct crl_content *q, struct crl_entry *out, size_t max, size_t *n,
                        struct fault *f)
{
    size_t found;

    *n = 0;
    do {
        if (store_revoked(q->s->p->parts.store, (uint16_t)q->s->number, q->after, q->batch,
                          max < CRL_SOURCE_BATCH ? max : CRL_SOURCE_BATCH, &found, f) != 0)
            return -(int)f->code;
        for (size_t i = 0; i < found; i++)
            if (belongs(q, &q->batch[i]))
                crl_entry_of(&q->batch[i], &out[(*n)++]);
        if (found > 0)
            memcpy(q->after, q->batch[found - 1].serial, SERIAL_LEN);
    } while (found > 0 && *n == 0);
    return 0;
}

int crl_content_next(void *content, struct crl_entry *out, size_t max, size_t *n, struct fault *f)
{
    struct crl_content *q = content;

    return q->s->name.kind == CRL_DELTA ? crl_changes_next(q->s->changes, out, max, n, f)
                                        : next_revoked(q, out, max, n, f);
}

static void put_url(const struct slot *s, struct crl_name name, struct buf *url)
{
    buf_init(url, CRL_URL_MAX);
    crl_name_url(&name, s->a->conf->crl_url, url);
}

/* RFC 5280 5.2.5, 5.2.6 */
static void fill_extensions(struct crl_content *q, struct crl_spec *spec)
{
    const struct slot *s = q->s;
    struct buf url;

    buf_init(&q->idp, CRL_URL_MAX);
    buf_init(&q->freshest, CRL_URL_MAX);
    if (s->name.kind == CRL_SHARD) {
        put_url(s, s->name, &url);
        crl_idp_put(&q->idp, buf_cstr(&url));
        buf_free(&url);
    } else if (s->delta != NULL) {
        put_url(s, s->delta->name, &url);
        ext_points_put(&q->freshest, buf_cstr(&url));
        buf_free(&url);
    }
    spec->idp = buf_slice(&q->idp);
    spec->freshest = buf_slice(&q->freshest);
    spec->delta = s->name.kind == CRL_DELTA;
    spec->base = s->next.base;
}

int crl_content_new(struct slot *s, struct crl_content **out, struct crl_spec *spec,
                    struct fault *f)
{
    struct crl_content *q;

    *out = NULL;
    if (s->name.kind == CRL_DELTA) {
        if (s->changes == NULL)
            s->changes = crl_changes_new(s->p->parts.store);
        if (crl_changes_gather(s->changes, (uint16_t)s->number, s->next.base_change, f) != 0)
            return -(int)f->code;
    }
    q = xcalloc(1, sizeof(*q));
    q->s = s;
    q->keep = keeps_all(s);
    fill_extensions(q, spec);
    *out = q;
    return 0;
}

void crl_content_free(struct crl_content *c)
{
    if (c == NULL)
        return;
    buf_free(&c->idp);
    buf_free(&c->freshest);
    free(c);
}
