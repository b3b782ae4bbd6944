/* Does every signature have an intent? Asked of the signers' own records. */
#ifndef CA_ADMIN_RECORD_CHECK_H
#define CA_ADMIN_RECORD_CHECK_H

#include "ca/store/store.h"

/* Reads record_dir/TOKEN.record of every token and looks up what each entry says was
 * signed. Findings: "record.number" (an entry is missing or out of place), "record.intent" (signed,
 * but never recorded here), "record.tbs" (recorded, but with another content). */
int record_check(const struct conf *conf, struct store *s, const struct store_check_report *r,
                 uint64_t *findings, struct fault *f) WARN_UNUSED;

#endif
