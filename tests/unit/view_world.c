#include "tests/unit/view_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/log.h"

static void *shared(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(p != MAP_FAILED);
    return p;
}

int world_setup(void **state)
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

int world_teardown(void **state)
{
    struct world *w = *state;

    remove_tree(w->dir);
    model_free(w->store);
    munmap(w->acked, CERTS);
    munmap(w->checks, 4096);
    free(w);
    return 0;
}

uint64_t draw(uint64_t *random, uint64_t below)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*random >> 33) % below;
}

/* Every third certificate is of issuer 2; order of serials is not order of numbers. */
struct cert_ref ref_of(unsigned k)
{
    struct cert_ref r = {.issuer = k % 3 == 0 ? 2 : 1};
    uint64_t a = k * UINT64_C(0x9e3779b97f4a7c15);

    r.serial[0] = 0x40 | (uint8_t)(k % 7);
    memcpy(r.serial + 4, &k, sizeof k);
    memcpy(r.serial + 8, &a, sizeof a);
    return r;
}

const char *folder(const struct world *w, uint16_t issuer, char out[128])
{
    snprintf(out, 128, "%s/%s", w->dir, issuer == 1 ? "issuing-1" : "other_.__name-2");
    return out;
}

struct store_change change_to(unsigned k, enum cert_state state, int64_t time)
{
    struct store_change c = {.ref = ref_of(k), .state = state, .time = time};

    c.reason = state == CERT_REVOKED ? 1 : state == CERT_HELD ? 6 : 0;
    return c;
}

int publish_since(struct world *w, struct view *v, uint64_t before, struct fault *f)
{
    return view_publish(v, model_changes(w->store, before + 1),
                        (size_t)(model_newest(w->store) - before), f);
}

void publish(struct world *w, struct view *v, unsigned k, enum cert_state state)
{
    struct store_change c = change_to(k, state, 1000 + k);
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

int random_batch(struct world *w, struct view *v, enum cert_state *state, struct fault *f)
{
    uint64_t before = model_newest(w->store);
    size_t n = 1 + draw(&w->random, 300);
    unsigned touched[300];
    int rc;

    for (size_t i = 0; i < n; i++) {
        unsigned k = touched[i] = (unsigned)draw(&w->random, CERTS);
        enum cert_state next = after(state[k], draw(&w->random, 64));
        struct store_change c = change_to(k, next, 1000 + (int64_t)i);

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

int contradicts(uint8_t acked, int found, const struct viewfile_row *row)
{
    if (gone(acked) && (found < 0 || row->status != VIEWFILE_REVOKED))
        return 2;
    if (acked > CERT_OPEN && found < 0)
        return 3;
    return 0;
}

_Noreturn void reader_process(const struct world *w)
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

void newest_states(const struct world *w, struct store_change *out)
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

void assert_equals_store(const struct world *w)
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

struct view *open_view(const struct world *w)
{
    struct view *v;
    struct fault f;

    assert_int_equal(view_open(w->dir, w->store, &v, &f), 0);
    return v;
}

void *upkeep_thread(void *arg)
{
    struct upkeep *u = arg;
    struct fault f;

    while (u->rc == 0 && !__atomic_load_n(&u->stop, __ATOMIC_ACQUIRE))
        __atomic_store_n(&u->rc, view_maintain(u->v, &f), __ATOMIC_RELEASE);
    return NULL;
}

int paced_batch(struct world *w, struct upkeep *u, enum cert_state *now, struct fault *f)
{
    struct view_stats stats;

    do {
        view_stats(u->v, &stats);
    } while (stats.log_rows > 50000 && __atomic_load_n(&u->rc, __ATOMIC_ACQUIRE) == 0);
    return random_batch(w, u->v, now, f);
}

void fill(struct world *w, struct view *v, unsigned n)
{
    for (unsigned k = 0; k < n; k++)
        publish(w, v, k, k % 5 ? CERT_GOOD : CERT_REVOKED);
}

uint64_t generation(const struct world *w)
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
