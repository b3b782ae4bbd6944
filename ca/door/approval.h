/*
 * Requests for profiles that need an operator's yes (ca/store/approvals.h): does this one, and what
 * is recorded of it for who decides. Decided after policy, so that nothing waits that is refused
 * anyway; what depends on the store is found by the reserve transaction.
 *
 * None is needed by this CA's own programs, and, unless the profile says otherwise, by a renewal
 * that keeps profile, subject and names of a certificate that is good: through EST, where the
 * client has shown that certificate's key, or by an operator with the key that is certified.
 */
#ifndef CA_DOOR_APPROVAL_H
#define CA_DOOR_APPROVAL_H

#include "ca/door/job.h"

/* Makes j->approval where one is needed. "approval.size": too much to be shown to who decides. */
int approval_prepare(struct job *j, struct fault *f) WARN_UNUSED;
void approval_drop(struct job *j);
/* What who asks is told while it waits: FAULT_PENDING, "request.pending". */
void approval_waits(const struct job *j, struct fault *f);
/* The same in a dry run, which records nothing: "approval.needed". */
void approval_would_wait(const struct job *j, struct fault *f);

#endif
