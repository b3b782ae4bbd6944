/* `cerca status` and `cerca ca list`: told from memory, on the loop. */
#include "ca/admin/admin_inner.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ca/delegate/nodes.h"
#include "ca/store/approvals.h"
#include "ca/store/limits.h"
#include "lib/clock.h"
#include "lib/log.h"

#define STATUS_CRLS 16 /* of one issuer; cerca crl list tells of more */

struct items {
    lifecycle_item fn;
    void *arg;
};

static void add(struct items *items, const struct status_item *i)
{
    items->fn(items->arg, i);
}

static struct status_item item(const char *name, bool ok, const char *state)
{
    struct status_item i = {.ok = ok};

    snprintf(i.name, sizeof(i.name), "%s", name);
    snprintf(i.state, sizeof(i.state), "%s", state);
    return i;
}

static void add_issuing(struct items *items, const struct admin *a)
{
    struct status_item i;
    struct fault f;

    fault_clear(&f);
    if (door_check(a->parts.door, &f) == 0) {
        i = item("issuing", true, "ready");
        snprintf(i.text, sizeof(i.text), "%zu requests under way", door_in_flight(a->parts.door));
    } else {
        i = item("issuing", false, "stopped");
        snprintf(i.text, sizeof(i.text), "%s", f.text);
        i.retry_after = f.retry_after;
    }
    add(items, &i);
}

/* The longest default of what it issues, and a quarter again to act in: with less left, what is
 * issued ends with the issuer. For a CA above, that of the CAs below it. */
static int64_t needs(const struct conf *conf, const struct conf_issuer *i)
{
    int64_t longest = 0;

    for (size_t n = 0; n < conf->n_profiles; n++)
        if (strcmp(conf->profiles[n].issuer, i->name) == 0 && conf->profiles[n].validity > longest)
            longest = conf->profiles[n].validity;
    for (size_t n = 0; n < conf->n_issuers; n++)
        if (strcmp(conf->issuers[n].parent, i->name) == 0 && &conf->issuers[n] != i &&
            conf->issuers[n].validity > longest)
            longest = conf->issuers[n].validity;
    return longest + longest / 4;
}

static void add_authority(struct items *items, const struct conf *conf, const struct authority *a)
{
    const char *name = a->conf->name;
    char item_name[64], end[CLOCK_TEXT_SIZE];
    struct status_item i;

    snprintf(item_name, sizeof(item_name), "issuer.%.48s", name);
    if (a->certificate.n == 0) {
        i = item(item_name, false, "no certificate");
        snprintf(i.text, sizeof(i.text),
                 a->conf->offline ? "cerca ca install FILE"
                                  : "cerca ca create %.40s, or ca csr and ca install",
                 name);
        add(items, &i);
        return;
    }
    if (a->conf->state != ISSUER_ACTIVE || conf_successor(conf, a->conf) != NULL ||
        a->parsed.not_after - clock_now() > needs(conf, a->conf))
        return;
    clock_format(a->parsed.not_after, end);
    i = item(item_name, a->parsed.not_after > clock_now(), "ends soon");
    i.by = a->parsed.not_after;
    snprintf(i.text, sizeof(i.text),
             "ends %s: what it issues is cut short soon, or is already; make its next generation "
             "(docs/rollover.md)",
             end);
    add(items, &i);
}

static void add_authorities(struct items *items, const struct admin *a)
{
    const struct authorities *all = a->parts.authorities;

    for (size_t i = 0; i < all->n; i++)
        add_authority(items, a->parts.conf, &all->item[i]);
}

static void add_tokens(struct items *items, const struct admin *a)
{
    struct status_item token, program;

    for (size_t i = 0; i < a->parts.n_links; i++) {
        signer_link_status(a->parts.links[i], &token, &program);
        add(items, &token);
        add(items, &program);
    }
}

static void add_store(struct items *items, const struct store_stats *s)
{
    struct status_item i = item("store", !s->full, s->full ? "full" : "ready");

    snprintf(i.text, sizeof(i.text),
             "%" PRIu64 " certificates, %" PRIu64 " open intents, %" PRIu64 " MiB, %" PRIu64
             " MiB free on the disk",
             s->certificates, s->open_intents, (s->durable_bytes + s->derived_bytes) >> 20,
             s->free_bytes >> 20);
    i.retry_after = s->full ? 30 : 0;
    add(items, &i);
    i = item("indexes", !s->rebuilding, s->rebuilding ? "rebuilding" : "ready");
    snprintf(i.text, sizeof(i.text), "%" PRIu64 " of %" PRIu64 " changes applied",
             s->derived_change, s->change);
    add(items, &i);
    i = item("audit", true, "ready");
    snprintf(i.text, sizeof(i.text), "%" PRIu64 " records, details of %" PRIu64 " dropped",
             s->audit_size, s->audit_pruned);
    add(items, &i);
}

static void add_checkpoint(struct items *items, const struct admin *a)
{
    struct status_item i;

    ledger_status(a->parts.ledger, &i);
    add(items, &i);
}

static void add_export(struct items *items, const struct admin *a)
{
    struct status_item i;

    if (a->parts.exporter == NULL)
        return;
    exporter_status(a->parts.exporter, &i);
    add(items, &i);
}

struct limits {
    const struct conf *conf;
    struct buf text;
    bool reached;
};

static int add_counter(void *arg, const struct limit_row *r)
{
    struct limits *l = arg;
    const struct conf_profile *p = conf_profile(l->conf, r->name);
    const char *limit = r->kind == LIMIT_REQUESTER ? conf_requester_limit(l->conf, r->name)
                        : p != NULL                ? p->limit
                                                   : "";
    uint32_t n;
    int64_t per;

    if (r->kind > LIMIT_REQUESTER) /* of identities there may be any number */
        return 1;
    if (!conf_limit(limit, &n, &per) || r->start + per <= clock_now())
        return 0;
    l->reached = l->reached || r->count >= n;
    buf_printf(&l->text, "%s%s%s %u of %s", l->text.n > 0 ? ", " : "",
               r->kind == LIMIT_PROFILE ? "profile " : "", r->name, r->count, limit);
    return l->text.n >= sizeof(((struct status_item *)NULL)->text);
}

static void add_limits(struct items *items, const struct admin *a)
{
    struct limits l = {.conf = a->parts.conf};
    struct status_item i;
    struct fault f;

    fault_clear(&f);
    buf_init(&l.text, 4096); /* what does not fit into the line is left out */
    if (store_limits(a->parts.store, add_counter, &l, &f) != 0)
        i = item("limits", false, "unreadable");
    else
        i = item("limits", true, l.reached ? "reached" : "ready");
    snprintf(i.text, sizeof(i.text), "%.255s", buf_cstr(&l.text));
    if (l.text.n > 0 || !i.ok)
        add(items, &i);
    buf_free(&l.text);
}

static int count_waiting(void *arg, const struct request_row *r)
{
    size_t *n = arg;

    *n += r->state == REQUEST_WAITING && !request_expired(r, clock_now());
    return 0;
}

static void add_requests(struct items *items, const struct admin *a)
{
    struct status_item i = item("requests", true, "ready");
    uint64_t certificates = 0;
    size_t n = 0;
    struct fault f;

    fault_clear(&f);
    if (store_requests(a->parts.store, 0, count_waiting, &n, &f) != 0 ||
        store_approvals_waiting(a->parts.store, clock_now(), &certificates, &f) != 0)
        i = item("requests", false, "unreadable");
    snprintf(i.text, sizeof(i.text),
             "%zu wait for a second operator, %" PRIu64 " certificates for approval", n,
             certificates);
    add(items, &i);
}

static void add_view(struct items *items, const struct admin *a)
{
    struct view_stats v;
    struct status_item i;
    char stamp[CLOCK_TEXT_SIZE] = "not yet"; /* an issuer is new */

    view_stats(a->parts.view, &v);
    i = item("view", !v.behind, v.behind ? "behind" : "ready");
    if (v.stamp != 0)
        clock_format(v.stamp, stamp);
    snprintf(i.text, sizeof(i.text), "change %" PRIu64 ", stamped %s, %" PRIu64 " rows", v.change,
             stamp, v.snapshot_rows + v.log_rows);
    add(items, &i);
}

static void add_crls(struct items *items, const struct admin *a)
{
    struct crl_row rows[STATUS_CRLS];
    struct status_item i;

    for (size_t k = 0; k < a->parts.authorities->n; k++) {
        size_t n = crl_rows(a->parts.crls, k, rows, STATUS_CRLS);

        for (size_t r = 0; r < n; r++) {
            crl_status(&rows[r], &i);
            add(items, &i);
        }
    }
}

static bool has_front(const struct admin *a, const char *program)
{
    for (size_t k = 0; k < a->n_fronts; k++)
        if (strcmp(a->front[k].program, program) == 0)
            return true;
    return false;
}

/* Of this host nothing while no cerca-public runs here: cercad tells, or where systemd starts the
 * programs, it does itself. */
static void add_responders(struct items *items, const struct admin *a)
{
    bool here = has_front(a, "cerca-public");
    struct status_item i;

    for (size_t k = 0; nodes_status(a->parts.nodes, k, &i); k++)
        add(items, &i);
    if (a->parts.delegates == NULL)
        return;
    for (size_t k = 0; k < a->parts.authorities->n; k++)
        if ((here || delegates_state(a->parts.delegates, k) != NULL) &&
            delegates_status(a->parts.delegates, k, &i))
            add(items, &i);
}

#define PREFIX "cerca-"

/* Nothing of those that are not here, or that somebody else runs. */
static void add_fronts(struct items *items, const struct admin *a)
{
    struct status_item i;

    for (size_t k = 0; k < a->n_fronts; k++) {
        program_status(a->front[k].program + strlen(PREFIX), &a->front[k], true, &i);
        add(items, &i);
    }
}

void admin_front(struct admin *a, const struct child_status *st)
{
    size_t k = 0;

    while (k < a->n_fronts && strcmp(a->front[k].program, st->program) != 0)
        k++;
    if (k == ADMIN_FRONTS_MAX || strncmp(st->program, PREFIX, strlen(PREFIX)) != 0)
        return;
    a->front[k] = *st;
    if (k == a->n_fronts)
        a->n_fronts++;
}

void admin_programs_each(const struct admin *a, void (*fn)(void *arg, const struct child_status *c),
                         void *arg)
{
    for (size_t k = 0; k < a->parts.n_links; k++)
        if (signer_link_said(a->parts.links[k]) != NULL)
            fn(arg, signer_link_said(a->parts.links[k]));
    for (size_t k = 0; k < a->n_fronts; k++)
        fn(arg, &a->front[k]);
}

static void add_channels(struct items *items, const struct admin *a)
{
    struct status_item i;

    for (size_t k = 0; watch_status(a->parts.watch, k, &i); k++)
        add(items, &i);
}

static void add_configuration(struct items *items, const struct admin *a)
{
    struct status_item i = item("configuration", true, "loaded");
    char generation[17];

    hex_encode(slice_of(a->parts.conf->generation, 8), generation);
    snprintf(i.text, sizeof(i.text), "generation %s, %.200s", generation, a->parts.conf->path);
    add(items, &i);
}

static int add_gate(struct items *items, const struct admin *a, struct fault *f)
{
    struct store_gate g;
    struct status_item i;
    int rc = store_gate(a->parts.store, &g, f);

    if (rc == 0 && g.closed) {
        gate_item(&g, &i);
        add(items, &i);
    }
    return rc;
}

/* Since when there should have been one: since the first issuer came into force. */
static int64_t oldest_issuer(const struct authorities *all)
{
    int64_t oldest = clock_now();

    for (size_t i = 0; i < all->n; i++)
        if (all->item[i].certificate.n > 0 && all->item[i].parsed.not_before < oldest)
            oldest = all->item[i].parsed.not_before;
    return oldest;
}

/* It is for people to make one: nothing here is broken without. */
static void add_backup(struct items *items, const struct admin *a)
{
    int64_t at, age, most = a->parts.conf->alert_backup_age;
    char text[CLOCK_TEXT_SIZE];
    struct status_item i;
    struct fault f;

    fault_clear(&f);
    if (store_backup_time(a->parts.store, &at, &f) != 0) {
        i = item("backup", false, "unreadable");
        add(items, &i);
        return;
    }
    age = clock_now() - (at != 0 ? at : oldest_issuer(a->parts.authorities));
    i = item("backup", true, most != 0 && age > most ? "late" : at != 0 ? "ready" : "none yet");
    clock_format(at, text);
    if (at != 0)
        snprintf(i.text, sizeof(i.text), "the newest is of %s", text);
    else
        snprintf(i.text, sizeof(i.text), "cerca backup FILE");
    add(items, &i);
}

static void add_lifecycle(struct items *items, const struct admin *a)
{
    struct status_item i;

    if (a->parts.lifecycle == NULL)
        return;
    lifecycle_status(a->parts.lifecycle, &i);
    add(items, &i);
}

#define SOON 7 /* days */

/* What the inventory wants of people; none of it is a fault of this CA. */
static void add_inventory(struct items *items, const struct admin *a)
{
    struct evaluator_summary s;
    struct status_item i = item("inventory", true, "ready");
    int64_t day;
    uint64_t soon = 0, late;

    if (a->parts.lifecycle == NULL)
        return;
    lifecycle_summary(a->parts.lifecycle, &s);
    if (s.evaluated == 0)
        return;
    day = clock_now() / 86400 - s.sums.first_day;
    for (int64_t d = day > 0 ? day : 0; d < COUNTED_DAYS && d <= day + SOON; d++) {
        soon += s.sums.due_on[d];
        if (s.sums.due_on[d] > 0 && i.by == 0)
            i.by = (s.sums.first_day + d) * 86400;
    }
    late = s.sums.by_state[LINE_OVERDUE] + s.sums.by_state[LINE_STUCK];
    if (late > 0 || soon > 0)
        (void)snprintf(i.state, sizeof(i.state), "%s", late > 0 ? "late" : "ends soon");
    (void)snprintf(i.text, sizeof(i.text),
                   "%" PRIu64 " renewals late or stuck, %" PRIu64
                   " due ones end within %d days and nothing follows",
                   late, soon, SOON);
    add(items, &i);
}

static int status_each(const struct admin *a, lifecycle_item fn, void *arg, struct fault *f)
{
    struct items items = {fn, arg};
    struct store_stats stats;
    int rc = store_stats(a->parts.store, &stats, f);

    if (rc != 0)
        return rc;
    add_issuing(&items, a);
    rc = add_gate(&items, a, f);
    if (rc != 0)
        return rc;
    add_tokens(&items, a);
    add_authorities(&items, a);
    add_store(&items, &stats);
    add_requests(&items, a);
    add_limits(&items, a);
    add_checkpoint(&items, a);
    add_view(&items, a);
    add_export(&items, a);
    add_crls(&items, a);
    add_fronts(&items, a);
    add_responders(&items, a);
    add_backup(&items, a);
    add_lifecycle(&items, a);
    add_inventory(&items, a);
    add_channels(&items, a);
    add_configuration(&items, a);
    return 0;
}

void admin_status_each(const struct admin *a, lifecycle_item fn, void *arg)
{
    struct fault f;

    fault_clear(&f);
    if (status_each(a, fn, arg, &f) != 0)
        log_fault(LOG_LEVEL_ERROR, "status.unreadable", &f, NULL);
}

/* Of what does not fit into the answer only the number is told: there may be any number of issuers,
 * with any number of lists. */
#define ITEM_ROOM (sizeof(struct status_item) + 32)

struct told {
    struct buf list;
    uint32_t n, left_out;
    bool all_well;
};

static void put_item(void *arg, const struct status_item *i)
{
    struct told *t = arg;

    t->all_well = t->all_well && i->ok;
    if (t->list.n + 2 * ITEM_ROOM > FRAME_BODY_MAX) {
        t->left_out++;
        return;
    }
    status_item_put(&t->list, i);
    t->n++;
}

static void put_left_out(struct told *t)
{
    struct status_item i = item("more", true, "not shown");

    if (t->left_out == 0)
        return;
    snprintf(i.text, sizeof(i.text), "%" PRIu32 " more lines do not fit; cerca crl list, ca list",
             t->left_out);
    status_item_put(&t->list, &i);
    t->n++;
}

void tell_status(struct ask *q)
{
    struct told t = {.all_well = true};

    buf_init(&t.list, FRAME_BODY_MAX);
    if (status_each(q->client->admin, put_item, &t, &q->fault) != 0) {
        buf_free(&t.list);
        ask_fail(q, &q->fault);
        return;
    }
    put_left_out(&t);
    wire_put_u8(&q->out, t.all_well);
    wire_put_u32(&q->out, t.n);
    buf_put_slice(&q->out, buf_slice(&t.list));
    buf_free(&t.list);
    ask_answer(q, MSG_STATUS_REPLY, buf_slice(&q->out));
}

/* ---- issuers ---- */

static const char *authority_state(const struct authority *a)
{
    struct fault f;

    fault_clear(&f);
    if (a->certificate.n == 0)
        return "no certificate";
    if (a->conf->offline)
        return "offline";
    if (a->conf->state == ISSUER_CRL_ONLY)
        return "crl-only";
    return signer_link_check(a->link, &f) == 0 ? "ready" : "unavailable";
}

static uint32_t generation_of(const struct conf *conf, const struct conf_issuer *i)
{
    uint32_t n = 1;

    while (i->replaces[0] != '\0') { /* the configuration was checked: it ends */
        i = conf_issuer(conf, i->replaces);
        n++;
    }
    return n;
}

static void put_authority(const struct conf *conf, const struct authority *a, struct buf *out)
{
    const struct conf_issuer *successor = conf_successor(conf, a->conf);
    struct ca_info c = {.generation = generation_of(conf, a->conf)};

    if (successor != NULL)
        snprintf(c.successor, sizeof(c.successor), "%.63s", successor->name);

    snprintf(c.name, sizeof(c.name), "%.63s", a->conf->name);
    snprintf(c.subject, sizeof(c.subject), "%.511s", a->conf->subject);
    snprintf(c.parent, sizeof(c.parent), "%.63s", a->conf->parent);
    snprintf(c.token, sizeof(c.token), "%.63s", a->conf->token);
    key_describe(a->conf->key_type, a->conf->key_bits, c.key);
    snprintf(c.state, sizeof(c.state), "%s", authority_state(a));
    c.signs_leaves = a->conf->signs_leaves;
    c.signs_cas = a->conf->signs_cas;
    if (a->certificate.n > 0) {
        c.not_before = a->parsed.not_before;
        c.not_after = a->parsed.not_after;
        memcpy(c.fingerprint, a->fingerprint, sizeof(c.fingerprint));
        c.certificate = buf_slice(&a->certificate);
    }
    ca_info_put(out, &c);
}

void tell_authorities(struct ask *q)
{
    const struct authorities *all = q->client->admin->parts.authorities;

    wire_put_u32(&q->out, (uint32_t)all->n);
    for (size_t i = 0; i < all->n; i++)
        put_authority(q->client->admin->parts.conf, &all->item[i], &q->out);
    if (buf_failed(&q->out)) {
        (void)fault_set(&q->fault, FAULT_TOO_LARGE, "answer.size", "the answer is too large");
        ask_fail(q, &q->fault);
        return;
    }
    ask_answer(q, MSG_CA_LISTED, buf_slice(&q->out));
}
