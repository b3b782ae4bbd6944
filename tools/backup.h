/* Looking into the file of a backup: the hash here, the store in it by cerca-ca, for this program
 * has nothing that opens a store. */
#ifndef TOOLS_BACKUP_H
#define TOOLS_BACKUP_H

#include "lib/backupfile.h"
#include "client/child.h"
#include "tools/progress.h"
#include "tools/tool.h"

/* Footer, manifest and hash. */
int backup_look(struct tool *t, const char *path, struct backup_manifest *out,
                struct fault *f) WARN_UNUSED;
/* Every invariant of the store in it. What is wrong is said. */
int backup_check(struct tool *t, const char *path, struct fault *f) WARN_UNUSED;
/* Waits for a child and draws what it says of its progress ("progress DONE TOTAL WHAT"); says
 * what else it said when it failed. */
int backup_child(struct tool *t, struct child *c, struct fault *f) WARN_UNUSED;

#endif
