/* What the files of viewimport share. */
#ifndef TOOLS_VIEWIMPORT_INNER_H
#define TOOLS_VIEWIMPORT_INNER_H

#include <limits.h>

#include "tools/viewimport.h"

/* Below the view: the last seal and manifest, the lock, the stage. */
#define IMPORT_STATE ".import"

struct import {
    const char *from, *view;
    char state[PATH_MAX], stage[PATH_MAX];
    struct buf seal, manifest; /* of the export */
    struct buf before;         /* manifest of the one taken last; empty: none */
    struct slice entries;      /* of manifest */
    struct import_result *result;
};

/* One file of the manifest: its entries stand together. */
struct import_file {
    char path[VIEWEXPORT_PATH_MAX + 1];
    struct slice entries; /* its lines */
    uint64_t size;
    uint8_t first[32]; /* hash of its first piece */
};
/* 1 and the next file, 0 at the end. The entries were read once, so that they are sound. */
int import_next(struct slice *rest, struct import_file *out, struct fault *f) WARN_UNUSED;

/* viewimport_stage.c: assembles every file in the stage, from pieces, or by a link to the view's
 * own where both manifests say the same; then checks each issuer. */
int import_stage(struct import *i, struct fault *f) WARN_UNUSED;
/* viewimport_apply.c: from the stage into the view. */
int import_apply(struct import *i, struct fault *f) WARN_UNUSED;

/* "issuing-2/log.7" */
bool import_is_log(const char *path, uint64_t *generation);
/* DIR/NAME. Folders longer than IMPORT_FOLDER_MAX were refused. */
#define IMPORT_FOLDER_MAX 3500
void import_join(char out[PATH_MAX], const char *dir, const char *name);
int import_cannot(struct fault *f, const char *what, const char *path);
/* Makes the folders that stand in front of the last "/". */
int import_make_folders(const char *root, const char *path, struct fault *f) WARN_UNUSED;

#endif
