#include "tools/programs.h"

#include <limits.h>
#include <unistd.h>

#include "lib/clock.h"
#include "client/child.h"

#define READY_US 20000000
#define POLL_US 20000
#define OUT_MAX 65536

/* Says what the program wrote, since its status alone helps nobody. */
static int blame(const struct tool *t, const struct child *c, int rc)
{
    struct buf out;

    buf_init(&out, OUT_MAX);
    child_output(c, &out);
    if (rc != 0 && out.n > 0)
        tool_say(t, "%s said:\n%s", c->name, buf_cstr(&out));
    buf_free(&out);
    return rc;
}

static int run_to_end(const struct tool *t, const char *name, const char *const argv[],
                      struct fault *f)
{
    struct child c;
    int rc = child_start(&c, name, argv, f);

    if (rc != 0)
        return rc;
    rc = blame(t, &c, child_wait(&c, f));
    child_free(&c);
    return rc;
}

int programs_provision(const struct tool *t, const struct conf *conf, struct fault *f)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < conf->n_tokens; i++) {
        const char *const argv[] = {"-c",          conf->path, "--token", conf->tokens[i].name,
                                    "--provision", NULL};

        rc = run_to_end(t, "cerca-signer", argv, f);
    }
    return rc;
}

int programs_bootstrap(struct tool *t, const struct conf *conf, void *arg, struct fault *f)
{
    const char *const argv[] = {"-c", conf->path, "--bootstrap", NULL};

    (void)arg;
    return run_to_end(t, "cerca-ca", argv, f);
}

static int wait_until_it_listens(const char *path, struct child *c, struct fault *f)
{
    uint64_t start = clock_mono_us();
    struct fault not_yet;
    int fd = -1;

    while (fd < 0 && child_running(c) && clock_mono_us() - start < READY_US) {
        fd = connect_unix(path, &not_yet);
        if (fd < 0)
            (void)usleep(POLL_US);
    }
    if (fd >= 0) {
        (void)close(fd);
        return 0;
    }
    if (!child_running(c) && child_wait(c, f) != 0)
        return -(int)f->code;
    return fault_set(f, FAULT_INTERNAL, "program.start", "%s did not begin to serve", c->name);
}

/* What runs while the program serves. */
struct user {
    programs_use use;
    void *arg;
    size_t token; /* the next signer to start */
};

static int while_it_serves(struct tool *t, const struct conf *conf, const char *name,
                           const char *const argv[], const char *path, struct user *u,
                           struct fault *f)
{
    struct child c;
    int rc = child_start(&c, name, argv, f);

    if (rc != 0)
        return rc;
    rc = blame(t, &c, wait_until_it_listens(path, &c, f));
    if (rc == 0)
        rc = u->use(t, conf, u->arg, f);
    child_stop(&c);
    child_free(&c);
    return rc;
}

/* The signers stop with the deepest call. */
static int next_signer(struct tool *t, const struct conf *conf, void *arg, struct fault *f)
{
    struct user *u = arg, deeper = {next_signer, u, 0};
    struct buf path;
    const char *token;
    int rc;

    if (u->token == conf->n_tokens)
        return u->use(t, conf, u->arg, f);
    token = conf->tokens[u->token++].name;

    const char *const argv[] = {"-c", conf->path, "--token", token, NULL};

    buf_init(&path, PATH_MAX);
    conf_signer_socket(conf, token, &path);
    rc = while_it_serves(t, conf, "cerca-signer", argv, buf_cstr(&path), &deeper, f);
    buf_free(&path);
    return rc;
}

int programs_with_signers(struct tool *t, const struct conf *conf, programs_use use, void *arg,
                          struct fault *f)
{
    struct user u = {use, arg, 0};

    return next_signer(t, conf, &u, f);
}

static int with_core_alone(struct tool *t, const struct conf *conf, void *arg, struct fault *f)
{
    const char *const argv[] = {"-c", conf->path, NULL};
    struct buf path;
    int rc;

    buf_init(&path, PATH_MAX);
    conf_admin_socket(conf, &path);
    rc = while_it_serves(t, conf, "cerca-ca", argv, buf_cstr(&path), arg, f);
    buf_free(&path);
    return rc;
}

int programs_with_core(struct tool *t, const struct conf *conf, programs_use use, void *arg,
                       struct fault *f)
{
    struct user u = {use, arg, 0};

    return programs_with_signers(t, conf, with_core_alone, &u, f);
}
