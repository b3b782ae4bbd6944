/* cerca-watch's files of channels, and its courier with a cerca-ca that answers nonsense, refuses
 * and goes away: what is due is delivered, told, and not sent again and again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "deliver/courier.h"
#include "deliver/transfer.h"
#include "lib/conn.h"
#include "lib/proto_watch.h"

#define LIMIT_MS 60000

struct ca {
    char dir[64];
    char sink[80]; /* a local syslog */
    char secret[80];
    int sink_fd;
    struct conf conf;
    struct conf_channel channel;
    struct loop *loop;
    struct listener *listener;
    struct conn *conn;
    struct loop_timer *limit;
    struct courier *courier;
    struct channel_keys *keys;
    unsigned due, told, accepted; /* questions and connections so far */
    unsigned due_before;          /* when the first outcome was refused */
};

static int setup(void **state)
{
    struct ca *c = xcalloc(1, sizeof *c);
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    (void)snprintf(c->dir, sizeof c->dir, "/tmp/cerca-deliver-test.XXXXXX");
    assert_non_null(mkdtemp(c->dir));
    (void)snprintf(c->sink, sizeof c->sink, "unix://%s/log", c->dir);
    (void)snprintf(c->secret, sizeof c->secret, "%s/secret", c->dir);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s/log", c->dir);
    c->sink_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(c->sink_fd, (const struct sockaddr *)&a, sizeof a), 0);
    c->channel = (struct conf_channel){.name = "log",
                                       .type = CHANNEL_SYSLOG,
                                       .tls = CHANNEL_TLS_NONE,
                                       .url = c->sink,
                                       .url_file = "",
                                       .secret_file = "",
                                       .user = "",
                                       .ca_file = "",
                                       .from = "",
                                       .timeout = 5,
                                       .give_up = 60};
    c->conf.sock_dir = c->dir;
    c->conf.base_url = "http://pki.example.com";
    c->conf.channels = &c->channel;
    c->conf.n_channels = 1;
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"log", "secret", "watch.sock", "fifo"};
    struct ca *c = *state;
    char path[128];

    close(c->sink_fd);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", c->dir, names[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(c->dir), 0);
    free(c);
    return 0;
}

/* ---- files ---- */

static void put_secret(const struct ca *c, const void *p, size_t n, unsigned mode)
{
    FILE *f;

    (void)unlink(c->secret);
    f = fopen(c->secret, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(c->secret, mode), 0);
}

static void assert_loads(struct ca *c, const char *rule)
{
    struct channel_keys *k = NULL;
    struct fault f;
    int rc;

    fault_clear(&f);
    rc = channels_load(&c->conf, &k, &f);
    assert_string_equal(f.rule, rule);
    assert_int_equal(rc, rule[0] == '\0' ? 0 : -FAULT_CONFIG);
    assert_true((k != NULL) == (rc == 0));
    if (k != NULL && c->channel.secret_file[0] != '\0')
        assert_string_equal(k->secret_text, "hush");
    assert_null(strstr(f.text, "hush")); /* no secret is said */
    channels_free(&c->conf, k);
}

static void secrets_are_one_line_that_nobody_else_may_read(void **state)
{
    struct ca *c = *state;
    char *long_one = xcalloc(1, CHANNEL_SECRET_MAX + 1);
    char fifo[128];

    c->channel.secret_file = c->secret;
    assert_loads(c, "channel.secret"); /* there is none */
    put_secret(c, "hush\r\n", 6, 0600);
    assert_loads(c, "");
    put_secret(c, "hush", 4, 0640);
    assert_loads(c, "channel.secret");
    put_secret(c, "hush", 4, 0604);
    assert_loads(c, "channel.secret");
    put_secret(c, "\n\n", 2, 0600);
    assert_loads(c, "channel.secret");
    put_secret(c, "hush\nhush\n", 10, 0600);
    assert_loads(c, "channel.secret");
    put_secret(c, "hush\0x", 6, 0600);
    assert_loads(c, "channel.secret");
    memset(long_one, 'x', CHANNEL_SECRET_MAX + 1);
    put_secret(c, long_one, CHANNEL_SECRET_MAX + 1, 0600);
    assert_loads(c, "channel.secret");
    c->channel.secret_file = c->dir; /* a folder */
    assert_loads(c, "channel.secret");
    (void)snprintf(fifo, sizeof fifo, "%s/fifo", c->dir); /* nobody waits for its other end */
    assert_int_equal(mkfifo(fifo, 0600), 0);
    c->channel.secret_file = fifo;
    assert_loads(c, "channel.secret");
    free(long_one);
}

static void urls_of_files_are_checked_and_not_said(void **state)
{
    struct ca *c = *state;

    c->channel.url = "";
    c->channel.url_file = c->secret;
    assert_loads(c, "channel.secret");
    put_secret(c, "gopher://hush/\n", 15, 0600);
    assert_loads(c, "channel.url");
    put_secret(c, "udp://127.0.0.1:514\n", 20, 0600);
    assert_loads(c, "");
    c->channel.ca_file = c->sink; /* no such file */
    assert_loads(c, "channel.ca");
}

/* ---- a cerca-ca of ours ---- */

static void answer(struct ca *c, const struct frame *q, uint16_t type, const struct buf *body)
{
    conn_send(c->conn, type, q->id, body == NULL ? SLICE_NONE : buf_slice(body), -1);
    conn_send(c->conn, MSG_WATCH_WAKE, 0, SLICE_NONE, -1); /* look again at once */
}

static void answer_one_notice(struct ca *c, const struct frame *q)
{
    struct notice *n = xcalloc(1, sizeof *n);
    struct buf b;

    n->number = 7;
    n->kind = NOTICE_RAISED;
    n->severity = SEVERITY_WARNING;
    n->time = 1700000000;
    (void)snprintf(n->id, sizeof n->id, "id-7");
    (void)snprintf(n->rule, sizeof n->rule, "expiry");
    (void)snprintf(n->summary, sizeof n->summary, "something ends");
    buf_init(&b, FRAME_BODY_MAX);
    wire_put_i64(&b, INT64_MIN);
    wire_put_u32(&b, 1);
    due_item_put(&b, 0, "", n);
    conn_send(c->conn, MSG_WATCH_DUE_ARE, q->id, buf_slice(&b), -1);
    buf_free(&b);
    free(n);
}

static void on_due(struct conn *conn, void *owner, const struct frame *q)
{
    struct ca *c = owner;
    struct buf b;

    (void)conn;
    buf_init(&b, 1024);
    switch (++c->due) {
    case 1: /* a fault that does not read */
        buf_put_str(&b, "x");
        answer(c, q, MSG_FAULT, &b);
        break;
    case 2: /* the answer to another question */
        answer(c, q, MSG_WATCH_NOTED, NULL);
        break;
    case 3: /* one that is cut off */
        wire_put_i64(&b, 0);
        wire_put_u32(&b, WATCH_DUE_MAX);
        buf_put_str(&b, "not that many");
        answer(c, q, MSG_WATCH_DUE_ARE, &b);
        break;
    case 4: /* an answer to no question, then none */
        conn_send(c->conn, MSG_WATCH_DUE_ARE, q->id + 99, SLICE_NONE, -1);
        wire_put_i64(&b, INT64_MAX);
        wire_put_u32(&b, 0);
        answer(c, q, MSG_WATCH_DUE_ARE, &b);
        break;
    default:
        answer_one_notice(c, q);
    }
    buf_free(&b);
}

static void look_again(void *arg)
{
    struct ca *c = arg;

    c->due_before = c->due - c->due_before; /* questions since */
    conn_send(c->conn, MSG_WATCH_WAKE, 0, SLICE_NONE, -1);
}

static void on_outcome(struct conn *conn, void *owner, const struct frame *q)
{
    struct ca *c = owner;
    struct outcome o;
    struct fault f;

    assert_int_equal(outcome_get(q->body, &o), 0);
    assert_int_equal(o.number, 7);
    assert_int_equal(o.kind, OUTCOME_DELIVERED);
    assert_string_equal(o.channel, "log");
    switch (++c->told) {
    case 1: /* refused for good: it is due as before */
        (void)fault_set(&f, FAULT_INTERNAL, "store.damaged", "a row is damaged");
        conn_send_fault(conn, q->id, &f);
        c->due_before = c->due;
        loop_timer_free(c->limit);
        c->limit = loop_timer(c->loop, look_again, c);
        loop_timer_set(c->limit, 300);
        break;
    case 2: /* gone before it is noted */
        conn_close(conn);
        c->conn = NULL;
        break;
    default:
        conn_send(conn, MSG_WATCH_NOTED, q->id, SLICE_NONE, -1);
        loop_stop(c->loop);
    }
}

static void on_closed(struct conn *conn, void *owner)
{
    struct ca *c = owner;

    (void)conn;
    c->conn = NULL;
}

static const struct permit permits[] = {{MSG_WATCH_DUE, 128, on_due},
                                        {MSG_WATCH_OUTCOME, 1024, on_outcome}};
static const struct conn_callbacks callbacks = {
    .permits = permits, .n_permits = 2, .closed = on_closed};

static void on_accepted(void *arg, int fd, const struct conn_peer *peer)
{
    struct ca *c = arg;

    (void)peer;
    c->accepted++;
    c->conn = conn_new(c->loop, fd, &callbacks, c);
}

static void too_late(void *arg)
{
    (void)arg;
    fail_msg("nothing more happens");
}

static unsigned delivered(const struct ca *c)
{
    char text[4096];
    unsigned n = 0;

    while (recv(c->sink_fd, text, sizeof text, 0) > 0)
        n++;
    return n;
}

static void a_courier_outlives_what_cerca_ca_says(void **state)
{
    struct ca *c = *state;
    struct loop_timer *late;
    struct buf path;
    struct fault f;
    int fd;

    c->loop = loop_new();
    buf_init(&path, 256);
    conf_watch_socket(&c->conf, &path);
    fd = listen_unix(buf_cstr(&path), 0600, &f);
    assert_true(fd >= 0);
    c->listener = listener_new(c->loop, fd, on_accepted, c);
    assert_int_equal(channels_load(&c->conf, &c->keys, &f), 0);
    assert_int_equal(transfers_prepare(&f), 0);
    assert_int_equal(courier_new(c->loop, &c->conf, c->keys, &c->courier, &f), 0);
    late = loop_timer(c->loop, too_late, c);
    loop_timer_set(late, LIMIT_MS);
    loop_run(c->loop);
    assert_int_equal(c->told, 3);
    assert_int_equal(c->accepted, 2);
    assert_int_equal(c->due_before, 0); /* refused, it did not ask before it was woken */
    assert_int_equal(delivered(c), 2);  /* not again for want of an answer */
    courier_drain(c->courier);
    assert_true(courier_busy(c->courier) <= 1);
    loop_timer_free(late);
    loop_timer_free(c->limit);
    courier_free(c->courier);
    conn_close(c->conn);
    listener_free(c->listener);
    channels_free(&c->conf, c->keys);
    transfers_forget();
    loop_free(c->loop);
    buf_free(&path);
}

#define CA(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CA(secrets_are_one_line_that_nobody_else_may_read),
        CA(urls_of_files_are_checked_and_not_said),
        CA(a_courier_outlives_what_cerca_ca_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
