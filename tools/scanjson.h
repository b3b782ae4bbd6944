/* Results of a scan as they are printed. */
#ifndef TOOLS_SCANJSON_H
#define TOOLS_SCANJSON_H

#include "lib/scanresult.h"
#include "tools/rows.h"

extern const struct sheet scan_sheet;
/* The caller owns it. */
json_t *scan_json(const struct scan_result *r);
/* What the first certificate says of itself stands beside the rest, for lines of CSV. */
json_t *scan_json_flat(const struct scan_result *r);

#endif
