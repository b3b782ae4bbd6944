#include "ca/store/attempts.h"

#include <string.h>

#include "ca/store/store_lmdb.h"
#include "lib/wire.h"

#define ROW_VERSION 1

static void attempt_put(struct buf *b, const struct attempt *a)
{
    wire_put_u8(b, ROW_VERSION);
    wire_put_fixed(b, a->identity, sizeof(a->identity));
    wire_put_fixed(b, a->ref.serial, sizeof(a->ref.serial));
    wire_put_u16(b, a->ref.issuer);
    wire_put_i64(b, a->first);
    wire_put_i64(b, a->last);
    wire_put_u32(b, a->times);
    wire_put_text(b, a->by);
    wire_put_text(b, a->origin);
    wire_put_text(b, a->rule);
    wire_put_text(b, a->text);
}

static int attempt_get(struct slice row, struct attempt *a)
{
    struct wire_in w;
    uint8_t version;

    memset(a, 0, sizeof(*a));
    wire_in_init(&w, row);
    version = wire_get_u8(&w);
    wire_get_fixed(&w, a->identity, sizeof(a->identity));
    wire_get_fixed(&w, a->ref.serial, sizeof(a->ref.serial));
    a->ref.issuer = wire_get_u16(&w);
    a->first = wire_get_i64(&w);
    a->last = wire_get_i64(&w);
    a->times = wire_get_u32(&w);
    wire_get_text(&w, a->by, sizeof(a->by));
    wire_get_text(&w, a->origin, sizeof(a->origin));
    wire_get_text(&w, a->rule, sizeof(a->rule));
    wire_get_text(&w, a->text, sizeof(a->text));
    return wire_in_done(&w) && version == ROW_VERSION ? 0 : MDB_CORRUPTED;
}

bool attempt_row_sound(struct slice key, struct slice row)
{
    struct attempt a;

    return attempt_get(row, &a) == 0 && slice_eq(key, slice_of(a.identity, sizeof(a.identity)));
}

static bool same_ref(const struct cert_ref *a, const struct cert_ref *b)
{
    return a->issuer == b->issuer && memcmp(a->serial, b->serial, SERIAL_LEN) == 0;
}

bool attempt_counts(const struct attempt *a, const struct cert_ref *newest)
{
    return same_ref(&a->ref, newest);
}

static bool same_reason(const struct attempt *a, const struct attempt *b)
{
    return same_ref(&a->ref, &b->ref) && strcmp(a->rule, b->rule) == 0;
}

/* A clock that went back does not keep the next one out. */
bool attempt_too_soon(const struct attempt *last, const struct attempt *next)
{
    int64_t since = next->last - last->last;

    return same_ref(&last->ref, &next->ref) && since >= 0 &&
           since < (same_reason(last, next) ? ATTEMPT_EVERY : ATTEMPT_ANOTHER);
}

/* 0 or an LMDB code. */
static int find(struct store *s, MDB_txn *t, const uint8_t identity[IDENTITY_LEN],
                struct attempt *out)
{
    struct slice row;
    int rc = row_get(t, s->dbi[D_ATTEMPT], identity, IDENTITY_LEN, &row);

    return rc == 0 ? attempt_get(row, out) : rc;
}

int op_attempt(struct write_txn *w, struct store_op *op)
{
    struct attempt *a = op->attempt, was = {.times = 0};
    bool known = w_found(w, find(w->s, w->t, a->identity, &was));
    bool same = known && same_reason(&was, a);

    w->record = false;
    a->last = op->time;
    if (w->rc != 0 || w->s->full || (known && attempt_too_soon(&was, a))) {
        op->outcome = STORE_SAME;
        return 0;
    }
    a->first = same ? was.first : op->time;
    a->times = same ? was.times + (was.times < UINT32_MAX) : 1;
    if (!same)
        identity_changed(w, op, a->identity);
    attempt_put(w_row(w), a);
    w_put(w, D_ATTEMPT, a->identity, IDENTITY_LEN, 0);
    return 0;
}

/* ---- reading ---- */

/* The identity that was asked for may be that of *out. */
static int answer(int rc, struct attempt *out, bool *known, struct fault *f)
{
    *known = rc == 0;
    if (rc != 0)
        memset(out, 0, sizeof(*out));
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, "refused renewal");
    return rc == 0 || rc == MDB_NOTFOUND ? 0 : store_fail(f, rc, "reading a refused renewal");
}

int store_attempt(struct store *s, const uint8_t identity[IDENTITY_LEN], struct attempt *out,
                  bool *known, struct fault *f)
{
    MDB_txn *t;
    int rc = read_begin(s, &t, f);

    *known = false;
    if (rc != 0)
        return rc;
    rc = find(s, t, identity, out);
    read_end(s, t);
    return answer(rc, out, known, f);
}

int store_line_attempt(struct store_moment *m, const struct store_line *l, struct attempt *out,
                       bool *known, struct fault *f)
{
    return answer(find(m->s, m->t, l->identity, out), out, known, f);
}
