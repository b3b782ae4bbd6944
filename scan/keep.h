/* Results that outlive the connection that they came from. */
#ifndef SCAN_KEEP_H
#define SCAN_KEEP_H

#include "lib/scanresult.h"

#define KEEP_OCTETS (SCAN_CHAIN_OCTETS + SCAN_OCSP_MAX)

/* Copies what the slices of `r` show into `octets` (initialised; emptied first) and lets them point
 * there. */
void scan_result_keep(struct scan_result *r, struct buf *octets);

#endif
