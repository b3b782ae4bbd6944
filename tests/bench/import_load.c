/*
 * Load for importing: certificates of another CA, each with a serial number, a name, a key and a
 * signature of its own, sent as `cerca import` sends them: one message after the other, as full as
 * it may be.
 *
 *   import_load CONF COUNT [FIRST]
 *
 * One is written and assembled; the others are copies in which those four are other octets, since
 * nothing of an import verifies a signature that is not by an issuer of ours. Prints: rate (1/s),
 * the longest message (us), how many were new.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/conn.h"
#include "lib/log.h"
#include "lib/proto.h"
#include "lib/proto_import.h"

#define NAME "h000000000.import.example"
#define NAME_DIGITS 9
#define TIMEOUT_MS 60000

struct load {
    struct client *client;
    struct buf template;
    size_t serial, name, point, signature; /* where each stands in it */
    struct import_request *request;
    struct buf ders;
    uint64_t fresh, longest_us;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "import_load: %s\n", what);
    exit(1);
}

static size_t find(const struct buf *b, const void *what, size_t n)
{
    const uint8_t *p = memmem(b->p, b->n, what, n);

    if (p == NULL)
        die("the template is not as it should be");
    return (size_t)(p - b->p);
}

static void put_spki(struct buf *b, const uint8_t point[64])
{
    static const uint8_t head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

    buf_put(b, head, sizeof(head));
    buf_put(b, point, 64);
}

static void make_template(struct load *l)
{
    struct buf issuer, subject, spki, tbs;
    struct san_list sans = {.n = 1, .item = {{SAN_DNS, slice_str(NAME)}}};
    struct tbs_spec spec = {.alg = SIG_ECDSA_SHA256,
                            .not_before = 1790000000,
                            .not_after = 1830000000,
                            .key_usage = KU_DIGITAL_SIGNATURE,
                            .eku = EKU_SERVER_AUTH,
                            .sans = &sans};
    uint8_t point[64], signature[70];
    struct fault f;

    random_bytes(point, sizeof(point));
    random_bytes(signature, sizeof(signature));
    random_bytes(spec.serial, sizeof(spec.serial));
    spec.serial[0] = 0x51;
    buf_init(&issuer, 1024);
    buf_init(&subject, 1024);
    buf_init(&spki, 256);
    buf_init(&tbs, TBS_MAX);
    buf_init(&l->template, IMPORT_DER_MAX);
    put_spki(&spki, point);
    if (name_parse("CN=Another CA,O=Example", &issuer, &f) != 0 ||
        name_parse("O=Example", &subject, &f) != 0)
        die("no name");
    spec.issuer = buf_slice(&issuer);
    spec.subject = buf_slice(&subject);
    spec.spki = buf_slice(&spki);
    tbs_put(&tbs, &spec);
    cert_assemble(&l->template, buf_slice(&tbs), spec.alg, slice_of(signature, sizeof(signature)));
    l->serial = find(&l->template, spec.serial, sizeof(spec.serial));
    l->name = find(&l->template, NAME, strlen(NAME));
    l->point = find(&l->template, point, sizeof(point));
    l->signature = find(&l->template, signature, sizeof(signature));
    buf_free(&issuer);
    buf_free(&subject);
    buf_free(&spki);
    buf_free(&tbs);
}

static void add(struct load *l, uint64_t n)
{
    struct import_item *item = &l->request->item[l->request->n++];
    uint8_t *p = buf_grow(&l->ders, l->template.n);
    char name[sizeof(NAME)];

    if (p == NULL)
        die("a message is too long");
    memcpy(p, l->template.p, l->template.n);
    random_bytes(p + l->serial + 1, SERIAL_LEN - 1);
    random_bytes(p + l->point, 64);
    random_bytes(p + l->signature, 70);
    (void)snprintf(name, sizeof(name), "h%0*" PRIu64, NAME_DIGITS, n);
    memcpy(p + l->name, name, 1 + NAME_DIGITS);
    item->status.told = IMPORT_VALID;
    item->der = slice_of(p, l->template.n);
    (void)snprintf(item->origin, sizeof(item->origin), "bench: newcerts/%" PRIu64 ".pem", n);
}

static void take(struct load *l, struct slice body)
{
    struct import_outcome o;
    struct wire_in w;
    uint32_t n;

    wire_in_init(&w, body);
    n = wire_get_count(&w, IMPORT_MAX, 1);
    if (n != l->request->n)
        die("an answer of another length");
    for (uint32_t i = 0; i < n; i++) {
        import_outcome_get(&w, &o);
        if (wire_failed(&w) || o.became == IMPORT_REFUSED)
            die("a certificate was refused");
        l->fresh += o.became == IMPORT_NEW;
    }
}

static void send_one(struct load *l)
{
    uint64_t begun = clock_mono_us(), took;
    struct frame answer;
    struct buf body;
    struct fault f;

    fault_clear(&f);
    buf_init(&body, FRAME_BODY_MAX);
    import_request_put(&body, l->request);
    if (buf_failed(&body))
        die("a message is too long");
    if (client_call(l->client, MSG_IMPORT, buf_slice(&body), TIMEOUT_MS, &answer, &f) != 0 ||
        answer.type != MSG_IMPORTED)
        die(f.text);
    take(l, answer.body);
    took = clock_mono_us() - begun;
    if (took > l->longest_us)
        l->longest_us = took;
    buf_free(&body);
    buf_reset(&l->ders);
    l->request->n = 0;
}

static void connect_admin(struct load *l, const char *path)
{
    struct conf *conf;
    struct buf socket;
    struct fault f;

    fault_clear(&f);
    buf_init(&socket, 4096);
    if (conf_load(path, &conf, &f) != 0)
        die(f.text);
    conf_admin_socket(conf, &socket);
    if (client_open(buf_cstr(&socket), &l->client, &f) != 0)
        die(f.text);
    buf_free(&socket);
    conf_free(conf);
}

int main(int argc, char **argv)
{
    struct load l = {.fresh = 0};
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    uint64_t first = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    size_t size = 64, each;
    uint64_t begun, took;

    log_open("import_load", LOG_LEVEL_WARN);
    if (count == 0)
        die("usage: import_load CONF COUNT [FIRST]");
    connect_admin(&l, argv[1]);
    make_template(&l);
    l.request = xcalloc(1, sizeof(*l.request));
    buf_init(&l.ders, FRAME_BODY_MAX);
    if (buf_grow(&l.ders, FRAME_BODY_MAX) == NULL)
        die("no memory");
    buf_reset(&l.ders);
    each = l.template.n + 64;
    begun = clock_mono_us();
    for (uint64_t i = 0; i < count; i++) {
        add(&l, first + i);
        size += each;
        if (l.request->n == IMPORT_MAX || size + each > FRAME_BODY_MAX || i + 1 == count) {
            send_one(&l);
            size = 64;
        }
    }
    took = clock_mono_us() - begun;
    printf("%.0f %" PRIu64 " %" PRIu64 "\n", (double)count * 1e6 / (double)took, l.longest_us,
           l.fresh);
    client_free(l.client);
    buf_free(&l.template);
    buf_free(&l.ders);
    free(l.request);
    return 0;
}
