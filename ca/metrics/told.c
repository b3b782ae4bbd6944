/* What people were told, and whether it came through; backups. Read from the store, on a worker. */
#include <stdlib.h>

#include "ca/metrics/parts.h"
#include "ca/metrics/put.h"
#include "ca/store/alerts.h"
#include "lib/clock.h"

#define PAGE 256
#define SHARE 200 /* counting alerts takes no more than this part of one core */
#define CHANNELS_MAX 64

/* ---- alerts ---- */

static int count_alert(void *arg, const uint8_t key[ALERT_KEY], const struct alert *a)
{
    struct alert_sums *s = arg;

    (void)key;
    if (a->state == ALERT_RAISED || a->state == ALERT_ACKNOWLEDGED)
        s->n[a->state][a->severity]++;
    return 0;
}

/* Rows of alerts are few, but nobody promises it: the longer it took the rarer it is done. */
static void count_alerts(struct store *store, struct alert_sums *s)
{
    struct alert_sums sums = {.known = true};
    uint64_t begun = clock_mono_us();
    uint8_t at[ALERT_KEY];
    size_t n = PAGE;
    struct fault f;

    if (s->known && begun < s->not_before_us)
        return;
    fault_clear(&f);
    for (bool first = true; n == PAGE; first = false)
        if (store_alerts(store, first ? NULL : at, PAGE, count_alert, &sums, at, &n, &f) != 0)
            return;
    *s = sums;
    s->not_before_us = clock_mono_us() + SHARE * (clock_mono_us() - begun);
}

static void put_alerts(const struct alert_sums *s, struct buf *out)
{
    static const char name[] = "cerca_alerts";
    static const char *const labels[] = {"state", "severity"};

    if (!s->known)
        return;
    metric_family(out, name, METRIC_GAUGE, "Alerts that are not resolved.");
    for (int state = ALERT_RAISED; state <= ALERT_ACKNOWLEDGED; state++)
        for (int k = SEVERITY_INFO; k <= SEVERITY_CRITICAL; k++)
            put_labelled2(out, name, labels,
                          (const char *[]){alert_state_word((enum alert_state)state),
                                           severity_word((enum severity)k)},
                          (int64_t)s->n[state][k]);
}

/* ---- channels ---- */

struct channels {
    size_t n;
    struct outbox_channel channel[CHANNELS_MAX];
};

static int keep_channel(void *arg, const struct outbox_channel *c)
{
    struct channels *all = arg;

    all->channel[all->n++] = *c;
    return all->n == CHANNELS_MAX;
}

static int64_t waiting(const struct outbox_channel *c)
{
    return (int64_t)c->waiting;
}

static int64_t parked(const struct outbox_channel *c)
{
    return (int64_t)c->parked;
}

static int64_t delivered(const struct outbox_channel *c)
{
    return (int64_t)c->delivered;
}

static int64_t failed(const struct outbox_channel *c)
{
    return (int64_t)c->failed;
}

static int64_t lost(const struct outbox_channel *c)
{
    return (int64_t)c->lost;
}

static int64_t succeeded_at(const struct outbox_channel *c)
{
    return c->succeeded_at;
}

static int64_t failed_at(const struct outbox_channel *c)
{
    return c->failed_at;
}

static int64_t heartbeat(const struct outbox_channel *c)
{
    return c->heartbeat;
}

static const struct {
    const char *name;
    enum metric_type type;
    const char *help;
    int64_t (*value)(const struct outbox_channel *c);
} families[] = {
    {"cerca_outbox_waiting", METRIC_GAUGE, "Deliveries that wait.", waiting},
    {"cerca_outbox_parked", METRIC_GAUGE, "Deliveries that are given up until an operator's word.",
     parked},
    {"cerca_outbox_delivered_total", METRIC_COUNTER, "Deliveries that the other end took.",
     delivered},
    {"cerca_outbox_failed_total", METRIC_COUNTER, "Attempts that failed.", failed},
    {"cerca_outbox_lost_total", METRIC_COUNTER, "Deliveries without room, or dropped.", lost},
    {"cerca_outbox_last_success_timestamp_seconds", METRIC_GAUGE,
     "When one last succeeded; 0: never.", succeeded_at},
    {"cerca_outbox_last_failure_timestamp_seconds", METRIC_GAUGE, "When one last failed; 0: never.",
     failed_at},
    {"cerca_outbox_heartbeat_timestamp_seconds", METRIC_GAUGE,
     "When a heartbeat was last put there; 0: never.", heartbeat},
};

static void put_channels(struct store *store, struct buf *out)
{
    struct channels *all = xcalloc(1, sizeof *all);
    struct fault f;

    fault_clear(&f);
    if (store_outbox_channels(store, keep_channel, all, &f) == 0)
        for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
            metric_family(out, families[i].name, families[i].type, families[i].help);
            for (size_t k = 0; k < all->n; k++)
                put_labelled(out, families[i].name, "channel", all->channel[k].name,
                             families[i].value(&all->channel[k]));
        }
    free(all);
}

void metrics_told(const struct metrics_parts *p, struct alert_sums *sums, struct buf *out)
{
    struct fault f;
    int64_t at;

    fault_clear(&f);
    count_alerts(p->store, sums);
    put_alerts(sums, out);
    put_channels(p->store, out);
    if (store_backup_time(p->store, &at, &f) == 0)
        put_one(out, "cerca_backup_timestamp_seconds", METRIC_GAUGE,
                "When the newest backup was written; 0: never.", at);
}
