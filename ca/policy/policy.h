/*
 * Policy: may this be issued, and as what exactly? A pure decision over the
 * request, the CSR, the profile and the time; nothing here touches the store. What
 * depends on other certificates (key reuse, blocked keys) is decided by the
 * store inside its transaction.
 *
 * A refusal names rule, field, value and what is allowed. Nothing asked for is
 * dropped in silence: what a profile does not allow is refused, unless its key
 * `drop` says otherwise. Requested extensions that say nothing about the
 * certificate, which real clients always send, are listed in policy_csr.c.
 */
#ifndef CA_POLICY_POLICY_H
#define CA_POLICY_POLICY_H

#include "lib/cert.h"
#include "lib/conf.h"
#include "lib/constraints.h"
#include "lib/csr.h"
#include "lib/ext.h"
#include "lib/key_blocklist.h"
#include "lib/profile.h"
#include "lib/proto.h"

/* What will be certified. Only policy_decide and policy_decide_ca make one; the draft is
 * written from it and from nothing else. Slices point into the decision itself, the CSR, the
 * request or the authorisation. */
struct decision {
    const char *profile;  /* name */
    struct slice subject; /* Name, whole */
    struct san_list sans;
    struct slice spki;
    uint8_t spki_hash[32];
    uint8_t subject_key_id[20];
    enum sig_alg alg;
    uint16_t key_usage;
    uint32_t eku;
    bool eku_critical;
    bool ca;
    int path_len;
    struct slice constraints; /* with ca: NameConstraints, whole; SLICE_NONE: none */
    bool must_staple, no_rev_avail, ocsp_no_check;
    struct slice sid; /* for the extension; empty: none */
    char sid_uri[sizeof(PROFILE_SID_URI) + EXT_SID_MAX];
    int64_t not_before, not_after;
    enum key_reuse key_reuse;
    uint8_t identity[16];
    struct buf bytes;
};
void decision_free(struct decision *d);

/* The issuer as far as policy needs it, and those above it, up to the root. */
struct policy_issuer {
    const struct conf_issuer *conf;
    int64_t not_after;                     /* of its certificate; nothing below it lives longer */
    const struct constraints *constraints; /* of its certificate; NULL: none */
    const struct policy_issuer *above;     /* NULL: it is a root */
};

/* Keys that no certificate may be asked for: SHA-256 of the SPKIs of our own CAs, of every
 * generation that the store knows, and those of the configured list. And the names of the
 * configured CAs, which nobody else gets. */
#define POLICY_OWN_MAX 1024
struct policy_own_keys {
    const struct key_blocklist *blocklist; /* NULL: none */
    size_t n;
    uint8_t spki_hash[POLICY_OWN_MAX][32];
    size_t n_names;
    uint8_t name_hash[POLICY_OWN_MAX][32]; /* SHA-256 of what name_fold writes */
};
/* Adds the name of a CA, as the configuration says it. */
int policy_own_name(struct policy_own_keys *own, const char *subject, struct fault *f) WARN_UNUSED;

/* What an authorisation record (a token, an approved request) says of its bearer. It narrows what
 * the profile allows, and is the one source of the identities that directories trust. Where the
 * requester, who answers for it, has grants, they bound it too. */
struct policy_authorisation {
    const char *sid; /* Microsoft security identifier, "S-1-5-21-..."; NULL or "": none */
    const char *upn; /* user principal name, "alice@example.com"; NULL or "": none */
    const struct san_list *names; /* the only names that may be certified; NULL: as the profile */
    bool subject; /* the subject is authorised too: with `names`, its CN need not be one of them
                     unless the profile wants that */
};

/* One thing that was looked at, for who wants to know why. Texts are good during the call. */
struct policy_step {
    const char *step; /* "key", "san", "subject", "validity" ... */
    const char *value;
    const char *allowed;         /* "": nothing to say */
    const struct fault *refusal; /* NULL: allowed */
};
struct policy_report {
    void (*step)(void *arg, const struct policy_step *s);
    void *arg;
};

/* Everything that is looked at. `csr` must have passed csr_verify. */
struct policy_input {
    const struct conf_profile *profile;
    struct policy_issuer issuer;
    const struct policy_own_keys *own;
    const struct issue_request *request;
    const struct csr *csr;
    const struct policy_authorisation *authorisation; /* NULL: none */
    const struct conf *conf;                          /* whose grants count; NULL: there are none */
    const char *requester;                            /* "operator:alice" */
    const struct policy_report *report; /* NULL: the first refusal ends it. Else all is looked at,
                                           and the first refusal is the fault. */
    int64_t now;
};

/* Rules: "requester.operator", "grant.*", "authorisation.*", "key.*", "csr.ca", "csr.path_length",
 * "csr.key_usage", "csr.eku", "csr.must_staple", "csr.extension", "san.*", "subject.*",
 * "constraints.*", "validity.*", "owner.*". */
int policy_decide(const struct policy_input *in, struct decision *out, struct fault *f) WARN_UNUSED;

/* May this operator say yes to a certificate of that profile with these names? As who asks for it:
 * the profile's role and his grants bound him. Rules "approver.role", "approver.operator",
 * "grant.profile", "grant.name". */
int policy_approver(const struct conf *conf, const struct conf_profile *p, const char *requester,
                    enum conf_role role, const struct san_list *names, struct fault *f) WARN_UNUSED;

/* A recorded certificate, and the profile that it would be made by today. */
struct policy_recorded {
    const struct cert *cert;
    const struct conf_profile *profile;
    const struct policy_issuer *issuer;
    const struct policy_own_keys *own;
    const struct conf *conf; /* whose grants count */
    const char *requester;   /* as recorded: "operator:alice" */
    const char *owner;
    int64_t created; /* seconds: when it was asked for */
};
/* Working memory for many decisions, one after the other. */
struct policy_recorded_room;
struct policy_recorded_room *policy_recorded_room_new(void);
void policy_recorded_room_free(struct policy_recorded_room *room);
/* Would it be allowed as it stands? 0, or the first refusal, with the rules of policy_decide. What
 * an authorisation said of it then (UPN, security identifier) is taken as said again. */
int policy_recorded(const struct policy_recorded *r, struct policy_recorded_room *room,
                    struct fault *f) WARN_UNUSED;

/* A CA certificate as the configuration describes the issuer; `spki` was read from its
 * token. `parent` is NULL for a self-signed root. */
int policy_decide_ca(const struct conf_issuer *i, const struct policy_issuer *parent,
                     const struct policy_own_keys *own, struct slice spki, int64_t now,
                     struct decision *out, struct fault *f) WARN_UNUSED;

/* A cross certificate (RFC 5280 3.2; RFC 4210 4.4 for roots): the name and key of `subject` signed
 * by `by`, for as long as both last. */
int policy_decide_cross(const struct policy_issuer *subject, const struct policy_issuer *by,
                        const struct policy_own_keys *own, struct slice spki, int64_t now,
                        struct decision *out, struct fault *f) WARN_UNUSED;

/* The pieces, each testable alone. */
/* What holds for every key, a CA's too: the rules of lib/keycheck.h, and "key.blocklisted". */
int policy_key_sound(const struct policy_own_keys *own, const struct spki *key,
                     struct fault *f) WARN_UNUSED;
int policy_key(const struct conf_profile *p, const struct policy_own_keys *own,
               const struct spki *key, struct fault *f) WARN_UNUSED;
int policy_name(const struct conf_profile *p, const struct san *s, struct fault *f) WARN_UNUSED;
int policy_validity(const struct conf_profile *p, const struct policy_issuer *issuer,
                    const struct issue_request *r, int64_t now, int64_t *not_before,
                    int64_t *not_after, struct fault *f) WARN_UNUSED;
/* The one of the chain that ends first. */
const struct policy_issuer *policy_first_to_end(const struct policy_issuer *issuer);
/* Name constraints of the whole chain: rules "constraints.*". */
int policy_constraints(const struct policy_issuer *issuer, const struct decision *d,
                       struct fault *f) WARN_UNUSED;
/* What must keep working: profile, subject and names, the names in any order and case. */
void policy_identity(const char *profile, struct slice subject, const struct san_list *sans,
                     uint8_t out[16]);

/* May this requester change what is written about an identity of this profile (NULL: of
 * certificates that others issued) with these names? Whoever has grants may for what they name.
 * Rules "grant.profile", "grant.name". */
int policy_grants_cover(const struct conf *conf, const char *requester, const char *profile,
                        const struct san_list *sans, struct fault *f) WARN_UNUSED;

#endif
