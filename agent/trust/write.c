#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/x509.h>

#include "agent/deploy/fill.h"
#include "agent/trust/inner.h"
#include "lib/anycert.h"
#include "lib/crl.h"
#include "lib/pem.h"
#include "lib/step.h"

#define SERIALS_MAX 200000 /* files of a folder */

/* One of the configured files while it is made. */
struct making {
    const struct trust_writing *w;
    const struct trust_file *file;
    struct place_owner owner;
    char path[PATH_MAX];
    unsigned files; /* in its folder */
};

static bool has_source(const struct trust_file *file, const struct trust_source *s)
{
    for (size_t i = 0; i < file->n_sources; i++)
        if (strcmp(file->sources[i], s->name) == 0)
            return true;
    return file->n_sources == 0;
}

/* ---- files ---- */

static int put_pem(const struct trust_source *s, struct slice der, struct buf *out, struct fault *f)
{
    struct slice cert;
    int rc = 0;

    if (s->kind == TRUST_CRL) {
        pem_put(out, "X509 CRL", der);
        return 0;
    }
    while (rc == 0 && (rc = trust_next_cert(&der, &cert, f)) == 0)
        pem_put(out, "CERTIFICATE", cert);
    return rc < 0 ? rc : 0;
}

static int write_file(struct making *m, struct fault *f)
{
    const struct agent_trust *t = m->w->t;
    struct buf out;
    int rc = 0;

    buf_init(&out, (size_t)(t->max_size * 2 * t->n_sources));
    for (size_t i = 0; i < t->n_sources && rc == 0; i++) {
        struct slice der = buf_slice(&m->w->raw[i].der);

        if (!has_source(m->file, &t->sources[i]))
            continue;
        if (m->file->form == TRUST_DER)
            buf_put_slice(&out, der);
        else
            rc = put_pem(&t->sources[i], der, &out, f);
    }
    if (rc == 0 && buf_failed(&out))
        rc = fault_set(f, FAULT_TOO_LARGE, "trust.write", "%.100s would be too large",
                       m->file->path);
    if (rc == 0)
        rc = place_write(m->path, buf_slice(&out), &m->owner, f);
    buf_free(&out);
    return rc;
}

/* ---- folders ---- */

static int make_folder(struct making *m, struct fault *f)
{
    unsigned mode = m->owner.mode | ((m->owner.mode & 0444) >> 2);

    if (mkdir(m->path, 0700) < 0 || chmod(m->path, mode) < 0)
        return place_failed("make", m->path, f);
    if ((m->owner.uid != (uid_t)-1 || m->owner.gid != (gid_t)-1) &&
        chown(m->path, m->owner.uid, m->owner.gid) < 0)
        return fault_set(f, FAULT_CONFIG, "deploy.owner", "cannot give %.150s to its owner: %s",
                         m->path, strerror(errno));
    return 0;
}

/* HASH.0, HASH.1 and so on; of CRLs HASH.r0. */
static int write_hashed(struct making *m, struct slice name, const char *mark, const char *label,
                        struct slice der, struct fault *f)
{
    const uint8_t *p = name.p;
    X509_NAME *n = d2i_X509_NAME(NULL, &p, (long)name.n);
    int ok = 0, rc = 0;
    unsigned long hash = n == NULL ? 0 : X509_NAME_hash_ex(n, NULL, NULL, &ok);
    char file[32], path[PATH_MAX];
    struct buf pem;

    X509_NAME_free(n);
    if (ok != 1)
        return fault_set(f, FAULT_MALFORMED, "trust.write", "a name cannot be read");
    for (unsigned i = 0; i < m->files + 1; i++) {
        (void)snprintf(file, sizeof(file), "%08lx.%s%u", hash, mark, i);
        rc = place_in(m->path, file, path, f);
        if (rc < 0 || !place_exists(path))
            break;
    }
    buf_init(&pem, der.n * 2 + 256);
    pem_put(&pem, label, der);
    if (rc == 0)
        rc = place_write(path, buf_slice(&pem), &m->owner, f);
    buf_free(&pem);
    m->files++;
    return rc;
}

static int issuer_of(struct slice der, struct slice *out, struct crl_reader **r, struct fault *f)
{
    struct slice rest = der;
    const struct crl_input in = {.read = crl_memory_read, .arg = &rest, .size = der.n};
    int rc = crl_read_begin(&in, r, f);

    if (rc == 0)
        *out = crl_read_info(*r)->issuer;
    return rc;
}

static int hash_source(struct making *m, const struct trust_source *s, struct slice der,
                       struct fault *f)
{
    struct crl_reader *r = NULL;
    struct slice name, cert;
    int rc = 0;

    if (s->kind == TRUST_CRL) {
        rc = issuer_of(der, &name, &r, f);
        if (rc == 0)
            rc = write_hashed(m, name, "r", "X509 CRL", der, f);
        crl_reader_free(r);
        return rc;
    }
    while (rc == 0 && (rc = trust_next_cert(&der, &cert, f)) == 0) {
        struct anycert *a = xcalloc(1, sizeof(*a));

        rc = anycert_parse(cert, a, f);
        if (rc == 0)
            rc = write_hashed(m, a->subject, "", "CERTIFICATE", cert, f);
        free(a);
    }
    return rc < 0 ? rc : 0;
}

static int write_serial(const struct making *m, const struct crl_entry *e, struct fault *f)
{
    BIGNUM *n = BN_bin2bn(e->serial, e->serial_len, NULL);
    char *decimal = n == NULL ? NULL : BN_bn2dec(n);
    char path[PATH_MAX];
    int fd = -1, rc;

    rc = decimal == NULL ? fault_set(f, FAULT_INTERNAL, "trust.write", "no memory")
                         : place_in(m->path, decimal, path, f);
    if (rc == 0) {
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, m->owner.mode);
        rc = fd < 0 ? place_failed("write", path, f) : 0;
    }
    if (fd >= 0)
        close(fd);
    OPENSSL_free(decimal);
    BN_free(n);
    return rc;
}

static int serials_of(struct making *m, struct slice der, struct fault *f)
{
    struct slice rest = der;
    const struct crl_input in = {.read = crl_memory_read, .arg = &rest, .size = der.n};
    struct crl_reader *r = NULL;
    struct crl_entry e;
    int rc = crl_read_begin(&in, &r, f);

    while (rc == 0 && (rc = crl_read_entry(r, &e, NULL, f)) == 1)
        rc = m->files++ < SERIALS_MAX ? write_serial(m, &e, f)
                                      : fault_set(f, FAULT_TOO_LARGE, "trust.write",
                                                  "too many serial numbers for a folder");
    crl_reader_free(r);
    return rc;
}

static int write_folder(struct making *m, struct fault *f)
{
    const struct agent_trust *t = m->w->t;
    int rc = make_folder(m, f);

    for (size_t i = 0; i < t->n_sources && rc == 0; i++) {
        struct slice der = buf_slice(&m->w->raw[i].der);

        if (!has_source(m->file, &t->sources[i]))
            continue;
        rc = m->file->form == TRUST_HASHED ? hash_source(m, &t->sources[i], der, f)
                                           : serials_of(m, der, f);
    }
    return rc == 0 ? place_sync(m->path, f) : rc;
}

/* ---- a version ---- */

static int write_one(const struct trust_writing *w, size_t i, const char *folder, struct fault *f)
{
    struct making m = {.w = w, .file = &w->t->lists[i]};
    unsigned mode = m.file->mode != 0 ? m.file->mode : 0644;
    int rc = deploy_owner(m.file->owner, m.file->group, mode, &m.owner, f);

    if (rc == 0)
        rc = place_in(folder, place_name(&w->t->as.files[i]), m.path, f);
    if (rc < 0)
        return rc;
    return m.file->form == TRUST_PEM || m.file->form == TRUST_DER ? write_file(&m, f)
                                                                  : write_folder(&m, f);
}

void trust_layout(const struct agent_trust *t, struct buf *out)
{
    for (size_t i = 0; i < t->n_sources; i++)
        buf_printf(out, "%s %d\n", t->sources[i].name, (int)t->sources[i].kind);
    for (size_t i = 0; i < t->n_lists; i++) {
        const struct trust_file *l = &t->lists[i];

        buf_printf(out, "%s %d %o %s %s", l->path, (int)l->form, l->mode, l->owner, l->group);
        for (size_t k = 0; k < l->n_sources; k++)
            buf_printf(out, " %s", l->sources[k]);
        buf_put_u8(out, '\n');
    }
}

static int write_layout(const struct agent_trust *t, const char *raw,
                        const struct place_owner *owner, struct fault *f)
{
    char path[PATH_MAX];
    struct buf text;
    int rc = place_in(raw, TRUST_LAYOUT, path, f);

    buf_init(&text, DEPLOY_FILE_MAX);
    trust_layout(t, &text);
    if (rc == 0)
        rc = place_write(path, buf_slice(&text), owner, f);
    buf_free(&text);
    return rc;
}

static int write_raw(const struct trust_writing *w, const char *folder, struct fault *f)
{
    const struct place_owner owner = {(uid_t)-1, (gid_t)-1, 0644};
    char raw[PATH_MAX], path[PATH_MAX];
    int rc = place_in(folder, TRUST_RAW, raw, f);

    if (rc == 0)
        rc = place_folder(raw, f);
    for (size_t i = 0; i < w->t->n_sources && rc == 0; i++) {
        rc = place_in(raw, w->t->sources[i].name, path, f);
        if (rc == 0)
            rc = place_write(path, buf_slice(&w->raw[i].der), &owner, f);
    }
    if (rc == 0)
        rc = write_layout(w->t, raw, &owner, f);
    return rc == 0 ? place_sync(raw, f) : rc;
}

int trust_write(void *writing, const char *folder, struct fault *f)
{
    const struct trust_writing *w = writing;
    int rc = write_raw(w, folder, f);

    for (size_t i = 0; i < w->t->n_lists && rc == 0; i++) {
        rc = write_one(w, i, folder, f);
        STEP("trust-file");
    }
    return rc;
}
