#include "ca/lifecycle/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/lifecycle/campaigns.h"
#include "ca/lifecycle/chain.h"
#include "ca/lifecycle/follow.h"
#include "ca/lifecycle/keybits.h"
#include "ca/lifecycle/places.h"
#include "ca/store/tokens.h"
#include "lib/clock.h"
#include "lib/lint.h"

#define OTHERS_MAX 16 /* of a key that many have, enough to know it */

struct judge {
    struct judge_parts parts;
    struct watch_times times;
    struct policy_recorded_room *room;
    struct campaigns *campaigns;
    char closed[LINE_TEXT];
    struct cert_row row, other;
    uint64_t token; /* the last one that was looked up; 0: none yet */
    char token_maker[64];
};

struct judge *judge_new(const struct judge_parts *parts)
{
    struct judge *j = xcalloc(1, sizeof(*j));

    j->parts = *parts;
    watch_times_read(parts->conf, &j->times);
    j->room = policy_recorded_room_new();
    j->campaigns = xcalloc(1, sizeof(*j->campaigns));
    cert_row_init(&j->row);
    cert_row_init(&j->other);
    return j;
}

void judge_free(struct judge *j)
{
    if (j == NULL)
        return;
    policy_recorded_room_free(j->room);
    free(j->campaigns);
    cert_row_free(&j->row);
    cert_row_free(&j->other);
    free(j);
}

const struct watch_times *judge_times(const struct judge *j)
{
    return &j->times;
}

void judge_closed(struct judge *j, const char *why)
{
    notice_set(j->closed, sizeof(j->closed), why == NULL ? "" : why);
}

int judge_campaigns(struct judge *j, struct fault *f)
{
    return campaigns_load(j->campaigns, j->parts.store, f);
}

static bool is_foreign(const struct cert_row *r)
{
    return r->source != SOURCE_ISSUED;
}

/* ---- what is found ---- */

/* One judging. */
struct judging {
    struct judge *j;
    struct judged *out;
    int64_t now;
    unsigned want;
    bool parsed, refused;
    struct cert cert;
    struct fault refusal; /* of policy, with `refused` */
};

static void found(struct judging *g, enum finding rule, const char *text)
{
    g->out->found |= FINDING_BIT(rule);
    if (g->out->why != NULL)
        g->out->why(g->out->arg, rule, text[0] != '\0' ? text : finding_rules[rule].text);
}

/* A token counts for who made it, as it did when it was used; one that was forgotten since, for
 * nobody. */
static const char *requester_of(struct judge *j)
{
    uint64_t id = token_of_requester(j->row.requester);
    struct token_row t;
    struct fault ignored;

    if (id == 0)
        return j->row.requester;
    if (id != j->token && store_token_get(j->parts.store, id, &t, &ignored) == 0) {
        j->token = id;
        memcpy(j->token_maker, t.info.created_by, sizeof(j->token_maker));
    }
    return id == j->token ? j->token_maker : j->row.requester;
}

/* Would policy have it today? With authorities_read. */
static int ask_policy(struct judging *g, struct fault *f)
{
    struct judge *j = g->j;
    const struct conf_profile *p = conf_profile(j->parts.conf, j->row.profile);
    const struct authority *a;
    struct policy_recorded r = {
        .cert = &g->cert,
        .profile = p,
        .own = &j->parts.authorities->own,
        .conf = j->parts.conf,
        .requester = requester_of(j),
        .owner = g->out->owner,
        .created = j->row.created,
    };

    if (p == NULL)
        return fault_set(f, FAULT_POLICY, "profile.unknown",
                         "the configuration has no profile \"%.63s\" any more", j->row.profile);
    a = authority_named(j->parts.authorities, p->issuer);
    if (a == NULL || a->certificate.n == 0)
        return fault_set(f, FAULT_POLICY, "profile.issuer",
                         "the issuer \"%.63s\" has no certificate", p->issuer);
    if (a->conf->state == ISSUER_CRL_ONLY)
        return fault_set(f, FAULT_POLICY, "profile.issuer",
                         "the issuer \"%.63s\" issues nothing any more", p->issuer);
    if (a->parsed.not_after <= g->now)
        return fault_set(f, FAULT_POLICY, "profile.issuer",
                         "the certificate of the issuer \"%.63s\" has ended", p->issuer);
    if (key_blocklist_has(r.own->blocklist, j->row.spki_hash))
        return fault_set(f, FAULT_POLICY, "key.blocklisted",
                         "its key is on the list of known weak keys");
    /* The same configuration decided the same when it was issued. */
    if (memcmp(j->row.generation, j->parts.conf->generation, sizeof(j->row.generation)) == 0)
        return 0;
    r.issuer = &a->policy;
    return policy_recorded(&r, j->room, f);
}

/* Set-up made the certificates of issuers, by their configuration and not by a profile. */
static bool policy_knows(const struct judging *g)
{
    return g->j->parts.authorities != NULL && !is_foreign(&g->j->row) && g->parsed &&
           strcmp(g->j->row.requester, "cerca-ca") != 0;
}

static void look_at_policy(struct judging *g)
{
    if (!policy_knows(g))
        return;
    fault_clear(&g->refusal);
    if (!g->j->parts.reading)
        authorities_read(g->j->parts.authorities);
    g->refused = ask_policy(g, &g->refusal) != 0;
    if (!g->j->parts.reading)
        authorities_done(g->j->parts.authorities);
    if (g->refused)
        found(g, finding_of_refusal(g->refusal.rule), g->refusal.text);
}

static void on_lint(void *arg, const struct lint_rule *rule, const char *why)
{
    struct judging *g = arg;
    enum finding what = finding_of_refusal(rule->name);
    char text[LINT_WHY + 64];

    if (rule->severity > (what == FINDING_FORM ? LINT_ERROR : LINT_WARNING))
        return;
    (void)snprintf(text, sizeof(text), "%s: %s", rule->name, why);
    found(g, what, text);
}

static bool distrusted(const struct conf *c, const char *issuer)
{
    for (size_t i = 0; i < c->n_alert_distrusted; i++)
        if (strstr(issuer, c->alert_distrusted[i]) != NULL)
            return true;
    return false;
}

static void on_chain(void *arg, const char *why)
{
    found(arg, FINDING_CHAIN, why);
}

static void look_at_foreign(struct judging *g)
{
    struct anycert c;
    struct fault ignored;
    struct buf issuer;

    lint_certificate(g->j->row.der, SLICE_NONE, on_lint, g);
    found(g, FINDING_FOREIGN, "");
    if (anycert_parse(g->j->row.der, &c, &ignored) != 0)
        return;
    buf_init(&issuer, 65536);
    name_print(c.issuer, &issuer);
    if (!buf_failed(&issuer) && distrusted(g->j->parts.conf, buf_cstr(&issuer)))
        found(g, FINDING_DISTRUSTED, buf_cstr(&issuer));
    buf_free(&issuer);
    for (size_t i = 0; i < c.sans.n; i++)
        if (c.sans.item[i].kind == SAN_DNS && c.sans.item[i].value.n > 1 &&
            c.sans.item[i].value.p[0] == '*')
            found(g, FINDING_WILDCARD, "");
    chain_look(g->j->parts.store, g->j->row.der, &c, g->now, &g->j->other, on_chain, g);
}

static void look_at_names(struct judging *g)
{
    for (size_t i = 0; g->parsed && i < g->cert.sans.n; i++) {
        const struct san *s = &g->cert.sans.item[i];

        if (s->kind != SAN_DNS || s->value.n < 2 || s->value.p[0] != '*')
            continue;
        found(g, FINDING_WILDCARD, "");
        return;
    }
}

/* Is the key one of something else that lasts? The same names under another profile or issuer are
 * the same host. */
static bool is_elsewhere(struct judging *g, const struct cert_ref *ref)
{
    struct judge *j = g->j;
    uint8_t ours[SAN_IDENTITY], theirs[SAN_IDENTITY];
    struct fault ignored;

    if (store_get(j->parts.store, ref, &j->other, &ignored) != 0 || j->other.state != CERT_GOOD ||
        j->other.not_after <= g->now ||
        memcmp(j->other.spki_hash, j->row.spki_hash, sizeof(j->row.spki_hash)) != 0)
        return false;
    cert_row_names(&j->row, ours);
    cert_row_names(&j->other, theirs);
    return memcmp(ours, theirs, sizeof(ours)) != 0;
}

static void look_at_key(struct judging *g)
{
    struct judge *j = g->j;
    struct cert_ref other[OTHERS_MAX];
    struct fault ignored;
    size_t n;

    if ((g->want & JUDGE_SHARED) != 0 && !keybits_has(j->parts.shared, j->row.spki_hash))
        return;
    if (store_key_others(j->parts.store, j->row.spki_hash, j->row.identity, other, OTHERS_MAX, &n,
                         &ignored) != 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (!is_elsewhere(g, &other[i]))
            continue;
        found(g, FINDING_KEY_SHARED, "");
        if (j->other.not_after < g->out->verdict.next)
            g->out->verdict.next = j->other.not_after;
        return;
    }
}

static void look_at_line(struct judging *g)
{
    const struct judged *out = g->out;

    if (g->now >= out->facts.life.not_after)
        found(g, FINDING_ENDED, "");
    else if (out->verdict.state == LINE_OVERDUE ||
             (out->verdict.state == LINE_STUCK && g->now >= out->verdict.late))
        found(g, out->facts.alone && !out->facts.foreign ? FINDING_NEVER_RENEWED : FINDING_LATE,
              "");
}

/* The owner has a rule of its own. */
static void look_at_annotation(struct judging *g, const struct annotation *a)
{
    const struct cert_row *row = &g->j->row;
    unsigned missing = conf_inventory_required(g->j->parts.conf, row->profile) &
                       ~annotation_set_fields(a) & ~(unsigned)ANNOTATION_OWNER;
    char names[128] = "not written down:";
    size_t at = strlen(names);

    if (missing == 0 || requester_own(row->requester))
        return;
    for (unsigned bit = 1; bit <= ANNOTATION_ALL; bit <<= 1)
        if ((missing & bit) != 0)
            at +=
                (size_t)snprintf(names + at, sizeof(names) - at, " %s", annotation_field_name(bit));
    found(g, FINDING_ANNOTATION, names);
}

static bool is_followed(struct judging *g)
{
    struct judge *j = g->j;

    return line_follower(j->parts.store, &j->row, &j->other, &g->out->follower);
}

static void parse(struct judging *g)
{
    struct fault ignored;

    if (!g->parsed && !is_foreign(&g->j->row) && g->j->row.tbs.n > 0)
        g->parsed = tbs_parse(g->j->row.tbs, &g->cert, &ignored) == 0;
}

/* ---- where it is ---- */

#define PLACES_LOOKED 256

struct placing {
    struct judging *g;
    struct places_line line;
    struct fault *f;
    size_t n; /* of places where it is, or was: a log is none */
    int rc;
};

/* A place each, so of what many do the last one is named. */
static int look_at_place(void *arg, const struct store_place *p)
{
    struct placing *x = arg;
    char where[320], text[512];
    uint32_t bits;

    x->n += p->observation == NULL || p->observation->outcome != SCAN_LOGGED;
    x->rc = places_compare(x->g->j->parts.store, &x->line, p, x->g->now, &bits, x->f);
    if (x->rc != 0 || bits == 0)
        return x->rc != 0;
    place_text(p, where, sizeof(where));
    for (unsigned c = 0; c < COMPARES; c++) {
        enum finding rule = (enum finding)(FINDING_SEEN + c);

        if ((bits & COMPARE_BIT(c)) == 0 || (x->g->out->found & FINDING_BIT(rule)) != 0)
            continue;
        (void)snprintf(text, sizeof(text), "%s: %s", finding_rules[rule].text, where);
        found(x->g, rule, text);
    }
    return 0;
}

/* What is issued for a server is expected to be seen where somebody looks. */
static void look_for_never(struct judging *g)
{
    const struct cert_row *row = &g->j->row;
    int64_t expected = g->j->parts.conf->scan_expected;
    int64_t since = row->finished != 0 ? row->finished : row->created;

    parse(g);
    if (expected == 0 || is_foreign(row) || !g->parsed || (g->cert.eku & EKU_SERVER_AUTH) == 0 ||
        g->now - since < expected || g->now >= row->not_after || row->state != CERT_GOOD ||
        g->out->facts.retired || g->out->facts.followed || g->out->facts.skipped)
        return;
    found(g, (enum finding)(FINDING_SEEN + COMPARE_NEVER), "");
}

static int look_at_places(struct judging *g, struct store_moment *m, const struct annotation *a,
                          struct fault *f)
{
    struct placing x = {.g = g, .line = {.newest = &g->j->row, .retired = a->retired}, .f = f};
    bool any;
    int rc = store_places_any(g->j->parts.store, m, g->out->identity, &any, f);

    if (rc != 0)
        return rc;
    if (any) {
        x.line.followed = is_followed(g);
        if (x.line.followed)
            x.line.followed_since =
                g->j->other.finished != 0 ? g->j->other.finished : g->j->other.created;
        rc = store_places(g->j->parts.store, m, g->out->identity, PLACES_LOOKED, look_at_place, &x,
                          f);
        rc = rc == 0 ? x.rc : rc;
    }
    if (rc == 0 && x.n == 0)
        look_for_never(g);
    return rc;
}

/* Everything that is looked for in what lasts and is wanted. */
static void look_for_findings(struct judging *g, const struct annotation *a)
{
    const struct judged *out = g->out;
    enum line_state state = out->verdict.state;

    if (out->stranger) /* however its line stands */
        found(g, FINDING_STRANGER, "");
    if (state == LINE_RETIRED || state == LINE_ENDED || out->facts.followed || out->facts.skipped)
        return;
    look_at_line(g);
    if (g->now >= out->facts.life.not_after)
        return;
    if (is_foreign(&g->j->row)) {
        look_at_foreign(g);
    } else {
        look_at_names(g);
        if (!g->refused)
            look_at_policy(g);
        else
            found(g, finding_of_refusal(g->refusal.rule), g->refusal.text);
    }
    look_at_key(g);
    if (out->owner[0] == '\0' && !requester_own(g->j->row.requester))
        found(g, FINDING_OWNER, "");
    look_at_annotation(g, a);
}

/* ---- the facts ---- */

static enum line_method method_of(const struct cert_row *r, const struct annotation *a)
{
    static const enum line_method methods[] = {
        [METHOD_NONE] = LINE_UNKNOWN, [METHOD_AGENT] = LINE_AGENT,   [METHOD_EST] = LINE_EST,
        [METHOD_ACME] = LINE_ACME,    [METHOD_MANUAL] = LINE_MANUAL,
    };

    if (a->method != METHOD_NONE)
        return methods[a->method];
    if (strncmp(r->requester, "certificate:", 12) == 0 || strncmp(r->requester, "device:", 7) == 0)
        return LINE_EST;
    return LINE_UNKNOWN;
}

static bool skipped(const struct judge *j)
{
    for (size_t i = 0; i < j->parts.conf->n_alert_skip; i++)
        if (strcmp(j->parts.conf->alert_skip[i], j->row.profile) == 0)
            return true;
    return requester_own(j->row.requester);
}

static void take_row(struct judging *g, const struct store_line *line, const struct annotation *a)
{
    const struct cert_row *r = &g->j->row;
    struct judged *out = g->out;

    out->stranger = r->stranger;
    out->facts.life = (struct watch_life){r->not_before, r->not_after};
    out->facts.revoked = r->state == CERT_HELD || r->state == CERT_REVOKED;
    out->facts.retired = a->retired != 0;
    out->facts.failed = out->refused && attempt_counts(&out->attempt, &line->newest);
    out->facts.alone = line->members == 1;
    out->facts.foreign = is_foreign(r);
    out->facts.skipped = skipped(g->j);
    out->facts.method = method_of(r, a);
    memcpy(out->profile, r->profile, sizeof(out->profile));
    memcpy(out->requester, r->requester, sizeof(out->requester));
    notice_set(out->owner, sizeof(out->owner), a->owner[0] != '\0' ? a->owner : r->owner);
    notice_set(out->contact, sizeof(out->contact), a->contact);
}

static void take_pull(struct judging *g)
{
    struct judge *j = g->j;
    struct line_facts *l = &g->out->facts;
    const struct campaign *c;
    int64_t at;

    if (j->campaigns->n == 0 || j->parts.authorities == NULL)
        return;
    if (!j->parts.reading)
        authorities_read(j->parts.authorities);
    c = campaigns_pull(j->campaigns, j->parts.authorities, &j->row, g->out->owner, &at);
    if (!j->parts.reading)
        authorities_done(j->parts.authorities);
    if (c == NULL)
        return;
    l->pulled_at = at;
    (void)snprintf(l->campaign, sizeof(l->campaign), "%s", c->name);
}

void judge_name(const struct cert_row *row, char *out, size_t cap)
{
    struct anycert c;
    struct fault ignored;
    struct buf text;
    int rc = is_foreign(row) ? anycert_parse(row->der, &c, &ignored)
                             : anycert_parse_tbs(row->tbs, &c, &ignored);

    buf_init(&text, 65536);
    if (rc == 0 && c.sans.n > 0)
        san_print(&c.sans.item[0], &text);
    else if (rc == 0)
        name_print(c.subject, &text);
    notice_set(out, cap, buf_failed(&text) ? "" : buf_cstr(&text));
    buf_free(&text);
}

/* Why it cannot be renewed as things are. Asked only when it is time. */
static void look_what_is_in_the_way(struct judging *g)
{
    struct judge *j = g->j;
    char *stuck = g->out->facts.stuck;
    struct fault ignored;
    bool identity = false, key = false;

    if (is_foreign(&j->row))
        return;
    parse(g);
    if (store_blocked(j->parts.store, j->row.identity, j->row.spki_hash, &identity, &key,
                      &ignored) != 0)
        return;
    if (identity)
        notice_set(stuck, LINE_TEXT, "its subject and names are blocked (cerca block list)");
    else if (policy_knows(g)) {
        void (*why)(void *, enum finding, const char *) = g->out->why;

        g->out->why = NULL; /* told with the findings, if these are asked for */
        look_at_policy(g);
        g->out->why = why;
        g->out->found = 0;
        if (g->refused)
            notice_set(stuck, LINE_TEXT, g->refusal.text);
    }
    if (stuck[0] == '\0' && j->closed[0] != '\0')
        notice_set(stuck, LINE_TEXT, j->closed);
}

/* What is known to be in the way says more than what somebody was told once. */
static void tell_refusal(struct judged *out)
{
    char at[CLOCK_TEXT_SIZE], text[512];

    if (!out->facts.failed || out->facts.stuck[0] != '\0')
        return;
    clock_format(out->attempt.last, at);
    (void)snprintf(text, sizeof(text), "refused %s to %s: %s", at, out->attempt.by,
                   out->attempt.text);
    notice_set(out->facts.stuck, sizeof(out->facts.stuck), text);
}

static int read_newest(struct judge *j, struct store_moment *m, const struct store_line *line,
                       struct annotation *a, struct judged *out, struct fault *f)
{
    struct store_moment *own = NULL;
    int rc = m == NULL ? store_moment_begin(j->parts.store, &own, f) : 0;

    if (m == NULL)
        m = own;
    if (rc == 0)
        rc = store_line_newest(m, line, &j->row, a, f);
    if (rc == 0)
        rc = store_line_attempt(m, line, &out->attempt, &out->refused, f);
    store_moment_end(own);
    return rc;
}

int judge_line(struct judge *j, struct store_moment *m, const struct store_line *line, int64_t now,
               unsigned want, struct judged *out, struct fault *f)
{
    struct judging g = {.j = j, .out = out, .now = now, .want = want};
    struct annotation a;
    int rc = read_newest(j, m, line, &a, out, f);

    if (rc != 0)
        return rc;
    memcpy(out->identity, line->identity, sizeof(out->identity));
    out->newest = line->newest;
    out->found = 0;
    out->in_the_way = false;
    out->name[0] = '\0';
    memset(&out->facts, 0, sizeof(out->facts));
    take_row(&g, line, &a);
    take_pull(&g);
    line_judge(&j->times, &out->facts, now, &out->verdict);
    if ((now >= out->verdict.opens || out->facts.failed) && out->verdict.state != LINE_RETIRED &&
        out->verdict.state != LINE_ENDED && !out->facts.skipped) {
        out->facts.followed = is_followed(&g);
        if (!out->facts.followed)
            look_what_is_in_the_way(&g);
        out->in_the_way = out->facts.stuck[0] != '\0';
        tell_refusal(out);
        line_judge(&j->times, &out->facts, now, &out->verdict);
    }
    if ((want & JUDGE_TEXTS) != 0 || out->verdict.passed != 0 || out->verdict.state == LINE_STUCK ||
        out->verdict.state == LINE_OVERDUE)
        judge_name(&j->row, out->name, sizeof(out->name));
    if ((want & JUDGE_FINDINGS) != 0) {
        parse(&g);
        look_for_findings(&g, &a);
        return look_at_places(&g, m, &a, f);
    }
    return 0;
}
