/*
 * Keys that the server makes (RFC 7030 4.4): how a client wants its key, the body with key and
 * certificate, and the key enveloped for the client alone. No input or output; keys are in the
 * caller's buffers, which wipe them.
 */
#ifndef EST_KEYGEN_H
#define EST_KEYGEN_H

#include "lib/csr.h"

/* 4.4.2. No line of base64 holds a hyphen, so that any boundary will do. */
#define KEYGEN_BOUNDARY "cerca-server-generated-key"
#define KEYGEN_TYPE "multipart/mixed"
#define KEYGEN_TYPE_FULL KEYGEN_TYPE "; boundary=" KEYGEN_BOUNDARY
#define KEYGEN_KEY_MAX 32768 /* octets of a key, also in its envelope */
#define KEYGEN_BODY_MAX 262144

/* ---- what the request asks for (4.4.1) ---- */

enum keygen_cipher { CIPHER_AES256_CBC = 0, CIPHER_AES192_CBC, CIPHER_AES128_CBC };

struct keygen_wish {
    struct slice symmetric;  /* DecryptKeyIdentifier; empty: none */
    struct slice asymmetric; /* AsymmetricDecryptKeyIdentifier: a subject key identifier */
    enum keygen_cipher cipher;
    bool oaep; /* RSA keys are wrapped by OAEP, else by PKCS#1 v1.5 */
};

/* The cipher is the strongest that SMIMECapabilities has, AES-256 without them. Neither identifier:
 * the key may come as it is, protected by TLS alone. Rules: "est.keygen.der", "est.keygen.cipher"
 * (none of those above among the capabilities), "est.keygen.both" (two identifiers). */
int keygen_wish_get(const struct csr *c, struct keygen_wish *out, struct fault *f) WARN_UNUSED;

/* The contents of the attribute's SET for an identifier, and for every capability above. */
void keygen_identifier_put(struct buf *out, struct slice id);
void keygen_capabilities_put(struct buf *out);

/* ---- the answer (4.4.2) ---- */

/* `key`: PKCS#8 in DER, or what keygen_seal made; `certs`: what certs_put made. */
void keygen_answer_put(struct buf *out, struct slice key, bool sealed, struct slice certs);
/* Parts in any order, line ends and quoting of the boundary as others write them, DER and PEM as
 * est_body_get takes them. Rules: "est.keygen.type" (no multipart, no boundary), "est.keygen.part"
 * (a part is missing, or there twice), and those of est_body_get. */
int keygen_answer_get(const char *content_type, struct slice body, struct buf *key, bool *sealed,
                      struct buf *certs, struct fault *f) WARN_UNUSED;

/* ---- the envelope (4.4.2; RFC 5652; RFC 5958 4) ---- */

struct keygen_seal {
    struct slice key;                /* PKCS#8 in DER */
    struct slice recipient;          /* certificate whose private key opens the envelope */
    struct slice signer, signer_key; /* who made the key: certificate, and its PKCS#8 in DER */
    const struct slice *chain;       /* CAs above the signer, to go along */
    size_t n_chain;
    enum keygen_cipher cipher;
    bool oaep;
};

/* May a certificate's key open an envelope? Rule "est.keygen.recipient". */
int keygen_recipient(struct slice certificate, struct fault *f) WARN_UNUSED;
/* EnvelopedData around a SignedData around the key. The recipient is named by its subject key
 * identifier. Rules: "est.keygen.recipient" (a key that cannot decrypt, or may not by its key
 * usage; no identifier), "est.keygen.seal". */
int keygen_seal(const struct keygen_seal *s, struct buf *out, struct fault *f) WARN_UNUSED;

struct keygen_opener {
    struct slice private_key;    /* PKCS#8 in DER */
    const struct slice *anchors; /* whoever signed must have a certificate below one of these; */
    size_t n_anchors;            /* 0: any */
    const struct slice *others;  /* certificates that may stand in between */
    size_t n_others;
};

/* Rules: "est.keygen.open", "est.keygen.signer". */
int keygen_open(struct slice sealed, const struct keygen_opener *o, struct buf *key,
                struct fault *f) WARN_UNUSED;

#endif
