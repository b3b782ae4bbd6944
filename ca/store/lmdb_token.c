/* Tokens (ca/store/tokens.h): one row each, by number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/store/store_lmdb.h"
#include "ca/store/tokens.h"
#include "lib/wire.h"

#define ROW_VERSION 1
#define FORGET_STEPS 8 /* rows looked at for each token that is made */

/* ---- rows ---- */

static void token_put(struct buf *b, const struct token_row *t)
{
    wire_put_u8(b, ROW_VERSION);
    wire_put_fixed(b, t->hash, sizeof(t->hash));
    token_info_put(b, &t->info);
}

static int token_get(uint64_t id, struct slice s, struct token_row *out)
{
    struct wire_in w;
    memset(out, 0, sizeof(*out));
    wire_in_init(&w, s);
    uint8_t version = wire_get_u8(&w);
    wire_get_fixed(&w, out->hash, sizeof(out->hash));
    token_info_get(&w, &out->info);
    return wire_in_done(&w) && version == ROW_VERSION && out->info.id == id &&
                   out->info.left <= out->info.uses
               ? 0
               : -1;
}

bool token_row_sound(struct slice key, struct slice row)
{
    struct token_row t;
    return key.n == 8 && token_get(number_get(key.p), row, &t) == 0;
}

static void w_token(struct write_txn *w, const struct token_row *t)
{
    uint8_t key[8];
    number_put(t->info.id, key);
    token_put(w_row(w), t);
    w_put(w, D_TOKEN, key, sizeof(key), 0);
}

static int unknown(struct fault *f)
{
    return fault_set(f, FAULT_NOT_FOUND, "token.unknown", "There is no such token");
}

static int token_load(struct write_txn *w, uint64_t id, struct token_row *t, struct fault *f)
{
    uint8_t key[8];
    struct slice row;
    number_put(id, key);
    memset(t, 0, sizeof(*t));
    if (!w_found(w, row_get(w->t, w->s->dbi[D_TOKEN], key, sizeof(key), &row)))
        return unknown(f);
    return token_get(id, row, t) == 0 ? 0 : store_damaged(f, "token");
}

/* ---- using ---- */

int token_usable(const struct token_row *t, int64_t restored_at, int64_t now, struct fault *f)
{
    unsigned long long id = t->info.id;
    if (t->info.revoked_at != 0)
        return fault_set(f, FAULT_DENIED, "token.revoked", "Token %llu was revoked", id);
    if (restored_at != 0 && t->info.created <= restored_at)
        return fault_set(f, FAULT_DENIED, "token.void",
                         "Token %llu is older than this store's restore: make a new one", id);
    if (t->info.expires <= now)
        return fault_set(f, FAULT_DENIED, "token.expired", "Token %llu has expired", id);
    if (t->info.left == 0)
        return fault_set(f, FAULT_DENIED, "token.used", "Token %llu has no use left", id);
    return 0;
}

int reserve_token(struct write_txn *w, struct store_op *op, bool there)
{
    struct token_row t;
    if (op->intent.token == 0)
        return 0;
    int rc = token_load(w, op->intent.token, &t, &op->fault);
    if (there)
        t.info.left = 1;
    return rc != 0 ? rc : token_usable(&t, w->gate.restored_at, op->time, &op->fault);
}

/* What was decided before the first put still holds: one thread writes. */
void reserve_token_put(struct write_txn *w, struct store_op *op)
{
    struct token_row t;
    if (op->intent.token == 0 || token_load(w, op->intent.token, &t, &op->fault) != 0)
        return;
    t.info.left--;
    w_token(w, &t);
}

#define REQUESTER "token:"

void token_requester(uint64_t id, char out[64])
{
    (void)snprintf(out, 64, REQUESTER "%llu", (unsigned long long)id);
}

uint64_t token_of_requester(const char *requester)
{
    if (strncmp(requester, REQUESTER, strlen(REQUESTER)) != 0)
        return 0;
    return strtoull(requester + strlen(REQUESTER), NULL, 10);
}

void token_give_back(struct write_txn *w, const char *requester)
{
    struct token_row t;
    struct fault none;
    uint64_t id = token_of_requester(requester);
    if (id == 0)
        return;
    fault_clear(&none);
    if (token_load(w, id, &t, &none) != 0 ||
        t.info.left == t.info.uses) /* it may be forgotten by now */
        return;
    t.info.left++;
    w_token(w, &t);
}

/* ---- making and revoking ---- */

static int64_t ended_at(const struct token_row *t)
{
    return t->info.revoked_at != 0 && t->info.revoked_at < t->info.expires ? t->info.revoked_at
                                                                           : t->info.expires;
}

/* The newest row stays, whatever it is: the next number is counted from it. */
static void forget_some(struct write_txn *w, uint64_t newest, int64_t now)
{
    for (int i = 0; i < FORGET_STEPS && w->rc == 0; i++) {
        struct token_row t;
        uint8_t key[8];
        MDB_cursor *c;
        MDB_val k = val_of(key, sizeof(key)), v;
        number_put(w->s->token_forget + 1, key);
        w->rc = mdb_cursor_open(w->t, w->s->dbi[D_TOKEN], &c);
        if (w->rc != 0)
            return;
        int rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
        mdb_cursor_close(c);
        if (!w_found(w, rc) || number_get(k.mv_data) >= newest) {
            w->s->token_forget = 0;
            return;
        }
        w->s->token_forget = number_get(k.mv_data);
        memcpy(key, k.mv_data, sizeof(key));
        if (token_get(w->s->token_forget, val_slice(v), &t) == 0 && ended_at(&t) + TOKEN_KEPT < now)
            w_del(w, D_TOKEN, key, sizeof(key));
    }
}

static uint64_t newest_token(struct write_txn *w)
{
    MDB_cursor *c;
    MDB_val k, v;
    uint64_t id = 0;
    w->rc = mdb_cursor_open(w->t, w->s->dbi[D_TOKEN], &c);
    if (w->rc != 0)
        return 0;
    if (w_found(w, mdb_cursor_get(c, &k, &v, MDB_LAST)) && k.mv_size == 8)
        id = number_get(k.mv_data);
    mdb_cursor_close(c);
    return id;
}

static int token_create(struct write_txn *w, struct store_op *op)
{
    struct token_row *t = &op->token->row;
    int rc = gate_refuse(&w->gate, &op->fault);
    if (rc == 0 && w->s->full)
        rc = fault_unavailable(&op->fault, 30, "store.full", "The disk or the quota is full");
    if (rc != 0)
        return rc;
    uint64_t newest = newest_token(w);
    forget_some(w, newest, op->time);
    t->info.id = newest + 1;
    t->info.created = op->time;
    t->info.left = t->info.uses;
    t->info.revoked_at = 0;
    if (w->rc == 0)
        w_token(w, t);
    return 0;
}

static int token_revoke(struct write_txn *w, struct store_op *op)
{
    struct token_row t;
    int rc = token_load(w, op->token->row.info.id, &t, &op->fault);
    if (rc == 0 && t.info.revoked_at != 0)
        rc = fault_set(&op->fault, FAULT_CONFLICT, "token.revoked", "Token %llu is revoked already",
                       (unsigned long long)t.info.id);
    if (rc != 0 || w->rc != 0)
        return rc;
    t.info.revoked_at = op->time;
    memcpy(t.info.revoked_by, op->token->row.info.revoked_by, sizeof(t.info.revoked_by));
    w_token(w, &t);
    op->token->row = t;
    return 0;
}

int op_token(struct write_txn *w, struct store_op *op)
{
    char detail[sizeof(w->event.detail)];
    int rc = op->token->verb == TOKEN_CREATE ? token_create(w, op) : token_revoke(w, op);
    memcpy(detail, w->event.detail, sizeof(detail));
    (void)snprintf(w->event.detail, sizeof(w->event.detail), "token %llu%s%.224s",
                   (unsigned long long)op->token->row.info.id, detail[0] ? ": " : "", detail);
    return rc;
}

/* ---- reading ---- */

int store_token_get(struct store *s, uint64_t id, struct token_row *out, struct fault *f)
{
    uint8_t key[8];
    struct slice v;
    MDB_txn *t;
    memset(out, 0, sizeof(*out));
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    number_put(id, key);
    rc = row_get(t, s->dbi[D_TOKEN], key, sizeof(key), &v);
    if (rc == MDB_NOTFOUND)
        rc = unknown(f);
    else if (rc != 0)
        rc = store_fail(f, rc, "reading a token");
    else if (token_get(id, v, out) != 0)
        rc = store_damaged(f, "token");
    read_end(s, t);
    return rc;
}

int store_tokens(struct store *s, uint64_t after, store_token_each fn, void *arg, struct fault *f)
{
    struct token_row row;
    uint8_t from[8];
    MDB_cursor *c;
    MDB_txn *t;
    if (after == UINT64_MAX)
        return 0;
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    number_put(after + 1, from);
    MDB_val k = val_of(from, sizeof(from)), v;
    rc = mdb_cursor_open(t, s->dbi[D_TOKEN], &c);
    if (rc == 0) {
        for (rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE); rc == 0;
             rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) {
            if (k.mv_size != 8 || token_get(number_get(k.mv_data), val_slice(v), &row) != 0)
                rc = MDB_CORRUPTED;
            if (rc != 0 || fn(arg, &row) != 0)
                break;
        }
        mdb_cursor_close(c);
    }
    read_end(s, t);
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, "token");
    return rc == 0 || rc == MDB_NOTFOUND ? 0 : store_fail(f, rc, "reading tokens");
}
