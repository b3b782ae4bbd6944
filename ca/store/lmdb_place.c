/* Agents, what they told, and where certificates are: reading. */
#include "ca/store/installation_rows.h"

#include <stdlib.h>
#include <string.h>

static int read_failed(int rc, const char *what, struct fault *f)
{
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, what);
    return rc == 0 || rc == MDB_NOTFOUND ? 0 : store_fail(f, rc, "reading installations");
}

static int reporter_get(struct store *s, MDB_txn *t, const uint8_t identity[IDENTITY_LEN],
                        struct reporter *out)
{
    struct row_key key;
    struct slice v;
    int rc;

    installation_key(identity, PART_REPORTER, SLICE_NONE, &key);
    rc = row_get(t, s->dbi[D_INSTALLATION], key.at, key.n, &v);
    return rc == 0 ? row_reporter_get(slice_of(key.at, key.n), v, out) : rc;
}

int store_reporter(struct store *s, struct store_moment *m, const uint8_t identity[IDENTITY_LEN],
                   struct reporter *out, struct fault *f)
{
    MDB_txn *t = m == NULL ? NULL : m->t;
    int rc = m == NULL ? read_begin(s, &t, f) : 0;

    if (rc != 0)
        return rc;
    rc = reporter_get(s, t, identity, out);
    if (m == NULL)
        read_end(s, t);
    if (rc == MDB_NOTFOUND)
        return fault_set(f, FAULT_NOT_FOUND, "agent.unknown", "No agent has this identity");
    return read_failed(rc, "agent", f);
}

/* From one agent's row to that of the next one. */
static int next_reporter(MDB_cursor *c, MDB_val *k, MDB_val *v)
{
    struct row_key behind;

    installation_key(k->mv_data, (enum installation_part)0xff, SLICE_NONE, &behind);
    *k = val_of(behind.at, behind.n);
    return mdb_cursor_get(c, k, v, MDB_SET_RANGE);
}

int store_reporters(struct store *s, const uint8_t after[IDENTITY_LEN], size_t max,
                    store_reporter_each fn, void *arg, struct fault *f)
{
    struct reporter r;
    MDB_cursor *c;
    MDB_txn *t;
    MDB_val k, v;
    int rc = read_begin(s, &t, f);

    if (rc != 0)
        return rc;
    rc = mdb_cursor_open(t, s->dbi[D_INSTALLATION], &c);
    if (rc == 0) {
        k = val_of(after, IDENTITY_LEN);
        rc = after == NULL ? mdb_cursor_get(c, &k, &v, MDB_FIRST) : next_reporter(c, &k, &v);
        for (; rc == 0 && max > 0; max--) {
            rc = row_reporter_get(val_slice(k), val_slice(v), &r);
            if (rc != 0 || fn(arg, &r) != 0)
                break;
            rc = next_reporter(c, &k, &v);
        }
        mdb_cursor_close(c);
    }
    read_end(s, t);
    return read_failed(rc, "agent", f);
}

static bool is_entry(const MDB_val *k, const uint8_t reporter[IDENTITY_LEN])
{
    const uint8_t *p = k->mv_data;

    return k->mv_size > IDENTITY_LEN && memcmp(p, reporter, IDENTITY_LEN) == 0 &&
           p[IDENTITY_LEN] == PART_ENTRY;
}

int store_installed(struct store *s, const uint8_t reporter[IDENTITY_LEN], const char *after,
                    store_installed_each fn, void *arg, struct fault *f)
{
    struct installed *i = xcalloc(1, sizeof(*i));
    struct row_key from;
    MDB_cursor *c;
    MDB_txn *t;
    MDB_val k, v;
    int rc = read_begin(s, &t, f);

    if (rc != 0) {
        free(i);
        return rc;
    }
    installation_key(reporter, PART_ENTRY, slice_str(after), &from);
    rc = mdb_cursor_open(t, s->dbi[D_INSTALLATION], &c);
    if (rc == 0) {
        k = val_of(from.at, from.n);
        rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
        if (rc == 0 && slice_eq(val_slice(k), slice_of(from.at, from.n)))
            rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
        while (rc == 0 && is_entry(&k, reporter)) {
            rc = row_installed_get(val_slice(v), i);
            if (rc != 0 || fn(arg, i) != 0)
                break;
            rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
        }
        mdb_cursor_close(c);
    }
    read_end(s, t);
    free(i);
    return read_failed(rc, "installation", f);
}

/* ---- places ---- */

struct walk {
    struct store *s;
    MDB_txn *t;
    struct reporter reporter;
    struct installed installed;
    struct found_file found;
    struct observation observation;
};

/* Of an agent: the part that the place names. */
static int read_part(struct walk *x, struct slice where, struct store_place *out)
{
    bool found = out->kind == PLACE_FOUND;
    struct row_key part;
    struct slice v;
    int rc;

    if (where.n <= IDENTITY_LEN)
        return MDB_CORRUPTED;
    installation_key(where.p, found ? PART_FOUND : PART_ENTRY,
                     slice_of(where.p + IDENTITY_LEN, where.n - IDENTITY_LEN), &part);
    rc = reporter_get(x->s, x->t, where.p, &x->reporter);
    if (rc == 0)
        rc = row_get(x->t, x->s->dbi[D_INSTALLATION], part.at, part.n, &v);
    if (rc == 0)
        rc = found ? row_found_get(v, &x->found) : row_installed_get(v, &x->installed);
    out->reporter = &x->reporter;
    out->installed = found ? NULL : &x->installed;
    out->found = found ? &x->found : NULL;
    return rc;
}

static int read_place(struct walk *x, struct slice key, struct slice row, struct store_place *out)
{
    struct slice where = slice_of(key.p + IDENTITY_LEN + 1, key.n - IDENTITY_LEN - 1), v;
    struct row_place there;
    int rc = row_place_get(row, &there);

    memset(out, 0, sizeof(*out));
    out->kind = (enum place_kind)key.p[IDENTITY_LEN];
    if (rc != 0)
        return rc;
    memcpy(out->fingerprint, there.fingerprint, sizeof(out->fingerprint));
    out->ref = there.ref;
    if (out->kind != PLACE_SERVED) {
        rc = read_part(x, where, out);
    } else {
        rc = row_get(x->t, x->s->dbi[D_OBSERVATION], where.p, where.n, &v);
        if (rc == 0)
            rc = row_observation_get(v, &x->observation);
        out->observation = &x->observation;
    }
    return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

static int walk_places(struct walk *x, MDB_cursor *c, const uint8_t identity[IDENTITY_LEN],
                       size_t max, store_place_each fn, void *arg)
{
    MDB_val k = val_of(identity, IDENTITY_LEN), v;
    struct store_place p;
    int rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);

    for (; rc == 0 && max > 0; max--) {
        if (k.mv_size <= IDENTITY_LEN || memcmp(k.mv_data, identity, IDENTITY_LEN) != 0)
            break;
        rc = read_place(x, val_slice(k), val_slice(v), &p);
        if (rc != 0 || fn(arg, &p) != 0)
            break;
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    return rc;
}

int store_places(struct store *s, struct store_moment *m, const uint8_t identity[IDENTITY_LEN],
                 size_t max, store_place_each fn, void *arg, struct fault *f)
{
    struct walk *x = NULL;
    MDB_txn *t = m == NULL ? NULL : m->t;
    MDB_cursor *c;
    MDB_stat st;
    int rc = m == NULL ? read_begin(s, &t, f) : 0;

    if (rc != 0)
        return rc;
    rc = mdb_stat(t, s->dbi[D_PLACE], &st);
    if (rc == 0 && st.ms_entries > 0)
        rc = mdb_cursor_open(t, s->dbi[D_PLACE], &c);
    if (rc == 0 && st.ms_entries > 0) {
        x = xcalloc(1, sizeof(*x));
        x->s = s;
        x->t = t;
        rc = walk_places(x, c, identity, max, fn, arg);
        mdb_cursor_close(c);
        free(x);
    }
    if (m == NULL)
        read_end(s, t);
    return read_failed(rc, "place", f);
}

int store_places_any(struct store *s, struct store_moment *m, const uint8_t identity[IDENTITY_LEN],
                     bool *any, struct fault *f)
{
    MDB_val k = val_of(identity, IDENTITY_LEN), v;
    MDB_txn *t = m == NULL ? NULL : m->t;
    MDB_cursor *c;
    MDB_stat st;
    int rc = m == NULL ? read_begin(s, &t, f) : 0;

    *any = false;
    if (rc != 0)
        return rc;
    rc = mdb_stat(t, s->dbi[D_PLACE], &st);
    if (rc == 0 && st.ms_entries > 0 && (rc = mdb_cursor_open(t, s->dbi[D_PLACE], &c)) == 0) {
        rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
        *any =
            rc == 0 && k.mv_size > IDENTITY_LEN && memcmp(k.mv_data, identity, IDENTITY_LEN) == 0;
        mdb_cursor_close(c);
    }
    if (m == NULL)
        read_end(s, t);
    return read_failed(rc, "place", f);
}

/* ---- lists ---- */

bool reporter_is_called(const struct reporter *r, const char *word)
{
    const char *colon = strchr(r->name, ':');

    return strcmp(r->host, word) == 0 || strcmp(r->name, word) == 0 ||
           (colon != NULL && strcmp(colon + 1, word) == 0);
}

static bool is_asked(const struct store_place *p, const struct store_filter *q)
{
    if (q->installed != 0 &&
        (p->installed == NULL || (q->installed >> p->installed->entry.state & 1) == 0))
        return false;
    return q->installed_on[0] == '\0' ||
           (p->reporter != NULL && reporter_is_called(p->reporter, q->installed_on));
}

static bool is_of(struct slice row, const struct cert_ref *ref)
{
    struct row_place there;

    return row_place_get(row, &there) == 0 && there.ref.issuer == ref->issuer &&
           memcmp(there.ref.serial, ref->serial, SERIAL_LEN) == 0;
}

static int find_asked(struct walk *x, MDB_cursor *c, const uint8_t identity[IDENTITY_LEN],
                      const struct cert_ref *ref, const struct store_filter *q, bool *yes)
{
    MDB_val k = val_of(identity, IDENTITY_LEN), v;
    struct store_place p;
    int rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);

    for (size_t n = 0; rc == 0 && n < PLACES_ASKED && !*yes; n++) {
        const uint8_t *at = k.mv_data;

        if (k.mv_size <= IDENTITY_LEN || memcmp(at, identity, IDENTITY_LEN) != 0)
            break;
        if (at[IDENTITY_LEN] != PLACE_SERVED && is_of(val_slice(v), ref)) {
            rc = read_place(x, val_slice(k), val_slice(v), &p);
            *yes = rc == 0 && is_asked(&p, q);
        }
        if (rc == 0)
            rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int place_asked(struct store *s, MDB_txn *t, const uint8_t identity[IDENTITY_LEN],
                const struct cert_ref *ref, const struct store_filter *q, bool *yes)
{
    struct walk *x;
    MDB_cursor *c;
    int rc = mdb_cursor_open(t, s->dbi[D_PLACE], &c);

    *yes = false;
    if (rc != 0)
        return rc;
    x = xcalloc(1, sizeof(*x));
    x->s = s;
    x->t = t;
    rc = find_asked(x, c, identity, ref, q, yes);
    free(x);
    mdb_cursor_close(c);
    return rc;
}

/* ---- the check ---- */

bool installation_row_sound(struct slice key, struct slice row)
{
    struct installed *i = xcalloc(1, sizeof(*i));
    struct reporter r;
    struct found_file f;
    int rc = MDB_CORRUPTED;

    if (key.n > IDENTITY_LEN && key.p[IDENTITY_LEN] == PART_REPORTER)
        rc = row_reporter_get(key, row, &r);
    else if (key.n > IDENTITY_LEN && key.p[IDENTITY_LEN] == PART_ENTRY)
        rc = row_installed_get(row, i);
    else if (key.n > IDENTITY_LEN && key.p[IDENTITY_LEN] == PART_FOUND)
        rc = row_found_get(row, &f);
    free(i);
    return rc == 0;
}

bool place_row_sound(struct store *s, MDB_txn *t, struct slice key, struct slice row)
{
    struct walk *x = xcalloc(1, sizeof(*x));
    struct store_place p;
    bool sound;

    x->s = s;
    x->t = t;
    sound = key.n > IDENTITY_LEN + 1 && read_place(x, key, row, &p) == 0;
    free(x);
    return sound;
}
