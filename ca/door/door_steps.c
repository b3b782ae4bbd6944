/* The steps of the door, in their order. None of them waits; door.c moves a job from one to the
 * next. */
#include "ca/door/job.h"

#include <stdio.h>
#include <string.h>

#include "ca/door/bearer.h"
#include "ca/door/draft.h"
#include "ca/door/token.h"
#include "lib/clock.h"
#include "lib/step.h"

/* ---- authorise ---- */

static int check_issuer(const struct authority *a, const char *name, struct fault *f)
{
    if (a == NULL || a->certificate.n == 0 || a->link == NULL)
        return fault_unavailable(f, 60, "issuer.certificate",
                                 "the issuer \"%s\" has no certificate yet", name);
    return signer_link_check(a->link, f);
}

static int find_issuer(struct job *j, const char *name, struct fault *f)
{
    j->issuer = authority_named(j->door->parts.authorities, name);
    return check_issuer(j->issuer, name, f);
}

static int refuse_profile(const struct conf *conf, const char *name, struct fault *f)
{
    struct buf allowed;
    int rc;

    if (conf_profile_is_off(conf, name))
        return fault_set(f, FAULT_POLICY, "profile.off", "%s", conf->profile_off);
    buf_init(&allowed, sizeof(f->allowed));
    for (size_t i = 0; i < conf->n_profiles; i++)
        buf_printf(&allowed, "%s%s", i == 0 ? "" : ", ", conf->profiles[i].name);
    rc = fault_refuse(f, "profile.unknown", "profile", slice_str(name),
                      buf_failed(&allowed) ? "a profile of the configuration" : buf_cstr(&allowed));
    buf_free(&allowed);
    return rc;
}

int step_issuer(struct job *j, struct fault *f)
{
    if (j->delegate_of == NULL)
        return find_issuer(j, j->profile->issuer, f);
    j->issuer = j->delegate_of;
    return check_issuer(j->issuer, j->issuer->conf->name, f);
}

int step_authorise(struct job *j, struct fault *f)
{
    const struct conf *conf = j->door->parts.conf;

    if (issue_request_get(buf_slice(&j->body), &j->request) != 0)
        return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
    if ((j->evidence != NULL && j->evidence->prove != NULL && bearer_authorise(j, f) != 0) ||
        (j->request.token.n > 0 && token_authorise(j, f) != 0))
        return -(int)f->code;
    j->profile = conf_profile(conf, j->request.profile);
    if (j->profile == NULL)
        return refuse_profile(conf, j->request.profile, f);
    if (j->token != NULL && token_maker(j, f) != 0)
        return -(int)f->code;
    if (j->token == NULL && j->bearer == NULL && j->who.role < j->profile->role) {
        (void)fault_refuse(f, "requester.role", "requester", slice_str(j->who.name),
                           conf_role_name(j->profile->role));
        f->code = FAULT_DENIED;
        return -(int)f->code;
    }
    return step_issuer(j, f);
}

/* ---- policy ---- */

/* Who explains goes on and finds the next refusal. */
static bool goes_on(const struct job *j, struct fault *f)
{
    struct policy_step s = {.step = "csr", .value = f->value, .allowed = f->allowed, .refusal = f};

    if (j->report == NULL)
        return false;
    j->report->step(j->report->arg, &s);
    return true;
}

/* The certificate that this one follows may come from an earlier generation of the issuer. */
static int find_replaced(struct job *j, struct fault *f)
{
    size_t n;

    if (!j->request.has_replaces)
        return 0;
    if (store_find_serial(j->door->parts.store, j->request.replaces, &j->replaces, 1, &n, f) != 0)
        return -(int)f->code;
    if (n == 0)
        return fault_set(f, FAULT_NOT_FOUND, "replaces.unknown",
                         "the certificate to be replaced is not recorded");
    return 0;
}

static int read_csr(struct job *j, struct fault *f)
{
    if (job_key_is_made(j))
        return csr_parse_keyless(j->request.csr, &j->csr, f);
    if (csr_parse(j->request.csr, &j->csr, f) != 0 ||
        (csr_verify(&j->csr, f) != 0 && !goes_on(j, f)))
        return -(int)f->code;
    return 0;
}

/* It takes the place of the one in the request. */
static int make_key(struct job *j, struct fault *f)
{
    if (!job_key_is_made(j))
        return 0;
    if (j->evidence->make_key(j->evidence, &j->csr, &j->made, f) != 0)
        return -(int)f->code;
    return spki_parse(buf_slice(&j->made), &j->csr.key, f);
}

static int decide_request(struct job *j, struct fault *f)
{
    struct policy_input in = {
        .profile = j->profile,
        .issuer = j->issuer->policy,
        .own = &j->door->parts.authorities->own,
        .request = &j->request,
        .csr = &j->csr,
        .conf = j->door->parts.conf,
        .requester = j->who.name,
        .report = j->report,
        .now = clock_now(),
    };
    struct policy_authorisation authorisation;

    if (read_csr(j, f) != 0 ||
        (j->evidence != NULL && j->evidence->check(j->evidence, &j->csr, j->bearer, f) != 0) ||
        (find_replaced(j, f) != 0 && !goes_on(j, f)))
        return -(int)f->code;
    if (j->token == NULL && j->bearer == NULL)
        return policy_decide(&in, &j->decision, f);
    in.authorisation = &authorisation;
    if (j->token == NULL) {
        if (bearer_names(j, &authorisation, f) != 0 || make_key(j, f) != 0 ||
            policy_decide(&in, &j->decision, f) != 0)
            return -(int)f->code;
        return bearer_check(j, f);
    }
    in.requester = j->token->row.info.created_by; /* a token is worth no more than its maker */
    if (token_names(j, &authorisation, f) != 0 || make_key(j, f) != 0 ||
        policy_decide(&in, &j->decision, f) != 0)
        return -(int)f->code;
    return token_subject(j, f);
}

static int check_certifier(const struct authority *a, struct fault *f)
{
    if (check_issuer(a, a->conf->name, f) != 0)
        return -(int)f->code;
    if (a->conf->state == ISSUER_CRL_ONLY)
        return fault_refuse(f, "issuer.state", "issuer", slice_str(a->conf->name),
                            "an issuer that is active");
    return 0;
}

static int decide_cross(struct job *j, struct fault *f)
{
    j->issuer = j->cross_by;
    if (check_certifier(j->cross_by, f) != 0)
        return -(int)f->code;
    return policy_decide_cross(&j->subject->policy, &j->cross_by->policy,
                               &j->door->parts.authorities->own, j->subject_spki, clock_now(),
                               &j->decision, f);
}

static int decide_authority(struct job *j, struct fault *f)
{
    struct authority *parent = authority_parent(j->door->parts.authorities, j->subject);
    const struct policy_own_keys *own = &j->door->parts.authorities->own;

    if (j->cross_by != NULL)
        return decide_cross(j, f);
    j->issuer = parent != NULL ? parent : j->subject;
    if (parent != NULL && check_certifier(parent, f) != 0)
        return -(int)f->code;
    return policy_decide_ca(j->subject->conf, parent != NULL ? &parent->policy : NULL, own,
                            j->subject_spki, clock_now(), &j->decision, f);
}

int step_decide(struct job *j, struct fault *f)
{
    return j->kind == JOB_REQUEST ? decide_request(j, f) : decide_authority(j, f);
}

/* ---- draft ---- */

int step_draft(struct job *j, struct fault *f)
{
    if (store_clock(j->door->parts.store, f) != 0)
        return -(int)f->code;
    serial_next(&j->door->serial, j->ref.serial);
    j->ref.issuer = j->issuer->number;
    return draft_write(&j->decision, j->issuer, j->ref.serial, &j->tbs, f);
}

/* ---- audit ---- */

void job_audit(const struct job *j, enum audit_action action, struct audit_event *out)
{
    memset(out, 0, sizeof(*out));
    out->action = action;
    out->time = clock_now();
    memcpy(out->generation, j->door->parts.conf->generation, sizeof(out->generation));
    snprintf(out->actor, sizeof(out->actor), "%s", j->who.name);
    snprintf(out->origin, sizeof(out->origin), "%s", j->who.origin);
    snprintf(out->profile, sizeof(out->profile), "%s",
             j->decision.profile != NULL ? j->decision.profile : j->request.profile);
    if (j->token != NULL)
        snprintf(out->detail, sizeof(out->detail), "%s", j->token->requester);
    if (action == AUDIT_REFUSE)
        return;
    out->has_serial = true;
    memcpy(out->serial, j->ref.serial, SERIAL_LEN);
    out->issuer = j->ref.issuer;
}

static void op_begin(struct job *j, enum store_op_kind kind)
{
    memset(&j->op, 0, sizeof(j->op));
    j->op.kind = kind;
    j->op.ref = j->ref;
    j->op.time = clock_now();
    j->op.arg = j;
}

/* ---- intent ---- */

/* What a request key is bound to: everything that was asked, and by whom. */
static void hash_content(const struct job *j, uint8_t out[32])
{
    struct issue_request r = j->request;
    struct buf b;

    r.has_request_key = false;
    r.dry_run = false;
    buf_init(&b, FRAME_BODY_MAX + 128);
    wire_put_text(&b, j->who.name);
    issue_request_put(&b, &r);
    sha256(buf_slice(&b), out);
    buf_free(&b);
}

/* Requesters cannot collide with, or probe for, each other's keys. */
static void hash_request_key(const struct job *j, uint8_t out[32])
{
    sha256_two(slice_str(j->who.name), slice_of(j->request.request_key, 32), out);
}

static void add_limit(struct store_intent *i, enum store_limit_kind kind, const char *name,
                      const char *text)
{
    struct store_limit *l = &i->limit[i->n_limits];

    if (conf_limit(text, &l->n, &l->per)) {
        l->kind = kind;
        l->name = name;
        i->n_limits++;
    }
}

/* A token counts for who made it, a bearer's certificate for whom it is, whichever it is by now. */
static const char *counted_requester(const struct job *j)
{
    if (j->token != NULL)
        return j->token->row.info.created_by;
    return j->bearer != NULL && j->bearer->counted[0] != '\0' ? j->bearer->counted : j->who.name;
}

static void fill_limits(struct job *j, struct store_intent *i)
{
    const char *who = counted_requester(j);

    add_limit(i, LIMIT_PROFILE, j->profile->name, j->profile->limit);
    add_limit(i, LIMIT_REQUESTER, who, conf_requester_limit(j->door->parts.conf, who));
    hex_encode(slice_of(j->decision.identity, sizeof(j->decision.identity)), j->identity);
    add_limit(i, LIMIT_IDENTITY, j->identity, j->profile->identity_limit);
}

void step_fill_intent(struct job *j)
{
    struct store_intent *i = &j->op.intent;

    op_begin(j, STORE_RESERVE);
    i->tbs = buf_slice(&j->tbs);
    i->alg = j->decision.alg;
    i->profile = j->decision.profile;
    i->requester = j->who.name;
    if (j->token != NULL) {
        i->token = j->token->row.info.id;
        i->requester = j->token->requester;
    }
    i->owner = j->request.owner;
    i->not_before = j->decision.not_before;
    i->not_after = j->decision.not_after;
    i->key_reuse = j->decision.key_reuse;
    memcpy(i->spki_hash, j->decision.spki_hash, sizeof(i->spki_hash));
    memcpy(i->identity, j->decision.identity, sizeof(i->identity));
    memcpy(i->generation, j->door->parts.conf->generation, sizeof(i->generation));
    i->anew = job_key_is_made(j);
    i->dry = j->request.dry_run;
    i->has_request_key = j->token != NULL || j->bearer != NULL || j->request.has_request_key;
    if (j->token != NULL || j->bearer != NULL) {
        job_bound_key(j, i->request_key, i->content);
    } else if (i->has_request_key) {
        hash_request_key(j, i->request_key);
        hash_content(j, i->content);
    }
    if (j->kind == JOB_REQUEST)
        fill_limits(j, i);
    i->approval = j->approval;
    i->has_replaces = j->request.has_replaces;
    i->replaces = j->replaces;
    job_audit(j, AUDIT_INTENT, &j->op.audit);
}

/* ---- verify ---- */

static int check_signature(struct job *j, const struct cert *c, unsigned worker, struct fault *f)
{
    struct pubkey *own;
    int rc;

    if (j->issuer->verify != NULL)
        return pubkey_verify(j->issuer->verify[worker], c->alg, c->tbs, c->signature);
    /* A root at set-up has no certificate before this one. */
    if (pubkey_open(&c->key, &own, f) != 0)
        return -(int)f->code;
    rc = pubkey_verify(own, c->alg, c->tbs, c->signature);
    pubkey_free(own);
    return rc;
}

/* The TBS, the algorithm in it too, must come back byte for byte, and the
 * signature must verify: a faulty or hostile token is found here, not by a relying party. */
int step_verify(struct job *j, unsigned worker, struct fault *f)
{
    struct cert c;
    int rc;

    STEP("door.verify");
    if (cert_parse(buf_slice(&j->certificate), &c, f) != 0)
        return fault_set(f, FAULT_INTERNAL, "sign.parse", "the signer's certificate is malformed");
    if (!slice_eq(c.tbs, buf_slice(&j->tbs)))
        return fault_set(f, FAULT_INTERNAL, "sign.tbs", "the signer signed something else");
    rc = check_signature(j, &c, worker, f);
    if (j->issuer->link != NULL)
        signer_link_judged(j->issuer->link, rc == 0);
    if (rc != 0)
        return fault_set(f, FAULT_INTERNAL, "sign.signature",
                         "the signature that came from the token does not verify");
    op_begin(j, STORE_FINISH);
    j->op.signature = c.signature;
    cert_fingerprint(buf_slice(&j->certificate), j->op.fingerprint);
    return 0;
}

/* ---- finish ---- */

void step_fill_finish(struct job *j)
{
    job_audit(j, AUDIT_FINISH, &j->op.audit);
}

/* ---- refusal ---- */

static void list_names(const struct job *j, char out[256])
{
    struct buf b;

    buf_init(&b, 4096);
    buf_put_str(&b, out);
    for (size_t i = 0; i < j->request.sans.n && b.n < 256; i++) {
        buf_put_str(&b, b.n > 0 ? " " : "");
        san_print(&j->request.sans.item[i], &b);
    }
    snprintf(out, 256, "%s", buf_cstr(&b));
    buf_free(&b);
}

void step_fill_refusal(struct job *j)
{
    op_begin(j, STORE_AUDIT);
    job_audit(j, AUDIT_REFUSE, &j->op.audit);
    audit_set_fault(&j->op.audit, &j->fault);
    list_names(j, j->op.audit.detail);
}
