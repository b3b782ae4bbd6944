/*
 * Lists, as a table for people, JSON or CSV for programs. A row is one JSON
 * object; all three are made from it, row by row, so that a list of any length
 * takes no more memory than one.
 */
#ifndef TOOLS_ROWS_H
#define TOOLS_ROWS_H

#include "lib/wire.h"
#include "tools/json.h"
#include "tools/pages.h"

/* Always; where the line has room for it and for the last column; in place of the wide one before
 * it where that has none. */
enum column_when { COLUMN_ALWAYS, COLUMN_WIDE, COLUMN_NARROW };

struct column {
    const char *title;
    const char *key; /* of the row */
    size_t width;    /* 0, only in the last: what is left of the line */
    enum column_when when;
    void (*cell)(const json_t *row, struct buf *out); /* instead of the key's value */
};

struct sheet {
    const struct column *columns; /* ended by a NULL title; at most 31 */
    const char *const *keys;      /* of the CSV form, NULL-ended */
};

struct rows {
    struct tool *tool;
    const struct sheet *sheet;
    size_t n;
    size_t line;    /* columns of the terminal */
    uint32_t shown; /* bit i: column i of the sheet is shown */
    bool lines;     /* JSON: an object a line, and no list around them */
    struct buf out;
};

void rows_begin(struct rows *r, struct tool *t, const struct sheet *s);
/* The same for rows that come one by one over a long time: JSON is an object a line (JSON Lines),
 * good as far as it has come. */
void rows_begin_lines(struct rows *r, struct tool *t, const struct sheet *s);
/* Prints what there is so far. EXIT_OK, or EXIT_FAILED (said). */
int rows_flush(struct rows *r) WARN_UNUSED;
/* Takes over the row's reference. EXIT_OK, or EXIT_FAILED (said). */
int rows_add(struct rows *r, json_t *row) WARN_UNUSED;
/* Closes the list and frees. */
int rows_end(struct rows *r) WARN_UNUSED;
/* Frees after a failure: the list stays visibly unfinished, and is nothing at all before its first
 * row was added. */
void rows_drop(struct rows *r);

/* Asks cerca-ca for one page, adds its rows and moves query to the next; *more
 * says whether there is one. */
typedef int (*rows_page)(struct tool *t, void *query, struct rows *r, bool *more, struct fault *f);

/* A whole list that cerca-ca gives in pages. Connects; returns an exit code, failures said. */
int rows_all_pages(struct tool *t, const struct sheet *s, rows_page page, void *query) WARN_UNUSED;

/* A page as rows, each made of one item by `item`, which reads it; the error sticks to w. */
typedef json_t *(*rows_item)(struct wire_in *w, void *arg);
int rows_call(struct tool *t, const struct page_call *c, rows_item item, void *arg,
              struct rows *rows, bool *more, struct fault *f) WARN_UNUSED;

#endif
