#include "ca/enroll/evidence.h"

#include <stdio.h>
#include <string.h>

#include "est/linking.h"
#include "lib/clock.h"
#include "lib/der.h"
#include "lib/profile.h"
#include "lib/proto_enroll.h"

#define SAME_SERIAL_MAX 8 /* certificates of one serial, by different issuers */

static int deny(struct fault *f, const char *rule, const char *value, const char *allowed)
{
    (void)fault_refuse(f, rule, "certificate", slice_str(value), allowed);
    f->code = FAULT_DENIED;
    return -FAULT_DENIED;
}

static int read_leaf(struct evidence *e, struct fault *f)
{
    struct slice in = e->chain, leaf;

    if (der_get_whole(&in, DER_SEQUENCE, &leaf) == 0 && cert_parse(leaf, &e->cert, f) == 0)
        return 0;
    return deny(f, "est.certificate.malformed", "", "a certificate that this CA issued");
}

/* It is what the store has under that serial, octet for octet; so its signature is ours. */
static int find(struct evidence *e, struct cert_row *row, struct fault *f)
{
    struct cert_ref ref[SAME_SERIAL_MAX];
    uint8_t fingerprint[32];
    size_t n = 0;

    cert_fingerprint(e->cert.der, fingerprint);
    if (e->cert.serial.n == SERIAL_LEN &&
        store_find_serial(e->store, e->cert.serial.p, ref, SAME_SERIAL_MAX, &n, f) != 0)
        return -(int)f->code;
    for (size_t i = 0; i < n && i < SAME_SERIAL_MAX; i++) {
        if (store_get(e->store, &ref[i], row, f) != 0)
            return -(int)f->code;
        if (memcmp(row->fingerprint, fingerprint, sizeof(fingerprint)) == 0)
            return 0;
    }
    return deny(f, "est.certificate.unknown", "", "a certificate that this CA issued");
}

static int check_time(const struct evidence *e, const struct cert_row *row, struct fault *f)
{
    int64_t now = clock_now(), grace = e->renew ? e->label->grace : 0;
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

static int check(const struct evidence *e, const struct cert_row *row, struct fault *f)
{
    if (row->state != CERT_GOOD)
        return deny(f, "est.certificate.revoked", row->state == CERT_HELD ? "on hold" : "revoked",
                    "a certificate that is not revoked");
    if (check_time(e, row, f) != 0)
        return -(int)f->code;
    return check_profile(e, row, f);
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

static int prove(struct door_evidence *door, struct door_bearer *out, struct fault *f)
{
    struct evidence *e = (struct evidence *)door;
    struct cert_row row;
    char serial[2 * SERIAL_LEN + 1];
    int rc;

    cert_row_init(&row);
    rc = read_leaf(e, f);
    if (rc == 0)
        rc = find(e, &row, f);
    if (rc == 0)
        rc = check(e, &row, f);
    if (rc == 0)
        rc = take_names(&e->cert, out, f);
    if (rc == 0) {
        hex_encode(slice_of(row.ref.serial, SERIAL_LEN), serial);
        (void)snprintf(out->requester, sizeof(out->requester), "certificate:%s", serial);
        (void)snprintf(out->owner, sizeof(out->owner), "%s", row.owner);
        out->subject = e->cert.subject;
        out->renews = e->renew;
        memcpy(out->serial, row.ref.serial, SERIAL_LEN);
    }
    cert_row_free(&row);
    return rc;
}

/* ---- the channel ---- */

static int check_linking(const struct door_evidence *door, const struct csr *csr, struct fault *f)
{
    const struct evidence *e = (const struct evidence *)door;
    enum conf_linking want = e->label->linking;
    enum link is;

    if (want == LINKING_IGNORED)
        return 0;
    is = link_check(csr, e->binding);
    if (is == LINK_RIGHT || (is != LINK_WRONG && want == LINKING_OPTIONAL))
        return 0;
    return fault_refuse(f, "est.linking", "challengePassword",
                        slice_str(is == LINK_ABSENT ? "" : "another one"),
                        "the binding of this channel (RFC 7030 3.5, RFC 9266)");
}

/* ---- both ---- */

void evidence_token(struct evidence *e, const struct conf_est *label,
                    const struct enroll_request *r)
{
    e->door.prove = NULL;
    e->door.check = check_linking;
    e->label = label;
    e->binding = r->binding;
}

void evidence_certificate(struct evidence *e, struct store *s, const struct conf_est *label,
                          const struct enroll_request *r)
{
    evidence_token(e, label, r);
    e->door.prove = prove;
    e->store = s;
    e->renew = r->renew;
    e->chain = r->chain;
}
