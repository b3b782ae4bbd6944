/* What `cerca init` says: what it would make, what it made, and what to do with it. */
#ifndef TOOLS_SETUP_REPORT_H
#define TOOLS_SETUP_REPORT_H

#include "lib/conf_setup.h"
#include "tools/tool.h"

/* Every file, key and certificate that would be made in `dir`. */
void setup_plan(const char *dir, const struct conf_setup *c, const char *text, struct buf *out);
/* What is there, what relying parties install, what is still to do. An exit code. */
int setup_report(const struct tool *t, const char *conf_path, bool was_there) WARN_UNUSED;
/* The issuers' certificates, and the SHA-256 of the roots. */
void report_issuers(const struct conf *conf, struct buf *out);

#endif
