/* What there is when cerca-ca starts. On the publisher's thread. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/crl/slot.h"

#define CHANGES 256

static uint32_t row_of(const struct crl_name *n)
{
    return n->kind == CRL_DELTA ? CRL_ROW_DELTA : crl_name_scope(n);
}

static int load_row(struct slot *s, struct fault *f)
{
    const struct crl_parts *parts = &s->p->parts;
    char file[CRL_FILE_MAX];
    struct stat st;

    s->behind = s->interrupted = false;
    if (view_issuer_folder(parts->view, (uint16_t)s->number, &s->dirfd, f) != 0 ||
        store_crl(parts->store, (uint16_t)s->number, row_of(&s->name), &s->next, f) != 0)
        return -(int)f->code;
    crl_name_file(&s->name, file);
    s->missing = fstatat(s->dirfd, file, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
                 (uint64_t)st.st_size != s->next.octets;
    s->interrupted = s->name.kind != CRL_DELTA && s->next.number > s->next.published;
    return 0;
}

/* Deltas take their numbers from the sequence of the full one. Those that are turned off say
 * nothing new any more: they go. */
static int load_full(struct slot *s, struct fault *f)
{
    const struct crl_parts *parts = &s->p->parts;
    struct crl_name delta = {.kind = CRL_DELTA};
    char file[CRL_FILE_MAX];
    struct store_crl row;

    if (store_crl(parts->store, (uint16_t)s->number, CRL_ROW_DELTA, &row, f) != 0 ||
        store_crl_shards(parts->store, (uint16_t)s->number, s->has_shards, f) != 0)
        return -(int)f->code;
    s->interrupted = s->interrupted && s->next.number > row.published;
    crl_name_file(&delta, file);
    if (s->delta == NULL)
        (void)unlinkat(s->dirfd, file, 0);
    return 0;
}

/* Who of these n CRLs of one issuer tells of it. */
static struct slot *told_by(struct slot *s, const struct store_change *c)
{
    if (c->ref.issuer != s->number || !store_change_tells(c))
        return NULL;
    return s->name.kind == CRL_SHARD ? &s[crl_shard_of(c->ref.serial, s->name.shards)] : s;
}

/* Revocations that the last CRLs do not have: committed before a crash, not yet published. Nearly
 * always there are none, of any issuer. Looked for once for all n. */
static int find_changes(struct slot *s, size_t n, struct fault *f)
{
    struct store_change c[CHANGES];
    uint64_t after = UINT64_MAX;
    size_t got;

    for (size_t k = 0; k < n; k++)
        if (s[k].next.published != 0 && s[k].next.change < after)
            after = s[k].next.change;
    if (store_newest_status(s->p->parts.store, (uint16_t)s->number) <= after)
        return 0;
    do {
        if (store_changes_since(s->p->parts.store, after, c, CHANGES, &got, f) != 0)
            return -(int)f->code;
        for (size_t i = 0; i < got; i++) {
            struct slot *by = told_by(s, &c[i]);

            if (by != NULL && c[i].number > by->next.change)
                by->behind = true;
        }
        after = got > 0 ? c[got - 1].number : after;
    } while (got > 0 && !(n == 1 && s->behind));
    return 0;
}

void crl_step_load(struct slot *s)
{
    if (load_row(s, &s->fault) != 0 || (s->name.kind == CRL_FULL && load_full(s, &s->fault) != 0))
        return;
    (void)find_changes(s, 1, &s->fault);
}

void crl_step_load_parts(struct slot *s)
{
    for (size_t k = 0; k < s->name.shards; k++) {
        s[k].number = s->number;
        if (load_row(&s[k], &s->fault) != 0)
            return;
    }
    (void)find_changes(s, s->name.shards, &s->fault);
}
