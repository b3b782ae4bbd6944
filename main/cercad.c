/* cercad: makes the sockets, starts the other programs and keeps them running. */
#include <errno.h>
#include <getopt.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ca/supervise/lock.h"
#include "ca/supervise/supervisor.h"
#include "lib/exitcode.h"
#include "lib/log.h"
#include "lib/sandbox.h"

static const char usage[] =
    "Usage: cercad -c CONF [--check | --plan] [--hint]\n"
    "Starts the programs of Cerca and keeps them running, in the foreground.\n"
    "\n"
    "  -c, --conf CONF  the configuration file\n"
    "      --check      check the configuration and exit: 0 good, 1 not\n"
    "      --plan       say which programs it asks for, a line each: name, uid, token\n"
    "      --hint       say what to try next even when standard output is no terminal\n"
    "      --help       this text\n"
    "      --version    the version\n"
    "\n"
    "Signals: HUP takes a changed configuration, all or nothing; TERM and INT end it.\n";

struct options {
    const char *conf_path;
    bool check, plan, hint;
};

enum { OPT_CHECK = 256, OPT_PLAN, OPT_HINT, OPT_HELP, OPT_VERSION };

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {{"conf", required_argument, NULL, 'c'},
                                          {"check", no_argument, NULL, OPT_CHECK},
                                          {"plan", no_argument, NULL, OPT_PLAN},
                                          {"hint", no_argument, NULL, OPT_HINT},
                                          {"help", no_argument, NULL, OPT_HELP},
                                          {"version", no_argument, NULL, OPT_VERSION},
                                          {NULL, 0, NULL, 0}};
    int c;
    *o = (struct options){0};
    while ((c = getopt_long(argc, argv, "c:", longs, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->conf_path = optarg;
            break;
        case OPT_CHECK:
            o->check = true;
            break;
        case OPT_PLAN:
            o->plan = true;
            break;
        case OPT_HINT:
            o->hint = true;
            break;
        case OPT_HELP:
            printf("%s", usage);
            return EXITCODE_OK;
        case OPT_VERSION:
            printf("cercad %s\n", CERCA_VERSION);
            return EXITCODE_OK;
        default:
            return EXITCODE_USAGE;
        }
    }
    if (o->conf_path && optind == argc)
        return -1;
    fprintf(stderr, "%s", usage);
    return EXITCODE_USAGE;
}

/* The folder that we were started from, read once: a program replaced by a newer one has
 * another name there later. */
static int own_folder(char *out, size_t size, struct fault *f)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    if (n <= 0 || (size_t)n >= size - 1)
        return fault_set(f, FAULT_INTERNAL, "program.path", "/proc/self/exe: %s",
                         strerror(n < 0 ? errno : ENAMETOOLONG));
    out[n] = '\0';
    *strrchr(out, '/') = '\0';
    return 0;
}

static int failed(const struct fault *f)
{
    log_fault(LOG_LEVEL_ERROR, "cercad.failed", f, NULL);
    return f->code == FAULT_CONFIG ? EXITCODE_CONFIG : EXITCODE_FAILED;
}

static int serve(struct command *k, struct generation *g, bool hint)
{
    const struct sandbox jail = {.program = "cercad", .spawn = true};
    struct fault f;
    int lock;
    int r = lock_folder(g->conf->sock_dir, &lock, &f);
    if (r != 0) {
        generation_free(g, NULL);
        return failed(&f);
    }
    r = sandbox_enter(&jail, &f);
    if (r == 0)
        r = supervisor_run(k, g, hint, &f);
    else
        generation_free(g, NULL);
    close(lock);
    return r == 0 ? EXITCODE_OK : failed(&f);
}

/* For who starts the programs in our place: services of their own. */
static void print_plan(const struct programs *p)
{
    for (size_t i = 0; i < p->n; i++)
        printf("%s %lu %s\n", p->at[i].name,
               (unsigned long)(p->at[i].has_user ? p->at[i].user : geteuid()), p->at[i].token);
}

int main(int argc, char **argv)
{
    struct options o;
    struct command k;
    struct fault f;
    struct generation *g;
    char folder[4096];

    pins_init(&k.pins);
    /* What we were given is for us: no program inherits it by accident. */
    (void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    (void)signal(SIGPIPE, SIG_IGN);
    log_open("cercad", LOG_LEVEL_INFO);
    int status = read_options(argc, argv, &o);
    if (status >= 0)
        return status;
    k.folder = folder;
    k.memory[MEMORY_NONE] = -1;
    k.memory[MEMORY_OCSP] = memfd_create("cerca-ocsp", MFD_CLOEXEC);
    k.memory[MEMORY_TLS] = memfd_create("cerca-tls", MFD_CLOEXEC);
    k.conf_path = o.conf_path;
    if (own_folder(folder, sizeof folder, &f) != 0 || generation_read(o.conf_path, &g, &f) != 0) {
        status = failed(&f);
        return o.check || o.plan ? EXITCODE_FAILED : status;
    }
    if (o.plan)
        print_plan(&g->programs);
    if (o.check || o.plan) {
        generation_free(g, NULL);
        return EXITCODE_OK;
    }
    enum log_level level;
    if (log_level_parse(g->conf->log_level, &level) == 0)
        log_open("cercad", level);
    return serve(&k, g, o.hint || isatty(STDOUT_FILENO));
}
