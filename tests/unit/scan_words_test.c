/* What is said and read around TLS, without a socket: ClientHellos, the first answer to them, the
 * messages of a handshake, the dialogues before it. Whatever is cut waits for more, whatever is
 * wrong is refused, and nothing is read past its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/wire.h"
#include "scan/answer.h"
#include "scan/hello.h"
#include "scan/permute.h"
#include "scan/served.h"
#include "scan/space.h"
#include "scan/starttls.h"

/* In memory of its own, so that a sanitizer sees a read past the end. */
static enum answer_state answer_to(const void *p, size_t n, size_t piece, struct answer *a)
{
    enum answer_state state = ANSWER_MORE;

    answer_init(a);
    for (size_t at = 0; at < n && state == ANSWER_MORE; at += piece) {
        size_t now = n - at < piece ? n - at : piece;
        uint8_t *copy = malloc(now);

        assert_non_null(copy);
        memcpy(copy, (const uint8_t *)p + at, now);
        state = answer_feed(a, slice_of(copy, now));
        free(copy);
    }
    return state;
}

#define RANDOM "0123456789abcdef0123456789abcdef"
/* TLS 1.3 through supported_versions. */
static const char hello13[] = "\x16\x03\x03\x00\x32\x02\x00\x00\x2e\x03\x03" RANDOM
                              "\x00\x13\x02\x00\x00\x06\x00\x2b\x00\x02\x03\x04";
/* TLS 1.0 without extensions. */
static const char hello10[] =
    "\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01" RANDOM "\x00\x00\x2f\x00";

static void answers_are_read_in_any_pieces(void **state)
{
    struct answer a;
    (void)state;

    for (size_t piece = 1; piece < sizeof(hello13); piece++) {
        assert_int_equal(answer_to(hello13, sizeof(hello13) - 1, piece, &a), ANSWER_HELLO);
        assert_int_equal(a.wire_version, 0x0304);
        assert_int_equal(a.suite, 0x1302);
        answer_free(&a);
    }
    assert_int_equal(answer_to(hello10, sizeof(hello10) - 1, 7, &a), ANSWER_HELLO);
    assert_int_equal(a.wire_version, 0x0301);
    assert_int_equal(a.suite, 0x002f);
    answer_free(&a);
    for (size_t n = 0; n + 1 < sizeof(hello13); n++) {
        assert_int_equal(answer_to(hello13, n, 5, &a), ANSWER_MORE);
        answer_free(&a);
    }
    /* A handshake message in two records. */
    assert_int_equal(
        answer_to("\x16\x03\x01\x00\x02\x02\x00\x16\x03\x01\x00\x28\x00\x26\x03\x01" RANDOM
                  "\x00\x00\x2f\x00",
                  52, 9, &a),
        ANSWER_HELLO);
    answer_free(&a);
}

static void other_answers_are_what_they_are(void **state)
{
    static uint8_t empty_records[20000];
    struct answer a;
    (void)state;

    assert_int_equal(answer_to("\x15\x03\x01\x00\x02\x02\x28", 7, 7, &a), ANSWER_ALERT);
    assert_int_equal(a.alert, 40);
    answer_free(&a);
    /* A warning before: unrecognized_name. */
    assert_int_equal(
        answer_to("\x15\x03\x01\x00\x02\x01\x70\x15\x03\x01\x00\x02\x02\x46", 14, 3, &a),
        ANSWER_ALERT);
    assert_int_equal(a.alert, 70);
    answer_free(&a);
    assert_int_equal(answer_to("SSH-2.0-OpenSSH", 15, 1, &a), ANSWER_NO_TLS);
    answer_free(&a);
    assert_int_equal(answer_to("\x16\x02\x00\x00\x02", 5, 5, &a), ANSWER_NO_TLS);
    answer_free(&a);
    assert_int_equal(answer_to("\x16\x03\x01\xff\xff", 5, 5, &a), ANSWER_GARBAGE);
    answer_free(&a);
    assert_int_equal(answer_to("\x17\x03\x01\x00\x01x", 6, 6, &a), ANSWER_GARBAGE);
    answer_free(&a);
    assert_int_equal(answer_to("\x16\x03\x01\x00\x04\x02\xff\xff\xff", 9, 9, &a), ANSWER_TOO_LARGE);
    answer_free(&a);
    /* Ten warnings; and records without end that have nothing in them. */
    for (size_t i = 0; i < 10; i++)
        memcpy(empty_records + i * 7, "\x15\x03\x01\x00\x02\x01\x70", 7);
    assert_int_equal(answer_to(empty_records, 70, 70, &a), ANSWER_GARBAGE);
    answer_free(&a);
    for (size_t i = 0; i < sizeof(empty_records) / 5; i++)
        memcpy(empty_records + i * 5, "\x16\x03\x01\x00\x00", 5);
    assert_int_equal(answer_to(empty_records, sizeof(empty_records), 1000, &a), ANSWER_TOO_LARGE);
    answer_free(&a);
}

/* One octet of an answer changed: any outcome, but within its bounds. */
static void changed_answers_do_no_harm(void **state)
{
    struct answer a;
    uint8_t copy[sizeof(hello13)];
    (void)state;

    for (size_t i = 0; i + 1 < sizeof(hello13); i++)
        for (unsigned v = 0; v < 256; v += 5) {
            memcpy(copy, hello13, sizeof(copy));
            copy[i] = (uint8_t)v;
            (void)answer_to(copy, sizeof(copy) - 1, 64, &a);
            answer_free(&a);
        }
}

/* Lengths agree all through, and a long one is padded past what middle boxes trip over. */
static void hellos_are_whole(void **state)
{
    uint16_t suites[150];
    struct buf b;
    (void)state;

    for (size_t i = 0; i < 150; i++)
        suites[i] = (uint16_t)(0xc000 + i);
    for (unsigned v = TLS_1_0; v <= TLS_1_3; v++)
        for (size_t n = 1; n <= 150; n++) {
            struct hello h = {.version = (enum tls_version)v,
                              .sni = n % 2 ? "" : "a.example",
                              .suites = suites,
                              .n_suites = n};
            size_t record, message;

            buf_init(&b, 4096);
            hello_put(&b, &h);
            assert_false(buf_failed(&b));
            record = (size_t)b.p[3] << 8 | b.p[4];
            message = (size_t)b.p[6] << 16 | (size_t)b.p[7] << 8 | b.p[8];
            assert_int_equal(record, b.n - 5);
            assert_int_equal(message, b.n - 9);
            assert_false(record > 255 && record < 512);
            buf_free(&b);
        }
}

/* --- messages of the handshake ------------------------------------------------------------ */

/* A vector with a length of so many octets. */
static void put_vector(struct buf *b, size_t length_octets, struct slice s)
{
    for (size_t i = length_octets; i > 0; i--)
        buf_put_u8(b, (uint8_t)(s.n >> (8 * (i - 1))));
    buf_put_slice(b, s);
}

/* The message in memory of its own; cut by `cut` octets, with the length in its head as it was. */
static enum served_fault takes(struct served *s, uint8_t type, const struct buf *body, size_t cut,
                               enum tls_version v)
{
    enum served_fault fault;
    struct buf m;
    uint8_t *copy;

    buf_init(&m, 1 << 20);
    buf_put_u8(&m, type);
    put_vector(&m, 3, slice_of(body->p, body->n));
    copy = malloc(m.n - cut);
    assert_non_null(copy);
    memcpy(copy, m.p, m.n - cut);
    fault = served_take(s, slice_of(copy, m.n - cut), v);
    free(copy);
    buf_free(&m);
    return fault;
}

static void staple(struct buf *b, const char *response)
{
    buf_put_u8(b, 1);
    put_vector(b, 3, slice_str(response));
}

/* Certificates with one letter each; in TLS 1.3 the first with a stapled "OCSP". */
static void certificates(struct buf *b, const char *letters, bool tls13)
{
    struct buf list, extension, status;

    buf_init(&list, 1 << 20);
    buf_init(&extension, 1 << 10);
    buf_init(&status, 1 << 10);
    staple(&status, "OCSP");
    wire_put_u16(&extension, 5);
    put_vector(&extension, 2, buf_slice(&status));
    for (size_t i = 0; letters[i] != 0; i++) {
        put_vector(&list, 3, slice_of(&letters[i], 1));
        if (tls13)
            put_vector(&list, 2, i == 0 ? buf_slice(&extension) : SLICE_NONE);
    }
    if (tls13)
        buf_put_u8(b, 0);
    put_vector(b, 3, buf_slice(&list));
    buf_free(&list);
    buf_free(&extension);
    buf_free(&status);
}

static void the_chain_is_taken_as_served(void **state)
{
    static struct scan_result r;
    (void)state;

    for (int tls13 = 0; tls13 < 2; tls13++) {
        enum tls_version v = tls13 ? TLS_1_3 : TLS_1_2;
        struct served s;
        struct buf b;

        served_init(&s);
        buf_init(&b, 1 << 20);
        certificates(&b, "ACB", tls13);
        for (size_t cut = 1; cut < b.n; cut++) {
            assert_int_equal(takes(&s, 11, &b, cut, v), SERVED_MALFORMED);
            served_reset(&s);
        }
        assert_int_equal(takes(&s, 11, &b, 0, v), SERVED_OK);
        buf_reset(&b);
        staple(&b, "OCSP");
        assert_int_equal(takes(&s, 22, &b, 0, v), SERVED_OK);
        served_point(&s, &r);
        assert_int_equal(r.n_chain, 3);
        assert_true(slice_is(r.chain[0], "A") && slice_is(r.chain[1], "C"));
        assert_true(slice_is(r.ocsp, "OCSP"));
        assert_false(r.demands_client);
        buf_free(&b);
        served_free(&s);
    }
}

static void bounds_of_a_chain_hold(void **state)
{
    struct served s;
    struct buf b, list;
    uint8_t *large = calloc(1, SCAN_CHAIN_OCTETS + 1);
    (void)state;

    assert_non_null(large);
    served_init(&s);
    buf_init(&b, 1 << 20);
    certificates(&b, "ABCDEFGHIJKLMNOPQ", false);
    assert_int_equal(takes(&s, 11, &b, 0, TLS_1_2), SERVED_TOO_LARGE);
    served_reset(&s);
    buf_reset(&b);
    buf_init(&list, 1 << 20);
    put_vector(&list, 3, slice_of(large, SCAN_CHAIN_OCTETS + 1));
    put_vector(&b, 3, buf_slice(&list));
    assert_int_equal(takes(&s, 11, &b, 0, TLS_1_2), SERVED_TOO_LARGE);
    served_reset(&s);
    buf_reset(&b);
    buf_put_u8(&b, 1);
    put_vector(&b, 3, slice_of(large, SCAN_OCSP_MAX + 1));
    assert_int_equal(takes(&s, 22, &b, 0, TLS_1_2), SERVED_TOO_LARGE);
    buf_free(&list);
    buf_free(&b);
    served_free(&s);
    free(large);
}

static void a_demand_for_a_client_certificate_is_seen(void **state)
{
    static struct scan_result r;
    (void)state;

    for (unsigned v = TLS_1_1; v <= TLS_1_3; v++) {
        struct buf b, names, extension;
        struct served s;

        served_init(&s);
        buf_init(&b, 4096);
        buf_init(&names, 4096);
        buf_init(&extension, 4096);
        put_vector(&names, 2, slice_str("first"));
        put_vector(&names, 2, slice_str("second"));
        put_vector(&b, 1, slice_str(v == TLS_1_3 ? "" : "\x01\x40"));
        if (v == TLS_1_2)
            put_vector(&b, 2, slice_of("\x04\x03", 2));
        if (v == TLS_1_3) {
            struct buf list;

            buf_init(&list, 4096);
            put_vector(&list, 2, buf_slice(&names));
            wire_put_u16(&extension, 47);
            put_vector(&extension, 2, buf_slice(&list));
            put_vector(&b, 2, buf_slice(&extension));
            buf_free(&list);
        } else {
            put_vector(&b, 2, buf_slice(&names));
        }
        assert_int_equal(takes(&s, 13, &b, 1, (enum tls_version)v), SERVED_MALFORMED);
        served_reset(&s);
        assert_int_equal(takes(&s, 13, &b, 0, (enum tls_version)v), SERVED_OK);
        served_point(&s, &r);
        assert_true(r.demands_client);
        assert_int_equal(r.client_cas, 2);
        buf_free(&b);
        buf_free(&names);
        buf_free(&extension);
        served_free(&s);
    }
}

/* --- before TLS ------------------------------------------------------------------------------ */

/* What the server says, in order; a step ends where we have to say something. */
static enum dialogue_state talk(struct dialogue *d, enum scan_starttls kind,
                                const char *const *says, const size_t *n, size_t steps)
{
    enum dialogue_state state = DIALOGUE_MORE;

    dialogue_init(d, kind);
    for (size_t i = 0; i < steps && state == DIALOGUE_MORE; i++)
        for (size_t k = 0; k < n[i] && state == DIALOGUE_MORE; k++)
            state = dialogue_feed(d, slice_of(says[i] + k, 1));
    return state;
}

static void check_lines(enum scan_starttls kind, const char *const *says, size_t steps,
                        enum dialogue_state want)
{
    struct dialogue d;
    size_t n[8];

    for (size_t i = 0; i < steps; i++)
        n[i] = strlen(says[i]);
    assert_int_equal(talk(&d, kind, says, n, steps), want);
    assert_true(want != DIALOGUE_REFUSED || d.why[0] != 0);
    dialogue_free(&d);
}

static void dialogues_of_lines_come_to_tls_or_say_why_not(void **state)
{
    (void)state;
    check_lines(STARTTLS_SMTP,
                (const char *const[]){"220-mail\r\n220 ready\r\n",
                                      "250-mail\r\n250-STARTTLS\r\n250 OK\r\n", "220 go\r\n"},
                3, DIALOGUE_BEGIN);
    check_lines(STARTTLS_SMTP, (const char *const[]){"220 mail\n", "250 starttls\n", "220 go\n"}, 3,
                DIALOGUE_BEGIN);
    check_lines(STARTTLS_SMTP, (const char *const[]){"220 mail\r\n", "250 OK\r\n"}, 2,
                DIALOGUE_REFUSED);
    check_lines(STARTTLS_SMTP, (const char *const[]){"554 no\x1b[31m\r\n"}, 1, DIALOGUE_REFUSED);
    check_lines(STARTTLS_SMTP,
                (const char *const[]){"220 mail\r\n", "250 STARTTLS\r\n", "454 later\r\n"}, 3,
                DIALOGUE_REFUSED);
    check_lines(STARTTLS_IMAP, (const char *const[]){"* OK ready\r\n", "* NO hm\r\na1 OK go\r\n"},
                2, DIALOGUE_BEGIN);
    check_lines(STARTTLS_IMAP, (const char *const[]){"* OK ready\r\n", "a1 BAD what\r\n"}, 2,
                DIALOGUE_REFUSED);
    check_lines(STARTTLS_IMAP, (const char *const[]){"* PREAUTH ready\r\n"}, 1, DIALOGUE_REFUSED);
    check_lines(STARTTLS_POP3, (const char *const[]){"+OK\r\n", "+OK\r\n"}, 2, DIALOGUE_BEGIN);
    check_lines(STARTTLS_POP3, (const char *const[]){"+OK\r\n", "-ERR\r\n"}, 2, DIALOGUE_REFUSED);
    check_lines(STARTTLS_POP3, (const char *const[]){"HTTP/1.1 400 Bad Request\r\n"}, 1,
                DIALOGUE_REFUSED);
}

/* Octets that stand behind an answer in one piece would be taken for what TLS protects. */
static void nobody_speaks_before_their_turn(void **state)
{
    struct dialogue d;
    (void)state;

    dialogue_init(&d, STARTTLS_POP3);
    assert_int_equal(dialogue_feed(&d, slice_str("+OK\r\n+OK\r\n")), DIALOGUE_REFUSED);
    dialogue_free(&d);
    dialogue_init(&d, STARTTLS_POP3);
    assert_int_equal(dialogue_feed(&d, slice_str("+OK\r\n")), DIALOGUE_MORE);
    assert_true(slice_is(buf_slice(&d.out), "STLS\r\n"));
    buf_reset(&d.out);
    assert_int_equal(dialogue_feed(&d, slice_str("+OK\r\nextra")), DIALOGUE_REFUSED);
    dialogue_free(&d);
}

static void lines_without_end_are_too_large(void **state)
{
    struct dialogue d;
    enum dialogue_state s = DIALOGUE_MORE;
    (void)state;

    dialogue_init(&d, STARTTLS_IMAP);
    for (int i = 0; i < 3000 && s == DIALOGUE_MORE; i++)
        s = dialogue_feed(&d, slice_str("x"));
    assert_int_equal(s, DIALOGUE_TOO_LARGE);
    dialogue_free(&d);
    dialogue_init(&d, STARTTLS_SMTP);
    s = DIALOGUE_MORE;
    for (int i = 0; i < 3000 && s == DIALOGUE_MORE; i++)
        s = dialogue_feed(&d, slice_str("220-more\r\n"));
    assert_int_equal(s, DIALOGUE_TOO_LARGE);
    dialogue_free(&d);
}

static void check_octets(enum scan_starttls kind, const char *says, size_t n,
                         enum dialogue_state want)
{
    struct dialogue d;

    assert_int_equal(talk(&d, kind, &says, &n, 1), want);
    dialogue_free(&d);
}

static void dialogues_of_octets_are_read_in_pieces(void **state)
{
    static const char greeting[] = "\x1a\x00\x00\x00\x0a"
                                   "8.0.1\x00"
                                   "\x01\x00\x00\x00"
                                   "saltsalt\x00"
                                   "\xff\xff"
                                   "\x21\x02\x00\xff";
    char without[sizeof(greeting)];
    (void)state;

    check_octets(STARTTLS_POSTGRES, "S", 1, DIALOGUE_BEGIN);
    check_octets(STARTTLS_POSTGRES, "N", 1, DIALOGUE_REFUSED);
    check_octets(STARTTLS_POSTGRES, "E", 1, DIALOGUE_REFUSED);
    check_octets(STARTTLS_LDAP, "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00", 14,
                 DIALOGUE_BEGIN);
    /* Lengths as Active Directory writes them. */
    check_octets(
        STARTTLS_LDAP,
        "\x30\x84\x00\x00\x00\x10\x02\x01\x01\x78\x84\x00\x00\x00\x07\x0a\x01\x00\x04\x00\x04\x00",
        22, DIALOGUE_BEGIN);
    check_octets(STARTTLS_LDAP, "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\x00\x04\x00", 14,
                 DIALOGUE_REFUSED);
    check_octets(STARTTLS_LDAP, "\x30\x80\x02\x01\x01", 5, DIALOGUE_REFUSED);
    check_octets(STARTTLS_LDAP, "\x30\x0c\x02\x01\x01", 5, DIALOGUE_MORE);
    check_octets(STARTTLS_LDAP, "HTTP", 4, DIALOGUE_REFUSED);
    check_octets(STARTTLS_MYSQL, greeting, sizeof(greeting) - 1, DIALOGUE_BEGIN);
    memcpy(without, greeting, sizeof(greeting));
    without[4 + 1 + 6 + 4 + 8 + 1 + 1] = 0; /* the upper octet of the capabilities: no TLS */
    check_octets(STARTTLS_MYSQL, without, sizeof(greeting) - 1, DIALOGUE_REFUSED);
    check_octets(STARTTLS_MYSQL,
                 "\x10\x00\x00\x00\xff\x6a\x04"
                 "Host blocked.",
                 20, DIALOGUE_REFUSED);
    check_octets(STARTTLS_MYSQL, "\xff\xff\xff\x00", 4, DIALOGUE_REFUSED);
    for (size_t n = 0; n + 1 < sizeof(greeting); n++)
        check_octets(STARTTLS_MYSQL, greeting, n, DIALOGUE_MORE);
}

/* --- the order, and what lies in it ------------------------------------------------------------
 */

static void an_order_is_a_permutation_and_the_same_again(void **state)
{
    static const uint64_t sizes[] = {1, 2, 3, 5, 64, 65, 1000, 4097};
    (void)state;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct permutation p, other;
        uint8_t *seen = calloc(sizes[i], 1);
        uint64_t in_place = 0, differ = 0;

        assert_non_null(seen);
        permutation_init(&p, sizes[i], 42);
        permutation_init(&other, sizes[i], 43);
        for (uint64_t k = 0; k < sizes[i]; k++) {
            uint64_t at = permutation_at(&p, k);

            assert_true(at < sizes[i]);
            assert_int_equal(seen[at]++, 0);
            in_place += at == k;
            differ += at != permutation_at(&other, k);
        }
        if (sizes[i] >= 1000) {
            assert_true(in_place < 20);
            assert_true(differ > sizes[i] - 20);
        }
        free(seen);
    }
}

static void four(uint8_t out[16], uint32_t v)
{
    memset(out, 0, 16);
    out[10] = out[11] = 0xff;
    for (size_t i = 0; i < 4; i++)
        out[12 + i] = (uint8_t)(v >> (24 - 8 * i));
}

static void targets_are_addresses_times_ports_without_what_is_excluded(void **state)
{
    static struct scan_range r;
    struct space_target at;
    struct space s;
    struct fault f;
    uint8_t address[16];
    (void)state;

    space_init(&s);
    memset(&r, 0, sizeof(r));
    fault_clear(&f);
    four(r.first, 0x0a0000fe);
    four(r.last, 0x0a000101);
    r.bare = true;
    r.n_ports = 2;
    r.port[0].port = 443;
    r.port[1].port = 25;
    assert_int_equal(space_add(&s, &r, &f), 0);
    assert_int_equal(s.n, 8);
    memcpy(r.name, "a.example", 10);
    r.n_ports = 1;
    assert_int_equal(space_add(&s, &r, &f), 0);
    assert_int_equal(s.n, 9);
    space_at(&s, 5, &at);
    four(address, 0x0a000100);
    assert_memory_equal(at.address, address, 16);
    assert_int_equal(at.port.port, 25);
    space_at(&s, 8, &at);
    assert_string_equal(at.range->name, "a.example");
    memset(&r, 0, sizeof(r));
    r.exclude = true;
    for (int i = 0; i < 3; i++) { /* they overlap, and come in no order */
        static const uint32_t first[] = {0x0a000100, 0x0a000000, 0x0a00000a};

        four(r.first, first[i]);
        four(r.last, first[i] + (i == 1 ? 20 : 1));
        assert_int_equal(space_add(&s, &r, &f), 0);
    }
    for (uint32_t i = 0x0a000000; i < 0x0a000110; i++) {
        four(address, i);
        assert_int_equal(space_excluded(&s, address),
                         i <= 0x0a000014 || i == 0x0a000100 || i == 0x0a000101);
    }
    memset(&r, 0, sizeof(r));
    r.last[7] = 1; /* 2^64 addresses and some */
    r.bare = true;
    r.n_ports = 1;
    assert_int_equal(space_add(&s, &r, &f), -FAULT_TOO_LARGE);
    space_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read_in_any_pieces),
        cmocka_unit_test(other_answers_are_what_they_are),
        cmocka_unit_test(changed_answers_do_no_harm),
        cmocka_unit_test(hellos_are_whole),
        cmocka_unit_test(the_chain_is_taken_as_served),
        cmocka_unit_test(bounds_of_a_chain_hold),
        cmocka_unit_test(a_demand_for_a_client_certificate_is_seen),
        cmocka_unit_test(dialogues_of_lines_come_to_tls_or_say_why_not),
        cmocka_unit_test(nobody_speaks_before_their_turn),
        cmocka_unit_test(lines_without_end_are_too_large),
        cmocka_unit_test(dialogues_of_octets_are_read_in_pieces),
        cmocka_unit_test(an_order_is_a_permutation_and_the_same_again),
        cmocka_unit_test(targets_are_addresses_times_ports_without_what_is_excluded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
