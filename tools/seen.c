#include "tools/seen.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

struct kept {
    uint64_t line;
    char text[];
};

static int compare(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;

    return strcmp(x->text, y->text);
}

uint64_t seen_before(struct seen *s, const char *text, uint64_t line)
{
    size_t n = strlen(text) + 1;
    struct kept *e = xcalloc(1, sizeof(*e) + n), **at;
    uint64_t before = 0;

    e->line = line;
    memcpy(e->text, text, n);
    at = tsearch(e, &s->tree, compare);
    if (at == NULL)
        abort();
    if (*at != e) {
        before = (*at)->line;
        free(e);
    }
    return before;
}

void seen_free(struct seen *s)
{
    tdestroy(s->tree, free);
    s->tree = NULL;
}
