/* Annotations: one row for each identity of which something is set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/store/inventory.h"
#include "ca/store/store_lmdb.h"
#include "lib/wire.h"

#define ROW_VERSION 1

static void row_put(struct buf *b, const struct annotation *a)
{
    wire_put_u8(b, ROW_VERSION);
    annotation_put(b, a);
}

static int row_read(struct slice key, struct slice row, struct annotation *out)
{
    struct wire_in w;
    wire_in_init(&w, row);
    uint8_t version = wire_get_u8(&w);
    annotation_get(&w, out);
    return wire_in_done(&w) && version == ROW_VERSION && key.n == IDENTITY_LEN &&
                   memcmp(key.p, out->identity, IDENTITY_LEN) == 0
               ? 0
               : MDB_CORRUPTED;
}

bool annotation_row_sound(struct slice key, struct slice row)
{
    struct annotation a;
    return row_read(key, row, &a) == 0 && annotation_set_fields(&a) != 0;
}

int annotation_find(struct store *s, MDB_txn *t, const uint8_t identity[IDENTITY_LEN],
                    struct annotation *out)
{
    struct slice v;
    int rc = row_get(t, s->dbi[D_IDENTITY], identity, IDENTITY_LEN, &v);
    if (rc == 0)
        rc = row_read(slice_of(identity, IDENTITY_LEN), v, out);
    if (rc != 0) {
        memset(out, 0, sizeof(*out));
        memcpy(out->identity, identity, IDENTITY_LEN);
    }
    return rc;
}

/* ---- setting ---- */

void identity_changed(struct write_txn *w, const struct store_op *op, const uint8_t identity[16])
{
    struct cert_ref ref = {.issuer = STORE_ANNOTATED};
    memcpy(ref.serial, identity, IDENTITY_LEN);
    (void)change_append(w, op, &ref, CERT_GOOD, 0, 0);
}

static void w_annotation(struct write_txn *w, const struct store_op *op, const struct annotation *a)
{
    identity_changed(w, op, a->identity);
    if (annotation_set_fields(a) == 0) {
        w_del(w, D_IDENTITY, a->identity, IDENTITY_LEN);
        return;
    }
    row_put(w_row(w), a);
    w_put(w, D_IDENTITY, a->identity, IDENTITY_LEN, 0);
}

/* "identity 0123...: owner, tags: detail" */
static void tell(struct audit_event *e, const struct store_annotate *n)
{
    char hex[2 * IDENTITY_LEN + 1], detail[sizeof(e->detail)], names[128];
    size_t at = 0;
    hex_encode(slice_of(n->row.identity, IDENTITY_LEN), hex);
    memcpy(detail, e->detail, sizeof(detail));
    names[0] = 0;
    for (unsigned bit = 1; bit <= ANNOTATION_ALL; bit <<= 1)
        if ((n->changed & bit) != 0)
            at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", at > 0 ? ", " : "",
                                   annotation_field_name(bit));
    (void)snprintf(e->detail, sizeof(e->detail), "identity %s: %s%s%.80s", hex, names,
                   detail[0] ? ": " : "", detail);
}

int op_annotate(struct write_txn *w, struct store_op *op)
{
    struct store_annotate *n = op->annotate;
    struct annotation a;
    if (w->s->full)
        return store_full(&op->fault);
    (void)w_found(w, annotation_find(w->s, w->t, n->row.identity, &a));
    if (w->rc != 0)
        return 0;
    if (n->add && annotation_add(&a, &n->row, &n->changed, &op->fault) != 0)
        return -(int)op->fault.code;
    if (!n->add)
        n->changed = annotation_merge(&a, &n->row, n->mask);
    if (n->changed == 0) {
        op->outcome = STORE_SAME;
        w->record = false;
        return 0;
    }
    a.updated = op->time;
    memcpy(a.updated_by, n->row.updated_by, sizeof(a.updated_by));
    w_annotation(w, op, &a);
    tell(&w->event, n);
    return 0;
}

/* ---- reading ---- */

int store_annotation(struct store *s, const uint8_t identity[IDENTITY_LEN], struct annotation *out,
                     bool *known, struct fault *f)
{
    MDB_txn *t;
    *known = false;
    memset(out, 0, sizeof(*out));
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    rc = annotation_find(s, t, identity, out);
    read_end(s, t);
    *known = rc == 0;
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, "annotation");
    return rc == 0 || rc == MDB_NOTFOUND ? 0 : store_fail(f, rc, "reading an annotation");
}

int store_moment_begin(struct store *s, struct store_moment **out, struct fault *f)
{
    struct store_moment *m = xcalloc(1, sizeof(*m));
    m->s = s;
    *out = NULL;
    int rc = read_begin(s, &m->t, f);
    if (rc != 0)
        free(m);
    else
        *out = m;
    return rc;
}

void store_moment_end(struct store_moment *m)
{
    if (!m)
        return;
    read_end(m->s, m->t);
    free(m);
}

int store_line_newest(struct store_moment *m, const struct store_line *l, struct cert_row *row,
                      struct annotation *a, struct fault *f)
{
    memset(a, 0, sizeof(*a));
    int rc = cert_row_fill(m->s, m->t, &l->newest, row, f);
    if (rc != 0)
        return rc;
    rc = annotation_find(m->s, m->t, l->identity, a);
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, "annotation");
    return rc == 0 || rc == MDB_NOTFOUND ? 0 : store_fail(f, rc, "reading an annotation");
}
