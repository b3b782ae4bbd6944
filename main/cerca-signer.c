/*
 * cerca-signer: holds the keys of one token and signs drafts with them.
 *
 * Open what is needed, jail, load the module, log in, serve. It is crash-only: whatever the
 * module does beyond a clean refusal ends the process (lib/exitcode.h), and cercad starts the next.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/signer/issuerkey.h"
#include "ca/signer/keyring.h"
#include "ca/signer/provision.h"
#include "ca/signer/serve.h"
#include "token/jail.h"
#include "token/watch.h"
#include "lib/conn.h"
#include "lib/exitcode.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/manager.h"
#include "lib/sandbox.h"
#include "lib/server_main.h"
#include "lib/step.h"

struct options {
    const char *conf;
    int conf_fd; /* -1: read the file */
    const char *token;
    int listen_fd; /* -1: open the socket */
    bool check, provision;
};

static const char usage_text[] =
    "usage: cerca-signer -c FILE [--text FILE | --conf-fd N] --token NAME [--listen-fd N]\n"
    "                    [--check | --provision]\n"
    "\n"
    "Signs certificates with the keys of one PKCS#11 token; cercad starts it.\n"
    "\n"
    "  -c, --conf FILE   the configuration\n"
    "  --text FILE       its text that is in force, where that is another\n"
    "  --conf-fd N       read its text from this descriptor\n"
    "  --token NAME      the token of the configuration to serve\n"
    "  --listen-fd N     the listening socket; without it, the one in sock_dir is opened\n"
    "  --check           check the configuration of this token and end; touches no token\n"
    "  --provision       make the token, its user PIN and its keys where they are missing, and "
    "end\n"
    "  --help, --version\n";

static _Noreturn void usage(void)
{
    (void)fputs(usage_text, stderr);
    exit(EXITCODE_USAGE);
}

static void options_read(int argc, char **argv, struct options *o)
{
    enum { CONF_FD = 256, TEXT, TOKEN, LISTEN_FD, CHECK, PROVISION, HELP, VERSION };
    static const struct option longs[] = {
        {"conf", required_argument, NULL, 'c'},
        {"conf-fd", required_argument, NULL, CONF_FD},
        {"text", required_argument, NULL, TEXT},
        {"token", required_argument, NULL, TOKEN},
        {"listen-fd", required_argument, NULL, LISTEN_FD},
        {"check", no_argument, NULL, CHECK},
        {"provision", no_argument, NULL, PROVISION},
        {"help", no_argument, NULL, HELP},
        {"version", no_argument, NULL, VERSION},
        {NULL, 0, NULL, 0},
    };
    int c;

    *o = (struct options){.conf_fd = -1, .listen_fd = -1};
    while ((c = getopt_long(argc, argv, "c:", longs, NULL)) != -1)
        switch (c) {
        case 'c':
            o->conf = optarg;
            break;
        case TEXT:
            o->conf_fd = option_text("cerca-signer", optarg);
            break;
        case CONF_FD:
            o->conf_fd = option_fd("cerca-signer", optarg);
            break;
        case TOKEN:
            o->token = optarg;
            break;
        case LISTEN_FD:
            o->listen_fd = option_fd("cerca-signer", optarg);
            break;
        case CHECK:
            o->check = true;
            break;
        case PROVISION:
            o->provision = true;
            break;
        case HELP:
            (void)fputs(usage_text, stdout);
            exit(EXITCODE_OK);
        case VERSION:
            (void)puts("cerca-signer " CERCA_VERSION);
            exit(EXITCODE_OK);
        default:
            usage();
        }
    if (o->conf == NULL || o->token == NULL || optind != argc || (o->check && o->provision))
        usage();
}

/* What cercad understands of the way this ends. */
static int exit_code(const struct fault *f)
{
    switch (f->code) {
    case FAULT_DENIED:
        return EXITCODE_WRONG_PIN;
    case FAULT_UNAVAILABLE:
        return EXITCODE_TOKEN;
    case FAULT_CONFIG:
    case FAULT_MALFORMED:
    case FAULT_NOT_FOUND:
        return EXITCODE_CONFIG;
    default:
        return EXITCODE_FAILED;
    }
}

static int allow_pins(struct sandbox *s, const struct conf_token *t, bool so, struct fault *f)
{
    static struct buf path;
    int rc = 0;

    buf_init(&path, PATH_MAX);
    if (t->pin_file[0] != 0)
        sandbox_allow(s, t->pin_file, false);
    else if (t->pin_credential[0] != 0)
        rc = pin_credential_path(t, &path, f);
    else
        so = false;
    if (rc == 0 && so)
        rc = pin_so_path(t, &path, f);
    if (rc == 0)
        sandbox_allow(s, buf_cstr(&path), false);
    return rc;
}

/* Provisioning makes the file, and it lies where the PINs may be. */
static int allow_edkey(struct sandbox *s, const struct conf *conf, bool provision, struct fault *f)
{
    static char folder[PATH_MAX];
    const char *slash = strrchr(conf->audit_secret, '/');

    if (!provision) {
        sandbox_allow(s, conf->audit_secret, false);
        return 0;
    }
    (void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - conf->audit_secret),
                   conf->audit_secret);
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return file_refused(f, "signer.edkey.file", folder);
    sandbox_allow(s, folder, true);
    return 0;
}

static int jail(const struct conf *conf, const struct conf_token *t, bool provision,
                struct fault *f)
{
    struct sandbox s = {.program = provision ? "cerca-signer-setup" : "cerca-signer"};
    int rc;

    token_allow(&s, t);
    sandbox_allow(&s, conf->record_dir, true);
    rc = allow_pins(&s, t, provision && t->pin_file[0] != 0, f);
    if (rc == 0 && checkpointer_here(conf, t))
        rc = allow_edkey(&s, conf, provision, f);
    return rc != 0 ? rc : sandbox_enter(&s, f);
}

/* A credential is there at work, not for who only looks at a configuration. */
static bool pin_here(const struct conf_token *t)
{
    return t->pin_credential[0] == '\0' || getenv("CREDENTIALS_DIRECTORY") != NULL;
}

/* Everything that can be said without the module: a reload must not depend on the token's health.
 */
static int check(const struct conf *conf, const struct conf_token *t, struct fault *f)
{
    struct p11uri token, key;
    struct guard g;
    struct pin *pin = NULL;
    int rc = p11uri_parse(t->uri, &token, f);

    if (rc == 0 && !p11uri_names_token(&token))
        rc = fault_set(f, FAULT_CONFIG, "signer.token.uri", "token %s: its uri names no token",
                       t->name);
    if (rc == 0 && access(t->module, R_OK) != 0)
        rc = file_refused(f, "signer.module", t->module);
    for (size_t i = 0; i < conf->n_issuers && rc == 0; i++)
        if (strcmp(conf->issuers[i].token, t->name) == 0)
            rc = issuerkey_uri(&conf->issuers[i], &token, &key, f);
    if (rc == 0)
        rc = guard_new(conf, &g, f);
    if (rc == 0) {
        guard_free(&g);
        rc = pin_here(t) ? pin_read(t, &pin, f) : 0;
        pin_free(pin);
    }
    return rc;
}

static int open_socket(const struct conf *conf, const struct conf_token *t, int *fd,
                       struct fault *f)
{
    struct buf path;

    if (*fd < 0)
        *fd = manager_fd("signer");
    if (*fd >= 0)
        return 0;
    buf_init(&path, PATH_MAX);
    conf_signer_socket(conf, t->name, &path);
    *fd = listen_unix(buf_cstr(&path), 0600, f);
    buf_free(&path);
    return *fd < 0 ? *fd : 0;
}

static int open_record(const struct conf *conf, const struct conf_token *t, struct record **out,
                       struct fault *f)
{
    struct buf path;
    int rc;

    buf_init(&path, PATH_MAX);
    buf_printf(&path, "%s/%s.record", conf->record_dir, t->name);
    rc = record_open(buf_cstr(&path), out, f);
    buf_free(&path);
    return rc;
}

static int open_token(const struct conf_token *t, struct token *token, struct guard *g,
                      struct fault *f)
{
    unsigned found;
    int rc = token_load(t, token, f);

    if (rc == 0)
        rc = token_find(token, f);
    if (rc == 0)
        rc = token_login(token, false, f);
    if (rc == 0)
        rc = keyring_load(token, g, &found, f);
    if (rc == 0)
        log_info("signer.ready", "token", t->name, "uri", t->uri, "keys", log_num(found), NULL);
    return rc;
}

static int serve(const struct conf *conf, const struct conf_token *t, int listen_fd,
                 struct fault *f)
{
    struct serve s = {.conf = conf, .listen_fd = listen_fd, .loop = loop_new()};
    struct token token;
    struct guard guard;
    int rc;

    memset(&token, 0, sizeof(token));
    memset(&guard, 0, sizeof(guard));
    rc = open_record(conf, t, &s.record, f);
    if (rc == 0)
        rc = guard_new(conf, &guard, f);
    if (rc == 0)
        rc = open_token(t, &token, &guard, f);
    if (rc == 0)
        rc = checkpointer_open(conf, &token, &s.checkpointer, f);
    s.token = &token;
    s.guard = &guard;
    if (rc == 0)
        rc = serve_run(&s, f);
    checkpointer_close(s.checkpointer);
    token_close(&token);
    guard_free(&guard);
    record_close(s.record);
    loop_free(s.loop);
    return rc;
}

/* Signals wait until the loop reads them; threads made before then must not take them. */
static void block_signals(void)
{
    sigset_t s;

    (void)sigemptyset(&s);
    (void)sigaddset(&s, SIGTERM);
    (void)sigaddset(&s, SIGINT);
    (void)sigaddset(&s, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &s, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

static int run(const struct options *o, const struct conf *conf, const struct conf_token *t,
               struct fault *f)
{
    int fd = o->listen_fd, rc;

    token_environment(t);
    if (o->check)
        return check(conf, t, f);
    if (mkdir(conf->record_dir, 0700) != 0 && errno != EEXIST)
        return file_refused(f, "signer.record", conf->record_dir);
    if (!o->provision) {
        block_signals();
        rc = open_socket(conf, t, &fd, f);
        if (rc != 0)
            return rc;
    }
    rc = jail(conf, t, o->provision, f);
    if (rc != 0)
        return rc;
    watch_start(t->call_limit_ms, o->provision ? NULL : serve_hung);
    return o->provision ? provision(conf, t, f) : serve(conf, t, fd, f);
}

int main(int argc, char **argv)
{
    enum log_level level = LOG_LEVEL_INFO;
    const struct conf_token *t;
    struct conf *conf = NULL;
    struct options o;
    struct fault f;
    int rc;

    /* The module may make files too, and a token's are nobody else's. */
    (void)umask(0077);
    options_read(argc, argv, &o);
    log_open("cerca-signer", level);
    STEP_INIT("cerca-signer");
    fault_clear(&f);
    rc = o.conf_fd >= 0 ? conf_load_fd(o.conf_fd, o.conf, &conf, &f) : conf_load(o.conf, &conf, &f);
    if (rc == 0) {
        if (log_level_parse(conf->log_level, &level) == 0)
            log_open("cerca-signer", level);
        t = conf_token(conf, o.token);
        rc = t == NULL
                 ? fault_set(&f, FAULT_CONFIG, "signer.token", "no token %s is configured", o.token)
                 : run(&o, conf, t, &f);
    }
    if (rc != 0)
        log_fault(LOG_LEVEL_ERROR, "signer.ended", &f, "token", o.token, NULL);
    conf_free(conf);
    return rc == 0 ? EXITCODE_OK : exit_code(&f);
}
