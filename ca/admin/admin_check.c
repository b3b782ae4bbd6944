/* `cerca store check` while serving: a thread of its own, one at a time, that
 * tells its progress and findings as it goes. */
#include "ca/admin/admin_inner.h"
#include "ca/admin/record_check.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/log.h"

#define PROGRESS_EVERY_US 200000

struct check {
    struct ask *ask;
    uint64_t told_us;
    uint64_t findings;
};

struct note {
    struct ask *ask;
    uint16_t type;
    struct buf body;
};

static void send_note(void *arg)
{
    struct note *n = arg;

    if (n->ask->client->conn != NULL)
        conn_send(n->ask->client->conn, n->type, n->ask->id, buf_slice(&n->body), -1);
    buf_free(&n->body);
    free(n);
}

static struct note *note_new(struct check *c, uint16_t type)
{
    struct note *n = xcalloc(1, sizeof(*n));

    n->ask = c->ask;
    n->type = type;
    buf_init(&n->body, 4096);
    return n;
}

static bool tell_progress(void *arg, const char *what, uint64_t part, uint64_t total)
{
    struct check *c = arg;
    uint64_t now = clock_mono_us();
    struct note *n;

    if (__atomic_load_n(&c->ask->client->admin->draining, __ATOMIC_RELAXED))
        return false;
    if (part < total && now - c->told_us < PROGRESS_EVERY_US)
        return true;
    c->told_us = now;
    n = note_new(c, MSG_CHECK_PROGRESS);
    check_progress_put(&n->body, what, part, total);
    loop_post(c->ask->client->admin->parts.loop, send_note, n);
    return true;
}

static void tell_finding(void *arg, const char *rule, const char *text)
{
    struct check *c = arg;
    struct note *n = note_new(c, MSG_CHECK_FINDING);

    log_error("store.finding", "rule", rule, "text", text, NULL);
    check_finding_put(&n->body, rule, text);
    loop_post(c->ask->client->admin->parts.loop, send_note, n);
}

static void check_ended(void *arg)
{
    struct check *c = arg;
    struct ask *q = c->ask;
    struct admin *a = q->client->admin;

    end_check(a);
    if (q->fault.code != FAULT_NONE) {
        ask_fail(q, &q->fault);
    } else {
        check_done_put(&q->out, c->findings);
        ask_answer(q, MSG_CHECK_DONE, buf_slice(&q->out));
    }
    free(c);
}

static void *check_main(void *arg)
{
    struct check *c = arg;
    const struct admin_parts *parts = &c->ask->client->admin->parts;
    struct store_check_report report = {c, tell_progress, tell_finding};
    struct fault *f = &c->ask->fault;

    if (store_check(parts->store, &report, &c->findings, f) != 0 ||
        record_check(parts->conf, parts->store, &report, &c->findings, f) != 0)
        log_fault(LOG_LEVEL_ERROR, "store.check.failed", f, NULL);
    loop_post(parts->loop, check_ended, c);
    return NULL;
}

void start_check(struct ask *q)
{
    struct admin *a = q->client->admin;
    struct check *c;

    if (a->checking) {
        (void)fault_unavailable(&q->fault, 10, "check.running",
                                "a store check is running already, retry after 10 s");
        ask_fail(q, &q->fault);
        return;
    }
    c = xcalloc(1, sizeof(*c));
    c->ask = q;
    if (pthread_create(&a->checker, NULL, check_main, c) != 0) {
        (void)fault_unavailable(&q->fault, 10, "check.thread", "no thread for the check");
        ask_fail(q, &q->fault);
        free(c);
        return;
    }
    a->checking = true;
}

void end_check(struct admin *a)
{
    if (!a->checking)
        return;
    pthread_join(a->checker, NULL);
    a->checking = false;
}
