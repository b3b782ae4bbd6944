#include "agent/conf/conf.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/conf/inner.h"
#include "agent/conf/schema.h"
#include "agent/conf/trust.h"
#include "lib/conf.h"
#include "lib/key.h"

#define ENDING ".conf"

/* What is written here is run and decides whom to trust. */
static int check_owner(const char *path, struct fault *f)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return fault_set(f, FAULT_CONFIG, "agent.files", "%.150s: %s", path, strerror(errno));
    if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return fault_set(f, FAULT_CONFIG, "agent.files",
                         "%.150s: others than root and this user could write to it", path);
    return 0;
}

static int read_text(const char *path, struct buf *text, struct fault *f)
{
    int rc = check_owner(path, f);

    return rc == 0 ? conf_read_file(path, text, f) : rc;
}

int agent_conf_parse(const char *path, const char *dir, const struct conf_table *table, void *root,
                     const char *text, struct fault *f)
{
    struct conf_reader r = {.path = path, .dir = dir, .table = table, .root = root};
    int rc;

    config_init(&r.file);
    rc = conf_parse(&r, text, f);
    config_destroy(&r.file);
    return rc;
}

static char *join(const char *dir, const char *name)
{
    struct buf b;
    char *out;

    buf_init(&b, 2 * PATH_MAX);
    buf_printf(&b, "%s/%s", dir, name);
    out = xstrdup(buf_cstr(&b));
    buf_free(&b);
    return out;
}

/* ---- an entry ---- */

static int refuse(const struct agent_cert *c, const char *field, struct fault *f, const char *text)
{
    fault_set(f, FAULT_CONFIG, "conf.missing", "%.120s: %s", c->path, text);
    (void)snprintf(f->field, sizeof(f->field), "%s", field);
    return -FAULT_CONFIG;
}

static int check_ways(const struct agent_cert *c, struct fault *f)
{
    bool certificate = c->cert[0] != '\0', token = c->token_file[0] != '\0';
    bool user = c->user[0] != '\0';

    if (certificate != (c->cert_key[0] != '\0'))
        return refuse(c, "certificate.cert", f, "cert and cert_key belong together");
    if (user != (c->password_file[0] != '\0'))
        return refuse(c, "certificate.user", f, "user and password_file belong together");
    if (token && user)
        return refuse(c, "certificate.user", f, "token_file and user exclude each other");
    if (!certificate && !token && !user && !c->take_over)
        return refuse(c, "certificate.token_file", f,
                      "one of token_file, cert, user and take_over must say how it begins");
    return 0;
}

static int check_file(const struct agent_cert *c, const struct agent_file *file, struct fault *f)
{
    if (file->format == AGENT_PKCS12 && file->password_file[0] == '\0')
        return refuse(c, "files.password_file", f, "files: pkcs12 needs a password_file");
    if (file->order == AGENT_TOP_FIRST && file->format != AGENT_CHAIN)
        return refuse(c, "files.order", f, "files: top-first is an order of chain");
    if (file->order == AGENT_KEY_LAST && file->format != AGENT_COMBINED)
        return refuse(c, "files.order", f, "files: key-last is an order of combined");
    return 0;
}

bool agent_key_in_token(const struct agent_cert *c)
{
    return c->token.module != NULL && c->token.module[0] != '\0';
}

/* Key files and keys in a token exclude each other. */
static int check_key_file(const struct agent_cert *c, const struct agent_file *file,
                          struct fault *f)
{
    bool token = agent_key_in_token(c), uri = file->format == AGENT_KEY_URI;

    if (!token && uri)
        return refuse(c, "files.format", f, "files: key-uri is for a key in a token (section key)");
    if (!uri && file->text != NULL && file->text[0] != '\0')
        return refuse(c, "files.text", f, "files: text belongs to key-uri");
    if (token && (file->format == AGENT_KEY || file->format == AGENT_COMBINED ||
                  file->format == AGENT_PKCS12))
        return refuse(c, "files.format", f,
                      "files: a key in a token is in no file; key-uri says where it is");
    return 0;
}

static int check_token(const struct agent_cert *c, struct fault *f)
{
    bool module = c->token.module[0] != '\0', uri = c->token.uri[0] != '\0';

    if (module != uri || module != (c->token.pin_file[0] != '\0'))
        return refuse(c, "key.token", f, "key: token, module and pin_file belong together");
    if (module && strcmp(c->key_type, "ed25519") == 0)
        return refuse(c, "certificate.key_type", f, "a key in a token is RSA or on a NIST curve");
    if (module && c->n_secrets > 0)
        return refuse(c, "secrets.name", f, "a Secret needs a key that can be copied");
    return 0;
}

static int check_cert(const struct agent_cert *c, struct fault *f)
{
    int rc = 0;

    if (c->url[0] == '\0')
        return refuse(c, "certificate.url", f, "url is missing, here and in agent.conf");
    if (c->n_names == 0 && c->subject[0] == '\0' && !c->take_over)
        return refuse(c, "certificate.names", f, "names are missing");
    if ((c->method == AGENT_EXCHANGE) != (c->folder[0] != '\0'))
        return refuse(c, "certificate.folder", f, "folder belongs to method exchange");
    rc = check_ways(c, f);
    if (rc == 0)
        rc = check_token(c, f);
    for (size_t i = 0; i < c->n_files && rc == 0; i++) {
        rc = check_file(c, &c->files[i], f);
        if (rc == 0)
            rc = check_key_file(c, &c->files[i], f);
    }
    return rc;
}

static void fill(char **to, const char *from)
{
    if ((*to)[0] != '\0')
        return;
    free(*to);
    *to = xstrdup(from);
}

int agent_conf_entry(const struct agent_conf *c, const char *folder, const char *name,
                     struct agent_cert *out, struct fault *f)
{
    char *in = join(c->dir, folder);
    char file[64 + sizeof(ENDING)];
    struct fault why;
    int rc = conf_check_name(name, &why);

    (void)snprintf(file, sizeof(file), "%.64s" ENDING, name);
    out->name = xstrdup(name);
    out->path = join(in, file);
    out->state_dir = join(c->state_dir, name);
    free(in);
    return rc == 0 ? 0
                   : fault_set(f, FAULT_CONFIG, "conf.value", "%.120s: the name of an entry %.100s",
                               out->path, why.text);
}

void agent_conf_digest(const struct agent_conf *c, const char *text, uint8_t out[32])
{
    struct buf all;

    buf_init(&all, CONF_MAX + 4 * PATH_MAX);
    buf_put(&all, text, strlen(text) + 1);
    buf_put(&all, c->url, strlen(c->url) + 1);
    buf_put_str(&all, c->trust);
    sha256(buf_slice(&all), out);
    buf_free(&all);
}

int agent_conf_read_cert(const struct agent_conf *c, const char *name, const char *text,
                         struct agent_cert *out, struct fault *f)
{
    int rc;

    memset(out, 0, sizeof(*out));
    rc = agent_conf_entry(c, AGENT_CERT_FOLDER, name, out, f);
    if (rc == 0)
        rc = agent_conf_parse(out->path, c->dir, &entry_table, out, text, f);
    if (rc == 0) {
        agent_conf_digest(c, text, out->digest);
        fill(&out->url, c->url);
        fill(&out->trust, c->trust);
        fill(&out->chain_trust, out->trust);
        fill(&out->key_label, out->name);
        rc = check_cert(out, f);
    }
    if (rc != 0)
        agent_cert_free(out);
    return rc;
}

void agent_cert_free(struct agent_cert *c)
{
    conf_clear(&entry_table, c);
    free(c->name);
    free(c->path);
    free(c->state_dir);
    memset(c, 0, sizeof(*c));
}

/* ---- all of them ---- */

static int is_entry(const struct dirent *e)
{
    size_t n = strlen(e->d_name), ending = strlen(ENDING);

    return n > ending && e->d_name[0] != '.' && strcmp(e->d_name + n - ending, ENDING) == 0;
}

static void add_bad(struct agent_conf *c, const char *name, const struct fault *why)
{
    struct agent_bad *b = &c->bad[c->n_bad++];

    b->name = xstrdup(name);
    b->why = *why;
}

static int add_cert(struct agent_conf *c, const char *name, const char *text, struct fault *f)
{
    int rc = agent_conf_read_cert(c, name, text, &c->certs[c->n_certs], f);

    c->n_certs += rc == 0;
    return rc;
}

/* Both kinds have their state in folders of one place. */
static int add_trust(struct agent_conf *c, const char *name, const char *text, struct fault *f)
{
    int rc = agent_conf_cert(c, name) == NULL
                 ? agent_conf_read_trust(c, name, text, &c->trusts[c->n_trusts], f)
                 : fault_set(f, FAULT_CONFIG, "conf.duplicate",
                             "%.60s is a certificate's name in conf.d", name);

    c->n_trusts += rc == 0;
    return rc;
}

struct kind {
    const char *folder;
    int (*add)(struct agent_conf *c, const char *name, const char *text, struct fault *f);
};

static void add_entry(struct agent_conf *c, const struct kind *kind, const char *folder,
                      const char *file)
{
    char *path = join(folder, file), *name = xstrdup(file);
    struct buf text = {0};
    struct fault f = {0};
    int rc;

    name[strlen(name) - strlen(ENDING)] = '\0';
    rc = read_text(path, &text, &f);
    if (rc == 0) {
        rc = kind->add(c, name, buf_cstr(&text), &f);
        buf_free(&text);
    }
    if (rc != 0)
        add_bad(c, name, &f);
    free(name);
    free(path);
}

static void make_room(struct agent_conf *c, size_t n)
{
    c->bad = xreallocarray(c->bad, c->n_bad + n, sizeof(*c->bad));
    if (c->certs == NULL)
        c->certs = xcalloc(n, sizeof(*c->certs));
    else
        c->trusts = xcalloc(n, sizeof(*c->trusts));
}

static int read_entries(struct agent_conf *c, const struct kind *kind, struct fault *f)
{
    char *folder = join(c->dir, kind->folder);
    struct dirent **list = NULL;
    int n = scandir(folder, &list, is_entry, alphasort);
    int rc = n < 0 && errno != ENOENT
                 ? fault_set(f, FAULT_CONFIG, "agent.files", "%.150s: %s", folder, strerror(errno))
                 : 0;

    if (rc == 0 && n >= 0)
        rc = check_owner(folder, f);
    if (rc == 0 && n > AGENT_ENTRIES_MAX)
        rc = fault_set(f, FAULT_CONFIG, "conf.value", "%.150s: more than %d entries", folder,
                       AGENT_ENTRIES_MAX);
    make_room(c, n > 0 ? (size_t)n : 1);
    for (int i = 0; i < n; i++) {
        if (rc == 0)
            add_entry(c, kind, folder, list[i]->d_name);
        free(list[i]);
    }
    free(list);
    free(folder);
    return rc;
}

static int read_all_entries(struct agent_conf *c, struct fault *f)
{
    static const struct kind certs = {AGENT_CERT_FOLDER, add_cert};
    static const struct kind trusts = {AGENT_TRUST_FOLDER, add_trust};
    int rc = read_entries(c, &certs, f);

    return rc == 0 ? read_entries(c, &trusts, f) : rc;
}

static int read_agent(struct agent_conf *c, struct fault *f)
{
    char *path = join(c->dir, "agent.conf");
    struct buf text = {0};
    int rc;

    if (access(path, F_OK) != 0) {
        rc = agent_conf_parse(path, c->dir, &agent_table, c, "", f);
    } else {
        rc = read_text(path, &text, f);
        if (rc == 0) {
            rc = agent_conf_parse(path, c->dir, &agent_table, c, buf_cstr(&text), f);
            buf_free(&text);
        }
    }
    free(path);
    return rc;
}

int agent_conf_load(const char *dir, const char *state_dir, struct agent_conf **out,
                    struct fault *f)
{
    struct agent_conf *c = xcalloc(1, sizeof(*c));
    char full[PATH_MAX];
    int rc = 0;

    *out = NULL;
    if (realpath(dir, full) == NULL)
        rc = fault_set(f, FAULT_CONFIG, "agent.files", "%.150s: %s", dir, strerror(errno));
    if (rc == 0)
        c->dir = xstrdup(full);
    if (rc == 0)
        rc = check_owner(full, f);
    if (rc == 0)
        rc = read_agent(c, f);
    if (rc == 0 && state_dir != NULL) {
        free(c->state_dir);
        c->state_dir = xstrdup(state_dir);
    }
    if (rc == 0)
        rc = read_all_entries(c, f);
    if (rc == 0)
        agent_conf_paths(c);
    if (rc == 0)
        *out = c;
    else
        agent_conf_free(c);
    return rc;
}

void agent_conf_free(struct agent_conf *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n_certs; i++)
        agent_cert_free(&c->certs[i]);
    for (size_t i = 0; i < c->n_trusts; i++)
        agent_trust_free(&c->trusts[i]);
    for (size_t i = 0; i < c->n_bad; i++)
        free(c->bad[i].name);
    free(c->certs);
    free(c->trusts);
    free(c->bad);
    conf_clear(&agent_table, c);
    free(c->dir);
    free(c);
}

const struct agent_cert *agent_conf_cert(const struct agent_conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_certs; i++)
        if (strcmp(c->certs[i].name, name) == 0)
            return &c->certs[i];
    return NULL;
}

/* ---- shown ---- */

void agent_conf_example(bool entry, struct buf *out)
{
    static const char agent_head[] =
        "# /etc/cerca-agent/agent.conf: configuration of cerca-agent, with every key there is.\n"
        "# Certificates are files of their own in conf.d beside it. Keys that are commented out\n"
        "# have the default shown. After a change: cerca-agent check\n";
    static const char entry_head[] =
        "# /etc/cerca-agent/conf.d/NAME.conf: a certificate that cerca-agent keeps, with every "
        "key\n"
        "# there is. Keys that are commented out have the default shown.\n";

    conf_put_example(entry ? &entry_table : &agent_table, entry ? entry_head : agent_head, out);
}

void agent_conf_manual(bool entry, struct buf *out)
{
    conf_put_manual(entry ? &entry_table : &agent_table, out);
}
