/*
 * What a client of EST showed, looked at: its certificate, its password, and whether its request
 * goes with the channel. Rules: "est.certificate.malformed", ".unknown", ".revoked", ".early",
 * ".expired", ".blocked",
 * ".profile"; "est.password", "est.slow"; "est.manufacturer", "est.device.name"; "est.linking";
 * "est.rename".
 */
#ifndef CA_ENROLL_EVIDENCE_H
#define CA_ENROLL_EVIDENCE_H

#include "ca/door/bearer.h"
#include "ca/enroll/device.h"
#include "ca/enroll/enroll.h"
#include "lib/proto_enroll.h"

struct evidence {
    struct door_evidence door; /* first */
    const struct enroll_parts *parts;
    const struct conf_est *label;
    const struct enroll_request *request;
    enum conf_way way;
    struct cert cert;   /* the client's, once it is proven */
    struct buf subject; /* ... or that of a device */
    char device[EST_DEVICE_NAMES_MAX][DEVICE_NAME_SIZE];
    struct maker *maker;
    struct buf made; /* the key that maker made: PKCS#8, or its envelope. A secret */
    bool sealed;
};

/* What that request shows, by the one of the label's ways that it goes; all of it outlives `e`.
 * -FAULT_DENIED, rules "est.renew", "est.unauthorised": by none. */
int evidence_init(struct evidence *e, const struct enroll_parts *parts,
                  const struct conf_est *label, const struct enroll_request *r,
                  struct fault *f) WARN_UNUSED;
#define EVIDENCE_SLOW "est.slow"
/* 0, or EVIDENCE_SLOW with the time that who comes with such secrets has to wait. Any thread. */
int evidence_wait(const struct enroll_parts *parts, const struct enroll_request *r,
                  struct fault *f) WARN_UNUSED;
/* From now on the request is for a key of ours (made_key.c). Rules: "est.keygen.off", and with the
 * request "est.keygen.symmetric", ".plain", ".recipient", those of keygen_wish_get and of
 * ca/enroll/maker.h. */
int evidence_make_key(struct evidence *e, struct maker *m, struct fault *f) WARN_UNUSED;
/* Wipes. NULL is not fine; zeroed memory is. */
void evidence_free(struct evidence *e);
/* The first certificate of a chain of TLS, when it is one that this CA issued; nothing is said of
 * its state or time. `out` points into the chain. Rules "est.certificate.malformed", ".unknown". */
int evidence_find(struct store *s, struct slice chain, struct cert *out, struct cert_row *row,
                  struct fault *f) WARN_UNUSED;
/* Does that certificate count, now or until `grace` seconds after its end? Rules
 * "est.certificate.revoked", ".early", ".expired", ".blocked". */
int evidence_holds(struct store *s, const struct cert_row *row, int64_t grace,
                   struct fault *f) WARN_UNUSED;
/* Does its token say who asks? */
bool evidence_has_token(const struct evidence *e);

#endif
