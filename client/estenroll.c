#include "client/estenroll.h"

#include <string.h>

#include <openssl/evp.h>

#include "est/body.h"
#include "est/keygen.h"
#include "lib/cert.h"

#define POST_MAX ((size_t)2 * CSR_MAX)

void enrollment_init(struct enrollment *e, const struct est_enroll_args *a, enum est_op op)
{
    memset(e, 0, sizeof(*e));
    e->args = a;
    e->op = op;
    buf_init(&e->subject, NAME_DER_MAX);
    buf_init(&e->new_subject, NAME_DER_MAX);
    buf_init(&e->spki, 4096);
    buf_init(&e->present, CERT_MAX);
    buf_init(&e->opener, CERT_MAX);
    buf_init(&e->wanted_der, CSRATTRS_BODY_MAX);
    buf_init(&e->csr, CSR_MAX);
    buf_init(&e->post, POST_MAX);
    /* Its place is taken at once: it is signed anew while libcurl points to it. */
    if (buf_grow(&e->post, POST_MAX) != NULL)
        buf_reset(&e->post);
    buf_init(&e->message, KEYGEN_BODY_MAX);
    buf_init(&e->new_key, KEYGEN_KEY_MAX);
    buf_init(&e->cas_der, KEYGEN_BODY_MAX);
    buf_init(&e->pem, 2 * KEYGEN_BODY_MAX);
}

void enrollment_free(struct enrollment *e)
{
    est_close(&e->est);
    EVP_PKEY_free(e->key);
    buf_free(&e->subject);
    buf_free(&e->new_subject);
    buf_free(&e->spki);
    buf_free(&e->present);
    buf_free(&e->opener);
    buf_free(&e->wanted_der);
    buf_free(&e->csr);
    buf_free(&e->post);
    buf_free(&e->message);
    buf_free(&e->new_key);
    buf_free(&e->cas_der);
    buf_free(&e->pem);
    keyfile_free(&e->keyfile);
}

int enrollment_ask_wanted(struct enrollment *e, struct fault *f)
{
    static const char *const no_labels[] = {NULL};
    const struct est_call c = {.op = EST_CSRATTRS, .optional = true};
    int rc = est_call(&e->est, &c, f);

    if (rc != 0 || e->est.answer.body.n == 0)
        return rc;
    rc = est_body_get(buf_slice(&e->est.answer.body), no_labels, &e->wanted_der, f);
    return rc == 0 ? csrattrs_get(buf_slice(&e->wanted_der), &e->wanted, f) : rc;
}

/* Signed again on the way, where the server wants it linked. When the binding of the channel is of
 * another length than was thought, once more from the beginning. */
int enrollment_send(struct enrollment *e, struct fault *f)
{
    struct est_call c = {
        .op = e->op, .arg = e, .ready = e->wanted.linking ? enrollment_link : NULL};
    size_t guessed = e->request.binding.n;
    int rc;

    c.body = buf_slice(&e->post);
    rc = est_call(&e->est, &c, f);
    if (rc == -FAULT_CONFLICT && e->link_fault.code == FAULT_NONE &&
        e->request.binding.n != guessed) {
        rc = enrollment_sign(e, e->request.binding.n, f);
        c.body = buf_slice(&e->post);
        if (rc == 0)
            rc = est_call(&e->est, &c, f);
    }
    if (rc == -FAULT_CONFLICT && e->link_fault.code != FAULT_NONE) {
        *f = e->link_fault;
        rc = -(int)f->code;
    }
    return rc;
}
