#include "agent/work.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/deploy/deploy.h"
#include "agent/steps.h"
#include "lib/clock.h"
#include "lib/key.h"
#include "lib/log.h"
#include "lib/step.h"

/* ---- folder, lock ---- */

static int make_folder(const char *path, struct fault *f)
{
    /* Services that are nobody reach their files through it. */
    if ((mkdir(path, 0711) == 0 && chmod(path, 0711) == 0) || errno == EEXIST)
        return 0;
    return fault_set(f, errno == ENOSPC || errno == EDQUOT ? FAULT_FULL : FAULT_INTERNAL,
                     "agent.files", "%.150s: %s", path, strerror(errno));
}

int work_folder(const struct agent_cert *c, struct fault *f)
{
    char above[PATH_MAX];
    size_t n = strlen(c->state_dir) - strlen(c->name) - 1;
    int rc;

    (void)snprintf(above, sizeof(above), "%.*s", (int)n, c->state_dir);
    rc = make_folder(above, f);
    return rc == 0 ? make_folder(c->state_dir, f) : rc;
}

int work_lock(const struct agent_cert *c, struct fault *f)
{
    char path[PATH_MAX];
    int fd, rc = work_folder(c, f);

    if (rc != 0)
        return rc;
    if (snprintf(path, sizeof(path), "%s/lock", c->state_dir) >= (int)sizeof(path))
        return fault_set(f, FAULT_CONFIG, "agent.files", "the path of the state is too long");
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fault_set(f, FAULT_INTERNAL, "agent.files", "%.150s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    (void)close(fd);
    return fault_set(f, FAULT_CONFLICT, "agent.busy", "another process works on %s", c->name);
}

/* ---- steps ---- */

/* Where tests kill: the state is durable, its step not begun. */
static void pass(enum agent_state s)
{
    switch (s) {
    case STATE_DUE:
        STEP("agent-due");
        break;
    case STATE_KEY:
        STEP("agent-key");
        break;
    case STATE_CSR:
        STEP("agent-csr");
        break;
    case STATE_SUBMITTED:
        STEP("agent-submitted");
        break;
    case STATE_ISSUED:
        STEP("agent-issued");
        break;
    case STATE_STAGED:
        STEP("agent-staged");
        break;
    case STATE_INSTALLED:
        STEP("agent-installed");
        break;
    case STATE_RELOADED:
        STEP("agent-reloaded");
        break;
    case STATE_VERIFIED:
        STEP("agent-verified");
        break;
    case STATE_ROLLED_BACK:
        STEP("agent-rolled-back");
        break;
    default:
        break;
    }
}

static int move(struct work *w, enum agent_state to, struct fault *f)
{
    if (to != w->r.state) {
        log_info("agent.state", "entry", w->c->name, "state", agent_state_word(to), "from",
                 agent_state_word(w->r.state), NULL);
        w->r.state = to;
        w->r.since = clock_now();
    }
    if (record_save(w->c, &w->r, f) != 0)
        return -(int)f->code;
    pass(to);
    return 0;
}

static void tell_failed(struct work *w, const struct fault *why)
{
    struct fault f = {0};

    if (w->r.state == STATE_STUCK && deploy_hook(w->c, DEPLOY_FAILED, why, &f) != 0)
        log_fault(LOG_LEVEL_ERROR, "agent.hook", &f, "entry", w->c->name, NULL);
}

/* `f` stays what went wrong; what of it cannot be written is logged. True: goes on at once. */
static bool fail(struct work *w, const struct fault *why)
{
    struct state_failure after;
    enum agent_state was = w->r.state;
    struct fault f = {0};
    uint64_t random;

    random_bytes(&random, sizeof(random));
    after = state_fail(&w->r, why, w->retry_after, clock_now(), random);
    if (w->bad == STATE_ROLLED_BACK)
        after.state = STATE_ROLLED_BACK;
    w->r.failures++;
    w->r.next = after.next;
    w->r.resume = after.resume;
    w->r.rolling = after.state == STATE_ROLLED_BACK;
    (void)snprintf(w->r.rule, sizeof(w->r.rule), "%s", why->rule);
    (void)snprintf(w->r.reason, sizeof(w->r.reason), "%s", why->text);
    log_fault(after.loud ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, "agent.failed", why, "entry",
              w->c->name, "doing", state_row(was)->does, "again", log_num(after.next - clock_now()),
              NULL);
    if (move(w, after.state, &f) != 0)
        log_fault(LOG_LEVEL_ERROR, "agent.files", &f, "entry", w->c->name, NULL);
    tell_failed(w, why);
    return w->r.rolling && was != STATE_ROLLED_BACK;
}

static enum work_result result_of(const struct record *r, struct fault *f)
{
    bool failing = r->failures > 0 || agent_state_fails(r->state);

    if (r->state == STATE_AWAITING_APPROVAL) {
        fault_set(f, FAULT_PENDING, "est.pending", "%s", r->reason);
        return WORK_PENDING;
    }
    if (!failing)
        return WORK_WELL;
    if (f->code == FAULT_NONE)
        fault_set(f, agent_state_fails(r->state) ? FAULT_INTERNAL : FAULT_UNAVAILABLE, r->rule,
                  "%s", r->reason);
    return agent_state_fails(r->state) ? WORK_FAILED : WORK_WAITS;
}

/* What was ordered goes on where it stands; what waits does so no longer. */
static void take_order(struct work *w)
{
    if (w->order.now || w->order.look)
        w->r.next = 0;
    if (w->order.fresh_key)
        w->r.fresh_key = true;
}

static enum work_result work_locked(struct work *w, struct fault *f)
{
    take_order(w);
    while (w->r.next <= clock_now() || w->r.rolling) {
        int rc = step_do(w, f);

        if (rc < 0) {
            if (fail(w, f))
                continue;
            return result_of(&w->r, f);
        }
        if (rc == 0 && w->to != STATE_AWAITING_APPROVAL)
            w->r.next = 0;
        if (w->r.state != STATE_TRACKED)
            w->order.now = false; /* it is being carried out */
        if (move(w, rc == 0 ? w->to : w->r.state, f) != 0) {
            log_fault(LOG_LEVEL_ERROR, "agent.files", f, "entry", w->c->name, NULL);
            return WORK_FAILED;
        }
        if (rc == STEP_WAITS)
            break;
    }
    fault_clear(f);
    return result_of(&w->r, f);
}

enum work_result work_on(const struct agent_cert *c, const struct work_order *o, struct record *r,
                         struct fault *f)
{
    struct work w = {.c = c, .order = *o};
    enum work_result result;
    int lock = work_lock(c, f);

    if (lock < 0)
        return lock == -FAULT_CONFLICT ? WORK_BUSY : WORK_FAILED;
    result = WORK_FAILED;
    if (record_load(c, &w.r, f) == 0)
        result = work_locked(&w, f);
    if (r != NULL)
        *r = w.r;
    (void)close(lock);
    return result;
}
