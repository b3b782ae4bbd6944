/*
 * Messages of the enroll socket: what a front end was shown, as it was shown. As in lib/proto.h.
 *
 *   MSG_ENROLL         enroll_request; MSG_ISSUED, with make_key MSG_ENROLL_KEYED, or MSG_FAULT
 *   MSG_ENROLL_SERVER  the CSR for the front end's own certificate of HTTPS; MSG_ISSUED
 *   MSG_ENROLL_CAS     text label; MSG_ENROLL_CAS_ARE: concatenated DER certificates, the issuer of
 *                      the label's profile, those above it, and their other generations
 *   MSG_ENROLL_HINT    enroll_hint_request; MSG_ENROLL_HINTED: enroll_hint, when it should be
 * renewed MSG_ENROLL_TURNED_AWAY  enroll_refusal: what the front end refused itself, to be recorded
 */
#ifndef LIB_PROTO_ENROLL_H
#define LIB_PROTO_ENROLL_H

#include "lib/proto.h"

#define ENROLL_LABEL_SIZE 64
#define ENROLL_CHAIN_MAX 24576
#define ENROLL_SECRET_MAX 1024
#define ENROLL_BINDING_MAX 64

struct enroll_request {
    char label[ENROLL_LABEL_SIZE]; /* "" : none */
    bool renew;                    /* the client's certificate (RFC 7030 4.2.2) */
    bool make_key;                 /* for the client (RFC 7030 4.4) */
    char address[48];              /* the client's, as text */
    struct slice csr;              /* DER, at most CSR_MAX; less, so that all of it fits a frame */
    struct slice chain; /* of the TLS client, who has the key to its first certificate: concatenated
                           DER; empty: no certificate. Nothing else is known of it. */
    struct slice binding; /* of its channel (RFC 7030 3.5); empty: there is none */
    bool has_secret;
    char user[128]; /* HTTP Basic; "" with Bearer */
    struct slice secret;
};
void enroll_request_put(struct buf *b, const struct enroll_request *r);
int enroll_request_get(struct slice body, struct enroll_request *out) WARN_UNUSED;

struct enroll_refusal {
    char address[48]; /* the clients', as text */
    uint32_t n;       /* so many, from 1 on ... */
    struct fault why; /* ... the newest for this reason */
};
void enroll_refusal_put(struct buf *b, const struct enroll_refusal *r);
int enroll_refusal_get(struct slice body, struct enroll_refusal *out) WARN_UNUSED;
/* MSG_ENROLL_KEYED */
struct enroll_keyed {
    bool sealed;      /* for the client alone */
    struct slice key; /* its envelope, else PKCS#8; DER. A secret */
    struct slice certificate;
};
void enroll_keyed_put(struct buf *b, const struct enroll_keyed *k);
int enroll_keyed_get(struct slice body, struct enroll_keyed *out) WARN_UNUSED;

/* MSG_ENROLL_HINT */
enum hint_of {
    HINT_OF_CLIENT = 0,      /* the certificate of TLS itself */
    HINT_OF_FINGERPRINT = 1, /* another of the same identity, by its SHA-256 ... */
    HINT_OF_SERIAL = 2,      /* ... or its serial number and its issuer's key (RFC 9773 4.1) */
};
#define ENROLL_KEYID_MAX 64
struct enroll_hint_request {
    char address[48];   /* the client's, as text */
    struct slice chain; /* of the TLS client, as in enroll_request; not empty */
    enum hint_of of;
    uint8_t fingerprint[32];
    uint8_t serial[SERIAL_LEN];
    struct slice keyid; /* 1 to ENROLL_KEYID_MAX octets with HINT_OF_SERIAL */
};
void enroll_hint_request_put(struct buf *b, const struct enroll_hint_request *r);
int enroll_hint_request_get(struct slice body, struct enroll_hint_request *out) WARN_UNUSED;

/* MSG_ENROLL_HINTED */
struct enroll_hint {
    uint8_t fingerprint[32]; /* of the certificate that it is about */
    int64_t not_after;
    int64_t start, end;   /* when to renew it; start < end */
    uint32_t retry_after; /* seconds until it is worth asking again */
    char explanation[256];
};
void enroll_hint_put(struct buf *b, const struct enroll_hint *h);
int enroll_hint_get(struct slice body, struct enroll_hint *out) WARN_UNUSED;

void enroll_label_put(struct buf *b, const char *label);
int enroll_label_get(struct slice body, char label[ENROLL_LABEL_SIZE]) WARN_UNUSED;

#endif
