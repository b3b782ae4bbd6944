/*
 * One export of the view (lib/viewexport.h), made as a reader of it: from what is there, whoever
 * writes meanwhile. Takes long: not on the loop.
 */
#ifndef CA_EXPORT_BUILD_H
#define CA_EXPORT_BUILD_H

#include "lib/viewexport.h"

struct export_job {
    const char *view_dir, *out_dir;
    bool audit;                  /* the audit log's tree too */
    struct viewexport_head head; /* the caller's */

    /* what was made */
    uint8_t manifest[32]; /* its hash */
    uint64_t files, octets;
    uint64_t new_octets; /* of pieces that were not there before */
    struct buf list;     /* the manifest's text, or as far as it came */
};

/* The number of the newest export in the folder; 0: there is none that reads. */
uint64_t export_newest(const char *out_dir);
/* Writes pieces and manifest, durably. Rules "view.export", those of lib/viewfile.h. */
int export_build(struct export_job *j, struct fault *f) WARN_UNUSED;
/* Puts the seal, a note over j->manifest, in force; then drops the pieces that neither this export
 * nor the one before has. */
int export_seal(const struct export_job *j, struct slice note, struct fault *f) WARN_UNUSED;
/* It is not sealed: drops the pieces that neither it nor the one in force has, so that attempts do
 * not fill the disk. Its own stay for the next attempt. */
void export_drop(const struct export_job *j);
void export_free(struct export_job *j);

#endif
