/* The admin socket with a client that sends what no command sends, and with rows that are damaged
 * or many: each message gets one answer, and pages end before a frame does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "ca/admin/admin.h"
#include "ca/store/alerts.h"
#include "ca/store/store_lmdb.h"
#include "lib/conn.h"
#include "lib/proto_agent.h"
#include "lib/proto_alert.h"
#include "lib/proto_preview.h"
#include "tests/unit/conf_help.h"
#include "tests/unit/store_help.h"

#define LIMIT_MS 60000

struct scene {
    struct fixture x;
    struct loop *loop;
    struct loop_timer *limit;
    struct workers *readers;
    struct authorities authorities;
    struct conf *conf;
    struct admin *admin;
    struct conn *conn; /* the client's */
    char socket[128];
    uint64_t id;
    unsigned answers; /* to this id */
    uint16_t type;
    struct buf body;
    struct fault fault;
};

/* ---- a client ---- */

static void on_answer(struct conn *conn, void *owner, const struct frame *frame)
{
    struct scene *s = owner;

    (void)conn;
    if (frame->id != s->id)
        return;
    s->answers++;
    s->type = frame->type;
    buf_reset(&s->body);
    buf_put_slice(&s->body, frame->body);
    fault_clear(&s->fault);
    if (frame->type == MSG_FAULT)
        assert_int_equal(fault_get(frame->body, &s->fault), 0);
    loop_stop(s->loop);
}

static void on_closed(struct conn *conn, void *owner)
{
    struct scene *s = owner;

    (void)conn;
    s->conn = NULL;
    loop_stop(s->loop);
}

static const struct permit permits[] = {
    {MSG_FAULT, FRAME_BODY_MAX, on_answer},
    {MSG_EXCEPTION_LISTED, FRAME_BODY_MAX, on_answer},
    {MSG_AGENT_LISTED, FRAME_BODY_MAX, on_answer},
    {MSG_LIST_PAGE, FRAME_BODY_MAX, on_answer},
};
static const struct conn_callbacks callbacks = {
    .permits = permits, .n_permits = 4, .closed = on_closed};

static void too_late(void *arg)
{
    (void)arg;
    fail_msg("there is no answer");
}

static void ask(struct scene *s, uint16_t type, struct slice body)
{
    s->id++;
    s->answers = 0;
    loop_timer_set(s->limit, LIMIT_MS);
    conn_send(s->conn, type, s->id, body, -1);
    loop_run(s->loop);
    loop_timer_clear(s->limit);
    if (s->conn == NULL || s->answers != 1)
        fail_msg("message %04x of %zu octets: no answer", type, body.n);
}

static int setup(void **state)
{
    struct scene *s = xcalloc(1, sizeof *s);
    struct fault f;
    int fd;

    fixture_open(&s->x, false);
    s->loop = loop_new();
    s->limit = loop_timer(s->loop, too_late, s);
    s->readers = workers_new(2);
    assert_int_equal(pthread_rwlock_init(&s->authorities.lock, NULL), 0);
    s->conf = conf_accepted("operators", "operators"); /* as it is */
    s->conf->operators[0].uid = getuid();
    s->conf->operators[0].role = ROLE_ADMIN;
    buf_init(&s->body, FRAME_BODY_MAX);
    (void)snprintf(s->socket, sizeof s->socket, "%s/admin.sock", s->x.dir);
    fd = listen_unix(s->socket, 0600, &f);
    assert_true(fd >= 0);
    s->admin = admin_new(&(struct admin_parts){.conf = s->conf,
                                               .loop = s->loop,
                                               .store = s->x.s,
                                               .authorities = &s->authorities,
                                               .readers = s->readers},
                         fd);
    fd = connect_unix(s->socket, &f);
    assert_true(fd >= 0);
    s->conn = conn_new(s->loop, fd, &callbacks, s);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;

    conn_close(s->conn);
    workers_free(s->readers);
    admin_free(s->admin);
    conf_free(s->conf);
    loop_timer_free(s->limit);
    loop_free(s->loop);
    (void)pthread_rwlock_destroy(&s->authorities.lock);
    buf_free(&s->body);
    fixture_remove(&s->x);
    free(s);
    return 0;
}

/* ---- what no command sends ---- */

/* Of these the descriptor is missing. */
static bool wants_file(uint16_t type)
{
    return type == MSG_CRL_INSTALL || type == MSG_BACKUP || type == MSG_POLICY_PREVIEW;
}

/* None of these is a message of its type. */
static void what_does_not_read_is_refused_and_the_connection_stays(void **state)
{
    static const uint16_t types[] = {
        MSG_LIST,
        MSG_LIST_LINES,
        MSG_SHOW,
        MSG_ANNOTATE,
        MSG_FILTER_SAVE,
        MSG_FILTER_LIST,
        MSG_TOKEN_CREATE,
        MSG_TOKEN_LIST,
        MSG_TOKEN_REVOKE,
        MSG_REQUEST_LIST,
        MSG_REQUEST_SHOW,
        MSG_REQUEST_APPROVE,
        MSG_REQUEST_DENY,
        MSG_IMPORT,
        MSG_BLOCK_LIST,
        MSG_UNBLOCK,
        MSG_OPEN,
        MSG_CLOSE,
        MSG_CRL_SHOW,
        MSG_CRL_PUBLISH,
        MSG_CRL_INSTALL,
        MSG_NOTIFY_TEST,
        MSG_NOTIFY_LIST,
        MSG_NOTIFY_SHOW,
        MSG_NOTIFY_DECIDE,
        MSG_AUDIT_READ,
        MSG_AUDIT_CHECKPOINTS,
        MSG_AUDIT_TILE,
        MSG_ALERT_LIST,
        MSG_ALERT_SHOW,
        MSG_ALERT_ACK,
        MSG_FINDING_LIST,
        MSG_FINDING_EXCEPT,
        MSG_EXCEPTION_LIST,
        MSG_CAMPAIGN_CHANGE,
        MSG_AGENT_LIST,
        MSG_AGENT_SHOW,
        MSG_PLACE_LIST,
        MSG_SCAN_RECORD,
        MSG_OBSERVATION_LIST,
        MSG_JOB_CHANGE,
        MSG_CAMPAIGN_COUNT,
        MSG_LINE_EXPLAIN,
        MSG_BACKUP,
        MSG_POLICY_PREVIEW,
    };
    static const uint8_t wrong[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct scene *s = *state;

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        for (size_t n = 1; n <= 3; n += 2) {
            ask(s, types[i], slice_of(wrong, wants_file(types[i]) ? 0 : n));
            assert_int_equal(s->type, MSG_FAULT);
            assert_int_equal(s->fault.code, FAULT_MALFORMED);
        }
    }
}

/* ---- pages ---- */

static void put_exceptions(struct scene *s, unsigned n)
{
    struct store_except e = {.row = {.created = 1, .until = INT64_MAX}};

    memset(e.row.reason, 'r', sizeof e.row.reason - 1);
    memset(e.row.by, 'b', sizeof e.row.by - 1);
    memset(e.row.approver, 'a', sizeof e.row.approver - 1);
    memset(e.row.subject, 's', sizeof e.row.subject - 1);
    for (unsigned i = 0; i < n; i++) {
        struct store_op op = {.kind = STORE_EXCEPT, .except = &e, .time = TEST_NOW};

        (void)snprintf(e.row.rule, sizeof e.row.rule, "%063u", i);
        assert_int_equal(store_do(s->x.s, &op), 0);
    }
}

static void exceptions_are_told_all_of_them_a_page_at_a_time(void **state)
{
    struct exception_query q = {.rule = ""};
    struct scene *s = *state;
    bool more = true;
    unsigned n = 0, pages = 0;
    struct buf b;

    put_exceptions(s, 2 * EXCEPTION_PAGE_MAX + 7);
    buf_init(&b, 512);
    for (; more; pages++) {
        struct exception_info e;
        struct wire_in w;
        uint32_t here;

        buf_reset(&b);
        exception_query_put(&b, &q);
        ask(s, MSG_EXCEPTION_LIST, buf_slice(&b));
        assert_int_equal(s->type, MSG_EXCEPTION_LISTED);
        wire_in_init(&w, buf_slice(&s->body));
        more = wire_get_flag(&w);
        here = wire_get_count(&w, EXCEPTION_PAGE_MAX, 1);
        for (uint32_t i = 0; i < here; i++) {
            char rule[64];

            exception_info_get(&w, &e);
            (void)snprintf(rule, sizeof rule, "%063u", n++);
            assert_string_equal(e.rule, rule);
        }
        assert_true(wire_in_done(&w));
        memcpy(q.rule, e.rule, sizeof q.rule);
        memcpy(q.subject, e.subject, sizeof q.subject);
    }
    assert_int_equal(n, 2 * EXCEPTION_PAGE_MAX + 7);
    assert_int_equal(pages, 3);
    buf_free(&b);
}

/* ---- damaged rows ---- */

static void put_row(struct scene *s, enum durable_dbi d, const void *key, size_t n)
{
    MDB_val k = val_of(key, n), v = val_of("x", 1);
    MDB_txn *t;

    assert_int_equal(mdb_txn_begin(s->x.s->env, NULL, 0, &t), 0);
    assert_int_equal(mdb_put(t, s->x.s->dbi[d], &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(t), 0);
}

static void a_damaged_row_is_no_shorter_list(void **state)
{
    struct exception_query q = {.rule = ""};
    struct agent_query agents = {.host = ""};
    static const uint8_t agent[IDENTITY_LEN + 1] = {7};
    struct scene *s = *state;
    struct buf b;

    put_exceptions(s, 3);
    put_row(s, D_EXCEPTION, "x", 1);
    put_row(s, D_INSTALLATION, agent, sizeof agent);
    buf_init(&b, 1024);
    exception_query_put(&b, &q);
    ask(s, MSG_EXCEPTION_LIST, buf_slice(&b));
    assert_int_equal(s->type, MSG_FAULT);
    assert_int_equal(s->fault.code, FAULT_INTERNAL);
    buf_reset(&b);
    agent_query_put(&b, &agents);
    ask(s, MSG_AGENT_LIST, buf_slice(&b));
    assert_int_equal(s->type, MSG_FAULT);
    assert_int_equal(s->fault.code, FAULT_INTERNAL);
    buf_free(&b);
}

#define SCENE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(what_does_not_read_is_refused_and_the_connection_stays),
        SCENE(exceptions_are_told_all_of_them_a_page_at_a_time),
        SCENE(a_damaged_row_is_no_shorter_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
