/* Digests: once a day each owner gets a list of what is open. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/lifecycle/evaluate_inner.h"
#include "lib/clock.h"

#define OWNERS_MAX 2000
#define LINES_MAX 40 /* of one digest; the rest is counted */
#define PAGE 256

struct owner {
    char name[128], contact[256];
    enum severity severity; /* the worst */
    size_t n, acknowledged, critical, more;
    struct buf lines;
};

struct digest_run {
    const struct conf *conf;
    struct owner *owner;
    size_t n;
};

static struct owner *owner_of(struct digest_run *d, const struct alert *a)
{
    struct owner *o;

    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->owner[i].name, a->owner) == 0)
            return &d->owner[i];
    if (d->n == OWNERS_MAX)
        return NULL;
    if (d->n % 64 == 0)
        d->owner = xreallocarray(d->owner, d->n + 64, sizeof(d->owner[0]));
    o = &d->owner[d->n++];
    memset(o, 0, sizeof(*o));
    memcpy(o->name, a->owner, sizeof(o->name));
    buf_init(&o->lines, NOTICE_TEXT_SIZE - 64);
    return o;
}

static int add_alert(void *arg, const uint8_t key[ALERT_KEY], const struct alert *a)
{
    struct digest_run *d = arg;
    struct owner *o;

    (void)key;
    if (a->state == ALERT_RESOLVED)
        return 0;
    o = owner_of(d, a);
    if (o == NULL)
        return 0;
    o->n++;
    o->acknowledged += a->state == ALERT_ACKNOWLEDGED;
    o->critical += a->severity == SEVERITY_CRITICAL;
    if (a->severity > o->severity)
        o->severity = a->severity;
    if (o->contact[0] == '\0') {
        struct alert at_first = *a;

        at_first.level = ALERT_OWNER;
        notice_set(o->contact, sizeof(o->contact), evaluator_contact(d->conf, &at_first));
    }
    if (o->n - o->more > LINES_MAX || o->lines.n + 512 > NOTICE_TEXT_SIZE - 64) {
        o->more++;
        return 0;
    }
    buf_printf(&o->lines, "%s %s: %s%s\n", severity_word(a->severity), a->name, a->summary,
               a->state == ALERT_ACKNOWLEDGED ? " (acknowledged)" : "");
    return 0;
}

static void make_notice(struct owner *o, int64_t now, struct notice *n)
{
    char text[64];

    n->kind = NOTICE_DIGEST;
    n->severity = o->severity;
    n->time = now;
    notice_set(n->rule, sizeof(n->rule), "digest");
    notice_set(n->subject, sizeof(n->subject), o->name[0] != '\0' ? o->name : "no owner");
    notice_set(n->owner, sizeof(n->owner), o->name);
    notice_set(n->contact, sizeof(n->contact), o->contact);
    (void)snprintf(n->summary, sizeof(n->summary), "%zu open alerts, %zu of them critical", o->n,
                   o->critical);
    notice_set(n->text, sizeof(n->text), buf_cstr(&o->lines));
    (void)snprintf(text, sizeof(text), "%zu", o->acknowledged);
    notice_fact(n, "acknowledged", text);
    (void)snprintf(text, sizeof(text), "%zu", o->more);
    notice_fact(n, "not listed", o->more > 0 ? text : "");
}

static int put_digest(struct evaluator *e, struct owner *o, int64_t slot, int64_t now,
                      struct fault *f)
{
    struct outbox_notice *notice = xcalloc(1, sizeof(*notice));
    struct alert mark = {.rule = "digest", .state = ALERT_MARK, .epoch = slot, .first_seen = now};
    struct store_mark q = {.mark = &mark, .n = 1, .notice = notice};
    struct store_op op = {.kind = STORE_MARK, .time = now, .mark = &q};
    int rc;

    notice_set(mark.subject, sizeof(mark.subject), o->name);
    make_notice(o, now, &notice->notice);
    if (e->parts.route != NULL)
        e->parts.route(e->parts.route_arg, notice);
    rc = store_do(e->parts.judge.store, &op);
    if (rc != 0)
        *f = op.fault;
    free(notice);
    return rc;
}

int evaluator_digests(struct evaluator *e, int64_t now, struct fault *f)
{
    int64_t slot = watch_digest_slot(judge_times(e->judge), now);
    struct digest_run d = {.conf = e->parts.judge.conf};
    uint8_t at[ALERT_KEY];
    size_t n = PAGE;
    int rc = 0;

    if (slot == 0 || slot == e->digest)
        return 0;
    for (bool first = true; rc == 0 && n == PAGE; first = false)
        rc = store_alerts(e->parts.judge.store, first ? NULL : at, PAGE, add_alert, &d, at, &n, f);
    for (size_t i = 0; i < d.n; i++) {
        if (rc == 0)
            rc = put_digest(e, &d.owner[i], slot, now, f);
        buf_free(&d.owner[i].lines);
    }
    free(d.owner);
    if (rc == 0)
        e->digest = slot;
    return rc;
}
