/*
 * Messages between cerca-agent and cerca-agent-key, its child, over a socket pair. The agent asks
 * one thing at a time; what is refused is answered by MSG_FAULT:
 *
 *   MSG_HOSTKEY_OPEN     -> MSG_HOSTKEY_OPENED     (both empty) is the token there, the PIN right?
 *   MSG_HOSTKEY_MAKE     -> MSG_HOSTKEY_PUBLIC     a key pair is made in the token
 *   MSG_HOSTKEY_SHOW     -> MSG_HOSTKEY_PUBLIC     one that is there
 *   MSG_HOSTKEY_SIGN     -> MSG_HOSTKEY_SIGNED
 *   MSG_HOSTKEY_DESTROY  -> MSG_HOSTKEY_DESTROYED  (empty) both halves are gone, or never were
 * there
 *
 * Keys are named by RFC 7512 URIs, of the token that the child was started for. get functions
 * return 0, or -1 with a malformed body.
 */
#ifndef LIB_PROTO_HOSTKEY_H
#define LIB_PROTO_HOSTKEY_H

#include "lib/key.h"
#include "lib/p11uri.h"
#include "lib/wire.h"

#define HOSTKEY_CONTENT_MAX 53248 /* CSR_MAX */
#define HOSTKEY_TYPE_MAX 16

struct hostkey_ask {
    char uri[P11URI_MAX + 1];
    char type[HOSTKEY_TYPE_MAX]; /* of MAKE: "p256" ...; else "" */
    enum sig_alg alg;            /* of SIGN */
    struct slice content;        /* of SIGN: what is signed, whole, never its hash */
};
void hostkey_ask_put(struct buf *b, const struct hostkey_ask *a);
int hostkey_ask_get(struct slice body, struct hostkey_ask *out) WARN_UNUSED;

/* MSG_HOSTKEY_PUBLIC: SubjectPublicKeyInfo; MSG_HOSTKEY_SIGNED: a signature as certificates have
 * it. At most HOSTKEY_ANSWER_MAX octets. */
#define HOSTKEY_ANSWER_MAX 4096
void hostkey_answer_put(struct buf *b, struct slice octets);
int hostkey_answer_get(struct slice body, struct slice *out) WARN_UNUSED;

#endif
