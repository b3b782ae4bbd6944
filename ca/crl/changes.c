#include "ca/crl/changes.h"

#include <stdlib.h>
#include <string.h>

#define READ 512
#define ROOM 1024 /* of an empty list */

struct crl_changes {
    struct store *store;
    uint16_t issuer;
    uint64_t base; /* the list has what is behind this change ... */
    uint64_t upto; /* ... up to this one */
    uint8_t (*serial)[SERIAL_LEN];
    size_t n, room, given;
    struct store_change read[READ];
    struct store_revoked rows[CRL_SOURCE_BATCH];
};

struct crl_changes *crl_changes_new(struct store *s)
{
    struct crl_changes *c = xcalloc(1, sizeof(*c));

    c->store = s;
    return c;
}

void crl_changes_free(struct crl_changes *c)
{
    if (c == NULL)
        return;
    free(c->serial);
    free(c);
}

static int by_serial(const void *a, const void *b)
{
    return memcmp(a, b, SERIAL_LEN);
}

/* In order, each once. */
static void settle(struct crl_changes *c)
{
    size_t kept = 0;

    if (c->n > 1)
        qsort(c->serial, c->n, SERIAL_LEN, by_serial);
    for (size_t i = 0; i < c->n; i++)
        if (kept == 0 || memcmp(c->serial[kept - 1], c->serial[i], SERIAL_LEN) != 0)
            memmove(c->serial[kept++], c->serial[i], SERIAL_LEN);
    c->n = kept;
}

/* Who is held and released over and over does not fill it. */
static void add(struct crl_changes *c, const uint8_t serial[SERIAL_LEN])
{
    if (c->n == c->room) {
        settle(c);
        if (c->n >= c->room / 2) {
            c->room = c->room == 0 ? ROOM : c->room * 2;
            c->serial = xreallocarray(c->serial, c->room, SERIAL_LEN);
        }
    }
    memcpy(c->serial[c->n++], serial, SERIAL_LEN);
}

int crl_changes_gather(struct crl_changes *c, uint16_t issuer, uint64_t base, struct fault *f)
{
    size_t n;

    if (c->issuer != issuer || c->base != base || c->upto < base) {
        c->issuer = issuer;
        c->base = c->upto = base;
        c->n = 0;
    }
    do {
        if (store_changes_since(c->store, c->upto, c->read, READ, &n, f) != 0)
            return -(int)f->code;
        for (size_t i = 0; i < n; i++)
            if (c->read[i].ref.issuer == issuer && store_change_tells(&c->read[i]))
                add(c, c->read[i].ref.serial);
        c->upto = n > 0 ? c->read[n - 1].number : c->upto;
    } while (n > 0);
    settle(c);
    c->given = 0;
    return 0;
}

void crl_entry_of(const struct store_revoked *r, struct crl_entry *e)
{
    e->serial_len = SERIAL_LEN;
    memcpy(e->serial, r->serial, SERIAL_LEN);
    e->reason = r->reason;
    e->revoked = r->time;
    e->invalidity = r->reason == REASON_REMOVE_FROM_CRL ? 0 : r->invalidity;
}

int crl_changes_next(void *changes, struct crl_entry *out, size_t max, size_t *n, struct fault *f)
{
    struct crl_changes *c = changes;
    size_t want = c->n - c->given;

    *n = 0;
    if (want > max)
        want = max;
    if (want > CRL_SOURCE_BATCH)
        want = CRL_SOURCE_BATCH;
    if (want == 0)
        return 0;
    if (store_revoked_of(c->store, c->issuer, (const uint8_t(*)[SERIAL_LEN])(c->serial + c->given),
                         c->rows, want, f) != 0)
        return -(int)f->code;
    for (size_t i = 0; i < want; i++)
        crl_entry_of(&c->rows[i], &out[i]);
    c->given += want;
    *n = want;
    return 0;
}
