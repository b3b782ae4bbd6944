/*
 * Messages about the issuers' keys and certificates (`cerca ca`). As in lib/proto.h.
 *
 *   MSG_CA_KEY        ca_name: the certification request for its key, which is made where the
 *                     token has none; MSG_CA_KEY_SHOWN: the request, DER
 *   MSG_CA_CREATE     ca_name: the key is made, the CA above signs its certificate;
 *                     MSG_CA_CREATED: ca_done
 *   MSG_CA_CROSS      ca_cross; MSG_CA_CROSSED: ca_done
 *   MSG_CA_INSTALL    ca_install; MSG_CA_INSTALLED: a count, then a ca_done for each certificate
 */
#ifndef LIB_PROTO_CA_H
#define LIB_PROTO_CA_H

#include "lib/proto.h"

#define CA_INSTALL_MAX 8 /* certificates at once */

struct ca_name {
    char name[64]; /* issuer of the configuration */
    bool dry_run;  /* MSG_CA_CREATE: only say whether it would be done */
};
void ca_name_put(struct buf *b, const struct ca_name *n);
int ca_name_get(struct slice body, struct ca_name *out) WARN_UNUSED;

/* A certificate for the name and key of one issuer, signed by another. */
struct ca_cross {
    char subject[64], by[64]; /* issuers of the configuration */
    bool dry_run;
};
void ca_cross_put(struct buf *b, const struct ca_cross *c);
int ca_cross_get(struct slice body, struct ca_cross *out) WARN_UNUSED;

/* A certificate and those above it, in any order, each of a configured issuer. */
struct ca_install {
    uint32_t n;
    struct slice certificate[CA_INSTALL_MAX]; /* DER */
    bool dry_run;
};
void ca_install_put(struct buf *b, const struct ca_install *i);
int ca_install_get(struct slice body, struct ca_install *out) WARN_UNUSED;

struct ca_done {
    char name[64];
    bool was_there; /* with this very certificate */
    int64_t not_after;
    uint8_t fingerprint[32];
    struct slice certificate;
};
void ca_done_put(struct buf *b, const struct ca_done *d);
void ca_done_get(struct wire_in *w, struct ca_done *out);

#endif
