/* What agents report, taken over. */
#include "ca/store/installation_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire.h"

#define PRUNE_MAX 64 /* rows that one report drops at most */
#define ENTRY_INTERVALS 7

struct taking {
    struct write_txn *w;
    struct store_op *op;
    struct store_report *r;
    unsigned changed;
};

/* Whoever follows the sequence looks at it again. */
static void touch(struct taking *t, const uint8_t identity[IDENTITY_LEN])
{
    identity_changed(t->w, t->op, identity);
}

static void place(struct taking *t, const uint8_t identity[IDENTITY_LEN], enum place_kind kind,
                  struct slice name, const struct row_place *there)
{
    struct row_key where, key;

    place_where(t->r->reporter.identity, name, &where);
    place_key(identity, kind, slice_of(where.at, where.n), &key);
    if (there == NULL) {
        w_del(t->w, D_PLACE, key.at, key.n);
        return;
    }
    row_place_put(w_row(t->w), there);
    w_put(t->w, D_PLACE, key.at, key.n, 0);
}

/* ---- entries ---- */

/* Does it say anything new? Times that move by themselves are no news. */
static bool same_entry(const struct installed *a, const struct installed *b)
{
    const struct installed *both[2] = {a, b};
    struct buf text[2];
    bool same;

    for (int i = 0; i < 2; i++) {
        struct installed *copy = xcalloc(1, sizeof(*copy));

        *copy = *both[i];
        copy->reported = copy->entry.next = 0;
        for (uint32_t k = 0; k < copy->entry.n_services; k++)
            copy->entry.service[k].verified = 0;
        buf_init(&text[i], FRAME_BODY_MAX);
        row_installed_put(&text[i], copy);
        free(copy);
    }
    same = slice_eq(buf_slice(&text[0]), buf_slice(&text[1]));
    buf_free(&text[0]);
    buf_free(&text[1]);
    return same;
}

static bool read_entry(struct taking *t, const struct row_key *key, struct installed *out)
{
    struct slice v;

    if (!w_found(t->w, row_get(t->w->t, t->w->s->dbi[D_INSTALLATION], key->at, key->n, &v)))
        return false;
    t->w->rc = row_installed_get(v, out);
    return t->w->rc == 0;
}

static void move_place(struct taking *t, const struct installed *was, const struct installed *now)
{
    struct slice name = slice_str(now->entry.name);
    struct row_place there = {.ref = now->ref};

    memcpy(there.fingerprint, now->entry.fingerprint, sizeof(there.fingerprint));
    if (was != NULL && was->has_identity)
        place(t, was->identity, PLACE_INSTALLED, name, NULL);
    if (now->has_identity && now->entry.state != STATE_REMOVED)
        place(t, now->identity, PLACE_INSTALLED, name, &there);
}

static void news(struct taking *t, const struct installed *was, const struct installed *now)
{
    t->changed++;
    if (was != NULL && was->has_identity)
        touch(t, was->identity);
    if (now->has_identity && (was == NULL || !was->has_identity ||
                              memcmp(was->identity, now->identity, IDENTITY_LEN) != 0))
        touch(t, now->identity);
    move_place(t, was, now);
}

static int take_entry(struct taking *t, struct installed *now, struct installed *was)
{
    struct row_key key;
    bool there;

    installation_key(t->r->reporter.identity, PART_ENTRY, slice_str(now->entry.name), &key);
    there = read_entry(t, &key, was);
    if (!there && t->r->reporter.entries >= REPORTER_ENTRIES_MAX)
        return fault_set(&t->op->fault, FAULT_TOO_LARGE, "report.entries",
                         "An agent has at most %d entries", REPORTER_ENTRIES_MAX);
    t->r->reporter.entries += !there;
    now->reported = t->op->time;
    if (!there || !same_entry(was, now))
        news(t, there ? was : NULL, now);
    row_installed_put(w_row(t->w), now);
    w_put(t->w, D_INSTALLATION, key.at, key.n, 0);
    return 0;
}

static int take_entries(struct taking *t)
{
    struct installed *was = xcalloc(1, sizeof(*was));
    int rc = 0;

    for (size_t i = 0; rc == 0 && t->w->rc == 0 && i < t->r->n; i++)
        rc = take_entry(t, &t->r->entry[i], was);
    free(was);
    return rc;
}

/* ---- files ---- */

static void take_file(struct taking *t, struct found_file *now, const struct foreign *item)
{
    uint8_t name[IDENTITY_LEN];
    struct row_place lies = {.ref = item->ref};
    struct found_file was;
    struct row_key key;
    struct cert_view v;
    struct slice row;
    bool there;

    if (item->outcome == FOREIGN_MALFORMED || !w_view(t->w, &item->ref, &v))
        return;
    now->seen = t->op->time;
    memcpy(now->fingerprint, v.sig.fingerprint, sizeof(now->fingerprint));
    memcpy(now->identity, v.cert.identity, sizeof(now->identity));
    memcpy(lies.fingerprint, now->fingerprint, sizeof(lies.fingerprint));
    found_name(now->path, name);
    installation_key(t->r->reporter.identity, PART_FOUND, slice_of(name, sizeof(name)), &key);
    there = w_found(t->w, row_get(t->w->t, t->w->s->dbi[D_INSTALLATION], key.at, key.n, &row));
    if (there)
        t->w->rc = row_found_get(row, &was);
    if (t->w->rc != 0 || (!there && t->r->reporter.found >= REPORTER_FOUND_MAX))
        return;
    t->r->reporter.found += !there;
    if (!there || memcmp(was.fingerprint, now->fingerprint, sizeof(was.fingerprint)) != 0) {
        t->changed++;
        touch(t, now->identity);
        if (there)
            place(t, was.identity, PLACE_FOUND, slice_of(name, sizeof(name)), NULL);
        place(t, now->identity, PLACE_FOUND, slice_of(name, sizeof(name)), &lies);
    }
    row_found_put(w_row(t->w), now);
    w_put(t->w, D_INSTALLATION, key.at, key.n, 0);
}

/* The report's own record says enough of them. */
static int take_files(struct taking *t)
{
    struct audit_event own = t->w->event;
    int rc;

    if (t->r->add == NULL || t->r->n_found == 0)
        return 0;
    t->op->foreign = t->r->add;
    rc = op_foreign(t->w, t->op);
    t->w->event = own;
    for (size_t i = 0; rc == 0 && t->w->rc == 0 && i < t->r->n_found; i++)
        take_file(t, &t->r->found[i], &t->r->add->item[i]);
    return rc;
}

/* ---- what is not told of any more ---- */

static bool is_old(const struct taking *t, const struct row_key *k, struct slice row,
                   struct installed *i, struct found_file *f)
{
    int64_t life = ENTRY_INTERVALS * (int64_t)t->r->reporter.interval;

    if (life < REPORTER_ENTRY_LIFE)
        life = REPORTER_ENTRY_LIFE;
    if (k->at[IDENTITY_LEN] == PART_ENTRY)
        return row_installed_get(row, i) == 0 && i->reported < t->op->time - life;
    return k->at[IDENTITY_LEN] == PART_FOUND && row_found_get(row, f) == 0 &&
           f->seen < t->op->time - REPORTER_FOUND_LIFE;
}

static void drop(struct taking *t, const struct row_key *k, const struct installed *i,
                 const struct found_file *f)
{
    struct slice name = slice_of(k->at + IDENTITY_LEN + 1, k->n - IDENTITY_LEN - 1);

    if (k->at[IDENTITY_LEN] == PART_FOUND) {
        place(t, f->identity, PLACE_FOUND, name, NULL);
        t->r->reporter.found -= t->r->reporter.found > 0;
    } else {
        if (i->has_identity)
            place(t, i->identity, PLACE_INSTALLED, name, NULL);
        t->r->reporter.entries -= t->r->reporter.entries > 0;
    }
    t->changed++;
    w_del(t->w, D_INSTALLATION, k->at, k->n);
}

/* Rows are found first, then dropped: a cursor does not like its rows to go. */
static void prune(struct taking *t)
{
    struct installed *i = xcalloc(1, sizeof(*i));
    struct row_key *old = xcalloc(PRUNE_MAX, sizeof(*old)), from;
    struct found_file f;
    struct slice row;
    MDB_cursor *c;
    MDB_val k, v;
    size_t n = 0;
    int rc;

    installation_key(t->r->reporter.identity, PART_ENTRY, SLICE_NONE, &from);
    k = val_of(from.at, from.n);
    rc = mdb_cursor_open(t->w->t, t->w->s->dbi[D_INSTALLATION], &c);
    if (rc == 0) {
        rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
        while (rc == 0 && n < PRUNE_MAX && k.mv_size > IDENTITY_LEN &&
               k.mv_size <= sizeof(old[n].at) && memcmp(k.mv_data, from.at, IDENTITY_LEN) == 0) {
            old[n].n = k.mv_size;
            memcpy(old[n].at, k.mv_data, k.mv_size);
            n += is_old(t, &old[n], val_slice(v), i, &f);
            rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
        }
        mdb_cursor_close(c);
    }
    (void)w_found(t->w, rc);
    for (size_t j = 0; t->w->rc == 0 && j < n; j++)
        if (w_found(t->w,
                    row_get(t->w->t, t->w->s->dbi[D_INSTALLATION], old[j].at, old[j].n, &row)) &&
            is_old(t, &old[j], row, i, &f))
            drop(t, &old[j], i, &f);
    free(old);
    free(i);
}

/* ---- the agent ---- */

static void take_reporter(struct taking *t)
{
    struct reporter *r = &t->r->reporter, was;
    struct row_key key;
    struct slice v;

    installation_key(r->identity, PART_REPORTER, SLICE_NONE, &key);
    r->first = r->last = t->op->time;
    r->entries = r->found = 0;
    if (!w_found(t->w, row_get(t->w->t, t->w->s->dbi[D_INSTALLATION], key.at, key.n, &v))) {
        t->changed++;
        return;
    }
    t->w->rc = row_reporter_get(slice_of(key.at, key.n), v, &was);
    if (t->w->rc != 0)
        return;
    r->first = was.first;
    r->entries = was.entries;
    r->found = was.found;
    if (r->last < was.last)
        r->last = was.last;
    t->changed += r->interval != was.interval || strcmp(r->host, was.host) != 0 ||
                  t->op->time - was.last >= AGENT_SILENT_AFTER * (int64_t)was.interval;
}

static void put_reporter(struct taking *t)
{
    struct row_key key;

    installation_key(t->r->reporter.identity, PART_REPORTER, SLICE_NONE, &key);
    row_reporter_put(w_row(t->w), &t->r->reporter);
    w_put(t->w, D_INSTALLATION, key.at, key.n, 0);
}

int op_report(struct write_txn *w, struct store_op *op)
{
    struct taking t = {.w = w, .op = op, .r = op->report};
    char detail[sizeof(w->event.detail)];
    int rc;

    t.r->changed = false;
    if (w->s->full)
        return store_full(&op->fault);
    take_reporter(&t);
    prune(&t);
    rc = take_files(&t);
    if (rc == 0)
        rc = take_entries(&t);
    if (rc != 0 || w->rc != 0)
        return rc;
    if (t.changed > 0)
        touch(&t, t.r->reporter.identity);
    put_reporter(&t);
    t.r->changed = w->record = t.changed > 0;
    memcpy(detail, w->event.detail, sizeof(detail));
    (void)snprintf(w->event.detail, sizeof(w->event.detail), "host %.100s: %u changed%s%.100s",
                   t.r->reporter.host, t.changed, detail[0] ? ": " : "", detail);
    return 0;
}
