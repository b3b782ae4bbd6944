/*
 * OCSP messages (RFC 6960; RFC 9654 for nonces), read strictly and written, without allocation in
 * the readers: slices point into the input.
 */
#ifndef LIB_OCSP_H
#define LIB_OCSP_H

#include "lib/buf.h"
#include "lib/fault.h"
#include "lib/key.h"

#define OCSP_REQUEST_MAX 8192   /* octets; a signed request with its certificates fits */
#define OCSP_RESPONSE_MAX 65536 /* octets */
#define OCSP_CERTS_MAX 20       /* in one request */
#define OCSP_SERIAL_MAX 20      /* octets, sign included (RFC 5280 4.1.2.2) */
#define OCSP_NONCE_MAX 128      /* octets (RFC 9654 2.1) */
#define OCSP_PREFERRED_MAX 8 /* signature algorithms of a client that we know; more are ignored */
#define OCSP_CHAIN_MAX 4     /* certificates in a response; more are ignored */

/* OCSPResponseStatus (RFC 6960 4.2.1). */
enum ocsp_status {
    OCSP_SUCCESSFUL = 0,
    OCSP_MALFORMED_REQUEST = 1,
    OCSP_INTERNAL_ERROR = 2,
    OCSP_TRY_LATER = 3,
    OCSP_SIG_REQUIRED = 5,
    OCSP_UNAUTHORIZED = 6,
};
const char *ocsp_status_name(enum ocsp_status s); /* "successful", "malformedRequest" ... */

/* The hash of a CertID. */
enum ocsp_hash { OCSP_HASH_OTHER, OCSP_SHA1, OCSP_SHA256, OCSP_SHA384, OCSP_SHA512 };
#define OCSP_HASHES 5
const char *ocsp_hash_name(enum ocsp_hash h); /* "sha1" ...; "other" */
int ocsp_hash_parse(const char *text, enum ocsp_hash *out) WARN_UNUSED;

/* How an issuer is named in a CertID, by one hash (RFC 6960 4.1.1). */
struct ocsp_issuer_id {
    uint8_t name[64], key[64];
};
/* `subject` is the issuer's Name, whole. */
void ocsp_issuer_id(enum ocsp_hash h, struct slice subject, const struct spki *key,
                    struct ocsp_issuer_id *out);

struct ocsp_cert_id {
    struct slice der; /* the whole CertID: an answer repeats it as it is */
    enum ocsp_hash hash;
    bool null_parameters; /* the hash's parameters were NULL, not absent */
    struct slice name_hash, key_hash;
    struct slice serial; /* contents of the INTEGER */
};
bool ocsp_cert_id_matches(const struct ocsp_cert_id *c, const struct ocsp_issuer_id *issuer);

/* --- requests ----------------------------------------------------------------- */

struct ocsp_request {
    size_t n;
    struct ocsp_cert_id id[OCSP_CERTS_MAX];
    struct slice nonce; /* 1 to OCSP_NONCE_MAX octets; SLICE_NONE: none */
    size_t n_preferred;
    enum sig_alg preferred[OCSP_PREFERRED_MAX]; /* in the client's order (4.4.7) */
};

/* One whole OCSPRequest, at least one CertID. requestorName and signature are checked for their
 * form only, other extensions ignored unless they are critical (4.4). Rules: "ocsp.size",
 * "ocsp.der", "ocsp.certs", "ocsp.nonce", "ocsp.extension". Any fault answers malformedRequest. */
int ocsp_request_parse(struct slice der, struct ocsp_request *out, struct fault *f) WARN_UNUSED;

/* Appends a CertID. `serial` is a magnitude. */
void ocsp_cert_id_put(struct buf *b, enum ocsp_hash h, const struct ocsp_issuer_id *issuer,
                      struct slice serial);
/* Appends an OCSPRequest for one CertID (whole). nonce: SLICE_NONE for none. */
void ocsp_request_put(struct buf *b, struct slice cert_id, struct slice nonce);

/* --- responses ---------------------------------------------------------------- */

enum ocsp_cert_status { OCSP_GOOD, OCSP_REVOKED, OCSP_UNKNOWN };
const char *ocsp_cert_status_name(enum ocsp_cert_status s); /* "good" ... */

/* A SingleResponse. */
struct ocsp_single {
    struct slice cert_id; /* whole */
    enum ocsp_cert_status status;
    int64_t revoked_at; /* with OCSP_REVOKED */
    uint8_t reason;     /* CRLReason; 0 is not written (RFC 5280 5.3.1) */
    int64_t this_update;
    int64_t next_update;    /* 0: none */
    int64_t archive_cutoff; /* 0: none (4.4.4) */
};

/* ResponseData (4.2.1), responder by key. */
struct ocsp_data {
    uint8_t key_id[20]; /* SHA-1 of the responder's public key */
    int64_t produced_at;
    const struct ocsp_single *single;
    size_t n;
    struct slice nonce; /* SLICE_NONE: none */
};

/* Appends ResponseData: what is signed. */
void ocsp_data_put(struct buf *b, const struct ocsp_data *d);
/* Appends what of a BasicOCSPResponse stands before its certs: `data` (whole), the algorithm and
 * the signature. */
void ocsp_signed_put(struct buf *b, struct slice data, enum sig_alg alg, struct slice signature);
/* Appends the whole OCSPResponse around that. certificate: SLICE_NONE for none. */
void ocsp_response_put(struct buf *b, struct slice signed_part, struct slice certificate);
/* The same, where the caller appends the signed part between the two. */
struct ocsp_response_mark {
    size_t response, wrapped, typed, octets, basic;
};
struct ocsp_response_mark ocsp_response_open(struct buf *b);
void ocsp_response_close(struct buf *b, struct ocsp_response_mark m, struct slice certificate);
/* The whole OCSPResponse of an error. */
struct slice ocsp_error(enum ocsp_status s);

/* A response, as a client reads it. */
struct ocsp_response {
    enum ocsp_status status;
    /* All the rest only with OCSP_SUCCESSFUL. */
    struct slice data; /* ResponseData, whole */
    enum sig_alg alg;  /* SIG_NONE: one that we do not verify with */
    struct slice signature;
    struct slice by_name; /* Name, whole; or */
    struct slice by_key;  /* SHA-1 of the key: 20 octets */
    int64_t produced_at;
    size_t n;
    struct ocsp_cert_id id[OCSP_CERTS_MAX];
    struct ocsp_single single[OCSP_CERTS_MAX];
    struct slice nonce; /* SLICE_NONE: none */
    size_t n_certs;
    struct slice cert[OCSP_CHAIN_MAX];
};

/* Rules: "ocsp.size", "ocsp.der", "ocsp.type", "ocsp.certs", "ocsp.nonce", "ocsp.extension". */
int ocsp_response_parse(struct slice der, struct ocsp_response *out, struct fault *f) WARN_UNUSED;

#endif
