#include "agent/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/due.h"
#include "agent/entries.h"
#include "agent/report.h"
#include "agent/work.h"
#include "lib/clock.h"
#include "lib/key.h"
#include "lib/log.h"
#include "lib/loop.h"

#define WAKE "wake"
#define SETTLE_MS 300 /* files of a change come one after the other */
#define BUSY_AGAIN 20 /* seconds: a command works on that entry */
#define REPORT_SOON 5 /* seconds after something has changed */
#define NEVER INT64_MAX

struct slot {
    char *name;
    int64_t next;
    unsigned failures;  /* of workers that could write nothing down */
    uint8_t digest[32]; /* of its configuration (agent_cert) */
    bool look, looking; /* ... which is another since somebody worked on it; somebody does now */
    pid_t pid;          /* 0: nobody works on it */
};

struct daemon {
    struct loop *loop;
    struct agent_conf *conf;
    const char *state_dir; /* as given, NULL: the configuration's */
    struct slot *slots;
    size_t n_slots, running;
    struct slot report;
    bool looks;          /* the report under way looks at folders too */
    int64_t looked_next; /* when one should again */
    int timer, notes, lock;
    int watch_state;
    struct loop_watch *timer_watch, *notes_watch;
    struct loop_timer *settle;
    bool stopping;
};

static void plan(struct daemon *d);

/* ---- workers ---- */

static void be_worker(void)
{
    sigset_t none;

    for (int s = 1; s < SIGRTMIN; s++)
        (void)signal(s, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

static enum work_result work(const struct daemon *d, const struct slot *s)
{
    const struct work_order order = {.timeout = d->conf->timeout, .look = s->look};
    struct fault f = {0};
    struct entry e;

    return entries_find(d->conf, s->name, &e) ? entry_work(&e, &order, NULL, &f) : WORK_WELL;
}

/* It waits until there is a certificate to tell with. */
static enum work_result tell(const struct daemon *d)
{
    struct fault f = {0};

    if (report_send(d->conf, d->looks, &f) == 0)
        return WORK_WELL;
    if (f.code == FAULT_NOT_FOUND)
        return WORK_WAITS;
    log_fault(LOG_LEVEL_WARN, "agent.report", &f, NULL);
    return WORK_FAILED;
}

static void start(struct daemon *d, struct slot *s)
{
    pid_t pid;

    d->looks = s == &d->report ? d->looked_next <= clock_now() : d->looks;
    pid = fork();
    if (pid == 0) {
        be_worker();
        _exit((int)(s == &d->report ? tell(d) : work(d, s)));
    }
    if (pid < 0) {
        log_error("agent.worker", "text", strerror(errno), NULL);
        s->next = clock_now() + BUSY_AGAIN;
        return;
    }
    s->pid = pid;
    s->looking = s->look;
    s->look = false;
    d->running++;
}

/* ---- when ---- */

static void read_next(struct daemon *d, struct slot *s)
{
    struct entry e;
    struct record r;
    struct fault f;

    s->next = 0;
    if (s->look || !entries_find(d->conf, s->name, &e) || record_load(e.as, &r, &f) != 0)
        return;
    s->next = r.rolling ? 0 : r.next;
    /* Sources are asked as often as is configured now, whatever was when they last were. */
    if (e.trust != NULL && s->next > clock_now() + e.trust->every)
        s->next = clock_now() + e.trust->every;
}

static void want_report(struct daemon *d, int64_t when)
{
    if (d->conf->report && d->report.next > when)
        d->report.next = when;
}

/* What a worker has left behind says when the next one is needed. */
static void settle_entry(struct daemon *d, struct slot *s, int status)
{
    int64_t now = clock_now();
    uint64_t random;

    read_next(d, s);
    if (status == WORK_BUSY) {
        s->look = s->look || s->looking;
        s->next = now + BUSY_AGAIN;
    } else if (s->next <= now && !s->look) {
        /* It could not even be written down. */
        random_bytes(&random, sizeof(random));
        s->failures++;
        s->next = now + backoff(s->failures, 0, 0, random);
    } else {
        s->failures = 0;
    }
    want_report(d, now + REPORT_SOON);
}

static void settle_report(struct daemon *d, int status)
{
    uint64_t random;

    random_bytes(&random, sizeof(random));
    if (status == WORK_WELL && d->looks)
        d->looked_next = clock_now() + d->conf->report_every;
    if (status == WORK_WELL || status == WORK_WAITS) {
        d->report.failures = 0;
        d->report.next = clock_now() + d->conf->report_every;
        if (status == WORK_WELL && d->conf->n_scan > 0 && d->report.next > d->looked_next)
            d->report.next = d->looked_next;
    } else {
        d->report.failures++;
        d->report.next =
            clock_now() + backoff(d->report.failures, d->conf->report_every, 0, random);
    }
}

static struct slot *slot_of(struct daemon *d, pid_t pid)
{
    if (d->report.pid == pid)
        return &d->report;
    for (size_t i = 0; i < d->n_slots; i++)
        if (d->slots[i].pid == pid)
            return &d->slots[i];
    return NULL;
}

static void on_child(void *arg, int signo)
{
    struct daemon *d = arg;
    int status;
    pid_t pid;

    (void)signo;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct slot *s = slot_of(d, pid);
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : WORK_FAILED;

        d->running -= d->running > 0;
        if (s == NULL)
            continue; /* of an entry that is no more */
        s->pid = 0;
        if (s == &d->report)
            settle_report(d, code);
        else
            settle_entry(d, s, code);
    }
    if (d->stopping && d->running == 0)
        loop_stop(d->loop);
    plan(d);
}

/* Wakes at that time of the wall clock, and when somebody sets it. */
static void set_timer(struct daemon *d, int64_t when)
{
    struct itimerspec t = {0};

    if (when != NEVER)
        t.it_value.tv_sec = (time_t)clock_system(when);
    if (when != NEVER && t.it_value.tv_sec <= 0)
        t.it_value.tv_sec = 1;
    if (timerfd_settime(d->timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &t, NULL) != 0)
        log_error("agent.timer", "text", strerror(errno), NULL);
}

static void plan(struct daemon *d)
{
    int64_t now = clock_now(), first = NEVER;

    for (size_t i = 0; i <= d->n_slots && !d->stopping; i++) {
        struct slot *s = i < d->n_slots ? &d->slots[i] : &d->report;

        if (s->pid != 0)
            continue;
        if (s->next <= now && d->running < d->conf->workers)
            start(d, s);
        if (s->pid == 0 && s->next > now && s->next < first)
            first = s->next;
    }
    set_timer(d, first);
}

static void on_timer(void *arg, unsigned ready)
{
    struct daemon *d = arg;
    uint64_t times;

    (void)ready;
    if (read(d->timer, &times, sizeof(times)) < 0 && errno == ECANCELED) {
        d->looked_next = 0; /* the clock was set: what was written may lie ahead */
        for (size_t i = 0; i < d->n_slots; i++)
            if (d->slots[i].pid == 0)
                read_next(d, &d->slots[i]);
    }
    plan(d);
}

/* ---- configuration ---- */

/* What was changed or taken away while no daemon was there to see it. What has failed waits as long
 * as it would have: who is started again and again asks the CA no more often. */
static void look_at_all(struct daemon *d)
{
    for (size_t i = 0; i < d->n_slots; i++) {
        struct slot *s = &d->slots[i];
        struct entry e;
        struct record r;
        struct fault f;

        s->look = entries_find(d->conf, s->name, &e) && e.trust == NULL &&
                  record_load(e.as, &r, &f) == 0 && r.state == STATE_VERIFIED && r.failures == 0;
        read_next(d, s);
    }
}

/* An entry whose configuration has changed is looked at, however long it would wait. */
static void take_slot(struct slot *s, const struct agent_cert *c, const struct slot *old, size_t n)
{
    s->name = xstrdup(c->name);
    memcpy(s->digest, c->digest, sizeof(s->digest));
    for (size_t k = 0; k < n; k++) {
        if (strcmp(old[k].name, s->name) != 0)
            continue;
        s->pid = old[k].pid;
        s->looking = old[k].looking;
        s->look = old[k].look || memcmp(old[k].digest, s->digest, sizeof(s->digest)) != 0;
    }
}

static void take_slots(struct daemon *d)
{
    struct slot *old = d->slots;
    size_t n_old = d->n_slots;

    d->n_slots = entries_count(d->conf);
    d->slots = xcalloc(d->n_slots + 1, sizeof(*d->slots));
    for (size_t i = 0; i < d->n_slots; i++) {
        take_slot(&d->slots[i], entries_at(d->conf, i).as, old, n_old);
        read_next(d, &d->slots[i]);
    }
    for (size_t k = 0; k < n_old; k++)
        free(old[k].name);
    free(old);
    d->report.next = d->conf->report ? d->report.next : NEVER;
}

static void say_bad(const struct agent_conf *c)
{
    for (size_t i = 0; i < c->n_bad; i++)
        log_fault(LOG_LEVEL_ERROR, "agent.conf", &c->bad[i].why, "entry", c->bad[i].name, NULL);
}

/* A folder that is made only now is watched from now on. What is watched already stays so. */
static void watch_folders(const struct daemon *d)
{
    static const char *const folders[] = {"", "/conf.d", "/trust.d"};
    char path[PATH_MAX];

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        (void)snprintf(path, sizeof(path), "%.4000s%s", d->conf->dir, folders[i]);
        (void)inotify_add_watch(d->notes, path,
                                IN_CREATE | IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVED_TO |
                                    IN_MOVED_FROM | IN_DELETE);
    }
}

static void reload(struct daemon *d)
{
    struct agent_conf *c;
    struct fault f;

    watch_folders(d);
    if (agent_conf_load(d->conf->dir, d->state_dir, &c, &f) != 0) {
        log_fault(LOG_LEVEL_ERROR, "agent.conf", &f, NULL);
        return;
    }
    agent_conf_free(d->conf);
    d->conf = c;
    say_bad(c);
    take_slots(d);
    d->looked_next = 0;
    want_report(d, clock_now() + REPORT_SOON);
    log_info("agent.conf", "entries", log_num((int64_t)entries_count(c)), NULL);
}

static void on_settled(void *arg)
{
    struct daemon *d = arg;

    reload(d);
    plan(d);
}

static void on_hup(void *arg, int signo)
{
    (void)signo;
    on_settled(arg);
}

/* Entries that a command has changed are read again. */
static void on_notes(void *arg, unsigned ready)
{
    struct daemon *d = arg;
    char room[4096] __attribute__((aligned(8)));
    bool conf = false, woken = false;
    ssize_t n = read(d->notes, room, sizeof(room));

    (void)ready;
    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *e = (const struct inotify_event *)(const void *)(room + at);

        /* A file that was just made is not written yet. */
        conf = conf || (e->wd != d->watch_state &&
                        ((e->mask & IN_CREATE) == 0 || (e->mask & IN_ISDIR) != 0));
        woken = woken || (e->wd == d->watch_state && e->len > 0 && strcmp(e->name, WAKE) == 0);
        at += (ssize_t)(sizeof(*e) + e->len);
    }
    if (conf)
        loop_timer_set(d->settle, SETTLE_MS);
    if (!woken)
        return;
    for (size_t i = 0; i < d->n_slots; i++)
        if (d->slots[i].pid == 0)
            read_next(d, &d->slots[i]);
    want_report(d, clock_now() + REPORT_SOON);
    plan(d);
}

static void watch(struct daemon *d)
{
    d->notes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (d->notes < 0) {
        log_warn("agent.watch", "text", strerror(errno), NULL);
        return;
    }
    watch_folders(d);
    d->watch_state = inotify_add_watch(d->notes, d->conf->state_dir, IN_CLOSE_WRITE);
    d->notes_watch = loop_watch(d->loop, d->notes, LOOP_READ, on_notes, d);
}

void daemon_wake(const struct agent_conf *c)
{
    char path[PATH_MAX];
    int fd;

    (void)snprintf(path, sizeof(path), "%.4000s/" WAKE, c->state_dir);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0)
        (void)close(fd);
}

/* ---- beginning and end ---- */

static int take_lock(struct daemon *d, struct fault *f)
{
    const char *state = d->conf->state_dir;
    char path[PATH_MAX];

    (void)snprintf(path, sizeof(path), "%.4000s/daemon.lock", state);
    if (mkdir(state, 0711) == 0)
        (void)chmod(state, 0711);
    d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d->lock < 0)
        return fault_set(f, FAULT_INTERNAL, "agent.files", "%.150s: %s", path, strerror(errno));
    if (flock(d->lock, LOCK_EX | LOCK_NB) != 0)
        return fault_set(f, FAULT_CONFLICT, "agent.busy", "another agent runs on %.150s", state);
    return 0;
}

static void on_stop(void *arg, int signo)
{
    struct daemon *d = arg;
    bool again = d->stopping;

    log_info("agent.stopping", "signal", strsignal(signo), NULL);
    d->stopping = true;
    set_timer(d, NEVER);
    for (size_t i = 0; again && i < d->n_slots; i++)
        if (d->slots[i].pid > 0)
            (void)kill(d->slots[i].pid, SIGTERM);
    if (again || d->running == 0)
        loop_stop(d->loop);
}

static int set_up(struct daemon *d, struct fault *f)
{
    int rc = take_lock(d, f);

    if (rc != 0)
        return rc;
    d->timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (d->timer < 0)
        return fault_set(f, FAULT_INTERNAL, "agent.timer", "timerfd: %s", strerror(errno));
    d->loop = loop_new();
    d->timer_watch = loop_watch(d->loop, d->timer, LOOP_READ, on_timer, d);
    d->settle = loop_timer(d->loop, on_settled, d);
    loop_signal(d->loop, SIGTERM, on_stop, d);
    loop_signal(d->loop, SIGINT, on_stop, d);
    loop_signal(d->loop, SIGHUP, on_hup, d);
    loop_signal(d->loop, SIGCHLD, on_child, d);
    watch(d);
    return 0;
}

static void tear_down(struct daemon *d)
{
    if (d->loop != NULL) {
        if (d->notes_watch != NULL)
            loop_unwatch(d->notes_watch);
        loop_unwatch(d->timer_watch);
        loop_timer_free(d->settle);
        loop_free(d->loop);
    }
    if (d->notes >= 0)
        (void)close(d->notes);
    if (d->timer >= 0)
        (void)close(d->timer);
    if (d->lock >= 0)
        (void)close(d->lock);
    for (size_t i = 0; i < d->n_slots; i++)
        free(d->slots[i].name);
    free(d->slots);
    agent_conf_free(d->conf);
}

/* What was written after it was read, and before anybody watched. */
static void read_again(struct daemon *d)
{
    struct agent_conf *c;
    struct fault f;

    if (agent_conf_load(d->conf->dir, d->state_dir, &c, &f) != 0)
        return;
    agent_conf_free(d->conf);
    d->conf = c;
}

int daemon_run(struct agent_conf *c, const char *state_dir, struct fault *f)
{
    struct daemon d = {.conf = c, .state_dir = state_dir, .timer = -1, .notes = -1, .lock = -1};
    int rc = set_up(&d, f);

    if (rc == 0) {
        read_again(&d);
        d.report.next = d.conf->report ? clock_now() + REPORT_SOON : NEVER;
        take_slots(&d);
        look_at_all(&d);
        say_bad(d.conf);
        log_info("agent.ready", "version", CERCA_VERSION, "entries",
                 log_num((int64_t)entries_count(d.conf)), NULL);
        plan(&d);
        loop_run(d.loop);
    }
    tear_down(&d);
    return rc;
}
