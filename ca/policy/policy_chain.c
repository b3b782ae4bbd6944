/* What the chain above a certificate allows (RFC 5280 6.1). */
#include "ca/policy/policy.h"

const struct policy_issuer *policy_first_to_end(const struct policy_issuer *issuer)
{
    const struct policy_issuer *first = issuer;

    for (const struct policy_issuer *i = issuer->above; i != NULL; i = i->above)
        if (i->not_after < first->not_after)
            first = i;
    return first;
}

int policy_constraints(const struct policy_issuer *issuer, const struct decision *d,
                       struct fault *f)
{
    int rc = 0;

    for (const struct policy_issuer *i = issuer; rc == 0 && i != NULL; i = i->above)
        if (i->constraints != NULL)
            rc = constraints_check(i->constraints, i->conf->name, d->subject, &d->sans, f);
    return rc;
}
