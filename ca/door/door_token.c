/*
 * Tokens as evidence. The text is "cerca-token-7-" and 64 hexadecimal digits: number and secret.
 * Here is checked what it authorises; whether a use is left is decided by the store, with the
 * intent.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/door/bearer.h"
#include "ca/door/job.h"
#include "ca/door/token.h"
#include "lib/clock.h"

#define PREFIX "cerca-token-"
#define NUMBER_MAX 20 /* digits */

void token_text(uint64_t id, const uint8_t secret[TOKEN_SECRET], char out[TOKEN_TEXT_MAX])
{
    int n = snprintf(out, TOKEN_TEXT_MAX, PREFIX "%" PRIu64 "-", id);

    hex_encode(slice_of(secret, TOKEN_SECRET), out + n);
}

/* 0, or -1 for anything but exactly that form. */
static int token_parse(struct slice text, uint64_t *id, uint8_t secret[TOKEN_SECRET])
{
    char copy[TOKEN_TEXT_MAX + 1];
    char *at = copy + strlen(PREFIX), *end = NULL;
    int rc = -1;

    if (text.n > TOKEN_TEXT_MAX || memchr(text.p, 0, text.n) != NULL)
        return -1;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    if (strncmp(copy, PREFIX, strlen(PREFIX)) == 0 && strspn(at, "0123456789") <= NUMBER_MAX &&
        *at >= '1' && *at <= '9') {
        *id = strtoull(at, &end, 10);
        if (*end == '-' && strlen(end + 1) == 2 * TOKEN_SECRET &&
            hex_decode(end + 1, secret, TOKEN_SECRET) == 0)
            rc = 0;
    }
    explicit_bzero(copy, sizeof(copy));
    return rc;
}

/* Nobody learns from the answer whether a token of that number exists. */
static int wrong(struct fault *f)
{
    return fault_set(f, FAULT_DENIED, "token.unknown", "The token is not known here");
}

static int find(struct store *s, struct slice text, struct token_row *out, struct fault *f)
{
    uint8_t secret[TOKEN_SECRET], hash[32];
    uint64_t id = 0;
    int rc;

    if (token_parse(text, &id, secret) != 0)
        return wrong(f);
    sha256(slice_of(secret, sizeof(secret)), hash);
    explicit_bzero(secret, sizeof(secret));
    rc = store_token_get(s, id, out, f);
    if (rc == -FAULT_NOT_FOUND ||
        (rc == 0 && !slice_eq_secret(slice_of(hash, 32), slice_of(out->hash, 32))))
        return wrong(f);
    return rc;
}

/* What cannot come true is refused before anything costly, such as a key, whose repetition needs no
 * further use; a dry run hears all of it. */
static int check_usable(const struct job *j, struct fault *f)
{
    struct token_row row = j->token->row;
    struct store_gate gate;

    if (!j->request.dry_run && !job_key_is_made(j))
        return 0;
    if (store_gate(j->door->parts.store, &gate, f) != 0)
        return -(int)f->code;
    if (!j->request.dry_run)
        row.info.left = 1;
    return token_usable(&row, gate.restored_at, clock_now(), f);
}

static int refuse(struct fault *f, const char *rule, const char *field, const char *value,
                  const char *allowed)
{
    (void)fault_refuse(f, rule, field, slice_str(value), allowed);
    f->code = FAULT_DENIED;
    return -FAULT_DENIED;
}

/* A field that the token fixes may be left out or say the same. */
static int fix(char *field, size_t cap, const char *fixed, const char *rule, const char *name,
               struct fault *f)
{
    if (field[0] != '\0' && strcmp(field, fixed) != 0)
        return refuse(f, rule, name, field, fixed[0] != '\0' ? fixed : "what the token says: none");
    snprintf(field, cap, "%s", fixed);
    return 0;
}

int token_authorise(struct job *j, struct fault *f)
{
    struct issue_request *r = &j->request;
    const struct token_info *t;

    j->token = xcalloc(1, sizeof(*j->token));
    if (find(j->door->parts.store, r->token, &j->token->row, f) != 0) {
        free(j->token);
        j->token = NULL;
        return -(int)f->code;
    }
    t = &j->token->row.info;
    token_requester(t->id, j->token->requester);
    if (fix(r->profile, sizeof(r->profile), t->profile, "token.profile", "profile", f) != 0 ||
        fix(r->owner, sizeof(r->owner), t->owner, "token.owner", "owner", f) != 0 ||
        fix(r->subject, sizeof(r->subject), t->subject, "token.subject", "subject", f) != 0)
        return -(int)f->code;
    if (r->has_replaces)
        return refuse(f, "token.replaces", "replaces", "a certificate",
                      "none: a token is for new certificates");
    return check_usable(j, f);
}

int token_maker(const struct job *j, struct fault *f)
{
    const struct conf *c = j->door->parts.conf;
    const char *prefix = "operator:", *by = j->token->row.info.created_by;

    for (size_t i = 0; strncmp(by, prefix, strlen(prefix)) == 0 && i < c->n_operators; i++)
        if (strcmp(c->operators[i].name, by + strlen(prefix)) == 0 &&
            c->operators[i].role >= j->profile->role)
            return 0;
    return refuse(f, "token.maker", "token", by, "made by an operator who may ask for the profile");
}

void token_drop(struct job *j)
{
    if (j->token == NULL)
        return;
    free(j->token);
    j->token = NULL;
}

/* ---- names ---- */

static int check_name(const struct token_info *t, const struct san *s, struct fault *f)
{
    char field[16];
    struct buf text;
    int rc;

    for (uint32_t i = 0; i < t->names.n; i++)
        if (bearer_name_matches(t->names.item[i], s))
            return 0;
    snprintf(field, sizeof(field), "san.%s", san_kind_name(s->kind));
    buf_init(&text, 4 * SAN_VALUE_MAX + 16);
    san_print(s, &text);
    rc = refuse(f, "token.name", field, buf_cstr(&text), "the names of the token");
    buf_free(&text);
    return rc;
}

static int add_names(struct job *j, const struct san_list *l, struct fault *f)
{
    for (size_t i = 0; i < l->n; i++)
        if (check_name(&j->token->row.info, &l->item[i], f) != 0 ||
            san_list_add(&j->token->names, &l->item[i], f) != 0)
            return -(int)f->code;
    return 0;
}

int token_names(struct job *j, struct policy_authorisation *out, struct fault *f)
{
    j->token->names.n = 0;
    if (add_names(j, &j->csr.sans, f) != 0 || add_names(j, &j->request.sans, f) != 0)
        return -(int)f->code;
    *out = (struct policy_authorisation){
        .sid = j->token->row.info.sid, .upn = j->token->row.info.upn, .names = &j->token->names};
    return 0;
}

/* ---- subject ---- */

int token_subject(const struct job *j, struct fault *f)
{
    return j->token->row.info.subject[0] != '\0'
               ? 0
               : job_subject_of_names(j, "token.subject", SLICE_NONE, f);
}
