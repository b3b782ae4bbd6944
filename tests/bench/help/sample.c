#include "tests/bench/help/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/x509.h>

#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/name.h"
#include "lib/viewfile.h"

#define FOLDER "bench-1"
#define STEP_ROWS UINT64_C(0x9e3779b97f4a7c15)

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "the sample of a view: %s\n", what);
    exit(1);
}

/* --- certificates ----------------------------------------------------------------------------- */

static void sign(EVP_PKEY *key, struct slice data, struct buf *out)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t n = sizeof(signature);
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    if (c == NULL || EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(c, signature, &n, data.p, data.n) != 1)
        die("cannot sign");
    EVP_MD_CTX_free(c);
    buf_put(out, signature, n);
}

static void certify(const struct sample *s, EVP_PKEY *key, const char *name, bool ca,
                    struct buf *out)
{
    struct buf subject, issuer_name, tbs, signature;
    struct tbs_spec spec = {.serial = {0x41},
                            .alg = SIG_ECDSA_SHA256,
                            .not_before = clock_now() - 60,
                            .not_after = clock_now() + 7 * 86400,
                            .key_usage = ca ? KU_KEY_CERT_SIGN : KU_DIGITAL_SIGNATURE,
                            .eku = ca ? 0 : EKU_OCSP_SIGNING,
                            .ca = ca,
                            .path_len = -1,
                            .ocsp_no_check = !ca};
    struct spki parsed;
    uint8_t *der = NULL;
    struct fault f;
    int n = i2d_PUBKEY(key, &der);

    buf_init(&subject, NAME_DER_MAX);
    buf_init(&issuer_name, NAME_DER_MAX);
    buf_init(&tbs, TBS_MAX);
    buf_init(&signature, SIGNATURE_MAX);
    if (n <= 0 || spki_parse(slice_of(der, (size_t)n), &parsed, &f) != 0 ||
        name_parse(name, &subject, &f) != 0 || name_parse("CN=Bench", &issuer_name, &f) != 0)
        die("no certificate");
    spec.spki = parsed.der;
    spki_key_id(&parsed, spec.subject_key_id);
    spec.issuer = buf_slice(&issuer_name);
    spec.subject = buf_slice(&subject);
    tbs_put(&tbs, &spec);
    sign(s->issuer_key, buf_slice(&tbs), &signature);
    buf_init(out, CERT_MAX);
    cert_assemble(out, buf_slice(&tbs), spec.alg, buf_slice(&signature));
    buf_free(&subject);
    buf_free(&issuer_name);
    buf_free(&tbs);
    buf_free(&signature);
    OPENSSL_free(der);
}

/* --- files ------------------------------------------------------------------------------------ */

static void path_of(const char *view_dir, const char *name, char out[256])
{
    int n = snprintf(out, 256, "%s/" FOLDER "%s%s", view_dir, *name != '\0' ? "/" : "", name);

    if (n < 0 || n >= 256)
        die("the path is too long");
}

static void write_file(const char *view_dir, const char *name, struct slice content)
{
    char path[256];
    struct fault f;

    path_of(view_dir, name, path);
    if (file_write(path, 0644, content, &f) != 0)
        die(f.text);
}

/* In order: the first octets count. */
void sample_serial(uint64_t n, uint8_t out[SERIAL_LEN])
{
    uint64_t mixed = n * STEP_ROWS;

    memset(out, 0, SERIAL_LEN);
    out[0] = 0x40;
    for (int i = 0; i < 4; i++)
        out[1 + i] = (uint8_t)(n >> (24 - 8 * i));
    memcpy(out + 8, &mixed, sizeof(mixed));
}

static void write_rows(const struct sample *s, const char *view_dir)
{
    size_t size = VIEWFILE_HEADER + s->rows * VIEWFILE_ROW;
    uint8_t *file = xcalloc(1, size), page[VIEWFILE_LOG_START] = {0};
    struct viewfile_header h = {.issuer = 1, .generation = 1, .base = s->rows, .rows = s->rows};
    struct viewfile_live *live = (struct viewfile_live *)(void *)(page + VIEWFILE_HEADER);

    memcpy(h.owner, s->owner, sizeof(h.owner));
    for (uint64_t n = 0; n < s->rows; n++) {
        struct viewfile_row row = {.status = VIEWFILE_GOOD, .change = n + 1};

        sample_serial(n, row.serial);
        viewfile_row_put(&row, file + VIEWFILE_HEADER + n * VIEWFILE_ROW);
    }
    sha256(slice_of(file + VIEWFILE_HEADER, size - VIEWFILE_HEADER), h.rows_hash);
    viewfile_header_put(VIEWFILE_SNAPSHOT, &h, file);
    write_file(view_dir, "snapshot.1", slice_of(file, size));
    free(file);
    h.rows = 0;
    memset(h.rows_hash, 0, sizeof(h.rows_hash));
    viewfile_header_put(VIEWFILE_LOG, &h, page);
    viewfile_pair_set(live->stamp, (uint64_t)clock_now());
    viewfile_pair_set(live->through, s->rows);
    write_file(view_dir, "log.1", slice_of(page, sizeof(page)));
    write_file(view_dir, "current", slice_str("1\n"));
}

void sample_make(struct sample *s, const char *view_dir, uint64_t rows)
{
    char folder[256];
    struct cert c;
    struct fault f;

    *s = (struct sample){
        .rows = rows, .issuer_key = EVP_EC_gen("P-256"), .delegate_key = EVP_EC_gen("P-256")};
    certify(s, s->issuer_key, "CN=Bench", true, &s->issuer);
    certify(s, s->delegate_key, "CN=Bench OCSP", false, &s->delegate);
    path_of(view_dir, "", folder);
    if (mkdir(folder, 0755) != 0 || cert_parse(buf_slice(&s->issuer), &c, &f) != 0)
        die("no issuer");
    spki_hash(&c.key, s->owner);
    ocsp_issuer_id(OCSP_SHA1, c.subject, &c.key, &s->id);
    write_file(view_dir, "issuer.der", buf_slice(&s->issuer));
    write_rows(s, view_dir);
}

void sample_free(struct sample *s)
{
    EVP_PKEY_free(s->issuer_key);
    EVP_PKEY_free(s->delegate_key);
    buf_free(&s->issuer);
    buf_free(&s->delegate);
}

void sample_remove(const char *view_dir)
{
    static const char *const names[] = {"snapshot.1", "log.1", "current", "issuer.der"};
    char path[256];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        path_of(view_dir, names[i], path);
        (void)unlink(path);
    }
    path_of(view_dir, "", path);
    (void)rmdir(path);
    (void)rmdir(view_dir);
}

void sample_request(const struct sample *s, uint64_t n, struct slice nonce, struct buf *out)
{
    static __thread struct buf id = {.max = 256};
    uint8_t serial[SERIAL_LEN];

    buf_reset(&id);
    sample_serial(n, serial);
    ocsp_cert_id_put(&id, OCSP_SHA1, &s->id, slice_of(serial, SERIAL_LEN));
    ocsp_request_put(out, buf_slice(&id), nonce);
}
