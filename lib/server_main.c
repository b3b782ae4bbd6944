#include "lib/server_main.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/exitcode.h"
#include "lib/log.h"

int option_fd(const char *program, const char *text)
{
    char *rest;
    long n = strtol(text, &rest, 10);

    if (*text == '\0' || *rest != '\0' || n < 3 || n > 1023) {
        (void)fprintf(stderr, "%s: \"%s\" is not a descriptor\n", program, text);
        exit(EXITCODE_USAGE);
    }
    return (int)n;
}

int option_text(const char *program, const char *file)
{
    struct fault f;
    int fd;

    fault_clear(&f);
    if (conf_seal(file, &fd, &f) == 0)
        return fd;
    log_fault(LOG_LEVEL_ERROR, "conf.text", &f, "program", program, NULL);
    exit(EXITCODE_CONFIG);
}

static _Noreturn void wrong_usage(const struct server_program *p)
{
    (void)fputs(p->usage, stderr);
    exit(EXITCODE_USAGE);
}

static void parse_options(const struct server_program *p, int argc, char **argv,
                          struct server_options *o)
{
    static const struct option longs[] = {
        {"conf", required_argument, NULL, 'c'},
        {"conf-fd", required_argument, NULL, 'f'},
        {"listen-fd", required_argument, NULL, 'l'},
        {"keep-fd", required_argument, NULL, 'k'},
        {"check", no_argument, NULL, 'C'},
        {"text", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int c;

    *o = (struct server_options){.conf_fd = -1, .listen_fd = -1, .keep_fd = -1};
    while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->conf = optarg;
            break;
        case 'f':
            o->conf_fd = option_fd(p->name, optarg);
            break;
        case 't':
            o->conf_fd = option_text(p->name, optarg);
            break;
        case 'l':
            o->listen_fd = option_fd(p->name, optarg);
            break;
        case 'k':
            o->keep_fd = option_fd(p->name, optarg);
            break;
        case 'C':
            o->check = true;
            break;
        case 'h':
            (void)fputs(p->usage, stdout);
            exit(EXITCODE_OK);
        case 'V':
            (void)printf("%s %s\n", p->name, CERCA_VERSION);
            exit(EXITCODE_OK);
        default:
            wrong_usage(p);
        }
    }
    if (o->conf == NULL || optind != argc)
        wrong_usage(p);
}

int server_main(const struct server_program *p, int argc, char **argv)
{
    enum log_level level = LOG_LEVEL_INFO;
    struct conf *conf = NULL;
    struct server_options o;
    struct fault f;
    int rc;

    (void)umask(0077);
    memory_give_back();
    log_open(p->name, level);
    parse_options(p, argc, argv, &o);
    fault_clear(&f);
    rc = o.conf_fd >= 0 ? conf_load_fd(o.conf_fd, o.conf, &conf, &f) : conf_load(o.conf, &conf, &f);
    if (rc == 0) {
        if (log_level_parse(conf->log_level, &level) == 0)
            log_open(p->name, level);
        rc = p->run(&o, conf, &f);
    }
    if (rc != 0)
        log_fault(LOG_LEVEL_ERROR, p->ended, &f, NULL);
    conf_free(conf);
    if (rc == 0)
        return EXITCODE_OK;
    return f.code == FAULT_CONFIG ? EXITCODE_CONFIG : EXITCODE_FAILED;
}
