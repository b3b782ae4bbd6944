#include "ca/lifecycle/except.h"

#include <stdlib.h>
#include <string.h>

static int keep(void *arg, const struct exception *e)
{
    struct excepted *x = arg;

    if (x->n == x->room) {
        x->room = x->room == 0 ? 16 : 2 * x->room;
        x->row = xreallocarray(x->row, x->room, sizeof(x->row[0]));
    }
    x->row[x->n++] = *e;
    return 0;
}

int excepted_load(struct excepted *x, struct store *s, struct fault *f)
{
    x->n = 0;
    return store_exceptions(s, NULL, keep, x, f);
}

void excepted_free(struct excepted *x)
{
    free(x->row);
    memset(x, 0, sizeof(*x));
}

struct wanted {
    const char *rule, *subject;
};

/* The table of the store is in this order. */
static int order(const void *key, const void *row)
{
    const struct wanted *w = key;
    const struct exception *e = row;
    int c = strcmp(w->rule, e->rule);

    return c != 0 ? c : strcmp(w->subject, e->subject);
}

static const struct exception *find(const struct excepted *x, const char *rule, const char *subject,
                                    int64_t now)
{
    const struct wanted w = {rule, subject};
    const struct exception *e =
        x->n == 0 ? NULL : bsearch(&w, x->row, x->n, sizeof(x->row[0]), order);

    return e != NULL && e->until > now ? e : NULL;
}

const struct exception *excepted_find(const struct excepted *x, enum finding rule,
                                      const uint8_t identity[16], int64_t now)
{
    const struct exception *e = find(x, finding_rules[rule].id, "*", now);
    char hex[33];

    if (e != NULL || x->n == 0)
        return e;
    hex_encode(slice_of(identity, 16), hex);
    return find(x, finding_rules[rule].id, hex, now);
}
