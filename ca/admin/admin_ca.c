/* `cerca ca csr`, `ca create` and `ca install`: keys and certificates of configured issuers, while
 * everything runs. */
#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/door/install.h"
#include "lib/clock.h"
#include "lib/lint.h"
#include "lib/proto_ca.h"

struct ca_task {
    struct ask *ask;
    struct authority *authority;
    struct ca_name name;
    struct store_op op;
    void (*recorded)(struct ca_task *t); /* on the loop, after the record is durable */
};

static struct ca_task *task_new(struct ask *q)
{
    struct ca_task *t = xcalloc(1, sizeof(*t));

    t->ask = q;
    return t;
}

static void task_fail(struct ca_task *t, const struct fault *f)
{
    ask_fail(t->ask, f);
    free(t);
}

/* A refusal is recorded before it is answered. */
static void refused(void *arg, const struct issued *issued, const struct fault *f)
{
    (void)issued;
    task_fail(arg, f);
}

static void task_refuse(struct ca_task *t, const struct fault *f)
{
    door_refuse(t->ask->client->admin->parts.door, &t->ask->client->who, f, refused, t);
}

static void after_record(void *arg)
{
    struct ca_task *t = arg;

    if (t->op.result != 0)
        task_fail(t, &t->op.fault);
    else
        t->recorded(t);
}

static void record_done(struct store_op *op)
{
    struct ca_task *t = op->arg;

    loop_post(t->ask->client->admin->parts.loop, after_record, t);
}

/* The decision is durable before anything of it is. */
static void task_record(struct ca_task *t, const char *detail, void (*then)(struct ca_task *t))
{
    const struct admin_client *c = t->ask->client;
    struct audit_event *e = &t->op.audit;

    t->recorded = then;
    memset(&t->op, 0, sizeof(t->op));
    t->op.kind = STORE_AUDIT;
    t->op.time = clock_now();
    t->op.done = record_done;
    t->op.arg = t;
    e->action = AUDIT_CA_INSTALL;
    e->time = t->op.time;
    memcpy(e->generation, c->admin->parts.conf->generation, sizeof(e->generation));
    snprintf(e->actor, sizeof(e->actor), "%s", c->who.name);
    snprintf(e->origin, sizeof(e->origin), "%s", c->who.origin);
    snprintf(e->detail, sizeof(e->detail), "%.250s", detail);
    store_submit(c->admin->parts.store, &t->op);
}

static void describe_certificate(const char *what, const struct authority *a, struct slice der,
                                 char out[APPROVAL_TEXT_MAX])
{
    uint8_t hash[32];
    char hex[65];

    cert_fingerprint(der, hash);
    hex_encode(slice_of(hash, sizeof(hash)), hex);
    snprintf(out, APPROVAL_TEXT_MAX, "%s of issuer \"%.63s\", SHA-256 %s", what, a->conf->name,
             hex);
}

static void put_done(struct buf *out, const struct authority *a, bool was_there)
{
    struct ca_done d = {.was_there = was_there,
                        .not_after = a->parsed.not_after,
                        .certificate = buf_slice(&a->certificate)};

    snprintf(d.name, sizeof(d.name), "%.63s", a->conf->name);
    memcpy(d.fingerprint, a->fingerprint, sizeof(d.fingerprint));
    ca_done_put(out, &d);
}

/* ---- the key, shown by a certification request ---- */

/* The issuer that a message names, with its key in a token of ours. */
static int find_named(struct ca_task *t, struct fault *f)
{
    struct authorities *all = t->ask->client->admin->parts.authorities;

    if (ca_name_get(buf_slice(&t->ask->in), &t->name) != 0)
        return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
    t->authority = authority_named(all, t->name.name);
    if (t->authority == NULL)
        return fault_set(f, FAULT_NOT_FOUND, "issuer.unknown",
                         "the configuration has no issuer \"%s\"; add it to the file, check it "
                         "(cerca conf check) and send HUP to cercad",
                         t->name.name);
    if (t->authority->link == NULL)
        return fault_set(f, FAULT_CONFLICT, "issuer.offline",
                         "the key of issuer \"%s\" is kept offline", t->name.name);
    return 0;
}

static void key_recorded(struct ca_task *t)
{
    ask_answer(t->ask, MSG_CA_KEY_SHOWN, buf_slice(&t->ask->out));
    free(t);
}

static int check_csr(const struct authority *a, struct slice der, struct csr *csr, struct fault *f)
{
    if (csr_parse(der, csr, f) != 0 || csr_verify(csr, f) != 0)
        return -(int)f->code;
    if (!slice_eq(csr->subject, buf_slice(&a->name)) || csr->key.type != a->conf->key_type ||
        csr->key.bits != a->conf->key_bits)
        return fault_set(f, FAULT_INTERNAL, "signer.csr",
                         "the signer's request is not for issuer \"%s\"", a->conf->name);
    return 0;
}

static void key_shown(void *arg, struct slice der, const struct fault *f)
{
    struct ca_task *t = arg;
    char detail[APPROVAL_TEXT_MAX];
    struct csr csr;
    struct fault bad;

    fault_clear(&bad);
    if (f == NULL && check_csr(t->authority, der, &csr, &bad) != 0)
        f = &bad;
    if (f != NULL) {
        task_fail(t, f);
        return;
    }
    buf_put_slice(&t->ask->out, der);
    describe_certificate("certification request for the key", t->authority, der, detail);
    task_record(t, detail, key_recorded);
}

void show_key(struct ask *q)
{
    struct ca_task *t = task_new(q);
    struct fault f;

    fault_clear(&f);
    if (find_named(t, &f) != 0) {
        task_refuse(t, &f);
        return;
    }
    /* A key that is gone from its token is not made anew under the same certificate. */
    signer_link_csr(t->authority->link, t->authority->conf->name, t->authority->certificate.n == 0,
                    key_shown, t);
}

/* ---- a certificate from the CA above ---- */

static void answer_created(struct ca_task *t, bool was_there)
{
    put_done(&t->ask->out, t->authority, was_there);
    ask_answer(t->ask, MSG_CA_CREATED, buf_slice(&t->ask->out));
    free(t);
}

static void created(struct ca_task *t)
{
    const struct admin_parts *parts = &t->ask->client->admin->parts;
    struct fault f;

    fault_clear(&f);
    if (t->authority->certificate.n == 0 &&
        authority_install(parts->authorities, t->authority, parts->store, parts->view,
                          buf_slice(&t->ask->out), &f) != 0) {
        task_fail(t, &f);
        return;
    }
    issuer_names_load(t->ask->client->admin);
    buf_reset(&t->ask->out);
    answer_created(t, false);
}

static void certified(void *arg, const struct issued *issued, const struct fault *f)
{
    struct ca_task *t = arg;
    char detail[APPROVAL_TEXT_MAX];

    if (f != NULL) {
        task_fail(t, f);
        return;
    }
    buf_put_slice(&t->ask->out, issued->certificate);
    describe_certificate("certificate", t->authority, issued->certificate, detail);
    task_record(t, detail, created);
}

static void key_made(void *arg, struct slice der, const struct fault *f)
{
    struct ca_task *t = arg;
    const struct admin_parts *parts = &t->ask->client->admin->parts;
    struct fault bad;
    struct csr csr;
    uint8_t hash[32];

    fault_clear(&bad);
    if (f == NULL && check_csr(t->authority, der, &csr, &bad) != 0)
        f = &bad;
    if (f == NULL) { /* a root is recorded under its own number */
        spki_hash(&csr.key, hash);
        if (store_issuer_add(parts->store, t->authority->conf->name, hash, &t->authority->number,
                             &bad) != 0)
            f = &bad;
    }
    if (f != NULL)
        task_fail(t, f);
    else
        door_issue_ca(parts->door, &t->ask->client->who, t->authority, csr.key.der, certified, t);
}

static int check_create(const struct ca_task *t, struct fault *f)
{
    struct authority *parent =
        authority_parent(t->ask->client->admin->parts.authorities, t->authority);

    if (parent != NULL && parent->conf->offline)
        return fault_set(f, FAULT_CONFLICT, "issuer.offline",
                         "\"%s\" above is offline: say cerca ca csr %s, have it signed there, then "
                         "cerca ca install",
                         parent->conf->name, t->name.name);
    if (parent != NULL && parent->certificate.n == 0)
        return fault_set(f, FAULT_CONFLICT, "issuer.certificate",
                         "\"%s\" above has no certificate; say cerca ca create %s first",
                         parent->conf->name, parent->conf->name);
    return 0;
}

void create_authority(struct ask *q)
{
    struct ca_task *t = task_new(q);
    struct fault f;

    fault_clear(&f);
    if (find_named(t, &f) != 0 || check_create(t, &f) != 0)
        task_refuse(t, &f);
    else if (t->authority->certificate.n > 0)
        answer_created(t, true);
    else if (t->name.dry_run)
        answer_created(t, false);
    else
        signer_link_csr(t->authority->link, t->authority->conf->name, true, key_made, t);
}

/* ---- certificates from elsewhere ---- */

struct bundle {
    size_t n;
    struct {
        struct cert cert;
        struct authority *authority;
    } item[CA_INSTALL_MAX];
};

static struct authority *with_subject(struct authorities *all, struct slice subject)
{
    for (size_t i = 0; i < all->n; i++)
        if (slice_eq(buf_slice(&all->item[i].name), subject))
            return &all->item[i];
    return NULL;
}

static int unknown_subject(struct slice subject, struct fault *f)
{
    struct buf text;
    int rc;

    buf_init(&text, 4096);
    name_print(subject, &text);
    rc = fault_refuse(f, "issuer.unknown", "subject", buf_slice(&text),
                      "the subject of an issuer of the configuration, octet for octet");
    buf_free(&text);
    return rc;
}

static int bundle_add(struct bundle *b, struct authorities *all, struct slice der, struct fault *f)
{
    struct cert *c = &b->item[b->n].cert;
    struct authority *a;

    if (cert_parse(der, c, f) != 0)
        return -(int)f->code;
    a = with_subject(all, c->subject);
    if (a == NULL)
        return unknown_subject(c->subject, f);
    for (size_t i = 0; i < b->n; i++)
        if (b->item[i].authority == a)
            return fault_set(f, FAULT_CONFLICT, "issuer.twice",
                             "two of the certificates are for issuer \"%s\"", a->conf->name);
    b->item[b->n++].authority = a;
    return 0;
}

static const struct cert *in_bundle(const struct bundle *b, const struct authority *a)
{
    for (size_t i = 0; a != NULL && i < b->n; i++)
        if (b->item[i].authority == a)
            return &b->item[i].cert;
    return NULL;
}

static bool was_there(const struct authority *a, const struct cert *c)
{
    return slice_eq(buf_slice(&a->certificate), c->der);
}

struct lint_note {
    const char *who;
    struct fault *fault;
};

static void note_error(void *arg, const struct lint_rule *rule, const char *why)
{
    struct lint_note *n = arg;

    if (rule->severity == LINT_ERROR && n->fault->code == FAULT_NONE)
        (void)fault_set(n->fault, FAULT_POLICY, rule->name,
                        "the certificate of issuer \"%s\" breaks %s: %s", n->who, rule->section,
                        why);
}

static int lint_foreign(const struct authority *a, const struct cert *c, struct fault *f)
{
    struct lint_note n = {a->conf->name, f};

    fault_clear(f);
    lint_certificate(c->der, SLICE_NONE, note_error, &n);
    return -(int)f->code;
}

static int bundle_check(const struct bundle *b, struct authorities *all, struct fault *f)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct authority *a = b->item[i].authority;
        const struct cert *c = &b->item[i].cert;
        const struct cert *above = in_bundle(b, authority_parent(all, a));

        if (authority_check_certificate(all, a, above, c, clock_now(), f) != 0 ||
            lint_foreign(a, c, f) != 0)
            return -(int)f->code;
    }
    return 0;
}

static int bundle_read(struct bundle *b, struct authorities *all, struct slice content,
                       bool *dry_run, struct fault *f)
{
    struct ca_install r;

    b->n = 0;
    if (ca_install_get(content, &r) != 0)
        return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
    *dry_run = r.dry_run;
    for (uint32_t i = 0; i < r.n; i++)
        if (bundle_add(b, all, r.certificate[i], f) != 0)
            return -(int)f->code;
    return bundle_check(b, all, f);
}

/* Parents first. */
static int install_one(const struct bundle *b, size_t i, const struct admin_parts *parts,
                       struct fault *f)
{
    struct authority *a = b->item[i].authority;
    const struct authority *parent = authority_parent(parts->authorities, a);

    if (was_there(a, &b->item[i].cert))
        return 0;
    for (size_t k = 0; k < b->n; k++)
        if (b->item[k].authority == parent && install_one(b, k, parts, f) != 0)
            return -(int)f->code;
    return authority_install(parts->authorities, a, parts->store, parts->view, b->item[i].cert.der,
                             f);
}

static void bundle_answer(struct ask *q, const struct bundle *b, const bool was[CA_INSTALL_MAX])
{
    wire_put_u32(&q->out, (uint32_t)b->n);
    for (size_t i = 0; i < b->n; i++) {
        struct ca_done d = {.was_there = was[i],
                            .not_after = b->item[i].cert.not_after,
                            .certificate = b->item[i].cert.der};

        snprintf(d.name, sizeof(d.name), "%.63s", b->item[i].authority->conf->name);
        cert_fingerprint(d.certificate, d.fingerprint);
        ca_done_put(&q->out, &d);
    }
    ask_answer(q, MSG_CA_INSTALLED, buf_slice(&q->out));
}

static void bundle_install(struct ca_task *t, bool dry_run)
{
    const struct admin_parts *parts = &t->ask->client->admin->parts;
    struct bundle *b = xcalloc(1, sizeof(*b));
    bool was[CA_INSTALL_MAX], ignored;
    struct fault f;
    int rc;

    fault_clear(&f);
    rc = bundle_read(b, parts->authorities, buf_slice(&t->ask->in), &ignored, &f);
    for (size_t i = 0; rc == 0 && i < b->n; i++)
        was[i] = was_there(b->item[i].authority, &b->item[i].cert);
    for (size_t i = 0; rc == 0 && !dry_run && i < b->n; i++)
        rc = install_one(b, i, parts, &f);
    issuer_names_load(t->ask->client->admin); /* some may be installed when one is not */
    if (rc != 0) {
        task_fail(t, &f);
    } else {
        bundle_answer(t->ask, b, was);
        free(t);
    }
    free(b);
}

static void install_recorded(struct ca_task *t)
{
    bundle_install(t, false);
}

/* "certificate of issuer "issuing", SHA-256 ...", and how many with it. */
static void describe_bundle(const struct bundle *b, char out[APPROVAL_TEXT_MAX])
{
    size_t n;

    describe_certificate("certificate", b->item[0].authority, b->item[0].cert.der, out);
    n = strlen(out);
    for (size_t i = 1; i < b->n && n < APPROVAL_TEXT_MAX; i++)
        n += (size_t)snprintf(out + n, APPROVAL_TEXT_MAX - n, ", and of \"%.30s\"",
                              b->item[i].authority->conf->name);
}

void install_authority(struct ask *q)
{
    struct authorities *all = q->client->admin->parts.authorities;
    struct bundle *b = xcalloc(1, sizeof(*b));
    struct ca_task *t = task_new(q);
    char text[APPROVAL_TEXT_MAX];
    bool dry_run = false;
    struct fault f;

    fault_clear(&f);
    if (bundle_read(b, all, buf_slice(&q->in), &dry_run, &f) != 0) {
        task_refuse(t, &f);
    } else if (dry_run) {
        bundle_install(t, true);
    } else {
        describe_bundle(b, text);
        task_record(t, text, install_recorded);
    }
    free(b);
}

static bool install_harmless(struct slice content)
{
    struct ca_install r;

    return ca_install_get(content, &r) == 0 && r.dry_run;
}

static int describe_install(void *arg, struct slice content, char out[APPROVAL_TEXT_MAX],
                            struct fault *f)
{
    struct admin *a = arg;
    struct bundle *b = xcalloc(1, sizeof(*b));
    bool dry_run;
    int rc = bundle_read(b, a->parts.authorities, content, &dry_run, f);

    if (rc == 0)
        describe_bundle(b, out);
    free(b);
    return rc;
}

const struct approval_kind kind_ca_install = {
    .name = "ca-install",
    .two = TWO_CA_INSTALL,
    .repeatable = true,
    .harmless = install_harmless,
    .describe = describe_install,
    .run = run_message,
};
