#include "agent/names.h"

#include <stdlib.h>

struct wanted {
    struct san_list list;
    uint8_t arena[SAN_MAX * 16];
    size_t used;
};

/* False: one cannot be read. */
static bool read_wanted(const struct agent_cert *c, struct wanted *w)
{
    struct san name;
    struct fault f;

    for (size_t i = 0; i < c->n_names; i++)
        if (san_parse(c->names[i], &name, w->arena, sizeof(w->arena), &w->used, &f) != 0 ||
            san_list_add(&w->list, &name, &f) != 0)
            return false;
    return true;
}

bool names_same(const struct agent_cert *c, const struct anycert *present)
{
    struct wanted *w = xcalloc(1, sizeof(*w));
    bool same = read_wanted(c, w);

    for (size_t i = 0; i < w->list.n && same; i++)
        same = san_list_has(&present->sans, &w->list.item[i]);
    same = same && (c->n_names == 0 || present->sans.n == w->list.n);
    free(w);
    return same;
}

void names_further(const struct agent_cert *c, const struct anycert *present, struct buf *out)
{
    struct wanted *w = xcalloc(1, sizeof(*w));
    size_t n = 0;

    if (c->n_names > 0 && read_wanted(c, w))
        for (size_t i = 0; i < present->sans.n; i++) {
            if (san_list_has(&w->list, &present->sans.item[i]))
                continue;
            buf_put_str(out, n++ > 0 ? ", " : "");
            san_print(&present->sans.item[i], out);
        }
    free(w);
}
