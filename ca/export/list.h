/* Which files of the view go into an export. Only ca/export/ includes this. */
#ifndef CA_EXPORT_LIST_H
#define CA_EXPORT_LIST_H

#include "lib/viewexport.h"

enum export_kind {
    EXPORT_FILE,    /* as it is */
    EXPORT_CURRENT, /* names the generation */
    EXPORT_LOG,     /* of that generation: it grows while it is read */
};

struct export_item {
    char path[VIEWEXPORT_PATH_MAX + 1];
    enum export_kind kind;
    uint64_t generation;
};

struct export_list {
    struct export_item *item; /* in order of path */
    size_t n;
};

/* Of each issuer what is named NAME.der or NAME.pem and the pair in force; with `audit` also the
 * audit log's tiles and checkpoints. Files on their way have other names. */
int export_list(const char *view_dir, bool audit, struct export_list *out,
                struct fault *f) WARN_UNUSED;
void export_list_free(struct export_list *l);

#endif
