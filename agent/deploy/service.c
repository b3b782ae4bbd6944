#include <stdio.h>
#include <string.h>

#include "agent/deploy/asunit.h"
#include "agent/deploy/command.h"
#include "agent/deploy/recipes.h"
#include "agent/deploy/service.h"
#include "lib/log.h"

int service_recipe(const struct agent_service *s, const struct deploy_recipe **out, struct fault *f)
{
    *out = NULL;
    if (s->recipe == NULL || s->recipe[0] == '\0')
        return 0;
    *out = deploy_recipe(s->recipe);
    return *out != NULL
               ? 0
               : fault_set(f, FAULT_CONFIG, "deploy.recipe", "there is no recipe %.60s", s->recipe);
}

/* A list that the configuration has, as argv. */
static int words(char *const *list, size_t n, const char *argv[SERVICE_ARGV_MAX + 1],
                 struct fault *f)
{
    if (n > SERVICE_ARGV_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "deploy.command", "a command has too many words");
    for (size_t i = 0; i < n; i++)
        argv[i] = list[i];
    argv[n] = NULL;
    return 0;
}

static void put_env(struct command *c, const char *name, const char *value)
{
    c->env[c->n_env].name = name;
    c->env[c->n_env++].value = value;
}

static void about(struct command *command, const struct agent_cert *c)
{
    put_env(command, "CERCA_NAME", c->name);
    put_env(command, "CERCA_STATE", c->state_dir);
}

/* Says whose command it was, and keeps the reason. */
static int name_it(const char *rule, const char *what, const char *whose, struct fault *f)
{
    struct fault why = *f;
    int code = (int)why.code;

    snprintf(f->text, sizeof(f->text), "%.20s of %.32s: %.190s", what, whose, why.text);
    snprintf(f->rule, sizeof(f->rule), "%s", rule);
    return -code;
}

/* Its own command or its recipe's; argv[0] NULL: neither. */
static int find_words(const struct agent_service *s, enum service_command which,
                      const char *argv[SERVICE_ARGV_MAX + 1], const char *const **out,
                      struct fault *f)
{
    const struct deploy_recipe *r;
    const char *const *known = NULL;
    int rc = service_recipe(s, &r, f);

    if (rc < 0)
        return rc;
    if (r != NULL)
        known = which == SERVICE_TEST ? r->test : which == SERVICE_RELOAD ? r->reload : r->verify;
    if (which == SERVICE_TEST)
        rc = words(s->test, s->n_test, argv, f);
    else if (which == SERVICE_RELOAD)
        rc = words(s->reload, s->n_reload, argv, f);
    else
        rc = words(s->verify, s->n_verify, argv, f);
    *out = rc == 0 && argv[0] == NULL && known != NULL ? known : argv;
    return rc;
}

int service_run(const struct agent_cert *c, const struct agent_service *s,
                enum service_command which, const char *bind_from, const char *bind_to,
                struct fault *f)
{
    static const char *const rules[] = {"deploy.test", "deploy.reload", "deploy.verify"};
    static const char *const names[] = {"the test", "the reload", "the verification"};
    const char *argv[SERVICE_ARGV_MAX + 1];
    struct command command = {.limit = s->time_limit, .bind_from = bind_from, .bind_to = bind_to};
    int rc = find_words(s, which, argv, &command.argv, f);

    if (rc < 0 || command.argv[0] == NULL)
        return rc;
    about(&command, c);
    put_env(&command, "CERCA_SERVICE", s->name);
    rc = command_run(&command, NULL, f);
    return rc < 0 ? name_it(rules[which], names[which], s->name, f) : 0;
}

int deploy_hook(const struct agent_cert *c, enum deploy_hook which, const struct fault *why,
                struct fault *f)
{
    static const char *const names[] = {"before", "after", "failed"};
    const char *argv[SERVICE_ARGV_MAX + 1];
    struct command command = {.argv = argv, .limit = c->hook_limit};
    int rc = which == DEPLOY_BEFORE  ? words(c->before, c->n_before, argv, f)
             : which == DEPLOY_AFTER ? words(c->after, c->n_after, argv, f)
                                     : words(c->failed, c->n_failed, argv, f);

    if (rc < 0 || argv[0] == NULL)
        return rc;
    about(&command, c);
    if (why != NULL) {
        put_env(&command, "CERCA_REASON", why->text);
        put_env(&command, "CERCA_RULE", why->rule);
    }
    rc = command_run(&command, NULL, f);
    return rc < 0 ? name_it("deploy.hook", names[which], c->name, f) : 0;
}

static int check_program(const char *what, const char *program, struct fault *f)
{
    int error = program == NULL ? 0 : asunit_missing(program);

    return error == 0 ? 0
                      : fault_set(f, FAULT_CONFIG, "deploy.command", "%.60s: %.100s: %s", what,
                                  program, strerror(error));
}

int deploy_commands(const struct agent_cert *c, struct fault *f)
{
    const char *const hooks[] = {c->n_before > 0 ? c->before[0] : NULL,
                                 c->n_after > 0 ? c->after[0] : NULL,
                                 c->n_failed > 0 ? c->failed[0] : NULL};
    const char *own[SERVICE_ARGV_MAX + 1], *const *argv;
    int rc = 0;

    for (size_t i = 0; i < c->n_services && rc == 0; i++)
        for (int which = SERVICE_TEST; which <= SERVICE_VERIFY && rc == 0; which++) {
            rc = find_words(&c->services[i], (enum service_command)which, own, &argv, f);
            if (rc == 0)
                rc = check_program(c->services[i].name, argv[0], f);
        }
    for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]) && rc == 0; i++)
        rc = check_program("hooks", hooks[i], f);
    return rc;
}
