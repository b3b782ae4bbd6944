#include "ca/door/authority.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    if (c->key.type != a->conf->key_type || c->key.bits != a->conf->key_bits)
        return wrong(a, "has another kind of key than the configuration", f);
    return 0;
}

static int check_signature(const struct authority *a, const struct authority *parent,
                           const struct cert *c, struct fault *f)
{
    struct pubkey *key;
    int rc;

    if (parent != NULL && parent->certificate.n == 0)
        return wrong(a, "cannot be checked: its parent has none", f);
    if (pubkey_open(parent != NULL ? &parent->parsed.key : &c->key, &key, f) != 0)
        return -(int)f->code;
    rc = pubkey_verify(key, c->alg, c->tbs, c->signature);
    pubkey_free(key);
    return rc == 0 ? 0 : wrong(a, "is not signed by its parent's key", f);
}

static void set_chain(struct authority *a, const struct authority *parent)
{
    buf_reset(&a->chain);
    if (parent == NULL)
        return;
    buf_put_slice(&a->chain, buf_slice(&a->certificate));
    buf_put_slice(&a->chain, buf_slice(&parent->chain));
}

static void free_verifiers(struct authority *a, unsigned n)
{
    if (a->verify == NULL)
        return;
    for (unsigned i = 0; i < n; i++)
        pubkey_free(a->verify[i]);
    free(a->verify);
    a->verify = NULL;
}

static int open_verifiers(struct authorities *all, struct authority *a, struct fault *f)
{
    free_verifiers(a, all->workers);
    a->verify = xcalloc(all->workers, sizeof(*a->verify));
    for (unsigned i = 0; i < all->workers; i++)
        if (pubkey_open(&a->parsed.key, &a->verify[i], f) != 0)
            return -(int)f->code;
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

int authority_set_certificate(struct authorities *all, struct authority *a, struct store *s,
                              struct slice der, struct fault *f)
{
    struct authority *parent = authority_parent(all, a);
    struct cert c;

    buf_reset(&a->certificate);
    buf_put_slice(&a->certificate, der);
    if (cert_parse(buf_slice(&a->certificate), &c, f) != 0 || check_fits(a, parent, &c, f) != 0 ||
        check_signature(a, parent, &c, f) != 0) {
        buf_reset(&a->certificate);
        return -(int)f->code;
    }
    a->parsed = c;
    a->policy = (struct policy_issuer){.conf = a->conf,
                                       .not_after = a->parsed.not_after,
                                       .constraints = &a->parsed.constraints,
                                       .above = parent != NULL ? &parent->policy : NULL};
    spki_key_id(&c.key, a->key_id);
    spki_hash(&c.key, a->spki_hash);
    cert_fingerprint(der, a->fingerprint);
    set_chain(a, parent);
    if (open_verifiers(all, a, f) != 0 ||
        store_issuer_add(s, a->conf->name, a->spki_hash, &a->number, f) != 0 ||
        store_issuer_set_certificate(s, a->number, der, f) != 0)
        return -(int)f->code;
    return add_own_key(all, a->spki_hash, f);
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

int authorities_load(const struct conf *conf, struct store *s, unsigned workers,
                     struct authorities **out, struct fault *f)
{
    struct authorities *all = xcalloc(1, sizeof(*all));

    *out = NULL;
    all->n = conf->n_issuers;
    all->workers = workers;
    all->item = xcalloc(all->n, sizeof(*all->item));
    for (size_t i = 0; i < all->n; i++)
        authority_init(&all->item[i], &conf->issuers[i]);
    for (size_t i = 0; i < all->n; i++)
        if (name_parse(conf->issuers[i].subject, &all->item[i].name, f) != 0)
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
        free_verifiers(&all->item[i], all->workers);
        buf_free(&all->item[i].certificate);
        buf_free(&all->item[i].chain);
        buf_free(&all->item[i].name);
    }
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
