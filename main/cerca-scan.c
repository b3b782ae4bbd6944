/*
 * cerca-scan: asks servers what certificates they serve. Has no file, no store and no token: jails
 * itself, takes targets over a descriptor that it was started with, connects outward and tells what
 * it saw.
 */
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/conn.h"
#include "lib/exitcode.h"
#include "lib/log.h"
#include "lib/sandbox.h"
#include "lib/server_main.h"
#include "lib/step.h"
#include "scan/handshake.h"
#include "scan/worker.h"

#define RETRY_MS 1000

static const char usage_text[] =
    "usage: cerca-scan --fd N\n"
    "       cerca-scan -c CONF [--text FILE] [--check] [--conf-fd N]\n"
    "\n"
    "Asks servers what they serve: for cerca scan, which starts it and gives the targets, or, as\n"
    "cercad starts it, for the scans of the configuration.\n"
    "\n"
    "      --fd N       the descriptor of a socket to whoever gives the targets\n"
    "  -c, --conf CONF  the configuration\n"
    "      --check      read the configuration, then end\n"
    "      --conf-fd N  a descriptor that cercad hands over\n"
    "      --help, --version\n";

static int jail(bool connects, struct fault *f)
{
    struct sandbox s = {.program = "cerca-scan", .net_connect = true, .unix_connect = connects};

    sandbox_allow_resolver(&s);
    return sandbox_enter(&s, f);
}

/* What libraries read or load once they do before the jail. */
static int warm_up(struct fault *f)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    struct handshakes *h;

    if (getaddrinfo("localhost", "443", &hints, &found) == 0)
        freeaddrinfo(found);
    if (handshakes_new(&h, f) != 0)
        return -(int)f->code;
    handshake_free(handshake_new(h, -1, "localhost"));
    handshakes_free(h);
    return 0;
}

/* A connection is a descriptor. */
static void allow_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warn("scan.descriptors", "reason", "the limit of descriptors cannot be raised", NULL);
}

static void on_gone(void *arg)
{
    loop_stop(arg);
}

static void on_signal(void *arg, int signo)
{
    (void)signo;
    loop_stop(arg);
}

static int run(int fd, struct fault *f)
{
    struct loop *loop;
    struct worker *w;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN); /* of a terminal: whoever started us says what becomes of it */
    allow_descriptors();
    if (warm_up(f) != 0 || jail(false, f) != 0)
        return -(int)f->code;
    loop = loop_new();
    loop_signal(loop, SIGTERM, on_signal, loop);
    w = worker_new(loop, fd, on_gone, loop);
    loop_run(loop);
    worker_free(w);
    loop_free(loop);
    return 0;
}

/* ---- for the scans of the configuration ---- */

struct daemon {
    struct loop *loop;
    struct loop_timer *timer;
    struct worker *worker;
    char *path; /* of the scan socket */
};

static void try_soon(void *arg)
{
    struct daemon *d = arg;

    loop_timer_set(d->timer, RETRY_MS);
}

/* cerca-ca may not be there yet, or be gone for a while. */
static void on_try(void *arg)
{
    struct daemon *d = arg;
    struct fault f;
    int fd;

    worker_free(d->worker);
    d->worker = NULL;
    fault_clear(&f);
    fd = connect_unix(d->path, &f);
    if (fd < 0)
        try_soon(d);
    else
        d->worker = worker_new(d->loop, fd, try_soon, d);
}

static int serve(const struct conf *conf)
{
    struct daemon d = {.loop = loop_new()};
    struct buf path;

    buf_init(&path, 4096);
    conf_scan_socket(conf, &path);
    d.path = xstrdup(buf_cstr(&path));
    d.timer = loop_timer(d.loop, on_try, &d);
    loop_signal(d.loop, SIGTERM, on_signal, d.loop);
    loop_signal(d.loop, SIGINT, on_signal, d.loop);
    log_info("scan.ready", "version", CERCA_VERSION, NULL);
    on_try(&d);
    loop_run(d.loop);
    worker_free(d.worker);
    loop_timer_free(d.timer);
    loop_free(d.loop);
    free(d.path);
    buf_free(&path);
    return 0;
}

static int run_daemon(const struct server_options *o, const struct conf *conf, struct fault *f)
{
    if (conf->n_scans == 0)
        return fault_set(f, FAULT_CONFIG, "scans", "no scan is configured: nothing to do");
    if (o->check)
        return 0;
    (void)signal(SIGPIPE, SIG_IGN);
    allow_descriptors();
    if (warm_up(f) != 0 || jail(true, f) != 0)
        return -(int)f->code;
    return serve(conf);
}

static _Noreturn void wrong_usage(void)
{
    (void)fputs(usage_text, stderr);
    exit(EXITCODE_USAGE);
}

static int read_options(int argc, char **argv)
{
    static const struct option longs[] = {
        {"fd", required_argument, NULL, 'f'},
        {NULL, 0, NULL, 0},
    };
    int c, fd = -1;

    while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        switch (c) {
        case 'f':
            fd = option_fd("cerca-scan", optarg);
            break;
        default:
            wrong_usage();
        }
    }
    if (fd < 0 || optind != argc)
        wrong_usage();
    return fd;
}

int main(int argc, char **argv)
{
    struct fault f;
    int fd, rc;

    STEP_INIT("cerca-scan");
    if (argc > 1 && strcmp(argv[1], "--fd") != 0 && strncmp(argv[1], "--fd=", 5) != 0)
        return server_main(
            &(struct server_program){"cerca-scan", usage_text, "scan.ended", run_daemon}, argc,
            argv);
    (void)umask(0077);
    log_open("cerca-scan", LOG_LEVEL_INFO);
    fd = read_options(argc, argv);
    fault_clear(&f);
    rc = run(fd, &f);
    if (rc == 0)
        return EXITCODE_OK;
    log_fault(LOG_LEVEL_ERROR, "scan.ended", &f, NULL);
    return EXITCODE_FAILED;
}
