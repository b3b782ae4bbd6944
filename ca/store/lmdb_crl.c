/* CRLs: who is on one, and their numbers. */
#include <string.h>

#include "ca/store/store_lmdb.h"

#define KEY_LEN 6 /* issuer || scope */

static void key_put(uint16_t issuer, uint32_t scope, uint8_t out[KEY_LEN])
{
    out[0] = (uint8_t)(issuer >> 8);
    out[1] = (uint8_t)issuer;
    for (int i = 0; i < 4; i++)
        out[2 + i] = (uint8_t)(scope >> (24 - 8 * i));
}

/* 0 or an LMDB code. */
static int crl_get(struct store *s, MDB_txn *t, uint16_t issuer, uint32_t scope,
                   struct store_crl *out)
{
    uint8_t key[KEY_LEN];
    struct slice row;
    *out = (struct store_crl){.issuer = issuer, .scope = scope};
    key_put(issuer, scope, key);
    int rc = row_get(t, s->dbi[D_CRL], key, sizeof(key), &row);
    if (rc == 0 && row_crl_get(row, out) != 0)
        rc = MDB_CORRUPTED;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int store_crl(struct store *s, uint16_t issuer, uint32_t scope, struct store_crl *out,
              struct fault *f)
{
    MDB_txn *t;
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    rc = crl_get(s, t, issuer, scope, out);
    read_end(s, t);
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, "CRL row");
    return rc == 0 ? 0 : store_fail(f, rc, "reading a CRL's row");
}

int store_crl_shards(struct store *s, uint16_t issuer, bool has[CRL_SHARDS_MAX + 1],
                     struct fault *f)
{
    uint8_t key[KEY_LEN], at[KEY_LEN];
    struct crl_name name;
    MDB_txn *t;
    MDB_cursor *c = NULL;
    MDB_val k, v;
    memset(has, 0, (CRL_SHARDS_MAX + 1) * sizeof(has[0]));
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_open(t, s->dbi[D_CRL], &c);
    for (uint32_t n = 1; rc == 0 && n <= CRL_SHARDS_MAX; n++) {
        key_put(issuer, n << 16, key);
        k = val_of(key, sizeof(key));
        rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
        if (rc != 0 || k.mv_size != KEY_LEN || memcmp(k.mv_data, key, 2) != 0)
            break;
        memcpy(at, k.mv_data, KEY_LEN);
        n = (uint32_t)at[2] << 8 | at[3];
        if (crl_scope_shard(n << 16 | (uint32_t)at[4] << 8 | at[5], &name))
            has[n] = true;
    }
    if (c != NULL)
        mdb_cursor_close(c);
    read_end(s, t);
    return rc == 0 || rc == MDB_NOTFOUND ? 0 : store_fail(f, rc, "reading the rows of CRLs");
}

static uint64_t greatest(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Seconds keep the numbers rising over the restore of an older store. */
static uint64_t next_number(const struct store_crl *c, int64_t now)
{
    uint64_t next = greatest(c->number, c->published) + 1;
    return greatest(next, now > 0 ? (uint64_t)now : 0);
}

int op_crl(struct write_txn *w, struct store_op *op)
{
    struct store_crl_step *step = op->crl;
    struct store_crl now;
    uint8_t key[KEY_LEN];
    int rc = crl_get(w->s, w->t, step->row.issuer, step->row.scope, &now);
    if (rc == MDB_CORRUPTED)
        return store_damaged(&op->fault, "CRL row");
    if (!w_found(w, rc))
        return 0;
    w->record = step->publish;
    if (step->publish && step->row.published <= now.published)
        return fault_set(&op->fault, FAULT_CONFLICT, "crl.number",
                         "CRL number %llu is not greater than %llu, the last one published",
                         (unsigned long long)step->row.published,
                         (unsigned long long)now.published);
    if (step->publish) {
        step->row.number = greatest(step->row.published, now.number);
    } else {
        now.number = next_number(&now, op->time);
        step->row = now;
    }
    key_put(step->row.issuer, step->row.scope, key);
    row_crl_put(w_row(w), &step->row);
    w_put(w, D_CRL, key, sizeof(key), 0);
    return 0;
}

/* Rows that older versions wrote lack the end of validity. */
static int find_not_after(struct store *s, MDB_txn *t, const uint8_t key[ROW_REF], int64_t *out)
{
    struct row_cert cert;
    struct slice row;
    int rc = row_get(t, s->dbi[D_CERT], key, ROW_REF, &row);
    if (rc == 0 && row_cert_get(row, &cert) != 0)
        rc = MDB_CORRUPTED;
    if (rc == 0)
        *out = cert.not_after;
    return rc;
}

/* 1: it belongs on a CRL; 0: it was released from hold; or an LMDB code. */
static int revoked_get(struct store *s, MDB_txn *t, const uint8_t *key, struct slice value,
                       struct store_revoked *out)
{
    struct row_status row;
    if (row_status_get(value, &row) != 0)
        return MDB_CORRUPTED;
    memcpy(out->serial, key, SERIAL_LEN);
    out->reason = row.state == CERT_GOOD ? REASON_REMOVE_FROM_CRL : row.reason;
    out->time = row.time;
    out->invalidity = row.invalidity;
    out->not_after = row.not_after;
    if (row.state == CERT_GOOD)
        return 0;
    int rc = row.not_after == 0 ? find_not_after(s, t, key, &out->not_after) : 0;
    return rc == 0 ? 1 : rc;
}

static int revoked_of(struct store *s, MDB_txn *t, uint16_t issuer, const uint8_t *serial,
                      struct store_revoked *out)
{
    struct cert_ref ref = {.issuer = issuer};
    uint8_t key[ROW_REF];
    struct slice row;
    memcpy(ref.serial, serial, SERIAL_LEN);
    ref_put(&ref, key);
    int rc = row_get(t, s->dbi[D_STATUS], key, sizeof(key), &row);
    if (rc != 0)
        return rc;
    rc = revoked_get(s, t, key, row, out);
    return rc == 0 || rc == 1 ? 0 : rc;
}

int store_revoked_of(struct store *s, uint16_t issuer, const uint8_t (*serial)[SERIAL_LEN],
                     struct store_revoked *out, size_t n, struct fault *f)
{
    MDB_txn *t;
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = revoked_of(s, t, issuer, serial[i], &out[i]);
    read_end(s, t);
    if (rc == MDB_CORRUPTED || rc == MDB_NOTFOUND)
        return store_damaged(f, "status row");
    return rc == 0 ? 0 : store_fail(f, rc, "reading who is revoked");
}

static int scan(struct store *s, MDB_txn *t, MDB_cursor *c, uint16_t issuer,
                const uint8_t after[SERIAL_LEN], struct store_revoked *out, size_t max, size_t *n)
{
    uint8_t from[ROW_REF];
    struct cert_ref ref;
    MDB_val k, v;
    memcpy(from, after, SERIAL_LEN);
    memset(from + SERIAL_LEN, 0xff, ROW_REF - SERIAL_LEN);
    k = val_of(from, sizeof(from));
    int rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
    while (rc == 0 && *n < max) {
        if (k.mv_size != ROW_REF)
            return MDB_CORRUPTED;
        ref_get(k.mv_data, &ref);
        if (ref.issuer == issuer) {
            rc = revoked_get(s, t, k.mv_data, val_slice(v), &out[*n]);
            if (rc != 0 && rc != 1)
                return rc;
            *n += (size_t)rc;
        }
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int store_revoked(struct store *s, uint16_t issuer, const uint8_t after[SERIAL_LEN],
                  struct store_revoked *out, size_t max, size_t *n, struct fault *f)
{
    MDB_cursor *c = NULL;
    MDB_txn *t;
    *n = 0;
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_open(t, s->dbi[D_STATUS], &c);
    if (rc == 0) {
        rc = scan(s, t, c, issuer, after, out, max, n);
        mdb_cursor_close(c);
    }
    read_end(s, t);
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, "status row");
    return rc == 0 ? 0 : store_fail(f, rc, "reading who is revoked");
}
