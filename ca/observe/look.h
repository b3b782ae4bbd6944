/* What a scan saw at a target, as it is kept: the result of lib/scanresult.h looked at by the chain
 * that was served and by what the server offers. Pure but for the authorities. */
#ifndef CA_OBSERVE_LOOK_H
#define CA_OBSERVE_LOOK_H

#include "ca/door/authority.h"
#include "ca/store/observations.h"

/* `leaf`: the certificate that was served, in r's octets; empty: none, or nothing that can be read
 * as one. The caller holds authorities_read. */
void look_take(const struct authorities *all, const struct scan_result *r, struct observation *out,
               struct slice *leaf);

#endif
