/*
 * Two years of certificates that live 47 days, with the real store and the real evaluation, under
 * the movable clock: hosts renew in time, late, after the end or never. Processes are killed at
 * random commits, and others go on hours or days later. Every threshold that passed while anybody
 * was there to see it must have been told once, and none twice.
 *
 * CERCA_TEST_IDENTITIES has more hosts than the few of every run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/lifecycle/evaluate.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/step.h"
#include "tests/unit/store_help.h"

#define HOUR 3600
#define DAY (24 * HOUR)
#define LIFE (47 * (int64_t)DAY)
#define HOURS (730 * 24)
#define RESTARTS 50
#define LIVES 40 /* of a host in two years */
#define FEW 120
#define THRESHOLDS 6 /* five fractions, and the end */

static const unsigned fraction[THRESHOLDS] = {25, 15, 10, 5, 2, 0};

/* What all processes share. */
struct host {
    uint32_t lives;
    struct {
        int64_t begun, renew;     /* renew: when the next one is issued */
        uint8_t told[THRESHOLDS]; /* how often */
        uint8_t resolved;
    } life[LIVES];
};
struct world {
    size_t hosts;
    int64_t hour;         /* the one under way */
    bool seen[HOURS + 1]; /* hours in which all was evaluated */
    uint64_t notices, restarts;
    struct host host[];
};

static struct world *world;
static char *clock_file; /* mapped: what the clock is ahead */

static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static int64_t time_of(int64_t hour)
{
    return TEST_NOW + hour * HOUR;
}

static void set_clock(int64_t now)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    (void)snprintf(clock_file, 32, "%lld", (long long)(now - ts.tv_sec));
}

/* ---- what hosts do ---- */

/* Percent of the life after which it is renewed; 1000: never. */
static int64_t renewed_after(size_t host, uint32_t life)
{
    uint64_t h = mix(host * 1000 + life), kind = h % 100;

    h /= 100;
    if (kind < 60)
        return 66 + (int64_t)(h % 9);
    if (kind < 92)
        return 76 + (int64_t)(h % 24);
    return kind < 99 ? 100 + (int64_t)(h % 30) : 1000;
}

static void issue_life(struct fixture *x, size_t i)
{
    struct host *h = &world->host[i];
    struct request r;
    char name[64];
    uint64_t identity = mix(i) | 1;

    (void)snprintf(name, sizeof(name), "h%zu.example.com", i);
    request_init(&r, x, name);
    memset(r.op.intent.identity, 0x55, sizeof(r.op.intent.identity));
    memcpy(r.op.intent.identity, &identity, sizeof(identity));
    r.op.time = clock_now();
    r.op.intent.not_before = time_of(world->hour);
    r.op.intent.not_after = r.op.intent.not_before + LIFE;
    request_draft(&r, name);
    assert_int_equal(do_reserve(x, &r), 0);
    assert_int_equal(do_finish(x, &r), 0);
    request_free(&r);
    h->life[h->lives].begun = time_of(world->hour);
    h->life[h->lives].renew = time_of(world->hour) + LIFE / 100 * renewed_after(i, h->lives);
    h->lives++;
}

static void issue_what_is_due(struct fixture *x)
{
    int64_t now = time_of(world->hour);

    for (size_t i = 0; i < world->hosts; i++) {
        struct host *h = &world->host[i];

        if (h->lives == 0 ? world->hour == (int64_t)(mix(i) % (47 * 24))
                          : h->life[h->lives - 1].renew <= now && h->lives < LIVES)
            issue_life(x, i);
        else if (h->lives == 0 && world->hour > (int64_t)(mix(i) % (47 * 24)))
            issue_life(x, i); /* nobody was there at its time */
    }
}

/* ---- a process ---- */

static void to_mail(void *arg, struct outbox_notice *o)
{
    (void)arg;
    o->n_channels = 1;
    (void)snprintf(o->channel[0], sizeof(o->channel[0]), "mail");
}

static struct conf *conf_of_test(void)
{
    struct conf *c;
    struct fault f = {0};

    assert_int_equal(conf_load_text("alerts = { digest_at = \"\"; repeat = \"none\"; "
                                    "repeat_critical = \"none\"; team_after = \"none\"; "
                                    "security_after = \"none\"; team_after_critical = \"none\"; "
                                    "security_after_critical = \"none\"; };",
                                    "/nowhere/cerca.conf", &c, &f),
                     0);
    return c;
}

static void evaluate(struct fixture *x, struct evaluator *e, int64_t now)
{
    struct fault f = {0};
    int64_t next = now;

    while (next <= now) {
        int rc = store_index_wait(x->s, &f);

        if (rc == 0)
            rc = evaluator_run(e, now, 1000000, &next, &f);

        if (rc == -FAULT_UNAVAILABLE) { /* the indexes are rebuilt after a kill */
            struct timespec ms = {0, 1000000};
            next = now;
            nanosleep(&ms, NULL);
        } else if (rc != 0) {
            fail_msg("%s: %s", f.rule, f.text);
        }
    }
}

/* Until the end, or until it is killed at some commit from `kill_at` on. */
static void live(struct fixture *x, int64_t kill_at, const char *order)
{
    struct evaluator_parts parts = {.judge = {.conf = conf_of_test(), .store = x->s},
                                    .route = to_mail};
    struct evaluator *e = evaluator_new(&parts);

    for (; world->hour <= HOURS; world->hour++) {
        set_clock(time_of(world->hour));
        if (world->hour >= kill_at && kill_at >= 0) {
            kill_at = -1;
            assert_int_equal(setenv("CERCA_STEP_KILL", order, 1), 0);
            step_init("years");
        }
        issue_what_is_due(x);
        evaluate(x, e, time_of(world->hour));
        world->seen[world->hour] = true;
    }
    evaluator_free(e);
}

/* ---- what people got ---- */

static int take(void *arg, const struct outbox_delivery *d, const struct notice *n,
                const char *ticket)
{
    struct store_outbox *q = arg;
    size_t i = strtoul(n->subject + strlen("dns:h"), NULL, 10);
    struct host *h = &world->host[i];
    const char *told = strstr(n->summary, ": "); /* the name stands in front */
    uint32_t k = 0;
    size_t t = 0;

    (void)ticket;
    assert_non_null(told);
    told += 2;
    q->number = d->number;
    assert_string_equal(n->rule, "expiry");
    assert_true(i < world->hosts);
    while (k < h->lives && h->life[k].begun + LIFE != n->deadline)
        k++;
    if (k == h->lives) /* killed between issuing and noting it: the next process did it again */
        return 1;
    if (n->kind == NOTICE_RESOLVED) {
        h->life[k].resolved++;
        return 1;
    }
    assert_int_equal(n->kind, NOTICE_RAISED);
    if (strncmp(told, "ended", 5) == 0)
        t = THRESHOLDS - 1;
    else
        while (fraction[t] != strtoul(told, NULL, 10))
            t++;
    h->life[k].told[t]++;
    world->notices++;
    return 1;
}

static void read_the_mail(struct fixture *x)
{
    struct store_outbox q = {.verb = OUTBOX_DELIVERED, .channel = "mail"};
    struct store_op op = {.kind = STORE_OUTBOX, .outbox = &q};
    int64_t next;

    for (;;) {
        q.number = 0;
        assert_int_equal(store_outbox_due(x->s, "mail", INT64_MAX, 1, take, &q, &next, &x->f), 0);
        if (q.number == 0)
            return;
        assert_int_equal(store_do(x->s, &op), 0);
        assert_int_equal(op.outcome, STORE_DONE);
    }
}

/* Was somebody there between the two? */
static bool was_seen(int64_t from, int64_t until)
{
    int64_t hour = (from - TEST_NOW + HOUR - 1) / HOUR;

    for (; hour <= HOURS && time_of(hour) < until; hour++)
        if (hour >= 0 && world->seen[hour])
            return true;
    return false;
}

static int64_t threshold_time(int64_t end, size_t t)
{
    return end - (LIFE / 100 * fraction[t] + LIFE % 100 * fraction[t] / 100);
}

static void check_life(const struct host *h, uint32_t k)
{
    int64_t end = h->life[k].begun + LIFE;
    int64_t followed = k + 1 < h->lives ? h->life[k + 1].begun : INT64_MAX;
    bool any = false;

    for (size_t t = 0; t < THRESHOLDS; t++) {
        int64_t from = threshold_time(end, t);
        int64_t until = t + 1 < THRESHOLDS ? threshold_time(end, t + 1) : end + 30 * DAY;

        assert_true(h->life[k].told[t] <= 1); /* none twice */
        if (h->life[k].told[t] == 1)
            assert_true(from < followed); /* none for nothing */
        if (from < followed && was_seen(from, until < followed ? until : followed))
            assert_int_equal(h->life[k].told[t], 1); /* none missed */
        any = any || h->life[k].told[t] == 1;
    }
    assert_true(h->life[k].resolved <= (any ? 1 : 0));
    if (any && followed < INT64_MAX && was_seen(followed, INT64_MAX))
        assert_int_equal(h->life[k].resolved, 1);
}

static void every_threshold_is_told_once_in_two_years_with_many_restarts(void **state)
{
    struct fixture x;
    uint64_t told = 0;
    (void)state;

    fixture_open(&x, false);
    fixture_close(&x);
    for (int round = 0; round <= RESTARTS; round++) {
        int64_t least = HOURS / (RESTARTS + 1) * round;
        int64_t kill_at = least + (int64_t)(mix((uint64_t)round) % (HOURS / (RESTARTS + 1)));
        char order[64];
        int status;
        pid_t pid;

        (void)snprintf(order, sizeof(order), "years:store.commit.%s:%u",
                       round % 2 == 0 ? "before" : "after",
                       1 + (unsigned)(mix((uint64_t)kill_at) % 9));
        pid = fork();
        if (pid == 0) {
            assert_int_equal(fixture_reopen(&x), 0);
            live(&x, round < RESTARTS ? kill_at : -1, order);
            fixture_close(&x);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (round < RESTARTS)
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        else
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        world->restarts += round < RESTARTS;
        assert_int_equal(fixture_reopen(&x), 0);
        read_the_mail(&x);
        fixture_close(&x);
        /* away for some hours, or for days */
        world->hour += (int64_t)(mix((uint64_t)round + 77) % (round % 5 == 0 ? 120 : 6));
    }
    for (size_t i = 0; i < world->hosts; i++)
        for (uint32_t k = 0; k < world->host[i].lives; k++) {
            check_life(&world->host[i], k);
            for (size_t t = 0; t < THRESHOLDS; t++)
                told += world->host[i].life[k].told[t];
        }
    print_message("%zu hosts, %llu alerts told, %llu restarts\n", world->hosts,
                  (unsigned long long)told, (unsigned long long)world->restarts);
    assert_true(told > world->hosts * 10);
    assert_int_equal(fixture_reopen(&x), 0);
    assert_clean(&x);
    fixture_remove(&x);
}

/* The clock is a file that is mapped when the program starts. */
static void movable_clock(char **argv)
{
    char path[] = "/tmp/cerca-years-XXXXXX", at[64];
    const char *set = getenv("CERCA_TEST_CLOCK_OFFSET");
    int fd;

    if (set == NULL) {
        fd = mkstemp(path);
        if (fd < 0 || ftruncate(fd, 32) != 0)
            exit(EXIT_FAILURE);
        (void)snprintf(at, sizeof(at), "@%s", path);
        (void)setenv("CERCA_TEST_CLOCK_OFFSET", at, 1);
        (void)execv(argv[0], argv);
        exit(EXIT_FAILURE);
    }
    fd = open(set + 1, O_RDWR | O_CLOEXEC);
    clock_file = mmap(NULL, 32, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    (void)unlink(set + 1);
    if (clock_file == MAP_FAILED)
        exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_threshold_is_told_once_in_two_years_with_many_restarts),
    };
    const char *more = getenv("CERCA_TEST_IDENTITIES");
    size_t hosts = more != NULL ? strtoul(more, NULL, 10) : FEW;

    (void)argc;
    movable_clock(argv);
    log_open("years", LOG_LEVEL_ERROR);
    world = mmap(NULL, sizeof(*world) + hosts * sizeof(world->host[0]), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (world == MAP_FAILED)
        return EXIT_FAILURE;
    world->hosts = hosts;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
