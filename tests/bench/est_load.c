/*
 * A load of HTTPS by TLS 1.3, of clients that enroll over EST, or ask any other server for
 * something short:
 *
 *   est_load PORT CONNECTIONS COUNT ROOTS [OPTION VALUE]...
 *     --path PATH      what is asked (/.well-known/est/simpleenroll)
 *     --get yes        ... by GET, and nobody enrolls
 *     --token TOKEN    as the password of HTTP Basic
 *     --clients FILE   each request comes over a new connection, from another client of this file,
 * who shows its certificate; no session is ever resumed
 *     --first N        ... from number N on (0)
 *     --chain FILE     ... the CA certificates that it sends along, PEM
 *     --keep FILE      writes the keys and certificates that were got, for --clients
 *     --watch PID      looks at the anonymous memory of that process
 *     --group NAME     of the key exchange (X25519)
 *
 * Keys, CSRs and requests are made before the clock starts. Every certificate that comes must be
 * for the key that was asked for, and every SAMPLE-th must verify below ROOTS.
 *
 * Prints, in one line: answers a second, p50 and p99 in microseconds, processor time of this
 * program for each in microseconds, what failed, certificates (by serial number) that came more
 * than once, most KiB of anonymous memory, seconds.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/key.h"
#include "tests/bench/help/tls_load.h"

#define SAMPLE 64
#define CERTIFICATE_MAX 16384
#define KEPT_MAX ((size_t)256 << 20)
#define WATCH_US 10000

/* What came for the client of the same number. */
struct outcome {
    uint32_t us;
    bool failed;
    uint8_t serial[SERIAL_LEN];
    struct buf certificate; /* with --keep */
};

static struct options {
    size_t first;
    const char *roots, *path, *token, *clients, *chain, *keep, *watch, *group;
    bool gets;
} opt = {.path = "/.well-known/est/simpleenroll", .group = "X25519"};

static struct tls_load load;
static struct est_client *client;
static struct outcome *outcome;
static _Atomic size_t n_failed;
static atomic_bool over;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "est_load: %s\n", what);
    exit(1);
}

/* --- answers ---------------------------------------------------------------------------------- */

static bool take_certificate(size_t number, struct slice body)
{
    struct outcome *o = &outcome[number];
    struct buf certificate;
    bool right;

    buf_init(&certificate, CERTIFICATE_MAX);
    right = est_client_take(&client[number], body, o->serial, &certificate);
    if (right && number % SAMPLE == 0 &&
        !certificate_verifies(SSL_CTX_get_cert_store(load.tls), buf_slice(&certificate)))
        die("a certificate does not verify");
    if (right && opt.keep != NULL)
        o->certificate = certificate;
    else
        buf_free(&certificate);
    return right;
}

static void ended(size_t number, uint64_t us, unsigned status, struct slice body)
{
    outcome[number].us = (uint32_t)us;
    if (opt.gets ? status / 100 == 2 : status == 200 && take_certificate(number, body))
        return;
    outcome[number].failed = true;
    if (atomic_fetch_add(&n_failed, 1) == 0)
        fprintf(stderr, "est_load: first failure: %u %.*s\n", status, (int)body.n,
                (const char *)body.p);
}

/* --- memory ----------------------------------------------------------------------------------- */

static long anonymous_kib(void)
{
    char line[128], path[64];
    long kib = 0;
    FILE *in;

    (void)snprintf(path, sizeof(path), "/proc/%s/status", opt.watch);
    in = fopen(path, "re");
    if (in == NULL)
        die("the process to be watched has gone");
    while (fgets(line, sizeof(line), in) != NULL)
        if (strncmp(line, "RssAnon:", 8) == 0)
            kib = strtol(line + 8, NULL, 10);
    (void)fclose(in);
    return kib;
}

static void *watch(void *most)
{
    long *kib = most;

    while (!atomic_load(&over)) {
        long now = anonymous_kib();

        if (now > *kib)
            *kib = now;
        (void)usleep(WATCH_US);
    }
    return NULL;
}

/* --- the whole -------------------------------------------------------------------------------- */

static uint64_t own_us(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static int by_time(const void *a, const void *b)
{
    uint32_t x = ((const struct outcome *)a)->us, y = ((const struct outcome *)b)->us;

    return x < y ? -1 : x > y;
}

static int by_serial(const void *a, const void *b)
{
    return memcmp(((const struct outcome *)a)->serial, ((const struct outcome *)b)->serial,
                  sizeof(((const struct outcome *)a)->serial));
}

static size_t repeated(void)
{
    size_t n = 0;

    qsort(outcome, load.count, sizeof(*outcome), by_serial);
    for (size_t i = 1; i < load.count && !opt.gets; i++)
        n += !outcome[i].failed && !outcome[i - 1].failed &&
             by_serial(&outcome[i], &outcome[i - 1]) == 0;
    return n;
}

static void report(uint64_t took_us, uint64_t spent_us, long kib)
{
    size_t twice = repeated();

    qsort(outcome, load.count, sizeof(*outcome), by_time);
    printf("%.0f %u %u %.1f %zu %zu %ld %.2f\n", (double)load.count * 1e6 / (double)took_us,
           outcome[load.count / 2].us, outcome[load.count * 99 / 100].us,
           (double)spent_us / (double)load.count, atomic_load(&n_failed), twice, kib,
           (double)took_us / 1e6);
}

static void keep(void)
{
    struct buf out;
    struct fault f;

    fault_clear(&f);
    buf_init(&out, KEPT_MAX);
    for (size_t i = 0; i < load.count; i++)
        if (!outcome[i].failed)
            est_client_write(&client[i], buf_slice(&outcome[i].certificate), &out);
    if (buf_failed(&out) || file_write(opt.keep, 0600, buf_slice(&out), &f) != 0)
        die("cannot keep the certificates");
    buf_free(&out);
}

static void run(void)
{
    pthread_t watcher;
    uint64_t begun, spent, took;
    long kib = 0;

    if (opt.watch != NULL && pthread_create(&watcher, NULL, watch, &kib) != 0)
        die("no thread");
    spent = own_us();
    begun = clock_mono_us();
    tls_load_run(&load);
    took = clock_mono_us() - begun;
    spent = own_us() - spent;
    atomic_store(&over, true);
    if (opt.watch != NULL)
        (void)pthread_join(watcher, NULL);
    if (opt.keep != NULL)
        keep();
    report(took, spent, kib);
}

/* --- options ---------------------------------------------------------------------------------- */

static size_t number(const char *text)
{
    char *rest;
    unsigned long n = strtoul(text, &rest, 10);

    if (*text == '\0' || *rest != '\0')
        die("not a number");
    return n;
}

static void parse(int argc, char **argv)
{
    if (argc < 5 || argc % 2 == 0)
        die("usage: est_load PORT CONNECTIONS COUNT ROOTS [OPTION VALUE]...");
    load.port = (uint16_t)number(argv[1]);
    load.connections = number(argv[2]);
    load.count = number(argv[3]);
    opt.roots = argv[4];
    for (int i = 5; i < argc; i += 2) {
        const char **text = strcmp(argv[i], "--path") == 0      ? &opt.path
                            : strcmp(argv[i], "--token") == 0   ? &opt.token
                            : strcmp(argv[i], "--clients") == 0 ? &opt.clients
                            : strcmp(argv[i], "--chain") == 0   ? &opt.chain
                            : strcmp(argv[i], "--keep") == 0    ? &opt.keep
                            : strcmp(argv[i], "--watch") == 0   ? &opt.watch
                            : strcmp(argv[i], "--group") == 0   ? &opt.group
                                                                : NULL;

        if (text != NULL)
            *text = argv[i + 1];
        else if (strcmp(argv[i], "--first") == 0)
            opt.first = number(argv[i + 1]);
        else if (strcmp(argv[i], "--get") == 0)
            opt.gets = true;
        else
            die("unknown option");
    }
    if (load.connections < 2 || load.count == 0)
        die("too few of them");
}

static void make_clients(void)
{
    struct est_asks asks = {.path = opt.path, .token = opt.token, .gets = opt.gets};

    random_bytes(&asks.salt, sizeof(asks.salt));
    client = opt.clients != NULL ? est_clients_read(opt.clients, opt.first, load.count)
                                 : xcalloc(load.count, sizeof(*client));
    outcome = xcalloc(load.count, sizeof(*outcome));
    est_clients_make(client, load.count, &asks);
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    load.tls = tls_load_context(opt.roots, opt.chain, opt.group);
    make_clients();
    load.client = client;
    load.anew = opt.clients != NULL;
    load.ended = ended;
    run();
    est_clients_free(client, load.count);
    SSL_CTX_free(load.tls);
    return 0;
}
