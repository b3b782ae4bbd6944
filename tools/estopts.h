/* The options of `cerca est`, over what clients of EST share. */
#ifndef TOOLS_ESTOPTS_H
#define TOOLS_ESTOPTS_H

#include "client/estenroll.h"
#include "tools/tool.h"

extern const struct opt est_opts[]; /* by offset in struct est_args, which is the first member */
extern const struct opt est_enroll_opts[], est_keygen_opts[]; /* without est_opts */

/* What the arguments say about each other. EXIT_OK, or EXIT_USAGE (said). */
int est_check_args(const struct tool *t, const struct est_args *a);
int enrollment_check(const struct tool *t, const struct est_enroll_args *a, enum est_op op);
/* est_open for a command, which says on standard error what goes on. */
int est_tool_open(struct est *e, struct tool *t, const struct est_args *a, bool unverified,
                  struct fault *f) WARN_UNUSED;
/* What each side sent last, to standard error. */
void est_say_talk(void *arg, const struct est *e);

#endif
