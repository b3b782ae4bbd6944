#include "ca/supervise/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ca/supervise/environment.h"
#include "lib/conn.h"
#include "lib/httpd.h"
#include "lib/log.h"

#define LEFTOVER_TRIES 100
#define LEFTOVER_WAIT_NS 20000000

static struct program_socket *add_socket(struct program *p, const char *option)
{
    struct program_socket *s = &p->socket[p->n_sockets++];
    *s = (struct program_socket){.option = option, .mode = 0600, .fd = -1};
    return s;
}

/* One that only `user` may connect to; those of cercad itself need no change. */
static void give_to(struct program_socket *s, bool has_user, uid_t user)
{
    s->has_owner = has_user && user != geteuid();
    s->owner = user;
}

static struct program new_program(const char *name, const char *token)
{
    return (struct program){.name = name, .token = xstrdup(token), .pin_fd = -1};
}

static char *text_of(struct buf *b)
{
    char *s = xstrdup(buf_cstr(b));
    buf_free(b);
    return s;
}

/* Without a passwd entry the group is the user's number. Only root can change users. */
static void set_user(struct program *p, bool has_user, uid_t user)
{
    p->has_user = has_user && user != geteuid();
    p->user = user;
    p->group = (gid_t)user;
    char room[4096];
    struct passwd pw, *found = NULL;
    if (p->has_user && getpwuid_r(user, &pw, room, sizeof room, &found) == 0 && found)
        p->group = pw.pw_gid;
}

static int pin_number(const struct conf_token *t, int *out, struct fault *f)
{
    *out = -1;
    if (*t->pin_fd == '\0')
        return 0;
    char *end;
    errno = 0;
    long n = strtol(t->pin_fd, &end, 10);
    if (errno != 0 || *end != '\0' || n < 0 || n > 255 || n == 1 || n == 2)
        return fault_set(f, FAULT_CONFIG, "token.pin_fd",
                         "token %s: a PIN's descriptor is 0 or 3 to 255", t->name);
    *out = (int)n;
    return 0;
}

static int plan_signer(const struct conf *c, const struct conf_token *t, struct program *out,
                       struct fault *f)
{
    struct buf b;
    buf_init(&b, 4096);
    *out = new_program("cerca-signer", t->name);
    struct program_socket *s = add_socket(out, "--listen-fd");
    conf_signer_socket(c, t->name, &b);
    s->path = text_of(&b);
    give_to(s, c->has_ca_user, c->ca_user);
    out->environment = environment_for(t);
    set_user(out, t->has_user, t->user);
    return pin_number(t, &out->pin_fd, f);
}

static void set_address(struct program_socket *s, const char *address, uint16_t port)
{
    struct buf b;
    buf_init(&b, 128);
    s->address = address;
    s->port = port;
    buf_printf(&b, "%s:%u", address, port);
    s->path = text_of(&b);
}

static void plan_public(const struct conf *c, struct program *out)
{
    *out = new_program("cerca-public", "");
    struct program_socket *s = add_socket(out, "--listen-fd");
    out->memory = MEMORY_OCSP;
    set_address(s, c->http_listen, c->http_port);
    out->environment = environment_for(NULL);
    set_user(out, c->has_http_user, c->http_user);
}

static void plan_enroll(const struct conf *c, struct program *out)
{
    *out = new_program("cerca-enroll", "");
    out->memory = MEMORY_TLS;
    set_address(add_socket(out, "--listen-fd"), c->https_listen, c->https_port);
    out->environment = environment_for(NULL);
    set_user(out, c->has_https_user, c->https_user);
}

static void plan_admin(const struct conf *c, struct program *out)
{
    *out = new_program("cerca-admin", "");
    set_address(add_socket(out, "--listen-fd"), c->metrics_listen, c->metrics_port);
    out->environment = environment_for(NULL);
    set_user(out, c->has_metrics_user, c->metrics_user);
}

static void plan_watch(const struct conf *c, struct program *out)
{
    *out = new_program("cerca-watch", "");
    out->environment = environment_for(NULL);
    set_user(out, c->has_watch_user, c->watch_user);
}

static void plan_scan(const struct conf *c, struct program *out)
{
    *out = new_program("cerca-scan", "");
    out->environment = environment_for(NULL);
    set_user(out, c->has_scan_user, c->scan_user);
}

/* cerca-ca decides by uid who may do what; the file's mode only keeps out those who
 * could not be anybody: everyone else, when every operator is ourselves. */
static unsigned admin_mode(const struct conf *c)
{
    for (size_t i = 0; i < c->n_operators; i++)
        if (c->operators[i].uid != geteuid())
            return 0666;
    return c->has_ca_user ? 0666 : 0600;
}

static void plan_ca(const struct conf *c, struct program *out)
{
    struct buf b;
    buf_init(&b, 4096);
    *out = new_program("cerca-ca", "");
    struct program_socket *s = add_socket(out, "--listen-fd");
    conf_admin_socket(c, &b);
    s->path = text_of(&b);
    s->mode = admin_mode(c);
    if (*c->http_listen != '\0') {
        s = add_socket(out, "--delegate-fd");
        buf_init(&b, 4096);
        conf_delegate_socket(c, &b);
        s->path = text_of(&b);
        give_to(s, c->has_http_user, c->http_user);
    }
    if (conf_enrolls(c)) {
        s = add_socket(out, "--enroll-fd");
        buf_init(&b, 4096);
        conf_enroll_socket(c, &b);
        s->path = text_of(&b);
        give_to(s, c->has_https_user, c->https_user);
    }
    if (*c->metrics_listen != '\0') {
        s = add_socket(out, "--metrics-fd");
        buf_init(&b, 4096);
        conf_metrics_socket(c, &b);
        s->path = text_of(&b);
        give_to(s, c->has_metrics_user, c->metrics_user);
    }
    if (c->n_channels > 0) {
        s = add_socket(out, "--watch-fd");
        buf_init(&b, 4096);
        conf_watch_socket(c, &b);
        s->path = text_of(&b);
        give_to(s, c->has_watch_user, c->watch_user);
    }
    if (c->n_scans > 0) {
        s = add_socket(out, "--scan-fd");
        buf_init(&b, 4096);
        conf_scan_socket(c, &b);
        s->path = text_of(&b);
        give_to(s, c->has_scan_user, c->scan_user);
    }
    out->environment = environment_for(NULL);
    set_user(out, c->has_ca_user, c->ca_user);
}

int programs_plan(const struct conf *c, struct programs *out, struct fault *f)
{
    *out = (struct programs){.at = xcalloc(c->n_tokens + 6, sizeof *out->at)};
    int r = 0;
    for (size_t i = 0; i < c->n_tokens && r == 0; i++)
        r = plan_signer(c, &c->tokens[i], &out->at[out->n++], f);
    if (r == 0 && *c->http_listen != '\0')
        plan_public(c, &out->at[out->n++]);
    if (r == 0 && conf_enrolls(c))
        plan_enroll(c, &out->at[out->n++]);
    if (r == 0 && *c->metrics_listen != '\0')
        plan_admin(c, &out->at[out->n++]);
    if (r == 0 && c->n_channels > 0)
        plan_watch(c, &out->at[out->n++]);
    if (r == 0 && c->n_scans > 0)
        plan_scan(c, &out->at[out->n++]);
    if (r == 0)
        plan_ca(c, &out->at[out->n++]);
    for (size_t i = 0; i < out->n && r == 0; i++)
        if (out->at[i].has_user && geteuid() != 0)
            r = fault_set(f, FAULT_CONFIG, "user", "%s %s: only root can start it as uid %u",
                          out->at[i].name, out->at[i].token, out->at[i].user);
    if (r != 0)
        programs_free(out, NULL);
    return r;
}

static const struct program_socket *with_socket(const struct programs *p, const char *path)
{
    for (size_t i = 0; p && i < p->n; i++)
        for (size_t k = 0; k < p->at[i].n_sockets; k++)
            if (strcmp(p->at[i].socket[k].path, path) == 0)
                return &p->at[i].socket[k];
    return NULL;
}

/* Programs of a cercad that was killed end with it, but not in the same instant; we
 * hold the lock, so whoever still listens is one of them. */
static int listen_soon(const char *path, unsigned mode, struct fault *f)
{
    int r = -FAULT_CONFLICT;
    for (int i = 0; i < LEFTOVER_TRIES && r == -FAULT_CONFLICT; i++) {
        if (i > 0)
            (void)nanosleep(&(struct timespec){.tv_nsec = LEFTOVER_WAIT_NS}, NULL);
        r = listen_unix(path, mode, f);
    }
    return r;
}

static int take_over(struct program_socket *s, const struct program_socket *from, struct fault *f)
{
    s->fd = fcntl(from->fd, F_DUPFD_CLOEXEC, 0);
    if (s->fd < 0 || (s->port == 0 && chmod(s->path, s->mode) != 0))
        return fault_set(f, FAULT_INTERNAL, "socket.listen", "%s: %s", s->path, strerror(errno));
    return 0;
}

static int make_socket(struct program_socket *s, struct fault *f)
{
    int fd = s->port != 0 ? listen_tcp(s->address, s->port, f) : listen_soon(s->path, s->mode, f);
    if (fd < 0)
        return fd;
    s->fd = fd;
    if (s->has_owner && chown(s->path, s->owner, (gid_t)-1) != 0)
        return fault_set(f, FAULT_INTERNAL, "socket.owner", "%s: %s", s->path, strerror(errno));
    return 0;
}

static int get_socket(struct program_socket *s, const struct programs *current, struct fault *f)
{
    const struct program_socket *same = with_socket(current, s->path);
    if (same && same->fd >= 0)
        return take_over(s, same, f);
    int r = make_socket(s, f);
    if (r != -FAULT_CONFLICT || s->port == 0 || (current && !same))
        return r;
    log_fault(LOG_LEVEL_ERROR, "port.unavailable", f, NULL);
    return 0;
}

int programs_listen(struct programs *p, const struct programs *current, struct fault *f)
{
    int r = 0;
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < p->at[i].n_sockets && r == 0; k++)
            r = get_socket(&p->at[i].socket[k], current, f);
    return r;
}

int program_listen(struct program *p, struct fault *f)
{
    int r = 0;
    for (size_t k = 0; k < p->n_sockets && r == 0; k++)
        if (p->socket[k].fd < 0)
            r = make_socket(&p->socket[k], f);
    return r;
}

static void free_socket(struct program_socket *s, const struct programs *others)
{
    if (s->fd >= 0)
        close(s->fd);
    if (s->fd >= 0 && s->port == 0 && !with_socket(others, s->path))
        (void)unlink(s->path);
    free(s->path);
}

void programs_free(struct programs *p, const struct programs *others)
{
    for (size_t i = 0; i < p->n; i++) {
        struct program *x = &p->at[i];
        for (size_t k = 0; k < x->n_sockets; k++)
            free_socket(&x->socket[k], others);
        free(x->token);
        environment_free(x->environment);
    }
    free(p->at);
    *p = (struct programs){0};
}
