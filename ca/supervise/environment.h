/* The environment of a program: what it needs and nothing that cercad happened to have. */
#ifndef CA_SUPERVISE_ENVIRONMENT_H
#define CA_SUPERVISE_ENVIRONMENT_H

#include "lib/conf.h"

/* For the signer of `token`, or (NULL) for a program without one. NULL behind the last. */
char **environment_for(const struct conf_token *token);
void environment_free(char **environment);

#endif
