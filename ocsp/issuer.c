#include "ocsp/issuer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"

static char *path_of(const char *dir, const char *name)
{
    struct buf b;
    char *path;

    buf_init(&b, 8192);
    buf_printf(&b, "%s/%s", dir, name);
    path = xstrdup(buf_cstr(&b));
    buf_free(&b);
    return path;
}

static int read_certificate(struct ocsp_issuer *i, struct fault *f)
{
    char *path = path_of(i->path, "issuer.der");
    int rc = file_read(path, CERT_MAX, &i->der, f);

    free(path);
    if (rc == 0)
        rc = cert_parse(buf_slice(&i->der), &i->certificate, f);
    if (rc < 0)
        return rc;
    spki_hash(&i->certificate.key, i->owner);
    for (unsigned h = OCSP_SHA1; h < OCSP_HASHES; h++)
        ocsp_issuer_id((enum ocsp_hash)h, i->certificate.subject, &i->certificate.key, &i->id[h]);
    return 0;
}

int ocsp_issuer_new(const char *view_dir, const char *folder, struct ocsp_issuer **out,
                    struct fault *f)
{
    struct ocsp_issuer *i = xcalloc(1, sizeof(*i));
    int rc;

    *out = NULL;
    pthread_rwlock_init(&i->lock, NULL);
    snprintf(i->folder, sizeof(i->folder), "%s", folder);
    i->path = path_of(view_dir, folder);
    rc = read_certificate(i, f);
    if (rc < 0)
        ocsp_issuer_free(i);
    else
        *out = i;
    return rc;
}

void ocsp_issuer_free(struct ocsp_issuer *i)
{
    if (i == NULL)
        return;
    viewfile_close(i->view);
    ocsp_delegate_free(i->delegate);
    pthread_rwlock_destroy(&i->lock);
    buf_free(&i->der);
    free(i->path);
    free(i);
}

/* Rows of another key's certificates would be told in this issuer's name. */
static int check_owner(struct ocsp_issuer *i, const struct viewfile *v, struct fault *f)
{
    struct viewfile_info info;

    viewfile_info(v, &info);
    return memcmp(info.owner, i->owner, sizeof(i->owner)) == 0
               ? 0
               : fault_set(f, FAULT_MALFORMED, "ocsp.owner",
                           "the view in %s is not of the key in its issuer.der", i->folder);
}

int ocsp_issuer_open(struct ocsp_issuer *i, struct fault *f)
{
    struct viewfile *v;
    bool open;
    int rc;

    pthread_rwlock_wrlock(&i->lock);
    open = i->view != NULL;
    pthread_rwlock_unlock(&i->lock);
    if (open)
        return 0;
    rc = viewfile_open(i->path, &v, f);
    if (rc == 0 && check_owner(i, v, f) < 0) {
        rc = -(int)f->code;
        viewfile_close(v);
    }
    pthread_rwlock_wrlock(&i->lock);
    if (rc == 0)
        i->view = v;
    i->view_failed = rc < 0 && rc != -FAULT_NOT_FOUND;
    pthread_rwlock_unlock(&i->lock);
    return rc == -FAULT_NOT_FOUND ? 0 : rc;
}

void ocsp_issuer_set_delegate(struct ocsp_issuer *i, struct ocsp_delegate *d)
{
    struct ocsp_delegate *before;

    pthread_rwlock_wrlock(&i->lock);
    before = i->delegate;
    i->delegate = d;
    pthread_rwlock_unlock(&i->lock);
    ocsp_delegate_free(before);
}

/* A view that knows less than one before it was put back: what it calls good may have been
 * revoked. The next view may also be of another key. */
static void refresh(struct ocsp_issuer *i)
{
    struct viewfile_info info;
    struct fault f;

    i->view_failed = viewfile_refresh(i->view, &f) < 0;
    viewfile_info(i->view, &info);
    if (info.change < i->change || memcmp(info.owner, i->owner, sizeof(i->owner)) != 0)
        i->view_failed = true;
    if (!i->view_failed)
        i->change = info.change;
}

/* Takes the lock, for reading where nothing is new. False when the view must not be answered from.
 */
static bool lock_fresh(struct ocsp_issuer *i)
{
    pthread_rwlock_rdlock(&i->lock);
    if (i->view == NULL || (!i->view_failed && viewfile_fresh(i->view)))
        return i->view != NULL;
    pthread_rwlock_unlock(&i->lock);
    pthread_rwlock_wrlock(&i->lock);
    refresh(i);
    return !i->view_failed;
}

void ocsp_issuer_state(struct ocsp_issuer *i, struct ocsp_issuer_state *out)
{
    struct viewfile_info info = {.stamp = 0};

    memset(out, 0, sizeof(*out));
    memcpy(out->folder, i->folder, sizeof(out->folder));
    memcpy(out->owner, i->owner, sizeof(out->owner));
    out->key_type = i->certificate.key.type;
    (void)lock_fresh(i);
    if (i->view != NULL)
        viewfile_info(i->view, &info);
    out->change = i->change;
    out->stamp = info.stamp;
    out->view_failed = i->view_failed;
    if (i->delegate != NULL) {
        out->delegate_not_before = i->delegate->not_before;
        out->delegate_not_after = i->delegate->not_after;
        out->delegate_next =
            out->delegate_not_before + (out->delegate_not_after - out->delegate_not_before) / 2;
    }
    pthread_rwlock_unlock(&i->lock);
}

_Static_assert(OCSP_CLOCK_SKEW >= VIEWFILE_STAMP_SLACK, "a stamp that did not go back is taken");

/* The view's stamp itself, even ahead of our clock: so the answers of the next process, which
 * knows no `newest`, are not older than ours. A stamp that went back, as a damaged log's may, does
 * not take an answer back: what was true as of then still is. */
static bool decide_update(struct ocsp_issuer *i, int64_t view_age_max, int64_t now, int64_t *out)
{
    int64_t newest = __atomic_load_n(&i->newest, __ATOMIC_SEQ_CST), t;
    struct viewfile_info info;

    *out = 0;
    viewfile_info(i->view, &info);
    if (info.stamp <= 0 || now - info.stamp > view_age_max || info.stamp - now > OCSP_CLOCK_SKEW)
        return false;
    t = info.stamp;
    while (t > newest && !__atomic_compare_exchange_n(&i->newest, &newest, t, false,
                                                      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        continue;
    if (t < newest)
        t = newest;
    *out = t;
    return t - now <= OCSP_CLOCK_SKEW;
}

/* Serials of ours have one form (lib/tbs.h); all others were never issued. */
static void look_up(const struct viewfile *v, const struct ocsp_cert_id *id,
                    struct viewfile_row *out)
{
    if (id->serial.n != SERIAL_LEN || viewfile_lookup(v, id->serial.p, out) < 0)
        memset(out, 0, sizeof(*out));
}

static bool can_sign(const struct ocsp_delegate *d, int64_t now)
{
    return d != NULL && now >= d->not_before && now < d->not_after;
}

bool ocsp_issuer_look(struct ocsp_issuer *i, const struct ocsp_request *q, int64_t view_age_max,
                      int64_t now, struct ocsp_look *out)
{
    bool can;

    out->all_issued = true;
    out->delegate = NULL;
    can = lock_fresh(i) && can_sign(i->delegate, now) &&
          decide_update(i, view_age_max, now, &out->this_update);
    if (can) {
        for (size_t n = 0; n < q->n; n++) {
            look_up(i->view, &q->id[n], &out->row[n]);
            out->all_issued = out->all_issued && out->row[n].status != 0;
        }
        out->delegate = ocsp_delegate_share(i->delegate);
    }
    pthread_rwlock_unlock(&i->lock);
    return can;
}
