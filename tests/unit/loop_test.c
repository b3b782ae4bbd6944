#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/loop.h"

struct world {
    struct loop *loop;
    struct buf seen; /* one letter an event */
};

static int set_up(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);
    w->loop = loop_new();
    buf_init(&w->seen, 1000);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    loop_free(w->loop);
    buf_free(&w->seen);
    free(w);
    return 0;
}

struct letter {
    struct world *w;
    char c;
    bool last;
    struct loop_timer *timer;
};

static void note(void *arg)
{
    struct letter *l = arg;
    buf_put_u8(&l->w->seen, (uint8_t)l->c);
    if (l->last)
        loop_stop(l->w->loop);
}

static void timers_run_by_time_and_then_in_the_order_they_were_set(void **state)
{
    struct world *w = *state;
    struct letter a = {w, 'a', false, NULL}, b = {w, 'b', false, NULL}, c = {w, 'c', false, NULL},
                  z = {w, 'z', true, NULL};
    struct letter *all[] = {&z, &c, &a, &b};
    const uint64_t ms[] = {900, 400, 1, 400}; /* further apart than setting them takes */
    uint64_t start = clock_mono_us();
    for (size_t i = 0; i < 4; i++) {
        all[i]->timer = loop_timer(w->loop, note, all[i]);
        loop_timer_set(all[i]->timer, ms[i]);
    }
    loop_run(w->loop);
    assert_string_equal(buf_cstr(&w->seen), "acbz");
    assert_true(clock_mono_us() - start >= 900000);
    for (size_t i = 0; i < 4; i++)
        loop_timer_free(all[i]->timer);
}

static void a_timer_that_was_cleared_or_set_again_does_not_run_at_its_old_time(void **state)
{
    struct world *w = *state;
    struct letter a = {w, 'a', false, NULL}, b = {w, 'b', true, NULL}, c = {w, 'c', false, NULL};
    a.timer = loop_timer(w->loop, note, &a);
    b.timer = loop_timer(w->loop, note, &b);
    c.timer = loop_timer(w->loop, note, &c);
    loop_timer_set(a.timer, 1);
    loop_timer_set(b.timer, 1);
    loop_timer_set(c.timer, 5);
    loop_timer_set(b.timer, 10);
    loop_timer_clear(a.timer);
    loop_run(w->loop);
    assert_string_equal(buf_cstr(&w->seen), "cb");
    loop_timer_free(a.timer);
    loop_timer_free(b.timer);
    loop_timer_free(c.timer);
}

#define MANY 500
struct many {
    struct world *w;
    uint64_t last_due;
    int ran;
};
struct one_of_many {
    struct many *all;
    uint64_t due[2]; /* microseconds; not before the first, not after the second */
    struct loop_timer *timer;
};

static void in_order(void *arg)
{
    struct one_of_many *o = arg;
    assert_true(o->due[1] >= o->all->last_due);
    if (o->due[0] > o->all->last_due)
        o->all->last_due = o->due[0];
    if (++o->all->ran == MANY / 2)
        loop_stop(o->all->w->loop);
}

static void hundreds_of_timers_keep_their_order_while_others_are_cleared(void **state)
{
    struct world *w = *state;
    struct many all = {w, 0, 0};
    static struct one_of_many o[MANY];
    uint32_t x = 12345;
    for (int i = 0; i < MANY; i++) {
        x = x * 1664525 + 1013904223;
        uint64_t ms = (x >> 26) * 4;
        o[i] = (struct one_of_many){&all, {0, 0}, loop_timer(w->loop, in_order, &o[i])};
        o[i].due[0] = clock_mono_us() + ms * 1000;
        loop_timer_set(o[i].timer, ms);
        o[i].due[1] = clock_mono_us() + ms * 1000;
    }
    for (int i = 0; i < MANY; i += 2)
        loop_timer_clear(o[i].timer);
    loop_run(w->loop);
    assert_int_equal(all.ran, MANY / 2);
    for (int i = 0; i < MANY; i++)
        loop_timer_free(o[i].timer);
}

#define POSTERS 4
#define POSTS 2000
struct poster {
    struct world *w;
    int *total;
    int next;
};
struct posted {
    struct poster *from;
    int number;
};

static void on_posted(void *arg)
{
    struct posted *p = arg;
    assert_int_equal(p->number, p->from->next);
    p->from->next++;
    if (++*p->from->total == POSTERS * POSTS)
        loop_stop(p->from->w->loop);
    free(p);
}

static void *post_many(void *arg)
{
    struct poster *from = arg;
    for (int i = 0; i < POSTS; i++) {
        struct posted *p = xcalloc(1, sizeof *p);
        *p = (struct posted){from, i};
        loop_post(from->w->loop, on_posted, p);
    }
    return NULL;
}

static void posts_of_threads_all_arrive_in_their_order(void **state)
{
    struct world *w = *state;
    int total = 0;
    pthread_t thread[POSTERS];
    struct poster poster[POSTERS];
    for (int i = 0; i < POSTERS; i++) {
        poster[i] = (struct poster){w, &total, 0};
        assert_int_equal(pthread_create(&thread[i], NULL, post_many, &poster[i]), 0);
    }
    loop_run(w->loop);
    for (int i = 0; i < POSTERS; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(total, POSTERS * POSTS);
}

static void on_signal(void *arg, int signo)
{
    struct world *w = arg;
    buf_printf(&w->seen, "%d ", signo);
    if (signo == SIGUSR2)
        loop_stop(w->loop);
}

static void signals_come_to_the_loop_and_do_nothing_else(void **state)
{
    struct world *w = *state;
    loop_signal(w->loop, SIGUSR1, on_signal, w);
    loop_signal(w->loop, SIGUSR2, on_signal, w);
    raise(SIGUSR1);
    raise(SIGUSR2);
    loop_run(w->loop);
    char want[32];
    snprintf(want, sizeof want, "%d %d ", SIGUSR1, SIGUSR2);
    assert_string_equal(buf_cstr(&w->seen), want);
}

struct pair_watch {
    struct world *w;
    struct loop_watch *own, *other;
    struct pair_watch *other_side;
};

static void unwatch_both(void *arg, unsigned ready)
{
    struct pair_watch *p = arg;
    assert_true(ready & LOOP_READ);
    buf_put_u8(&p->w->seen, 'r');
    loop_unwatch(p->own);
    loop_unwatch(p->other_side->own);
    loop_stop(p->w->loop);
}

static void a_watch_may_end_itself_and_others_whose_events_are_fetched(void **state)
{
    struct world *w = *state;
    int s[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
    assert_int_equal(send(s[0], "x", 1, 0), 1);
    assert_int_equal(send(s[1], "x", 1, 0), 1);
    struct pair_watch a = {.w = w}, b = {.w = w};
    a.other_side = &b;
    b.other_side = &a;
    a.own = loop_watch(w->loop, s[0], LOOP_READ, unwatch_both, &a);
    b.own = loop_watch(w->loop, s[1], LOOP_READ, unwatch_both, &b);
    loop_run(w->loop);
    assert_string_equal(buf_cstr(&w->seen), "r");
    close(s[0]);
    close(s[1]);
}

static void on_hangup(void *arg, unsigned ready)
{
    struct world *w = arg;
    assert_int_equal(ready & (LOOP_READ | LOOP_HANGUP), LOOP_READ | LOOP_HANGUP);
    buf_put_u8(&w->seen, 'h');
    loop_stop(w->loop);
}

static void a_hangup_is_told_even_to_who_wants_nothing(void **state)
{
    struct world *w = *state;
    int s[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
    struct loop_watch *watch = loop_watch(w->loop, s[0], 0, on_hangup, w);
    close(s[1]);
    loop_run(w->loop);
    assert_string_equal(buf_cstr(&w->seen), "h");
    loop_unwatch(watch);
    close(s[0]);
}

struct end {
    struct letter turn, first, second;
    struct loop_task task_first, task_second;
};

static void turn_ends(void *arg)
{
    struct end *e = arg;
    note(&e->turn);
    loop_defer(e->turn.w->loop, &e->task_first);
    loop_defer(e->turn.w->loop, &e->task_first);
    loop_defer(e->turn.w->loop, &e->task_second);
}

static void first_cancels_second(void *arg)
{
    struct end *e = arg;
    note(&e->first);
    loop_defer_cancel(&e->task_second);
}

static void note_second(void *arg)
{
    struct end *e = arg;
    note(&e->second);
}

static void deferred_tasks_run_once_after_each_turn_and_can_be_cancelled(void **state)
{
    struct world *w = *state;
    struct end e = {.turn = {w, 't', false, NULL},
                    .first = {w, '1', true, NULL},
                    .second = {w, '2', false, NULL}};
    e.task_first = (struct loop_task){.fn = first_cancels_second, .arg = &e};
    e.task_second = (struct loop_task){.fn = note_second, .arg = &e};
    struct letter posted = {w, 'p', false, NULL};
    loop_each_turn(w->loop, turn_ends, &e);
    loop_post(w->loop, note, &posted);
    loop_run(w->loop);
    assert_string_equal(buf_cstr(&w->seen), "pt1");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(timers_run_by_time_and_then_in_the_order_they_were_set),
        T(a_timer_that_was_cleared_or_set_again_does_not_run_at_its_old_time),
        T(hundreds_of_timers_keep_their_order_while_others_are_cleared),
        T(posts_of_threads_all_arrive_in_their_order),
        T(signals_come_to_the_loop_and_do_nothing_else),
        T(a_watch_may_end_itself_and_others_whose_events_are_fetched),
        T(a_hangup_is_told_even_to_who_wants_nothing),
        T(deferred_tasks_run_once_after_each_turn_and_can_be_cancelled),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
