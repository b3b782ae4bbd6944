/*
 * What is known of servers: which files they want, how they test their configuration, how they
 * take a new certificate, and where they are looked at. What a service's configuration says itself
 * wins.
 */
#ifndef AGENT_DEPLOY_RECIPES_H
#define AGENT_DEPLOY_RECIPES_H

#include <stddef.h>

#include "agent/conf/conf.h"

struct deploy_recipe_file {
    enum agent_format format;
    const char *owner, *group; /* "": root */
    unsigned mode;
};

struct deploy_recipe {
    const char *name;
    /* argv, ended by NULL; NULL: none. argv[0] is looked for in Debian's default PATH. */
    const char *const *test, *const *reload, *const *verify;
    const char *probe; /* as a service's probes: "127.0.0.1:443"; "": cannot be asked */
    const struct deploy_recipe_file *files; /* a proposal */
    size_t n_files;
    const char *text; /* what it promises, for people */
};

/* NULL: there is none of that name. */
const struct deploy_recipe *deploy_recipe(const char *name);
/* One after the other; NULL: there are no more. */
const struct deploy_recipe *deploy_recipes(size_t i);

#endif
