/* Secrets of Kubernetes have what the visible version has. */
#include <string.h>

#include "agent/deploy/inner.h"
#include "agent/deploy/kube.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/pem.h"
#include "lib/step.h"

struct pair {
    struct buf key, chain; /* PEM */
};

static void free_pair(struct pair *p)
{
    buf_free(&p->key);
    buf_free(&p->chain);
}

static int split(struct slice text, struct pair *p, struct fault *f)
{
    static const char *const labels[] = {"PRIVATE KEY", "CERTIFICATE", NULL};
    struct buf der;
    size_t label = 0;
    int rc;

    buf_init(&der, DEPLOY_FILE_MAX);
    while ((rc = pem_next(&text, labels, &label, &der, f)) == 0) {
        pem_put(label == 0 ? &p->key : &p->chain, labels[label], buf_slice(&der));
        buf_reset(&der);
    }
    buf_free(&der);
    if (rc == 1 && (p->key.n == 0 || p->chain.n == 0))
        return fault_set(f, FAULT_CONFIG, "deploy.key",
                         "a Secret wants a key, which lies in no file");
    return rc < 0 ? rc : 0;
}

/* 1: the version is not ours: it was taken over. */
static int pair_of(const struct agent_cert *c, unsigned version, struct pair *p, struct fault *f)
{
    char folder[PATH_MAX], path[PATH_MAX];
    struct buf text = {0};
    int rc = place_version(c, version, folder, f);

    buf_init(&p->key, DEPLOY_FILE_MAX);
    buf_init(&p->chain, DEPLOY_FILE_MAX);
    if (rc == 0)
        rc = place_in(folder, DEPLOY_IDENTITY, path, f);
    if (rc == 0 && !place_exists(path))
        return 1;
    if (rc == 0)
        rc = file_read(path, DEPLOY_FILE_MAX, &text, f);
    if (rc == 0)
        rc = split(buf_slice(&text), p, f);
    buf_free(&text);
    return rc;
}

int secrets_put(const struct agent_cert *c, struct fault *f)
{
    struct pair p = {{0}, {0}};
    unsigned version = 0;
    int rc = c->n_secrets == 0 ? 1 : place_get(c, PLACE_CURRENT, &version, f);

    if (rc == 0)
        rc = pair_of(c, version, &p, f);
    for (size_t i = 0; i < c->n_secrets && rc == 0; i++) {
        rc = kube_put(&c->secrets[i], buf_slice(&p.key), buf_slice(&p.chain), f);
        STEP("deploy-secret");
    }
    free_pair(&p);
    if (rc == 1 && c->n_secrets > 0)
        log_warn("deploy.secrets-left", "entry", c->name, "why", "the version was taken over",
                 NULL);
    return rc < 0 ? rc : 0;
}

int secrets_verify(const struct agent_cert *c, unsigned version, struct fault *f)
{
    struct pair p = {{0}, {0}};
    int rc = c->n_secrets == 0 ? 1 : pair_of(c, version, &p, f);

    for (size_t i = 0; i < c->n_secrets && rc == 0; i++)
        rc = kube_verify(&c->secrets[i], buf_slice(&p.key), buf_slice(&p.chain), f);
    free_pair(&p);
    return rc < 0 ? rc : 0;
}
