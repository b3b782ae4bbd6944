/* The view: every issuer's files together, kept up with the store. */
#include "ca/view/view.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/view/issuer.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/pem.h"

#define BATCH 256

enum {
    STAMP_EVERY = 20,  /* seconds */
    RETRY_AFTER = 5,   /* seconds, told to requesters while the view is behind */
    LOG_LEAST = 16384, /* records before a snapshot is worth writing */
    LOG_MOST =
        196608 /* records, which every reader has in a table, however large the snapshot is */
};

struct view {
    char *dir;
    struct store *store;
    pthread_mutex_t lock; /* over all below; issuers are added in front, never removed */
    struct view_issuer *issuers;
    uint64_t change;
    int64_t stamp;
    bool behind;
};

static struct view_issuer *find(struct view *v, uint16_t number)
{
    struct view_issuer *i = v->issuers;

    while (i && i->number != number)
        i = i->next;
    return i;
}

/* --- issuers ----------------------------------------------------------------- */

struct wanted {
    struct view *v;
    uint16_t number;          /* 0: all */
    struct view_issuer *list; /* opened, not attached yet */
    struct fault *f;
};

static int open_issuer(void *arg, const struct store_issuer *si)
{
    struct wanted *w = arg;
    struct view_issuer *i;
    int rc;

    if (w->number != 0 && si->number != w->number)
        return 0;
    rc = view_issuer_open(w->v->dir, si, &w->v->lock, &i, w->f);
    if (rc < 0)
        return rc;
    i->next = w->list;
    w->list = i;
    return 0;
}

static void free_list(struct view_issuer *i)
{
    while (i) {
        struct view_issuer *next = i->next;

        view_issuer_free(i);
        i = next;
    }
}

/* `fresh`: the store did not have this issuer when the view was opened, so that no change up to
 * v->change is its. */
static int attach(struct view *v, struct view_issuer *i, uint64_t newest, bool fresh,
                  struct fault *f)
{
    int rc = view_issuer_attach(i, newest, f);

    if (rc == 1) {
        log_warn("view.torn", "folder", i->dir, NULL);
        rc = view_issuer_merge(i, f);
    } else if (rc == -FAULT_NOT_FOUND && fresh) {
        rc = view_issuer_create(i, v->change, f);
    } else if (rc == -FAULT_MALFORMED || rc == -FAULT_NOT_FOUND) {
        /* Nothing there yet is no damage: every first start finds it so. */
        log_fault(rc == -FAULT_NOT_FOUND ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "view.rebuild", f,
                  "folder", i->dir, NULL);
        rc = view_issuer_rebuild(i, v->store, newest, f);
    }
    return rc < 0 ? rc : view_issuer_clean(i, f);
}

/* Attaches what was opened and takes it among the view's issuers; frees what could not be. */
static int attach_list(struct view *v, struct view_issuer *list, uint64_t newest, bool fresh,
                       struct fault *f)
{
    int rc = 0;

    while (list && rc == 0) {
        struct view_issuer *i = list;

        rc = attach(v, i, newest, fresh, f);
        if (rc < 0)
            break;
        list = i->next;
        i->next = v->issuers;
        v->issuers = i;
    }
    free_list(list);
    return rc;
}

/* Finds the issuer, or adds one that the store has got since. Under the lock. */
static int want_issuer(struct view *v, uint16_t number, struct view_issuer **out, struct fault *f)
{
    struct wanted w = {.v = v, .number = number, .f = f};
    int rc;

    *out = find(v, number);
    if (*out)
        return 0;
    rc = store_issuers(v->store, open_issuer, &w, f);
    if (rc == 0)
        rc = attach_list(v, w.list, v->change, true, f);
    else
        free_list(w.list);
    if (rc < 0)
        return rc;
    *out = find(v, number);
    v->stamp = 0; /* the new issuer gets its first time stamp with the next upkeep */
    if (!*out)
        return fault_set(f, FAULT_NOT_FOUND, "view.issuer", "the store knows no issuer %u", number);
    return 0;
}

/* --- publishing -------------------------------------------------------------- */

/* The rows of one issuer among the changes, in one write. Changes that its files have already are
 * left out: after a failure the whole batch comes again. */
static int apply_issuer(struct view_issuer *i, const struct store_change *c, size_t n,
                        struct fault *f)
{
    struct viewfile_row rows[BATCH];
    size_t some = 0;
    int rc = 0;

    for (size_t k = 0; rc == 0 && k < n; k++) {
        if (c[k].ref.issuer != i->number || c[k].number <= i->through ||
            !view_row(&c[k], &rows[some]))
            continue;
        if (++some == BATCH) {
            rc = view_issuer_append(i, rows, some, f);
            some = 0;
        }
    }
    if (rc == 0 && some > 0)
        rc = view_issuer_append(i, rows, some, f);
    if (rc == 0 && c[n - 1].number > i->through)
        view_issuer_set_through(i, c[n - 1].number);
    return rc;
}

static int apply(struct view *v, const struct store_change *c, size_t n, struct fault *f)
{
    struct view_issuer *i;
    int rc = 0;

    for (size_t k = 0; rc == 0 && k < n; k++)
        if (c[k].ref.issuer < STORE_ANNOTATED)
            rc = want_issuer(v, c[k].ref.issuer, &i, f);
    for (i = v->issuers; rc == 0 && i; i = i->next)
        rc = apply_issuer(i, c, n, f);
    if (rc == 0)
        v->change = c[n - 1].number;
    return rc;
}

/* What the store has and the view does not. */
static int catch_up(struct view *v, struct fault *f)
{
    struct store_change c[BATCH];
    size_t n = 0;
    int rc;

    do {
        rc = store_changes_since(v->store, v->change, c, BATCH, &n, f);
        if (rc == 0 && n > 0)
            rc = apply(v, c, n, f);
    } while (rc == 0 && n > 0);
    return rc;
}

/* One line when it falls behind and one when it is back, however many requests there are. */
static int note(struct view *v, int rc, struct fault *f)
{
    bool was_behind = v->behind;

    v->behind = rc < 0;
    if (rc == 0) {
        if (was_behind)
            log_info("view.repaired", "change", log_num((int64_t)v->change), NULL);
        return 0;
    }
    if (!was_behind)
        log_fault(LOG_LEVEL_ERROR, "view.behind", f, "change", log_num((int64_t)v->change), NULL);
    return fault_unavailable(f, RETRY_AFTER, "view.publish",
                             "recorded, but not yet in the public view");
}

int view_publish(void *view, const struct store_change *c, size_t n, struct fault *f)
{
    struct view *v = view;
    int rc = 0;

    pthread_mutex_lock(&v->lock);
    if (v->behind || (n > 0 && c[0].number != v->change + 1))
        rc = catch_up(v, f);
    else if (n > 0)
        rc = apply(v, c, n, f);
    rc = note(v, rc, f);
    pthread_mutex_unlock(&v->lock);
    return rc;
}

/* --- opening ----------------------------------------------------------------- */

static int stamp_all(struct view *v, struct view_issuer *list, int64_t now, struct fault *f)
{
    int rc = 0;

    for (struct view_issuer *i = list; rc == 0 && i; i = i->next)
        rc = view_issuer_stamp(i, now, f);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&v->lock);
    v->stamp = v->issuers == list ? now : 0;
    pthread_mutex_unlock(&v->lock);
    return 0;
}

static int open_all(struct view *v, struct fault *f)
{
    struct wanted all = {.v = v, .f = f};
    struct store_stats stats;
    int rc = store_stats(v->store, &stats, f);

    if (rc == 0)
        rc = store_issuers(v->store, open_issuer, &all, f);
    if (rc < 0) {
        free_list(all.list);
        return rc;
    }
    rc = attach_list(v, all.list, stats.change, false, f);
    if (rc < 0)
        return rc;
    v->change = stats.change;
    for (struct view_issuer *i = v->issuers; i; i = i->next)
        if (i->through < v->change)
            v->change = i->through;
    rc = catch_up(v, f);
    return rc < 0 ? rc : stamp_all(v, v->issuers, clock_now(), f);
}

/* Attaching a new issuer while publishing takes the lock again. */
static void lock_init(pthread_mutex_t *lock)
{
    pthread_mutexattr_t recursive;

    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(lock, &recursive);
    pthread_mutexattr_destroy(&recursive);
}

int view_open(const char *dir, struct store *s, struct view **out, struct fault *f)
{
    struct view *v;
    int rc;

    *out = NULL;
    if (view_folder(dir) < 0 && errno != EEXIST)
        return fault_set(f, FAULT_INTERNAL, "view.folder", "cannot make %s: %s", dir,
                         strerror(errno));
    v = xcalloc(1, sizeof *v);
    v->dir = xstrdup(dir);
    v->store = s;
    lock_init(&v->lock);
    rc = open_all(v, f);
    if (rc < 0) {
        view_close(v);
        return rc;
    }
    *out = v;
    return 0;
}

void view_close(struct view *v)
{
    if (!v)
        return;
    free_list(v->issuers);
    pthread_mutex_destroy(&v->lock);
    free(v->dir);
    free(v);
}

int view_issuer_folder(struct view *v, uint16_t number, int *dirfd, struct fault *f)
{
    struct view_issuer *i;
    int rc;

    pthread_mutex_lock(&v->lock);
    rc = want_issuer(v, number, &i, f);
    *dirfd = rc == 0 ? i->dirfd : -1;
    pthread_mutex_unlock(&v->lock);
    return rc;
}

/* --- certificates ------------------------------------------------------------ */

/* Not written again when it is there already: a start needs no sync. */
static int put_file(const struct view_issuer *i, const char *name, struct slice data,
                    struct fault *f)
{
    char path[4096];
    struct buf there;
    struct fault none;
    bool same;
    int n = snprintf(path, sizeof path, "%s/%s", i->dir, name);

    if (n < 0 || (size_t)n >= sizeof path)
        return fault_set(f, FAULT_TOO_LARGE, "view.folder", "the path of the view is too long");
    buf_init(&there, data.n + 1);
    same = file_read(path, data.n, &there, &none) == 0 && slice_eq(buf_slice(&there), data);
    buf_free(&there);
    return same ? 0 : file_write(path, 0644, data, f);
}

int view_issuer(struct view *v, uint16_t number, const char *name, struct slice certificate,
                struct fault *f)
{
    struct view_issuer *i;
    struct buf pem;
    int rc;

    pthread_mutex_lock(&v->lock);
    rc = want_issuer(v, number, &i, f);
    pthread_mutex_unlock(&v->lock);
    if (rc < 0 || certificate.n == 0)
        return rc;
    buf_init(&pem, 2 * certificate.n + 256);
    pem_put(&pem, "CERTIFICATE", certificate);
    if (buf_failed(&pem))
        rc = fault_set(f, FAULT_TOO_LARGE, "view.certificate", "the certificate of %s is too large",
                       name);
    if (rc == 0)
        rc = put_file(i, "issuer.der", certificate, f);
    if (rc == 0)
        rc = put_file(i, "issuer.pem", buf_slice(&pem), f);
    buf_free(&pem);
    return rc;
}

/* --- upkeep ------------------------------------------------------------------ */

/* A quarter of the snapshot, so that writing it again costs a few octets for each record; bounded,
 * so that the memory of readers does not grow with the store. */
static bool outgrown(struct view *v, const struct view_issuer *i)
{
    uint64_t limit = i->snapshot_rows / 4;
    bool yes;

    if (limit < LOG_LEAST)
        limit = LOG_LEAST;
    if (limit > LOG_MOST)
        limit = LOG_MOST;
    pthread_mutex_lock(&v->lock);
    yes = i->log.seen > limit;
    pthread_mutex_unlock(&v->lock);
    return yes;
}

static int keep_small(struct view *v, struct view_issuer *i, struct fault *f)
{
    int rc;

    view_issuer_sweep_old(i);
    if (!outgrown(v, i))
        return 0;
    rc = view_issuer_merge(i, f);
    if (rc == -FAULT_MALFORMED) {
        log_fault(LOG_LEVEL_WARN, "view.rebuild", f, "folder", i->dir, NULL);
        rc = view_issuer_rebuild(i, v->store, 0, f);
    }
    return rc;
}

int view_maintain(struct view *v, struct fault *f)
{
    struct view_issuer *list, *i;
    int64_t now;
    bool due;
    int rc;

    pthread_mutex_lock(&v->lock);
    rc = note(v, catch_up(v, f), f);
    list = v->issuers;
    now = clock_now();
    due = now < v->stamp || now - v->stamp >= STAMP_EVERY;
    pthread_mutex_unlock(&v->lock);
    if (rc < 0)
        return rc;
    if (due)
        rc = stamp_all(v, list, now, f);
    for (i = list; rc == 0 && i; i = i->next)
        rc = keep_small(v, i, f);
    return rc;
}

void view_stats(struct view *v, struct view_stats *out)
{
    *out = (struct view_stats){0};
    pthread_mutex_lock(&v->lock);
    out->change = v->change;
    out->stamp = v->stamp;
    out->behind = v->behind;
    for (struct view_issuer *i = v->issuers; i; i = i->next) {
        out->snapshot_rows += i->snapshot_rows;
        out->log_rows += i->log.seen;
    }
    pthread_mutex_unlock(&v->lock);
}
