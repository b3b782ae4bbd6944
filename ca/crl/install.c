/* A CRL that was signed where the issuer's key is kept: checked and put into place. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/crl/slot.h"
#include "lib/clock.h"

#define CLOCK_SLACK 300 /* between the machine of the ceremony and this one */

static int read_all(int fd, struct buf *out, struct fault *f)
{
    struct crl_file file = {fd, 0};
    int64_t n;

    do {
        uint8_t *p = buf_grow(out, 65536);

        if (p == NULL)
            return fault_set(f, FAULT_TOO_LARGE, "crl.size", "the CRL has more than %u MiB",
                             CRL_INSTALL_MAX >> 20);
        n = crl_file_read(&file, p, 65536);
        out->n -= 65536 - (size_t)(n > 0 ? n : 0);
    } while (n > 0);
    return n == 0 ? 0 : fault_set(f, FAULT_INTERNAL, "crl.read", "the CRL cannot be read");
}

/* Under authorities_read. */
static int look_for_issuer(struct slot *s, const struct crl_info *i, struct slice der,
                           struct fault *f)
{
    const struct authorities *all = s->p->parts.authorities;
    struct slice tbs = slice_of(der.p + i->tbs_at, (size_t)i->tbs_len);
    bool named = false;

    for (size_t k = 0; k < all->n; k++) {
        struct authority *a = &all->item[k];
        struct pubkey *key;
        int rc;

        if (a->certificate.n == 0 || !slice_eq(a->parsed.subject, i->issuer))
            continue;
        named = true;
        if (pubkey_open(&a->parsed.key, &key, f) != 0)
            return -(int)f->code;
        rc = pubkey_verify(key, i->alg, tbs, i->signature);
        pubkey_free(key);
        s->a = a;
        s->number = a->number;
        if (rc == 0)
            return 0;
    }
    return named ? fault_set(f, FAULT_POLICY, "crl.signature",
                             "the CRL is not signed by its issuer's key")
                 : fault_set(f, FAULT_NOT_FOUND, "crl.issuer",
                             "the CRL is of no issuer of the configuration");
}

static int find_issuer(struct slot *s, const struct crl_info *i, struct slice der, struct fault *f)
{
    int rc;

    authorities_read(s->p->parts.authorities);
    rc = look_for_issuer(s, i, der, f);
    authorities_done(s->p->parts.authorities);
    return rc;
}

static int check(const struct crl_info *i, int64_t now, struct fault *f)
{
    if (i->this_update > now + CLOCK_SLACK)
        return fault_set(f, FAULT_POLICY, "crl.time", "the CRL's thisUpdate lies in the future");
    if (i->next_update <= now)
        return fault_set(f, FAULT_POLICY, "crl.time", "the CRL's nextUpdate %s",
                         i->next_update == 0 ? "is missing (RFC 5280 5.1.2.5)" : "has passed");
    if (!i->has_number)
        return fault_set(f, FAULT_POLICY, "crl.number", "the CRL has no number (RFC 5280 5.2.3)");
    if (i->delta || i->idp.n > 0)
        return fault_set(f, FAULT_POLICY, "crl.extension",
                         "the CRL is a delta or of a part only; a full one is wanted");
    return 0;
}

static int read_list(struct slot *s, struct slice der, struct fault *f)
{
    struct slice rest = der;
    const struct crl_input in = {.read = crl_memory_read, .arg = &rest, .size = der.n};
    struct crl_reader *r;
    struct crl_entry e;
    const struct crl_info *i;
    int rc = crl_read_begin(&in, &r, f);

    if (rc != 0)
        return rc;
    i = crl_read_info(r);
    while ((rc = crl_read_entry(r, &e, NULL, f)) == 1)
        ;
    if (rc == 0)
        rc = crl_read_end(r, f);
    if (rc == 0)
        rc = check(i, clock_now(), f);
    if (rc == 0)
        rc = find_issuer(s, i, der, f);
    if (rc == 0)
        s->next = (struct store_crl){.issuer = (uint16_t)s->number,
                                     .scope = CRL_SCOPE_ALL,
                                     .published = i->number,
                                     .this_update = i->this_update,
                                     .next_update = i->next_update,
                                     .scheduled = i->this_update,
                                     .entries = i->entries,
                                     .octets = der.n};
    crl_reader_free(r);
    return rc;
}

/* Before it takes the place of the one that is there; the store decides again. */
static int check_number(const struct slot *s, struct fault *f)
{
    struct store_crl now;

    if (store_crl(s->p->parts.store, (uint16_t)s->number, CRL_SCOPE_ALL, &now, f) != 0)
        return -(int)f->code;
    if (s->next.published > now.published)
        return 0;
    return fault_set(f, FAULT_CONFLICT, "crl.number",
                     "CRL number %llu is not greater than %llu, the last one published",
                     (unsigned long long)s->next.published, (unsigned long long)now.published);
}

static int write_all(int fd, struct slice der, struct fault *f)
{
    while (der.n > 0) {
        ssize_t n = write(fd, der.p, der.n);

        if (n <= 0)
            return fault_set(f, FAULT_INTERNAL, "crl.write", "the CRL cannot be written");
        der = slice_of(der.p + n, der.n - (size_t)n);
    }
    return 0;
}

void crl_step_install(struct slot *s)
{
    struct fault *f = &s->fault;
    struct store_stats stats;
    struct buf der;
    int fd = -1;

    buf_init(&der, CRL_INSTALL_MAX + 65536);
    if (read_all(s->install_fd, &der, f) == 0 && read_list(s, buf_slice(&der), f) == 0 &&
        check_number(s, f) == 0 &&
        view_issuer_folder(s->p->parts.view, (uint16_t)s->number, &s->dirfd, f) == 0 &&
        store_stats(s->p->parts.store, &stats, f) == 0 && crl_open_new(s, &fd, f) == 0 &&
        write_all(fd, buf_slice(&der), f) == 0) {
        s->next.change = stats.change;
        crl_put_in_place(s, fd);
    }
    if (fd >= 0)
        (void)close(fd);
    buf_free(&der);
}
