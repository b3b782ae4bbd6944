/* The public view: written by ca/view, read by lib/viewfile, against a model of the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ca/view/view.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/step.h"
#include "lib/viewfile.h"
#include "tests/unit/model_store.h"

#define CERTS 20000
#define CHANGES 1000000

/* What readers may rely on: the state of each certificate that was acknowledged, in memory that
 * processes share. */
struct world {
    struct store *store;
    char dir[64];
    uint8_t *acked; /* enum cert_state by certificate; 0: not yet */
    uint64_t *checks;
    uint64_t *stop;
    uint64_t random;
};

static void *shared(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(p != MAP_FAILED);
    return p;
}

static int setup(void **state)
{
    struct world *w = xcalloc(1, sizeof *w);

    log_open("view_test", LOG_LEVEL_ERROR);
    w->store = model_new(CHANGES);
    model_issuer(w->store, 1, "issuing", 0x11);
    model_issuer(w->store, 2, "other/../name", 0x22);
    snprintf(w->dir, sizeof w->dir, "/tmp/cerca-view-test.XXXXXX");
    if (!mkdtemp(w->dir))
        return -1;
    w->acked = shared(CERTS);
    w->checks = shared(4096);
    w->stop = w->checks + 1;
    w->random = 0x243f6a8885a308d3;
    *state = w;
    return 0;
}

static void remove_tree(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    char path[512];

    while (d && (e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (unlink(path) < 0)
            remove_tree(path);
    }
    if (d)
        closedir(d);
    rmdir(dir);
}

static int teardown(void **state)
{
    struct world *w = *state;

    remove_tree(w->dir);
    model_free(w->store);
    munmap(w->acked, CERTS);
    munmap(w->checks, 4096);
    free(w);
    return 0;
}

/* --- certificates ------------------------------------------------------------ */

static uint64_t draw(uint64_t *random, uint64_t below)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*random >> 33) % below;
}

/* Every third certificate is of issuer 2; order of serials is not order of numbers. */
static struct cert_ref ref_of(unsigned k)
{
    struct cert_ref r = {.issuer = k % 3 == 0 ? 2 : 1};
    uint64_t a = k * UINT64_C(0x9e3779b97f4a7c15);

    r.serial[0] = 0x40 | (uint8_t)(k % 7);
    memcpy(r.serial + 4, &k, sizeof k);
    memcpy(r.serial + 8, &a, sizeof a);
    return r;
}

static const char *folder(const struct world *w, uint16_t issuer, char out[128])
{
    snprintf(out, 128, "%s/%s", w->dir, issuer == 1 ? "issuing-1" : "other_.__name-2");
    return out;
}

static struct store_change change(unsigned k, enum cert_state state, int64_t time)
{
    struct store_change c = {.ref = ref_of(k), .state = state, .time = time};

    c.reason = state == CERT_REVOKED ? 1 : state == CERT_HELD ? 6 : 0;
    return c;
}

static int publish_since(struct world *w, struct view *v, uint64_t before, struct fault *f)
{
    return view_publish(v, model_changes(w->store, before + 1),
                        (size_t)(model_newest(w->store) - before), f);
}

static void publish(struct world *w, struct view *v, unsigned k, enum cert_state state)
{
    struct store_change c = change(k, state, 1000 + k);
    uint64_t before = model_change(w->store, &c) - 1;
    struct fault f;

    assert_int_equal(publish_since(w, v, before, &f), 0);
}

/* A state that may follow: never out of revoked or abandoned. */
static enum cert_state after(enum cert_state now, uint64_t pick)
{
    switch (now) {
    case CERT_OPEN:
        return pick % 8 ? CERT_GOOD : CERT_ABANDONED;
    case CERT_GOOD:
        return pick % 32 ? CERT_HELD : CERT_REVOKED;
    case CERT_HELD:
        return pick % 32 ? CERT_GOOD : CERT_REVOKED;
    case CERT_REVOKED:
    case CERT_ABANDONED:
        return now;
    default:
        return CERT_OPEN;
    }
}

/* Commits and publishes a batch of random changes, then acknowledges them. */
static int random_batch(struct world *w, struct view *v, enum cert_state *state, struct fault *f)
{
    uint64_t before = model_newest(w->store);
    size_t n = 1 + draw(&w->random, 300);
    unsigned touched[300];
    int rc;

    for (size_t i = 0; i < n; i++) {
        unsigned k = touched[i] = (unsigned)draw(&w->random, CERTS);
        enum cert_state next = after(state[k], draw(&w->random, 64));
        struct store_change c = change(k, next, 1000 + (int64_t)i);

        if (next == state[k])
            continue;
        state[k] = next;
        model_change(w->store, &c);
    }
    rc = publish_since(w, v, before, f);
    for (size_t i = 0; rc == 0 && i < n; i++)
        __atomic_store_n(&w->acked[touched[i]], (uint8_t)state[touched[i]], __ATOMIC_RELEASE);
    return rc;
}

static bool gone(enum cert_state s)
{
    return s == CERT_REVOKED || s == CERT_ABANDONED;
}

/* 0, or why the reader's answer contradicts what was acknowledged. */
static int contradicts(uint8_t acked, int found, const struct viewfile_row *row)
{
    if (gone(acked) && (found < 0 || row->status != VIEWFILE_REVOKED))
        return 2;
    if (acked > CERT_OPEN && found < 0)
        return 3;
    return 0;
}

/* The newest state of every certificate in the store, from its changes. */
static void newest_states(const struct world *w, struct store_change *out)
{
    uint64_t newest = model_newest(w->store);

    memset(out, 0, CERTS * sizeof *out);
    for (uint64_t n = 1; n <= newest; n++) {
        const struct store_change *c = model_changes(w->store, n);
        unsigned k;

        memcpy(&k, c->ref.serial + 4, sizeof k);
        out[k] = *c;
    }
}

static void assert_row(const struct store_change *c, const struct viewfile_row *row)
{
    enum viewfile_status want = gone(c->state)          ? VIEWFILE_REVOKED
                                : c->state == CERT_HELD ? VIEWFILE_HELD
                                                        : VIEWFILE_GOOD;

    assert_int_equal(row->status, want);
    assert_int_equal(row->change, c->number);
    assert_int_equal(row->reason, c->reason);
    assert_int_equal(row->revoked_at, want == VIEWFILE_GOOD ? 0 : c->time);
}

/* Every certificate, those that are not issued too, as the store has it; and each
 * issuer's files know nothing of the other's. */
static void assert_equals_store(const struct world *w)
{
    struct store_change *want = xcalloc(CERTS, sizeof *want);
    struct viewfile *file[3] = {NULL};
    struct viewfile_row row;
    struct fault f;
    char dir[128];

    newest_states(w, want);
    for (uint16_t i = 1; i <= 2; i++)
        assert_int_equal(viewfile_open(folder(w, i, dir), &file[i], &f), 0);
    for (unsigned k = 0; k < CERTS; k++) {
        struct cert_ref r = ref_of(k);
        int rc = viewfile_lookup(file[r.issuer], r.serial, &row);

        assert_int_equal(viewfile_lookup(file[3 - r.issuer], r.serial, &(struct viewfile_row){0}),
                         -FAULT_NOT_FOUND);
        if (want[k].state <= CERT_OPEN) {
            assert_int_equal(rc, -FAULT_NOT_FOUND);
            continue;
        }
        assert_int_equal(rc, 0);
        assert_row(&want[k], &row);
    }
    viewfile_close(file[1]);
    viewfile_close(file[2]);
    free(want);
}

static struct view *open_view(const struct world *w)
{
    struct view *v;
    struct fault f;

    assert_int_equal(view_open(w->dir, w->store, &v, &f), 0);
    return v;
}

/* --- tests ------------------------------------------------------------------- */

static void a_change_is_seen_by_the_next_refresh(void **state)
{
    struct world *w = *state;
    struct view *v = open_view(w);
    struct viewfile_row row;
    struct viewfile *r;
    struct fault f;
    char dir[128];

    assert_int_equal(viewfile_open(folder(w, 1, dir), &r, &f), 0);
    assert_int_equal(viewfile_lookup(r, ref_of(1).serial, &row), -FAULT_NOT_FOUND);
    publish(w, v, 1, CERT_OPEN);
    assert_int_equal(viewfile_refresh(r, &f), 0);
    assert_int_equal(viewfile_lookup(r, ref_of(1).serial, &row), -FAULT_NOT_FOUND);
    publish(w, v, 1, CERT_GOOD);
    assert_int_equal(viewfile_refresh(r, &f), 0);
    assert_int_equal(viewfile_lookup(r, ref_of(1).serial, &row), 0);
    assert_int_equal(row.status, VIEWFILE_GOOD);
    assert_int_equal(row.change, 2);
    publish(w, v, 1, CERT_REVOKED);
    publish(w, v, 2, CERT_OPEN);
    publish(w, v, 2, CERT_ABANDONED);
    assert_int_equal(viewfile_lookup(r, ref_of(1).serial, &row), 0);
    assert_int_equal(row.status, VIEWFILE_GOOD);
    assert_int_equal(viewfile_refresh(r, &f), 0);
    assert_int_equal(viewfile_lookup(r, ref_of(1).serial, &row), 0);
    assert_int_equal(row.status, VIEWFILE_REVOKED);
    assert_int_equal(row.reason, 1);
    assert_int_equal(viewfile_lookup(r, ref_of(2).serial, &row), 0);
    assert_int_equal(row.status, VIEWFILE_REVOKED);
    viewfile_close(r);
    view_close(v);
    assert_equals_store(w);
}

static void an_idle_issuers_files_follow_the_change_number_and_the_clock(void **state)
{
    struct world *w = *state;
    int64_t before = clock_now();
    struct view *v = open_view(w);
    struct viewfile_info info;
    struct view_stats stats;
    struct viewfile *r;
    struct fault f;
    char dir[128];

    publish(w, v, 1, CERT_GOOD);
    publish(w, v, 2, CERT_GOOD);
    assert_int_equal(viewfile_open(folder(w, 2, dir), &r, &f), 0);
    viewfile_info(r, &info);
    assert_int_equal(info.issuer, 2);
    assert_int_equal(info.change, 2);
    assert_int_equal(info.log_rows, 0);
    assert_in_range(info.stamp, before, clock_now());
    view_stats(v, &stats);
    assert_int_equal(stats.change, 2);
    assert_int_equal(stats.log_rows, 2);
    assert_int_equal(stats.stamp, info.stamp);
    assert_false(stats.behind);
    viewfile_close(r);
    view_close(v);
}

struct upkeep {
    struct view *v;
    uint64_t stop;
    int rc;
};

static void *maintain(void *arg)
{
    struct upkeep *u = arg;
    struct fault f;

    while (u->rc == 0 && !__atomic_load_n(&u->stop, __ATOMIC_ACQUIRE))
        __atomic_store_n(&u->rc, view_maintain(u->v, &f), __ATOMIC_RELEASE);
    return NULL;
}

/* Publishes, and waits while upkeep has more than two logs' worth to merge: publishing is much
 * faster than syncing snapshots. */
static int paced_batch(struct world *w, struct upkeep *u, enum cert_state *now, struct fault *f)
{
    struct view_stats stats;

    do {
        view_stats(u->v, &stats);
    } while (stats.log_rows > 50000 && __atomic_load_n(&u->rc, __ATOMIC_ACQUIRE) == 0);
    return random_batch(w, u->v, now, f);
}

/* Exits 0 when nothing it saw contradicts what was acknowledged before it looked. */
static _Noreturn void reader_process(const struct world *w)
{
    uint64_t random = 77;
    struct viewfile *file[3];
    struct viewfile_row row;
    struct fault f;
    char dir[128];

    for (uint16_t i = 1; i <= 2; i++)
        if (viewfile_open(folder(w, i, dir), &file[i], &f) < 0)
            _exit(1);
    while (!__atomic_load_n(w->stop, __ATOMIC_ACQUIRE)) {
        unsigned k = (unsigned)draw(&random, CERTS);
        struct cert_ref r = ref_of(k);
        uint8_t acked = __atomic_load_n(&w->acked[k], __ATOMIC_ACQUIRE);
        int bad;

        if (viewfile_refresh(file[r.issuer], &f) < 0) {
            dprintf(2, "refresh: %s\n", f.text);
            _exit(4);
        }
        bad = contradicts(acked, viewfile_lookup(file[r.issuer], r.serial, &row), &row);
        if (bad)
            _exit(bad);
        __atomic_add_fetch(w->checks, 1, __ATOMIC_RELAXED);
    }
    _exit(0);
}

static void readers_never_see_less_than_was_acknowledged(void **state)
{
    enum cert_state *now = xcalloc(CERTS, sizeof *now);
    struct world *w = *state;
    struct upkeep u = {.v = open_view(w)};
    struct viewfile_info info;
    struct viewfile *r;
    pthread_t thread;
    struct fault f;
    pid_t reader = fork();
    char dir[128];
    int status;

    if (reader == 0)
        reader_process(w);
    assert_int_equal(pthread_create(&thread, NULL, maintain, &u), 0);
    while (model_newest(w->store) < 300000 ||
           __atomic_load_n(w->checks, __ATOMIC_RELAXED) < 20000) {
        if (paced_batch(w, &u, now, &f) < 0)
            fail_msg("publish: %s", f.text);
        if (waitpid(reader, &status, WNOHANG) != 0)
            fail_msg("the reader ended early: %d", WEXITSTATUS(status));
    }
    __atomic_store_n(&u.stop, 1, __ATOMIC_RELEASE);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(u.rc, 0);
    __atomic_store_n(w->stop, 1, __ATOMIC_RELEASE);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
    assert_true(*w->checks > 1000);
    assert_int_equal(viewfile_open(folder(w, 1, dir), &r, &f), 0);
    viewfile_info(r, &info);
    assert_true(info.generation > 3); /* snapshots were taken meanwhile */
    viewfile_close(r);
    view_close(u.v);
    assert_equals_store(w);
    free(now);
}

/* --- crashes ----------------------------------------------------------------- */

static void load_states(const struct world *w, enum cert_state *now)
{
    struct store_change *all = xcalloc(CERTS, sizeof *all);

    newest_states(w, all);
    for (unsigned k = 0; k < CERTS; k++)
        now[k] = all[k].state;
    free(all);
}

/* Publishes until it is killed, or the store is full. */
static _Noreturn void writer_process(struct world *w, const char *kill_at)
{
    enum cert_state *now = xcalloc(CERTS, sizeof *now);
    struct upkeep u = {0};
    pthread_t thread;
    struct fault f;

    if (kill_at)
        setenv("CERCA_STEP_KILL", kill_at, 1);
    step_init("view_test");
    load_states(w, now);
    if (view_open(w->dir, w->store, &u.v, &f) < 0)
        _exit(1);
    __atomic_store_n(w->checks, 1, __ATOMIC_RELEASE);
    if (pthread_create(&thread, NULL, maintain, &u) != 0)
        _exit(1);
    while (model_newest(w->store) < CHANGES - 400)
        if (paced_batch(w, &u, now, &f) < 0)
            _exit(1);
    _exit(0);
}

/* As a reader finds the files that a dead writer left: what was acknowledged is there. */
static void assert_acknowledged(const struct world *w)
{
    struct viewfile *file[3] = {NULL};
    struct viewfile_row row;
    struct fault f;
    char dir[128];

    for (uint16_t i = 1; i <= 2; i++)
        assert_int_equal(viewfile_open(folder(w, i, dir), &file[i], &f), 0);
    for (unsigned k = 0; k < CERTS; k++) {
        struct cert_ref r = ref_of(k);
        int found = viewfile_lookup(file[r.issuer], r.serial, &row);

        assert_int_equal(contradicts(w->acked[k], found, &row), 0);
    }
    viewfile_close(file[1]);
    viewfile_close(file[2]);
}

static void assert_recovers(struct world *w)
{
    struct view *v;

    assert_acknowledged(w);
    v = open_view(w);
    assert_equals_store(w);
    publish(w, v, 1, CERT_REVOKED);
    w->acked[1] = CERT_REVOKED;
    view_close(v);
    assert_equals_store(w);
}

static void after_a_kill_at_any_time_the_view_equals_the_store(void **state)
{
    struct world *w = *state;
    int status;

    view_close(open_view(w));
    for (unsigned round = 0; round < 12; round++) {
        pid_t writer;

        *w->checks = 0;
        w->random += round;
        writer = fork();
        if (writer == 0)
            writer_process(w, NULL);
        while (__atomic_load_n(w->checks, __ATOMIC_ACQUIRE) == 0)
            assert_int_equal(waitpid(writer, &status, WNOHANG), 0);
        usleep((useconds_t)draw(&w->random, 30000));
        kill(writer, SIGKILL);
        assert_int_equal(waitpid(writer, &status, 0), writer);
        assert_true(WIFSIGNALED(status));
        assert_recovers(w);
    }
}

static void after_a_kill_at_each_step_the_view_equals_the_store(void **state)
{
    static const char *const steps[] = {
        "view_test:view.record:5",        "view_test:view.count:9",
        "view_test:view.through:7",       "view_test:view.snapshot:1",
        "view_test:view.before-rename:1", "view_test:view.after-rename:1",
        "view_test:view.after-rename:2",
    };
    struct world *w = *state;
    int status;

    view_close(open_view(w));
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        pid_t writer;

        w->random += i;
        writer = fork();
        if (writer == 0)
            writer_process(w, steps[i]);
        assert_int_equal(waitpid(writer, &status, 0), writer);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
            fail_msg("%s was not reached: %d", steps[i], status);
        assert_recovers(w);
    }
}

/* --- damage ------------------------------------------------------------------ */

static void fill(struct world *w, struct view *v, unsigned n)
{
    for (unsigned k = 0; k < n; k++)
        publish(w, v, k, k % 5 ? CERT_GOOD : CERT_REVOKED);
}

static uint64_t generation(const struct world *w)
{
    struct viewfile_info info = {0};
    struct viewfile *r;
    struct fault f;
    char dir[128];

    if (viewfile_open(folder(w, 1, dir), &r, &f) == 0)
        viewfile_info(r, &info);
    viewfile_close(r);
    return info.generation;
}

/* Flips a bit of a file of issuer 1, any below `bits` (or of the whole file). A reader may refuse,
 * or find the view whole (when the bit means nothing, or only a time stamp): it never says good of
 * what is revoked. */
static void flip(struct world *w, enum viewfile_kind kind, uint64_t first, uint64_t bits)
{
    char path[256], dir[128], name[VIEWFILE_NAME_MAX];
    uint64_t bit;
    struct stat st;
    uint8_t octet;
    int fd;

    viewfile_name(kind, generation(w), name);
    snprintf(path, sizeof path, "%s/%s", folder(w, 1, dir), name);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(fstat(fd, &st), 0);
    bit = first + draw(&w->random, bits ? bits : 8 * (uint64_t)st.st_size);
    assert_int_equal(pread(fd, &octet, 1, (off_t)(bit / 8)), 1);
    octet ^= (uint8_t)(1u << bit % 8);
    assert_int_equal(pwrite(fd, &octet, 1, (off_t)(bit / 8)), 1);
    close(fd);
}

static void assert_never_wrong(const struct world *w, unsigned n)
{
    struct viewfile_row row;
    struct viewfile *r;
    struct fault f;
    char dir[128];

    if (viewfile_open(folder(w, 1, dir), &r, &f) < 0) {
        assert_string_equal(f.rule, "view.damaged");
        return;
    }
    for (unsigned k = 0; k < n; k++) {
        struct cert_ref ref = ref_of(k);

        if (ref.issuer != 1)
            continue;
        assert_int_equal(viewfile_lookup(r, ref.serial, &row), 0);
        assert_int_equal(row.status, k % 5 ? VIEWFILE_GOOD : VIEWFILE_REVOKED);
    }
    viewfile_close(r);
}

static void flipped_bits_are_refused_by_readers_and_repaired_by_the_writer(void **state)
{
    enum { ROWS = 60 };
    struct world *w = *state;
    struct view *v = open_view(w);

    fill(w, v, ROWS);
    view_close(v);
    for (unsigned i = 0; i < 100; i++) {
        flip(w, i % 4 == 0 ? VIEWFILE_SNAPSHOT : VIEWFILE_LOG,
             i % 4 == 1 ? 8 * VIEWFILE_LOG_START : 0, i % 4 == 1 ? 8 * VIEWFILE_RECORD : 0);
        assert_never_wrong(w, ROWS);
        v = open_view(w);
        assert_equals_store(w);
        for (unsigned k = 1; k < 30; k += 5) /* again, so that the log is not empty */
            publish(w, v, k, CERT_GOOD);
        view_close(v);
    }
}

static void every_bit_of_the_live_words_may_flip(void **state)
{
    struct world *w = *state;
    struct view *v = open_view(w);

    fill(w, v, 40);
    view_close(v);
    for (uint64_t bit = 0; bit < 8 * sizeof(struct viewfile_live); bit++) {
        flip(w, VIEWFILE_LOG, 8 * VIEWFILE_HEADER + bit, 1);
        assert_never_wrong(w, 40);
        view_close(open_view(w));
        assert_int_not_equal(generation(w), 0);
        assert_never_wrong(w, 40);
    }
    assert_equals_store(w);
}

static void truncated_and_missing_files_are_refused_and_rebuilt(void **state)
{
    static const char *const kinds[] = {"snapshot", "log", "current"};
    struct world *w = *state;
    struct view *v = open_view(w);
    char path[256], dir[128];
    struct viewfile *r;
    struct fault f;

    fill(w, v, 100);
    view_close(v);
    for (unsigned i = 0; i < 30; i++) {
        const char *kind = kinds[i % 3];
        uint64_t g = generation(w);
        struct stat st;

        assert_int_not_equal(g, 0);
        if (i % 3 == 2)
            snprintf(path, sizeof path, "%s/current", folder(w, 1, dir));
        else
            snprintf(path, sizeof path, "%s/%s.%llu", folder(w, 1, dir), kind,
                     (unsigned long long)g);
        assert_int_equal(stat(path, &st), 0);
        if (i >= 27)
            assert_int_equal(unlink(path), 0);
        else
            assert_int_equal(truncate(path, (off_t)draw(&w->random, (uint64_t)st.st_size)), 0);
        assert_true(viewfile_open(folder(w, 1, dir), &r, &f) < 0);
        assert_null(r);
        view_close(open_view(w));
        assert_equals_store(w);
    }
}

static void a_reader_follows_a_rebuilt_view(void **state)
{
    struct world *w = *state;
    struct view *v = open_view(w);
    struct viewfile_row row;
    struct viewfile *r;
    char path[256], dir[128];
    struct fault f;

    fill(w, v, 10);
    assert_int_equal(viewfile_open(folder(w, 1, dir), &r, &f), 0);
    view_close(v);
    snprintf(path, sizeof path, "%s/current", folder(w, 1, dir));
    assert_int_equal(unlink(path), 0);
    v = open_view(w);
    publish(w, v, 1, CERT_REVOKED);
    assert_int_equal(viewfile_refresh(r, &f), 0);
    assert_int_equal(viewfile_lookup(r, ref_of(1).serial, &row), 0);
    assert_int_equal(row.status, VIEWFILE_REVOKED);
    viewfile_close(r);
    view_close(v);
}

static void a_view_of_another_key_is_rebuilt(void **state)
{
    struct world *w = *state;
    struct view *v = open_view(w);

    fill(w, v, 10);
    view_close(v);
    model_forget(w->store, 4);
    model_issuer(w->store, 1, "issuing", 0x33);
    model_issuer(w->store, 2, "other/../name", 0x44);
    view_close(open_view(w));
    assert_equals_store(w);
}

/* An older store must not make revoked certificates good again. */
static void a_store_older_than_the_view_is_refused(void **state)
{
    struct world *w = *state;
    struct view *v = open_view(w);
    struct fault f;

    fill(w, v, 10);
    view_close(v);
    model_forget(w->store, 4);
    assert_int_equal(view_open(w->dir, w->store, &v, &f), -FAULT_CONFLICT);
    assert_string_equal(f.rule, "view.ahead");
    assert_null(v);
}

/* --- upkeep ------------------------------------------------------------------ */

static void limit_file_size(rlim_t octets)
{
    struct rlimit r;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
    r.rlim_cur = octets;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* A file size limit stands in for the full disk: writes stop half way or fail. */
static void a_full_disk_is_reported_and_made_good_afterwards(void **state)
{
    struct world *w = *state;
    struct view *v = open_view(w);
    struct store_change c = change(2, CERT_GOOD, 1);
    struct view_stats stats;
    struct fault f;

    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    publish(w, v, 1, CERT_GOOD);
    limit_file_size(VIEWFILE_LOG_START + VIEWFILE_RECORD + 20);
    for (unsigned k = 2; k < 6; k++) {
        uint64_t before = model_newest(w->store);

        c = change(k, CERT_GOOD, 1);
        model_change(w->store, &c);
        assert_int_equal(publish_since(w, v, before, &f), -FAULT_UNAVAILABLE);
        assert_string_equal(f.rule, "view.publish");
        assert_true(f.retry_after > 0);
        view_stats(v, &stats);
        assert_true(stats.behind);
        assert_int_equal(view_maintain(v, &f), -FAULT_UNAVAILABLE);
    }
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(view_maintain(v, &f), 0);
    view_stats(v, &stats);
    assert_false(stats.behind);
    assert_int_equal(stats.change, model_newest(w->store));
    assert_equals_store(w);
    view_close(v);
}

static void a_lost_publication_is_made_good_by_the_next(void **state)
{
    struct world *w = *state;
    struct view *v = open_view(w);
    struct store_change c = change(1, CERT_GOOD, 1);

    model_change(w->store, &c);
    publish(w, v, 2, CERT_GOOD);
    assert_equals_store(w);
    view_close(v);
}

static void an_issuer_added_later_gets_its_folder_and_certificate(void **state)
{
    static const uint8_t der[] = {0x30, 0x03, 0x02, 0x01, 0x07};
    struct world *w = *state;
    struct view *v = open_view(w);
    struct store_change c = change(1, CERT_GOOD, 1);
    struct viewfile_row row;
    struct viewfile *r;
    struct buf got;
    char path[256];
    struct fault f;

    fill(w, v, 5);
    model_issuer(w->store, 3, "late", 0x33);
    assert_int_equal(view_issuer(v, 3, "late", SLICE_NONE, &f), 0);
    assert_int_equal(view_issuer(v, 3, "late", slice_of(der, sizeof der), &f), 0);
    assert_int_equal(view_issuer(v, 9, "unknown", SLICE_NONE, &f), -FAULT_NOT_FOUND);
    c.ref.issuer = 3;
    model_change(w->store, &c);
    assert_int_equal(publish_since(w, v, 5, &f), 0);
    snprintf(path, sizeof path, "%s/late-3", w->dir);
    assert_int_equal(viewfile_open(path, &r, &f), 0);
    assert_int_equal(viewfile_lookup(r, c.ref.serial, &row), 0);
    viewfile_close(r);
    buf_init(&got, 4096);
    snprintf(path, sizeof path, "%s/late-3/issuer.der", w->dir);
    assert_int_equal(file_read(path, 4096, &got, &f), 0);
    assert_true(slice_eq(buf_slice(&got), slice_of(der, sizeof der)));
    buf_reset(&got);
    snprintf(path, sizeof path, "%s/late-3/issuer.pem", w->dir);
    assert_int_equal(file_read(path, 4096, &got, &f), 0);
    assert_string_equal(buf_cstr(&got),
                        "-----BEGIN CERTIFICATE-----\nMAMCAQc=\n-----END CERTIFICATE-----\n");
    buf_free(&got);
    view_close(v);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_change_is_seen_by_the_next_refresh),
        TEST(an_idle_issuers_files_follow_the_change_number_and_the_clock),
        TEST(readers_never_see_less_than_was_acknowledged),
        TEST(after_a_kill_at_any_time_the_view_equals_the_store),
        TEST(after_a_kill_at_each_step_the_view_equals_the_store),
        TEST(flipped_bits_are_refused_by_readers_and_repaired_by_the_writer),
        TEST(every_bit_of_the_live_words_may_flip),
        TEST(truncated_and_missing_files_are_refused_and_rebuilt),
        TEST(a_reader_follows_a_rebuilt_view),
        TEST(a_view_of_another_key_is_rebuilt),
        TEST(a_store_older_than_the_view_is_refused),
        TEST(a_full_disk_is_reported_and_made_good_afterwards),
        TEST(a_lost_publication_is_made_good_by_the_next),
        TEST(an_issuer_added_later_gets_its_folder_and_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
