/* Where a certificate is, asked of cerca-ca, for commands that show one. */
#ifndef TOOLS_PLACES_H
#define TOOLS_PLACES_H

#include "tools/json.h"

/* All places of what has this identity, as an array: a JSON object each, the fingerprint of the
 * certificate that is there with it. Several connections' answers are gone after this. NULL with a
 * fault. */
json_t *places_json(struct tool *t, const uint8_t identity[16], struct fault *f);
/* A line of text each: `indent` columns, then the word for it in `width` columns. */
void places_print(const json_t *places, int indent, int width, struct buf *out);

#endif
