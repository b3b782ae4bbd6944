#include "ocsp/responder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "ocsp/answer.h"

int ocsp_responder_new(const struct ocsp_settings *s, struct ocsp_responder **out, struct fault *f)
{
    struct ocsp_responder *r;

    *out = NULL;
    if (s->view_age_max <= 0 || s->validity <= s->view_age_max || s->archive < 0 ||
        s->http_age < 0 || s->http_age > OCSP_HTTP_AGE_MAX)
        return fault_set(f, FAULT_CONFIG, "ocsp.settings",
                         "answers must be valid for longer than a view may be old, and kept by "
                         "HTTP caches for at most %d seconds",
                         OCSP_HTTP_AGE_MAX);
    r = xcalloc(1, sizeof(*r));
    r->settings = *s;
    r->cache = ocsp_cache_new(s->cache_max);
    *out = r;
    return 0;
}

void ocsp_responder_free(struct ocsp_responder *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n; i++)
        ocsp_issuer_free(r->issuer[i]);
    ocsp_cache_free(r->cache);
    free(r);
}

static struct ocsp_issuer *by_folder(const struct ocsp_responder *r, const char *folder)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->issuer[i]->folder, folder) == 0)
            return r->issuer[i];
    return NULL;
}

static bool same_ids(const struct ocsp_issuer *a, const struct ocsp_issuer *b)
{
    return memcmp(&a->id[OCSP_SHA256], &b->id[OCSP_SHA256], sizeof(a->id[0])) == 0;
}

static int add(struct ocsp_responder *r, struct ocsp_issuer *made, struct fault *f)
{
    if (r->n == OCSP_ISSUERS_MAX)
        return fault_set(f, FAULT_FULL, "ocsp.issuers", "at most %d issuers", OCSP_ISSUERS_MAX);
    for (size_t i = 0; i < r->n; i++)
        if (same_ids(made, r->issuer[i]))
            return fault_set(f, FAULT_CONFLICT, "ocsp.issuers",
                             "%s and %s are of one name and key: which has the status?",
                             r->issuer[i]->folder, made->folder);
    made->index = (uint16_t)r->n;
    r->issuer[r->n] = made;
    __atomic_store_n(&r->n, r->n + 1, __ATOMIC_RELEASE);
    return 0;
}

/* A folder without a certificate is not an issuer's, or not yet. */
static int scan_one(struct ocsp_responder *r, const char *view_dir, const char *folder,
                    struct fault *f)
{
    struct ocsp_issuer *i = by_folder(r, folder);
    int rc;

    if (i != NULL)
        return ocsp_issuer_open(i, f);
    rc = ocsp_issuer_new(view_dir, folder, &i, f);
    if (rc < 0)
        return rc == -FAULT_NOT_FOUND ? 0 : rc;
    rc = add(r, i, f);
    if (rc == 0)
        return ocsp_issuer_open(i, f);
    ocsp_issuer_free(i);
    return rc;
}

int ocsp_responder_scan(struct ocsp_responder *r, const char *view_dir, struct fault *f)
{
    DIR *d = opendir(view_dir);
    struct dirent *e;
    int rc = 0;

    if (d == NULL) {
        __atomic_store_n(&r->all_seen, false, __ATOMIC_RELEASE);
        return fault_set(f, FAULT_NOT_FOUND, "view.missing", "cannot open the view %s: %s",
                         view_dir, strerror(errno));
    }
    while ((e = readdir(d)) != NULL) {
        struct fault now;
        int one;

        if (e->d_name[0] == '.' || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN) ||
            strlen(e->d_name) >= sizeof(r->issuer[0]->folder))
            continue;
        one = scan_one(r, view_dir, e->d_name, &now);
        if (one < 0 && rc == 0) {
            rc = one;
            *f = now;
        }
    }
    closedir(d);
    __atomic_store_n(&r->all_seen, rc == 0, __ATOMIC_RELEASE);
    return rc;
}

int ocsp_responder_delegate(struct ocsp_responder *r, const uint8_t owner[32], EVP_PKEY *key,
                            struct slice certificate, struct fault *f)
{
    size_t n = __atomic_load_n(&r->n, __ATOMIC_ACQUIRE);
    struct ocsp_delegate *d;
    int rc = fault_set(f, FAULT_NOT_FOUND, "ocsp.issuer", "there is no issuer with that key");

    /* The same key may have certified under several names; the certificate is of one. */
    for (size_t i = 0; i < n && rc < 0; i++) {
        if (memcmp(r->issuer[i]->owner, owner, sizeof(r->issuer[i]->owner)) != 0)
            continue;
        rc = ocsp_delegate_new(key, certificate, &r->issuer[i]->certificate, clock_now(), &d, f);
        if (rc == 0)
            ocsp_issuer_set_delegate(r->issuer[i], d);
    }
    return rc;
}

size_t ocsp_responder_issuers(struct ocsp_responder *r, struct ocsp_issuer_state *out, size_t max)
{
    size_t n = __atomic_load_n(&r->n, __ATOMIC_ACQUIRE);

    for (size_t i = 0; i < n && i < max; i++)
        ocsp_issuer_state(r->issuer[i], &out[i]);
    return n;
}

void ocsp_responder_stats(struct ocsp_responder *r, struct ocsp_stats *out)
{
    out->signed_answers = __atomic_load_n(&r->signed_answers, __ATOMIC_RELAXED);
    out->errors = __atomic_load_n(&r->errors, __ATOMIC_RELAXED);
    ocsp_cache_size(r->cache, &out->cached, &out->cached_octets, &out->hits);
}
