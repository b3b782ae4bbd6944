/* In the jail: requests, and the parsing of what comes. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "client/ctlog_inner.h"
#include "client/http.h"
#include "lib/clock.h"
#include "lib/pem.h"
#include "lib/tile.h"

#define ANSWER_MAX ((size_t)32 << 20)
#define AT_ONCE 256                    /* entries that are asked for; logs give as many or fewer */
#define ROUND_OCTETS ((size_t)8 << 20) /* kept: after this nothing more is asked */
#define ROUND_ENTRIES 16384

struct ct_child {
    const struct ct_asking *a;
    struct http_session *session;
    struct http_answer answer;
};

/* ---- requests ---- */

static int judge(const struct ct_child *c, const char *url, struct fault *f)
{
    const struct http_answer *a = &c->answer;
    uint32_t after = a->retry_after > 3600 ? 3600 : (uint32_t)a->retry_after;

    if (a->status == 200)
        return 0;
    if (a->status == 429 || a->status >= 500)
        return fault_unavailable(f, after, "ct.answer", "%.150s answers with HTTP status %ld", url,
                                 a->status);
    return fault_set(f, a->status == 404 ? FAULT_NOT_FOUND : FAULT_MALFORMED, "ct.answer",
                     "%.150s answers with HTTP status %ld", url, a->status);
}

/* The body is in c->answer until the next. */
static int ask(struct ct_child *c, struct buf *path, struct fault *f)
{
    struct http_request r = {
        .accept = "*/*", .compressed = true, .timeout_ms = c->a->log->timeout_ms};
    struct buf url;
    int rc;

    buf_init(&url, 8192);
    buf_printf(&url, "%s/%s", c->a->log->url, buf_cstr(path));
    r.url = buf_cstr(&url);
    rc = http_session_ask(c->session, &r, NULL, NULL, &c->answer, f);
    if (rc == 0)
        rc = judge(c, r.url, f);
    buf_free(&url);
    buf_reset(path);
    return rc;
}

static int with_session(const struct ct_asking *a, size_t max,
                        int (*work)(struct ct_child *c, struct buf *out, struct fault *f),
                        struct buf *out, struct fault *f)
{
    const struct http_server server = {.anchors = a->log->trust};
    struct ct_child c = {.a = a};
    int rc = http_session_open(&server, &c.session, f);

    if (rc != 0)
        return rc;
    http_answer_init(&c.answer, max);
    rc = work(&c, out, f);
    http_answer_free(&c.answer);
    http_session_close(c.session);
    return rc;
}

/* ---- the head ---- */

static int head(struct ct_child *c, struct buf *out, struct fault *f)
{
    bool tiles = c->a->log->tiles;
    struct ct_head h;
    uint8_t hash[32];
    struct buf path;
    int rc;

    buf_init(&path, 64);
    buf_put_str(&path, tiles ? "checkpoint" : "ct/v1/get-sth");
    rc = ask(c, &path, f);
    buf_free(&path);
    if (rc != 0)
        return rc;
    sha256(c->a->log->spki, hash);
    rc = tiles ? ct_head_get_checkpoint(buf_slice(&c->answer.body), hash, &h, f)
               : ct_head_get_json(buf_slice(&c->answer.body), &h, f);
    if (rc == 0)
        ct_head_put(out, &h);
    return rc;
}

int ct_child_head(void *arg, struct buf *out, struct fault *f)
{
    return with_session(arg, CT_HEAD_MAX, head, out, f);
}

/* ---- entries ---- */

static int put_entry(const struct ct_child *c, const struct ct_entry *e, struct buf *out,
                     struct fault *f)
{
    enum ct_what what;
    uint8_t hash[32];
    int rc = ct_entry_look(e, c->a->log->domains, &what, f);

    if (rc != 0)
        return rc;
    wire_put_u8(out, (uint8_t)what);
    if (what == CT_UNDER) {
        wire_put_bytes(out, e->timestamped);
        wire_put_bytes(out, e->precert ? e->certificate : SLICE_NONE);
        return 0;
    }
    ct_entry_hash(e->timestamped, hash);
    wire_put_fixed(out, hash, sizeof(hash));
    return 0;
}

static int decode(const json_t *o, const char *key, struct buf *out, struct fault *f)
{
    const char *text = json_string_value(json_object_get(o, key));

    buf_reset(out);
    return text != NULL && base64_get(slice_str(text), out) == 0 && !buf_failed(out)
               ? 0
               : fault_set(f, FAULT_MALFORMED, "ct.entry", "an entry of the log has no %s", key);
}

static int put_items(const struct ct_child *c, const json_t *list, size_t n, struct buf *out,
                     struct fault *f)
{
    struct buf leaf, extra;
    struct ct_entry e;
    int rc = 0;

    buf_init(&leaf, ANSWER_MAX);
    buf_init(&extra, ANSWER_MAX);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const json_t *o = json_array_get(list, i);

        rc = decode(o, "leaf_input", &leaf, f);
        if (rc == 0)
            rc = decode(o, "extra_data", &extra, f);
        if (rc == 0)
            rc = ct_entry_get(buf_slice(&leaf), buf_slice(&extra), &e, f);
        if (rc == 0)
            rc = put_entry(c, &e, out, f);
    }
    buf_free(&leaf);
    buf_free(&extra);
    return rc;
}

/* RFC 6962 4.6: a log may give fewer than it was asked for. */
static int get_entries(struct ct_child *c, uint64_t *at, struct buf *out, struct fault *f)
{
    uint64_t want = c->a->end - *at < AT_ONCE ? c->a->end - *at : AT_ONCE;
    const json_t *list;
    struct buf path;
    json_t *o;
    size_t n;
    int rc;

    buf_init(&path, 128);
    buf_printf(&path, "ct/v1/get-entries?start=%" PRIu64 "&end=%" PRIu64, *at, *at + want - 1);
    rc = ask(c, &path, f);
    buf_free(&path);
    if (rc != 0)
        return rc;
    o = json_loadb((const char *)c->answer.body.p, c->answer.body.n, JSON_REJECT_DUPLICATES, NULL);
    list = json_object_get(o, "entries");
    n = json_array_size(list);
    if (n == 0 || n > want)
        rc = fault_set(f, FAULT_MALFORMED, "ct.answer",
                       "the log gives %zu entries where %" PRIu64 " were asked for", n, want);
    else
        rc = put_items(c, list, n, out, f);
    json_decref(o);
    *at += n;
    return rc;
}

/* A tile that has become full need not be there as a partial one. */
static int ask_tile(struct ct_child *c, uint64_t n, unsigned width, struct fault *f)
{
    struct buf path;
    int rc;

    buf_init(&path, 128);
    tile_data_path(&path, n, width);
    rc = ask(c, &path, f);
    if (rc == -FAULT_NOT_FOUND && width < TILE_WIDTH) {
        fault_clear(f);
        tile_data_path(&path, n, TILE_WIDTH);
        rc = ask(c, &path, f);
    }
    buf_free(&path);
    return rc;
}

static int get_tile(struct ct_child *c, uint64_t *at, struct buf *out, struct fault *f)
{
    uint64_t n = *at / TILE_WIDTH, left = c->a->size - n * TILE_WIDTH;
    uint64_t skip = *at % TILE_WIDTH, last = c->a->end - n * TILE_WIDTH;
    int rc = ask_tile(c, n, left < TILE_WIDTH ? (unsigned)left : TILE_WIDTH, f);
    struct slice rest = buf_slice(&c->answer.body);
    struct ct_entry e;

    if (last > TILE_WIDTH)
        last = TILE_WIDTH;
    for (uint64_t i = 0; rc == 0 && i < last; i++) {
        rc = ct_tile_get(&rest, &e, f);
        if (rc == 0 && i >= skip)
            rc = put_entry(c, &e, out, f);
    }
    *at = n * TILE_WIDTH + last;
    return rc;
}

static int entries(struct ct_child *c, struct buf *out, struct fault *f)
{
    uint64_t at = c->a->first, until = clock_mono_us() + CT_ROUND_US;
    int rc = 0;

    while (rc == 0 && at < c->a->end && out->n < ROUND_OCTETS && at - c->a->first < ROUND_ENTRIES &&
           clock_mono_us() < until) {
        size_t before = out->n;

        rc = c->a->log->tiles ? get_tile(c, &at, out, f) : get_entries(c, &at, out, f);
        if (rc == 0 || before == 0 || rc != -FAULT_UNAVAILABLE || buf_failed(out))
            continue;
        out->n = before; /* what came before it is good; who asks again hears of this */
        fault_clear(f);
        return 0;
    }
    return rc;
}

int ct_child_entries(void *arg, struct buf *out, struct fault *f)
{
    return with_session(arg, ANSWER_MAX, entries, out, f);
}

/* ---- a tree that was left earlier ---- */

static int no_tree(struct fault *f)
{
    return fault_set(f, FAULT_CONFLICT, "ct.tree", "the log gives no tree of the size it had");
}

static int read_tile(void *arg, const struct tile *t, uint8_t *out, struct fault *f)
{
    struct ct_child *c = arg;
    struct buf path;
    int rc;

    buf_init(&path, 128);
    tile_path(&path, t);
    rc = ask(c, &path, f);
    buf_free(&path);
    if (rc == 0 && c->answer.body.n != 32 * (size_t)t->width)
        return no_tree(f);
    if (rc == 0)
        memcpy(out, c->answer.body.p, c->answer.body.n);
    return rc;
}

static int tree_by_tiles(struct ct_child *c, struct merkle *m, struct fault *f)
{
    struct tile_reader *r = xcalloc(1, sizeof(*r));
    uint64_t at = 0;
    unsigned n = 0;
    int rc = 0;

    r->size = c->a->size;
    r->read = read_tile;
    r->arg = c;
    for (unsigned left = 64; rc == 0 && left > 0; left--) {
        unsigned bit = left - 1;

        if ((m->size >> bit & 1) == 0)
            continue;
        rc = tile_node_at(r, bit, at >> bit, m->peak[n++]);
        at += UINT64_C(1) << bit;
    }
    if (rc != 0)
        *f = r->fault;
    free(r);
    return rc;
}

/* The nodes of a proof from which RFC 9162 2.1.4.2 makes the old root are the old tree's peaks,
 * smallest first. */
static int take_proof(const json_t *list, uint64_t now, struct merkle *m, struct fault *f)
{
    uint64_t fn = m->size - 1, sn = now - 1;
    unsigned left = (unsigned)__builtin_popcountll(m->size);
    struct buf node;
    int rc = 0;

    buf_init(&node, 32);
    for (; fn & 1; fn >>= 1)
        sn >>= 1;
    for (size_t i = 0; rc == 0 && i < json_array_size(list) && i < MERKLE_PATH_MAX; i++) {
        const char *text = json_string_value(json_array_get(list, i));

        buf_reset(&node);
        if (text == NULL || base64_get(slice_str(text), &node) != 0 || node.n != 32) {
            rc = no_tree(f);
            break;
        }
        if (i > 0 && (fn & 1) == 0 && fn != sn) {
            fn >>= 1; /* on the right of the old tree */
            sn >>= 1;
            continue;
        }
        if (left > 0)
            memcpy(m->peak[--left], node.p, 32);
        for (; i > 0 && (fn & 1) == 0 && fn != 0; fn >>= 1)
            sn >>= 1;
        if (i > 0) {
            fn >>= 1;
            sn >>= 1;
        }
    }
    buf_free(&node);
    return rc == 0 && left > 0 ? no_tree(f) : rc;
}

static int tree_by_proof(struct ct_child *c, struct merkle *m, struct fault *f)
{
    struct buf path;
    json_t *o;
    int rc;

    buf_init(&path, 128);
    buf_printf(&path, "ct/v1/get-sth-consistency?first=%" PRIu64 "&second=%" PRIu64, m->size,
               c->a->size);
    rc = ask(c, &path, f);
    buf_free(&path);
    if (rc != 0)
        return rc;
    o = json_loadb((const char *)c->answer.body.p, c->answer.body.n, JSON_REJECT_DUPLICATES, NULL);
    rc = take_proof(json_object_get(o, "consistency"), c->a->size, m, f);
    json_decref(o);
    return rc;
}

static int tree(struct ct_child *c, struct buf *out, struct fault *f)
{
    struct merkle *m = xcalloc(1, sizeof(*m));
    int rc;

    m->size = c->a->first;
    rc = c->a->log->tiles ? tree_by_tiles(c, m, f) : tree_by_proof(c, m, f);
    if (rc == 0)
        merkle_put(out, m);
    free(m);
    return rc;
}

int ct_child_tree(void *arg, struct buf *out, struct fault *f)
{
    return with_session(arg, CT_HEAD_MAX, tree, out, f);
}
