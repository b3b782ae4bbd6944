/* One turn: ready descriptors, due timers, posts, loop_each_turn, deferred tasks. */
#include "lib/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/timers.h"

#define EVENTS_A_TURN 64

struct loop_watch {
    struct loop *loop;
    int fd; /* -1: unwatched, to be freed at the end of the turn */
    unsigned want;
    loop_io fn;
    void *arg;
    struct loop_watch *next_dead;
};

struct post {
    loop_call fn;
    void *arg;
    struct post *next;
};

struct on_signal {
    loop_signal_fn fn;
    void *arg;
};

struct shared {
    void *(*make)(void);
    void (*drop)(void *);
    void *object;
    struct shared *next;
};

struct loop {
    int epoll;
    bool stopped;
    struct loop_watch *dead;
    struct timers timers;

    int wake; /* eventfd */
    struct loop_watch *wake_watch;
    pthread_mutex_t post_lock;
    struct post *posts, **posts_end;

    int signals; /* signalfd; -1 until the first loop_signal */
    struct loop_watch *signal_watch;
    sigset_t signal_set;
    struct on_signal on_signal[NSIG];

    loop_call each_turn;
    void *each_turn_arg;
    struct loop_task deferred; /* head of a ring */
    struct shared *shared;
};

/* Without its own descriptors no program can go on, so it ends here and says why. */
static void must(bool ok, const char *what)
{
    if (ok)
        return;
    log_error("loop.failed", "call", what, "reason", strerror(errno), NULL);
    exit(1);
}

static void on_wake(void *arg, unsigned ready)
{
    (void)ready;
    struct loop *l = arg;
    uint64_t count;
    /* The posts themselves are taken once a turn; this only ends the wait. */
    if (read(l->wake, &count, sizeof count) < 0)
        must(errno == EAGAIN, "eventfd");
}

struct loop *loop_new(void)
{
    struct loop *l = xcalloc(1, sizeof *l);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    must(l->epoll >= 0, "epoll_create1");
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    must(l->wake >= 0, "eventfd");
    l->signals = -1;
    sigemptyset(&l->signal_set);
    pthread_mutex_init(&l->post_lock, NULL);
    l->posts_end = &l->posts;
    l->deferred.next = l->deferred.prev = &l->deferred;
    l->wake_watch = loop_watch(l, l->wake, LOOP_READ, on_wake, l);
    return l;
}

static void bury(struct loop *l)
{
    while (l->dead) {
        struct loop_watch *w = l->dead;
        l->dead = w->next_dead;
        free(w);
    }
}

static void drop_shared(struct loop *l)
{
    while (l->shared) {
        struct shared *s = l->shared;
        l->shared = s->next;
        s->drop(s->object);
        free(s);
    }
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    loop_unwatch(l->wake_watch);
    loop_unwatch(l->signal_watch);
    bury(l);
    drop_shared(l);
    while (l->posts) {
        struct post *p = l->posts;
        l->posts = p->next;
        free(p);
    }
    timers_free(&l->timers);
    pthread_mutex_destroy(&l->post_lock);
    if (l->signals >= 0)
        close(l->signals);
    close(l->wake);
    close(l->epoll);
    free(l);
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
}

/* Descriptors. */

static uint32_t epoll_wants(unsigned want)
{
    return (want & LOOP_READ ? (uint32_t)EPOLLIN : 0) |
           (want & LOOP_WRITE ? (uint32_t)EPOLLOUT : 0);
}

struct loop_watch *loop_watch(struct loop *l, int fd, unsigned want, loop_io fn, void *arg)
{
    struct loop_watch *w = xcalloc(1, sizeof *w);
    *w = (struct loop_watch){.loop = l, .fd = fd, .want = want, .fn = fn, .arg = arg};
    struct epoll_event e = {.events = epoll_wants(want), .data.ptr = w};
    must(epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) == 0, "epoll_ctl add");
    return w;
}

void loop_watch_want(struct loop_watch *w, unsigned want)
{
    if (w->fd < 0 || w->want == want)
        return;
    w->want = want;
    struct epoll_event e = {.events = epoll_wants(want), .data.ptr = w};
    must(epoll_ctl(w->loop->epoll, EPOLL_CTL_MOD, w->fd, &e) == 0, "epoll_ctl mod");
}

void loop_unwatch(struct loop_watch *w)
{
    if (!w || w->fd < 0)
        return;
    must(epoll_ctl(w->loop->epoll, EPOLL_CTL_DEL, w->fd, NULL) == 0, "epoll_ctl del");
    w->fd = -1;
    w->next_dead = w->loop->dead;
    w->loop->dead = w;
}

static void dispatch(struct epoll_event e)
{
    struct loop_watch *w = e.data.ptr;
    if (w->fd < 0) /* unwatched earlier in this turn */
        return;
    unsigned ready = 0;
    if (e.events & EPOLLIN)
        ready |= LOOP_READ;
    if (e.events & EPOLLOUT)
        ready |= LOOP_WRITE;
    if (e.events & (EPOLLHUP | EPOLLERR))
        ready |= LOOP_READ | LOOP_HANGUP;
    w->fn(w->arg, ready);
}

/* Timers. */

struct loop_timer *loop_timer(struct loop *l, loop_call fn, void *arg)
{
    return timers_new(&l->timers, fn, arg);
}

/* Signals. */

static void on_signals(void *arg, unsigned ready)
{
    (void)ready;
    struct loop *l = arg;
    struct signalfd_siginfo info;
    while (read(l->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        struct on_signal *s = &l->on_signal[info.ssi_signo];
        s->fn(s->arg, (int)info.ssi_signo);
    }
}

void loop_signal(struct loop *l, int signo, loop_signal_fn fn, void *arg)
{
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, signo);
    sigaddset(&l->signal_set, signo);
    must(pthread_sigmask(SIG_BLOCK, &one, NULL) == 0, "pthread_sigmask");
    l->on_signal[signo] = (struct on_signal){fn, arg};
    int fd = signalfd(l->signals, &l->signal_set, SFD_CLOEXEC | SFD_NONBLOCK);
    must(fd >= 0, "signalfd");
    if (l->signals < 0)
        l->signal_watch = loop_watch(l, fd, LOOP_READ, on_signals, l);
    l->signals = fd;
}

/* Other threads. */

void loop_post(struct loop *l, loop_call fn, void *arg)
{
    struct post *p = xcalloc(1, sizeof *p);
    *p = (struct post){.fn = fn, .arg = arg};
    pthread_mutex_lock(&l->post_lock);
    bool first = l->posts == NULL;
    *l->posts_end = p;
    l->posts_end = &p->next;
    pthread_mutex_unlock(&l->post_lock);
    uint64_t one = 1;
    if (first && write(l->wake, &one, sizeof one) < 0)
        must(errno == EAGAIN, "eventfd");
}

static void run_posts(struct loop *l)
{
    pthread_mutex_lock(&l->post_lock);
    struct post *p = l->posts;
    l->posts = NULL;
    l->posts_end = &l->posts;
    pthread_mutex_unlock(&l->post_lock);
    while (p) {
        struct post *next = p->next;
        p->fn(p->arg);
        free(p);
        p = next;
    }
}

/* The end of a turn. */

void loop_each_turn(struct loop *l, loop_call fn, void *arg)
{
    l->each_turn = fn;
    l->each_turn_arg = arg;
}

void loop_defer(struct loop *l, struct loop_task *t)
{
    if (t->next)
        return;
    t->prev = l->deferred.prev;
    t->next = &l->deferred;
    t->prev->next = t;
    l->deferred.prev = t;
}

void loop_defer_cancel(struct loop_task *t)
{
    if (!t->next)
        return;
    t->prev->next = t->next;
    t->next->prev = t->prev;
    t->next = t->prev = NULL;
}

/* What a task defers runs in the next turn, so that nobody starves the descriptors. */
static void run_deferred(struct loop *l)
{
    if (l->deferred.next == &l->deferred)
        return;
    struct loop_task now = l->deferred;
    now.next->prev = now.prev->next = &now;
    l->deferred.next = l->deferred.prev = &l->deferred;
    while (now.next != &now) {
        struct loop_task *t = now.next;
        loop_defer_cancel(t);
        t->fn(t->arg);
    }
}

void *loop_shared(struct loop *l, void *(*make)(void), void (*drop)(void *))
{
    for (struct shared *s = l->shared; s; s = s->next)
        if (s->make == make)
            return s->object;
    struct shared *s = xcalloc(1, sizeof *s);
    *s = (struct shared){.make = make, .drop = drop, .object = make(), .next = l->shared};
    l->shared = s;
    return s->object;
}

static void turn(struct loop *l)
{
    struct epoll_event events[EVENTS_A_TURN];
    bool busy = l->deferred.next != &l->deferred;
    int n = epoll_wait(l->epoll, events, EVENTS_A_TURN,
                       busy ? 0 : timers_wait_ms(&l->timers, clock_mono_us()));
    must(n >= 0 || errno == EINTR, "epoll_wait");
    for (int i = 0; i < n; i++)
        dispatch(events[i]);
    timers_run(&l->timers, clock_mono_us());
    run_posts(l);
    if (l->each_turn)
        l->each_turn(l->each_turn_arg);
    run_deferred(l);
    bury(l);
}

void loop_run(struct loop *l)
{
    l->stopped = false;
    while (!l->stopped)
        turn(l);
}
