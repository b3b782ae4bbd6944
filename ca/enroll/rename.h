/*
 * Renewals for other names (RFC 7030 4.2.2, RFC 6402 2.8): whether the label lets a client change
 * them, and these names are its own to have.
 */
#ifndef CA_ENROLL_RENAME_H
#define CA_ENROLL_RENAME_H

#include "ca/enroll/evidence.h"

/* Of a renewal with ChangeSubjectName, into `b`: each name is one of the certificate's, or matches
 * one of the label's `rename`, filled in from its subject; where a password came along it is the
 * user's too. Without that attribute nothing changes. -FAULT_DENIED, rule "est.rename"; and those
 * of name_change_get. */
int rename_take(const struct evidence *e, const struct csr *csr, struct door_bearer *b,
                struct fault *f) WARN_UNUSED;

#endif
