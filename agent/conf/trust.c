#include "agent/conf/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/conf/inner.h"
#include "agent/conf/schema.h"

static int refuse(const struct agent_trust *t, const char *field, struct fault *f, const char *text)
{
    fault_set(f, FAULT_CONFIG, "conf.missing", "%.120s: %s", t->as.path, text);
    (void)snprintf(f->field, sizeof(f->field), "%s", field);
    return -FAULT_CONFIG;
}

static const struct trust_source *find(const struct agent_trust *t, const char *name)
{
    for (size_t i = 0; i < t->n_sources; i++)
        if (strcmp(t->sources[i].name, name) == 0)
            return &t->sources[i];
    return NULL;
}

static int check_list(const struct agent_trust *t, const struct trust_file *l, struct fault *f)
{
    const struct trust_source *first = l->n_sources > 0 ? find(t, l->sources[0]) : t->sources;
    size_t n = l->n_sources > 0 ? l->n_sources : t->n_sources;

    for (size_t i = 0; i < l->n_sources; i++)
        if (find(t, l->sources[i]) == NULL)
            return refuse(t, "files.sources", f, "files: names a source that is not there");
    if (l->form == TRUST_DER && (n != 1 || first->kind != TRUST_CRL))
        return refuse(t, "files.form", f, "files: der is of one CRL");
    for (size_t i = 0; i < n && l->form == TRUST_SERIALS; i++)
        if ((l->n_sources > 0 ? find(t, l->sources[i]) : &t->sources[i])->kind != TRUST_CRL)
            return refuse(t, "files.form", f, "files: serials is of CRLs");
    return 0;
}

static int check(const struct agent_trust *t, struct fault *f)
{
    int rc = 0;

    if (t->n_sources == 0)
        return refuse(t, "sources", f, "no sources");
    if (t->n_lists == 0)
        return refuse(t, "files", f, "no files");
    for (size_t i = 0; i < t->n_lists && rc == 0; i++)
        rc = check_list(t, &t->lists[i], f);
    return rc;
}

static void complete(struct agent_trust *t, const char *trust)
{
    t->as.files = xcalloc(t->n_lists, sizeof(*t->as.files));
    t->as.n_files = t->n_lists;
    for (size_t i = 0; i < t->n_lists; i++)
        t->as.files[i] = (struct agent_file){.path = t->lists[i].path,
                                             .format = AGENT_CA,
                                             .owner = t->lists[i].owner,
                                             .group = t->lists[i].group,
                                             .mode = t->lists[i].mode};
    for (size_t i = 0; i < t->n_sources; i++) {
        if (t->sources[i].trust[0] != '\0')
            continue;
        free(t->sources[i].trust);
        t->sources[i].trust = xstrdup(trust);
    }
}

int agent_conf_read_trust(const struct agent_conf *c, const char *name, const char *text,
                          struct agent_trust *out, struct fault *f)
{
    int rc;

    memset(out, 0, sizeof(*out));
    rc = agent_conf_entry(c, AGENT_TRUST_FOLDER, name, &out->as, f);
    if (rc == 0)
        rc = agent_conf_parse(out->as.path, c->dir, &trust_table, out, text, f);
    if (rc == 0)
        rc = check(out, f);
    if (rc == 0) {
        agent_conf_digest(c, text, out->as.digest);
        complete(out, c->trust);
    } else {
        agent_trust_free(out);
    }
    return rc;
}

void agent_trust_free(struct agent_trust *t)
{
    free(t->as.files); /* what it points to is of `lists` */
    t->as.files = NULL;
    t->as.n_files = 0;
    conf_clear(&trust_table, t);
    free(t->as.name);
    free(t->as.path);
    free(t->as.state_dir);
    memset(t, 0, sizeof(*t));
}

void agent_trust_example(struct buf *out)
{
    conf_put_example(&trust_table,
                     "# /etc/cerca-agent/trust.d/NAME.conf: CRLs and CA certificates that "
                     "cerca-agent keeps fresh,\n# with every key there is. Keys that are commented "
                     "out have the default shown.\n",
                     out);
}

void agent_trust_manual(struct buf *out)
{
    conf_put_manual(&trust_table, out);
}
