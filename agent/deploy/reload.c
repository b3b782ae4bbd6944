#include <string.h>

#include "agent/deploy/command.h"
#include "agent/deploy/inner.h"
#include "agent/deploy/service.h"
#include "lib/log.h"
#include "lib/step.h"

/* What is to be seen in the place of what. 1: nothing is there to be replaced yet, or the system
 * does not do it. */
static int other_view(const struct agent_cert *c, unsigned version, char from[PATH_MAX],
                      char to[PATH_MAX], struct fault *f)
{
    unsigned current = 0;
    int rc = place_get(c, PLACE_CURRENT, &current, f);

    if (rc < 0)
        return f->code == FAULT_NOT_FOUND ? 1 : rc;
    if (!command_can_bind())
        return 1;
    if (c->method == AGENT_EXCHANGE) {
        rc = exchange_prepare(c, version, from, f);
        memcpy(to, c->folder, strlen(c->folder) + 1);
        return rc == 0 && !place_exists(to) ? 1 : rc;
    }
    rc = place_version(c, version, from, f);
    return rc == 0 ? place_version(c, current, to, f) : rc;
}

int deploy_test(const struct agent_cert *c, unsigned version, struct fault *f)
{
    char from[PATH_MAX], to[PATH_MAX];
    int rc = deploy_has(c, version, f);

    if (rc < 0)
        return rc;
    from[0] = '\0';
    rc = other_view(c, version, from, to, f);
    for (size_t i = 0; i < c->n_services && rc == 0; i++)
        rc = service_run(c, &c->services[i], SERVICE_TEST, from, to, f);
    STEP("deploy-tested");
    /* Made for the test: no key lies about for as long as nothing more comes of this. */
    if (c->method == AGENT_EXCHANGE && from[0] != '\0')
        place_drop(from);
    return rc < 0 ? rc : 0;
}

int deploy_reload(const struct agent_cert *c, struct fault *f)
{
    int rc = 0;

    for (size_t i = 0; i < c->n_services && rc == 0; i++)
        rc = service_run(c, &c->services[i], SERVICE_TEST, NULL, NULL, f);
    for (size_t i = 0; i < c->n_services && rc == 0; i++) {
        rc = service_run(c, &c->services[i], SERVICE_RELOAD, NULL, NULL, f);
        STEP("deploy-reloaded");
    }
    return rc == 0 ? secrets_put(c, f) : rc;
}
