/* The link to a signer, with a peer of ours at the other end of the socket, on the same loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/door/signer_link.h"

enum manner { SIGN, KEEP, LEAVE }; /* what the signer does with a draft */

struct world {
    char dir[64], path[96];
    struct conf conf;
    struct conf_token token;
    struct loop *loop;
    struct loop_timer *limit;
    struct signer_link *link;
    struct listener *listener;
    struct conn *signer;
    enum manner manner;
    bool unfit;
    unsigned drafts, hellos; /* seen by the signer */
    uint64_t id;             /* of its newest draft */
    unsigned answers, late;
    struct buf certificate;
    struct fault fault;
};

static const char draft[] = "draft";

/* ---- the signer ---- */

static void on_peer_hello(struct conn *c, void *owner, const struct frame *frame)
{
    struct world *w = owner;
    struct buf b;

    (void)frame;
    w->hellos++;
    buf_init(&b, 64);
    hello_put(&b, w->conf.generation);
    wire_put_u32(&b, 0);
    conn_send(c, MSG_HELLO_REPLY, 0, buf_slice(&b), -1);
    buf_free(&b);
}

static void on_peer_sign(struct conn *c, void *owner, const struct frame *frame)
{
    struct world *w = owner;
    struct sign_request r;

    assert_int_equal(sign_request_get(frame->body, &r), 0);
    assert_string_equal(r.issuer, "issuing");
    assert_true(slice_eq(r.tbs, slice_str(draft)));
    w->drafts++;
    w->id = frame->id;
    if (w->manner == SIGN)
        conn_send(c, MSG_SIGNED, frame->id, slice_str("signed"), -1);
    if (w->manner == LEAVE) {
        w->signer = NULL;
        conn_close(c);
    }
}

static void on_peer_ping(struct conn *c, void *owner, const struct frame *frame)
{
    (void)owner;
    conn_send(c, MSG_PONG, frame->id, SLICE_NONE, -1);
}

static void on_peer_closed(struct conn *c, void *owner)
{
    (void)c;
    ((struct world *)owner)->signer = NULL;
}

static const struct permit peer_permits[] = {
    {MSG_HELLO, 64, on_peer_hello},
    {MSG_SIGN, FRAME_BODY_MAX, on_peer_sign},
    {MSG_PING, 0, on_peer_ping},
};

static const struct conn_callbacks peer_callbacks = {
    .permits = peer_permits, .n_permits = 3, .closed = on_peer_closed};

static void on_accepted(void *arg, int fd, const struct conn_peer *peer)
{
    struct world *w = arg;

    (void)peer;
    w->signer = conn_new(w->loop, fd, &peer_callbacks, w);
}

static void signer_starts(struct world *w)
{
    struct fault f;
    int fd;

    fault_clear(&f);
    fd = listen_unix(w->path, 0600, &f);
    assert_true(fd >= 0);
    w->listener = listener_new(w->loop, fd, on_accepted, w);
}

/* ---- our side ---- */

static int on_hello(void *arg, const struct signer_key *keys, size_t n, struct fault *f)
{
    struct world *w = arg;

    (void)keys;
    assert_int_equal(n, 0);
    return w->unfit ? fault_set(f, FAULT_CONFIG, "hsm.key", "another key") : 0;
}

static void on_late(void *arg, struct slice certificate)
{
    struct world *w = arg;

    assert_true(slice_eq(certificate, slice_str("too late")));
    w->late++;
    loop_stop(w->loop);
}

static void on_done(void *arg, struct slice certificate, const struct fault *f)
{
    struct world *w = arg;

    w->answers++;
    buf_reset(&w->certificate);
    buf_put_slice(&w->certificate, certificate);
    fault_clear(&w->fault);
    if (f != NULL)
        w->fault = *f;
    loop_stop(w->loop);
}

static void stop(void *arg)
{
    loop_stop(((struct world *)arg)->loop);
}

/* Until an answer comes, or for so long. */
static void run(struct world *w, uint64_t milliseconds)
{
    loop_timer_set(w->limit, milliseconds);
    loop_run(w->loop);
    loop_timer_clear(w->limit);
}

static void ask(struct world *w)
{
    signer_link_sign(w->link, "issuing", slice_str(draft), on_done, w);
}

static void signed_well(struct world *w, unsigned answers)
{
    assert_int_equal(w->answers, answers);
    assert_int_equal(w->fault.code, FAULT_NONE);
    assert_true(slice_eq(buf_slice(&w->certificate), slice_str("signed")));
}

static void told_to_retry(struct world *w, unsigned answers, const char *rule)
{
    assert_int_equal(w->answers, answers);
    assert_int_equal(w->fault.code, FAULT_UNAVAILABLE);
    assert_string_equal(w->fault.rule, rule);
    assert_true(w->fault.retry_after > 0);
}

static int set_up(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));

    (void)snprintf(w->dir, sizeof(w->dir), "/tmp/cerca-link-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    (void)snprintf(w->path, sizeof(w->path), "%s/signer-default.sock", w->dir);
    w->token.name = strdup("default");
    w->conf = (struct conf){.sock_dir = w->dir, .sign_timeout = 30, .generation = {1, 2, 3}};
    w->loop = loop_new();
    w->limit = loop_timer(w->loop, stop, w);
    buf_init(&w->certificate, 100);
    *state = w;
    return 0;
}

static void connect_link(struct world *w)
{
    w->link = signer_link_new(w->loop, &w->conf, &w->token, on_hello, w);
    signer_link_on_late(w->link, on_late, w);
}

static int tear_down(void **state)
{
    struct world *w = *state;

    signer_link_free(w->link);
    conn_close(w->signer);
    listener_free(w->listener);
    loop_timer_free(w->limit);
    loop_free(w->loop);
    (void)unlink(w->path);
    assert_int_equal(rmdir(w->dir), 0);
    buf_free(&w->certificate);
    free(w->token.name);
    free(w);
    return 0;
}

/* ---- tests ---- */

static void a_draft_asked_for_before_the_greeting_is_signed(void **state)
{
    struct world *w = *state;

    signer_starts(w);
    connect_link(w);
    ask(w);
    run(w, 5000);
    signed_well(w, 1);
    assert_true(signer_link_ready(w->link));
}

static void a_draft_is_sent_again_to_the_next_signer(void **state)
{
    struct world *w = *state;

    signer_starts(w);
    connect_link(w);
    w->manner = LEAVE;
    ask(w);
    while (w->drafts == 0)
        run(w, 20);
    w->manner = SIGN;
    run(w, 5000);
    signed_well(w, 1);
    assert_int_equal(w->drafts, 2);
}

static void a_draft_that_ends_each_signer_is_given_up(void **state)
{
    struct world *w = *state;

    signer_starts(w);
    connect_link(w);
    w->manner = LEAVE;
    ask(w);
    run(w, 5000);
    told_to_retry(w, 1, "hsm.draft");
    assert_int_equal(w->drafts, SIGNER_ATTEMPTS);
    w->manner = SIGN;
    ask(w);
    run(w, 5000);
    signed_well(w, 2);
}

static void a_signature_after_the_time_limit_is_told_apart_once(void **state)
{
    struct world *w = *state;

    w->conf.sign_timeout = 1;
    signer_starts(w);
    connect_link(w);
    w->manner = KEEP;
    ask(w);
    run(w, 5000);
    told_to_retry(w, 1, "hsm.timeout");
    conn_send(w->signer, MSG_SIGNED, w->id, slice_str("too late"), -1);
    conn_send(w->signer, MSG_SIGNED, w->id, slice_str("too late"), -1);
    run(w, 5000);
    run(w, 50);
    assert_int_equal(w->late, 1);
    assert_int_equal(w->answers, 1);
}

/* A checkpoint, a CRL or a refusal that comes late, too, hides none of the certificates. */
static void what_else_is_late_hides_no_signature(void **state)
{
    struct world *w = *state;
    struct fault f = {.code = FAULT_UNAVAILABLE, .retry_after = 1, .rule = "hsm.unavailable"};
    struct buf b;

    w->conf.sign_timeout = 1;
    signer_starts(w);
    connect_link(w);
    w->manner = KEEP;
    ask(w);
    run(w, 5000);
    told_to_retry(w, 1, "hsm.timeout");
    buf_init(&b, 4096);
    fault_put(&b, &f);
    conn_send(w->signer, MSG_CHECKPOINTED, w->id + 1, slice_str("late"), -1);
    conn_send(w->signer, MSG_FAULT, w->id + 2, buf_slice(&b), -1);
    conn_send(w->signer, MSG_SIGNED, w->id, slice_str("too late"), -1);
    run(w, 5000);
    assert_int_equal(w->late, 1);
    buf_free(&b);
}

static void without_a_signer_the_breaker_opens_and_closes_by_itself(void **state)
{
    struct world *w = *state;
    struct fault f;

    connect_link(w);
    ask(w);
    run(w, SIGNER_PATIENCE_MS + 3000);
    told_to_retry(w, 1, "hsm.unavailable");
    assert_non_null(strstr(w->fault.text, "HSM unavailable, retry after "));
    ask(w); /* answered at once */
    told_to_retry(w, 2, "hsm.unavailable");
    signer_starts(w);
    run(w, 500);
    fault_clear(&f);
    assert_int_equal(signer_link_check(w->link, &f), 0);
    ask(w);
    run(w, 5000);
    signed_well(w, 3);
}

static void why_a_signer_does_not_fit_stays_visible(void **state)
{
    struct world *w = *state;
    struct status_item token, program;

    w->unfit = true;
    signer_starts(w);
    connect_link(w);
    ask(w);
    run(w, 5000);
    assert_int_equal(w->answers, 1);
    assert_string_equal(w->fault.rule, "hsm.key");
    run(w, SIGNER_PATIENCE_MS + 1500);
    signer_link_status(w->link, &token, &program);
    assert_false(token.ok);
    assert_string_equal(token.text, "another key");
}

static void what_waits_at_the_end_is_told_to_retry(void **state)
{
    struct world *w = *state;

    connect_link(w);
    ask(w);
    assert_int_equal(w->answers, 0);
    signer_link_free(w->link);
    w->link = NULL;
    told_to_retry(w, 1, "stopping");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_draft_asked_for_before_the_greeting_is_signed),
        TEST(a_draft_is_sent_again_to_the_next_signer),
        TEST(a_draft_that_ends_each_signer_is_given_up),
        TEST(a_signature_after_the_time_limit_is_told_apart_once),
        TEST(what_else_is_late_hides_no_signature),
        TEST(without_a_signer_the_breaker_opens_and_closes_by_itself),
        TEST(why_a_signer_does_not_fit_stays_visible),
        TEST(what_waits_at_the_end_is_told_to_retry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
