/* How far the change sequence is evaluated, as a mark in the table of alerts: what a whole
 * evaluation does not see again, a stranger that is not the newest of its line, is not lost with a
 * process. */
#include "ca/lifecycle/evaluate_inner.h"

#include <stdio.h>

#include "lib/clock.h"

#define EVERY_US UINT64_C(10000000)

static const struct alert mark_row = {.rule = "evaluated", .state = ALERT_MARK};

int evaluator_mark_load(struct evaluator *e, uint64_t newest, struct fault *f)
{
    uint8_t key[ALERT_KEY];
    struct alert mark;
    int rc;

    alert_key(mark_row.rule, mark_row.subject, key);
    rc = store_alert_get(e->parts.judge.store, key, &mark, f);
    e->change = newest;
    e->marked = UINT64_MAX; /* it is written at once, so that there is one */
    if (rc == 0 && mark.epoch >= 0 && (uint64_t)mark.epoch < newest)
        e->change = (uint64_t)mark.epoch;
    if (rc == -FAULT_NOT_FOUND)
        fault_clear(f);
    return rc == -FAULT_NOT_FOUND ? 0 : rc;
}

int evaluator_mark_keep(struct evaluator *e, int64_t now, struct fault *f)
{
    uint64_t mono = clock_mono_us();
    struct alert row = mark_row;
    struct store_mark q = {.mark = &row};
    struct store_op op = {.kind = STORE_MARK, .time = now, .mark = &q};

    if (e->change == e->marked || (e->marked_us != 0 && mono - e->marked_us < EVERY_US))
        return 0;
    row.epoch = (int64_t)e->change;
    row.first_seen = now;
    if (store_do(e->parts.judge.store, &op) != 0) {
        *f = op.fault;
        return op.result;
    }
    e->marked = e->change;
    e->marked_us = mono;
    return 0;
}
