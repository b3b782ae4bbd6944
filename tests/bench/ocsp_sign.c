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
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/key.h"
#include "ocsp/responder.h"
#include "tests/bench/help/sample.h"

#define SECONDS 2

static struct sample sample;
static char dir[64];
static struct ocsp_responder *responder;
static __thread struct ocsp_answer answer = {.body = {.max = OCSP_RESPONSE_MAX}};
static uint64_t rows, answers;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "ocsp_sign: %s\n", what);
    exit(1);
}

static void set_up(void)
{
    const struct ocsp_settings s = {
        .validity = 86400, .view_age_max = 3600, .http_age = 3600, .cache_max = 128u << 20};
    struct fault f;

    snprintf(dir, sizeof(dir), "/tmp/cerca-ocsp-bench.XXXXXX");
    if (mkdtemp(dir) == NULL)
        die("no folder");
    sample_make(&sample, dir, rows);
    EVP_PKEY_up_ref(sample.delegate_key);
    if (ocsp_responder_new(&s, &responder, &f) != 0 ||
        ocsp_responder_scan(responder, dir, &f) != 0 ||
        ocsp_responder_delegate(responder, sample.owner, sample.delegate_key,
                                buf_slice(&sample.delegate), &f) != 0)
        die(f.text);
}

static void clean_up(void)
{
    ocsp_responder_free(responder);
    sample_free(&sample);
    sample_remove(dir);
}

static void ask(uint64_t row, struct slice nonce)
{
    static __thread struct buf request = {.max = OCSP_REQUEST_MAX};

    buf_reset(&request);
    sample_request(&sample, row, nonce, &request);
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
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, sample.delegate_key, NULL);
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
