#include "agent/identity.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "agent/deploy/deploy.h"
#include "agent/deploy/place.h"
#include "lib/file.h"
#include "lib/p11uri.h"

/* A configured file of the version that has such a thing in it. */
static bool find_file(const struct agent_cert *c, const char *folder, bool key, struct buf *out)
{
    for (size_t i = 0; i < c->n_files; i++) {
        enum agent_format format = c->files[i].format;

        if (format != AGENT_COMBINED &&
            (key ? format != AGENT_KEY : format != AGENT_FULLCHAIN && format != AGENT_CERT))
            continue;
        buf_reset(out);
        buf_printf(out, "%s/%s", folder, place_name(&c->files[i]));
        if (access(buf_cstr(out), R_OK) == 0)
            return true;
    }
    return false;
}

int identity_uri(const struct agent_cert *c, unsigned version, struct buf *uri, struct fault *f)
{
    char folder[PATH_MAX], path[PATH_MAX];
    int rc = place_version(c, version, folder, f);

    if (rc == 0)
        rc = place_in(folder, DEPLOY_IDENTITY_URI, path, f);
    if (rc != 0 || access(path, F_OK) != 0)
        return rc != 0 ? rc : 1;
    return file_read(path, P11URI_MAX, uri, f);
}

static int in_folder(const struct agent_cert *c, const char *folder, struct identity *out,
                     struct fault *f)
{
    buf_printf(&out->cert, "%s/" DEPLOY_IDENTITY, folder);
    if (access(buf_cstr(&out->cert), R_OK) == 0) {
        if (out->uri.n == 0)
            buf_printf(&out->key, "%s/" DEPLOY_IDENTITY, folder);
        return 0;
    }
    buf_reset(&out->cert);
    if (find_file(c, folder, false, &out->cert) && find_file(c, folder, true, &out->key))
        return 0;
    return fault_set(f, FAULT_NOT_FOUND, "agent.begin",
                     "the files of %s hold no key and certificate as PEM", c->name);
}

int identity_find(const struct agent_cert *c, struct identity *out, struct fault *f)
{
    char folder[PATH_MAX];
    unsigned version = 0;
    int rc = deploy_current(c, &version, f);

    buf_init(&out->cert, PATH_MAX);
    buf_init(&out->key, PATH_MAX);
    buf_init(&out->uri, P11URI_MAX);
    if (rc == 0)
        rc = place_version(c, version, folder, f);
    if (rc == 0)
        rc = identity_uri(c, version, &out->uri, f);
    if (rc == 0 && !agent_key_in_token(c))
        rc = fault_set(f, FAULT_NOT_FOUND, "agent.begin",
                       "the key of %s is in a token that its file does not name any more", c->name);
    return rc < 0 ? rc : in_folder(c, folder, out, f);
}

void identity_free(struct identity *i)
{
    buf_free(&i->cert);
    buf_free(&i->key);
    buf_free(&i->uri);
}
