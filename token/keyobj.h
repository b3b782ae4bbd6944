/*
 * A key pair in the token: found or made, its public half read, its attributes checked.
 */
#ifndef TOKEN_KEYOBJ_H
#define TOKEN_KEYOBJ_H

#include "token/token.h"

#define KEYOBJ_ID_LEN 20

/* Which key, and of what kind it must be. */
struct keyobj_want {
    const char *who; /* whose it is, for messages: "issuer root" */
    const char *uri; /* RFC 7512, of the private key: "pkcs11:object=issuing" */
    enum key_type type;
    unsigned bits; /* of RSA */
};

struct keyobj {
    CK_OBJECT_HANDLE handle; /* of the private key */
    struct buf spki;         /* SubjectPublicKeyInfo, whole DER */
};

void keyobj_free(struct keyobj *k);

/* Is the key's URI usable with this token's? FAULT_CONFIG, rule "signer.key.uri". */
int keyobj_uri(const struct keyobj_want *w, const struct p11uri *token, struct p11uri *out,
               struct fault *f) WARN_UNUSED;
/* The private key that the URI names; -FAULT_NOT_FOUND when there is none,
 * -FAULT_CONFIG when there are several or it is not of the wanted type and
 * size (KEY_NONE: any). The public key comes from the private object, the public object or the
 * certificate object with the same id. */
int keyobj_find(struct token *t, const struct keyobj_want *w, struct keyobj *out,
                struct fault *f) WARN_UNUSED;
/* Makes the pair inside the token with C_GenerateKeyPair: for signing only,
 * sensitive, not extractable. What the token says of it afterwards is checked;
 * a pair that is not so is destroyed. */
int keyobj_generate(struct token *t, const struct keyobj_want *w, struct fault *f) WARN_UNUSED;
/* CKA_SENSITIVE and ALWAYS_SENSITIVE, not EXTRACTABLE and never, SIGN: rule "signer.key.attribute".
 * Of a key that was just made here. */
int keyobj_check_made(struct token *t, CK_OBJECT_HANDLE key, struct fault *f) WARN_UNUSED;
/* The same, and LOCAL, which not every module says of what it made. A key that was found and fails
 * is worth a warning. */
int keyobj_check(struct token *t, CK_OBJECT_HANDLE key, struct fault *f) WARN_UNUSED;

/* DER of the named curve's OID (RFC 5480 2.1.1.1), as CKA_EC_PARAMS has it. */
struct slice keyobj_curve(enum key_type type);

#endif
