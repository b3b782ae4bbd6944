/* Campaigns: made, paused, taken back, listed; how far they are is counted on a worker, a page of
 * identities at a time. */
#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/lifecycle/campaigns.h"
#include "lib/clock.h"
#include "lib/proto_campaign.h"

#define LINES_PAGE 64
#define TIME_MAX_US 100000 /* of one answer: others wait for the worker */

static int malformed(struct fault *f)
{
    return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
}

static void info_of(const struct campaign *c, struct campaign_info *out)
{
    *out = (struct campaign_info){.count = c->count,
                                  .rate = c->rate,
                                  .per = c->per,
                                  .created = c->created,
                                  .start = c->start,
                                  .paused = c->paused,
                                  .end = c->start + campaign_length(c),
                                  .state = (uint8_t)c->state};
    memcpy(out->name, c->name, sizeof(out->name));
    memcpy(out->profile, c->what.profile, sizeof(out->profile));
    memcpy(out->owner, c->what.owner, sizeof(out->owner));
    memcpy(out->issuer, c->what.issuer, sizeof(out->issuer));
    memcpy(out->key_type, c->what.key_type, sizeof(out->key_type));
    memcpy(out->algorithm, c->what.algorithm, sizeof(out->algorithm));
    memcpy(out->by, c->by, sizeof(out->by));
    memcpy(out->reason, c->reason, sizeof(out->reason));
}

static void campaign_of(const struct campaign_info *i, struct campaign *out)
{
    *out = (struct campaign){.count = i->count,
                             .rate = i->rate,
                             .per = i->per,
                             .created = i->created,
                             .start = i->start,
                             .state = (enum campaign_state)i->state};
    memcpy(out->name, i->name, sizeof(out->name));
    memcpy(out->what.profile, i->profile, sizeof(out->what.profile));
    memcpy(out->what.owner, i->owner, sizeof(out->what.owner));
    memcpy(out->what.issuer, i->issuer, sizeof(out->what.issuer));
    memcpy(out->what.key_type, i->key_type, sizeof(out->what.key_type));
    memcpy(out->what.algorithm, i->algorithm, sizeof(out->what.algorithm));
    memcpy(out->reason, i->reason, sizeof(out->reason));
}

/* ---- list ---- */

static void read_campaigns(struct ask *q)
{
    struct campaign *c = xcalloc(CAMPAIGNS_MAX, sizeof(*c));
    struct campaign_info i;
    size_t n;

    if (store_campaigns(q->client->admin->parts.store, c, &n, &q->fault) == 0) {
        wire_put_u32(&q->out, (uint32_t)n);
        for (size_t k = 0; k < n; k++) {
            info_of(&c[k], &i);
            campaign_info_put(&q->out, &i);
        }
    }
    free(c);
}

void list_campaigns(struct ask *q)
{
    ask_read(q, MSG_CAMPAIGN_LISTED, read_campaigns);
}

/* ---- count ---- */

struct counting {
    const struct admin *admin;
    struct campaign campaign;
    struct campaign_counted to;
    struct judge *judge;
    struct store_moment *moment; /* of a page */
    int64_t now;
    struct cert_row row;
    const char *owner; /* in force, of the line that is looked at */
    bool found;
    size_t n;
    struct store_line line[LINES_PAGE];
};

/* Something of the certificate itself has to go, not just it. */
static bool is_technical(const struct campaign_what *w)
{
    return w->issuer[0] != '\0' || w->key_type[0] != '\0' || w->algorithm[0] != '\0';
}

static bool wants(const struct counting *x, const struct cert_row *row, int64_t created)
{
    struct campaign_what is;

    if (row->source != SOURCE_ISSUED)
        return false;
    campaigns_look(x->admin->parts.authorities, row, x->owner, &is);
    return campaign_wants(&x->campaign, &is, created);
}

static int look_at_earlier(void *arg, const struct cert_row *row)
{
    struct counting *x = arg;

    x->found = row->state == CERT_GOOD && wants(x, row, row->created);
    return x->found;
}

static int count_followed(struct counting *x, const struct store_line *line, struct fault *f)
{
    struct store_filter q = {.now = x->now, .has_identity = true};
    struct store_cursor cursor = {0};
    int rc = 0;

    memcpy(q.identity, line->identity, sizeof(q.identity));
    x->found = false;
    do
        rc = store_list(x->admin->parts.store, &q, STORE_LINE_MEMBERS, &cursor, look_at_earlier, x,
                        f);
    while (rc == 0 && !x->found && cursor.n > 0);
    if (rc != 0 || !x->found)
        return rc;
    if (is_technical(&x->campaign.what) && wants(x, &x->row, x->campaign.created))
        x->to.in_vain++;
    else
        x->to.renewed++;
    return 0;
}

static int count_wanted(struct counting *x, const struct store_line *line, struct fault *f)
{
    int64_t at = campaign_at(&x->campaign, line->identity);
    struct judged j;
    int rc;

    j.why = NULL;
    rc = judge_line(x->judge, x->moment, line, x->now, 0, &j, f);
    if (rc != 0)
        return rc;
    if (j.facts.followed)
        x->to.renewed++;
    else if (x->campaign.state != CAMPAIGN_RUNS || x->now < at)
        x->to.to_come++;
    else if (j.verdict.state == LINE_STUCK)
        x->to.blocked++;
    else if (x->now < at + CAMPAIGN_LATE)
        x->to.pulled++;
    else
        x->to.late++;
    return 0;
}

/* The newest certificate of a line that lasts, and is wanted by somebody. */
static int count_line(struct counting *x, const struct store_line *line, struct fault *f)
{
    struct annotation a;
    int rc = store_line_newest(x->moment, line, &x->row, &a, f);

    if (rc == -FAULT_NOT_FOUND)
        return 0; /* the index is behind */
    if (rc != 0 || x->row.source != SOURCE_ISSUED || x->row.state != CERT_GOOD ||
        x->row.not_after < x->now || a.retired != 0)
        return rc;
    x->owner = a.owner[0] != '\0' ? a.owner : x->row.owner;
    if (wants(x, &x->row, x->row.created))
        rc = count_wanted(x, line, f);
    else if (line->members > 1)
        rc = count_followed(x, line, f);
    return rc == -FAULT_NOT_FOUND ? 0 : rc;
}

static int keep_line(void *arg, const struct store_line *l)
{
    struct counting *x = arg;

    x->line[x->n++] = *l;
    return 0;
}

static int some_lines(struct counting *x, struct campaign_count *q, struct fault *f)
{
    size_t walked;
    int rc;

    x->n = 0;
    rc = store_lines(x->admin->parts.store, q->further ? q->after : NULL, LINES_PAGE, !q->further,
                     keep_line, x, &walked, f);
    x->to.more = rc == 0 && x->n > 0;
    if (rc == 0)
        rc = store_moment_begin(x->admin->parts.store, &x->moment, f);
    for (size_t i = 0; rc == 0 && i < x->n; i++)
        rc = count_line(x, &x->line[i], f);
    store_moment_end(x->moment);
    x->moment = NULL;
    if (x->to.more) {
        q->further = true;
        memcpy(q->after, x->line[x->n - 1].identity, sizeof(q->after));
    }
    return rc;
}

static void read_count(struct ask *q)
{
    struct counting *x = xcalloc(1, sizeof(*x));
    const struct judge_parts parts = {.conf = q->client->admin->parts.conf,
                                      .store = q->client->admin->parts.store,
                                      .authorities = q->client->admin->parts.authorities,
                                      .reading = true};
    uint64_t begun = clock_mono_us();
    struct campaign_count c;
    int rc = campaign_count_get(buf_slice(&q->in), &c) == 0 ? 0 : malformed(&q->fault);

    x->admin = q->client->admin;
    x->now = clock_now();
    cert_row_init(&x->row);
    x->judge = judge_new(&parts);
    if (rc == 0)
        campaign_of(&c.of, &x->campaign);
    if (rc == 0 && !campaign_sound(&x->campaign))
        rc = malformed(&q->fault);
    if (rc == 0)
        rc = judge_campaigns(x->judge, &q->fault);
    do {
        if (rc == 0)
            rc = some_lines(x, &c, &q->fault);
    } while (rc == 0 && x->to.more && clock_mono_us() - begun < TIME_MAX_US);
    if (rc == 0) {
        memcpy(x->to.at, c.after, sizeof(x->to.at));
        campaign_counted_put(&q->out, &x->to);
    }
    judge_free(x->judge);
    cert_row_free(&x->row);
    free(x);
}

void count_campaign(struct ask *q)
{
    ask_read(q, MSG_CAMPAIGN_COUNTED, read_count);
}

/* ---- make, pause, resume, cancel ---- */

struct changing {
    struct ask *ask;
    struct store_op op;
    struct store_campaign campaign;
};

static int read_change(struct slice body, int64_t now, struct store_campaign *out, struct fault *f)
{
    struct campaign_info i;
    struct campaign *c = &out->row;
    struct wire_in w;
    uint8_t verb;

    wire_in_init(&w, body);
    verb = wire_get_u8(&w);
    campaign_info_get(&w, &i);
    if (!wire_in_done(&w) || verb < CAMPAIGN_CREATE || verb > CAMPAIGN_CANCEL)
        return malformed(f);
    out->verb = (enum campaign_verb)verb;
    campaign_of(&i, c);
    if (!campaign_name_valid(c->name))
        return fault_refuse(f, "campaign.name", "name", slice_str(c->name),
                            "letters, digits, \".\", \"_\" and \"-\"");
    if (out->verb != CAMPAIGN_CREATE)
        return 0;
    c->created = now;
    if (c->start < now)
        c->start = now;
    c->state = CAMPAIGN_RUNS;
    if (!campaign_sound(c))
        return fault_refuse(f, "campaign.rate", "rate", SLICE_NONE,
                            "so many in at most a year, of one certificate at least");
    if (c->what.profile[0] == '\0' && c->what.owner[0] == '\0' && !is_technical(&c->what))
        return fault_refuse(f, "campaign.what", "filter", SLICE_NONE,
                            "an issuer, a key type, an algorithm, a profile or an owner");
    return 0;
}

static void answered(void *arg)
{
    struct changing *x = arg;
    struct campaign_info i;
    struct buf body;

    if (x->op.result != 0) {
        ask_fail(x->ask, &x->op.fault);
    } else {
        lifecycle_again(x->ask->client->admin->parts.lifecycle);
        buf_init(&body, FRAME_BODY_MAX);
        info_of(&x->campaign.row, &i);
        campaign_info_put(&body, &i);
        ask_answer(x->ask, MSG_CAMPAIGN_CHANGED, buf_slice(&body));
        buf_free(&body);
    }
    free(x);
}

static void change_done(struct store_op *op)
{
    struct changing *x = op->arg;

    loop_post(x->ask->client->admin->parts.loop, answered, x);
}

static void record(struct changing *x)
{
    static const char *const words[] = {[CAMPAIGN_CREATE] = "created",
                                        [CAMPAIGN_PAUSE] = "paused",
                                        [CAMPAIGN_RESUME] = "resumed",
                                        [CAMPAIGN_CANCEL] = "cancelled"};
    const struct requester *who = &x->ask->client->who;
    const struct campaign *c = &x->campaign.row;
    struct audit_event *e = &x->op.audit;

    e->action = AUDIT_CAMPAIGN;
    e->time = x->op.time;
    memcpy(e->generation, x->ask->client->admin->parts.conf->generation, sizeof(e->generation));
    (void)snprintf(e->actor, sizeof(e->actor), "%s", who->name);
    (void)snprintf(e->origin, sizeof(e->origin), "%s", who->origin);
    if (x->campaign.verb == CAMPAIGN_CREATE)
        (void)snprintf(e->detail, sizeof(e->detail), "%s created: %u, %u in %lld s: %.100s",
                       c->name, c->count, c->rate, (long long)c->per, c->reason);
    else
        (void)snprintf(e->detail, sizeof(e->detail), "%s %s", c->name, words[x->campaign.verb]);
}

void change_campaign(struct ask *q)
{
    struct changing *x = xcalloc(1, sizeof(*x));
    int64_t now = clock_now();

    if (read_change(buf_slice(&q->in), now, &x->campaign, &q->fault) != 0) {
        ask_fail(q, &q->fault);
        free(x);
        return;
    }
    x->ask = q;
    x->op = (struct store_op){.kind = STORE_CAMPAIGN,
                              .time = now,
                              .campaign = &x->campaign,
                              .done = change_done,
                              .arg = x};
    (void)snprintf(x->campaign.row.by, sizeof(x->campaign.row.by), "%.63s", q->client->who.name);
    record(x);
    store_submit(q->client->admin->parts.store, &x->op);
}
