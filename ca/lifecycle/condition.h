/* What of the CA's own status people have to be told: pure. */
#ifndef CA_LIFECYCLE_CONDITION_H
#define CA_LIFECYCLE_CONDITION_H

#include "ca/lifecycle/evaluate.h"
#include "lib/proto.h"

/* False: nothing, all is well. */
bool condition_of_status(const struct status_item *i, struct ca_condition *out);
/* Of an issuer's certificate. */
bool condition_of_issuer(const struct watch_times *t, const char *name,
                         const struct watch_life *life, int64_t now, struct ca_condition *out);

#endif
