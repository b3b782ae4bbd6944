/*
 * What a jailed child hands back that was taken over (client/jail.h), by the first octet: of
 * certificates that lie about, of an exchange with the CA, of looks at a service, of a log of
 * Certificate Transparency. It is read anew, and nothing in it that is no certificate passes for
 * one.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/deploy/service.h"
#include "agent/found.h"
#include "agent/remote.h"
#include "client/ctlog.h"
#include "lib/anycert.h"
#include "lib/cert.h"
#include "lib/wire.h"
#include "tests/fuzz/issuer.h"
#include "tests/fuzz/transport.h"

#define LOG_SIZE 700

static struct buf log_key, certificate;

static int found(void *arg, const struct found *one, struct fault *f)
{
    struct anycert c;

    (void)arg;
    FUZZ_CHECK(one->path[0] != '\0' && (one->der.n == 0) == (one->why[0] != '\0'));
    if (one->der.n > 0)
        FUZZ_CHECK(anycert_parse(one->der, &c, f) == 0);
    return 0;
}

static int check_found(struct fault *f)
{
    return found_look(fuzz_folder(), NULL, NULL, found, NULL, f);
}

static int check_remote(enum remote_what what, struct fault *f)
{
    static char none[] = "";
    const struct agent_cert c = {.name = none,
                                 .url = none,
                                 .label = none,
                                 .trust = none,
                                 .token_file = none,
                                 .cert = none,
                                 .cert_key = none,
                                 .user = none,
                                 .password_file = none};
    const struct remote_ask ask = {.what = what, .cert = &c, .timeout = 1};
    struct remote_answer a;
    struct cert leaf;
    int rc = remote_do(&ask, &a, f);

    FUZZ_CHECK(a.retry_after >= 0 && memchr(a.text, '\0', sizeof(a.text)) != NULL);
    if (rc == 0 && a.leaf.n > 0)
        FUZZ_CHECK(cert_parse(buf_slice(&a.leaf), &leaf, f) == 0);
    remote_answer_free(&a);
    return rc;
}

static int check_look(struct fault *f)
{
    static char *probes[] = {"127.0.0.1:443", "[::1]:25"};
    static struct deploy_view seen;
    static char name[] = "nginx", none[] = "";
    const struct agent_service s = {.name = name, .recipe = none, .probes = probes, .n_probes = 2};
    int rc;

    memset(&seen, 0, sizeof(seen));
    rc = service_look(&s, NULL, 0, &seen, f);
    for (size_t i = 0; i < seen.n; i++) {
        FUZZ_CHECK(memchr(seen.item[i].served, '\0', sizeof(seen.item[i].served)) != NULL);
        FUZZ_CHECK(memchr(seen.item[i].why, '\0', sizeof(seen.item[i].why)) != NULL);
    }
    return rc > 0 ? 0 : rc;
}

static int take(void *arg, uint64_t index, const uint8_t hash[32], enum ct_what what,
                const struct ct_entry *e, struct fault *f)
{
    (void)hash;
    (void)f;
    FUZZ_CHECK(index == (*(uint64_t *)arg)++);
    FUZZ_CHECK(what != CT_UNDER || e->certificate.n > 0);
    return 0;
}

static int check_log(unsigned what, struct fault *f)
{
    static const struct texts domains = {.n = 1, .item = {"example"}};
    static struct merkle tree;
    const struct ct_log log = {.url = "https://log.example",
                               .spki = buf_slice(&log_key),
                               .domains = &domains,
                               .timeout_ms = 1000};
    uint8_t root[32] = {0};
    uint64_t at = 0, next;
    struct ct_head head;
    int rc;

    if (what == 0)
        return ct_log_head(&log, &head, f);
    if (what == 1)
        return ct_log_tree(&log, 7, root, LOG_SIZE, &tree, f);
    rc = ct_log_entries(&log, LOG_SIZE, 0, LOG_SIZE, take, &at, &next, f);
    if (rc == 0)
        FUZZ_CHECK(next == at && next > 0 && next <= LOG_SIZE);
    return rc;
}

static void end(void)
{
    buf_free(&log_key);
    buf_free(&certificate);
}

static void begin(void)
{
    X509 *x = fuzz_issuer();

    buf_init(&log_key, 256);
    fuzz_spki(1, &log_key);
    buf_init(&certificate, 4096);
    fuzz_der(x, &certificate);
    X509_free(x);
    (void)atexit(end);
}

static void run(struct slice in)
{
    unsigned what = fuzz_octet(&in) % 8;
    struct fault f;
    int rc;

    transport_lie(in);
    if (what < 2)
        rc = check_found(&f);
    else if (what < 4)
        rc = check_remote(what == 2 ? REMOTE_ENROLL : REMOTE_HINT, &f);
    else if (what == 4)
        rc = check_look(&f);
    else
        rc = check_log(what - 5, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
}

static void put_found(struct buf *out)
{
    wire_put_text(out, "host/a.crt");
    wire_put_u64(out, 1);
    wire_put_bytes(out, buf_slice(&certificate));
    wire_put_text(out, "");
    wire_put_text(out, "host/b.crt");
    wire_put_u64(out, 0);
    wire_put_bytes(out, SLICE_NONE);
    wire_put_text(out, "it is cut off");
}

static void put_exchange(struct buf *out)
{
    wire_put_i64(out, 60);
    wire_put_u8(out, 1);
    wire_put_bytes(out, slice_str("request"));
    wire_put_bytes(out, buf_slice(&certificate));
    wire_put_u32(out, 1);
    wire_put_bytes(out, buf_slice(&certificate));
    wire_put_i64(out, 1600000000);
    wire_put_i64(out, 1700000000);
    wire_put_text(out, "soon");
}

static bool seed(size_t i, struct buf *out)
{
    static const uint8_t whats[] = {0, 2, 4, 7};
    static const uint8_t zeros[416];

    if (i >= sizeof(whats))
        return false;
    buf_put_u8(out, whats[i]);
    if (whats[i] == 0)
        put_found(out);
    else if (whats[i] == 2)
        put_exchange(out);
    else /* looks, or entries that are not to be kept */
        buf_put(out, zeros, whats[i] == 4 ? sizeof(zeros) : 330);
    return true;
}

const struct fuzz_target fuzz_target = {
    .form = FUZZ_OCTETS, .begin = begin, .run = run, .seed = seed};
