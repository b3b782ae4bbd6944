/* What cercad tells a person who started it by hand, once it serves. */
#ifndef CA_SUPERVISE_HINT_H
#define CA_SUPERVISE_HINT_H

#include "lib/conf.h"

/* The endpoints and three commands to try, with the cerca program of `folder` as a person
 * in the current folder would type it. */
void hint_text(const struct conf *c, const char *folder, const char *conf_path, struct buf *out);

#endif
