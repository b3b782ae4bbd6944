#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "lib/shellword.h"
#include "tools/commands.h"
#include "tools/devca.h"
#include "tools/programs.h"
#include "tools/text.h"

#define OUT_MAX 65536

struct init_args {
    const char *dir;
    uint16_t http_port, https_port;
    const char *operator_name;
    const char *module;
    bool brief;
};

static const struct init_args defaults = {.http_port = 8080, .https_port = 8443};

static int make_whole(struct tool *t, const struct devca *d, struct fault *f)
{
    struct conf *conf = NULL;
    int rc = conf_load(d->conf, &conf, f);

    if (rc == 0)
        rc = programs_provision(t, conf, f);
    if (rc == 0)
        rc = programs_with_signers(t, conf, programs_bootstrap, NULL, f);
    conf_free(conf);
    return rc == 0 ? devca_finish(d, f) : rc;
}

static int operator_name(const char *given, char out[64])
{
    char text[4096];
    struct passwd entry, *found = NULL;

    if (given == NULL && getpwuid_r(getuid(), &entry, text, sizeof(text), &found) == 0 &&
        found != NULL)
        given = found->pw_name;
    if (given != NULL && given[0] != 0)
        return snprintf(out, 64, "%s", given) < 64 ? 0 : -1;
    return snprintf(out, 64, "uid%u", (unsigned)getuid()) < 64 ? 0 : -1;
}

static int write_files(const struct devca *d, const struct init_args *a, struct fault *f)
{
    struct conf_dev dev = {.http_port = a->http_port, .https_port = a->https_port, .uid = getuid()};
    char name[64];
    int rc = 0;

    if (operator_name(a->operator_name, name) != 0)
        return fault_set(f, FAULT_TOO_LARGE, "init.operator", "--operator has at most 63 octets");
    dev.operator_name = name;
    dev.module = a->module;
    if (dev.module == NULL)
        rc = devca_find_softhsm(&dev.module, f);
    else if (access(dev.module, R_OK) != 0)
        rc = fault_set(f, FAULT_NOT_FOUND, "init.softhsm", "there is no module %s", dev.module);
    return rc == 0 ? devca_write(d, &dev, f) : rc;
}

/* SHA-256 of the certificate, with colons as other tools show it; "" when it cannot be read. */
static void fingerprint(const char *path, struct buf *out)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct buf file = {0}, der;
    uint8_t hash[32];
    struct fault f;

    buf_init(&der, CERT_MAX);
    if (file_read(path, 4 * CERT_MAX, &file, &f) == 0 &&
        pem_or_der(buf_slice(&file), labels, &der, &f) == 0) {
        cert_fingerprint(buf_slice(&der), hash);
        text_hex_colons(hash, sizeof(hash), out);
    }
    buf_free(&file);
    buf_free(&der);
}

static void put_issuers(const struct conf *conf, struct buf *out)
{
    for (size_t i = 0; i < conf->n_issuers; i++) {
        const struct conf_issuer *issuer = &conf->issuers[i];

        buf_printf(out, "  %-15s %s\n", issuer->name, issuer->certificate);
        if (strcmp(issuer->parent, issuer->name) != 0)
            continue;
        buf_printf(out, "  %-15s ", "  SHA-256");
        fingerprint(issuer->certificate, out);
        buf_put_str(out, "\n");
    }
}

static void put_next(const char *conf, struct buf *out)
{
    buf_put_str(out, "\nrun it:\n"
                     "  cercad -c ");
    shellword_put(out, conf);
    buf_put_str(out, "\n"
                     "then, in another terminal:\n"
                     "  export CERCA_CONF=");
    shellword_put(out, conf);
    buf_put_str(out, "\n"
                     "  cerca status\n"
                     "  cerca issue --profile tls-server --key-out web.key "
                     "--san dns:web.example.com --out web.pem\n"
                     "  cerca list\n");
}

static int report(const struct tool *t, const struct devca *d, bool was_there, bool brief)
{
    struct conf *conf = NULL;
    struct fault f = {0};
    struct buf out;
    int rc = conf_load(d->conf, &conf, &f);

    if (rc != 0)
        return tool_fail(t, &f);
    buf_init(&out, OUT_MAX);
    buf_printf(&out, "%s %s\n", was_there ? "there is a CA already in" : "made a CA in", d->dir);
    buf_printf(&out, "  %-15s %s\n", "configuration", d->conf);
    for (size_t i = 0; i < conf->n_tokens; i++)
        buf_printf(&out, "  %-15s %s (%s)\n", "keys", conf->tokens[i].uri, conf->tokens[i].module);
    put_issuers(conf, &out);
    for (size_t i = 0; i < conf->n_operators; i++)
        buf_printf(&out, "  %-15s %s, uid %u, %s\n", "operator", conf->operators[i].name,
                   (unsigned)conf->operators[i].uid, conf_role_name(conf->operators[i].role));
    buf_printf(&out, "  %-15s http %s:%u, https %s:%u (reserved: nothing listens there yet)\n",
               "endpoints", conf->http_listen, conf->http_port, conf->https_listen,
               conf->https_port);
    buf_printf(&out, "  %-15s %s/admin.sock\n", "", conf->sock_dir);
    if (!brief)
        put_next(d->conf, &out);
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    conf_free(conf);
    return rc;
}

static int init(struct tool *t, const struct init_args *a, struct devca *d, bool *was_there,
                struct fault *f)
{
    enum devca_state state;
    bool moved = false;
    int rc = devca_open(d, a->dir, f);

    if (rc == 0)
        rc = devca_state(d, &state, f);
    if (rc != 0)
        return rc;
    *was_there = state == DEVCA_WHOLE;
    if (*was_there) {
        rc = devca_follow(d, &moved, f);
        if (moved)
            tool_say(t, "the folder was moved: softhsm2.conf follows");
        return rc;
    }
    if (state == DEVCA_HALF)
        tool_say(t, "finishing what was begun in %s", d->dir);
    rc = write_files(d, a, f);
    return rc == 0 ? make_whole(t, d, f) : rc;
}

static int run_init(struct tool *t, void *args)
{
    const struct init_args *a = args;
    struct devca d = {.lock = -1};
    struct fault f = {0};
    bool was_there = false;
    int rc;

    if (a->dir == NULL)
        return tool_usage(t, "--dev is missing");
    if (a->http_port == a->https_port)
        return tool_usage(t, "--http-port and --https-port are the same");
    (void)umask(077);
    rc = init(t, a, &d, &was_there, &f);
    rc = rc == 0 ? report(t, &d, was_there, a->brief) : tool_fail(t, &f);
    devca_close(&d);
    return rc;
}

static const struct opt opts[] = {
    {"dev", OPT_TEXT, offsetof(struct init_args, dir), "DIR",
     "the folder; nothing outside it is touched", 0},
    {"http-port", OPT_PORT, offsetof(struct init_args, http_port), "N", "default 8080", 0},
    {"https-port", OPT_PORT, offsetof(struct init_args, https_port), "N", "default 8443", 0},
    {"operator", OPT_TEXT, offsetof(struct init_args, operator_name), "NAME",
     "how you are called in the records (default: your user name)", 0},
    {"module", OPT_TEXT, offsetof(struct init_args, module), "FILE",
     "the PKCS#11 module of SoftHSM2, where it is not in a usual place", 0},
    {"brief", OPT_FLAG, offsetof(struct init_args, brief), NULL, "do not say what to type next", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_init = {
    .name = "init",
    .help = "make a development CA in a folder: token, keys, root, issuing CA, configuration",
    .arguments = "--dev DIR [--http-port N] [--https-port N] [--operator NAME]",
    .examples = "  cerca init --dev ca && cercad -c ca/cerca.conf\n",
    .opts = opts,
    .args_size = sizeof(struct init_args),
    .defaults = &defaults,
    .run = run_init,
};
