/*
 * What servers say to scans, by the first octet: before TLS (scan/starttls.h), to a ClientHello
 * (scan/answer.h), in a handshake (scan/served.h). In pieces it comes out as all at once.
 */
#include <stdlib.h>
#include <string.h>

#include "scan/answer.h"
#include "scan/served.h"
#include "scan/starttls.h"
#include "tests/fuzz/fuzz.h"

static enum answer_state feed(struct answer *a, struct slice in, size_t most)
{
    enum answer_state s = ANSWER_MORE;

    answer_init(a);
    while (in.n > 0 && s == ANSWER_MORE) {
        size_t n = in.n < most ? in.n : most;

        s = answer_feed(a, slice_of(in.p, n));
        in = slice_of(in.p + n, in.n - n);
    }
    return s;
}

static void check_answer(struct slice in)
{
    struct answer a, slow;
    enum answer_state s = feed(&a, in, in.n);

    FUZZ_CHECK(s == feed(&slow, in, 1));
    if (s == ANSWER_HELLO)
        FUZZ_CHECK(a.wire_version == slow.wire_version && a.suite == slow.suite);
    if (s == ANSWER_ALERT)
        FUZZ_CHECK(a.alert == slow.alert);
    FUZZ_CHECK(a.message.n <= ANSWER_OCTETS);
    answer_free(&a);
    answer_free(&slow);
}

static enum dialogue_state talk(struct dialogue *d, struct slice in, size_t most)
{
    enum dialogue_state s = DIALOGUE_MORE;

    while (in.n > 0 && s == DIALOGUE_MORE) {
        size_t n = in.n < most ? in.n : most;

        s = dialogue_feed(d, slice_of(in.p, n));
        buf_reset(&d->out);
        in = slice_of(in.p + n, in.n - n);
    }
    return s;
}

/* Pieces cut anywhere: each begins with its length, so that an answer may end where it should. */
static void check_dialogue(enum scan_starttls kind, struct slice in)
{
    enum dialogue_state s = DIALOGUE_MORE;
    struct dialogue d;

    dialogue_init(&d, kind);
    while (in.n > 0 && s == DIALOGUE_MORE) {
        size_t n = fuzz_octet(&in);
        struct slice piece = slice_of(in.p, n < in.n ? n : in.n);

        s = talk(&d, piece, in.n % 3 + 1 + piece.n * (in.n % 2));
        in = slice_of(in.p + piece.n, in.n - piece.n);
    }
    FUZZ_CHECK(s != DIALOGUE_REFUSED || d.why[0] != '\0');
    FUZZ_CHECK(d.octets <= DIALOGUE_OCTETS + UINT8_MAX);
    FUZZ_CHECK(memchr(d.why, '\0', sizeof(d.why)) != NULL);
    dialogue_free(&d);
}

/* Messages one after the other, each with its length in front (fuzz_piece). */
static void check_served(enum tls_version version, struct slice in)
{
    static struct scan_result r;
    struct served s;

    served_init(&s);
    while (in.n > 0 && served_take(&s, fuzz_piece(&in), version) == SERVED_OK)
        ;
    memset(&r, 0, sizeof(r));
    served_point(&s, &r);
    FUZZ_CHECK(r.n_chain <= SCAN_CHAIN_MAX);
    for (size_t i = 0; i < r.n_chain; i++)
        FUZZ_CHECK(fuzz_inside(r.chain[i], buf_slice(&s.octets)));
    FUZZ_CHECK(fuzz_inside(r.ocsp, buf_slice(&s.octets)));
    served_free(&s);
}

static void run(struct slice in)
{
    unsigned what = fuzz_octet(&in);

    if (what < STARTTLS_KINDS && what > 0)
        check_dialogue((enum scan_starttls)what, in);
    else if (what < 16)
        check_answer(in);
    else
        check_served((enum tls_version)(what % TLS_VERSIONS), in);
}

const struct fuzz_target fuzz_target = {.form = FUZZ_OCTETS, .run = run};
