#include <string.h>

#include "agent/deploy/inner.h"
#include "agent/deploy/service.h"
#include "lib/file.h"
#include "lib/pem.h"

/* Two files of one name would be one. */
static int check_files(const struct agent_cert *c, struct fault *f)
{
    size_t n;
    const struct agent_file *files = deploy_files(c, &n);

    for (size_t i = 0; i < n; i++) {
        const char *name = place_name(&files[i]);

        if (name[0] == '\0' || name[0] == '.' || strcmp(name, DEPLOY_IDENTITY) == 0 ||
            strcmp(name, DEPLOY_IDENTITY_URI) == 0)
            return fault_set(f, FAULT_CONFIG, "deploy.path", "%.150s has no name for a file",
                             files[i].path);
        for (size_t k = 0; k < i; k++)
            if (strcmp(name, place_name(&files[k])) == 0)
                return fault_set(f, FAULT_CONFIG, "deploy.path",
                                 "two files of %.60s are called %.60s", c->name, name);
    }
    return 0;
}

int deploy_check(const struct agent_cert *c, struct fault *f)
{
    const struct deploy_recipe *known;
    int rc = check_files(c, f);

    for (size_t i = 0; i < c->n_services && rc == 0; i++)
        rc = service_recipe(&c->services[i], &known, f);
    return rc;
}

int deploy_has(const struct agent_cert *c, unsigned version, struct fault *f)
{
    char path[PATH_MAX];
    int rc = place_version(c, version, path, f);

    if (rc == 0 && !place_exists(path))
        rc = fault_set(f, FAULT_NOT_FOUND, "deploy.version", "%.60s has no version %u", c->name,
                       version);
    return rc;
}

int deploy_current(const struct agent_cert *c, unsigned *version, struct fault *f)
{
    return place_get(c, PLACE_CURRENT, version, f);
}

int deploy_next(const struct agent_cert *c, unsigned *version, struct fault *f)
{
    unsigned highest = 0;
    size_t n;
    int rc = place_versions(c, &highest, 1, &n, f);

    *version = rc < 0 ? 0 : highest + 1;
    return rc;
}

/* The first certificate of a PEM file; 1: it has none. */
static int first_cert(const char *path, struct buf *der, struct fault *f)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct buf pem;
    struct slice text;
    int rc;

    buf_init(&pem, DEPLOY_FILE_MAX);
    rc = file_read(path, DEPLOY_FILE_MAX, &pem, f);
    text = buf_slice(&pem);
    if (rc == 0)
        rc = pem_next(&text, labels, NULL, der, f);
    buf_free(&pem);
    return rc;
}

/* Of what the agent did not write: the first file that shows it. */
static int found_cert(const struct agent_cert *c, const char *folder, struct buf *der,
                      struct fault *f)
{
    size_t n;
    const struct agent_file *files = deploy_files(c, &n);
    char path[PATH_MAX];

    for (size_t i = 0; i < n; i++) {
        enum agent_format format = files[i].format;
        int rc = place_in(folder, place_name(&files[i]), path, f);

        if (format != AGENT_CERT && format != AGENT_FULLCHAIN && format != AGENT_COMBINED)
            continue;
        if (rc == 0 && place_exists(path))
            rc = first_cert(path, der, f);
        else
            rc = rc < 0 ? rc : 1;
        if (rc != 1)
            return rc;
    }
    return fault_set(f, FAULT_NOT_FOUND, "deploy.certificate",
                     "no file of %.60s shows its certificate", c->name);
}

int deploy_leaf(const struct agent_cert *c, unsigned version, struct buf *der, struct fault *f)
{
    char folder[PATH_MAX], identity[PATH_MAX];
    int rc = deploy_has(c, version, f);

    buf_reset(der);
    if (rc == 0)
        rc = place_version(c, version, folder, f);
    if (rc == 0)
        rc = place_in(folder, DEPLOY_IDENTITY, identity, f);
    if (rc < 0)
        return rc;
    if (!place_exists(identity))
        return found_cert(c, folder, der, f);
    rc = first_cert(identity, der, f);
    return rc == 1
               ? fault_set(f, FAULT_MALFORMED, "deploy.certificate", "%.150s has none", identity)
               : rc;
}
