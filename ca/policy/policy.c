#include "ca/policy/policy.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"

void decision_free(struct decision *d)
{
    if (d != NULL)
        buf_free(&d->bytes);
}

/* ---- subject ---- */

struct subject_check {
    const struct conf_profile *profile;
    const struct san_list *sans;
};

static bool ip_is_listed(const struct san_list *sans, struct slice text)
{
    struct san ip;
    uint8_t arena[16];
    char full[80];
    size_t used = 0;
    struct fault ignored;

    if (text.n == 0 || text.n > 64 || memchr(text.p, 0, text.n) != NULL)
        return false;
    snprintf(full, sizeof(full), "ip:%.*s", (int)text.n, (const char *)text.p);
    fault_clear(&ignored);
    return san_parse(full, &ip, arena, sizeof(arena), &used, &ignored) == 0 &&
           san_list_has(sans, &ip);
}

/* A CN must be among the names: clients look only at the SANs (RFC 9525
 * section 2), people only at the CN. */
static int check_common_name(const struct subject_check *s, struct slice cn, struct fault *f)
{
    const enum san_kind kinds[] = {SAN_DNS, SAN_EMAIL, SAN_URI};

    if (!s->profile->cn_must_be_san || ip_is_listed(s->sans, cn))
        return 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct san name = {kinds[i], cn};

        if (san_list_has(s->sans, &name))
            return 0;
    }
    return fault_refuse(f, "subject.cn.san", "subject.CN", cn,
                        "a CN that is also one of the subject alternative names");
}

static int check_attribute(void *arg, enum name_attr attr, struct slice oid, struct slice utf8,
                           struct fault *f)
{
    (void)oid;
    /* RFC 5280 4.1.2.6: mail addresses belong into the SAN. */
    if (attr == ATTR_EMAIL || attr == ATTR_OTHER)
        return fault_refuse(f, "subject.attribute", "subject", utf8,
                            "CN, O, OU, C, ST, L, DC, UID, serialNumber");
    return attr == ATTR_CN ? check_common_name(arg, utf8, f) : 0;
}

static int decide_subject(const struct conf_profile *p, const struct issue_request *r,
                          const struct csr *csr, struct decision *d, struct fault *f)
{
    struct subject_check s = {p, &d->sans};

    d->subject = csr->subject;
    if (r->subject[0] != '\0') {
        if (name_parse(r->subject, &d->bytes, f) != 0)
            return -(int)f->code;
        d->subject = buf_slice(&d->bytes);
    }
    if (name_empty(d->subject) && d->sans.n == 0)
        return fault_refuse(f, "subject.empty", "subject", SLICE_NONE,
                            "a subject or a subject alternative name (RFC 5280 4.1.2.6)");
    return name_check(d->subject, check_attribute, &s, f);
}

/* ---- names ---- */

/* A bearer may have fewer names than the profile allows, never more. */
static int check_authorised(const struct policy_authorisation *a, const struct san *s,
                            struct fault *f)
{
    struct buf text;
    int rc;

    if (a == NULL || a->names == NULL || san_list_has(a->names, s))
        return 0;
    buf_init(&text, 4 * SAN_VALUE_MAX + 16);
    san_print(s, &text);
    rc = fault_refuse(f, "authorisation.name", "san", buf_slice(&text),
                      "the names of the authorisation");
    buf_free(&text);
    return rc;
}

static int add_names(const struct policy_input *in, const struct san_list *from, struct decision *d,
                     struct fault *f)
{
    for (size_t i = 0; i < from->n; i++) {
        if (policy_name(in->profile, &from->item[i], f) != 0 ||
            check_authorised(in->authorisation, &from->item[i], f) != 0)
            return -(int)f->code;
        if (san_list_add(&d->sans, &from->item[i], f) != 0)
            return -(int)f->code;
    }
    return 0;
}

static int decide_names(const struct policy_input *in, struct decision *d, struct fault *f)
{
    const struct conf_profile *p = in->profile;
    char count[24], allowed[32];

    if (add_names(in, &in->csr->sans, d, f) != 0 || add_names(in, &in->request->sans, d, f) != 0)
        return -(int)f->code;
    if (d->sans.n == 0 && p->san_required)
        return fault_refuse(f, "san.required", "san", SLICE_NONE,
                            "at least one subject alternative name");
    if (d->sans.n <= p->san_max)
        return 0;
    snprintf(count, sizeof(count), "%zu", d->sans.n);
    snprintf(allowed, sizeof(allowed), "at most %zu", p->san_max);
    return fault_refuse(f, "san.count", "san", slice_str(count), allowed);
}

/* ---- usages ---- */

static int decide_usages(const struct conf_profile *p, const struct csr *csr, struct decision *d,
                         struct fault *f)
{
    if (csr->has_basic_constraints && csr->asks_ca)
        return fault_refuse(f, "csr.ca", "csr.basicConstraints", slice_str("CA:TRUE"),
                            "end-entity certificates only");
    if (csr->has_key_usage && (csr->key_usage & ~(p->ku_rsa | p->ku_ec)) != 0)
        return fault_refuse(f, "csr.key_usage", "csr.keyUsage", SLICE_NONE,
                            "the key usages of the profile");
    d->key_usage = csr->key.type == KEY_RSA ? p->ku_rsa : p->ku_ec;
    d->eku = p->eku;
    d->path_len = -1;
    return 0;
}

/* ---- validity ---- */

static int refuse_validity(const char *rule, int64_t not_after, int64_t latest, struct fault *f)
{
    char given[CLOCK_TEXT_SIZE], text[CLOCK_TEXT_SIZE], allowed[64];

    clock_format(not_after, given);
    clock_format(latest, text);
    snprintf(allowed, sizeof(allowed), "at the latest %s", text);
    return fault_refuse(f, rule, "not_after", slice_str(given), allowed);
}

static int asked_end(const struct issue_request *r, int64_t now, int64_t usual, int64_t *end,
                     struct fault *f)
{
    const int64_t longest = (int64_t)200 * 365 * 86400;

    if (r->validity != 0 && r->not_after != 0)
        return fault_set(f, FAULT_MALFORMED, "validity.both",
                         "give a validity or an end, not both");
    if (r->validity < 0 || r->validity > longest || r->not_after > now + longest)
        return fault_set(f, FAULT_MALFORMED, "validity.range", "the validity is out of range");
    *end = now + (r->validity != 0 ? r->validity : usual);
    if (r->not_after != 0)
        *end = r->not_after;
    if (*end <= now)
        return fault_set(f, FAULT_POLICY, "validity.past", "the end of validity has passed");
    return 0;
}

/* A longer life that was asked for is refused; the profile's default is clamped to the
 * first end in its chain (a certificate is no use beyond its chain, RFC 5280 6.1.3 (a)(2)). */
int policy_validity(const struct conf_profile *p, const struct policy_issuer *issuer,
                    const struct issue_request *r, int64_t now, int64_t *not_before,
                    int64_t *not_after, struct fault *f)
{
    const struct policy_issuer *first = policy_first_to_end(issuer);
    bool asked = r->validity != 0 || r->not_after != 0;
    int64_t latest = now + p->validity_max;
    int64_t end = 0;

    *not_before = 0;
    *not_after = 0;
    if (first->not_after <= now)
        return fault_set(f, FAULT_POLICY, "validity.issuer", "the issuer \"%s\" has expired",
                         first->conf->name);
    if (asked_end(r, now, p->validity, &end, f) != 0)
        return -(int)f->code;
    if (end > latest)
        return refuse_validity("validity.max", end, latest, f);
    if (end > first->not_after && asked)
        return refuse_validity("validity.issuer", end, first->not_after, f);
    *not_before = now - p->backdate;
    *not_after = end < first->not_after ? end : first->not_after;
    return 0;
}

/* ---- owner ---- */

static int check_owner(const struct conf_profile *p, const char *owner, struct fault *f)
{
    if (owner[0] == '\0' && p->owner_required)
        return fault_refuse(f, "owner.required", "owner", SLICE_NONE,
                            "a person or team who answers for the certificate");
    for (const char *c = owner; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return fault_refuse(f, "owner.syntax", "owner", slice_str(owner),
                                "printable characters");
    return 0;
}

static void describe_key(const struct spki *key, struct decision *d)
{
    d->spki = key->der;
    spki_hash(key, d->spki_hash);
    spki_key_id(key, d->subject_key_id);
}

int policy_decide(const struct policy_input *in, struct decision *out, struct fault *f)
{
    const struct conf_profile *p = in->profile;

    memset(out, 0, sizeof(*out));
    buf_init(&out->bytes, NAME_DER_MAX);
    out->profile = p->name;
    out->key_reuse = p->key_reuse;
    if (policy_key(p, in->own, &in->csr->key, f) != 0 || decide_usages(p, in->csr, out, f) != 0 ||
        decide_names(in, out, f) != 0 || decide_subject(p, in->request, in->csr, out, f) != 0 ||
        policy_constraints(&in->issuer, out, f) != 0 ||
        policy_validity(p, &in->issuer, in->request, in->now, &out->not_before, &out->not_after,
                        f) != 0 ||
        check_owner(p, in->request->owner, f) != 0) {
        decision_free(out);
        return -(int)f->code;
    }
    describe_key(&in->csr->key, out);
    policy_identity(p->name, out->subject, &out->sans, out->identity);
    return 0;
}
