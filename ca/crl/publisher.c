#include "ca/crl/publisher.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/crl/slot.h"
#include "lib/clock.h"
#include "lib/log.h"

#define LOOK_EVERY_S 5 /* the clock may have been set, an issuer may have got its certificate */
#define PAUSE_MAX_S 60

static void look(void *arg);

static void slot_init(struct slot *s, struct crl_publisher *p)
{
    s->p = p;
    s->dirfd = s->draft.fd = s->read_fd = s->install_fd = -1;
    buf_init(&s->subject, NAME_DER_MAX);
    buf_init(&s->spki, CERT_MAX);
    buf_init(&s->signature, SIGNATURE_MAX);
}

static void slot_clear(struct slot *s)
{
    crl_close_draft(s);
    if (s->install_fd >= 0)
        (void)close(s->install_fd);
    buf_free(&s->subject);
    buf_free(&s->spki);
    buf_free(&s->signature);
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

static void push(struct slot *s, void (*step)(struct slot *), void (*then)(struct slot *))
{
    s->work.run = run_step;
    s->step = step;
    s->then = then;
    workers_push(s->p->worker, WORK_START, &s->work);
}

/* ---- the end of an attempt ---- */

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

    if (pause < (int64_t)s->fault.retry_after)
        pause = s->fault.retry_after < CRL_PAUSE_MAX ? s->fault.retry_after : CRL_PAUSE_MAX;
    log_fault(LOG_LEVEL_WARN, "crl.failed", &s->fault, "issuer", s->a->conf->name, NULL);
    s->failed = true;
    s->why = s->fault;
    s->failures++;
    s->retry_at = now + pause;
}

static void attempt_ends(struct slot *s)
{
    s->busy = false;
    if (s->fault.code != FAULT_NONE) {
        crl_close_draft(s);
        note_failure(s);
        answer_all(s, &s->why);
    } else {
        s->failed = false;
        s->failures = 0;
        s->missing = false;
        s->row = s->next;
        log_info("crl.published", "issuer", s->a->conf->name, "number",
                 log_num((int64_t)s->row.published), "entries", log_num((int64_t)s->row.entries),
                 NULL);
        answer_all(s, NULL);
    }
    look(s->p);
}

/* ---- an attempt ---- */

static void finished(struct slot *s)
{
    attempt_ends(s);
}

static void signed_or_not(void *arg, struct slice signature, const struct fault *f)
{
    struct slot *s = arg;

    if (f != NULL)
        s->fault = *f;
    else
        buf_put_slice(&s->signature, signature);
    if (s->p->stopping || f != NULL)
        attempt_ends(s);
    else
        push(s, crl_step_finish, finished);
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

static void begin(struct slot *s, int64_t now)
{
    fault_clear(&s->fault);
    copy_issuer(s);
    s->busy = true;
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
    s->scheduled = now >= s->row.scheduled + s->a->conf->crl_every || s->row.scheduled > now;
    s->dirty = false;
    atomic_store(&s->told, false);
    buf_reset(&s->signature);
    push(s, crl_step_draft, drafted);
}

/* ---- loading ---- */

static void loaded(struct slot *s)
{
    s->busy = false;
    if (s->fault.code != FAULT_NONE) {
        note_failure(s);
        s->serving = s->waiting; /* who asked before it was loaded */
        s->waiting = NULL;
        answer_all(s, &s->why);
    } else {
        s->loaded = true;
        s->failed = false;
        s->row = s->next;
        if (s->behind && !s->dirty) {
            s->dirty = true;
            s->dirty_since = clock_now();
        }
    }
    look(s->p);
}

static void load(struct slot *s, int64_t now)
{
    if (crl_slot_waits(s, now))
        return;
    fault_clear(&s->fault);
    copy_issuer(s);
    s->busy = true;
    push(s, crl_step_load, loaded);
}

/* ---- the schedule ---- */

static void look(void *arg)
{
    struct crl_publisher *p = arg;
    int64_t now = clock_now(), next = now + LOOK_EVERY_S;

    if (p->stopping)
        return;
    for (size_t i = 0; i < p->n; i++) {
        struct slot *s = &p->slot[i];
        int64_t due;

        if (s->busy || s->a->certificate.n == 0)
            continue;
        if (!s->loaded) {
            load(s, now);
            continue;
        }
        due = crl_slot_due(s, now);
        if (due <= now)
            begin(s, now);
        else if (due < next)
            next = due;
    }
    loop_timer_set(p->timer, (uint64_t)(next - now) * 1000);
}

static void revoked(void *arg)
{
    struct slot *s = arg;

    if (!s->dirty)
        s->dirty_since = clock_now();
    s->dirty = true;
    look(s->p);
}

void crl_publisher_changed(struct crl_publisher *p, const struct store_change *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (c[i].state == CERT_OPEN ||
            (c[i].state == CERT_GOOD && c[i].reason != REASON_REMOVE_FROM_CRL))
            continue;
        for (size_t k = 0; k < p->n; k++)
            if (p->slot[k].number == c[i].ref.issuer && !atomic_exchange(&p->slot[k].told, true))
                loop_post(p->parts.loop, revoked, &p->slot[k]);
    }
}

/* ---- who asks ---- */

static struct slot *slot_named(struct crl_publisher *p, const char *issuer, struct fault *f)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->slot[i].a->conf->name, issuer) == 0 && p->slot[i].a->certificate.n > 0)
            return &p->slot[i];
    (void)fault_set(f, FAULT_NOT_FOUND, "crl.issuer",
                    "there is no issuer \"%.64s\" with a "
                    "certificate",
                    issuer);
    return NULL;
}

void crl_publish(struct crl_publisher *p, const char *issuer, const struct requester *who,
                 crl_reply reply, void *arg)
{
    struct fault f;
    struct slot *s = slot_named(p, issuer, &f);
    struct waiter *w;

    if (s != NULL && crl_slot_offline(s)) {
        (void)fault_set(&f, FAULT_CONFLICT, "crl.offline",
                        "the key of issuer \"%.64s\" is not here: cerca crl install", issuer);
        s = NULL;
    }
    if (s == NULL) {
        reply(arg, NULL, &f);
        return;
    }
    w = xcalloc(1, sizeof(*w));
    w->who = *who;
    w->reply = reply;
    w->arg = arg;
    w->next = s->waiting;
    s->waiting = w;
    look(p);
}

int crl_open(struct crl_publisher *p, const char *issuer, struct crl_row *row, int *fd,
             struct fault *f)
{
    struct slot *s = slot_named(p, issuer, f);

    *fd = -1;
    if (s == NULL)
        return -(int)f->code;
    if (!s->loaded) {
        look(p);
        return fault_unavailable(f, 1, "crl.loading",
                                 "the CRL of issuer \"%.64s\" is being looked at, retry after 1 s",
                                 issuer);
    }
    crl_slot_row(s, clock_now(), row);
    *fd = openat(s->dirfd, CRL_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0)
        return fault_set(f, FAULT_NOT_FOUND, "crl.none", "issuer \"%.64s\" has no CRL yet", issuer);
    return 0;
}

/* ---- installing ---- */

static void install_free(struct slot *s)
{
    struct slot **at = &s->p->install;

    while (*at != s)
        at = &(*at)->next_install;
    *at = s->next_install;
    slot_clear(s);
    free(s);
}

/* The issuer's own slot learns of it; if it is making one right now, that one has a greater
 * number, or finds out in the store. */
static void installed(struct slot *s)
{
    struct slot *own = NULL;
    struct crl_row row;

    for (size_t i = 0; i < s->p->n && s->fault.code == FAULT_NONE; i++)
        if (s->p->slot[i].a == s->a)
            own = &s->p->slot[i];
    if (own != NULL) {
        own->row = s->next;
        own->missing = false;
        crl_slot_row(own, clock_now(), &row);
        log_info("crl.installed", "issuer", s->a->conf->name, "number",
                 log_num((int64_t)s->next.published), NULL);
    }
    s->reply(s->arg, own != NULL ? &row : NULL, own != NULL ? NULL : &s->fault);
    install_free(s);
}

void crl_install(struct crl_publisher *p, int fd, const struct requester *who, crl_reply reply,
                 void *arg)
{
    struct slot *s = xcalloc(1, sizeof(*s));

    slot_init(s, p);
    s->install_fd = fd;
    s->who = *who;
    s->reply = reply;
    s->arg = arg;
    s->next_install = p->install;
    p->install = s;
    push(s, crl_step_install, installed);
}

/* ---- begin and end ---- */

struct crl_publisher *crl_publisher_new(const struct crl_parts *parts)
{
    struct crl_publisher *p = xcalloc(1, sizeof(*p));

    p->parts = *parts;
    p->n = parts->authorities->n;
    p->slot = xcalloc(p->n, sizeof(*p->slot));
    for (size_t i = 0; i < p->n; i++) {
        struct slot *s = &p->slot[i];

        slot_init(s, p);
        s->a = &parts->authorities->item[i];
    }
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

void crl_publisher_free(struct crl_publisher *p)
{
    struct fault f;

    if (p == NULL)
        return;
    (void)fault_unavailable(&f, 1, "stopping", "cerca-ca is stopping, retry after 1 s");
    for (size_t i = 0; i < p->n; i++) {
        struct slot *s = &p->slot[i];

        answer_all(s, &f);
        s->serving = s->waiting;
        answer_all(s, &f);
        slot_clear(s);
    }
    for (struct slot *s = p->install, *next; s != NULL; s = next) {
        next = s->next_install;
        s->reply(s->arg, NULL, &f);
        install_free(s);
    }
    loop_timer_free(p->timer);
    free(p->slot);
    free(p);
}
