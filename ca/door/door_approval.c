#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/door/approval.h"
#include "ca/door/bearer.h"
#include "ca/door/token.h"
#include "ca/store/approvals.h"
#include "lib/clock.h"
#include "lib/name.h"

#define EACH_CERTIFICATE 16 /* waiting requests of one certificate, whose names are given */
#define BEHIND_MAX 64       /* from a certificate back to the one before */
#define SAME_SERIAL_MAX 8   /* certificates of one serial, by different issuers */

/* ---- is it needed? ---- */

static int renews_as_it_was(const struct job *j, bool *out, struct fault *f)
{
    struct cert_row row;
    int rc;

    *out = false;
    cert_row_init(&row);
    rc = store_get(j->door->parts.store, &j->replaces, &row, f);
    if (rc == 0 && row.source == SOURCE_ISSUED && row.state == CERT_GOOD &&
        strcmp(row.profile, j->profile->name) == 0 &&
        memcmp(row.identity, j->decision.identity, sizeof(row.identity)) == 0)
        *out = j->bearer != NULL
                   ? j->bearer->renews
                   : clock_now() <= row.not_after &&
                         memcmp(row.spki_hash, j->decision.spki_hash, sizeof(row.spki_hash)) == 0;
    cert_row_free(&row);
    return rc;
}

static int is_needed(const struct job *j, bool *out, struct fault *f)
{
    bool renews = false;
    int rc = 0;

    *out = j->profile->approvals > 0 && !j->who.own;
    if (*out && j->request.has_replaces && !j->profile->approve_renewals)
        rc = renews_as_it_was(j, &renews, f);
    *out = *out && !renews;
    return rc;
}

/* ---- who asks, and who stands behind that ---- */

#define OPERATOR "operator:"
#define CERTIFICATE "certificate:"

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Who asked for the certificate of that serial number. */
static bool certificate_of(struct store *s, const char *hex, char name[STORE_NAME_MAX],
                           struct fault *f)
{
    struct cert_ref ref[SAME_SERIAL_MAX];
    uint8_t serial[SERIAL_LEN];
    struct cert_row row;
    bool found = false;
    size_t n = 0;

    if (hex_decode(hex, serial, SERIAL_LEN) != 0 ||
        store_find_serial(s, serial, ref, SAME_SERIAL_MAX, &n, f) != 0)
        return false;
    for (size_t i = 0; i < n && i < SAME_SERIAL_MAX && !found; i++) {
        cert_row_init(&row);
        found = store_get(s, &ref[i], &row, f) == 0 && row.source == SOURCE_ISSUED;
        if (found)
            (void)snprintf(name, STORE_NAME_MAX, "%s", row.requester);
        cert_row_free(&row);
    }
    return found;
}

/* One step back: who made the token, who asked for the certificate. False: that is not known. */
static bool step_back(const struct job *j, char name[STORE_NAME_MAX], struct fault *f)
{
    struct store *s = j->door->parts.store;
    struct token_row token;

    if (begins(name, CERTIFICATE))
        return certificate_of(s, name + strlen(CERTIFICATE), name, f);
    if (token_of_requester(name) == 0 ||
        store_token_get(s, token_of_requester(name), &token, f) != 0)
        return false;
    (void)snprintf(name, STORE_NAME_MAX, "%s", token.info.created_by);
    return true;
}

/* The operator at the end of that way; none: "". */
static void find_behind(const struct job *j, const char *asked, struct request_who *out)
{
    const struct conf *c = j->door->parts.conf;
    char name[STORE_NAME_MAX];
    struct fault ignored;

    *out = (struct request_who){.uid = REQUEST_NO_UID};
    (void)snprintf(name, sizeof(name), "%s", asked);
    fault_clear(&ignored);
    for (int i = 0; !begins(name, OPERATOR); i++)
        if (i == BEHIND_MAX || !step_back(j, name, &ignored))
            return;
    (void)snprintf(out->name, sizeof(out->name), "%.63s", name);
    for (size_t i = 0; i < c->n_operators; i++)
        if (strcmp(c->operators[i].name, name + strlen(OPERATOR)) == 0)
            out->uid = c->operators[i].uid;
}

static void say_who(const struct job *j, struct approval_row *r)
{
    const char *asked = j->token != NULL ? j->token->requester : j->who.name;

    (void)snprintf(r->asked.name, sizeof(r->asked.name), "%s", asked);
    /* that of who brought it over the admin socket, whatever it was */
    r->asked.uid = j->evidence != NULL ? REQUEST_NO_UID : j->who.uid;
    find_behind(j, asked, &r->behind);
    memcpy(r->origin, j->who.origin, sizeof(r->origin));
}

/* ---- what is asked for ---- */

static int too_large(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_TOO_LARGE, "approval.size",
                     "the %s cannot be shown whole to the operator who would approve", what);
}

static int say_names(const struct job *j, struct approval_row *r, struct fault *f)
{
    const struct san_list *l = &j->decision.sans;
    struct buf der, text;
    int rc = 0;

    buf_init(&der, sizeof(r->names));
    buf_init(&text, REQUEST_NAMES_TEXT - 1);
    if (l->n > 0)
        san_list_put(&der, l);
    request_names_print(l, &text);
    if (buf_failed(&der) || buf_failed(&text)) {
        rc = too_large(f, "names");
    } else if (der.n > 0) {
        memcpy(r->names, der.p, der.n);
        r->n_names = der.n;
    }
    buf_free(&der);
    buf_free(&text);
    return rc;
}

static int say_subject(const struct job *j, struct approval_row *r, struct fault *f)
{
    struct buf text;
    int rc = 0;

    buf_init(&text, sizeof(r->subject) - 1);
    name_print(j->decision.subject, &text);
    if (buf_failed(&text))
        rc = too_large(f, "subject");
    else
        (void)snprintf(r->subject, sizeof(r->subject), "%s", buf_cstr(&text));
    buf_free(&text);
    return rc;
}

/* The same who asks for the same: all that the certificate will say but its serial and its times,
 * which are new each time. */
static void make_key(const struct job *j, struct approval_row *r)
{
    const struct decision *d = &j->decision;
    struct buf b;

    buf_init(&b, FRAME_BODY_MAX);
    wire_put_text(&b, r->asked.name);
    wire_put_u32(&b, r->asked.uid);
    wire_put_text(&b, r->profile);
    wire_put_text(&b, r->owner);
    wire_put_text(&b, r->key_type);
    wire_put_fixed(&b, r->spki_hash, sizeof(r->spki_hash));
    wire_put_bytes(&b, d->subject);
    wire_put_bytes(&b, slice_of(r->names, r->n_names));
    wire_put_bytes(&b, d->sid);
    wire_put_i64(&b, j->request.validity);
    wire_put_i64(&b, j->request.not_after);
    wire_put_u8(&b, j->request.has_replaces);
    wire_put_fixed(&b, j->replaces.serial, SERIAL_LEN);
    sha256(buf_slice(&b), r->key);
    buf_free(&b);
}

/* A key that is made here is another one each time that is asked. */
static void say_key(const struct job *j, struct approval_row *r)
{
    char type[sizeof(r->key_type)];

    key_describe(j->csr.key.type, j->csr.key.bits, type);
    (void)snprintf(r->key_type, sizeof(r->key_type), "%.10s%s", type,
                   job_key_is_made(j) ? ", made here" : "");
    if (!job_key_is_made(j))
        memcpy(r->spki_hash, j->decision.spki_hash, sizeof(r->spki_hash));
}

static int fill(const struct job *j, struct approval_ask *a, struct fault *f)
{
    const struct conf *c = j->door->parts.conf;
    struct approval_row *r = &a->row;

    say_who(j, r);
    (void)snprintf(r->profile, sizeof(r->profile), "%s", j->profile->name);
    (void)snprintf(r->owner, sizeof(r->owner), "%s", j->request.owner);
    say_key(j, r);
    memcpy(r->generation, c->generation, sizeof(r->generation));
    r->needed = (uint8_t)j->profile->approvals;
    r->expires = clock_now() + c->request_life;
    a->total = c->requests_waiting;
    a->each = c->requests_each;
    if (j->bearer != NULL && j->bearer->n_patterns == 0 && a->each > EACH_CERTIFICATE)
        a->each = EACH_CERTIFICATE;
    if (say_names(j, r, f) != 0 || say_subject(j, r, f) != 0)
        return -(int)f->code;
    make_key(j, r);
    return 0;
}

int approval_prepare(struct job *j, struct fault *f)
{
    bool needed;

    if (j->kind != JOB_REQUEST || is_needed(j, &needed, f) != 0)
        return j->kind != JOB_REQUEST ? 0 : -(int)f->code;
    if (!needed)
        return 0;
    j->approval = xcalloc(1, sizeof(*j->approval));
    return fill(j, j->approval, f);
}

void approval_drop(struct job *j)
{
    free(j->approval);
    j->approval = NULL;
}

/* ---- what who asks is told ---- */

void approval_waits(const struct job *j, struct fault *f)
{
    const struct approval_row *r = &j->approval->row;

    fault_clear(f);
    (void)fault_set(f, FAULT_PENDING, "request.pending",
                    "request %" PRIu64 " waits for approval, %u of %u: ask again for the same",
                    r->id, r->n_by, r->needed);
    (void)snprintf(f->field, sizeof(f->field), "request");
    (void)snprintf(f->value, sizeof(f->value), "%" PRIu64, r->id);
    f->retry_after = (uint32_t)j->door->parts.conf->request_retry;
}

void approval_would_wait(const struct job *j, struct fault *f)
{
    fault_clear(f);
    (void)fault_set(f, FAULT_PENDING, "approval.needed",
                    "would wait for approval by %s; nothing was recorded or written",
                    j->approval->row.needed > 1 ? "two operators" : "an operator");
}
