/*
 * Taking an export of the view (lib/viewexport.h) into the view of a validation node, while
 * cerca-public serves it. Everything is checked before anything is changed:
 *
 *   - the seal is a note of the pinned key, and the manifest what it says ("import.seal",
 *     "import.origin", "import.manifest");
 *   - its number is greater than that of the last one ("import.older"; "import.fork": the same
 *     number with other content);
 *   - every piece is there and has its hash ("import.incomplete", "import.damaged");
 *   - each issuer's snapshot and log read, belong together and to the certificate beside them, and
 *     know at least what the view knows ("import.damaged", "import.owner", "import.older").
 *
 * Then the files are put into place so that a reader (lib/viewfile.h) never sees half: a log that
 * goes on is appended to, as its writer would; another pair comes into force by `current`. Killed
 * on the way, the next import finishes it.
 */
#ifndef TOOLS_VIEWIMPORT_H
#define TOOLS_VIEWIMPORT_H

#include "lib/viewexport.h"

struct import_result {
    struct viewexport_head head;
    bool nothing_new; /* it was taken already */
    uint64_t issuers, files;
    uint64_t changed; /* files that were not there, or different */
};

/* VIEW is made where it is missing. One at a time: "import.running". */
int view_import(const char *from, const char *view_dir, const struct note_key *key,
                struct import_result *out, struct fault *f) WARN_UNUSED;

#endif
