/*
 * Pages for people: HTML that is well-formed XML too, in one file, without scripts and without
 * anything from elsewhere (the page forbids itself both), that prints on A4; charts in SVG.
 *
 * What comes from outside passes html_text, here and nowhere else.
 */
#ifndef TOOLS_HTML_H
#define TOOLS_HTML_H

#include <jansson.h>

#include "lib/buf.h"

/* What text_safe leaves, with the characters that mean something in HTML as references. Good in
 * elements and in attributes between double quotes. */
void html_text(struct buf *out, const char *text);
/* Up to and without the first heading. */
void html_begin(struct buf *out, const char *title);
void html_end(struct buf *out);
/* 1234567 as 1,234,567 */
void html_number(struct buf *out, uint64_t n);

/* A chart of what the rows (objects) have under `value`, named by what they have under `name`:
 * lying bars for names, standing columns for months. At most CHART_ROWS rows; the rest is one. */
#define CHART_ROWS 12
void html_bars(struct buf *out, const json_t *rows, const char *name, const char *value);
void html_columns(struct buf *out, const json_t *rows, const char *name, const char *value);

#endif
