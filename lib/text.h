/*
 * Text from elsewhere on its way to a terminal or a file. Names come from
 * requests that strangers wrote: what could drive a terminal or reorder a line
 * (control characters, invalid UTF-8, bidirectional overrides) is shown as \xNN.
 */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include "lib/buf.h"

/* `keep_lines`: newlines pass. */
void text_safe(struct slice s, bool keep_lines, struct buf *out);
/* Columns that safe text takes: one a code point. */
size_t text_width(struct slice s);
/* At most `width` columns of it, ending in "..." when something was cut. */
void text_cut(struct slice s, size_t width, struct buf *out);
/* Colons in a hex number: "ab:cd". */
void text_hex_colons(const uint8_t *p, size_t n, struct buf *out);
/* Cuts the next line, without its end, off `text` and puts it into `out`. False: there is none, or
 * it is longer than that. */
bool text_next_line(struct slice *text, char *out, size_t cap);

#endif
