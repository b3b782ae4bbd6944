/* A recorded certificate against a profile: would it be made again as it stands? */
#include <stdlib.h>
#include <string.h>

#include "ca/policy/policy.h"

/* As text; one that does not fit is none. */
static const char *text_of(struct slice s, char *out, size_t cap)
{
    if (s.n == 0 || s.n >= cap)
        return NULL;
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return out;
}

static void as_request(const struct policy_recorded *r, struct issue_request *q)
{
    memset(q, 0, sizeof(*q));
    memcpy(q->owner, r->owner, strnlen(r->owner, sizeof(q->owner) - 1));
    if (!(r->profile->no_expiry && r->cert->not_after == PROFILE_NO_EXPIRY))
        q->not_after = r->cert->not_after;
}

static void as_csr(const struct cert *c, struct csr *csr)
{
    memset(csr, 0, sizeof(*csr));
    csr->subject = c->subject;
    csr->key = c->key;
    csr->alg = c->tbs_alg;
    csr->has_key_usage = c->has_key_usage;
    csr->key_usage = c->key_usage;
    csr->has_basic_constraints = c->has_basic_constraints;
    csr->asks_ca = c->ca;
    csr->path_len = c->path_len;
    csr->has_eku = c->has_eku;
    csr->eku = c->eku;
}

/* Large, and there are a million of them to look at: made once. */
struct policy_recorded_room {
    struct conf_profile profile; /* which drops nothing: the certificate has it */
    struct csr csr;
    struct issue_request request;
    struct decision decision;
    char upn[SAN_VALUE_MAX + 1];
    char sid[EXT_SID_MAX + 1];
};

struct policy_recorded_room *policy_recorded_room_new(void)
{
    return xcalloc(1, sizeof(struct policy_recorded_room));
}

void policy_recorded_room_free(struct policy_recorded_room *room)
{
    free(room);
}

/* What of the certificate's names a request says, and what only an authorisation does. */
static int split_names(const struct cert *c, struct policy_recorded_room *room,
                       struct policy_authorisation *a, struct fault *f)
{
    int rc = 0;

    a->sid = text_of(c->sid, room->sid, sizeof(room->sid));
    for (size_t i = 0; i < c->sans.n && rc == 0; i++) {
        const struct san *s = &c->sans.item[i];
        struct slice sid = profile_sid_of(s);

        if (sid.n > 0 && a->sid == NULL)
            a->sid = text_of(sid, room->sid, sizeof(room->sid));
        else if (s->kind == SAN_UPN && a->upn == NULL)
            a->upn = text_of(s->value, room->upn, sizeof(room->upn));
        else if (sid.n == 0)
            rc = san_list_add(&room->csr.sans, s, f);
    }
    return rc;
}

int policy_recorded(const struct policy_recorded *r, struct policy_recorded_room *room,
                    struct fault *f)
{
    struct policy_authorisation authorisation = {0};
    struct policy_input in = {
        .profile = &room->profile,
        .issuer = *r->issuer,
        .own = r->own,
        .request = &room->request,
        .csr = &room->csr,
        .authorisation = &authorisation,
        .conf = r->conf,
        .requester = r->requester,
        .now = r->created,
    };
    int rc;

    room->profile = *r->profile;
    room->profile.drop = 0;
    as_csr(r->cert, &room->csr);
    as_request(r, &room->request);
    rc = split_names(r->cert, room, &authorisation, f);
    if (rc != 0)
        return rc;
    rc = policy_decide(&in, &room->decision, f);
    if (rc == 0)
        decision_free(&room->decision);
    return rc;
}
