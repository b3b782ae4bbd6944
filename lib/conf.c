#include "lib/conf_schema.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/utf8.h"

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)

/* Paths are shown, logged and become part of values, as text. */
static bool is_text(const char *path)
{
    for (const char *p = path; *p != '\0'; p++)
        if ((uint8_t)*p < 0x20 || *p == 0x7f)
            return false;
    return utf8_valid(slice_str(path));
}

/* Fills path and dir. An absolute path is taken as it is, since a jailed
 * process that reads the sealed text may not be able to look at folders. */
static int set_path(struct conf *c, const char *path, bool resolve, struct fault *f)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    char folder[PATH_MAX] = ".", full[PATH_MAX];
    struct buf whole;

    if (strlen(path) >= PATH_MAX || base[0] == '\0')
        return fault_set(f, FAULT_CONFIG, "conf.path", "\"%.100s\" is not the path of a file",
                         path);
    if (slash != NULL)
        snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path), path);
    if ((resolve || path[0] != '/') && realpath(folder, full) == NULL)
        return file_refused(f, "conf.path", folder);
    c->dir = xstrdup(resolve || path[0] != '/' ? full : folder);
    buf_init(&whole, 2 * PATH_MAX);
    buf_printf(&whole, "%s%s%s", c->dir, strcmp(c->dir, "/") == 0 ? "" : "/", base);
    c->path = xstrdup(buf_cstr(&whole));
    buf_free(&whole);
    if (!is_text(c->path))
        return fault_set(f, FAULT_CONFIG, "conf.path",
                         "the path of the configuration is not UTF-8 without control characters");
    return 0;
}

static int read_text(const char *text, const char *shown, struct conf *c, bool check,
                     struct fault *f)
{
    struct conf_reader r = {
        .path = shown, .dir = c->dir, .table = &conf_table, .root = c, .conf = c};
    int rc;

    config_init(&r.file);
    rc = conf_parse(&r, text, f);
    if (rc == 0 && check) {
        conf_follow_successors(c);
        conf_drop_builtin(&r);
        conf_fit_profiles(&r);
        rc = conf_cross_check(&r, f);
    }
    config_destroy(&r.file);
    return rc;
}

struct conf *conf_builtin(void)
{
    struct conf *c = xcalloc(1, sizeof(*c));
    struct fault f;

    c->dir = xstrdup("/");
    if (read_text(conf_builtin_profiles, "built-in profiles", c, false, &f) < 0)
        out_of_memory(); /* our own text, which a test reads */
    return c;
}

static int load(const char *text, const char *path, bool resolve, struct conf **out,
                struct fault *f)
{
    struct conf *c = xcalloc(1, sizeof(*c));
    int rc = set_path(c, path, resolve, f);

    *out = NULL;
    if (rc < 0)
        goto out;
    c->text = xstrdup(text);
    sha256(slice_str(text), c->generation);
    rc = read_text(conf_builtin_profiles, "built-in profiles", c, false, f);
    if (rc == 0)
        rc = read_text(text, path, c, true, f);
out:
    if (rc < 0)
        conf_free(c);
    else
        *out = c;
    return rc;
}

int conf_load_text(const char *text, const char *path, struct conf **out, struct fault *f)
{
    *out = NULL;
    if (strnlen(text, CONF_MAX + 1) > CONF_MAX)
        return fault_set(f, FAULT_CONFIG, "conf.size", "%.150s:1: over %d octets", path, CONF_MAX);
    return load(text, path, false, out, f);
}

/* A NUL would hide what follows it from everything that reads C strings. */
static int check_nul(struct buf *text, const char *path, struct fault *f)
{
    struct conf_reader r = {.path = path};
    struct fault why;
    unsigned line;

    if (strlen(buf_cstr(text)) == text->n)
        return 0;
    if (conf_scan(buf_slice(text), &line, &why) < 0)
        return conf_refuse(&r, line, why.rule, "", f, "%s", why.text);
    return 0;
}

int conf_read_file(const char *path, struct buf *text, struct fault *f)
{
    int rc;

    buf_init(text, CONF_MAX + 1);
    rc = file_read(path, CONF_MAX, text, f);
    if (rc == 0)
        rc = check_nul(text, path, f);
    if (rc < 0)
        buf_free(text);
    return rc;
}

int conf_load(const char *path, struct conf **out, struct fault *f)
{
    struct buf text;
    int rc = conf_read_file(path, &text, f);

    *out = NULL;
    if (rc < 0)
        return rc;
    rc = load(buf_cstr(&text), path, true, out, f);
    buf_free(&text);
    return rc;
}

/* The offset is shared with every process that has the descriptor: pread(2). */
static int read_sealed(int fd, struct buf *text, struct fault *f)
{
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0 || (seals & SEALS) != SEALS)
        return fault_set(f, FAULT_CONFIG, "conf.seal", "the configuration handed on is not sealed");
    for (;;) {
        uint8_t chunk[8192];
        ssize_t n = pread(fd, chunk, sizeof(chunk), (off_t)text->n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault_set(f, FAULT_INTERNAL, "conf.read", "%s", strerror(errno));
        if (n == 0)
            return 0;
        buf_put(text, chunk, (size_t)n);
        if (buf_failed(text) || text->n > CONF_MAX)
            return fault_set(f, FAULT_CONFIG, "conf.size", "over %d octets", CONF_MAX);
    }
}

int conf_load_fd(int fd, const char *path, struct conf **out, struct fault *f)
{
    struct buf text;
    int rc;

    *out = NULL;
    buf_init(&text, CONF_MAX + 1);
    rc = read_sealed(fd, &text, f);
    if (rc == 0)
        rc = check_nul(&text, path, f);
    if (rc == 0)
        rc = load(buf_cstr(&text), path, false, out, f);
    buf_free(&text);
    return rc;
}

static int write_all(int fd, struct slice s)
{
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        s = slice_of(s.p + n, s.n - (size_t)n);
    }
    return 0;
}

int conf_seal(const char *path, int *out, struct fault *f)
{
    struct buf text;
    int fd, rc = conf_read_file(path, &text, f);

    *out = -1;
    if (rc < 0)
        return rc;
    fd = memfd_create("cerca.conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || write_all(fd, buf_slice(&text)) < 0 ||
        fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) < 0) {
        rc = fault_set(f, FAULT_INTERNAL, "conf.seal", "memfd: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
    } else {
        *out = fd;
    }
    buf_free(&text);
    return rc;
}

void conf_free(struct conf *c)
{
    if (c == NULL)
        return;
    conf_clear(&conf_table, c);
    free(c->path);
    free(c->profile_off);
    free(c->text);
    free(c->dir);
    free(c);
}

const struct conf_token *conf_token(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_tokens; i++)
        if (strcmp(c->tokens[i].name, name) == 0)
            return &c->tokens[i];
    return NULL;
}

const struct conf_token *conf_audit_token(const struct conf *c)
{
    if (c->audit_token[0] == '\0')
        return c->n_tokens > 0 ? &c->tokens[0] : NULL;
    return conf_token(c, c->audit_token);
}

const struct conf_issuer *conf_issuer(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_issuers; i++)
        if (strcmp(c->issuers[i].name, name) == 0)
            return &c->issuers[i];
    return NULL;
}

const struct conf_issuer *conf_successor(const struct conf *c, const struct conf_issuer *i)
{
    for (size_t n = 0; n < c->n_issuers; n++)
        if (strcmp(c->issuers[n].replaces, i->name) == 0)
            return &c->issuers[n];
    return NULL;
}

const struct conf_profile *conf_profile(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_profiles; i++)
        if (strcmp(c->profiles[i].name, name) == 0)
            return &c->profiles[i];
    return NULL;
}

bool conf_profile_is_off(const struct conf *c, const char *name)
{
    return c->profile_off != NULL && strcmp(name, CONF_CA_PROFILE) == 0;
}

const struct conf_operator *conf_operator(const struct conf *c, uid_t uid)
{
    for (size_t i = 0; i < c->n_operators; i++)
        if (c->operators[i].uid == uid)
            return &c->operators[i];
    return NULL;
}

const char *conf_requester_limit(const struct conf *c, const char *requester)
{
    const char *prefix = "operator:";
    size_t n = strlen(prefix);

    for (size_t i = 0; strncmp(requester, prefix, n) == 0 && i < c->n_operators; i++)
        if (strcmp(c->operators[i].name, requester + n) == 0 && c->operators[i].limit[0] != '\0')
            return c->operators[i].limit;
    return c->requester_limit;
}

const char *conf_role_name(enum conf_role r)
{
    switch (r) {
    case ROLE_AUDITOR:
        return "auditor";
    case ROLE_OPERATOR:
        return "operator";
    case ROLE_ADMIN:
        return "admin";
    case ROLE_NONE:
        break;
    }
    return "none";
}

void conf_admin_socket(const struct conf *c, struct buf *out)
{
    buf_printf(out, "%s/admin.sock", c->sock_dir);
}

void conf_delegate_socket(const struct conf *c, struct buf *out)
{
    buf_printf(out, "%s/public.sock", c->sock_dir);
}

void conf_enroll_socket(const struct conf *c, struct buf *out)
{
    buf_printf(out, "%s/enroll.sock", c->sock_dir);
}

void conf_metrics_socket(const struct conf *c, struct buf *out)
{
    buf_printf(out, "%s/metrics.sock", c->sock_dir);
}

void conf_watch_socket(const struct conf *c, struct buf *out)
{
    buf_printf(out, "%s/watch.sock", c->sock_dir);
}

void conf_scan_socket(const struct conf *c, struct buf *out)
{
    buf_printf(out, "%s/scan.sock", c->sock_dir);
}

void conf_signer_socket(const struct conf *c, const char *token, struct buf *out)
{
    buf_printf(out, "%s/signer-%s.sock", c->sock_dir, token);
}
