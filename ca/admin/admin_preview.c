/* `cerca policy preview`: every valid certificate against a changed configuration, on a thread of
 * its own, one at a time. */
#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/store/tokens.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/proto_preview.h"

#define PROGRESS_EVERY_US 200000
#define PAGE 1000
#define ROWS_MAX (FRAME_BODY_MAX - 64 - POLICY_REFUSED_ROOM)

struct preview {
    struct ask *ask;
    const struct admin *admin;
    struct conf *conf; /* the changed one */
    struct policy_recorded_room *room;
    struct policy_previewed done;
    uint64_t total, told_us;
    uint64_t token; /* the last one that was looked up; 0: none yet */
    char token_maker[64];
    struct buf rows; /* refusals not told yet */
    uint32_t n_rows;
};

static void tell_refusals(struct preview *p)
{
    struct buf body;

    if (p->n_rows == 0)
        return;
    buf_init(&body, FRAME_BODY_MAX);
    wire_put_u32(&body, p->n_rows);
    buf_put_slice(&body, buf_slice(&p->rows));
    ask_note(p->ask, MSG_POLICY_REFUSED, &body);
    buf_reset(&p->rows);
    p->n_rows = 0;
}

static void tell_progress(struct preview *p)
{
    uint64_t now = clock_mono_us();
    struct buf body;

    if (now - p->told_us < PROGRESS_EVERY_US)
        return;
    p->told_us = now;
    tell_refusals(p);
    buf_init(&body, 256);
    check_progress_put(&body, "certificates", p->done.looked, p->total);
    ask_note(p->ask, MSG_POLICY_PROGRESS, &body);
}

static void name_of(const struct cert *c, char out[128])
{
    struct buf text;

    buf_init(&text, 16384);
    if (c->sans.n > 0)
        san_print(&c->sans.item[0], &text);
    else
        name_print(c->subject, &text);
    snprintf(out, 128, "%.127s", buf_cstr(&text));
    buf_free(&text);
}

/* c: NULL when it cannot be read. */
static void note_refusal(struct preview *p, const struct cert_row *row, const struct cert *c,
                         const struct fault *f)
{
    struct policy_refused r = {.profile = ""};

    memcpy(r.serial, row->ref.serial, SERIAL_LEN);
    snprintf(r.profile, sizeof(r.profile), "%.63s", row->profile);
    if (c != NULL)
        name_of(c, r.name);
    memcpy(r.rule, f->rule, sizeof(r.rule));
    memcpy(r.text, f->text, sizeof(r.text));
    policy_refused_put(&p->rows, &r);
    p->n_rows++;
    p->done.refused++;
    if (p->rows.n > ROWS_MAX)
        tell_refusals(p);
}

/* What the changed configuration says of the issuer, with the certificate that it has today. */
static int find_issuer(const struct preview *p, const char *name, struct policy_issuer *out,
                       struct fault *f)
{
    const struct authority *a = authority_named(p->admin->parts.authorities, name);

    if (a == NULL || a->certificate.n == 0)
        return fault_set(f, FAULT_NOT_FOUND, "issuer.unknown",
                         "the issuer \"%.63s\" has no certificate yet", name);
    *out = a->policy;
    out->conf = conf_issuer(p->conf, name);
    return 0;
}

/* A token counts for who made it, as it did when it was used; one that was forgotten since, for
 * nobody. */
static const char *requester_of(struct preview *p, const struct cert_row *row)
{
    struct token_row t;
    struct fault ignored;
    uint64_t id = token_of_requester(row->requester);

    if (id == 0)
        return row->requester;
    if (id != p->token && store_token_get(p->admin->parts.store, id, &t, &ignored) == 0) {
        p->token = id;
        memcpy(p->token_maker, t.info.created_by, sizeof(p->token_maker));
    }
    return id == p->token ? p->token_maker : row->requester;
}

static int judge(struct preview *p, const struct cert_row *row, const struct cert *c,
                 struct fault *f)
{
    struct policy_issuer issuer;
    struct policy_recorded r = {
        .cert = c,
        .profile = conf_profile(p->conf, row->profile),
        .issuer = &issuer,
        .own = &p->admin->parts.authorities->own,
        .conf = p->conf,
        .requester = requester_of(p, row),
        .owner = row->owner,
        .created = row->created,
    };

    if (r.profile == NULL)
        return fault_set(f, FAULT_POLICY, "profile.unknown", "there is no profile \"%.63s\"",
                         row->profile);
    if (find_issuer(p, r.profile->issuer, &issuer, f) != 0)
        return -(int)f->code;
    return policy_recorded(&r, p->room, f);
}

/* Set-up made them by the configuration of the issuers, not by a profile. */
static bool is_issuer(const struct cert_row *row)
{
    return strcmp(row->requester, "cerca-ca") == 0;
}

static void judge_one(struct preview *p, const struct cert_row *row)
{
    struct fault f;
    struct cert c;
    int rc;

    fault_clear(&f);
    if (tbs_parse(row->tbs, &c, &f) != 0) {
        note_refusal(p, row, NULL, &f);
        return;
    }
    authorities_read(p->admin->parts.authorities);
    rc = judge(p, row, &c, &f);
    authorities_done(p->admin->parts.authorities);
    if (rc != 0)
        note_refusal(p, row, &c, &f);
}

static int look(void *arg, const struct cert_row *row)
{
    struct preview *p = arg;

    p->done.looked++;
    if (!is_issuer(row))
        judge_one(p, row);
    tell_progress(p);
    return __atomic_load_n(&p->admin->draining, __ATOMIC_RELAXED);
}

static int look_at_all(struct preview *p, struct fault *f)
{
    struct store_filter q = {
        .status = STATUS_VALID, .sources = 1u << SOURCE_ISSUED, .now = clock_now()};
    struct store_cursor cursor = {0};
    struct store_stats stats;
    int rc = store_stats(p->admin->parts.store, &stats, f);

    p->total = stats.certificates;
    do {
        if (rc == 0)
            rc = store_list(p->admin->parts.store, &q, PAGE, &cursor, look, p, f);
        if (rc == 0 && __atomic_load_n(&p->admin->draining, __ATOMIC_RELAXED))
            rc = fault_unavailable(f, 5, "preview.stopped", "cerca-ca is stopping");
    } while (rc == 0 && cursor.n > 0);
    return rc;
}

static void preview_free(struct preview *p)
{
    policy_recorded_room_free(p->room);
    conf_free(p->conf);
    buf_free(&p->rows);
    free(p);
}

static void ended(void *arg)
{
    struct preview *p = arg;
    struct ask *q = p->ask;

    long_end(&q->client->admin->preview);
    if (q->fault.code != FAULT_NONE) {
        ask_fail(q, &q->fault);
    } else {
        policy_previewed_put(&q->out, &p->done);
        ask_answer(q, MSG_POLICY_PREVIEWED, buf_slice(&q->out));
    }
    preview_free(p);
}

static void *preview_main(void *arg)
{
    struct preview *p = arg;

    if (look_at_all(p, &p->ask->fault) == 0)
        tell_refusals(p);
    loop_post(p->admin->parts.loop, ended, p);
    return NULL;
}

void start_preview(struct ask *q)
{
    struct admin *a = q->client->admin;
    struct preview *p = xcalloc(1, sizeof(*p));

    p->ask = q;
    p->admin = a;
    p->room = policy_recorded_room_new();
    buf_init(&p->rows, FRAME_BODY_MAX);
    if (q->fd < 0)
        (void)fault_set(&q->fault, FAULT_MALFORMED, "request.body",
                        "no configuration came with the request");
    else if (conf_load_fd(q->fd, a->parts.conf->path, &p->conf, &q->fault) == 0 &&
             long_start(&a->preview, "a policy preview", preview_main, p, &q->fault) == 0)
        return;
    ask_fail(q, &q->fault);
    preview_free(p);
}
