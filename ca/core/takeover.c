#include "ca/core/takeover.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/core/published.h"
#include "ca/store/crls.h"
#include "ca/view/recall.h"
#include "lib/backupfile.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/signrecord.h"

#define CA_ISSUERS_MAX 256

/* ---- views ---- */

struct newest {
    const struct conf *conf;
    uint64_t through;
};

static int look_through(void *arg, const struct store_issuer *i)
{
    struct newest *n = arg;
    struct fault none;
    uint64_t through;

    fault_clear(&none);
    if (view_recall(n->conf->view_dir, i, 0, NULL, NULL, &through, &none) == 0 &&
        through > n->through)
        n->through = through;
    return 0;
}

int takeover_newest(const struct conf *conf, struct store *s, uint64_t *newest, struct fault *f)
{
    struct newest n = {.conf = conf};
    int rc = store_issuers(s, look_through, &n, f);

    *newest = n.through;
    return rc;
}

struct view_walk {
    struct takeover *t;
    struct published *p;
    uint16_t issuer;
    struct fault *f;
};

static int take_row(void *arg, const struct viewfile_row *row)
{
    struct view_walk *w = arg;
    struct cert_ref ref = {.issuer = w->issuer};
    enum cert_state state = row->status == VIEWFILE_GOOD   ? CERT_GOOD
                            : row->status == VIEWFILE_HELD ? CERT_HELD
                                                           : CERT_REVOKED;
    int64_t time = state == CERT_GOOD ? clock_now() : row->revoked_at;

    memcpy(ref.serial, row->serial, SERIAL_LEN);
    return published_add(w->p, &ref, state, row->reason, time, "restore: the view", w->f);
}

static int take_view(void *arg, const struct store_issuer *i)
{
    struct view_walk *w = arg;
    uint64_t through;
    int rc;

    w->issuer = i->number;
    rc = view_recall(w->t->conf->view_dir, i, w->t->after, take_row, w, &through, w->f);
    if (rc == -FAULT_NOT_FOUND || rc == -FAULT_MALFORMED) {
        log_fault(LOG_LEVEL_WARN, "restore.view", w->f, "issuer", i->name, NULL);
        fault_clear(w->f);
        w->t->missing++;
        return 0;
    }
    w->t->views += rc == 0;
    return rc;
}

int takeover_views(struct takeover *t, struct fault *f)
{
    struct view_walk w = {.t = t, .p = published_new(t->store, t->conf), .f = f};
    struct fault late;
    int rc = store_issuers(t->store, take_view, &w, f), ended;

    fault_clear(&late);
    if (rc == 0 && f->code != FAULT_NONE)
        rc = -(int)f->code;
    ended = published_end(w.p, &late);
    if (rc == 0 && ended != 0) {
        *f = late;
        rc = ended;
    }
    return rc;
}

/* ---- signers' records ---- */

static bool views_tell(const struct takeover *t)
{
    return t->views > 0 && t->missing == 0;
}

struct keys {
    struct {
        uint8_t hash[SIGNRECORD_KEY_LEN];
        uint16_t number;
    } key[CA_ISSUERS_MAX];
    size_t n;
    struct crl_number {
        uint16_t issuer;
        uint32_t scope;
        uint64_t greatest;
    } * crl;
    size_t n_crls;
};

/* There are as many as an issuer has parts of its CRL, some hundred at most. */
static void note_crl(struct keys *k, uint16_t issuer, uint32_t scope, uint64_t number)
{
    size_t i = 0;

    while (i < k->n_crls && (k->crl[i].issuer != issuer || k->crl[i].scope != scope))
        i++;
    if (i == k->n_crls) {
        k->crl = xreallocarray(k->crl, k->n_crls + 1, sizeof(k->crl[0]));
        k->crl[k->n_crls++] = (struct crl_number){.issuer = issuer, .scope = scope};
    }
    if (number > k->crl[i].greatest)
        k->crl[i].greatest = number;
}

static int note_key(void *arg, const struct store_issuer *i)
{
    struct keys *k = arg;

    if (k->n == CA_ISSUERS_MAX)
        return 0;
    memcpy(k->key[k->n].hash, i->spki_hash, SIGNRECORD_KEY_LEN);
    k->key[k->n++].number = i->number;
    return 0;
}

/* Without a view nobody knows what became of an intent that was signed: it may be in use. */
static bool was_left_open(const struct takeover *t, const struct cert_ref *ref)
{
    struct cert_row row;
    struct fault none;
    bool open;

    fault_clear(&none);
    cert_row_init(&row);
    open = !views_tell(t) && store_get(t->store, ref, &row, &none) == 0 && row.state == CERT_OPEN;
    cert_row_free(&row);
    return open;
}

/* An entry that is a certificate's, of an issuer of ours, and that the store does not know, or not
 * to its end. Numbers of CRLs are kept in mind. */
static bool is_news(const struct takeover *t, struct keys *k, const struct signrecord_entry *e,
                    struct cert_ref *ref)
{
    struct cert_ref known[1];
    struct fault none;
    uint64_t number;
    uint32_t scope;
    size_t n, i = 0;

    while (i < k->n && memcmp(k->key[i].hash, e->key, SIGNRECORD_KEY_LEN) != 0)
        i++;
    if (i == k->n)
        return false;
    if (signrecord_crl_get(e->serial, &scope, &number))
        note_crl(k, k->key[i].number, scope, number);
    if ((e->serial[0] & 0xc0) != 0x40)
        return false;
    memcpy(ref->serial, e->serial, SERIAL_LEN);
    ref->issuer = k->key[i].number;
    return store_find_serial(t->store, e->serial, known, 1, &n, &none) == -FAULT_NOT_FOUND ||
           was_left_open(t, ref);
}

static int take_entries(struct takeover *t, int fd, uint64_t n, struct keys *k, struct published *p,
                        struct fault *f)
{
    uint8_t octets[SIGNRECORD_ENTRY];
    struct signrecord_entry e;
    struct cert_ref ref;
    int rc = 0;

    for (uint64_t i = 0; rc == 0 && i < n; i++) {
        rc = backup_read(fd, i * SIGNRECORD_ENTRY, octets, sizeof(octets), f);
        if (rc != 0)
            break;
        signrecord_get(octets, &e);
        if (is_news(t, k, &e, &ref))
            rc = published_add(p, &ref, views_tell(t) ? CERT_REVOKED : CERT_GOOD, 0, clock_now(),
                               "restore: the signer's record", f);
    }
    return rc;
}

static int take_record(struct takeover *t, const char *token, struct keys *k, struct published *p,
                       struct fault *f)
{
    struct buf path;
    struct stat st;
    int fd, rc = 0;

    buf_init(&path, 4096);
    buf_printf(&path, "%s/%s.record", t->conf->record_dir, token);
    fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC);
    buf_free(&path);
    if (fd >= 0 && fstat(fd, &st) == 0)
        rc = take_entries(t, fd, (uint64_t)st.st_size / SIGNRECORD_ENTRY, k, p, f);
    if (fd >= 0)
        (void)close(fd);
    return rc;
}

/* The next CRL must have a greater number than any that relying parties may have seen (RFC 5280
 * 5.2.3); the signer signs no other. Taking a number never goes below the time that it is given. */
static int take_crl_number(struct store *s, const struct crl_number *c, struct fault *f)
{
    struct store_crl_step step = {.row = {.issuer = c->issuer, .scope = c->scope}};
    struct store_op op = {.kind = STORE_CRL, .crl = &step, .time = (int64_t)c->greatest};
    int rc = store_crl(s, c->issuer, c->scope, &step.row, f);

    if (rc != 0 || step.row.number >= c->greatest)
        return rc;
    if (store_do(s, &op) != 0) {
        *f = op.fault;
        return -(int)f->code;
    }
    return 0;
}

int takeover_records(struct takeover *t, struct fault *f)
{
    struct published *p;
    struct keys *k = xcalloc(1, sizeof(*k));
    struct fault late;
    int rc = store_issuers(t->store, note_key, k, f), ended;

    fault_clear(&late);
    p = published_new(t->store, t->conf);
    for (size_t i = 0; rc == 0 && i < t->conf->n_tokens; i++)
        rc = take_record(t, t->conf->tokens[i].name, k, p, f);
    for (size_t i = 0; rc == 0 && i < k->n_crls; i++)
        rc = take_crl_number(t->store, &k->crl[i], f);
    ended = published_end(p, &late);
    free(k->crl);
    free(k);
    if (rc == 0 && ended != 0) {
        *f = late;
        rc = ended;
    }
    return rc;
}
