/*
 * PKCS#11 URIs (RFC 7512), decoded once and strictly. They name tokens and
 * objects; they carry no secret and no module: pin-value, pin-source,
 * module-name and module-path are refused, since the configuration has keys of
 * its own for these.
 */
#ifndef LIB_P11URI_H
#define LIB_P11URI_H

#include "lib/buf.h"
#include "lib/fault.h"

#define P11URI_MAX 1024 /* characters of a URI */
#define P11URI_ATTR_MAX 128

/* The decoded value of one path attribute. */
struct p11uri_attr {
    bool set;
    size_t n;
    uint8_t p[P11URI_ATTR_MAX];
};

enum p11uri_type {
    P11URI_ANY = 0, /* no type attribute */
    P11URI_PRIVATE,
    P11URI_PUBLIC,
    P11URI_CERT,
    P11URI_SECRET_KEY,
    P11URI_DATA
};

/* RFC 7512 2.3, table 1. Sizes are those of CK_TOKEN_INFO. */
struct p11uri {
    struct p11uri_attr token;        /* label, at most 32 octets of UTF-8 */
    struct p11uri_attr manufacturer; /* manufacturerID, at most 32 */
    struct p11uri_attr model;        /* at most 16 */
    struct p11uri_attr serial;       /* serialNumber, at most 16 */
    struct p11uri_attr object;       /* CKA_LABEL, UTF-8 */
    struct p11uri_attr id;           /* CKA_ID, any octets */
    enum p11uri_type type;
    bool has_slot_id;
    uint64_t slot_id;
};

/* Rules: "p11uri.syntax" (scheme, characters, percent-encoding, UTF-8, size),
 * "p11uri.attribute" (unknown, or twice), "p11uri.pin", "p11uri.module".
 * The fault never repeats the value of a query attribute. */
int p11uri_parse(const char *text, struct p11uri *out, struct fault *f) WARN_UNUSED;

/* Does the URI say which token is meant (token, manufacturer, model, serial or slot-id)? */
bool p11uri_names_token(const struct p11uri *u);
/* Does the URI say which object is meant (object or id)? */
bool p11uri_names_object(const struct p11uri *u);
/* No attribute of a token is set in both and different. */
bool p11uri_same_token(const struct p11uri *a, const struct p11uri *b);

/* The same for objects, and at least one attribute of an object is set in both and equal. */
bool p11uri_same_object(const struct p11uri *a, const struct p11uri *b);

/* Is the attribute absent, or equal to a field of CK_TOKEN_INFO, which is
 * padded with blanks and has no NUL at its end (PKCS #11 2.40, 3.2)? */
bool p11uri_matches(const struct p11uri_attr *a, const uint8_t *field, size_t n);

/* Appends the URI again, attributes in a fixed order, all of id percent-encoded
 * (RFC 7512 2.3). */
void p11uri_print(const struct p11uri *u, struct buf *out);

#endif
