/*
 * What evaluating every rule and alert costs, over the store of a stopped CA: by processor time of
 * the one thread that does it, with the policy and the issuers of its configuration.
 *
 *   lifecycle_time CONF
 *
 * Prints: identities, processor seconds of a whole evaluation, the same after the configuration has
 * changed, so that policy is asked of each again, the most anonymous KiB that both needed beyond
 * those of an open store, microseconds of processor time for each identity that has changed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/resource.h>

#include "ca/lifecycle/evaluate.h"
#include "lib/clock.h"
#include "lib/log.h"

#define CHANGED 2000

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "lifecycle_time: %s\n", what);
    exit(1);
}

static long anonymous_kib(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[128];
    long kib = -1;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, "RssAnon:", 8) == 0)
            kib = strtol(line + 8, NULL, 10);
    if (f != NULL)
        (void)fclose(f);
    return kib;
}

/* Of this thread. */
static double processor_seconds(void)
{
    struct rusage u;

    if (getrusage(RUSAGE_THREAD, &u) != 0)
        die("no usage");
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void wait_indexes(struct store *s)
{
    struct store_stats st;
    struct fault f;

    do {
        struct timespec pause = {0, 50000000};

        fault_clear(&f);
        if (store_stats(s, &st, &f) != 0)
            die(f.text);
        nanosleep(&pause, NULL);
    } while (st.rebuilding || st.derived_change < st.change);
}

/* The most of it, looked at between slices. */
static long evaluate(struct evaluator *e, int64_t now)
{
    long most = 0;
    int64_t next = now;
    struct fault f;

    while (next <= now) {
        long kib;

        fault_clear(&f);
        if (evaluator_run(e, now, 100000, &next, &f) != 0)
            die(f.text);
        kib = anonymous_kib();
        most = kib > most ? kib : most;
    }
    return most;
}

/* Operators write something about some of them: each is a change. */
struct some {
    size_t n;
    uint8_t identity[CHANGED][IDENTITY_LEN];
};

static int keep(void *arg, const struct store_line *l)
{
    struct some *s = arg;

    memcpy(s->identity[s->n++], l->identity, IDENTITY_LEN);
    return 0;
}

static size_t change_some(struct store *s)
{
    struct some *some = xcalloc(1, sizeof(*some));
    struct fault f;
    size_t n = 0, done;

    fault_clear(&f);
    do {
        if (store_lines(s, some->n == 0 ? NULL : some->identity[some->n - 1], CHANGED - some->n,
                        false, keep, some, &n, &f) != 0)
            die(f.text);
    } while (n > 0 && some->n < CHANGED);
    for (size_t i = 0; i < some->n; i++) {
        struct store_annotate q = {.mask = ANNOTATION_OWNER};
        struct store_op op = {.kind = STORE_ANNOTATE, .time = clock_now(), .annotate = &q};

        memcpy(q.row.identity, some->identity[i], IDENTITY_LEN);
        (void)snprintf(q.row.owner, sizeof(q.row.owner), "changed at %lld", (long long)op.time);
        op.audit.action = AUDIT_ANNOTATE;
        op.audit.time = op.time;
        if (store_do(s, &op) != 0)
            die(op.fault.text);
    }
    done = some->n;
    free(some);
    return done;
}

int main(int argc, char **argv)
{
    struct store_options o = {
        .quota = UINT64_C(1) << 40, .request_key_life = 600, .intent_grace = 600, .no_sync = true};
    struct evaluator_parts parts = {.route = NULL};
    struct evaluator_summary s;
    struct authorities *all;
    struct evaluator *e;
    struct conf *conf;
    struct store *store;
    struct fault f;
    double begun, whole, anew, changed;
    long before, most, more;
    size_t n;

    fault_clear(&f);
    log_open("lifecycle_time", LOG_LEVEL_WARN);
    if (argc != 2)
        die("usage: lifecycle_time CONF");
    if (conf_load(argv[1], &conf, &f) != 0)
        die(f.text);
    o.dir = conf->store_dir;
    if (store_open(&o, &store, &f) != 0 || authorities_load(conf, store, 1, &all, &f) != 0)
        die(f.text);
    wait_indexes(store);
    parts.judge = (struct judge_parts){.conf = conf, .store = store, .authorities = all};
    e = evaluator_new(&parts);
    before = anonymous_kib();
    begun = processor_seconds();
    most = evaluate(e, clock_now());
    whole = processor_seconds() - begun;
    evaluator_summary(e, &s);
    memset(conf->generation, 0, sizeof(conf->generation));
    evaluator_again(e);
    begun = processor_seconds();
    more = evaluate(e, clock_now());
    anew = processor_seconds() - begun;
    most = more > most ? more : most;
    n = change_some(store);
    wait_indexes(store);
    begun = processor_seconds();
    (void)evaluate(e, clock_now());
    changed = processor_seconds() - begun;
    printf("%" PRIu64 " %.2f %.2f %ld %.1f\n", s.sums.lines, whole, anew, most - before,
           changed / (double)n * 1e6);
    evaluator_free(e);
    store_close(store);
    authorities_free(all);
    conf_free(conf);
    return 0;
}
