#include "tools/estenroll.h"

#include <string.h>

#include <openssl/evp.h>

#include "est/keygen.h"
#include "lib/cert.h"

#define POST_MAX ((size_t)2 * CSR_MAX)

#define AT(field) offsetof(struct est_enroll_args, field)
const struct opt est_enroll_opts[] = {
    {"csr", OPT_TEXT, AT(csr), "FILE", "certification request, PEM or DER; - is standard input", 0},
    {"key-out", OPT_TEXT, AT(key_out), "FILE", "make a key here, into this file (PKCS#8 PEM, 0600)",
     0},
    {"use-key", OPT_TEXT, AT(use_key), "FILE", "make the request with this private key", 0},
    {"key-type", OPT_TEXT, AT(key_type), "TYPE",
     "p256, p384, p521, ed25519, rsa2048, rsa3072, rsa4096; else what the server wants, else p256",
     0},
    {"san", OPT_TEXTS, AT(sans), "NAME", "dns:, ip:, email: or uri: and a name; may be repeated",
     0},
    {"subject", OPT_TEXT, AT(subject), "NAME",
     "such as \"CN=web,O=Example\"; else what the server wants, else the first DNS name", 0},
    {"out", OPT_TEXT, AT(out), "FILE", "certificate and chain as PEM; else to standard output", 0},
    {"force", OPT_FLAG, AT(force), NULL,
     "replace the file of --key-out, after the certificate is issued", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct opt est_keygen_opts[] = {
    {"key-out", OPT_TEXT, AT(key_out), "FILE", "where the key goes (PKCS#8 PEM, 0600)", 0},
    {"key-type", OPT_TEXT, AT(key_type), "TYPE",
     "of the key in the request, which many servers take for the one to make", 0},
    {"san", OPT_TEXTS, AT(sans), "NAME", "dns:, ip:, email: or uri: and a name; may be repeated",
     0},
    {"subject", OPT_TEXT, AT(subject), "NAME",
     "such as \"CN=web,O=Example\"; else what the server wants, else the first DNS name", 0},
    {"open-cert", OPT_TEXT, AT(open_cert), "FILE",
     "have the key enveloped for this certificate's, which the server must know", 0},
    {"open-key", OPT_TEXT, AT(open_key), "FILE", "the private key that opens the envelope", 0},
    {"out", OPT_TEXT, AT(out), "FILE", "certificate and chain as PEM; else to standard output", 0},
    {"force", OPT_FLAG, AT(force), NULL, "replace the file of --key-out", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

static int check_names(const struct tool *t, const struct est_enroll_args *a)
{
    if (a->csr != NULL && (a->sans.n > 0 || a->subject != NULL || a->key_type != NULL))
        return tool_usage(t, "--san, --subject and --key-type are for a request made here; --csr "
                             "has its own");
    if (a->key_out != NULL && (a->key_out[0] == '\0' || strcmp(a->key_out, "-") == 0))
        return tool_usage(t, "--key-out needs a file: keys are not written to standard output");
    if (a->key_out != NULL && a->out != NULL && strcmp(a->key_out, a->out) == 0)
        return tool_usage(t, "--key-out and --out name the same file");
    if (a->force && a->key_out == NULL)
        return tool_usage(t, "--force belongs to --key-out");
    return EXIT_OK;
}

int enrollment_check(const struct tool *t, const struct est_enroll_args *a, enum est_op op)
{
    int given = (a->csr != NULL) + (a->key_out != NULL) + (a->use_key != NULL);
    int rc = est_check_args(t, &a->est);

    if (rc != EXIT_OK)
        return rc;
    if (op == EST_SIMPLEENROLL && given != 1)
        return tool_usage(t, "one of --csr, --key-out and --use-key is needed");
    if (op == EST_SIMPLEREENROLL && given > 1)
        return tool_usage(t, "only one of --csr, --key-out and --use-key can be given");
    if (op == EST_SERVERKEYGEN && a->key_out == NULL)
        return tool_usage(t, "--key-out is missing");
    if (op == EST_SIMPLEREENROLL && a->est.cert == NULL)
        return tool_usage(t, "--cert and --key are missing: the certificate that is renewed");
    if ((a->open_cert == NULL) != (a->open_key == NULL))
        return tool_usage(t, "--open-cert and --open-key belong together");
    return check_names(t, a);
}

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
