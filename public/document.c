#include "public/document.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/crl.h"
#include "lib/der.h"
#include "lib/key.h"
#include "lib/oid.h"
#include "lib/pem.h"

#define CERTIFICATE_MAX 65536
#define CHAIN_MAX 8
#define CERTIFICATE_AGE 86400
#define CRL_AGE 3600  /* and CRL_BASE_STAYS in ca/crl/slot.h */
#define DELTA_AGE 300 /* of what is there to be new */

/* No descriptor left is no reason to say that there is nothing. */
static void answer_busy(struct http_answer *out)
{
    if (!place_busy(errno))
        return;
    http_answer_text(out, 503, "Too busy, try again.\n");
    http_answer_field(out, "Retry-After", "1");
}

/* --- certificates ------------------------------------------------------------------------- */

/* 0, or -1: there is none. *changed becomes the newest time of all that is read. */
static int read_certificate(struct places *p, size_t issuer, struct buf *out, int64_t *changed)
{
    struct stat st;
    int fd = place_open(p, issuer, "issuer.der", &st);
    uint8_t *room = NULL;
    ssize_t n = -1;

    buf_init(out, CERTIFICATE_MAX);
    if (fd < 0)
        return -1;
    if (st.st_size > 0 && st.st_size <= CERTIFICATE_MAX)
        room = buf_grow(out, (size_t)st.st_size);
    if (room != NULL)
        n = pread(fd, room, (size_t)st.st_size, 0);
    (void)close(fd);
    if (room != NULL && n == st.st_size) {
        if (st.st_mtim.tv_sec > *changed)
            *changed = st.st_mtim.tv_sec;
        return 0;
    }
    buf_free(out);
    return -1;
}

static bool is_anchor(const struct conf *c, size_t issuer)
{
    return strcmp(c->issuers[issuer].parent, c->issuers[issuer].name) == 0;
}

/* From the issuer upward, as far as the view goes. */
static size_t read_chain(struct places *p, const struct conf *c, size_t issuer,
                         struct buf out[CHAIN_MAX], int64_t *changed)
{
    size_t n = 0;

    while (n < CHAIN_MAX && read_certificate(p, issuer, &out[n], changed) == 0) {
        n++;
        if (is_anchor(c, issuer))
            break;
        issuer = (size_t)(conf_issuer(c, c->issuers[issuer].parent) - c->issuers);
    }
    return n;
}

static void free_chain(struct buf *chain, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_free(&chain[i]);
}

static void answer_with(struct http_answer *out, const char *type, struct buf *content,
                        int64_t changed)
{
    uint8_t hash[32];
    char hex[33];

    sha256(buf_slice(content), hash);
    hex_encode(slice_of(hash, 16), hex);
    (void)snprintf(out->etag, sizeof out->etag, "\"%s\"", hex);
    out->status = 200;
    out->type = type;
    out->last_modified = changed;
    out->max_age = CERTIFICATE_AGE;
    http_answer_keep(out, content);
}

void document_certificate(struct places *p, const struct conf *c, size_t issuer,
                          struct http_answer *out)
{
    int64_t changed = 0;
    struct buf der;

    (void)c;
    if (read_certificate(p, issuer, &der, &changed) == 0)
        answer_with(out, "application/pkix-cert", &der, changed);
    else
        answer_busy(out);
}

void document_chain(struct places *p, const struct conf *c, size_t issuer, struct http_answer *out)
{
    struct buf chain[CHAIN_MAX], pem;
    int64_t changed = 0;
    size_t n = read_chain(p, c, issuer, chain, &changed);

    buf_init(&pem, (size_t)2 * CHAIN_MAX * CERTIFICATE_MAX);
    for (size_t i = 0; i < n; i++)
        pem_put(&pem, "CERTIFICATE", buf_slice(&chain[i]));
    free_chain(chain, n);
    if (n > 0)
        answer_with(out, "application/pem-certificate-chain", &pem, changed); /* RFC 8555 9.1 */
    else
        answer_busy(out);
}

/* RFC 5652 5.1: version 1, no digest algorithms, no content, no signers. */
static void put_certs_only(struct buf *b, const struct buf *chain, size_t n)
{
    struct der_mark message = der_open(b, DER_SEQUENCE), outer, data, part;

    der_put_oid(b, oid_cms_signed_data);
    outer = der_open(b, DER_CONTEXT_CONSTRUCTED(0));
    data = der_open(b, DER_SEQUENCE);
    der_put_u64(b, 1);
    der_put(b, DER_SET, SLICE_NONE);
    part = der_open(b, DER_SEQUENCE);
    der_put_oid(b, oid_cms_data);
    der_close(b, part);
    part = der_open(b, DER_CONTEXT_CONSTRUCTED(0));
    for (size_t i = 0; i < n; i++)
        buf_put_slice(b, buf_slice(&chain[i]));
    der_close(b, part);
    der_put(b, DER_SET, SLICE_NONE);
    der_close(b, data);
    der_close(b, outer);
    der_close(b, message);
}

/* X.690 11.6: the members of a SET OF stand in the order of their encodings. */
static void sort_encodings(struct buf *chain, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k > 0 && slice_cmp(buf_slice(&chain[k]), buf_slice(&chain[k - 1])) < 0;
             k--) {
            struct buf t = chain[k];

            chain[k] = chain[k - 1];
            chain[k - 1] = t;
        }
}

void document_p7c(struct places *p, const struct conf *c, size_t issuer, struct http_answer *out)
{
    struct buf chain[CHAIN_MAX], cms;
    int64_t changed = 0;
    size_t n = read_chain(p, c, issuer, chain, &changed);

    buf_init(&cms, (size_t)CHAIN_MAX * CERTIFICATE_MAX + 128);
    sort_encodings(chain, n);
    if (n > 0)
        put_certs_only(&cms, chain, n);
    free_chain(chain, n);
    if (n > 0)
        answer_with(out, "application/pkcs7-mime; smime-type=certs-only", &cms, changed);
    else
        answer_busy(out);
}

/* --- files that are sent as they are --------------------------------------------------------- */

static void answer_file(struct http_answer *out, const char *type, int fd, const struct stat *st)
{
    (void)snprintf(out->etag, sizeof out->etag, "\"%" PRIx64 ".%lx-%" PRIx64 "\"",
                   (uint64_t)st->st_mtim.tv_sec, (unsigned long)st->st_mtim.tv_nsec,
                   (uint64_t)st->st_size);
    out->status = 200;
    out->type = type;
    out->last_modified = st->st_mtim.tv_sec;
    out->is_file = true;
    out->fd = fd;
    out->size = (uint64_t)st->st_size;
}

void document_crl_times(int fd, uint64_t size, int64_t *this_update, int64_t *next_update)
{
    struct crl_file file = {.fd = fd};
    const struct crl_input in = {.read = crl_file_read, .arg = &file, .size = size};
    struct crl_reader *r = NULL;
    struct fault f;

    *this_update = *next_update = 0;
    if (crl_read_begin(&in, &r, &f) == 0) {
        *this_update = crl_read_info(r)->this_update;
        *next_update = crl_read_info(r)->next_update;
    }
    crl_reader_free(r);
}

void document_crl(struct places *p, size_t issuer, const struct crl_name *name,
                  struct http_answer *out)
{
    int64_t left, most = name->kind == CRL_DELTA ? DELTA_AGE : CRL_AGE;
    char file[CRL_FILE_MAX];
    int64_t this_update;
    struct stat st;
    int fd;

    crl_name_file(name, file);
    fd = place_open(p, issuer, file, &st);
    if (fd < 0) {
        answer_busy(out);
        return;
    }
    document_crl_times(fd, (uint64_t)st.st_size, &this_update, &left);
    left -= clock_now();
    answer_file(out, "application/pkix-crl", fd, &st);
    out->max_age = left < 0 ? 0 : left < most ? left : most;
}

void document_full_crl(struct places *p, const struct conf *c, size_t issuer,
                       struct http_answer *out)
{
    const struct crl_name full = {.kind = CRL_FULL};

    (void)c;
    document_crl(p, issuer, &full, out);
}

/* --- the audit log's tree -------------------------------------------------------------------- */

/* Takes one to three digits, exactly three if `three`. */
static bool digits(const char **s, bool three)
{
    size_t n = strspn(*s, "0123456789");

    if (n == 0 || n > 3 || (three && n != 3))
        return false;
    *s += n;
    return true;
}

/* c2sp.org/tlog-tiles: tile/L/x001/x234/067, perhaps .p/W behind it. Only the form matters here:
 * nothing that passes leaves the folder, and what is not there is not found. */
static bool is_tile(const char *s)
{
    unsigned groups = 0;

    if (strncmp(s, "tile/", 5) != 0)
        return false;
    s += 5;
    if (!digits(&s, false) || *s++ != '/')
        return false;
    while (*s == 'x' && groups++ < 6) {
        s++;
        if (!digits(&s, true) || *s++ != '/')
            return false;
    }
    if (!digits(&s, true))
        return false;
    if (strncmp(s, ".p/", 3) == 0) {
        s += 3;
        if (!digits(&s, false))
            return false;
    }
    return *s == '\0';
}

void document_audit(struct places *p, const char *path, struct http_answer *out)
{
    const char *rest = path + strspn(path, "0123456789");
    bool checkpoint;
    char file[96];
    struct stat st;
    int fd, n;

    if (rest != path && (rest - path > 20 || *rest++ != '/'))
        return;
    checkpoint = strcmp(rest, "checkpoint") == 0;
    if (!checkpoint && !is_tile(rest))
        return;
    n = snprintf(file, sizeof file, "audit/%s", path);
    if (n < 0 || (size_t)n >= sizeof file)
        return;
    fd = place_open_path(p, file, &st);
    if (fd < 0) {
        answer_busy(out);
        return;
    }
    answer_file(out, checkpoint ? "text/plain; charset=utf-8" : "application/octet-stream", fd,
                &st);
    out->max_age = checkpoint ? 5 : 30 * 86400;
    out->cache = checkpoint ? NULL : "immutable";
}
