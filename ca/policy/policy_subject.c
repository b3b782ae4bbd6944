/* The subject: as asked, or as the profile's template makes it of what was asked. */
#include <stdio.h>
#include <string.h>

#include "ca/policy/policy_run.h"
#include "lib/der.h"
#include "lib/name_attr.h"
#include "lib/subject.h"

/* ---- attributes ---- */

static bool ip_is_listed(const struct san_list *sans, struct slice text)
{
    struct san ip;
    uint8_t arena[16];
    char full[80];
    size_t used = 0;
    struct fault ignored;

    if (text.n == 0 || text.n > 64 || memchr(text.p, 0, text.n) != NULL)
        return false;
    (void)snprintf(full, sizeof(full), "ip:%.*s", (int)text.n, (const char *)text.p);
    fault_clear(&ignored);
    return san_parse(full, &ip, arena, sizeof(arena), &used, &ignored) == 0 &&
           san_list_has(sans, &ip);
}

/* A CN must be among the names: clients look only at the SANs (RFC 9525
 * section 2), people only at the CN. */
static int check_common_name(const struct policy_run *r, struct slice cn, struct fault *f)
{
    const enum san_kind kinds[] = {SAN_DNS, SAN_EMAIL, SAN_URI, SAN_UPN};

    if ((!r->in->profile->cn_must_be_san && !policy_names_bound(r->in)) ||
        ip_is_listed(&r->d->sans, cn))
        return 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct san name = {kinds[i], cn};

        if (san_list_has(&r->d->sans, &name))
            return 0;
    }
    return fault_refuse(f, "subject.cn.san", "subject.CN", cn,
                        "a CN that is also one of the subject alternative names");
}

static int check_attribute(const struct policy_run *r, enum name_attr attr, struct slice utf8,
                           struct fault *f)
{
    /* RFC 5280 4.1.2.6: mail addresses belong into the SAN. */
    if (attr == ATTR_EMAIL || attr == ATTR_OTHER)
        return fault_refuse(f, "subject.attribute", "subject", utf8,
                            "CN, O, OU, C, ST, L, DC, UID, serialNumber");
    return attr == ATTR_CN ? check_common_name(r, utf8, f) : 0;
}

struct walk {
    struct policy_run *run;
    uint32_t seen;   /* bit (1 << ATTR_*) */
    struct buf *out; /* not NULL: what is allowed goes here, the rest is dropped */
};

static int walk_attribute(void *arg, enum name_attr attr, struct slice oid, struct slice utf8,
                          struct fault *f)
{
    struct walk *w = arg;
    int rc = check_attribute(w->run, attr, utf8, f);

    if (w->out != NULL) {
        if (rc == 0)
            name_put_rdn(w->out, name_attr_by_oid(oid), utf8);
        fault_clear(f);
        rc = 0;
    }
    w->seen |= rc == 0 ? 1u << attr : 0;
    return rc == 0 || policy_goes_on(w->run, f) ? 0 : rc;
}

/* ---- the whole ---- */

/* What was asked, without what the profile drops. */
static int filter(struct policy_run *r, struct slice asked, struct buf *out, struct fault *f)
{
    struct walk w = {.run = r, .out = out};
    struct der_mark m = der_open(out, DER_SEQUENCE);
    int rc = name_check(asked, walk_attribute, &w, f);

    der_close(out, m);
    return rc;
}

/* A CA's name constraints, behind the subject in the same buffer, which may move. */
static int add_constraints(struct policy_run *r, struct fault *f)
{
    const struct conf_profile *p = r->in->profile;
    struct decision *d = r->d;
    size_t at = d->bytes.n;
    int rc;

    if (p->n_permitted + p->n_excluded == 0)
        return 0;
    rc = constraints_put(p->permitted, p->n_permitted, p->excluded, p->n_excluded, &d->bytes, f);
    if (rc != 0)
        return rc;
    if (at > 0)
        d->subject = slice_of(d->bytes.p, at);
    d->constraints = slice_of(d->bytes.p + at, d->bytes.n - at);
    return 0;
}

/* What was asked, or made of it; in d->bytes unless it is the CSR's own. */
static int make_subject(struct policy_run *r, struct slice asked, bool drop, struct fault *f)
{
    const struct conf_profile *p = r->in->profile;
    struct buf *out = &r->d->bytes;
    int rc = 0;

    if (p->subject != NULL && p->subject[0] != '\0')
        rc = subject_make(p->subject, asked, &r->d->sans, drop, out, f);
    else if (drop)
        rc = filter(r, asked, out, f);
    else if (r->in->request->subject[0] != '\0')
        buf_put_slice(out, asked);
    else
        r->d->subject = asked;
    if (rc == 0 && r->d->subject.n == 0)
        r->d->subject = buf_slice(out);
    return rc == 0 ? add_constraints(r, f) : rc;
}

/* Only what the CSR says may be dropped: what the requester himself wrote is refused. */
static int choose_subject(struct policy_run *r, struct fault *f)
{
    const struct issue_request *q = r->in->request;
    bool drop = (r->in->profile->drop & DROP_SUBJECT) != 0;
    struct buf asked;
    int rc;

    if (q->subject[0] == '\0')
        return make_subject(r, r->in->csr->subject, drop, f);
    buf_init(&asked, NAME_DER_MAX);
    rc = name_parse(q->subject, &asked, f);
    if (rc == 0)
        rc = make_subject(r, buf_slice(&asked), false, f);
    buf_free(&asked);
    return rc;
}

static int hash_name(struct slice name, uint8_t out[32], struct fault *f)
{
    struct buf folded;
    int rc;

    buf_init(&folded, 2 * NAME_DER_MAX);
    rc = name_fold(name, &folded, f);
    sha256(buf_slice(&folded), out);
    buf_free(&folded);
    return rc;
}

int policy_own_name(struct policy_own_keys *own, const char *subject, struct fault *f)
{
    struct buf name;
    int rc;

    if (own->n_names == POLICY_OWN_MAX)
        return fault_set(f, FAULT_CONFIG, "issuer.count", "there are more than %d issuers",
                         POLICY_OWN_MAX);
    buf_init(&name, NAME_DER_MAX);
    rc = name_parse(subject, &name, f);
    if (rc == 0)
        rc = hash_name(buf_slice(&name), own->name_hash[own->n_names], f);
    if (rc == 0)
        own->n_names++;
    buf_free(&name);
    return rc;
}

/* RFC 5280 4.1.2.6: nobody else has the name of one of our CAs. */
static int check_ca_name(const struct policy_run *r, struct fault *f)
{
    const struct policy_own_keys *own = r->in->own;
    uint8_t hash[32];
    struct buf text;
    int rc = hash_name(r->d->subject, hash, f);

    for (size_t i = 0; i < own->n_names && rc == 0; i++) {
        if (memcmp(hash, own->name_hash[i], sizeof(hash)) != 0)
            continue;
        buf_init(&text, 8 * NAME_DER_MAX);
        name_print(r->d->subject, &text);
        rc = fault_refuse(f, "subject.ca", "subject", buf_slice(&text),
                          "a name that no configured issuer has");
        buf_free(&text);
    }
    return rc;
}

static int check_required(const struct policy_run *r, uint32_t seen, struct fault *f)
{
    uint32_t missing = r->in->profile->subject_required & ~seen;
    struct buf names;
    int rc;

    if (missing == 0)
        return 0;
    buf_init(&names, 256);
    conf_print_attributes(missing, &names);
    rc = fault_refuse(f, "subject.required", "subject", SLICE_NONE, buf_cstr(&names));
    buf_free(&names);
    return rc;
}

int policy_subject(struct policy_run *r, struct fault *f)
{
    struct walk w = {.run = r};

    if (choose_subject(r, f) != 0)
        return -(int)f->code;
    if (name_check(r->d->subject, walk_attribute, &w, f) != 0)
        return -(int)f->code;
    if (name_empty(r->d->subject) && (r->d->sans.n == 0 || r->in->profile->ca))
        return fault_refuse(f, "subject.empty", "subject", SLICE_NONE,
                            "a subject or a subject alternative name (RFC 5280 4.1.2.6)");
    if (check_required(r, w.seen, f) != 0 && !policy_goes_on(r, f))
        return -(int)f->code;
    return check_ca_name(r, f);
}
