#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/deploy/inner.h"
#include "agent/deploy/service.h"
#include "lib/clock.h"
#include "lib/key.h"
#include "lib/log.h"
#include "lib/step.h"

#define PROBE_FOR 30 /* seconds, where nothing is configured */
#define VERIFY_TIMES 3
#define VERIFY_EVERY_US 400000
#define KEPT_MAX 256 /* versions that are looked through for old ones */

/* Of a version that has no certificate, or none that we can read: *known is false. */
static int fingerprint_of(const struct agent_cert *c, unsigned version, uint8_t out[32],
                          bool *known, struct fault *f)
{
    struct buf der;
    int rc = deploy_has(c, version, f);

    if (rc < 0)
        return rc;
    buf_init(&der, DEPLOY_FILE_MAX);
    rc = deploy_leaf(c, version, &der, f);
    *known = rc == 0;
    if (rc == 0)
        sha256(buf_slice(&der), out);
    else if (f->code == FAULT_NOT_FOUND)
        rc = 0;
    buf_free(&der);
    return rc;
}

/* Repeated until it is content several times in a row, since who fails to start may look alive for
 * a moment, or the time is over. */
static int run_verify(const struct agent_cert *c, const struct agent_service *s, int64_t seconds,
                      struct fault *f)
{
    uint64_t end = clock_mono_us() + (uint64_t)seconds * 1000000;
    const struct deploy_recipe *r;
    int content = 0, rc = service_recipe(s, &r, f);

    if (rc < 0 || (s->n_verify == 0 && (r == NULL || r->verify == NULL)))
        return rc;
    for (;;) {
        rc = service_run(c, s, SERVICE_VERIFY, NULL, NULL, f);
        content = rc < 0 ? 0 : content + 1;
        if (content == VERIFY_TIMES || (rc < 0 && clock_mono_us() >= end))
            return rc;
        usleep(VERIFY_EVERY_US);
    }
}

/* Which address it is, and what it does. */
static int not_served(const struct agent_service *s, const struct deploy_view *seen, size_t from,
                      struct fault *f)
{
    for (size_t i = from; i < seen->n; i++)
        if (!seen->item[i].right)
            return fault_set(f, FAULT_CONFLICT, "deploy.probe", "%.40s at %.80s serves %s", s->name,
                             seen->item[i].address,
                             seen->item[i].served[0] != '\0' ? "another certificate"
                                                             : seen->item[i].why);
    return fault_set(f, FAULT_CONFLICT, "deploy.probe", "%.60s does not serve it", s->name);
}

static int verify_service(const struct agent_cert *c, const struct agent_service *s,
                          const uint8_t *fingerprint, struct deploy_view *seen, struct fault *f)
{
    int64_t seconds = s->probe_for > 0 ? s->probe_for : PROBE_FOR;
    size_t from = seen->n;
    int rc = service_look(s, fingerprint, seconds, seen, f);

    if (rc == 1)
        return not_served(s, seen, from, f);
    return rc == 0 ? run_verify(c, s, seconds, f) : rc;
}

static int verify_all(const struct agent_cert *c, unsigned version, struct deploy_view *seen,
                      struct fault *f)
{
    uint8_t fingerprint[32];
    bool known;
    int rc = fingerprint_of(c, version, fingerprint, &known, f);

    for (size_t i = 0; i < c->n_services && rc == 0; i++)
        rc = verify_service(c, &c->services[i], known ? fingerprint : NULL, seen, f);
    return rc == 0 ? secrets_verify(c, version, f) : rc;
}

/* Everything below the newest `keep` of what is older than the version in force. */
static int forget_old(const struct agent_cert *c, unsigned version, struct fault *f)
{
    unsigned numbers[KEPT_MAX];
    size_t n, older = 0;
    int rc = place_versions(c, numbers, KEPT_MAX, &n, f);

    for (size_t i = 0; i < n && rc == 0; i++) {
        char path[PATH_MAX];

        if (numbers[i] >= version || ++older <= c->keep)
            continue;
        rc = place_version(c, numbers[i], path, f);
        if (rc == 0)
            rc = place_wipe(path, f);
        STEP("deploy-wiped");
    }
    return rc;
}

static struct deploy_view *begin(struct deploy_view *seen, struct deploy_view **own)
{
    *own = seen == NULL ? xcalloc(1, sizeof(**own)) : NULL;
    if (seen != NULL)
        seen->n = 0;
    return seen == NULL ? *own : seen;
}

int deploy_verify(const struct agent_cert *c, unsigned version, struct deploy_view *seen,
                  struct fault *f)
{
    struct deploy_view *own, *view = begin(seen, &own);
    struct fault tidy;
    int rc = verify_all(c, version, view, f);

    free(own);
    if (rc == 0)
        rc = place_set(c, PLACE_GOOD, version, f);
    STEP("deploy-good");
    if (rc == 0 && forget_old(c, version, &tidy) < 0)
        log_fault(LOG_LEVEL_WARN, "deploy.old-not-removed", &tidy, "entry", c->name, NULL);
    return rc;
}

int deploy_rollback(const struct agent_cert *c, struct deploy_view *seen, struct fault *f)
{
    struct deploy_view *own, *view = begin(seen, &own);
    unsigned good = 0;
    int rc = place_get(c, PLACE_GOOD, &good, f);

    if (rc < 0 && f->code == FAULT_NOT_FOUND)
        rc = fault_set(f, FAULT_NOT_FOUND, "deploy.previous", "%.60s has no version to go back to",
                       c->name);
    if (rc == 0)
        rc = deploy_show(c, good, f);
    STEP("deploy-back");
    if (rc == 0)
        rc = deploy_reload(c, f);
    if (rc == 0)
        rc = verify_all(c, good, view, f);
    free(own);
    return rc;
}

void deploy_look(const struct agent_cert *c, unsigned version, struct deploy_view *seen)
{
    uint8_t fingerprint[32] = {0};
    bool known = false;
    struct fault f;

    seen->n = 0;
    fault_clear(&f);
    if (fingerprint_of(c, version, fingerprint, &known, &f) < 0)
        log_fault(LOG_LEVEL_WARN, "deploy.no-certificate", &f, "entry", c->name, NULL);
    for (size_t i = 0; i < c->n_services; i++)
        if (service_look(&c->services[i], known ? fingerprint : NULL, 0, seen, &f) < 0)
            log_fault(LOG_LEVEL_WARN, "deploy.not-looked", &f, "entry", c->name, NULL);
}
