/* No path belongs to two entries: each would replace what the other has put there. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/conf/conf.h"
#include "agent/conf/inner.h"
#include "agent/conf/trust.h"

struct claim {
    char *where;
    size_t entry; /* certificates first, then what services trust */
    int holds;    /* 2: the file is that entry's already, 1: the entry has brought files before */
};

struct claims {
    struct claim *item;
    size_t n, room;
};

static const struct agent_cert *entry_at(const struct agent_conf *c, size_t i)
{
    return i < c->n_certs ? &c->certs[i] : &c->trusts[i - c->n_certs].as;
}

/* The file itself may be a link; what is above it may be, too, and is followed. */
static char *where_is(const char *path)
{
    const char *slash = strrchr(path, '/');
    char above[PATH_MAX], full[PATH_MAX];
    struct buf b;
    char *out;

    (void)snprintf(above, sizeof(above), "%.*s", (int)(slash - path) + 1, path);
    buf_init(&b, 2 * PATH_MAX);
    if ((size_t)(slash - path) + 1 < sizeof(above) && realpath(above, full) != NULL)
        buf_printf(&b, "%s%s", strcmp(full, "/") == 0 ? "" : full, slash);
    else
        buf_put_str(&b, path);
    out = xstrdup(buf_cstr(&b));
    buf_free(&b);
    return out;
}

static int holds(const struct agent_cert *e, const char *path)
{
    size_t n = strlen(e->state_dir);
    char to[PATH_MAX], current[PATH_MAX];
    ssize_t is = readlink(path, to, sizeof(to));

    if (is > (ssize_t)n && is < (ssize_t)sizeof(to) && memcmp(to, e->state_dir, n) == 0 &&
        to[n] == '/')
        return 2;
    (void)snprintf(current, sizeof(current), "%.4000s/current", e->state_dir);
    return readlink(current, to, sizeof(to)) > 0;
}

static void put_claim(struct claims *all, const struct agent_cert *e, size_t entry,
                      const char *path)
{
    if (strchr(path, '/') == NULL)
        return; /* in the folder of the entry */
    if (all->n == all->room) {
        all->room = 2 * all->room + 64;
        all->item = xreallocarray(all->item, all->room, sizeof(*all->item));
    }
    all->item[all->n++] = (struct claim){where_is(path), entry, holds(e, path)};
}

static void put_entry(struct claims *all, const struct agent_cert *e, size_t entry)
{
    if (e->folder != NULL)
        put_claim(all, e, entry, e->folder);
    for (size_t i = 0; i < e->n_files; i++)
        put_claim(all, e, entry, e->files[i].path);
}

static void claims_free(struct claims *all)
{
    for (size_t i = 0; i < all->n; i++)
        free(all->item[i].where);
    free(all->item);
}

static int refuse(const struct agent_cert *e, const struct agent_cert *other, const char *where,
                  struct fault *f)
{
    return fault_set(f, FAULT_CONFIG, "conf.duplicate", "%.80s: \"%.100s\" is a path of %s, too",
                     e->path, where, other->name);
}

static int by_path(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    int order = strcmp(x->where, y->where);

    if (order != 0)
        return order;
    if (x->holds != y->holds)
        return y->holds - x->holds;
    return x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* Whose path another has first: `why` of each entry, whose rule is "" where nothing is wrong. */
static void find_taken(const struct agent_conf *c, const struct claims *all, struct fault *why)
{
    size_t first = 0;

    for (size_t i = 1; i < all->n; i++) {
        const struct claim *own = &all->item[first], *next = &all->item[i];

        if (strcmp(own->where, next->where) != 0 || why[own->entry].code != FAULT_NONE)
            first = i;
        else if (own->entry != next->entry && why[next->entry].code == FAULT_NONE)
            (void)refuse(entry_at(c, next->entry), entry_at(c, own->entry), next->where,
                         &why[next->entry]);
    }
}

static void take_out(struct agent_conf *c, size_t entry, const struct fault *why)
{
    struct agent_bad *b = &c->bad[c->n_bad++];
    size_t at = entry - c->n_certs;

    b->name = xstrdup(entry_at(c, entry)->name);
    b->why = *why;
    if (entry < c->n_certs) {
        agent_cert_free(&c->certs[entry]);
        c->n_certs--;
        memmove(&c->certs[entry], &c->certs[entry + 1], (c->n_certs - entry) * sizeof(*c->certs));
        return;
    }
    agent_trust_free(&c->trusts[at]);
    c->n_trusts--;
    memmove(&c->trusts[at], &c->trusts[at + 1], (c->n_trusts - at) * sizeof(*c->trusts));
}

void agent_conf_paths(struct agent_conf *c)
{
    size_t n = c->n_certs + c->n_trusts;
    struct fault *why = xcalloc(n + 1, sizeof(*why));
    struct claims all = {0};

    for (size_t i = 0; i < n; i++)
        put_entry(&all, entry_at(c, i), i);
    if (all.n > 0)
        qsort(all.item, all.n, sizeof(*all.item), by_path);
    find_taken(c, &all, why);
    c->bad = xreallocarray(c->bad, c->n_bad + n + 1, sizeof(*c->bad));
    while (n-- > 0)
        if (why[n].code != FAULT_NONE)
            take_out(c, n, &why[n]);
    claims_free(&all);
    free(why);
}

int agent_conf_paths_free(const struct agent_conf *c, const struct agent_cert *e, struct fault *f)
{
    size_t n = c->n_certs + c->n_trusts;
    struct claims all = {0};
    int rc = 0;

    for (size_t i = 0; i < n; i++)
        put_entry(&all, entry_at(c, i), i);
    put_entry(&all, e, n);
    for (size_t i = 0; i < all.n && rc == 0; i++)
        for (size_t k = 0; k < all.n && rc == 0 && all.item[i].entry == n; k++)
            if (all.item[k].entry != n && strcmp(all.item[i].where, all.item[k].where) == 0)
                rc = refuse(e, entry_at(c, all.item[k].entry), all.item[i].where, f);
    claims_free(&all);
    return rc;
}
