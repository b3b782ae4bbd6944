#include "ca/enroll/evidence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/enroll/anchors.h"
#include "ca/enroll/passwords.h"
#include "ca/enroll/rename.h"
#include "est/linking.h"
#include "lib/clock.h"
#include "lib/der.h"
#include "lib/profile.h"
#include "lib/slow.h"
#include "lib/source.h"

#define SAME_SERIAL_MAX 8 /* certificates of one serial, by different issuers */

static int deny(struct fault *f, const char *rule, const char *value, const char *allowed)
{
    (void)fault_refuse(f, rule, "certificate", slice_str(value), allowed);
    f->code = FAULT_DENIED;
    return -FAULT_DENIED;
}

static int read_leaf(struct slice chain, struct cert *out, struct fault *f)
{
    struct slice leaf;

    if (der_get_whole(&chain, DER_SEQUENCE, &leaf) == 0 && cert_parse(leaf, out, f) == 0)
        return 0;
    return deny(f, "est.certificate.malformed", "", "a certificate that this CA issued");
}

/* It is what the store has under that serial, octet for octet; so its signature is ours. */
static int find(struct store *s, const struct cert *c, struct cert_row *row, struct fault *f)
{
    struct cert_ref ref[SAME_SERIAL_MAX];
    uint8_t fingerprint[32];
    size_t n = 0;

    cert_fingerprint(c->der, fingerprint);
    if (c->serial.n == SERIAL_LEN &&
        store_find_serial(s, c->serial.p, ref, SAME_SERIAL_MAX, &n, f) != 0)
        return -(int)f->code;
    for (size_t i = 0; i < n && i < SAME_SERIAL_MAX; i++) {
        if (store_get(s, &ref[i], row, f) != 0)
            return -(int)f->code;
        if (memcmp(row->fingerprint, fingerprint, sizeof(fingerprint)) == 0)
            return 0;
    }
    return deny(f, "est.certificate.unknown", "", "a certificate that this CA issued");
}

int evidence_find(struct store *s, struct slice chain, struct cert *out, struct cert_row *row,
                  struct fault *f)
{
    return read_leaf(chain, out, f) == 0 ? find(s, out, row, f) : -(int)f->code;
}

static int check_time(const struct cert_row *row, int64_t grace, struct fault *f)
{
    int64_t now = clock_now();
    char text[CLOCK_TEXT_SIZE];

    if (now < row->not_before) {
        clock_format(row->not_before, text);
        return deny(f, "est.certificate.early", text, "a certificate that is valid already");
    }
    if (now <= row->not_after || now - row->not_after <= grace)
        return 0;
    clock_format(row->not_after, text);
    return deny(f, "est.certificate.expired", text, "a certificate that has not expired");
}

static int check_profile(const struct evidence *e, const struct cert_row *row, struct fault *f)
{
    const struct conf_est *l = e->label;

    if (l->n_from == 0 && strcmp(row->profile, l->profile) == 0)
        return 0;
    for (size_t i = 0; i < l->n_from; i++)
        if (strcmp(row->profile, l->from[i]) == 0)
            return 0;
    return deny(f, "est.certificate.profile", row->profile, "a profile of this label");
}

/* Its names are, under whatever profile it asks for the next ones. */
static int check_blocked(struct store *s, const struct cert_row *row, struct fault *f)
{
    bool blocked;

    if (store_identity_blocked(s, row->identity, &blocked, f) != 0)
        return -(int)f->code;
    return blocked ? deny(f, "est.certificate.blocked", "", "an identity that is not blocked") : 0;
}

int evidence_holds(struct store *s, const struct cert_row *row, int64_t grace, struct fault *f)
{
    if (row->state != CERT_GOOD)
        return deny(f, "est.certificate.revoked", row->state == CERT_HELD ? "on hold" : "revoked",
                    "a certificate that is not revoked");
    if (check_time(row, grace, f) != 0 || check_blocked(s, row, f) != 0)
        return -(int)f->code;
    return 0;
}

static int copy(struct slice s, char *out, size_t cap, struct fault *f)
{
    if (s.n >= cap)
        return deny(f, "est.certificate.malformed", "", "shorter names");
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return 0;
}

/* What only an authorisation may say was authorised when the certificate was issued. */
static int take_names(const struct cert *c, struct door_bearer *out, struct fault *f)
{
    int rc = c->sid.n > 0 ? copy(c->sid, out->sid, sizeof(out->sid), f) : 0;

    for (size_t i = 0; i < c->sans.n && rc == 0; i++) {
        const struct san *s = &c->sans.item[i];
        struct slice sid = profile_sid_of(s);

        if (sid.n > 0)
            rc = copy(sid, out->sid, sizeof(out->sid), f);
        else if (s->kind == SAN_UPN)
            rc = copy(s->value, out->upn, sizeof(out->upn), f);
        else
            rc = san_list_add(&out->names, s, f);
    }
    return rc;
}

/* Who it is also stands where it is refused: its key was shown in TLS. */
static void tell_requester(const struct cert_row *row, bool renew, struct door_bearer *out)
{
    char serial[2 * SERIAL_LEN + 1], identity[2 * IDENTITY_LEN + 1];

    hex_encode(slice_of(row->ref.serial, SERIAL_LEN), serial);
    hex_encode(slice_of(row->identity, sizeof(row->identity)), identity);
    (void)snprintf(out->requester, sizeof(out->requester), "certificate:%s", serial);
    (void)snprintf(out->counted, sizeof(out->counted), "identity:%s", identity);
    out->meant.known = renew;
    out->meant.ref = row->ref;
    memcpy(out->meant.identity, row->identity, sizeof(out->meant.identity));
}

static int prove_certificate(struct evidence *e, struct door_bearer *out, struct fault *f)
{
    struct cert_row row;
    int rc;

    cert_row_init(&row);
    rc = evidence_find(e->parts->store, e->request->chain, &e->cert, &row, f);
    if (rc == 0) {
        tell_requester(&row, e->request->renew, out);
        rc = evidence_holds(e->parts->store, &row, e->request->renew ? e->label->grace : 0, f);
    }
    if (rc == 0)
        rc = check_profile(e, &row, f);
    if (rc == 0)
        rc = take_names(&e->cert, out, f);
    if (rc == 0) {
        (void)snprintf(out->owner, sizeof(out->owner), "%s", row.owner);
        out->subject = e->cert.subject;
        out->renews = e->request->renew;
        memcpy(out->serial, row.ref.serial, SERIAL_LEN);
    }
    cert_row_free(&row);
    return rc;
}

/* ---- a password ---- */

static bool takes(const struct conf_est_user *u, const struct conf_est *label)
{
    for (size_t i = 0; i < u->n_labels; i++)
        if (strcmp(u->labels[i], label->name) == 0)
            return true;
    return u->n_labels == 0;
}

static int refuse_slow(uint32_t wait, struct fault *f)
{
    return fault_unavailable(f, wait, EVIDENCE_SLOW,
                             "too many wrong secrets from this address or user; retry after %u s",
                             wait);
}

int evidence_wait(const struct enroll_parts *parts, const struct enroll_request *r, struct fault *f)
{
    uint32_t wait = slow_wait(parts->slow, source_key(r->address));
    uint32_t of_user =
        r->user[0] == '\0' ? 0 : slow_wait(parts->slow, source_key_named("user", r->user));

    if (of_user > wait)
        wait = of_user;
    return wait == 0 ? 0 : refuse_slow(wait, f);
}

/* Of many that came at once each may wait here by now; those cost no hash. Nobody learns which of
 * user and password is wrong. */
static int prove_password(const struct evidence *e, struct door_bearer *out, struct fault *f)
{
    const struct conf_est_user *u = conf_est_user(e->parts->conf, e->request->user);
    const uint64_t keys[] = {source_key(e->request->address),
                             source_key_named("user", e->request->user)};
    uint32_t wait;
    bool right;

    if (evidence_wait(e->parts, e->request, f) != 0)
        return -(int)f->code;
    right = passwords_right(e->parts->passwords, e->request->user, e->request->secret) &&
            u != NULL && takes(u, e->label);
    wait = slow_verdict(e->parts->slow, keys, sizeof(keys) / sizeof(keys[0]), right);
    if (wait > 0)
        return refuse_slow(wait, f);
    if (!right)
        return fault_set(f, FAULT_DENIED, "est.password", "The user or the password is wrong");
    *out = (struct door_bearer){.patterns = u->names, .n_patterns = u->n_names};
    (void)snprintf(out->requester, sizeof(out->requester), "user:%s", u->name);
    (void)snprintf(out->owner, sizeof(out->owner), "%s", u->owner);
    return 0;
}

/* ---- ways ---- */

#define WITH_CERTIFICATE (WAY_CERTIFICATE | WAY_CERTIFICATE_TOKEN | WAY_CERTIFICATE_PASSWORD)
#define WITH_DEVICE (WAY_MANUFACTURER | WAY_MANUFACTURER_TOKEN)
#define WITH_PASSWORD (WAY_PASSWORD | WAY_CERTIFICATE_PASSWORD)
#define WITH_TOKEN (WAY_TOKEN | WAY_CERTIFICATE_TOKEN | WAY_MANUFACTURER_TOKEN)

/* ---- a device's ---- */

static int prove_device(struct evidence *e, struct door_bearer *out, struct fault *f)
{
    struct slice in = e->request->chain, leaf = SLICE_NONE;
    uint8_t hash[32];
    char hex[33];

    buf_init(&e->subject, NAME_DER_MAX);
    if (anchors_verify(e->parts->anchors, e->label, e->request->chain, clock_now(), &e->subject,
                       f) != 0)
        return -(int)f->code;
    if ((e->way & WITH_TOKEN) == 0 && /* which says the names */
        device_names(e->label, buf_slice(&e->subject), e->device, &out->names, f) != 0)
        return -(int)f->code;
    (void)!der_get_whole(&in, DER_SEQUENCE, &leaf);
    cert_fingerprint(leaf, hash);
    hex_encode(slice_of(hash, 16), hex);
    (void)snprintf(out->requester, sizeof(out->requester), "device:%s", hex);
    out->subject = buf_slice(&e->subject);
    return 0;
}

/* ---- both ---- */

/* Not one of ours: by the label it may be a manufacturer's. */
static bool may_be_device(const struct evidence *e, const struct fault *f)
{
    uint32_t ways = e->label->ways;

    return ((e->way == WAY_CERTIFICATE && (ways & WAY_MANUFACTURER) != 0) ||
            (e->way == WAY_CERTIFICATE_TOKEN && (ways & WAY_MANUFACTURER_TOKEN) != 0)) &&
           !e->request->renew &&
           (strcmp(f->rule, "est.certificate.unknown") == 0 ||
            strcmp(f->rule, "est.certificate.malformed") == 0);
}

/* Who renews goes on as the certificate says; else names come from the second factor. */
static int prove(struct door_evidence *door, struct door_bearer *out, struct fault *f)
{
    struct evidence *e = (struct evidence *)door;
    struct door_bearer *first;
    int rc = 0;

    if ((e->way & WITH_CERTIFICATE) != 0)
        rc = prove_certificate(e, out, f);
    if ((e->way & WITH_DEVICE) != 0 || (rc != 0 && may_be_device(e, f))) {
        fault_clear(f);
        rc = prove_device(e, out, f);
    }
    if (rc == 0 && (e->way & WITH_PASSWORD) != 0) {
        first = xmemdup(out, sizeof(*out));
        rc = prove_password(e, out, f);
        if (rc == 0 && e->request->renew)
            *out = *first;
        free(first);
    }
    if (rc == 0 && (e->way & WITH_TOKEN) != 0)
        out->owner[0] = '\0'; /* the token says that */
    return rc;
}

/* ---- the channel ---- */

static int check_linking(const struct evidence *e, const struct csr *csr, struct fault *f)
{
    enum conf_linking want = e->label->linking;
    enum link is;

    if (want == LINKING_IGNORED)
        return 0;
    is = link_check(csr, e->request->binding);
    if (is == LINK_RIGHT || (is != LINK_WRONG && want == LINKING_OPTIONAL))
        return 0;
    return fault_refuse(f, "est.linking", "challengePassword",
                        slice_str(is == LINK_ABSENT ? "" : "another one"),
                        "the binding of this channel (RFC 7030 3.5, RFC 9266)");
}

static int check_request(const struct door_evidence *door, const struct csr *csr,
                         struct door_bearer *b, struct fault *f)
{
    const struct evidence *e = (const struct evidence *)door;

    return check_linking(e, csr, f) == 0 ? rename_take(e, csr, b, f) : -(int)f->code;
}

/* ---- which way ---- */

#define TOKEN_PREFIX "cerca-token-"

static bool has_token(const struct enroll_request *r)
{
    size_t n = strlen(TOKEN_PREFIX);

    return r->has_secret && r->secret.n > n &&
           slice_eq_secret(slice_of(r->secret.p, n), slice_str(TOKEN_PREFIX));
}

/* The strongest of the label's that the request goes; 0: none. */
static uint32_t way_of(const struct conf_est *label, const struct enroll_request *r)
{
    static const uint32_t order[] = {
        WAY_CERTIFICATE_TOKEN, WAY_MANUFACTURER_TOKEN, WAY_CERTIFICATE_PASSWORD, WAY_TOKEN,
        WAY_PASSWORD,          WAY_CERTIFICATE,        WAY_MANUFACTURER};
    bool token = has_token(r), password = r->has_secret && !token;

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        uint32_t w = order[i] & label->ways;

        if (w != 0 && ((w & (WITH_CERTIFICATE | WITH_DEVICE)) == 0 || r->chain.n > 0) &&
            ((w & WITH_TOKEN) == 0 || (token && !r->renew)) &&
            ((w & WITH_PASSWORD) == 0 || password) && (!r->renew || (w & WITH_CERTIFICATE) != 0))
            return w;
    }
    return 0;
}

/* Who shows the certificate that is renewed may lack the password alone, and is asked for it. */
static int refuse_way(const struct conf_est *label, const struct enroll_request *r, struct fault *f)
{
    const char *allowed = "a certificate of this CA, in TLS";
    bool password =
        r->renew && r->chain.n > 0 && (label->ways & (uint32_t)WAY_CERTIFICATE_PASSWORD) != 0;

    if (password)
        allowed = "the certificate that is renewed, in TLS, and a password";
    else if (r->renew)
        allowed = "the certificate that is renewed, in TLS (RFC 7030 3.3.2)";
    else if ((label->ways & (WITH_TOKEN | WITH_PASSWORD)) != 0)
        allowed = "a token, password or certificate, or two of them, as the label has it";
    (void)fault_refuse(f, r->renew && !password ? "est.renew" : "est.unauthorised", "credentials",
                       SLICE_NONE, allowed);
    f->code = FAULT_DENIED;
    return -FAULT_DENIED;
}

int evidence_init(struct evidence *e, const struct enroll_parts *parts,
                  const struct conf_est *label, const struct enroll_request *r, struct fault *f)
{
    e->way = (enum conf_way)way_of(label, r);
    if (e->way == 0)
        return refuse_way(label, r, f);
    e->door.prove = e->way == WAY_TOKEN ? NULL : prove;
    e->door.check = check_request;
    e->parts = parts;
    e->label = label;
    e->request = r;
    return 0;
}

void evidence_free(struct evidence *e)
{
    buf_free(&e->subject);
    buf_free(&e->made);
}

bool evidence_has_token(const struct evidence *e)
{
    return (e->way & WITH_TOKEN) != 0;
}
