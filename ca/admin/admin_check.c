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

static bool tell_progress(void *arg, const char *what, uint64_t part, uint64_t total)
{
    struct check *c = arg;
    uint64_t now = clock_mono_us();
    struct buf body;

    if (__atomic_load_n(&c->ask->client->admin->draining, __ATOMIC_RELAXED))
        return false;
    if (part < total && now - c->told_us < PROGRESS_EVERY_US)
        return true;
    c->told_us = now;
    buf_init(&body, 4096);
    check_progress_put(&body, what, part, total);
    ask_note(c->ask, MSG_CHECK_PROGRESS, &body);
    return true;
}

static void tell_finding(void *arg, const char *rule, const char *text)
{
    struct check *c = arg;
    struct buf body;

    log_error("store.finding", "rule", rule, "text", text, NULL);
    buf_init(&body, 4096);
    check_finding_put(&body, rule, text);
    ask_note(c->ask, MSG_CHECK_FINDING, &body);
}

static void check_ended(void *arg)
{
    struct check *c = arg;
    struct ask *q = c->ask;
    struct admin *a = q->client->admin;

    long_end(&a->check);
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

    c = xcalloc(1, sizeof(*c));
    c->ask = q;
    if (long_start(&a->check, "a store check", check_main, c, &q->fault) == 0)
        return;
    ask_fail(q, &q->fault);
    free(c);
}
