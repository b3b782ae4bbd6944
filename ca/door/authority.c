#include "ca/door/authority.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/pem.h"

static bool is_root(const struct conf_issuer *i)
{
    return strcmp(i->parent, i->name) == 0;
}

struct authority *authority_named(struct authorities *all, const char *name)
{
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->item[i].conf->name, name) == 0)
            return &all->item[i];
    return NULL;
}

struct authority *authority_numbered(const struct authorities *all, uint16_t number)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->item[i].number == number)
            return &all->item[i];
    return NULL;
}

struct authority *authority_parent(struct authorities *all, const struct authority *a)
{
    return is_root(a->conf) ? NULL : authority_named(all, a->conf->parent);
}

/* ---- a certificate that fits its configuration ---- */

static int wrong(const struct authority *a, const char *what, struct fault *f)
{
    return fault_set(f, FAULT_CONFIG, "issuer.certificate",
                     "the certificate of issuer \"%s\" (%s) %s", a->conf->name,
                     a->conf->certificate, what);
}

static int check_fits(const struct authority *a, const struct authority *parent,
                      const struct cert *c, struct fault *f)
{
    const struct authority *above = parent != NULL ? parent : a;

    if (!slice_eq(c->subject, buf_slice(&a->name)))
        return wrong(a, "has another subject than the configuration", f);
    if (!slice_eq(c->issuer, buf_slice(&above->name)))
        return wrong(a, "was issued under another name than its parent's", f);
    if (!c->has_basic_constraints || !c->ca)
        return wrong(a, "is not a CA certificate (RFC 5280 4.2.1.9)", f);
    if (c->has_key_usage && (c->key_usage & KU_KEY_CERT_SIGN) == 0)
        return wrong(a, "may not sign certificates (RFC 5280 4.2.1.3)", f);
    if (c->key.type != a->conf->key_type || c->key.bits != a->conf->key_bits)
        return wrong(a, "has another kind of key than the configuration", f);
    return 0;
}

/* RFC 5280 6.1.4 (l), (m): what the configuration puts below it must fit. */
static int check_path(const struct authority *a, const struct cert *above, const struct cert *c,
                      struct fault *f)
{
    bool short_of = a->conf->path_len >= 0 ? c->path_len < a->conf->path_len
                                           : c->path_len == 0 && a->conf->signs_cas;

    if (c->path_len >= 0 && short_of)
        return wrong(a, "has a shorter path length than the configuration needs", f);
    if (above != NULL && above->path_len == 0)
        return wrong(a, "stands below a CA whose path length is 0", f);
    return 0;
}

static int check_signature(const struct authority *a, const struct spki *by, const struct cert *c,
                           struct fault *f)
{
    struct pubkey *key;
    int rc;

    if (pubkey_open(by, &key, f) != 0)
        return -(int)f->code;
    rc = pubkey_verify(key, c->alg, c->tbs, c->signature);
    pubkey_free(key);
    return rc == 0 ? 0 : wrong(a, "is not signed by its parent's key", f);
}

/* RFC 5280 4.2.1.1: what it issues names its key by the identifier of this certificate, and signer
 * and core both make that of the key alone (4.2.1.2, method 1). */
static int check_key_id(const struct authority *a, const struct cert *c, struct fault *f)
{
    uint8_t key_id[20];

    spki_key_id(&c->key, key_id);
    if (a->conf->offline || c->subject_key_id.p == NULL ||
        slice_eq(c->subject_key_id, slice_of(key_id, sizeof(key_id))))
        return 0;
    return wrong(a,
                 "has another subject key identifier than the SHA-1 of its key (RFC 5280 4.2.1.2, "
                 "method 1); have it made with that one",
                 f);
}

/* `above` is the parent's certificate; NULL for a root. */
static int check_certificate(const struct authority *a, const struct authority *parent,
                             const struct cert *above, const struct cert *c, struct fault *f)
{
    if (check_fits(a, parent, c, f) != 0)
        return -(int)f->code;
    if (parent != NULL && above->der.n == 0)
        return wrong(a, "cannot be checked: its parent has none", f);
    if (a->certificate.n > 0 && !slice_eq(c->key.der, a->parsed.key.der)) {
        (void)wrong(a, "has another key than the one it has now; a new key is a new issuer", f);
        return fault_rename(f, "issuer.key");
    }
    if (check_path(a, above, c, f) != 0 || check_key_id(a, c, f) != 0)
        return -(int)f->code;
    return check_signature(a, above != NULL ? &above->key : &c->key, c, f);
}

static int64_t end_above(const struct authority *parent, const struct cert *above)
{
    int64_t end = above->not_after;

    if (above == &parent->parsed)
        end = policy_first_to_end(&parent->policy)->not_after;
    return end;
}

static int check_times(const struct authority *a, const struct cert *c, int64_t end, int64_t now,
                       struct fault *f)
{
    char text[CLOCK_TEXT_SIZE];

    if (c->not_before > now || c->not_after <= now)
        return wrong(a, c->not_after <= now ? "has expired" : "is not valid yet", f);
    if (c->not_after <= end)
        return 0;
    clock_format(end, text);
    return fault_set(f, FAULT_POLICY, "validity.issuer",
                     "the certificate of issuer \"%s\" would outlive the chain above it, which "
                     "ends at %s",
                     a->conf->name, text);
}

int authority_check_certificate(struct authorities *all, const struct authority *a,
                                const struct cert *above, const struct cert *c, int64_t now,
                                struct fault *f)
{
    const struct authority *parent = authority_parent(all, a);

    if (parent != NULL && above == NULL)
        above = &parent->parsed;
    if (check_certificate(a, parent, parent == NULL ? NULL : above, c, f) != 0)
        return -(int)f->code;
    return check_times(a, c, parent == NULL ? c->not_after : end_above(parent, above), now, f);
}

static void set_chain(struct authority *a, const struct authority *parent)
{
    buf_reset(&a->chain);
    if (parent == NULL)
        return;
    buf_put_slice(&a->chain, buf_slice(&a->certificate));
    buf_put_slice(&a->chain, buf_slice(&parent->chain));
}

/* ---- taking one ---- */

void authorities_read(struct authorities *all)
{
    pthread_rwlock_rdlock(&all->lock);
}

void authorities_change(struct authorities *all)
{
    pthread_rwlock_wrlock(&all->lock);
}

void authorities_done(struct authorities *all)
{
    pthread_rwlock_unlock(&all->lock);
}

static void free_verifiers(struct pubkey **verify, unsigned n)
{
    for (unsigned i = 0; verify != NULL && i < n; i++)
        pubkey_free(verify[i]);
    free(verify);
}

static int open_verifiers(const struct spki *key, unsigned n, struct pubkey ***out, struct fault *f)
{
    struct pubkey **verify = xcalloc(n, sizeof(verify[0]));

    *out = NULL;
    if (pubkey_open(key, &verify[0], f) != 0) {
        free(verify);
        return -(int)f->code;
    }
    for (unsigned i = 1; i < n; i++)
        verify[i] = pubkey_dup(verify[0]);
    *out = verify;
    return 0;
}

static int add_own_key(struct authorities *all, const uint8_t spki_hash[32], struct fault *f)
{
    struct policy_own_keys *own = &all->own;

    for (size_t i = 0; i < own->n; i++)
        if (memcmp(own->spki_hash[i], spki_hash, 32) == 0)
            return 0;
    if (own->n == POLICY_OWN_MAX)
        return fault_set(f, FAULT_CONFIG, "issuer.count",
                         "more than %d keys of issuers are recorded", POLICY_OWN_MAX);
    memcpy(own->spki_hash[own->n], spki_hash, 32);
    own->n++;
    return 0;
}

/* What is below has the chain of what is above. */
static void set_chains_below(struct authorities *all, struct authority *a)
{
    set_chain(a, authority_parent(all, a));
    for (size_t i = 0; i < all->n; i++) {
        struct authority *child = &all->item[i];

        if (child->certificate.n > 0 && authority_parent(all, child) == a)
            set_chains_below(all, child);
    }
}

/* Everything that can fail has not. */
static int take(struct authorities *all, struct authority *a, struct buf *copy,
                const struct cert *c, struct pubkey **verify, struct fault *f)
{
    const struct authority *parent = authority_parent(all, a);
    struct pubkey **old = a->verify;
    struct buf was = a->certificate;
    int rc;

    authorities_change(all);
    a->certificate = *copy;
    *copy = was;
    a->parsed = *c;
    a->taken_at = clock_now();
    a->policy = (struct policy_issuer){.conf = a->conf,
                                       .not_after = a->parsed.not_after,
                                       .constraints = &a->parsed.constraints,
                                       .above = parent != NULL ? &parent->policy : NULL};
    a->verify = verify;
    spki_key_id(&c->key, a->key_id);
    cert_fingerprint(c->der, a->fingerprint);
    set_chains_below(all, a);
    rc = add_own_key(all, a->spki_hash, f);
    authorities_done(all);
    free_verifiers(old, all->workers);
    return rc;
}

int authority_set_certificate(struct authorities *all, struct authority *a, struct store *s,
                              struct slice der, struct fault *f)
{
    const struct authority *parent = authority_parent(all, a);
    struct pubkey **verify = NULL;
    struct buf copy;
    struct cert c;
    int rc = 0;

    buf_init(&copy, CERT_MAX);
    buf_put_slice(&copy, der);
    if (cert_parse(buf_slice(&copy), &c, f) != 0 ||
        check_certificate(a, parent, parent == NULL ? NULL : &parent->parsed, &c, f) != 0 ||
        open_verifiers(&c.key, all->workers, &verify, f) != 0) {
        buf_free(&copy);
        return -(int)f->code;
    }
    spki_hash(&c.key, a->spki_hash);
    if (store_issuer_add(s, a->conf->name, a->spki_hash, &a->number, f) != 0 ||
        store_issuer_set_certificate(s, a->number, der, f) != 0) {
        free_verifiers(verify, all->workers);
        rc = -(int)f->code;
    } else {
        rc = take(all, a, &copy, &c, verify, f);
    }
    buf_free(&copy);
    return rc;
}

/* ---- loading ---- */

static int load_certificate(struct authorities *all, struct authority *a, struct store *s,
                            struct fault *f)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct buf file, der;
    int rc = 0;

    if (access(a->conf->certificate, F_OK) != 0)
        return 0;
    buf_init(&file, CERT_MAX * 2);
    buf_init(&der, CERT_MAX);
    if (file_read(a->conf->certificate, CERT_MAX * 2, &file, f) != 0 ||
        pem_or_der(buf_slice(&file), labels, &der, f) != 0 ||
        authority_set_certificate(all, a, s, buf_slice(&der), f) != 0)
        rc = -(int)f->code;
    buf_free(&file);
    buf_free(&der);
    return rc;
}

/* Parents before children, however the configuration orders them. */
static int load_with_parents(struct authorities *all, struct authority *a, struct store *s,
                             struct fault *f)
{
    struct authority *parent = authority_parent(all, a);

    if (a->certificate.n > 0)
        return 0;
    if (parent != NULL && load_with_parents(all, parent, s, f) != 0)
        return -(int)f->code;
    if (parent != NULL && parent->certificate.n == 0)
        return 0;
    return load_certificate(all, a, s, f);
}

static void authority_init(struct authority *a, const struct conf_issuer *conf)
{
    a->conf = conf;
    buf_init(&a->certificate, CERT_MAX);
    buf_init(&a->chain, CERT_MAX);
    buf_init(&a->name, NAME_DER_MAX);
}

struct recorded {
    struct authorities *all;
    struct fault *fault;
};

static int add_recorded(void *arg, const struct store_issuer *i)
{
    const struct recorded *r = arg;

    return add_own_key(r->all, i->spki_hash, r->fault);
}

/* Earlier generations are not in the configuration, but what they signed is still relied on. */
static int load_own_keys(struct authorities *all, struct store *s, struct fault *f)
{
    struct recorded r = {all, f};

    fault_clear(f);
    if (store_issuers(s, add_recorded, &r, f) != 0 || f->code != FAULT_NONE)
        return -(int)f->code;
    return 0;
}

/* Workers never stop reading for long: an installation is let in first. */
static void lock_init(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attr;

    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(lock, &attr);
    pthread_rwlockattr_destroy(&attr);
}

int authorities_load(const struct conf *conf, struct store *s, unsigned workers,
                     struct authorities **out, struct fault *f)
{
    struct authorities *all = xcalloc(1, sizeof(*all));

    *out = NULL;
    lock_init(&all->lock);
    all->n = conf->n_issuers;
    all->workers = workers;
    all->item = xcalloc(all->n, sizeof(*all->item));
    for (size_t i = 0; i < all->n; i++)
        authority_init(&all->item[i], &conf->issuers[i]);
    for (size_t i = 0; i < all->n; i++)
        if (name_parse(conf->issuers[i].subject, &all->item[i].name, f) != 0 ||
            policy_own_name(&all->own, conf->issuers[i].subject, f) != 0)
            goto fail;
    for (size_t i = 0; i < all->n; i++)
        if (load_with_parents(all, &all->item[i], s, f) != 0)
            goto fail;
    if (load_own_keys(all, s, f) != 0)
        goto fail;
    *out = all;
    return 0;
fail:
    authorities_free(all);
    return -(int)f->code;
}

void authorities_free(struct authorities *all)
{
    if (all == NULL)
        return;
    for (size_t i = 0; i < all->n; i++) {
        free_verifiers(all->item[i].verify, all->workers);
        buf_free(&all->item[i].certificate);
        buf_free(&all->item[i].chain);
        buf_free(&all->item[i].name);
    }
    pthread_rwlock_destroy(&all->lock);
    free(all->item);
    free(all);
}

int authorities_check_keys(void *arg, const struct signer_key *keys, size_t n, struct fault *f)
{
    struct authorities *all = arg;
    uint8_t hash[32];

    for (size_t i = 0; i < n; i++) {
        struct authority *a = authority_named(all, keys[i].issuer);

        if (a == NULL || a->certificate.n == 0)
            continue;
        sha256(keys[i].spki, hash);
        if (memcmp(hash, a->spki_hash, sizeof(hash)) != 0)
            return fault_set(f, FAULT_CONFIG, "hsm.key",
                             "the token's key for issuer \"%s\" is not the one in its certificate",
                             a->conf->name);
    }
    return 0;
}
