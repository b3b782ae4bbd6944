/* The public view's files as who damages them by intent would leave them: hashes and checksums of
 * what an input says are made right. */
#ifndef TESTS_FUZZ_VIEWSEAL_H
#define TESTS_FUZZ_VIEWSEAL_H

#include "lib/buf.h"

enum {
    VIEWSEAL_NONE = 0,
    VIEWSEAL_ROWS = 1,
    VIEWSEAL_HEADER = 2,
    VIEWSEAL_RECORDS = 4,
    VIEWSEAL_OWNER = 8,
};

/* Each appends the whole file to `out`. `owner`: whom the files are of, with VIEWSEAL_OWNER. */
void viewseal_snapshot(struct slice in, unsigned how, const uint8_t owner[32], struct buf *out);
/* The octets between header and records of a log are left out of the input: the live words stand
 * behind the header. */
void viewseal_log(struct slice in, unsigned how, const uint8_t owner[32], struct buf *out);

/* What to begin with: certificates with serials of 0x40, then zeros, then 2, 4, 6 are good, 4 on
 * hold by the log, 6 revoked. Both as inputs for the above; generation 1, seen up to change 5. */
void viewseal_example(const uint8_t owner[32], int64_t stamp, struct buf *snapshot,
                      struct buf *log);

#endif
