/*
 * Subject alternative names (RFC 5280 4.2.1.6): DNS names, IP addresses, mail
 * addresses, URIs, and the user principal names of Microsoft directories. One list type for CSRs,
 * requests, drafts and certificates.
 */
#ifndef LIB_SAN_H
#define LIB_SAN_H

#include "lib/buf.h"
#include "lib/fault.h"

enum san_kind { SAN_DNS = 1, SAN_IP = 2, SAN_EMAIL = 3, SAN_URI = 4, SAN_UPN = 5 };
#define SAN_KIND_MAX SAN_UPN
#define SAN_MAX 100        /* names in one certificate */
#define SAN_VALUE_MAX 1024 /* octets in one name */

struct san {
    enum san_kind kind;
    struct slice value; /* ASCII text, for a UPN UTF-8; for an IP address its 4 or 16 octets */
};

struct san_list {
    size_t n;
    struct san item[SAN_MAX];
};

/* As people write them, not read yet. */
struct texts {
    size_t n;
    const char *item[SAN_MAX];
};

const char *san_kind_name(enum san_kind k); /* "dns", "ip", "email", "uri", "upn" */

/* "dns:host.example", "ip:192.0.2.1", "email:a@b", "uri:spiffe://x/y", and "DNS:" as OpenSSL
 * writes it; without a kind it is guessed: an IP address if it reads as one, a URI with "://", mail
 * with "@", else DNS. An IP address is written to `arena`, of which `*used` octets are taken;
 * other values point into `text`, which must outlive the result. Fails when the
 * arena is full. */
int san_parse(const char *text, struct san *out, uint8_t *arena, size_t arena_size, size_t *used,
              struct fault *f) WARN_UNUSED;
/* Syntax of one name: DNS in LDH labels of 1 to 63 octets, 253 in all, lower or upper
 * case, a wildcard only as the whole left-most label (RFC 1034 3.5, RFC 5890, RFC 6125); no NUL, no
 * control or non-ASCII octet anywhere; mail RFC 5321 mailbox in ASCII; URI with scheme and
 * authority or path (RFC 3986), and a SPIFFE ID by its own rules; IP 4 or 16 octets; UPN
 * user@suffix in UTF-8. Rule "san.dns.syntax" and so on. */
int san_check(const struct san *s, struct fault *f) WARN_UNUSED;
bool san_equal(const struct san *a, const struct san *b); /* DNS, UPN and mail host without case */
bool san_list_has(const struct san_list *l, const struct san *s);
/* Adds unless equal to one that is there; -FAULT_TOO_LARGE past SAN_MAX. */
int san_list_add(struct san_list *l, const struct san *s, struct fault *f) WARN_UNUSED;
/* "dns:host.example"; an IP address in text form; unprintable octets as \xNN. */
void san_print(const struct san *s, struct buf *out);

/* GeneralNames, whole SEQUENCE. Reading refuses kinds other than these (rule "san.kind"), values
 * with NUL or beyond ASCII, empty or past SAN_VALUE_MAX, and addresses of other lengths
 * ("san.value"), an empty list or broken DER ("san.der"), more than SAN_MAX names ("san.count"). It
 * keeps duplicates, and leaves the syntax of names to san_check. */
void san_list_put(struct buf *b, const struct san_list *l);
int san_list_get(struct slice der, struct san_list *out, struct fault *f) WARN_UNUSED;
/* Of a certificate that somebody else issued: what san_list_get would refuse is left out, and
 * *whole says that nothing was; a name that is there again is not added again. Broken DER ends the
 * list. */
void san_list_get_known(struct slice der, struct san_list *out, bool *whole);

/* Hashes of the names, sorted, so that neither their order counts nor case where it has no
 * meaning; then what they are for, and the subject (a Name, or nothing): the first half of the
 * SHA-256 of all that. */
#define SAN_IDENTITY 16
void san_list_identity(const struct san_list *l, struct slice what, struct slice subject,
                       uint8_t out[SAN_IDENTITY]);

#endif
