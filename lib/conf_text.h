/* Words about a key, shared by the example file and the manual page. */
#ifndef LIB_CONF_TEXT_H
#define LIB_CONF_TEXT_H

#include "lib/conf_schema.h"

/* "span, 10s to 1d", "error | warn | info | debug", "list of paths" ... */
void conf_text_type(const struct conf_key *k, struct buf *out);
/* A text of the table (lists separated by blanks) as configuration text. */
void conf_text_literal(const struct conf_key *k, const char *text, struct buf *out);

#endif
