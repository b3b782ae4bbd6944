#include "agent/deploy/recipes.h"

#include <string.h>

static const char *const nginx_test[] = {"nginx", "-t", "-q", NULL};
static const char *const nginx_reload[] = {"nginx", "-s", "reload", NULL};
static const struct deploy_recipe_file nginx_files[] = {
    {AGENT_FULLCHAIN, "", "", 0644},
    {AGENT_KEY, "", "", 0600},
};

static const struct deploy_recipe recipes[] = {
    {
        .name = "nginx",
        .test = nginx_test,
        .reload = nginx_reload,
        .probe = "127.0.0.1:443",
        .files = nginx_files,
        .n_files = sizeof(nginx_files) / sizeof(nginx_files[0]),
        .text = "New workers take the new pair, old ones finish what they have begun.",
    },
};

const struct deploy_recipe *deploy_recipes(size_t i)
{
    return i < sizeof(recipes) / sizeof(recipes[0]) ? &recipes[i] : NULL;
}

const struct deploy_recipe *deploy_recipe(const char *name)
{
    const struct deploy_recipe *r;

    for (size_t i = 0; (r = deploy_recipes(i)) != NULL; i++)
        if (strcmp(r->name, name) == 0)
            return r;
    return NULL;
}
