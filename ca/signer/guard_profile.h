/* Does a draft fit a profile of the configuration? */
#ifndef CA_SIGNER_GUARD_PROFILE_H
#define CA_SIGNER_GUARD_PROFILE_H

#include "lib/cert.h"
#include "lib/conf.h"
#include "lib/fault.h"

/* The profile of issuer `by` that gives out what `draft` is, but for what is cerca-ca's to decide:
 * the subject, and who may have which name. Rule "signer.profile". */
int guard_profile(const struct conf *conf, const struct conf_issuer *by, const struct cert *draft,
                  const struct conf_profile **out, struct fault *f) WARN_UNUSED;
/* Is this the algorithm of the issuer, or of one of its profiles? */
bool guard_profile_alg(const struct conf *conf, const struct conf_issuer *by, enum sig_alg alg);

#endif
