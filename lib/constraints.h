/*
 * Name constraints (RFC 5280 4.2.1.10): which names the certificates below a CA may have. DNS
 * names, IP addresses, mail addresses, URIs and directory names; written from the configuration,
 * read from certificates, and applied to what is about to be issued as relying parties apply it
 * to what was (RFC 5280 6.1.3 (b), (c)).
 */
#ifndef LIB_CONSTRAINTS_H
#define LIB_CONSTRAINTS_H

#include "lib/fault.h"
#include "lib/san.h"

#define CONSTRAINTS_MAX 16384 /* octets of the extension's value */

/* As they lie in a certificate: the contents of GeneralSubtrees, or SLICE_NONE. Both point into
 * what was read. */
struct constraints {
    struct slice permitted, excluded;
};

/* Reads NameConstraints, whole; -1 when malformed, empty, or with a minimum or maximum, which
 * RFC 5280 forbids. Forms of names that are not ours may be there. */
int constraints_get(struct slice value, struct constraints *out) WARN_UNUSED;

/* One line of the configuration, appended as a GeneralSubtree:
 *   "dns:example.com"      that name and every name below it; "dns:" every name
 *   "ip:10.0.0.0/8"        a range
 *   "email:a@example.com", "email:example.com", "email:.example.com"
 *                          one mailbox; all of that host; all of the hosts below
 *   "uri:example.com", "uri:.example.com"
 *                          URIs with that host; with a host below it
 *   "dirname:O=Example,C=DE"  subjects that begin so (RFC 4514 text)
 * Rule "constraints.syntax". */
int constraint_parse(const char *text, struct buf *out, struct fault *f) WARN_UNUSED;
/* Appends the NameConstraints of the two lists; nothing when both are empty. */
int constraints_put(char *const *permitted, size_t n_permitted, char *const *excluded,
                    size_t n_excluded, struct buf *out, struct fault *f) WARN_UNUSED;

/* May a certificate with this subject (Name, whole) and these names stand below? A common name
 * that reads as a DNS name counts as one when there is no other, as OpenSSL and GnuTLS see it.
 * `who` is the CA that has the constraints, for the text. Rules "constraints.permitted",
 * "constraints.excluded". */
int constraints_check(const struct constraints *c, const char *who, struct slice subject,
                      const struct san_list *sans, struct fault *f) WARN_UNUSED;

#endif
