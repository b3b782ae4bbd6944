#include "ca/crl/publisher.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/crl/slot.h"
#include "lib/clock.h"
#include "lib/jobtimes.h"
#include "lib/log.h"

#define LOOK_EVERY_S 5 /* the clock may have been set, an issuer may have got its certificate */
#define PAUSE_MAX_S 60

void crl_slot_init(struct slot *s, struct crl_publisher *p, struct slot *full, struct crl_name name)
{
    s->p = p;
    s->a = full->a;
    s->full = full;
    s->name = name;
    s->dirfd = s->draft.fd = s->read_fd = s->install_fd = -1;
    buf_init(&s->subject, NAME_DER_MAX);
    buf_init(&s->spki, CERT_MAX);
    buf_init(&s->signature, SIGNATURE_MAX);
}

void crl_slot_clear(struct slot *s)
{
    crl_close_draft(s);
    if (s->install_fd >= 0)
        (void)close(s->install_fd);
    crl_changes_free(s->changes);
    buf_free(&s->subject);
    buf_free(&s->spki);
    buf_free(&s->signature);
}

struct parts *crl_parts_find(const struct slot *full, uint16_t n)
{
    struct parts *at = atomic_load(&full->parts);

    while (at != NULL && at->n != n)
        at = at->next;
    return at;
}

/* ---- steps on the thread ---- */

static void back_on_loop(void *arg)
{
    struct slot *s = arg;

    s->then(s);
}

static void run_step(struct work *w, unsigned worker)
{
    struct slot *s = (struct slot *)w;

    (void)worker;
    s->step(s);
    loop_post(s->p->parts.loop, back_on_loop, s);
}

/* Deltas are short and carry the news. */
void crl_push(struct slot *s, void (*step)(struct slot *), void (*then)(struct slot *))
{
    s->work.run = run_step;
    s->step = step;
    s->then = then;
    workers_push(s->p->worker, s->name.kind == CRL_DELTA ? WORK_FINISH : WORK_START, &s->work);
}

/* ---- the end of an attempt ---- */

static void set_busy(struct slot *s, bool busy)
{
    s->busy = busy;
    if (s->name.kind == CRL_SHARD)
        s->p->part_busy = busy;
}

static void answer_all(struct slot *s, const struct fault *f)
{
    struct crl_row row;

    crl_slot_row(s, clock_now(), &row);
    while (s->serving != NULL) {
        struct waiter *w = s->serving;

        s->serving = w->next;
        w->reply(w->arg, f == NULL ? &row : NULL, f);
        free(w);
    }
}

static void note_failure(struct slot *s)
{
    int64_t now = clock_now(), pause = s->failures < 6 ? 1 << s->failures : PAUSE_MAX_S;
    char list[CRL_NAME_MAX];

    if (pause < (int64_t)s->fault.retry_after)
        pause = s->fault.retry_after < CRL_PAUSE_MAX ? s->fault.retry_after : CRL_PAUSE_MAX;
    crl_name_print(&s->name, list);
    log_fault(LOG_LEVEL_WARN, "crl.failed", &s->fault, "issuer", s->a->conf->name, "list", list,
              NULL);
    s->failed = true;
    s->why = s->fault;
    s->failures++;
    s->retry_at = now + pause;
    /* What keeps one part waiting keeps all: one of them tries again. */
    if (s->name.kind == CRL_SHARD && s->fault.code == FAULT_UNAVAILABLE)
        s->p->parts_retry_at = s->retry_at;
}

static void attempt_ends(struct slot *s)
{
    char list[CRL_NAME_MAX];

    set_busy(s, false);
    job_noted(JOB_CRL, s->fault.code == FAULT_NONE);
    if (s->fault.code != FAULT_NONE) {
        crl_close_draft(s);
        note_failure(s);
        answer_all(s, &s->why);
    } else {
        s->failed = s->missing = s->interrupted = s->renew = false;
        s->failures = 0;
        s->row = s->next;
        crl_name_print(&s->name, list);
        log_info("crl.published", "issuer", s->a->conf->name, "list", list, "number",
                 log_num((int64_t)s->row.published), "entries", log_num((int64_t)s->row.entries),
                 NULL);
        answer_all(s, NULL);
    }
    crl_look(s->p);
}

/* ---- an attempt ---- */

static void signed_or_not(void *arg, struct slice signature, const struct fault *f)
{
    struct slot *s = arg;

    if (f != NULL)
        s->fault = *f;
    else if (s->p->stopping)
        (void)fault_unavailable(&s->fault, 1, "stopping", "cerca-ca is stopping, retry after 1 s");
    else
        buf_put_slice(&s->signature, signature);
    if (s->fault.code != FAULT_NONE)
        attempt_ends(s);
    else
        crl_push(s, crl_step_finish, attempt_ends);
}

static void drafted(struct slot *s)
{
    const struct signer_crl crl = {s->read_fd, s->draft.start, s->draft.octets};

    if (s->fault.code != FAULT_NONE)
        attempt_ends(s);
    else
        signer_link_sign_crl(s->a->link, s->a->conf->name, &crl, signed_or_not, s);
}

/* The certificate is the loop's: the thread gets copies. */
static void copy_issuer(struct slot *s)
{
    buf_reset(&s->subject);
    buf_put_slice(&s->subject, s->a->parsed.subject);
    buf_reset(&s->spki);
    buf_put_slice(&s->spki, s->a->parsed.key.der);
    memcpy(s->key_id, s->a->key_id, sizeof(s->key_id));
    s->number = s->a->number;
}

static struct crl_base base_of(const struct store_crl *full)
{
    return (struct crl_base){full->published, full->change, full->this_update};
}

/* Over a published one, and over the newest only when caches no longer have the one before: whoever
 * has that one must not lose the news (RFC 5280 5.2.4). */
static void choose_base(struct slot *s, int64_t now)
{
    struct crl_base newest = base_of(&s->full->row);

    s->next = s->row;
    if (s->row.base == 0 || s->row.base > newest.number) {
        s->next.base = newest.number;
        s->next.base_change = newest.change;
    } else if (s->later.number != 0 && now >= s->later.time + CRL_BASE_STAYS) {
        s->next.base = s->later.number;
        s->next.base_change = s->later.change;
        s->later.number = 0;
    }
    /* A clock that was ahead is no reason to wait for longer. */
    if (newest.number > s->next.base &&
        (s->later.number == 0 || s->later.time > now + CRL_CLOCK_SLACK))
        s->later = newest;
}

static void hurry(struct slot *s, int64_t now)
{
    s->dirty = true;
    s->dirty_since = now - s->a->conf->crl_delay;
}

/* With a full one that was asked for all the others. */
static void hurry_others(struct slot *full, int64_t now)
{
    if (full->delta != NULL)
        hurry(full->delta, now);
    for (struct parts *at = atomic_load(&full->parts); at != NULL; at = at->next)
        for (size_t k = 0; k < at->n; k++)
            hurry(&at->slot[k], now);
}

static void begin(struct slot *s, int64_t now)
{
    fault_clear(&s->fault);
    copy_issuer(s);
    set_busy(s, true);
    s->serving = s->waiting;
    s->waiting = NULL;
    memset(&s->who, 0, sizeof(s->who));
    if (s->serving != NULL)
        s->who = s->serving->who;
    /* While the token is away no number is used up. */
    if (signer_link_check(s->a->link, &s->fault) != 0) {
        attempt_ends(s);
        return;
    }
    if (s->name.kind == CRL_FULL && s->serving != NULL)
        hurry_others(s, now);
    if (s->name.kind == CRL_DELTA)
        choose_base(s, now);
    s->scheduled = s->name.kind == CRL_DELTA || s->row.scheduled > now ||
                   now >= s->row.scheduled + s->a->conf->crl_every;
    s->dirty = false;
    atomic_store(&s->told, false);
    buf_reset(&s->signature);
    crl_push(s, crl_step_draft, drafted);
}

/* ---- loading ---- */

static void load_failed(struct slot *s)
{
    note_failure(s);
    s->serving = s->waiting; /* who asked before it was loaded */
    s->waiting = NULL;
    answer_all(s, &s->why);
}

static void take_loaded(struct slot *s)
{
    s->loaded = true;
    s->failed = false;
    s->row = s->next;
    if (s->behind && !s->dirty && s->delta == NULL) {
        s->dirty = true;
        s->dirty_since = clock_now();
    }
    /* Deltas are new, and the full CRL does not tell of them. */
    if (s->name.kind == CRL_DELTA && (s->row.published == 0 || s->missing))
        s->full->renew = true;
}

static void add_parts(struct slot *full, uint16_t n)
{
    struct parts *parts = xcalloc(1, sizeof(*parts));

    parts->n = n;
    parts->slot = xcalloc(n, sizeof(*parts->slot));
    parts->next = atomic_load(&full->parts);
    for (uint16_t i = 0; i < n; i++) {
        crl_slot_init(&parts->slot[i], full->p, full, crl_name_shard(n, i));
        parts->slot[i].number = full->a->number;
    }
    atomic_store(&full->parts, parts);
}

/* Those that certificates name: of the number that is configured, and of earlier ones. */
static void add_all_parts(struct slot *full)
{
    for (unsigned n = 1; n <= CRL_SHARDS_MAX; n++)
        if ((full->has_shards[n] || n == full->a->conf->crl_shards) &&
            crl_parts_find(full, (uint16_t)n) == NULL)
            add_parts(full, (uint16_t)n);
}

static void loaded(struct slot *s)
{
    set_busy(s, false);
    if (s->fault.code != FAULT_NONE) {
        load_failed(s);
    } else {
        take_loaded(s);
        if (s->name.kind == CRL_FULL && !crl_slot_offline(s))
            add_all_parts(s);
    }
    crl_look(s->p);
}

static void parts_loaded(struct slot *s)
{
    set_busy(s, false);
    if (s->fault.code != FAULT_NONE)
        load_failed(s);
    else
        for (size_t i = 0; i < s->name.shards; i++)
            take_loaded(&s[i]);
    crl_look(s->p);
}

/* All parts together, at the first one. */
static void load(struct slot *s, int64_t now)
{
    bool part = s->name.kind == CRL_SHARD;

    if (crl_slot_waits(s, now) || (part && s->name.shard != 0))
        return;
    fault_clear(&s->fault);
    copy_issuer(s);
    set_busy(s, true);
    crl_push(s, part ? crl_step_load_parts : crl_step_load, part ? parts_loaded : loaded);
}

/* ---- the schedule ---- */

/* A full one and a delta share their numbers, which are signed in order; deltas need a base. */
static bool has_to_wait(const struct slot *s, int64_t now)
{
    int64_t until = s->p->parts_retry_at;

    switch (s->name.kind) {
    case CRL_FULL:
        return s->delta != NULL && (s->delta->busy || !s->delta->loaded);
    case CRL_DELTA:
        return s->full->busy || s->full->renew || s->full->row.published == 0;
    case CRL_SHARD:
        return s->p->part_busy || (now < until && until <= now + CRL_PAUSE_MAX);
    }
    return false;
}

static void look_at(struct slot *s, int64_t now, int64_t *next)
{
    int64_t due;

    if (s->busy || s->a->certificate.n == 0 || (s != s->full && !s->full->loaded))
        return;
    if (!s->loaded) {
        load(s, now);
        return;
    }
    if (has_to_wait(s, now))
        return;
    due = crl_slot_due(s, now);
    if (due <= now) {
        begin(s, now);
        due = s->busy ? *next : crl_slot_due(s, now);
    }
    if (due < *next)
        *next = due > now ? due : now + 1;
}

void crl_look(struct crl_publisher *p)
{
    int64_t now = clock_now(), next = now + LOOK_EVERY_S;

    /* What ends at once, for want of a token, is seen by who is looking already. */
    if (p->stopping || p->looking)
        return;
    p->looking = true;
    for (size_t i = 0; i < p->n; i++) {
        struct slot *s = &p->slot[i];

        look_at(s, now, &next);
        if (s->delta != NULL)
            look_at(s->delta, now, &next);
        for (struct parts *at = atomic_load(&s->parts); at != NULL; at = at->next)
            for (size_t k = 0; k < at->n; k++)
                look_at(&at->slot[k], now, &next);
    }
    p->looking = false;
    loop_timer_set(p->timer, (uint64_t)(next - now) * 1000);
}

static void look(void *arg)
{
    crl_look(arg);
}

static void revoked(void *arg)
{
    struct slot *s = arg;

    if (!s->dirty)
        s->dirty_since = clock_now();
    s->dirty = true;
    crl_look(s->p);
}

static void tell(struct slot *s)
{
    if (!atomic_exchange(&s->told, true))
        loop_post(s->p->parts.loop, revoked, s);
}

/* With deltas, full ones go by the clock alone. */
static void tell_of(struct slot *full, const struct store_change *c)
{
    tell(full->delta != NULL ? full->delta : full);
    for (struct parts *at = atomic_load(&full->parts); at != NULL; at = at->next)
        tell(&at->slot[crl_shard_of(c->ref.serial, at->n)]);
}

void crl_publisher_changed(struct crl_publisher *p, const struct store_change *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < p->n && store_change_tells(&c[i]); k++)
            if (p->slot[k].number == c[i].ref.issuer)
                tell_of(&p->slot[k], &c[i]);
}

/* ---- begin and end ---- */

static void add_issuer(struct crl_publisher *p, struct slot *s, struct authority *a)
{
    const struct crl_name full = {.kind = CRL_FULL}, delta = {.kind = CRL_DELTA};

    s->a = a;
    crl_slot_init(s, p, s, full);
    if (a->conf->crl_delta == 0)
        return;
    s->delta = xcalloc(1, sizeof(*s->delta));
    crl_slot_init(s->delta, p, s, delta);
}

struct crl_publisher *crl_publisher_new(const struct crl_parts *parts)
{
    struct crl_publisher *p = xcalloc(1, sizeof(*p));

    p->parts = *parts;
    p->n = parts->authorities->n;
    p->slot = xcalloc(p->n, sizeof(*p->slot));
    for (size_t i = 0; i < p->n; i++)
        add_issuer(p, &p->slot[i], &parts->authorities->item[i]);
    p->worker = workers_new(1);
    p->timer = loop_timer(parts->loop, look, p);
    loop_timer_set(p->timer, 0);
    return p;
}

void crl_publisher_stop(struct crl_publisher *p)
{
    if (p == NULL)
        return;
    p->stopping = true;
    workers_free(p->worker);
    p->worker = NULL;
}

static void slot_end(struct slot *s, const struct fault *f)
{
    answer_all(s, f);
    s->serving = s->waiting;
    answer_all(s, f);
    crl_slot_clear(s);
}

static void issuer_end(struct slot *s, const struct fault *f)
{
    struct parts *next;

    /* Each looks at its full one, and that at its deltas. */
    slot_end(s, f);
    if (s->delta != NULL)
        slot_end(s->delta, f);
    for (struct parts *at = atomic_load(&s->parts); at != NULL; at = next) {
        next = at->next;
        for (size_t k = 0; k < at->n; k++)
            slot_end(&at->slot[k], f);
        free(at->slot);
        free(at);
    }
    free(s->delta);
}

void crl_publisher_free(struct crl_publisher *p)
{
    struct fault f;

    if (p == NULL)
        return;
    (void)fault_unavailable(&f, 1, "stopping", "cerca-ca is stopping, retry after 1 s");
    for (size_t i = 0; i < p->n; i++)
        issuer_end(&p->slot[i], &f);
    for (struct slot *s = p->install, *next; s != NULL; s = next) {
        next = s->next_install;
        s->reply(s->arg, NULL, &f);
        crl_install_free(s);
    }
    loop_timer_free(p->timer);
    free(p->slot);
    free(p);
}
