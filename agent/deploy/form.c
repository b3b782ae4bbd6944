#include <string.h>

#include "agent/deploy/material.h"
#include "agent/deploy/place.h"
#include "client/p12.h"
#include "lib/der.h"
#include "lib/file.h"
#include "lib/key.h"
#include "lib/pem.h"

static const char certificate[] = "CERTIFICATE";

bool material_has_key(enum agent_format format)
{
    return format == AGENT_KEY || format == AGENT_COMBINED || format == AGENT_PKCS12 ||
           format == AGENT_KEY_URI;
}

static int put_chain(struct slice chain, bool top_first, struct buf *out, struct fault *f)
{
    struct slice cert[MATERIAL_CHAIN_MAX];
    size_t n = 0;

    while (chain.n > 0 && n < MATERIAL_CHAIN_MAX &&
           der_get_whole(&chain, DER_SEQUENCE, &cert[n]) == 0)
        n++;
    if (chain.n > 0)
        return fault_set(f, FAULT_MALFORMED, "deploy.certificate", "the chain cannot be read");
    for (size_t i = 0; i < n; i++)
        pem_put(out, certificate, cert[top_first ? n - 1 - i : i]);
    return 0;
}

static int put_fullchain(const struct deploy_material *m, struct buf *out, struct fault *f)
{
    pem_put(out, certificate, m->leaf);
    return put_chain(m->chain, false, out, f);
}

static int put_key(const struct deploy_material *m, struct buf *out, struct fault *f)
{
    if (m->key.n == 0)
        return fault_set(f, FAULT_CONFIG, "deploy.key", "its key lies in no file");
    buf_put_slice(out, m->key);
    if (m->key.p[m->key.n - 1] != '\n')
        buf_put_u8(out, '\n');
    return 0;
}

static int put_combined(const struct deploy_material *m, bool key_last, struct buf *out,
                        struct fault *f)
{
    int rc = key_last ? 0 : put_key(m, out, f);

    if (rc == 0)
        rc = put_fullchain(m, out, f);
    return rc == 0 && key_last ? put_key(m, out, f) : rc;
}

/* The first line of a file. */
static int read_password(const char *path, struct buf *out, struct fault *f)
{
    const uint8_t *end;
    int rc = file_read(path, 4096, out, f);

    if (rc < 0)
        return fault_rename(f, "deploy.password");
    end = out->n == 0 ? NULL : memchr(out->p, '\n', out->n);
    if (end != NULL)
        out->n = (size_t)(end - out->p);
    if (out->n > 0 && out->p[out->n - 1] == '\r')
        out->n--;
    if (out->n == 0 || memchr(out->p, 0, out->n) != NULL)
        return fault_set(f, FAULT_CONFIG, "deploy.password", "%.150s has no password", path);
    return 0;
}

static int put_pkcs12(const struct agent_cert *c, const struct agent_file *file,
                      const struct deploy_material *m, struct buf *out, struct fault *f)
{
    struct buf password;
    int rc;

    if (m->key.n == 0)
        return fault_set(f, FAULT_CONFIG, "deploy.key", "its key lies in no file");
    if (file->password_file == NULL || file->password_file[0] == '\0')
        return fault_set(f, FAULT_CONFIG, "deploy.password", "PKCS#12 wants a password_file");
    buf_init(&password, 4096);
    rc = read_password(file->password_file, &password, f);
    if (rc == 0)
        rc =
            p12_make(m->key, m->leaf, m->chain, c->name, buf_cstr(&password), file->legacy, out, f);
    buf_free(&password);
    return rc;
}

/* The text of a file of format key-uri, every {uri} in it the key's. */
static int put_uri(const struct agent_file *file, const struct deploy_material *m, struct buf *out,
                   struct fault *f)
{
    const char *text = file->text != NULL && file->text[0] != '\0' ? file->text : AGENT_TEXT_URI;

    if (m->uri.n == 0)
        return fault_set(f, FAULT_CONFIG, "deploy.key", "its key lies in no token");
    for (const char *at; (at = strstr(text, AGENT_TEXT_URI)) != NULL;
         text = at + strlen(AGENT_TEXT_URI)) {
        buf_put(out, text, (size_t)(at - text));
        buf_put_slice(out, m->uri);
    }
    buf_put_str(out, text);
    buf_put_u8(out, '\n');
    return 0;
}

static int put_anchors(const struct agent_cert *c, struct buf *out, struct fault *f)
{
    static const char *const labels[] = {"CERTIFICATE", "TRUSTED CERTIFICATE", NULL};
    const char *path = material_anchors(c);
    struct buf pem, der;
    struct slice text;
    size_t label;
    int rc;

    if (path[0] == '\0')
        return fault_set(f, FAULT_CONFIG, "deploy.chain", "a file of format ca wants a trust file");
    buf_init(&pem, DEPLOY_FILE_MAX);
    buf_init(&der, DEPLOY_FILE_MAX);
    rc = file_read(path, DEPLOY_FILE_MAX, &pem, f);
    text = buf_slice(&pem);
    while (rc == 0) {
        buf_reset(&der);
        rc = pem_next(&text, labels, &label, &der, f);
        if (rc == 0 && label == 0)
            pem_put(out, certificate, buf_slice(&der));
    }
    buf_free(&der);
    buf_free(&pem);
    if (rc == 1 && out->n == 0)
        return fault_set(f, FAULT_CONFIG, "deploy.chain", "no certificate is in %.150s", path);
    return rc < 0 ? rc : 0;
}

static int put(const struct agent_cert *c, const struct agent_file *file,
               const struct deploy_material *m, struct buf *out, struct fault *f)
{
    switch (file->format) {
    case AGENT_KEY:
        return put_key(m, out, f);
    case AGENT_CERT:
        pem_put(out, certificate, m->leaf);
        return 0;
    case AGENT_CHAIN:
        return put_chain(m->chain, file->order == AGENT_TOP_FIRST, out, f);
    case AGENT_FULLCHAIN:
        return put_fullchain(m, out, f);
    case AGENT_COMBINED:
        return put_combined(m, file->order == AGENT_KEY_LAST, out, f);
    case AGENT_PKCS12:
        return put_pkcs12(c, file, m, out, f);
    case AGENT_CA:
        return put_anchors(c, out, f);
    case AGENT_KEY_URI:
        return put_uri(file, m, out, f);
    }
    return fault_set(f, FAULT_INTERNAL, "deploy.write", "an unknown format");
}

static int whole(const struct buf *out, int rc, struct fault *f)
{
    return rc == 0 && buf_failed(out)
               ? fault_set(f, FAULT_TOO_LARGE, "deploy.write", "a file would be too large")
               : rc;
}

int material_put(const struct agent_cert *c, const struct agent_file *file,
                 const struct deploy_material *m, struct buf *out, struct fault *f)
{
    return whole(out, put(c, file, m, out, f), f);
}

int material_identity(const struct deploy_material *m, struct buf *out, struct fault *f)
{
    int rc = m->key.n == 0 ? 0 : put_key(m, out, f);

    return whole(out, rc == 0 ? put_fullchain(m, out, f) : rc, f);
}
