/*
 * cerca-agent-key: makes and uses host keys in one token, for cerca-agent, which starts it and asks
 * over a socket pair. The only program of the agent with a PKCS#11 module in it: it jails itself,
 * loads the module, logs in, serves, and ends when the agent closes its end or the token fails.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hostkey/work.h"
#include "lib/conn.h"
#include "lib/exitcode.h"
#include "lib/log.h"
#include "lib/proto.h"
#include "lib/server_main.h"
#include "lib/step.h"
#include "lib/units.h"
#include "token/jail.h"
#include "token/watch.h"

#define ITEMS_MAX 16 /* of each list of options */
#define LIMIT_MAX_MS 600000

struct options {
    struct conf_token token;
    char *environment[ITEMS_MAX], *paths[ITEMS_MAX], *read_paths[ITEMS_MAX];
    const char *only[HOSTKEY_ONLY_MAX];
    size_t n_only;
    int fd;
};

struct serving {
    struct hostkey hostkey;
    struct loop *loop;
    struct conn *conn;
    struct fault broken; /* the token cannot be used; code FAULT_NONE: it can */
};

static const char usage_text[] =
    "usage: cerca-agent-key --fd N --token URI --module FILE --pin-file FILE [options]\n"
    "\n"
    "Makes and uses host keys in a token; cerca-agent starts it.\n"
    "\n"
    "      --fd N                    the descriptor of a socket to who asks\n"
    "      --token URI               pkcs11: URI of the token\n"
    "      --module FILE             the PKCS#11 module\n"
    "      --pin-file FILE           its user PIN\n"
    "      --init-reserved TEXT      for its C_Initialize (pReserved)\n"
    "      --environment NAME=VALUE  for the module; may be repeated\n"
    "      --path PATH               what the module reads and writes; may be repeated\n"
    "      --read-path PATH          ... and only reads; may be repeated\n"
    "      --network                 the module reaches its token over TCP\n"
    "      --call-limit MS           of one call into the module\n"
    "      --only URI                use this key, make and destroy none; may be repeated\n"
    "      --help, --version\n";

static _Noreturn void wrong_usage(void)
{
    (void)fputs(usage_text, stderr);
    exit(EXITCODE_USAGE);
}

/* ---- options ---- */

static void add_item(char **list, size_t *n, char *text)
{
    if (*n == ITEMS_MAX)
        wrong_usage();
    list[(*n)++] = text;
}

enum {
    FD = 256,
    TOKEN,
    MODULE,
    PIN_FILE,
    INIT_RESERVED,
    ENVIRONMENT,
    PATH,
    READ_PATH,
    NETWORK,
    LIMIT,
    ONLY
};

/* What is a text of its own. */
static void take(int which, char *text, struct options *o)
{
    struct conf_token *t = &o->token;
    uint64_t number;

    switch (which) {
    case TOKEN:
        t->uri = text;
        break;
    case MODULE:
        t->module = text;
        break;
    case PIN_FILE:
        t->pin_file = text;
        break;
    case INIT_RESERVED:
        t->init_reserved = text;
        break;
    case ENVIRONMENT:
        add_item(t->environment, &t->n_environment, text);
        break;
    case PATH:
        add_item(t->paths, &t->n_paths, text);
        break;
    case READ_PATH:
        add_item(t->read_paths, &t->n_read_paths, text);
        break;
    case LIMIT:
        if (units_parse_number(text, &number) != 0 || number == 0 || number > LIMIT_MAX_MS)
            wrong_usage();
        t->call_limit_ms = (int64_t)number;
        break;
    case ONLY:
        if (o->n_only == HOSTKEY_ONLY_MAX)
            wrong_usage();
        o->only[o->n_only++] = text;
        break;
    default:
        wrong_usage();
    }
}

static void options_read(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        {"fd", required_argument, NULL, FD},
        {"token", required_argument, NULL, TOKEN},
        {"module", required_argument, NULL, MODULE},
        {"pin-file", required_argument, NULL, PIN_FILE},
        {"init-reserved", required_argument, NULL, INIT_RESERVED},
        {"environment", required_argument, NULL, ENVIRONMENT},
        {"path", required_argument, NULL, PATH},
        {"read-path", required_argument, NULL, READ_PATH},
        {"network", no_argument, NULL, NETWORK},
        {"call-limit", required_argument, NULL, LIMIT},
        {"only", required_argument, NULL, ONLY},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    static char name[] = "host", none[] = "";
    int c;

    o->token.name = name;
    o->token.pin_credential = o->token.pin_fd = none;
    o->token.call_limit_ms = 10000;
    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
        if (c == FD) {
            o->fd = option_fd("cerca-agent-key", optarg);
        } else if (c == NETWORK) {
            o->token.network = true;
        } else if (c == 'h') {
            (void)fputs(usage_text, stdout);
            exit(EXITCODE_OK);
        } else if (c == 'V') {
            (void)puts("cerca-agent-key " CERCA_VERSION);
            exit(EXITCODE_OK);
        } else {
            take(c, optarg, o);
        }
    if (o->fd < 0 || optind != argc || o->token.uri == NULL || o->token.module == NULL ||
        o->token.pin_file == NULL)
        wrong_usage();
}

/* ---- serving ---- */

static void handle(struct conn *c, void *owner, const struct frame *frame)
{
    struct serving *s = owner;
    struct fault f = s->broken;
    struct buf out;
    int rc = -(int)f.code;

    buf_init(&out, FRAME_BODY_MAX);
    if (rc == 0 && frame->type == MSG_HOSTKEY_OPEN)
        rc = MSG_HOSTKEY_OPENED;
    else if (rc == 0)
        rc = hostkey_do(&s->hostkey, frame->type, frame->body, &out, &f);
    if (rc > 0) {
        conn_send(c, (uint16_t)rc, frame->id, buf_slice(&out), -1);
    } else {
        log_fault(LOG_LEVEL_WARN, "hostkey.refused", &f, NULL);
        conn_send_fault(c, frame->id, &f);
    }
    buf_free(&out);
    /* A module that failed is not to be trusted with the next call. */
    if (s->broken.code != FAULT_NONE || rc == -FAULT_UNAVAILABLE)
        loop_stop(s->loop);
}

static void on_closed(struct conn *c, void *owner)
{
    struct serving *s = owner;

    (void)c;
    s->conn = NULL;
    loop_stop(s->loop);
}

static void on_signal(void *arg, int signo)
{
    (void)signo;
    loop_stop(arg);
}

static void serve(struct serving *s, int fd)
{
    static const struct permit permits[] = {
        {MSG_HOSTKEY_OPEN, 0, handle},
        {MSG_HOSTKEY_MAKE, FRAME_BODY_MAX, handle},
        {MSG_HOSTKEY_SHOW, FRAME_BODY_MAX, handle},
        {MSG_HOSTKEY_SIGN, FRAME_BODY_MAX, handle},
        {MSG_HOSTKEY_DESTROY, FRAME_BODY_MAX, handle},
    };
    static const struct conn_callbacks callbacks = {
        .permits = permits, .n_permits = 5, .closed = on_closed};

    s->conn = conn_new(s->loop, fd, &callbacks, s);
    loop_run(s->loop);
    conn_close(s->conn);
}

static int jail(const struct options *o, struct fault *f)
{
    struct sandbox s = {.program = "cerca-agent-key"};

    token_allow(&s, &o->token);
    sandbox_allow(&s, o->token.pin_file, false);
    return sandbox_enter(&s, f);
}

/* What fails here is told to who asks first. */
static int open_token(struct serving *s, const struct options *o, struct fault *f)
{
    struct token *t = &s->hostkey.token;
    int rc = token_load(&o->token, t, f);

    if (rc == 0)
        rc = token_find(t, f);
    if (rc == 0)
        rc = token_login(t, o->n_only == 0, f);
    return rc;
}

static int run(const struct options *o, struct fault *f)
{
    struct serving s = {.loop = loop_new()};
    int rc;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN); /* of a terminal: the agent says when this ends */
    loop_signal(s.loop, SIGTERM, on_signal, s.loop);
    token_environment(&o->token);
    rc = jail(o, f);
    if (rc != 0)
        return rc;
    watch_start(o->token.call_limit_ms, NULL);
    memcpy(s.hostkey.only, o->only, sizeof(o->only));
    s.hostkey.n_only = o->n_only;
    if (open_token(&s, o, &s.broken) == 0)
        s.broken.code = FAULT_NONE;
    serve(&s, o->fd);
    token_close(&s.hostkey.token);
    loop_free(s.loop);
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {.fd = -1};
    struct fault f;
    int rc;

    (void)umask(0077);
    o.token.environment = o.environment;
    o.token.paths = o.paths;
    o.token.read_paths = o.read_paths;
    options_read(argc, argv, &o);
    log_open("cerca-agent-key", LOG_LEVEL_INFO);
    STEP_INIT("cerca-agent-key");
    fault_clear(&f);
    rc = run(&o, &f);
    if (rc == 0)
        return EXITCODE_OK;
    log_fault(LOG_LEVEL_ERROR, "hostkey.ended", &f, NULL);
    return EXITCODE_FAILED;
}
