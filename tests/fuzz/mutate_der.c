#include "tests/fuzz/mutate_der.h"

#include <stdlib.h>
#include <string.h>

#include "lib/der.h"

#define NODES_MAX 1024
#define DEPTH_MAX 24
#define CONTENTS_MAX 4096 /* of an element that is mutated as octets */

/* An element: its place in the text that was read, and the nodes within it, which follow it. */
struct node {
    uint8_t tag;
    size_t lead; /* octets of the contents in front of the first node: 1 in a BIT STRING */
    struct slice whole, contents;
    size_t end;    /* index of the first node that is not within */
    bool branches; /* its contents are the nodes within */
};

struct tree {
    size_t n;
    struct node node[NODES_MAX];
};

/* What is done with one node when the tree is written again. */
struct change {
    size_t at;  /* the node */
    bool drop;  /* it is left out */
    bool retag; /* it gets `tag`; of those with nodes within these stay */
    uint8_t tag;
    struct slice before;  /* written in front of it */
    struct slice instead; /* written instead of its contents, with `replaces` */
    bool replaces;
};

/* ---- the tree ---- */

static bool grow(struct tree *t, struct slice in, unsigned depth);

/* Might it be DER in there? */
static bool holds_der(uint8_t tag, struct slice contents)
{
    return ((tag & 0x20) != 0 || tag == DER_OCTET_STRING || tag == DER_BIT_STRING) &&
           contents.n >= 2;
}

static bool grow_one(struct tree *t, struct slice *in, unsigned depth)
{
    size_t at = t->n;
    struct node *node = &t->node[at];

    if (at == NODES_MAX)
        return false;
    memset(node, 0, sizeof(*node));
    if (der_get_any(in, &node->tag, &node->contents, &node->whole) != 0)
        return false;
    t->n++;
    node->lead = node->tag == DER_BIT_STRING;
    if (depth < DEPTH_MAX && holds_der(node->tag, node->contents)) {
        struct slice within =
            slice_of(node->contents.p + node->lead, node->contents.n - node->lead);

        node->branches = grow(t, within, depth + 1);
        if (!node->branches)
            t->n = at + 1;
    }
    node->end = t->n;
    return true;
}

/* All of `in`, or nothing. */
static bool grow(struct tree *t, struct slice in, unsigned depth)
{
    while (in.n > 0)
        if (!grow_one(t, &in, depth))
            return false;
    return true;
}

static void write_nodes(const struct tree *t, size_t from, size_t to, const struct change *c,
                        struct buf *out)
{
    for (size_t i = from; i < to; i = t->node[i].end) {
        const struct node *node = &t->node[i];
        bool here = i == c->at;
        struct der_mark m;

        if (here)
            buf_put_slice(out, c->before);
        if (here && c->drop)
            continue;
        m = der_open(out, here && c->retag ? c->tag : node->tag);
        if (here && c->replaces) {
            buf_put_slice(out, c->instead);
        } else if (node->branches) {
            buf_put(out, node->contents.p, node->lead);
            write_nodes(t, i + 1, node->end, c, out);
        } else {
            buf_put_slice(out, node->contents);
        }
        der_close(out, m);
    }
}

/* ---- changes ---- */

static uint64_t state;

static size_t below(size_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return n == 0 ? 0 : (size_t)(state >> 33) % n;
}

/* What stands in many kinds of documents, and is easily read wrongly. */
static const struct {
    uint8_t n;
    uint8_t octets[40];
} known[] = {
    {2, {0x05, 0x00}},
    {2, {0x30, 0x00}},
    {3, {0x02, 0x01, 0x00}},
    {3, {0x02, 0x01, 0xff}},
    {3, {0x01, 0x01, 0xff}},
    {3, {0x01, 0x01, 0x00}},
    {11, {0x02, 0x09, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
    {15, {0x17, 0x0d, '4', '9', '1', '2', '3', '1', '2', '3', '5', '9', '5', '9', 'Z'}},
    {17, {0x18, 0x0f, '9', '9', '9', '9', '1', '2', '3', '1', '2', '3', '5', '9', '5', '9', 'Z'}},
    {5, {0x06, 0x03, 0x55, 0x1d, 0x11}},
    {5, {0x06, 0x03, 0x55, 0x1d, 0x0f}},
    {5, {0x06, 0x03, 0x55, 0x1d, 0x13}},
    {5, {0x06, 0x03, 0x55, 0x1d, 0x25}},
    {5, {0x06, 0x03, 0x55, 0x1d, 0x1e}},
    {5, {0x06, 0x03, 0x55, 0x1d, 0x1f}},
    {5, {0x06, 0x03, 0x55, 0x1d, 0x14}},
    {5, {0x06, 0x03, 0x55, 0x1d, 0x15}},
    {5, {0x06, 0x03, 0x55, 0x1d, 0x18}},
    {5, {0x06, 0x03, 0x55, 0x1d, 0x1b}},
    {5, {0x06, 0x03, 0x55, 0x1d, 0x1c}},
    {5, {0x06, 0x03, 0x55, 0x1d, 0x1d}},
    {11, {0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02}},
    {11, {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e}},
    {11, {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x07}},
    {11, {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02}},
    {11, {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06}},
    {11, {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b}},
    {10, {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02}},
    {5, {0x06, 0x03, 0x2b, 0x65, 0x70}},
    {4, {0x82, 0x02, '*', '.'}},
    {6, {0x87, 0x04, 127, 0, 0, 1}},
    {7, {0x0c, 0x05, 'a', 0xc3, 0xa9, 0xcc, 0x81}},
    {6, {0x1e, 0x04, 0xd8, 0x00, 0x00, 'a'}},
};
#define N_KNOWN (sizeof(known) / sizeof(known[0]))

static struct slice any_known(void)
{
    size_t i = below(N_KNOWN);

    return slice_of(known[i].octets, known[i].n);
}

static const uint8_t tags[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x13, 0x14, 0x16,
                               0x17, 0x18, 0x1c, 0x1e, 0x24, 0x30, 0x31, 0x80, 0x81, 0x82, 0x83,
                               0x84, 0x85, 0x86, 0x87, 0x88, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5};

static struct slice mutated_contents(const struct node *node, uint8_t room[CONTENTS_MAX])
{
    size_t n = node->contents.n < CONTENTS_MAX ? node->contents.n : CONTENTS_MAX;

    memcpy(room, node->contents.p, n);
    return slice_of(room, LLVMFuzzerMutate(room, n, CONTENTS_MAX));
}

static void choose(const struct tree *t, struct change *c, uint8_t room[CONTENTS_MAX])
{
    const struct node *node, *other = &t->node[below(t->n)];

    memset(c, 0, sizeof(*c));
    c->at = below(t->n);
    node = &t->node[c->at];
    switch (below(9)) {
    case 0:
        c->drop = true;
        break;
    case 1:
        c->before = node->whole;
        break;
    case 2:
        c->before = other->whole;
        break;
    case 3:
        c->before = other->whole;
        c->drop = true;
        break;
    case 4:
        c->before = any_known();
        c->drop = below(2) == 0;
        break;
    case 5:
        c->retag = true;
        c->tag = tags[below(sizeof(tags))];
        break;
    case 6: /* its contents become one element */
        c->replaces = true;
        c->instead = node->whole;
        break;
    default:
        c->replaces = true;
        c->instead = mutated_contents(node, room);
        break;
    }
}

/* Writes the tree again over what it was read from. */
static size_t apply(const struct tree *t, const struct change *c, uint8_t *data, size_t n,
                    size_t max)
{
    struct buf out;

    buf_init(&out, max);
    write_nodes(t, 0, t->n, c, &out);
    if (!buf_failed(&out)) {
        n = out.n;
        if (n > 0)
            memcpy(data, out.p, n);
    }
    buf_free(&out);
    return n;
}

size_t mutate_der(uint8_t *data, size_t n, size_t max, unsigned seed)
{
    static struct tree t;
    uint8_t room[CONTENTS_MAX];
    struct change c;

    state = seed;
    t.n = 0;
    if (!grow(&t, slice_of(data, n), 0) || t.n == 0)
        return LLVMFuzzerMutate(data, n, max);
    choose(&t, &c, room);
    return apply(&t, &c, data, n, max);
}

size_t splice_der(uint8_t *data, size_t n, size_t max, struct slice other, unsigned seed)
{
    static struct tree t, from;
    struct change c = {0};

    state = seed;
    t.n = from.n = 0;
    if (!grow(&t, slice_of(data, n), 0) || t.n == 0 || !grow(&from, other, 0) || from.n == 0)
        return n;
    c.at = below(t.n);
    c.before = from.node[below(from.n)].whole;
    c.drop = below(2) == 0;
    return apply(&t, &c, data, n, max);
}
