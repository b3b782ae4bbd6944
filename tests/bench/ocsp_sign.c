/*
 * The OCSP responder without HTTP, over a view made here:
 *
 *   ocsp_sign ROWS ANSWERS
 *
 * ROWS certificates, of which ANSWERS are asked for. Prints `name value` lines:
 *   raw       P-256 signatures a second by EVP_PKEY_sign over a digest, as openssl speed does,
 *             measured before and after
 *   nonce     requests with a nonce a second: read, looked up, signed, written
 *   first     requests without one a second, none of them cached
 *   hit       the same, all cached
 *   hit2      the same by two threads together
 *   anon      KiB of anonymous memory with ANSWERS answers cached
 *   octets    of one answer
 */
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/name.h"
#include "lib/viewfile.h"
#include "ocsp/responder.h"

#define SECONDS 2
#define STEP_ROWS UINT64_C(0x9e3779b97f4a7c15)

static struct buf issuer;
static char dir[64], folder[96];
static EVP_PKEY *issuer_key, *delegate_key;
static struct ocsp_responder *responder;
static struct ocsp_issuer_id issuer_id;
static __thread struct ocsp_answer answer = {.body = {.max = OCSP_RESPONSE_MAX}};
static uint64_t rows, answers;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "ocsp_sign: %s\n", what);
    exit(1);
}

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

static void certify(EVP_PKEY *key, const char *name, bool ca, struct buf *out)
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
    sign(issuer_key, buf_slice(&tbs), &signature);
    buf_init(out, CERT_MAX);
    cert_assemble(out, buf_slice(&tbs), spec.alg, buf_slice(&signature));
    buf_free(&subject);
    buf_free(&issuer_name);
    buf_free(&tbs);
    buf_free(&signature);
    OPENSSL_free(der);
}

/* In order: the first octets count. */
static void serial_of(uint64_t n, uint8_t out[SERIAL_LEN])
{
    uint64_t mixed = n * STEP_ROWS;

    memset(out, 0, SERIAL_LEN);
    out[0] = 0x40;
    for (int i = 0; i < 4; i++)
        out[1 + i] = (uint8_t)(n >> (24 - 8 * i));
    memcpy(out + 8, &mixed, sizeof(mixed));
}

static void write_file(const char *name, const void *p, size_t n)
{
    char path[128];
    struct fault f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (file_write(path, 0644, slice_of(p, n), &f) != 0)
        die(f.text);
}

static void make_view(const uint8_t owner[32])
{
    size_t size = VIEWFILE_HEADER + rows * VIEWFILE_ROW;
    uint8_t *file = xcalloc(1, size), page[VIEWFILE_LOG_START] = {0};
    struct viewfile_header h = {.issuer = 1, .generation = 1, .base = rows, .rows = rows};
    struct viewfile_live *live = (struct viewfile_live *)(void *)(page + VIEWFILE_HEADER);

    memcpy(h.owner, owner, sizeof(h.owner));
    for (uint64_t n = 0; n < rows; n++) {
        struct viewfile_row row = {.status = VIEWFILE_GOOD, .change = n + 1};

        serial_of(n, row.serial);
        viewfile_row_put(&row, file + VIEWFILE_HEADER + n * VIEWFILE_ROW);
    }
    sha256(slice_of(file + VIEWFILE_HEADER, size - VIEWFILE_HEADER), h.rows_hash);
    viewfile_header_put(VIEWFILE_SNAPSHOT, &h, file);
    write_file("snapshot.1", file, size);
    free(file);
    h.rows = 0;
    memset(h.rows_hash, 0, sizeof(h.rows_hash));
    viewfile_header_put(VIEWFILE_LOG, &h, page);
    viewfile_pair_set(live->stamp, (uint64_t)clock_now());
    viewfile_pair_set(live->through, rows);
    write_file("log.1", page, sizeof(page));
    write_file("current", "1\n", 2);
}

static void set_up(void)
{
    const struct ocsp_settings s = {
        .validity = 86400, .view_age_max = 3600, .http_age = 3600, .cache_max = 128u << 20};
    struct buf delegate;
    uint8_t owner[32];
    struct cert c;
    struct fault f;

    snprintf(dir, sizeof(dir), "/tmp/cerca-ocsp-bench.XXXXXX");
    if (mkdtemp(dir) == NULL)
        die("no folder");
    snprintf(folder, sizeof(folder), "%s/bench-1", dir);
    issuer_key = EVP_EC_gen("P-256");
    delegate_key = EVP_EC_gen("P-256");
    certify(issuer_key, "CN=Bench", true, &issuer);
    certify(delegate_key, "CN=Bench OCSP", false, &delegate);
    if (mkdir(folder, 0755) != 0 || cert_parse(buf_slice(&issuer), &c, &f) != 0)
        die("no issuer");
    spki_hash(&c.key, owner);
    ocsp_issuer_id(OCSP_SHA1, c.subject, &c.key, &issuer_id);
    write_file("issuer.der", issuer.p, issuer.n);
    make_view(owner);
    EVP_PKEY_up_ref(delegate_key);
    if (ocsp_responder_new(&s, &responder, &f) != 0 ||
        ocsp_responder_scan(responder, dir, &f) != 0 ||
        ocsp_responder_delegate(responder, owner, delegate_key, buf_slice(&delegate), &f) != 0)
        die(f.text);
    buf_free(&delegate);
}

static void clean_up(void)
{
    static const char *const names[] = {"snapshot.1", "log.1", "current", "issuer.der"};
    char path[128];

    ocsp_responder_free(responder);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
    (void)rmdir(dir);
}

static void ask(uint64_t row, struct slice nonce)
{
    static __thread struct buf id = {.max = 256}, request = {.max = OCSP_REQUEST_MAX};
    uint8_t serial[SERIAL_LEN];

    buf_reset(&id);
    buf_reset(&request);
    serial_of(row, serial);
    ocsp_cert_id_put(&id, OCSP_SHA1, &issuer_id, slice_of(serial, SERIAL_LEN));
    ocsp_request_put(&request, buf_slice(&id), nonce);
    ocsp_answer(responder, buf_slice(&request), clock_now(), &answer);
    if (answer.status != OCSP_SUCCESSFUL)
        die(ocsp_status_name(answer.status));
}

static void tell(const char *name, uint64_t n, uint64_t begun)
{
    printf("%s %.0f\n", name, (double)n * 1e6 / (double)(clock_mono_us() - begun));
    fflush(stdout);
}

static void raw(void)
{
    uint8_t digest[32] = {1}, signature[SIGNATURE_MAX];
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, delegate_key, NULL);
    uint64_t begun = clock_mono_us(), n = 0;

    if (c == NULL || EVP_PKEY_sign_init(c) != 1)
        die("cannot sign");
    for (; clock_mono_us() - begun < SECONDS * 1000000; n++) {
        size_t len = sizeof(signature);

        if (EVP_PKEY_sign(c, signature, &len, digest, sizeof(digest)) != 1)
            die("cannot sign");
    }
    tell("raw", n, begun);
    EVP_PKEY_CTX_free(c);
}

static uint64_t spread(uint64_t n)
{
    return n % answers * (rows / answers);
}

static void nonces(void)
{
    uint64_t begun = clock_mono_us(), n = 0;
    uint8_t nonce[32];

    for (; clock_mono_us() - begun < SECONDS * 1000000; n++) {
        memset(nonce, 1 + (int)(n & 63), sizeof(nonce));
        ask(spread(n * 7919), slice_of(nonce, sizeof(nonce)));
    }
    tell("nonce", n, begun);
}

static void *hits(void *count)
{
    uint64_t begun = clock_mono_us(), *n = count;

    for (; clock_mono_us() - begun < SECONDS * 1000000; ++*n)
        ask(spread(*n * 7919), SLICE_NONE);
    return NULL;
}

static void hits_by_two(void)
{
    uint64_t begun = clock_mono_us(), mine = 0, theirs = 0;
    pthread_t thread;

    if (pthread_create(&thread, NULL, hits, &theirs) != 0)
        die("no thread");
    hits(&mine);
    pthread_join(thread, NULL);
    tell("hit2", mine + theirs, begun);
}

static void memory(void)
{
    char text[4096], *at;
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof(text) - 1);

    close(fd);
    text[n > 0 ? n : 0] = 0;
    at = strstr(text, "RssAnon:");
    if (at == NULL)
        die("no RssAnon");
    printf("anon %lu\n", strtoul(at + 8, NULL, 10));
}

int main(int argc, char **argv)
{
    struct ocsp_stats stats;
    uint64_t begun, n = 0;

    rows = argc == 3 ? strtoull(argv[1], NULL, 10) : 0;
    answers = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
    if (answers == 0 || rows < answers)
        die("usage: ocsp_sign ROWS ANSWERS");
    set_up();
    raw();
    nonces();
    raw();
    begun = clock_mono_us();
    for (; n < answers; n++)
        ask(spread(n), SLICE_NONE);
    tell("first", answers, begun);
    n = 0;
    begun = clock_mono_us();
    hits(&n);
    tell("hit", n, begun);
    hits_by_two();
    ocsp_responder_stats(responder, &stats);
    if (stats.cached != answers)
        die("not all answers are cached");
    memory();
    printf("octets %zu\n", answer.body.n);
    clean_up();
    return 0;
}
