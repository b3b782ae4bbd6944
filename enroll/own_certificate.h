/*
 * The certificate of the HTTPS server itself: a key made here, in memory, and the certificate that
 * cerca-ca issues for it, kept over restarts (lib/keep.h) and made anew, with a new key, at half
 * its life or when the configured names are others. Belongs to the loop's thread.
 */
#ifndef ENROLL_OWN_CERTIFICATE_H
#define ENROLL_OWN_CERTIFICATE_H

#include "lib/ca_link.h"
#include "lib/httpd_tls.h"

struct own_certificate;

/* Begins at once, with what is kept at `keep_fd` (-1: nothing). All others outlive it. */
struct own_certificate *own_certificate_new(struct loop *l, const struct conf *c, struct ca_link *k,
                                            struct httpd_tls *t, int keep_fd);
/* Is one shown? */
bool own_certificate_ready(const struct own_certificate *o);
/* After ca_link_close. NULL is fine. */
void own_certificate_free(struct own_certificate *o);

#endif
