/* The octets of a draft: written again and compared, then linted. */
#ifndef CA_SIGNER_GUARD_FORM_H
#define CA_SIGNER_GUARD_FORM_H

#include "lib/cert.h"
#include "lib/conf.h"
#include "lib/fault.h"

/* Is `draft` exactly what lib/tbs.h writes for it, with the URLs of `by` unless it is signed by
 * itself, and free of lint? Rules "signer.form", "signer.lint". */
int guard_form(const struct conf_issuer *by, const struct cert *draft, bool self,
               struct fault *f) WARN_UNUSED;

#endif
