/* What bounds a request that is authorised by names, whoever its bearer is: its subject, and the
 * key under which a repetition finds it. */
#include <stdlib.h>
#include <string.h>

#include "ca/door/bearer.h"
#include "ca/door/job.h"
#include "ca/door/token.h"
#include "lib/name.h"
#include "lib/subject.h"

/* ---- names ---- */

/* By the rules of a profile that has that pattern alone. */
bool bearer_name_matches(const char *pattern, const struct san *s)
{
    const char *kind = san_kind_name(s->kind);
    size_t n = strlen(kind);
    char *rest;
    struct fault ignored;
    struct conf_profile p = {.san_kinds = 1u << s->kind, .wildcards = true};
    struct san mailbox = {SAN_EMAIL, SLICE_NONE};
    bool matches;

    if (strncmp(pattern, kind, n) != 0 || pattern[n] != ':')
        return false;
    fault_clear(&ignored);
    mailbox.value = slice_str(pattern + n + 1);
    if (s->kind == SAN_EMAIL && memchr(mailbox.value.p, '@', mailbox.value.n) != NULL)
        return san_equal(s, &mailbox);
    rest = xstrdup(pattern + n + 1);
    p.dns = p.ip = p.email = p.uri = &rest;
    p.n_dns = p.n_ip = p.n_email = p.n_uri = 1;
    matches = policy_name(&p, s, &ignored) == 0;
    free(rest);
    return matches;
}

/* ---- subject ---- */

struct search {
    struct slice oid, utf8;
    bool found;
};

static int match(void *arg, enum name_attr attr, struct slice oid, struct slice utf8,
                 struct fault *f)
{
    struct search *s = arg;

    (void)attr;
    (void)f;
    s->found = s->found || (slice_eq(oid, s->oid) && slice_eq(utf8, s->utf8));
    return 0;
}

/* The subject that needs no authorisation, and the rule that says so. */
struct own {
    struct slice name, also;
    const char *rule;
};

/* A CN is one of the names: policy sees to that for who is bound to names. */
static int check_attribute(void *arg, enum name_attr attr, struct slice oid, struct slice utf8,
                           struct fault *f)
{
    const struct own *own = arg;
    struct search s = {oid, utf8, attr == ATTR_CN};

    if ((!s.found && name_check(own->name, match, &s, f) != 0) ||
        (!s.found && own->also.n > 0 && name_check(own->also, match, &s, f) != 0))
        return -(int)f->code;
    if (s.found)
        return 0;
    (void)fault_refuse(f, own->rule, "subject", utf8,
                       "nothing but a CN that is one of the names, and what the profile adds, "
                       "unless the subject is authorised itself");
    f->code = FAULT_DENIED;
    return -FAULT_DENIED;
}

/* What the profile makes of the names alone. */
static int own_subject(const struct job *j, struct buf *out, struct fault *f)
{
    const char *text = j->profile->subject;
    struct buf empty;
    int rc;

    buf_init(&empty, 16);
    rc = name_from_cn(slice_str(""), &empty, f);
    if (rc == 0 && text[0] != '\0')
        rc = subject_make(text, buf_slice(&empty), &j->decision.sans, true, out, f);
    else if (rc == 0)
        buf_put_slice(out, buf_slice(&empty));
    buf_free(&empty);
    return rc;
}

int job_subject_of_names(const struct job *j, const char *rule, struct slice also, struct fault *f)
{
    struct own own = {.rule = rule, .also = also};
    struct buf made;
    int rc;

    buf_init(&made, NAME_DER_MAX);
    rc = own_subject(j, &made, f);
    own.name = buf_slice(&made);
    if (rc == 0)
        rc = name_check(j->decision.subject, check_attribute, &own, f);
    buf_free(&made);
    return rc;
}

/* ---- the request key ---- */

bool job_key_is_made(const struct job *j)
{
    return j->evidence != NULL && j->evidence->make_key != NULL;
}

/* The same bearer with the same key for the same names makes the same request, whatever the octets
 * of the CSR (of which a channel binding changes some); the rest of what was asked for is its
 * content. The label of EST is known by its profile. A key that is made for a request says nothing
 * about which one it is. */
void job_bound_key(const struct job *j, uint8_t key[32], uint8_t content[32])
{
    const struct decision *d = &j->decision;
    struct buf b;

    buf_init(&b, 4096);
    if (j->token != NULL) {
        wire_put_text(&b, "token");
        wire_put_u64(&b, j->token->row.info.id);
    } else {
        wire_put_text(&b, "bearer");
        wire_put_text(&b, j->bearer->requester);
        wire_put_u8(&b, j->bearer->renews);
    }
    wire_put_text(&b, d->profile);
    if (job_key_is_made(j))
        wire_put_text(&b, "key made here");
    else
        wire_put_fixed(&b, d->spki_hash, sizeof(d->spki_hash));
    wire_put_fixed(&b, d->identity, sizeof(d->identity));
    sha256(buf_slice(&b), key);
    wire_put_i64(&b, j->request.validity);
    wire_put_i64(&b, j->request.not_after);
    sha256(buf_slice(&b), content);
    buf_free(&b);
}
