/* Lines of certificates, by the derived indexes: those of one identity, and those of the same
 * names. */
#include <string.h>

#include "ca/store/index.h"
#include "ca/store/inventory.h"
#include "lib/cert.h"
#include "lib/clock.h"

#define TIME_MAX_US 50000

/* A cursor on an index whose keys are 16 octets, an expiry, a ref. */
struct lines {
    struct index_read r;
    MDB_cursor *c;
    MDB_val k, v;
    int rc;
};

static int lines_begin(struct store *s, bool fresh, enum index_dbi d, struct lines *l,
                       struct fault *f)
{
    memset(l, 0, sizeof(*l));
    int rc = index_read_begin(s, fresh, &l->r, f);
    if (rc != 0)
        return rc;
    l->rc = mdb_cursor_open(l->r.index, l->r.env->dbi[d], &l->c);
    if (l->rc == 0)
        return 0;
    rc = index_fail(s, l->rc, f);
    index_read_end(&l->r);
    return rc;
}

static int lines_end(struct lines *l, struct fault *f)
{
    struct store *s = l->r.s;
    mdb_cursor_close(l->c);
    index_read_end(&l->r);
    return l->rc == 0 || l->rc == MDB_NOTFOUND ? 0 : index_fail(s, l->rc, f);
}

static void step(struct lines *l, MDB_cursor_op op)
{
    l->rc = mdb_cursor_get(l->c, &l->k, &l->v, op);
    if (l->rc == 0 && l->k.mv_size != INDEX_LINE_KEY)
        l->rc = MDB_CORRUPTED;
}

/* To the first key behind all of this id, or, with `last`, to the last one that it has. */
static void seek_behind(struct lines *l, const uint8_t id[16], bool last)
{
    uint8_t end[INDEX_LINE_KEY];
    memset(end, 0xff, sizeof(end));
    memcpy(end, id, 16);
    l->k = val_of(end, sizeof(end));
    step(l, MDB_SET_RANGE);
    if (last && l->rc != MDB_CORRUPTED)
        step(l, l->rc == 0 ? MDB_PREV : MDB_LAST);
}

static bool is_at(const struct lines *l, const uint8_t id[16])
{
    return l->rc == 0 && memcmp(l->k.mv_data, id, 16) == 0;
}

static void member(const struct lines *l, struct store_line *out)
{
    const uint8_t *key = l->k.mv_data;
    out->not_after = index_expiry_of(key + 16);
    ref_get(key + 24, &out->newest);
    out->members++;
}

/* Reads the line that the cursor is at, and leaves it at the next one. Most lines are short. */
static void line_read(struct lines *l, struct store_line *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->identity, l->k.mv_data, sizeof(out->identity));
    while (is_at(l, out->identity) && out->members < STORE_LINE_MEMBERS) {
        member(l, out);
        step(l, MDB_NEXT);
    }
    if (!is_at(l, out->identity))
        return;
    seek_behind(l, out->identity, true);
    if (!is_at(l, out->identity))
        return;
    member(l, out);
    out->members = STORE_LINE_MEMBERS;
    step(l, MDB_NEXT);
}

int store_lines(struct store *s, const uint8_t after[IDENTITY_LEN], size_t max, bool fresh,
                store_line_each fn, void *arg, size_t *n, struct fault *f)
{
    uint64_t began = clock_mono_us();
    struct lines l;
    bool stopped = false;
    *n = 0;
    int rc = lines_begin(s, fresh, X_IDENTITY, &l, f);
    if (rc != 0)
        return rc;
    if (after)
        seek_behind(&l, after, false);
    else
        step(&l, MDB_FIRST);
    while (l.rc == 0 && *n < max && !stopped) {
        struct store_line line;
        line_read(&l, &line);
        if (l.rc != 0 && l.rc != MDB_NOTFOUND)
            break;
        ++*n;
        stopped = fn(arg, &line) > 0 || clock_mono_us() - began > TIME_MAX_US;
    }
    return lines_end(&l, f);
}

int store_line(struct store *s, const uint8_t identity[IDENTITY_LEN], bool fresh,
               struct store_line *out, struct fault *f)
{
    struct lines l;
    memset(out, 0, sizeof(*out));
    int rc = lines_begin(s, fresh, X_IDENTITY, &l, f);
    if (rc != 0)
        return rc;
    uint8_t from[INDEX_LINE_KEY] = {0};
    memcpy(from, identity, IDENTITY_LEN);
    l.k = val_of(from, sizeof(from));
    step(&l, MDB_SET_RANGE);
    bool known = is_at(&l, identity);
    if (known)
        line_read(&l, out);
    rc = lines_end(&l, f);
    if (rc == 0 && !known)
        rc = fault_set(f, FAULT_NOT_FOUND, "identity.unknown", "No certificate has this identity");
    return rc;
}

int store_same_names(struct store *s, const uint8_t names[SAN_IDENTITY], bool fresh,
                     struct cert_ref *out, size_t max, size_t *n, struct fault *f)
{
    struct lines l;
    *n = 0;
    int rc = lines_begin(s, fresh, X_NAMES, &l, f);
    if (rc != 0)
        return rc;
    seek_behind(&l, names, true);
    for (; *n < max && is_at(&l, names); step(&l, MDB_PREV)) {
        struct cert_view v;
        ref_get((const uint8_t *)l.k.mv_data + 24, &out[*n]);
        int got = cert_view_get(s, l.r.durable, &out[*n], &v);
        *n += got == 0 && v.has_sig;
    }
    return lines_end(&l, f);
}

void cert_row_names(const struct cert_row *r, uint8_t out[SAN_IDENTITY])
{
    struct cert c;
    struct fault f;
    memset(out, 0, SAN_IDENTITY);
    fault_clear(&f);
    if (r->source != SOURCE_ISSUED)
        memcpy(out, r->identity, SAN_IDENTITY);
    else if (tbs_parse(r->tbs, &c, &f) == 0)
        names_id(&c.sans, c.subject, out);
}
