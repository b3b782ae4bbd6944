#include "token/watch.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/exitcode.h"
#include "lib/log.h"

#define THREADS_MAX 256
#define TICK_MS 20

/* What one thread is calling; deadline 0: nothing. */
struct slot {
    _Atomic uint64_t deadline;
    _Atomic(const char *) call;
};

static struct slot slots[THREADS_MAX];
static _Atomic unsigned slots_used;
static __thread struct slot *mine;
static _Atomic int64_t limit_ms;
static void (*on_hung)(const char *call);

/* While nothing is called the watching thread waits for whoever calls next. */
static sem_t called;
static atomic_bool asleep;

static void sleep_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&t, NULL);
}

static _Noreturn void expire(const char *call)
{
    log_error("signer.hang", "call", call, "limit_ms", log_num(atomic_load(&limit_ms)), NULL);
    if (on_hung != NULL) {
        on_hung(call);
        sleep_ms(WATCH_GRACE_MS);
    }
    _exit(EXITCODE_TOKEN);
}

/* Is anything called? */
static bool look(void)
{
    uint64_t now = clock_mono_us();
    bool some = false;

    for (unsigned i = 0; i < atomic_load(&slots_used) && i < THREADS_MAX; i++) {
        uint64_t deadline = atomic_load(&slots[i].deadline);

        if (deadline != 0 && now > deadline)
            expire(atomic_load(&slots[i].call));
        some = some || deadline != 0;
    }
    return some;
}

/* Who calls sets a deadline, then looks whether we sleep; we say that we sleep, then look whether
 * there is a deadline: one of both sees the other. One post too many costs one look. */
static void *watch_run(void *arg)
{
    (void)arg;
    for (;;) {
        if (look()) {
            sleep_ms(TICK_MS);
            continue;
        }
        atomic_store(&asleep, true);
        if (!look())
            while (sem_wait(&called) != 0)
                continue;
        atomic_store(&asleep, false);
    }
    return NULL;
}

void watch_start(int64_t limit, void (*hung)(const char *call))
{
    pthread_t thread;

    atomic_store(&limit_ms, limit);
    on_hung = hung;
    if (sem_init(&called, 0, 0) != 0 || pthread_create(&thread, NULL, watch_run, NULL) != 0) {
        log_error("signer.thread-failed", "thread", "watch", NULL);
        exit(EXITCODE_FAILED);
    }
    (void)pthread_detach(thread);
}

void watch_enter_slow(const char *call, int64_t least_ms)
{
    int64_t limit = atomic_load(&limit_ms);

    if (limit == 0)
        return;
    if (mine == NULL) {
        unsigned i = atomic_fetch_add(&slots_used, 1);

        if (i >= THREADS_MAX)
            abort();
        mine = &slots[i];
    }
    if (limit < least_ms)
        limit = least_ms;
    atomic_store_explicit(&mine->call, call, memory_order_relaxed);
    atomic_store(&mine->deadline, clock_mono_us() + (uint64_t)limit * 1000);
    if (atomic_load(&asleep) && atomic_exchange(&asleep, false))
        (void)sem_post(&called);
}

void watch_enter(const char *call)
{
    watch_enter_slow(call, 0);
}

void watch_leave(void)
{
    if (mine != NULL)
        atomic_store_explicit(&mine->deadline, 0, memory_order_release);
}
