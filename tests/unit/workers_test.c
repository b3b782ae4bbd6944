#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "ca/door/workers.h"
#include "lib/buf.h"

#define ITEMS 5000
#define PUSHERS 4

struct item {
    struct work work; /* first: the workers hand back this */
    atomic_int ran;
    unsigned worker;
};

static void count(struct work *w, unsigned worker)
{
    struct item *i = (struct item *)w;

    i->worker = worker;
    i->ran++;
}

struct pusher {
    struct workers *workers;
    struct item *item;
    pthread_t thread;
};

static void *push_all(void *arg)
{
    struct pusher *p = arg;

    for (size_t i = 0; i < ITEMS; i++)
        workers_push(p->workers, i % WORK_CLASSES, &p->item[i].work);
    return NULL;
}

static void every_item_of_every_thread_runs_once_and_before_the_end(void **state)
{
    struct workers *w = workers_new(3);
    struct pusher p[PUSHERS];

    (void)state;
    assert_int_equal(workers_count(w), 3);
    for (size_t i = 0; i < PUSHERS; i++) {
        p[i].workers = w;
        p[i].item = xcalloc(ITEMS, sizeof(*p[i].item));
        for (size_t k = 0; k < ITEMS; k++)
            p[i].item[k].work.run = count;
        assert_int_equal(pthread_create(&p[i].thread, NULL, push_all, &p[i]), 0);
    }
    for (size_t i = 0; i < PUSHERS; i++)
        assert_int_equal(pthread_join(p[i].thread, NULL), 0);
    workers_free(w);
    for (size_t i = 0; i < PUSHERS; i++) {
        for (size_t k = 0; k < ITEMS; k++) {
            assert_int_equal(p[i].item[k].ran, 1);
            assert_in_range(p[i].item[k].worker, 0, 2);
        }
        free(p[i].item);
    }
}

/* One thread, held at a gate until everything is queued: then the order is known. */
struct gate {
    struct work work; /* first: the workers hand back this */
    pthread_mutex_t lock;
};

static void wait_at_gate(struct work *w, unsigned worker)
{
    struct gate *g = (struct gate *)w;

    (void)worker;
    pthread_mutex_lock(&g->lock);
    pthread_mutex_unlock(&g->lock);
}

struct letter {
    struct work work; /* first: the workers hand back this */
    struct buf *seen;
    char c;
};

static void note(struct work *w, unsigned worker)
{
    struct letter *l = (struct letter *)w;

    (void)worker;
    buf_put_u8(l->seen, (uint8_t)l->c);
}

static void what_finishes_goes_before_what_starts_each_in_order(void **state)
{
    struct gate gate = {.work.run = wait_at_gate, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct workers *w = workers_new(1);
    struct buf seen;
    struct letter l[4];

    (void)state;
    buf_init(&seen, 16);
    for (size_t i = 0; i < 4; i++)
        l[i] = (struct letter){.work.run = note, .seen = &seen, .c = "abCD"[i]};
    pthread_mutex_lock(&gate.lock);
    workers_push(w, WORK_FINISH, &gate.work);
    workers_push(w, WORK_START, &l[0].work);
    workers_push(w, WORK_START, &l[1].work);
    workers_push(w, WORK_FINISH, &l[2].work);
    workers_push(w, WORK_FINISH, &l[3].work);
    pthread_mutex_unlock(&gate.lock);
    workers_free(w);
    assert_string_equal(buf_cstr(&seen), "CDab");
    buf_free(&seen);
}

static void nothing_to_end_is_fine(void **state)
{
    (void)state;
    workers_free(NULL);
    workers_free(workers_new(2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_of_every_thread_runs_once_and_before_the_end),
        cmocka_unit_test(what_finishes_goes_before_what_starts_each_in_order),
        cmocka_unit_test(nothing_to_end_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
