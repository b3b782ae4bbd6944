/* cerca ocsp query: what a responder, anyone's, says of a certificate. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/der.h"
#include "lib/file.h"
#include "lib/oid.h"
#include "lib/pem.h"
#include "tools/certjson.h"
#include "tools/commands.h"
#include "tools/find.h"
#include "client/http.h"
#include "tools/ocspcheck.h"
#include "lib/text.h"

#define FILE_MAX (4 * CERT_MAX)
#define URL_MAX 2048
#define TEXT_MAX 65536
#define NONCE_LEN 32 /* RFC 9654 2.1 */

struct query_args {
    const char *issuer, *url, *hash;
    bool nonce, get;
};

static const struct opt query_opts[] = {
    {"issuer", OPT_TEXT, offsetof(struct query_args, issuer), "FILE",
     "the issuer's certificate, unless it is in FILE or the certificate is of this CA", 0},
    {"url", OPT_TEXT, offsetof(struct query_args, url), "URL",
     "the responder; without it the certificate says where", 0},
    {"nonce", OPT_FLAG, offsetof(struct query_args, nonce), NULL,
     "send a nonce and want it back: an answer of this moment", 0},
    {"hash", OPT_TEXT, offsetof(struct query_args, hash), "HASH",
     "that names the issuer: sha1 (default), sha256, sha384, sha512", 0},
    {"get", OPT_FLAG, offsetof(struct query_args, get), NULL, "ask by GET, as HTTP caches want it",
     0},
    {.name = NULL},
};

/* One query. */
struct query {
    struct tool *tool;
    const struct query_args *args;
    struct buf leaf, issuer_der; /* DER; leaf is empty when only a serial is known */
    uint8_t serial[OCSP_SERIAL_MAX];
    struct cert issuer;
    struct ocsp_expect expect;
    uint8_t nonce[NONCE_LEN];
    char url[URL_MAX];
    struct buf request, answer;
    struct ocsp_response response;
    struct ocsp_verdict verdict;
    uint64_t took_us;
};

/* --- which certificate, and whose ------------------------------------------------- */

static const char *const labels[] = {"CERTIFICATE", "X509 CERTIFICATE", NULL};

static bool issued(const struct cert *leaf, struct slice der, struct cert *issuer)
{
    struct fault f;

    return cert_parse(der, issuer, &f) == 0 && slice_eq(leaf->issuer, issuer->subject) &&
           (leaf->authority_key_id.n == 0 || issuer->subject_key_id.n == 0 ||
            slice_eq(leaf->authority_key_id, issuer->subject_key_id));
}

/* The first certificate is asked about; its issuer may be behind it. */
static int read_file(struct query *q, const char *path, struct fault *f)
{
    struct buf file = {0}, one;
    struct slice text;
    struct cert leaf;
    int rc = file_read(path, FILE_MAX, &file, f);

    buf_init(&one, CERT_MAX);
    text = buf_slice(&file);
    if (rc == 0)
        rc = pem_or_der(text, labels, &q->leaf, f);
    if (rc == 0)
        rc = cert_parse(buf_slice(&q->leaf), &leaf, f);
    while (rc == 0 && q->issuer_der.n == 0 && pem_next(&text, labels, NULL, &one, f) == 0) {
        if (issued(&leaf, buf_slice(&one), &q->issuer))
            buf_put_slice(&q->issuer_der, buf_slice(&one));
        buf_reset(&one);
    }
    buf_free(&one);
    buf_free(&file);
    return rc;
}

/* A certificate of ours comes with its issuer. */
static int ask_core(struct query *q, const char *selector, struct fault *f)
{
    struct slice chain, first;
    struct found found;
    int rc = find_shown(q->tool, selector, &found, f);

    if (rc != 0)
        return rc;
    chain = found.best.chain;
    if (found.best.certificate.n == 0 || der_get_whole(&chain, DER_SEQUENCE, &first) != 0)
        return fault_set(f, FAULT_NOT_FOUND, "ocsp.certificate",
                         "its certificate or its issuer's is not recorded");
    buf_reset(&q->leaf);
    buf_put_slice(&q->leaf, found.best.certificate);
    buf_put_slice(&q->issuer_der, first);
    return 0;
}

static int ask_core_for_file(struct query *q, struct fault *f)
{
    char fingerprint[2 * 32 + 1];
    struct fault asked;
    uint8_t hash[32];

    cert_fingerprint(buf_slice(&q->leaf), hash);
    hex_encode(slice_of(hash, sizeof(hash)), fingerprint);
    return ask_core(q, fingerprint, &asked) == 0
               ? 0
               : fault_set(f, FAULT_NOT_FOUND, "ocsp.issuer",
                           "who issued it? --issuer FILE names the issuer's certificate (this CA "
                           "says: %.100s)",
                           asked.text);
}

/* Digits of a serial of any CA. */
static int read_serial(struct query *q, const char *word, struct fault *f)
{
    for (size_t n = OCSP_SERIAL_MAX; n > 0; n--) {
        if (hex_decode(word, q->serial, n) != 0)
            continue;
        q->expect.serial = slice_of(q->serial, n);
        while (q->expect.serial.n > 1 && q->expect.serial.p[0] == 0)
            q->expect.serial = slice_of(q->expect.serial.p + 1, q->expect.serial.n - 1);
        return 0;
    }
    return fault_set(f, FAULT_NOT_FOUND, "ocsp.certificate",
                     "\"%.100s\" is neither a file nor a serial number in hexadecimal", word);
}

static int read_issuer(struct query *q, struct fault *f)
{
    struct buf file = {0};
    int rc = file_read(q->args->issuer, FILE_MAX, &file, f);

    buf_reset(&q->issuer_der);
    if (rc == 0)
        rc = pem_or_der(buf_slice(&file), labels, &q->issuer_der, f);
    buf_free(&file);
    return rc;
}

static int find_certificates(struct query *q, const char *word, struct fault *f)
{
    bool file = strcmp(word, "-") == 0 || access(word, F_OK) == 0;
    int rc = 0;

    if (file)
        rc = read_file(q, word, f);
    if (rc == 0 && q->args->issuer != NULL)
        rc = read_issuer(q, f);
    if (rc == 0 && !file)
        rc = q->issuer_der.n > 0 ? read_serial(q, word, f) : ask_core(q, word, f);
    if (rc == 0 && q->issuer_der.n == 0)
        rc = ask_core_for_file(q, f);
    return rc == 0 ? cert_parse(buf_slice(&q->issuer_der), &q->issuer, f) : rc;
}

/* --- asking ----------------------------------------------------------------------- */

static int set_url(struct query *q, const struct cert *leaf, struct fault *f)
{
    const struct cert_extension *aia =
        leaf != NULL ? cert_find(leaf, oid_authority_info_access) : NULL;
    struct slice url = q->args->url != NULL ? slice_str(q->args->url)
                       : aia != NULL        ? ext_ocsp_url(aia->value)
                                            : SLICE_NONE;

    if (url.n == 0)
        return fault_set(f, FAULT_NOT_FOUND, "ocsp.url",
                         "nothing says where its responder is; --url URL does");
    if (url.n >= sizeof(q->url) || memchr(url.p, 0, url.n) != NULL)
        return fault_set(f, FAULT_MALFORMED, "ocsp.url", "the responder's address is too long");
    memcpy(q->url, url.p, url.n);
    return 0;
}

static int prepare(struct query *q, struct fault *f)
{
    struct cert leaf;
    bool has_leaf = q->leaf.n > 0;
    int rc = has_leaf ? cert_parse(buf_slice(&q->leaf), &leaf, f) : 0;

    if (rc == 0 && has_leaf && !slice_eq(leaf.issuer, q->issuer.subject))
        rc = fault_set(f, FAULT_MALFORMED, "ocsp.issuer", "it was issued by another issuer");
    if (rc == 0)
        rc = set_url(q, has_leaf ? &leaf : NULL, f);
    if (rc < 0)
        return rc;
    if (has_leaf)
        q->expect.serial = leaf.serial;
    q->expect.issuer = &q->issuer;
    if (q->args->nonce) {
        random_bytes(q->nonce, sizeof(q->nonce));
        q->expect.nonce = slice_of(q->nonce, sizeof(q->nonce));
    }
    return 0;
}

static void make_request(struct query *q)
{
    struct ocsp_issuer_id id;
    struct buf cert_id;

    buf_init(&cert_id, 512);
    ocsp_issuer_id(q->expect.hash, q->issuer.subject, &q->issuer.key, &id);
    ocsp_cert_id_put(&cert_id, q->expect.hash, &id, q->expect.serial);
    ocsp_request_put(&q->request, buf_slice(&cert_id), q->expect.nonce);
    buf_free(&cert_id);
}

/* RFC 6960 A.1: {url}/{url-encoding of base-64 encoding of the request}. */
static void get_url(const struct query *q, struct buf *out)
{
    size_t n = strlen(q->url);
    struct buf text;

    buf_init(&text, 2 * OCSP_REQUEST_MAX);
    base64_put(&text, buf_slice(&q->request), 0);
    buf_put(out, q->url, n);
    if (q->url[n - 1] != '/')
        buf_put_u8(out, '/');
    for (size_t i = 0; i < text.n; i++)
        if (strchr("+/=", text.p[i]) != NULL)
            buf_printf(out, "%%%02X", text.p[i]);
        else
            buf_put_u8(out, text.p[i]);
    buf_free(&text);
}

static int ask(struct query *q, struct fault *f)
{
    struct http_request r = {.accept = "application/ocsp-response",
                             .content_type = "application/ocsp-request",
                             .timeout_ms = tool_time_left_ms(q->tool)};
    uint64_t begun = clock_mono_us();
    struct buf url;
    int rc;

    make_request(q);
    buf_init(&url, URL_MAX + 8 * OCSP_REQUEST_MAX);
    if (q->args->get)
        get_url(q, &url);
    else
        buf_put_str(&url, q->url);
    r.url = buf_cstr(&url);
    if (!q->args->get)
        r.post = buf_slice(&q->request);
    rc = http_call(&r, &q->answer, f);
    buf_free(&url);
    q->took_us = clock_mono_us() - begun;
    q->expect.now = clock_now();
    if (rc == 0)
        rc = ocsp_response_parse(buf_slice(&q->answer), &q->response, f);
    return rc == 0 ? ocsp_check(&q->expect, &q->response, &q->verdict, f) : rc;
}

/* --- telling ---------------------------------------------------------------------- */

static json_t *name_json(struct slice name)
{
    struct buf text;
    json_t *v;

    buf_init(&text, TEXT_MAX);
    name_print(name, &text);
    v = json_text(buf_cstr(&text));
    buf_free(&text);
    return v;
}

static json_t *time_json(int64_t t)
{
    return t == 0 ? json_null() : json_time(t);
}

static json_t *query_json(const struct query *q)
{
    const struct cert *signer = q->verdict.delegated ? &q->verdict.signer : &q->issuer;
    const struct ocsp_single *s = q->verdict.single;
    bool revoked = s->status == OCSP_REVOKED;
    json_t *o = json_object();

    json_put(o, "status", json_string(ocsp_cert_status_name(s->status)));
    json_put(o, "revoked_at", revoked ? json_time(s->revoked_at) : json_null());
    json_put(o, "reason", revoked ? json_string(reason_name(s->reason)) : json_null());
    json_put(o, "serial", json_hex(q->expect.serial.p, q->expect.serial.n));
    json_put(o, "issuer", name_json(q->issuer.subject));
    json_put(o, "this_update", json_time(s->this_update));
    json_put(o, "next_update", time_json(s->next_update));
    json_put(o, "produced_at", json_time(q->response.produced_at));
    json_put(o, "archive_cutoff", time_json(s->archive_cutoff));
    json_put(o, "responder", name_json(signer->subject));
    json_put(o, "responder_until", json_time(signer->not_after));
    json_put(o, "delegated", json_boolean(q->verdict.delegated));
    json_put(o, "algorithm", json_string(sig_alg_name(q->response.alg)));
    json_put(o, "nonce", json_boolean(q->expect.nonce.n > 0));
    json_put(o, "hash", json_string(ocsp_hash_name(q->expect.hash)));
    json_put(o, "method", json_string(q->args->get ? "GET" : "POST"));
    json_put(o, "url", json_text(q->url));
    json_put(o, "octets", json_integer((json_int_t)q->answer.n));
    json_put(o, "milliseconds", json_integer((json_int_t)(q->took_us / 1000)));
    return o;
}

/* Every field under its name in JSON, with a space for the underscore. */
static int print_text(const struct tool *t, json_t *row)
{
    const char *key;
    struct buf out;
    json_t *value;
    int rc;

    buf_init(&out, TEXT_MAX);
    json_object_foreach(row, key, value)
    {
        size_t at = out.n;

        if (json_is_null(value))
            continue;
        buf_printf(&out, "%-16s ", key);
        for (; at < out.n; at++)
            if (out.p[at] == '_')
                out.p[at] = ' ';
        if (json_is_boolean(value))
            buf_put_str(&out, json_is_true(value) ? "yes" : "no");
        else
            json_plain(value, &out);
        buf_put_u8(&out, '\n');
    }
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    json_decref(row);
    return rc;
}

static int tell(const struct query *q)
{
    json_t *row = query_json(q);
    int rc = q->tool->format == FORMAT_JSON ? json_print(q->tool, row) : print_text(q->tool, row);

    return rc == EXIT_OK && q->verdict.single->status != OCSP_GOOD ? EXIT_FAILED : rc;
}

static int run_query(struct tool *t, void *args)
{
    struct query *q = xcalloc(1, sizeof(*q));
    struct fault f = {0};
    int rc;

    q->tool = t;
    q->args = args;
    q->expect.hash = OCSP_SHA1;
    buf_init(&q->leaf, CERT_MAX);
    buf_init(&q->issuer_der, CERT_MAX);
    buf_init(&q->request, OCSP_REQUEST_MAX);
    buf_init(&q->answer, OCSP_RESPONSE_MAX);
    if (q->args->hash != NULL && ocsp_hash_parse(q->args->hash, &q->expect.hash) < 0) {
        rc =
            tool_usage(t, "--hash: \"%s\" should be sha1, sha256, sha384 or sha512", q->args->hash);
    } else if (find_certificates(q, t->words[0], &f) != 0 || prepare(q, &f) != 0 ||
               ask(q, &f) != 0) {
        rc = tool_fail(t, &f);
    } else {
        rc = tell(q);
    }
    buf_free(&q->leaf);
    buf_free(&q->issuer_der);
    buf_free(&q->request);
    buf_free(&q->answer);
    free(q);
    return rc;
}

const struct command cmd_ocsp_query = {
    .name = "ocsp query",
    .help = "ask an OCSP responder, ours or anyone's, and check its answer",
    .arguments = "(FILE | SERIAL) [options]",
    .examples = "  cerca ocsp query web.pem --nonce\n"
                "  cerca ocsp query theirs.pem --issuer their-ca.pem --get -o json\n",
    .opts = query_opts,
    .args_size = sizeof(struct query_args),
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_query,
};
