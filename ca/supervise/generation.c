#include "ca/supervise/generation.h"

#include <stdlib.h>
#include <unistd.h>

int generation_read(const char *path, struct generation **out, struct fault *f)
{
    struct generation *g = xcalloc(1, sizeof *g);
    g->sealed = -1;
    *out = NULL;
    int r = conf_seal(path, &g->sealed, f);
    if (r == 0)
        r = conf_load_fd(g->sealed, path, &g->conf, f);
    if (r == 0)
        r = programs_plan(g->conf, &g->programs, f);
    if (r != 0) {
        generation_free(g, NULL);
        return r;
    }
    *out = g;
    return 0;
}

void generation_free(struct generation *g, const struct generation *successor)
{
    if (!g)
        return;
    programs_free(&g->programs, successor ? &successor->programs : NULL);
    conf_free(g->conf);
    if (g->sealed >= 0)
        close(g->sealed);
    free(g);
}
