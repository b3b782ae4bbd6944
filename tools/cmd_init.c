#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/shellword.h"
#include "tools/commands.h"
#include "tools/devca.h"
#include "tools/programs.h"
#include "tools/setup.h"
#include "tools/setup_report.h"

#define OUT_MAX 65536

struct init_args {
    const char *dir; /* --dev */
    struct setup_args setup;
    uint16_t http_port, https_port;
    const char *operator_name;
    const char *module;
    bool brief;
};

static const struct init_args defaults = {
    .http_port = 8080, .https_port = 8443, .setup = {.root_key = "p384", .issuing_key = "p256"}};

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
    struct buf text;
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
    if (rc != 0)
        return rc;
    buf_init(&text, CONF_MAX);
    conf_dev_text(&dev, &text);
    rc = devca_write(d, buf_cstr(&text), true, f);
    buf_free(&text);
    return rc;
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
    report_issuers(conf, &out);
    for (size_t i = 0; i < conf->n_operators; i++)
        buf_printf(&out, "  %-15s %s, uid %u, %s\n", "operator", conf->operators[i].name,
                   (unsigned)conf->operators[i].uid, conf_role_name(conf->operators[i].role));
    buf_printf(&out, "  %-15s http %s:%u, https %s:%u (once est has a label)\n", "endpoints",
               conf->http_listen, conf->http_port, conf->https_listen, conf->https_port);
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

static int run_setup(struct tool *t, const struct init_args *a)
{
    struct setup_args s = a->setup;
    char name[64];

    if (operator_name(a->operator_name, name) != 0)
        return tool_usage(t, "--operator has at most 63 octets");
    s.operator_name = name;
    s.module = a->module;
    s.http_port = a->http_port;
    s.https_port = a->https_port;
    if (s.pin_file != NULL && s.pin_credential != NULL)
        return tool_usage(t, "--pin-file or --pin-credential, not both");
    if (s.pin_file != NULL && s.pin_file[0] != '/')
        return tool_usage(t, "--pin-file should be an absolute path");
    (void)umask(077);
    return setup_run(t, &s);
}

static int run_init(struct tool *t, void *args)
{
    const struct init_args *a = args;
    struct devca d = {.lock = -1};
    struct fault f = {0};
    bool was_there = false;
    int rc;

    if (a->dir != NULL && a->setup.dir != NULL)
        return tool_usage(t, "--dev or --dir, not both");
    if (a->dir == NULL && a->setup.dir == NULL)
        return tool_usage(t, "--dir is missing (or --dev, for a CA to try things out)");
    if (a->http_port == a->https_port)
        return tool_usage(t, "--http-port and --https-port are the same");
    if (a->setup.dir != NULL)
        return run_setup(t, a);
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
    {"dir", OPT_TEXT, offsetof(struct init_args, setup.dir), "DIR",
     "a CA to rely on, in this folder; what follows is for it, and asked for when left out", 0},
    {"base-url", OPT_TEXT, offsetof(struct init_args, setup.base_url), "URL",
     "where others fetch CA certificates, CRLs and OCSP: http://pki.example.com", 0},
    {"org", OPT_TEXT, offsetof(struct init_args, setup.org), "NAME",
     "the organisation, for the names of the CAs", 0},
    {"root-subject", OPT_TEXT, offsetof(struct init_args, setup.root_subject), "NAME",
     "the root's whole name instead: CN=Example Root CA,O=Example", 0},
    {"issuing-subject", OPT_TEXT, offsetof(struct init_args, setup.issuing_subject), "NAME",
     "the same of the issuing CA", 0},
    {"root-key", OPT_TEXT, offsetof(struct init_args, setup.root_key), "TYPE", "default p384", 0},
    {"issuing-key", OPT_TEXT, offsetof(struct init_args, setup.issuing_key), "TYPE", "default p256",
     0},
    {"offline-root", OPT_FLAG, offsetof(struct init_args, setup.offline_root), NULL,
     "the root's key is kept elsewhere: write a request for it", 0},
    {"token", OPT_TEXT, offsetof(struct init_args, setup.token), "URI",
     "an existing token of --module: pkcs11:token=ca (default: a SoftHSM2 token is made)", 0},
    {"pin-file", OPT_TEXT, offsetof(struct init_args, setup.pin_file), "FILE",
     "its user PIN, readable by you alone", 0},
    {"pin-credential", OPT_TEXT, offsetof(struct init_args, setup.pin_credential), "NAME",
     "or the systemd credential that holds it", 0},
    {"token-path", OPT_TEXTS, offsetof(struct init_args, setup.token_paths), "FILE",
     "file, folder or device that the module needs (may be repeated)", 0},
    {"token-init", OPT_TEXT, offsetof(struct init_args, setup.token_init), "TEXT",
     "what the module's C_Initialize is given (init_reserved)", 0},
    {"token-env", OPT_TEXTS, offsetof(struct init_args, setup.token_env), "NAME=VALUE",
     "environment that the module needs (may be repeated)", 0},
    {"token-network", OPT_FLAG, offsetof(struct init_args, setup.token_network), NULL,
     "the module talks to its token over TCP", 0},
    {"operators", OPT_TEXTS, offsetof(struct init_args, setup.operators), "NAME:USER:ROLE",
     "who else may use it: bob:bob:auditor (may be repeated)", 0},
    {"yes", OPT_FLAG, offsetof(struct init_args, setup.yes), NULL, "ask nothing", 'y'},
    {"dry-run", OPT_FLAG, offsetof(struct init_args, setup.dry_run), NULL,
     "say what would be made, make nothing", 'n'},
    {"brief", OPT_FLAG, offsetof(struct init_args, brief), NULL, "do not say what to type next", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_init = {
    .name = "init",
    .help = "make a CA in a folder: token, keys, root, issuing CA, configuration",
    .arguments = "--dev DIR | --dir DIR [options]",
    .examples = "  cerca init --dev ca && cercad -c ca/cerca.conf\n"
                "  cerca init --dir /var/lib/cerca --base-url http://pki.example.com --org Example "
                "--dry-run\n",
    .opts = opts,
    .args_size = sizeof(struct init_args),
    .defaults = &defaults,
    .run = run_init,
};
