/* Annotations from a CSV file: which identity by the first of the columns identity, fingerprint and
 * name that the file has; the fields by columns of their names. What cerca list -o csv printed can
 * be edited and read back: its other columns are passed over. Empty cells change nothing. */
#ifndef TOOLS_NOTECSV_H
#define TOOLS_NOTECSV_H

#include "tools/noting.h"

int notecsv_run(struct tool *t, const char *path, bool dry_run);

#endif
