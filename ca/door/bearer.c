#include "ca/door/bearer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/door/job.h"
#include "lib/source.h"

/* Known, and still without a right to anything: its refusals count by its name, so that those of
 * others at its address do not hide them, and it fills no disk. */
static void name_refused(struct job *j, const struct door_bearer *b)
{
    (void)snprintf(j->who.name, sizeof(j->who.name), "%s", b->requester);
    j->who.source = source_key_named("requester", b->requester);
}

static void take_meant(struct job *j, const struct door_bearer *b)
{
    j->meant.known = b->meant.known;
    j->meant.ref = b->meant.ref;
    memcpy(j->meant.identity, b->meant.identity, sizeof(j->meant.identity));
}

int bearer_authorise(struct job *j, struct fault *f)
{
    struct issue_request *r = &j->request;
    struct door_bearer *b = xcalloc(1, sizeof(*b));

    if (j->evidence->prove(j->evidence, b, f) != 0) {
        take_meant(j, b);
        if (b->requester[0] != '\0')
            name_refused(j, b);
        free(b);
        return -(int)f->code;
    }
    take_meant(j, b);
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
        if (bearer_name_matches(b->patterns[i], s))
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

static int refuse_subject(struct slice subject, struct fault *f)
{
    struct buf text;
    int rc;

    buf_init(&text, 8 * NAME_DER_MAX);
    name_print(subject, &text);
    rc = fault_refuse(f, "renew.subject", "subject", buf_slice(&text),
                      "the subject of the certificate that is renewed (RFC 7030 4.2.2)");
    buf_free(&text);
    return rc;
}

static int check_kept(const struct door_bearer *b, const struct san_list *l, struct fault *f)
{
    for (size_t i = 0; i < b->names.n; i++)
        if (!san_list_has(l, &b->names.item[i]))
            return refuse_name("renew.names", &b->names.item[i],
                               "all names of the certificate that is renewed (RFC 7030 4.2.2)", f);
    return 0;
}

/* Subject and names of the request itself are the present ones; what they become takes their
 * place. */
static int take_new(struct job *j, struct fault *f)
{
    struct door_bearer *b = j->bearer;

    if (!same_name(j->csr.subject, b->subject))
        return refuse_subject(j->csr.subject, f);
    if (j->csr.sans.n > 0 && check_kept(b, &j->csr.sans, f) != 0)
        return -(int)f->code;
    for (size_t i = 0; i < j->csr.sans.n; i++)
        if (j->csr.sans.item[i].kind != SAN_UPN && !san_list_has(&b->names, &j->csr.sans.item[i]))
            return refuse_name("renew.names", &j->csr.sans.item[i],
                               "what ChangeSubjectName says, and the present names beside it", f);
    if (b->new_subject.n > 0)
        j->csr.subject = b->new_subject;
    if (b->has_new_names)
        j->csr.sans = b->names = b->new_names;
    return 0;
}

int bearer_names(struct job *j, struct policy_authorisation *out, struct fault *f)
{
    const struct door_bearer *b = j->bearer;

    if ((b->n_patterns > 0 && take_matching(j, f) != 0) || (b->renamed && take_new(j, f) != 0))
        return -(int)f->code;

    *out = (struct policy_authorisation){.sid = b->sid,
                                         .upn = b->upn,
                                         .names = &b->names,
                                         .subject = (b->renews && b->new_subject.n == 0) ||
                                                    same_name(j->csr.subject, b->subject)};
    if (!b->renews || j->csr.sans.n > 0)
        return 0;
    return keep_names(j, f);
}

/* That there are no more names was for policy to say. */
static int check_renewal(const struct job *j, struct fault *f)
{
    const struct door_bearer *b = j->bearer;

    if (check_kept(b, &j->decision.sans, f) != 0)
        return -(int)f->code;
    if (same_name(j->decision.subject, b->subject))
        return 0;
    return b->new_subject.n > 0 ? job_subject_of_names(j, "renew.subject", b->subject, f)
                                : refuse_subject(j->decision.subject, f);
}

int bearer_check(const struct job *j, struct fault *f)
{
    if (j->bearer->renews)
        return check_renewal(j, f);
    if (same_name(j->csr.subject, j->bearer->subject))
        return 0;
    return job_subject_of_names(j, "bearer.subject", SLICE_NONE, f);
}
