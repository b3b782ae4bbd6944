/*
 * The public view's files, found for the issuers of the configuration. Nothing that a client sent
 * names an issuer's file, but for the number of a part of its CRL, written anew: names come from
 * the configuration and the view's own folder, and files are opened below a descriptor of it.
 */
#ifndef PUBLIC_PLACE_H
#define PUBLIC_PLACE_H

#include <sys/stat.h>

#include "lib/conf.h"

#define PLACE_NAME_MAX 64 /* "issuing-2" */

struct places;

/* `view_fd` is taken over. */
struct places *places_new(const struct conf *c, int view_fd);
void places_free(struct places *p);
/* Looks which folders there are now; one that a new issuer gets is seen here. From one thread.
 * Rule "view.folder". */
int places_refresh(struct places *p, struct fault *f) WARN_UNUSED;

/* The folder of conf->issuers[issuer]; false: there is none. */
bool place_of(struct places *p, size_t issuer, char out[PLACE_NAME_MAX]);
/* Opens a file of an issuer, or of the view ("audit/checkpoint"). Only regular files. -1 and errno:
 * there is none such, or there might be (place_busy). */
int place_open(struct places *p, size_t issuer, const char *file, struct stat *st) WARN_UNUSED;
int place_open_path(struct places *p, const char *path, struct stat *st) WARN_UNUSED;
bool place_busy(int error);
/* The folder itself, for lib/viewfile.h. */
int place_open_folder(struct places *p, size_t issuer) WARN_UNUSED;

#endif
