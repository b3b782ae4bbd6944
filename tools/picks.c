#include "tools/picks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/find.h"
#include "tools/listing.h"
#include "tools/progress.h"

#define IDENTITY_PREFIX "identity:"

void picks_free(struct picks *p)
{
    free(p->item);
    free(p->slot);
    *p = (struct picks){0};
}

/* An identity is a hash already. */
static size_t *slot_of(struct picks *p, const uint8_t identity[ANNOTATION_IDENTITY])
{
    size_t at;

    memcpy(&at, identity, sizeof(at));
    for (at %= p->slots; p->slot[at] != 0; at = (at + 1) % p->slots)
        if (memcmp(p->item[p->slot[at] - 1].now.identity, identity, ANNOTATION_IDENTITY) == 0)
            break;
    return &p->slot[at];
}

static void grow(struct picks *p)
{
    p->room = p->room == 0 ? 64 : 2 * p->room;
    p->item = xreallocarray(p->item, p->room, sizeof(*p->item));
    free(p->slot);
    p->slots = 2 * p->room;
    p->slot = xcalloc(p->slots, sizeof(*p->slot));
    for (size_t i = 0; i < p->n; i++)
        *slot_of(p, p->item[i].now.identity) = i + 1;
}

static void add(struct picks *p, const struct cert_info *i)
{
    size_t *slot, n = strcspn(i->sans, " ");
    struct pick *pick;

    if (p->n == p->room)
        grow(p);
    slot = slot_of(p, i->annotation.identity);
    if (*slot != 0)
        return;
    pick = &p->item[p->n++];
    *slot = p->n;
    pick->now = i->annotation;
    if (n > 0)
        (void)snprintf(pick->label, sizeof(pick->label), "%.*s", (int)(n < 127 ? n : 127), i->sans);
    else
        (void)snprintf(pick->label, sizeof(pick->label), "%.127s", i->subject);
}

struct gathering {
    struct picks *picks;
    struct progress bar;
    uint64_t seen;
};

static int add_listed(void *arg, const struct cert_info *info, struct fault *f)
{
    struct gathering *g = arg;

    (void)f;
    add(g->picks, info);
    progress_draw(&g->bar, "looking", ++g->seen, 0);
    return 0;
}

static int gather(struct tool *t, struct list_request *r, struct picks *p, struct fault *f)
{
    struct gathering g = {.picks = p};
    bool more;
    int rc = listing_each(t, r, 0, add_listed, &g, &more, f);

    progress_end(&g.bar);
    return rc;
}

int picks_filter(struct tool *t, const struct list_args *a, struct picks *p, struct fault *f)
{
    struct list_request r;
    int64_t within;
    int rc = list_args_fill(t, a, &r, &within, f);

    list_args_now(&r, within);
    if (rc == 0)
        rc = tool_connect(t, f);
    return rc == 0 ? gather(t, &r, p, f) : rc;
}

static int by_list(struct tool *t, struct list_request *r, const char *word, struct picks *p,
                   struct fault *f)
{
    size_t before = p->n;
    int rc = gather(t, r, p, f);

    if (rc != 0 || p->n > before)
        return rc;
    return fault_set(f, FAULT_NOT_FOUND, "identity.unknown", "there is nothing for \"%.120s\"",
                     word);
}

static bool is_selector(const char *word)
{
    struct show_request r;
    struct fault f;
    size_t n = find_selector(word, &r, &f) == 0 ? strlen(r.selector) : 0;

    return strncmp(word, SHOW_FOREIGN, strlen(SHOW_FOREIGN)) == 0 ||
           ((n == 2 * SERIAL_LEN || n == 64) && strspn(r.selector, "0123456789abcdef") == n);
}

int picks_word(struct tool *t, const char *word, struct picks *p, struct fault *f)
{
    struct list_request r = {.limit = 1};
    struct found found;
    int rc = tool_connect(t, f);

    if (rc != 0)
        return rc;
    if (strncmp(word, IDENTITY_PREFIX, strlen(IDENTITY_PREFIX)) == 0) {
        r.has_identity = true;
        if (hex_decode(word + strlen(IDENTITY_PREFIX), r.identity, sizeof(r.identity)) != 0)
            return fault_set(f, FAULT_MALFORMED, "identity",
                             "an identity has 32 hexadecimal digits");
        return by_list(t, &r, word, p, f);
    }
    if (is_selector(word) || access(word, F_OK) == 0) {
        rc = find_shown(t, word, &found, f);
        if (rc == 0)
            add(p, &found.best.info);
        return rc;
    }
    rc = tool_field(r.name, sizeof(r.name), "the name", find_name(word), f);
    if (rc == 0 && (r.name[0] == 0 || strcmp(r.name, ".") == 0))
        rc = fault_set(f, FAULT_MALFORMED, "selector", "an empty name would mean everything");
    return rc == 0 ? by_list(t, &r, word, p, f) : rc;
}
