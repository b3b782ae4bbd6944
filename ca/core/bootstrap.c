/* Set-up: the certificates of the configured issuers, through the one door. */
#include "ca/core/core_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/door/install.h"

#define SIGNER_WAIT_MS 30000

struct known_key {
    char issuer[64];
    struct buf spki;
};

struct bootstrap {
    struct core *core;
    struct known_key key[CA_MAX];
    size_t n_keys;
    struct authority *current; /* being issued */
    struct fault *fault;
    int result; /* 1 while under way */
};

static void next_authority(void *arg);

static void end(struct bootstrap *b, int result)
{
    b->result = result;
    loop_stop(b->core->loop);
}

void bootstrap_keys(struct bootstrap *b, const struct signer_key *keys, size_t n)
{
    for (size_t i = 0; i < n && b->n_keys < CA_MAX; i++) {
        struct known_key *k = &b->key[b->n_keys++];

        snprintf(k->issuer, sizeof(k->issuer), "%s", keys[i].issuer);
        buf_init(&k->spki, 2048);
        buf_put_slice(&k->spki, keys[i].spki);
    }
    loop_post(b->core->loop, next_authority, b);
}

static const struct known_key *find_key(const struct bootstrap *b, const char *issuer)
{
    for (size_t i = 0; i < b->n_keys; i++)
        if (strcmp(b->key[i].issuer, issuer) == 0)
            return &b->key[i];
    return NULL;
}

static int adopt(struct bootstrap *b, struct authority *a, struct slice der)
{
    return authority_install(b->core->authorities, a, b->core->store, b->core->view, der, b->fault);
}

struct recorded {
    uint16_t number;
    struct buf der;
};

static int note_recorded(void *arg, const struct store_issuer *i)
{
    struct recorded *r = arg;

    if (i->number == r->number && i->certificate.n > 0)
        buf_put_slice(&r->der, i->certificate);
    return 0;
}

/* ---- one authority after the other ---- */

static void on_issued(void *arg, const struct issued *issued, const struct fault *fault)
{
    struct bootstrap *b = arg;
    struct authority *a = b->current;

    b->current = NULL;
    if (b->result != 1) /* set-up has ended; the door only cleans up */
        return;
    if (fault != NULL) {
        *b->fault = *fault;
        end(b, -(int)fault->code);
        return;
    }
    if (adopt(b, a, issued->certificate) != 0)
        end(b, -(int)b->fault->code);
    else
        loop_post(b->core->loop, next_authority, b);
}

static const struct requester set_up = {.name = "cerca-ca", .role = ROLE_ADMIN, .origin = "set-up"};

static void certify(struct bootstrap *b, struct authority *a, const struct known_key *key)
{
    struct recorded r = {.number = 0};
    uint8_t hash[32];

    sha256(buf_slice(&key->spki), hash);
    if (store_issuer_add(b->core->store, a->conf->name, hash, &a->number, b->fault) != 0) {
        end(b, -(int)b->fault->code);
        return;
    }
    r.number = a->number;
    buf_init(&r.der, CERT_MAX);
    b->current = a;
    if (store_issuers(b->core->store, note_recorded, &r, b->fault) != 0)
        end(b, -(int)b->fault->code);
    else if (r.der.n > 0 && adopt(b, a, buf_slice(&r.der)) != 0)
        end(b, -(int)b->fault->code);
    else if (r.der.n > 0) {
        b->current = NULL;
        loop_post(b->core->loop, next_authority, b);
    } else
        door_issue_ca(b->core->door, &set_up, a, buf_slice(&key->spki), on_issued, b);
    buf_free(&r.der);
}

/* What stands below an offline root waits for `cerca ca install`. */
static bool can_certify(struct authorities *all, const struct authority *a)
{
    const struct authority *parent = authority_parent(all, a);

    if (a->conf->offline)
        return false;
    return parent == NULL || (!parent->conf->offline && parent->conf->state == ISSUER_ACTIVE &&
                              (parent->certificate.n > 0 || can_certify(all, parent)));
}

static void next_authority(void *arg)
{
    struct bootstrap *b = arg;
    struct authorities *all = b->core->authorities;
    size_t missing = 0;

    if (b->current != NULL || b->result != 1)
        return;
    for (size_t i = 0; i < all->n; i++) {
        struct authority *a = &all->item[i], *parent = authority_parent(all, a);
        const struct known_key *key = find_key(b, a->conf->name);

        if (a->certificate.n > 0 || !can_certify(all, a))
            continue;
        missing++;
        if ((parent != NULL && parent->certificate.n == 0) || key == NULL)
            continue;
        certify(b, a, key);
        return;
    }
    if (missing == 0)
        end(b, 0);
}

static void out_of_time(void *arg)
{
    struct bootstrap *b = arg;

    (void)fault_unavailable(b->fault, 5, "bootstrap.signer",
                            "the signers did not offer the keys of all issuers within %d s",
                            SIGNER_WAIT_MS / 1000);
    end(b, -(int)b->fault->code);
}

int core_bootstrap(struct core *c, struct fault *f)
{
    struct bootstrap *b = xcalloc(1, sizeof(*b));
    struct loop_timer *limit = loop_timer(c->loop, out_of_time, b);

    b->core = c;
    b->fault = f;
    b->result = 1;
    c->bootstrap = b;
    loop_timer_set(limit, SIGNER_WAIT_MS);
    loop_post(c->loop, next_authority, b);
    loop_run(c->loop);
    loop_timer_free(limit);
    if (b->result == 1)
        b->result = fault_set(f, FAULT_INTERNAL, "bootstrap.stopped", "set-up was interrupted");
    return b->result;
}

void bootstrap_free(struct bootstrap *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->n_keys; i++)
        buf_free(&b->key[i].spki);
    free(b);
}
