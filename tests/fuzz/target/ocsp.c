/*
 * The OCSP responder as it is reached (ocsp/http.h), with a view and a delegate. By the first octet
 * the rest is a GET's path as it came, or a request, asked by POST and by GET in forms that clients
 * use: it gets the same answer. An answer says what was asked for, and OpenSSL reads it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
/* OpenSSL's numbers for key usage are not ours. */
#undef KU_DIGITAL_SIGNATURE
#undef KU_KEY_ENCIPHERMENT
#undef KU_DATA_ENCIPHERMENT
#undef KU_KEY_AGREEMENT
#undef KU_KEY_CERT_SIGN
#undef KU_CRL_SIGN

#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/http.h"
#include "lib/key.h"
#include "lib/pem.h"
#include "lib/viewfile.h"
#include "ocsp/http.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/issuer.h"
#include "tests/fuzz/viewseal.h"

#define DAYS 86400
#define DELEGATE 2 /* its key */

static struct ocsp_responder *responder;
static struct buf issuer_der;

/* ---- an issuer ---- */

static void write_part(const char *folder, const char *name, const struct buf *octets)
{
    char path[128];
    struct fault f;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FUZZ_CHECK(file_write(path, 0644, buf_slice(octets), &f) == 0);
}

static void write_view(const uint8_t owner[32], const struct buf *certificate)
{
    struct buf current, snapshot, short_log, log;
    char folder[96];

    (void)snprintf(folder, sizeof(folder), "%s/issuing-1", fuzz_folder());
    FUZZ_CHECK(mkdir(folder, 0755) == 0);
    buf_init(&current, 16);
    buf_init(&snapshot, 4096);
    buf_init(&short_log, 4096);
    buf_init(&log, (size_t)2 * VIEWFILE_LOG_START);
    buf_put_str(&current, "1\n");
    viewseal_example(owner, clock_now() - 60, &snapshot, &short_log);
    viewseal_log(buf_slice(&short_log), VIEWSEAL_NONE, owner, &log);
    write_part(folder, "issuer.der", certificate);
    write_part(folder, "snapshot.1", &snapshot);
    write_part(folder, "log.1", &log);
    write_part(folder, "current", &current);
    buf_free(&current);
    buf_free(&snapshot);
    buf_free(&short_log);
    buf_free(&log);
}

static void set_delegate(X509 *issuer, const uint8_t owner[32])
{
    static const char *const extensions[][2] = {
        {"keyUsage", "critical,digitalSignature"},
        {"extendedKeyUsage", "OCSPSigning"},
        {"noCheck", "ignored"},
        {"subjectKeyIdentifier", "hash"},
        {"authorityKeyIdentifier", "keyid:always"},
        {NULL, NULL},
    };
    X509 *x = fuzz_certificate(&(struct fuzz_certificate){.subject = "Responder",
                                                          .key = DELEGATE,
                                                          .signer = 1,
                                                          .above = issuer,
                                                          .extensions = extensions});
    struct fault f;
    struct buf der;

    buf_init(&der, 4096);
    fuzz_der(x, &der);
    if (ocsp_responder_delegate(responder, owner, fuzz_key(DELEGATE), buf_slice(&der), &f) != 0)
        fuzz_wrong(__FILE__, __LINE__, f.text);
    buf_free(&der);
    X509_free(x);
}

static void end(void)
{
    ocsp_responder_free(responder);
    buf_free(&issuer_der);
}

static void begin(void)
{
    /* Longer than anybody fuzzes: the view is not written again. */
    static const struct ocsp_settings settings = {
        .validity = 200 * DAYS, .view_age_max = 100 * DAYS, .http_age = 3600, .cache_max = 1 << 20};
    X509 *issuer = fuzz_issuer();
    uint8_t owner[32];
    struct buf spki;
    struct fault f;

    buf_init(&issuer_der, 4096);
    buf_init(&spki, 256);
    fuzz_der(issuer, &issuer_der);
    fuzz_spki(1, &spki);
    sha256(buf_slice(&spki), owner);
    write_view(owner, &issuer_der);
    FUZZ_CHECK(ocsp_responder_new(&settings, &responder, &f) == 0);
    if (ocsp_responder_scan(responder, fuzz_folder(), &f) != 0)
        fuzz_wrong(__FILE__, __LINE__, f.text);
    set_delegate(issuer, owner);
    buf_free(&spki);
    X509_free(issuer);
    (void)atexit(end);
}

/* ---- asking ---- */

static void ask(const char *method, const char *rest, struct slice body, struct http_answer *out)
{
    const struct http_request r = {.method = method, .path = rest, .target = rest, .body = body};

    memset(out, 0, sizeof(*out));
    ocsp_http(responder, &r, rest, out);
    FUZZ_CHECK(!out->is_file && out->type != NULL);
}

static void check_answer(const struct http_answer *a, struct slice request)
{
    static struct ocsp_request q;
    static struct ocsp_response r;
    struct fault f;

    FUZZ_CHECK(ocsp_request_parse(request, &q, &f) == 0);
    FUZZ_CHECK(ocsp_response_parse(a->body, &r, &f) == 0);
    FUZZ_CHECK(r.n >= 1 && r.n_certs == 1 && slice_eq(r.nonce, q.nonce));
    /* Of several issuers' CertIDs those of one are answered, in their order. */
    for (size_t i = 0, asked = 0; i < r.n; i++, asked++) {
        while (asked < q.n && !slice_eq(r.id[i].der, q.id[asked].der))
            asked++;
        FUZZ_CHECK(asked < q.n);
        FUZZ_CHECK(r.single[i].next_update > r.single[i].this_update);
    }
}

/* What it says, as OpenSSL reads it. */
static int judge(const struct http_answer *a, struct slice request)
{
    const unsigned char *p = a->body.p;
    OCSP_RESPONSE *x = d2i_OCSP_RESPONSE(NULL, &p, (long)a->body.n);
    int status;

    FUZZ_CHECK(a->status == 200 && strcmp(a->type, "application/ocsp-response") == 0);
    FUZZ_CHECK(x != NULL && p == a->body.p + a->body.n);
    status = OCSP_response_status(x);
    OCSP_RESPONSE_free(x);
    if (status == OCSP_SUCCESSFUL)
        check_answer(a, request);
    return status;
}

static void get(const char *target)
{
    char path[HTTP_PATH_MAX];
    struct http_answer a;

    if (http_path(target, path) != 0)
        return;
    ask("GET", path, SLICE_NONE, &a);
    FUZZ_CHECK(a.status == 200 || a.status == 400);
    FUZZ_CHECK(a.body.n > 0);
}

/* Base64 behind a slash, with its special characters percent-encoded or not, padding or not. */
static bool as_target(struct slice request, uint8_t how, char *out, size_t max)
{
    static const char hex[] = "0123456789ABCDEF";
    struct buf text;
    size_t n = 0;

    buf_init(&text, 2 * request.n + 8);
    base64_put(&text, request, 0);
    out[n++] = '/';
    for (size_t i = 0; i < text.n && n + 4 < max; i++) {
        char c = (char)text.p[i];

        if (c == '=' && (how & 2) != 0)
            continue;
        if ((how & 1) != 0 && strchr("+/=", c) != NULL) {
            out[n++] = '%';
            out[n++] = hex[(uint8_t)c >> 4];
            c = hex[(uint8_t)c & 15];
        }
        out[n++] = c;
    }
    out[n] = '\0';
    buf_free(&text);
    /* Slashes in front are dropped, and no request begins with one. */
    return n + 4 < max && request.n > 0 && out[1] != '/' && strncmp(out, "/%2F", 4) != 0;
}

static void get_and_post(struct slice request, uint8_t how)
{
    char target[HTTP_PATH_MAX], path[HTTP_PATH_MAX];
    struct http_answer a;
    int posted;

    ask("POST", "/", request, &a);
    posted = judge(&a, request);
    FUZZ_CHECK(a.max_age <= 0);
    if (!as_target(request, how, target, sizeof(target)))
        return;
    FUZZ_CHECK(http_path(target, path) == 0);
    ask("GET", path, SLICE_NONE, &a);
    FUZZ_CHECK(judge(&a, request) == posted);
}

static void run(struct slice in)
{
    uint8_t what = fuzz_octet(&in);
    char *text;

    if (what >= 4) {
        get_and_post(in, what);
        return;
    }
    text = fuzz_text(in);
    get(text);
    free(text);
}

/* Requests for each certificate and one that was never issued, by two hashes, with and without a
 * nonce; then a path. */
static bool seed(size_t i, struct buf *out)
{
    static const uint8_t nonce[16] = "sixteen octets!";
    enum ocsp_hash hash = i % 2 == 0 ? OCSP_SHA1 : OCSP_SHA256;
    uint8_t serial[SERIAL_LEN] = {0x40};
    struct ocsp_issuer_id id;
    struct cert issuer;
    struct fault f;
    struct buf one;

    if (i == 16)
        buf_put_str(out, "\001/ocsp/%2FMEMw?x");
    if (i >= 16)
        return i == 16;
    FUZZ_CHECK(cert_parse(buf_slice(&issuer_der), &issuer, &f) == 0);
    ocsp_issuer_id(hash, issuer.subject, &issuer.key, &id);
    serial[SERIAL_LEN - 1] = (uint8_t)(i / 2 % 4 * 2 + 2);
    buf_init(&one, 512);
    ocsp_cert_id_put(&one, hash, &id, slice_of(serial, sizeof(serial)));
    buf_put_u8(out, (uint8_t)(4 + i / 2));
    ocsp_request_put(out, buf_slice(&one), i < 8 ? SLICE_NONE : slice_of(nonce, sizeof(nonce)));
    buf_free(&one);
    return true;
}

const struct fuzz_target fuzz_target = {
    .form = FUZZ_TAGGED_DER, .begin = begin, .run = run, .seed = seed};
