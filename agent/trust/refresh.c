#include <stdlib.h>
#include <string.h>

#include "agent/deploy/fill.h"
#include "agent/trust/inner.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/step.h"

/* A look at all sources. */
struct look {
    const struct agent_trust *t;
    struct trust_status *out;
    struct trust_raw *raw; /* one a source: what is installed, then what will be */
    int64_t now;
};

/* ---- what is installed ---- */

static int load_one(const struct look *l, size_t i, const char *folder, struct fault *f)
{
    const struct trust_source *s = &l->t->sources[i];
    struct trust_item *item = &l->out->item[i];
    char path[PATH_MAX];
    struct buf certs;
    int rc = place_in(folder, s->name, path, f);

    if (rc < 0 || !place_exists(path))
        return rc;
    rc = file_read(path, (size_t)l->t->max_size, &l->raw[i].der, f);
    if (rc == 0 && s->kind == TRUST_CRL) {
        rc = trust_check_crl(&l->raw[i].der, SLICE_NONE, l->now, item, f);
    } else if (rc == 0) {
        buf_init(&certs, (size_t)l->t->max_size);
        rc = trust_check_ca(buf_slice(&l->raw[i].der), buf_slice(&l->raw[i].der), l->now, &certs,
                            item, f);
        buf_free(&certs);
    }
    l->raw[i].there = rc == 0;
    if (rc == 0)
        return 0;
    log_fault(LOG_LEVEL_WARN, "trust.installed-unreadable", f, "entry", l->t->as.name, "source",
              s->name, NULL);
    item->there = false;
    return 0;
}

/* Files that were written from another configuration are as good as new contents. */
static int compare_layout(const struct look *l, const char *raw, struct fault *f)
{
    char path[PATH_MAX];
    struct buf is = {0}, wanted;
    int rc = place_in(raw, TRUST_LAYOUT, path, f);

    if (rc < 0)
        return rc;
    buf_init(&wanted, DEPLOY_FILE_MAX);
    trust_layout(l->t, &wanted);
    if (place_exists(path))
        rc = file_read(path, DEPLOY_FILE_MAX, &is, f);
    l->out->changed = rc == 0 && !slice_eq(buf_slice(&is), buf_slice(&wanted));
    buf_free(&wanted);
    buf_free(&is);
    return rc;
}

static int load(const struct look *l, struct fault *f)
{
    char folder[PATH_MAX], raw[PATH_MAX];
    unsigned version = 0;
    int rc = deploy_current(&l->t->as, &version, f);

    if (rc < 0)
        return f->code == FAULT_NOT_FOUND ? 0 : rc;
    l->out->version = version;
    rc = place_version(&l->t->as, version, folder, f);
    if (rc == 0)
        rc = place_in(folder, TRUST_RAW, raw, f);
    if (rc == 0)
        rc = compare_layout(l, raw, f);
    for (size_t i = 0; i < l->t->n_sources && rc == 0; i++)
        rc = load_one(l, i, raw, f);
    return rc;
}

/* ---- what is new ---- */

/* Whom certificates of this source are compared with: the configured ones, and those that are
 * believed already. */
static int anchors_of(const struct look *l, size_t i, struct buf *out, struct fault *f)
{
    int rc = trust_read_file(l->t->sources[i].issuer, out, f);

    if (rc == 0 && l->t->sources[i].kind == TRUST_CA && l->raw[i].there)
        buf_put_slice(out, buf_slice(&l->raw[i].der));
    return rc;
}

static int check_new(const struct look *l, size_t i, struct buf *got, struct slice anchors,
                     struct trust_item *new, struct fault *f)
{
    struct trust_item *old = &l->out->item[i];
    struct buf certs;
    int rc;

    if (new->source->kind == TRUST_CRL) {
        rc = trust_check_crl(got, anchors, l->now, new, f);
        return rc == 0 ? trust_newer(old, buf_slice(&l->raw[i].der), new, buf_slice(got), f) : rc;
    }
    buf_init(&certs, (size_t)l->t->max_size);
    rc = trust_check_ca(buf_slice(got), anchors, l->now, &certs, new, f);
    buf_free(got);
    *got = certs;
    if (rc < 0)
        return rc;
    return !old->there || !slice_eq(buf_slice(&l->raw[i].der), buf_slice(got));
}

static int ask_one(const struct look *l, size_t i, int64_t timeout, struct fault *f)
{
    struct trust_item new = {.source = &l->t->sources[i]};
    struct buf got = {0}, anchors = {0};
    int rc = trust_fetch(&l->t->sources[i], timeout, l->t->max_size, &got, f);

    if (rc == 0)
        rc = anchors_of(l, i, &anchors, f);
    if (rc == 0)
        rc = check_new(l, i, &got, buf_slice(&anchors), &new, f);
    if (rc == 1) {
        new.changed = true;
        l->out->item[i] = new;
        buf_free(&l->raw[i].der);
        l->raw[i] = (struct trust_raw){got, true};
        got = (struct buf){0};
        l->out->changed = true;
    }
    buf_free(&anchors);
    buf_free(&got);
    return rc < 0 ? rc : 0;
}

/* Each is asked whatever the others say. */
static int ask_all(const struct look *l, int64_t timeout, struct fault *first)
{
    int rc = 0;

    for (size_t i = 0; i < l->t->n_sources; i++) {
        struct trust_item *item = &l->out->item[i];
        struct fault f = {0};
        int failed = ask_one(l, i, timeout, &f);

        if (failed == 0)
            continue;
        log_fault(LOG_LEVEL_WARN, "trust.refused", &f, "entry", l->t->as.name, "source",
                  item->source->name, NULL);
        item->why = f;
        if (rc == 0)
            *first = f;
        rc = rc == 0 ? failed : rc;
    }
    return rc;
}

/* ---- installing ---- */

static int bring_back(const struct look *l, const struct fault *why)
{
    struct fault f;

    log_fault(LOG_LEVEL_ERROR, "trust.rolled-back", why, "entry", l->t->as.name, NULL);
    if (deploy_rollback(&l->t->as, &l->out->seen, &f) < 0)
        log_fault(LOG_LEVEL_ERROR, "trust.rollback-failed", &f, "entry", l->t->as.name, NULL);
    return -(int)why->code;
}

static int use(const struct look *l, unsigned version, struct fault *f)
{
    const struct agent_cert *c = &l->t->as;
    int rc = deploy_install(c, version, f);

    STEP("trust-installed");
    if (rc == 0)
        rc = deploy_reload(c, f);
    if (rc == 0)
        rc = deploy_verify(c, version, &l->out->seen, f);
    return rc < 0 ? bring_back(l, f) : 0;
}

static int install(const struct look *l, struct fault *f)
{
    const struct agent_cert *c = &l->t->as;
    struct trust_writing w = {l->t, l->raw};
    unsigned version = 0;
    int rc = 0;

    for (size_t i = 0; i < l->t->n_sources && rc == 0; i++)
        if (!l->raw[i].there)
            rc = fault_set(f, FAULT_UNAVAILABLE, "trust.missing", "nothing of %.60s was ever there",
                           l->t->sources[i].name);
    if (rc == 0)
        rc = deploy_next(c, &version, f);
    if (rc == 0)
        rc = deploy_make(c, version, trust_write, &w, f);
    if (rc == 0)
        rc = deploy_test(c, version, f);
    if (rc == 0)
        rc = deploy_hook(c, DEPLOY_BEFORE, NULL, f);
    if (rc == 0)
        rc = use(l, version, f);
    if (rc == 0)
        l->out->version = version;
    return rc;
}

/* A version is visible that nobody has seen to be used: the last attempt ended in the middle, or
 * somebody has taken a path away since. */
static int finish(const struct look *l, struct fault *f)
{
    unsigned current = 0, good = 0;
    int rc = place_get(&l->t->as, PLACE_CURRENT, &current, f);

    if (rc < 0)
        return f->code == FAULT_NOT_FOUND ? 0 : rc;
    rc = place_get(&l->t->as, PLACE_GOOD, &good, f);
    if (rc < 0 && f->code != FAULT_NOT_FOUND)
        return rc;
    return rc == 0 && current == good && !deploy_missing(&l->t->as) ? 0 : use(l, current, f);
}

/* ---- all of it ---- */

static void sum_up(const struct look *l)
{
    struct trust_status *out = l->out;

    for (size_t i = 0; i < out->n; i++) {
        const struct trust_item *item = &out->item[i];
        int64_t least = l->t->min_remaining, late;

        if (!item->there || item->next_update == 0)
            continue;
        if (least == 0 && item->source->kind == TRUST_CRL)
            least = (item->next_update - item->this_update) / 3;
        late = item->next_update - least;
        if (out->next_update == 0 || item->next_update < out->next_update)
            out->next_update = item->next_update;
        if (out->late_from == 0 || late < out->late_from)
            out->late_from = late;
    }
}

static int begin(struct look *l, const struct agent_trust *t, struct trust_status *out,
                 struct fault *f)
{
    memset(out, 0, sizeof(*out));
    out->n = t->n_sources;
    *l = (struct look){.t = t, .out = out, .now = clock_now()};
    l->raw = xcalloc(t->n_sources, sizeof(*l->raw));
    for (size_t i = 0; i < out->n; i++)
        out->item[i].source = &t->sources[i];
    return load(l, f);
}

static void end(struct look *l)
{
    sum_up(l);
    for (size_t i = 0; i < l->t->n_sources; i++)
        buf_free(&l->raw[i].der);
    free(l->raw);
}

int trust_look(const struct agent_trust *t, struct trust_status *out, struct fault *f)
{
    struct look l;
    int rc = begin(&l, t, out, f);

    out->changed = false;
    end(&l);
    return rc;
}

/* What a source gives may be what mends what could not be finished. */
static int ask_and_install(const struct look *l, int64_t timeout, struct fault *f)
{
    struct fault unfinished = {0}, source = {0}, hook;
    int rc, half = finish(l, &unfinished), asked = ask_all(l, timeout, &source);

    if (!l->out->changed) {
        *f = half < 0 ? unfinished : source;
        return half < 0 ? half : asked;
    }
    rc = install(l, f);
    if (rc < 0)
        return rc;
    if (deploy_hook(&l->t->as, DEPLOY_AFTER, NULL, &hook) < 0)
        log_fault(LOG_LEVEL_WARN, "trust.hook-failed", &hook, "entry", l->t->as.name, NULL);
    if (asked < 0)
        *f = source;
    return asked;
}

int trust_refresh(const struct agent_trust *t, int64_t timeout, struct trust_status *out,
                  struct fault *f)
{
    struct look l;
    int rc = begin(&l, t, out, f);

    if (rc == 0)
        rc = ask_and_install(&l, timeout, f);
    end(&l);
    return rc;
}
