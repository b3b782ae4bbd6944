#include "ca/door/bearer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/door/job.h"

int bearer_authorise(struct job *j, struct fault *f)
{
    struct issue_request *r = &j->request;
    struct door_bearer *b = xcalloc(1, sizeof(*b));

    if (j->evidence->prove(j->evidence, b, f) != 0) {
        free(b);
        return -(int)f->code;
    }
    j->bearer = b;
    (void)snprintf(j->who.name, sizeof(j->who.name), "%s", b->requester);
    (void)snprintf(r->owner, sizeof(r->owner), "%s", b->owner);
    r->has_replaces = b->renews;
    memcpy(r->replaces, b->serial, sizeof(r->replaces));
    return 0;
}

static bool same_name(struct slice a, struct slice b)
{
    struct buf x, y;
    struct fault ignored;
    bool same;

    fault_clear(&ignored);
    buf_init(&x, 2 * NAME_DER_MAX);
    buf_init(&y, 2 * NAME_DER_MAX);
    same = name_fold(a, &x, &ignored) == 0 && name_fold(b, &y, &ignored) == 0 &&
           slice_eq(buf_slice(&x), buf_slice(&y));
    buf_free(&x);
    buf_free(&y);
    return same;
}

/* Many clients leave out the names when they renew. */
static int keep_names(struct job *j, struct fault *f)
{
    for (size_t i = 0; i < j->bearer->names.n; i++)
        if (san_list_add(&j->request.sans, &j->bearer->names.item[i], f) != 0)
            return -(int)f->code;
    return 0;
}

static int refuse_name(const char *rule, const struct san *s, const char *allowed, struct fault *f)
{
    char field[16];
    struct buf text;
    int rc;

    (void)snprintf(field, sizeof(field), "san.%s", san_kind_name(s->kind));
    buf_init(&text, 4 * SAN_VALUE_MAX + 16);
    san_print(s, &text);
    rc = fault_refuse(f, rule, field, buf_slice(&text), allowed);
    buf_free(&text);
    return rc;
}

static bool matches(const struct door_bearer *b, const struct san *s)
{
    for (size_t i = 0; i < b->n_patterns; i++)
        if (job_name_matches(b->patterns[i], s))
            return true;
    return false;
}

/* Those that match a pattern are the bearer's. */
static int take_matching(struct job *j, struct fault *f)
{
    struct door_bearer *b = j->bearer;

    for (size_t i = 0; i < j->csr.sans.n; i++) {
        const struct san *s = &j->csr.sans.item[i];

        if (!matches(b, s))
            return refuse_name("bearer.name", s, "the names of this user", f);
        if (san_list_add(&b->names, s, f) != 0)
            return -(int)f->code;
    }
    return 0;
}

int bearer_names(struct job *j, struct policy_authorisation *out, struct fault *f)
{
    const struct door_bearer *b = j->bearer;

    if (b->n_patterns > 0 && take_matching(j, f) != 0)
        return -(int)f->code;

    *out = (struct policy_authorisation){.sid = b->sid,
                                         .upn = b->upn,
                                         .names = &b->names,
                                         .subject =
                                             b->renews || same_name(j->csr.subject, b->subject)};
    if (!b->renews || j->csr.sans.n > 0)
        return 0;
    return keep_names(j, f);
}

/* That there are no more names was for policy to say. */
static int check_renewal(const struct job *j, struct fault *f)
{
    const struct door_bearer *b = j->bearer;
    struct buf text;
    int rc;

    for (size_t i = 0; i < b->names.n; i++)
        if (!san_list_has(&j->decision.sans, &b->names.item[i]))
            return refuse_name("renew.names", &b->names.item[i],
                               "all names of the certificate that is renewed (RFC 7030 4.2.2)", f);
    if (same_name(j->decision.subject, b->subject))
        return 0;
    buf_init(&text, 8 * NAME_DER_MAX);
    name_print(j->decision.subject, &text);
    rc = fault_refuse(f, "renew.subject", "subject", buf_slice(&text),
                      "the subject of the certificate that is renewed (RFC 7030 4.2.2)");
    buf_free(&text);
    return rc;
}

int bearer_check(const struct job *j, struct fault *f)
{
    if (j->bearer->renews)
        return check_renewal(j, f);
    if (same_name(j->csr.subject, j->bearer->subject))
        return 0;
    return job_subject_of_names(j, "bearer.subject", f);
}
