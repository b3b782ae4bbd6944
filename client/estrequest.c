#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "est/body.h"
#include "lib/cert.h"
#include "lib/der.h"
#include "lib/file.h"
#include "lib/name_attr.h"
#include "lib/oid.h"
#include "lib/pem.h"
#include "client/csrfile.h"
#include "client/estenroll.h"
#include "client/signkey.h"

#define FILE_MAX (16 * CERT_MAX)
#define SIGN_TRIES 1000 /* one in two is as long as the one before */

static const char *const certificate_labels[] = {"CERTIFICATE", "X509 CERTIFICATE", NULL};

/* ---- names ---- */

static int read_certificate(const char *path, struct buf *der, struct cert *c, struct fault *f)
{
    struct buf file = {0};
    int rc = file_read(path, FILE_MAX, &file, f);

    if (rc == 0)
        rc = pem_or_der(buf_slice(&file), certificate_labels, der, f);
    buf_free(&file);
    return rc == 0 ? cert_parse(buf_slice(der), c, f) : rc;
}

static int add_sans(struct enrollment *e, struct san_list *to, struct fault *f)
{
    struct san san;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < e->args->sans.n; i++) {
        rc = san_parse(e->args->sans.item[i], &san, e->addresses, sizeof(e->addresses),
                       &e->addresses_used, f);
        if (rc == 0)
            rc = san_list_add(to, &san, f);
    }
    return rc;
}

/* RFC 7030 4.2.2: the names that it has, and those that it should have in an attribute. */
static int names_of_present(struct enrollment *e, struct fault *f)
{
    struct cert c;
    int rc = read_certificate(e->args->est.cert, &e->present, &c, f);

    if (rc != 0)
        return rc;
    buf_put_slice(&e->subject, c.subject);
    e->sans = c.sans;
    e->change.has_subject = e->args->subject != NULL;
    e->change.has_sans = e->args->sans.n > 0;
    if (e->change.has_subject)
        rc = name_parse(e->args->subject, &e->new_subject, f);
    e->change.subject = buf_slice(&e->new_subject);
    return rc == 0 ? add_sans(e, &e->change.sans, f) : rc;
}

static const struct san *first_dns(const struct enrollment *e)
{
    for (size_t i = 0; i < e->sans.n; i++)
        if (e->sans.item[i].kind == SAN_DNS && e->sans.item[i].value.n <= 64)
            return &e->sans.item[i];
    return NULL;
}

/* The server's own subject, where it says all of it but the common name (RFC 9908 3.4). */
static int subject_as_wanted(struct enrollment *e, struct fault *f)
{
    struct der_mark name = der_open(&e->subject, DER_SEQUENCE);
    const struct san *dns = first_dns(e);

    for (size_t i = 0; i < e->wanted.n_subject; i++) {
        const struct name_attr_row *row = name_attr_by_oid(e->wanted.subject[i].oid);
        struct der_mark rdn, pair;

        if (e->wanted.subject[i].value.n == 0 && row->attr == ATTR_CN && dns != NULL) {
            name_put_rdn(&e->subject, row, dns->value);
            continue;
        }
        if (e->wanted.subject[i].value.n == 0)
            return fault_set(f, FAULT_CONFIG, "est.subject",
                             "the server wants %s in the subject: --subject says what it is",
                             row->name);
        rdn = der_open(&e->subject, DER_SET);
        pair = der_open(&e->subject, DER_SEQUENCE);
        der_put_oid(&e->subject, e->wanted.subject[i].oid);
        buf_put_slice(&e->subject, e->wanted.subject[i].value);
        der_close(&e->subject, pair);
        der_close(&e->subject, rdn);
    }
    der_close(&e->subject, name);
    return name_check(buf_slice(&e->subject), NULL, NULL, f);
}

static int names_of_args(struct enrollment *e, struct fault *f)
{
    const struct san *dns;
    int rc = add_sans(e, &e->sans, f);

    if (rc != 0)
        return rc;
    if (e->args->subject != NULL)
        return name_parse(e->args->subject, &e->subject, f);
    if (e->wanted.n_subject > 0)
        return subject_as_wanted(e, f);
    dns = first_dns(e);
    return name_from_cn(dns != NULL ? dns->value : SLICE_NONE, &e->subject, f);
}

/* ---- key ---- */

/* What was asked for, else what the server wants, else what everybody knows. */
static void choose_type(const struct enrollment *e, char out[24])
{
    const struct csrattrs *w = &e->wanted;
    size_t best = 0;

    if (w->n_keys == 0) {
        memcpy(out, "p256", 5);
        return;
    }
    for (size_t i = 0; i < w->n_keys; i++)
        if (w->key[i].type == KEY_P256)
            best = i;
    key_describe(w->key[best].type,
                 w->key[best].type == KEY_RSA && w->key[best].bits == 0 ? 3072 : w->key[best].bits,
                 out);
}

static int make_key(struct enrollment *e, struct fault *f)
{
    const struct est_enroll_args *a = e->args;
    char type[24];
    struct buf pem;
    int rc;

    choose_type(e, type);
    rc = signkey_make(a->key_type != NULL ? a->key_type : type, &e->key, f);
    if (rc != 0 || e->op == EST_SERVERKEYGEN)
        return rc;
    buf_init(&pem, 16384);
    rc = signkey_pem(e->key, &pem, f);
    if (rc == 0)
        rc = keyfile_write(&e->keyfile, a->key_out, a->force, buf_slice(&pem), f);
    buf_free(&pem);
    return rc;
}

static int get_key(struct enrollment *e, struct fault *f)
{
    const struct est_enroll_args *a = e->args;
    const char *file = a->use_key != NULL                                  ? a->use_key
                       : a->key_out == NULL && e->op == EST_SIMPLEREENROLL ? a->est.key
                                                                           : NULL;

    if (a->use_away != NULL && EVP_PKEY_up_ref(a->use_away) == 1) {
        e->key = a->use_away;
        return 0;
    }
    return file != NULL ? signkey_read(file, &e->key, f) : make_key(e, f);
}

/* ---- request ---- */

/* Whom the server should envelop the key for. */
static int name_opener(struct enrollment *e, struct fault *f)
{
    struct cert c;
    int rc;

    if (e->args->open_cert == NULL)
        return 0;
    rc = read_certificate(e->args->open_cert, &e->opener, &c, f);
    if (rc == 0 && c.subject_key_id.n == 0)
        rc = fault_set(f, FAULT_MALFORMED, "est.opener",
                       "%s has no subject key identifier, by which it could be named",
                       e->args->open_cert);
    if (rc == 0)
        e->request.opener = c.subject_key_id;
    return rc;
}

/* A request of others is not changed: it is signed. */
static int take_request(struct enrollment *e, struct fault *f)
{
    int rc = csrfile_read(e->args->csr, &e->csr, f);

    if (rc == 0 && e->wanted.linking)
        rc = fault_set(f, FAULT_CONFIG, "est.link",
                       "the server wants the request to name this connection (challengePassword), "
                       "for which it must be signed here: --use-key or --key-out instead of --csr");
    if (rc == 0)
        est_body_put(&e->post, buf_slice(&e->csr));
    return rc;
}

int enrollment_prepare(struct enrollment *e, struct fault *f)
{
    int rc;

    if (e->args->csr != NULL)
        return take_request(e, f);
    rc = e->op == EST_SIMPLEREENROLL ? names_of_present(e, f) : names_of_args(e, f);
    if (rc == 0)
        rc = name_opener(e, f);
    if (rc == 0)
        rc = get_key(e, f);
    if (rc == 0)
        rc = signkey_public(e->key, &e->spki, f);
    e->request.subject = buf_slice(&e->subject);
    e->request.spki = buf_slice(&e->spki);
    e->request.sans = &e->sans;
    e->request.wanted = &e->wanted;
    e->request.change = &e->change;
    /* A guess: TLS 1.3. */
    return rc == 0 ? enrollment_sign(e, e->wanted.linking ? BINDING_EXPORTER_LEN : 0, f) : rc;
}

int enrollment_sign(struct enrollment *e, size_t binding, struct fault *f)
{
    struct buf info;
    int rc;

    e->request.binding = slice_of(e->binding, binding);
    buf_init(&info, CSR_MAX);
    buf_reset(&e->csr);
    buf_reset(&e->post);
    est_request_put(&info, &e->request);
    rc = buf_failed(&info)
             ? fault_set(f, FAULT_TOO_LARGE, "csr.size", "the certification request is too large")
             : signkey_request(e->key, buf_slice(&info), &e->csr, f);
    if (rc == 0)
        est_body_put(&e->post, buf_slice(&e->csr));
    buf_free(&info);
    return rc;
}

/* An ECDSA signature is as long as chance wants; what is posted has been announced already. */
static int sign_as_long(struct enrollment *e, size_t binding, struct fault *f)
{
    size_t length = e->post.n;
    int rc = 0;

    for (int i = 0; rc == 0 && i < SIGN_TRIES; i++) {
        rc = enrollment_sign(e, binding, f);
        if (rc == 0 && e->post.n == length)
            return 0;
    }
    return rc != 0 ? rc
                   : fault_set(f, FAULT_INTERNAL, "est.link", "no signature is as long as before");
}

int enrollment_link(void *arg, struct slice binding)
{
    struct enrollment *e = arg;
    size_t before = e->request.binding.n;

    fault_clear(&e->link_fault);
    if (binding.n == 0)
        return fault_set(&e->link_fault, FAULT_CONFIG, "est.link",
                         "the server wants the request to name this connection, which has no name "
                         "(TLS 1.2 without extended master secret)");
    memcpy(e->binding, binding.p, binding.n);
    e->request.binding.n = binding.n;
    /* Another length than was announced: it is asked anew. */
    return binding.n == before ? sign_as_long(e, binding.n, &e->link_fault) : -FAULT_CONFLICT;
}
