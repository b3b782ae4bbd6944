/*
 * cerca-ca: the core. The only program that opens the store; it has no network
 * and no PKCS#11. Open what is needed, jail, serve.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ca/core/core.h"
#include "ca/core/restore.h"
#include "ca/core/verify.h"
#include "ca/enroll/anchors.h"
#include "ca/enroll/passwords.h"
#include "ca/delegate/nodes.h"
#include "lib/exitcode.h"
#include "lib/key_blocklist.h"
#include "lib/log.h"
#include "lib/manager.h"
#include "lib/server_main.h"
#include "lib/step.h"

struct options {
    const char *conf;
    const char *verify; /* a backup */
    struct restore_options restore;
    int conf_fd, listen_fd, delegate_fd, enroll_fd, metrics_fd, watch_fd, scan_fd, control_fd;
    bool check, bootstrap;
};

static void usage(FILE *to)
{
    fputs("usage: cerca-ca -c CONF [--text FILE] [--check | --bootstrap]\n"
          "                [--conf-fd N] [--listen-fd N] [--delegate-fd N] [--enroll-fd N]\n"
          "                [--metrics-fd N] [--watch-fd N] [--scan-fd N]\n"
          "                [--control-fd N]\n"
          "       cerca-ca -c CONF --restore FILE [--crl FILE] ... [--checkpoint FILE] ...\n"
          "       cerca-ca --verify-backup FILE\n"
          "\n"
          "The core of Cerca: decides, records and answers. cercad starts it; alone it opens\n"
          "the admin socket itself and stays in the foreground.\n"
          "\n"
          "  -c, --conf CONF   the configuration\n"
          "      --text FILE   its text that is in force, where that is another\n"
          "      --check       read the configuration and the list of weak keys, then end\n"
          "      --bootstrap   issue the issuers' certificates that are missing, then end\n"
          "      --restore FILE\n"
          "                    make a backup the store of a stopped CA, closed, then end\n"
          "      --verify-backup FILE\n"
          "                    check a backup offline, then end\n"
          "      --conf-fd N, --listen-fd N, --delegate-fd N, --enroll-fd N, --metrics-fd N,\n"
          "      --watch-fd N, --scan-fd N, --control-fd N\n"
          "                    descriptors that cercad hands over\n"
          "      --help, --version\n",
          to);
}

static void add_file(const char **file, size_t *n)
{
    if (*n == RESTORE_FILES_MAX) {
        fprintf(stderr, "cerca-ca: at most %d of a kind\n", RESTORE_FILES_MAX);
        exit(EXITCODE_USAGE);
    }
    file[(*n)++] = optarg;
}

static void parse_options(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        {"conf", required_argument, NULL, 'c'},
        {"text", required_argument, NULL, 't'},
        {"conf-fd", required_argument, NULL, 'f'},
        {"listen-fd", required_argument, NULL, 'l'},
        {"delegate-fd", required_argument, NULL, 'd'},
        {"enroll-fd", required_argument, NULL, 'e'},
        {"metrics-fd", required_argument, NULL, 'm'},
        {"watch-fd", required_argument, NULL, 'w'},
        {"scan-fd", required_argument, NULL, 's'},
        {"control-fd", required_argument, NULL, 'k'},
        {"restore", required_argument, NULL, 'r'},
        {"crl", required_argument, NULL, 'R'},
        {"checkpoint", required_argument, NULL, 'K'},
        {"verify-backup", required_argument, NULL, 'v'},
        {"check", no_argument, NULL, 'C'},
        {"bootstrap", no_argument, NULL, 'B'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int c;

    *o = (struct options){.conf_fd = -1,
                          .listen_fd = -1,
                          .delegate_fd = -1,
                          .enroll_fd = -1,
                          .metrics_fd = -1,
                          .watch_fd = -1,
                          .scan_fd = -1,
                          .control_fd = -1};
    while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->conf = optarg;
            break;
        case 't':
            o->conf_fd = option_text("cerca-ca", optarg);
            break;
        case 'f':
            o->conf_fd = option_fd("cerca-ca", optarg);
            break;
        case 'l':
            o->listen_fd = option_fd("cerca-ca", optarg);
            break;
        case 'd':
            o->delegate_fd = option_fd("cerca-ca", optarg);
            break;
        case 'e':
            o->enroll_fd = option_fd("cerca-ca", optarg);
            break;
        case 'm':
            o->metrics_fd = option_fd("cerca-ca", optarg);
            break;
        case 'w':
            o->watch_fd = option_fd("cerca-ca", optarg);
            break;
        case 's':
            o->scan_fd = option_fd("cerca-ca", optarg);
            break;
        case 'k':
            o->control_fd = option_fd("cerca-ca", optarg);
            break;
        case 'r':
            o->restore.backup = optarg;
            break;
        case 'R':
            add_file(o->restore.crl, &o->restore.n_crls);
            break;
        case 'K':
            add_file(o->restore.checkpoint, &o->restore.n_checkpoints);
            break;
        case 'v':
            o->verify = optarg;
            break;
        case 'C':
            o->check = true;
            break;
        case 'B':
            o->bootstrap = true;
            break;
        case 'h':
            usage(stdout);
            exit(EXITCODE_OK);
        case 'V':
            puts("cerca-ca " CERCA_VERSION);
            exit(EXITCODE_OK);
        default:
            usage(stderr);
            exit(EXITCODE_USAGE);
        }
    }
    if ((o->conf == NULL && o->verify == NULL) || optind < argc) {
        usage(stderr);
        exit(EXITCODE_USAGE);
    }
}

/* What a service manager hands over goes by the sockets' names. */
static void take_sockets(struct options *o)
{
    const struct {
        int *fd;
        const char *name;
    } socket[] = {{&o->listen_fd, "admin"},  {&o->delegate_fd, "public"},
                  {&o->enroll_fd, "enroll"}, {&o->metrics_fd, "metrics"},
                  {&o->watch_fd, "watch"},   {&o->scan_fd, "scan"}};

    for (size_t i = 0; i < sizeof(socket) / sizeof(socket[0]); i++)
        if (*socket[i].fd < 0)
            *socket[i].fd = manager_fd(socket[i].name);
}

static int fail(const char *event, const struct fault *f, int code)
{
    log_fault(LOG_LEVEL_ERROR, event, f, NULL);
    return code;
}

static int load(const struct options *o, struct conf **conf, struct fault *f)
{
    enum log_level level = LOG_LEVEL_INFO;
    int rc =
        o->conf_fd >= 0 ? conf_load_fd(o->conf_fd, o->conf, conf, f) : conf_load(o->conf, conf, f);

    if (rc == 0 && log_level_parse((*conf)->log_level, &level) == 0)
        log_open("cerca-ca", level);
    return rc;
}

/* Before the jail, and by --check too: a reload with a broken list is refused whole. */
static int load_blocklist(const struct options *o, const struct conf *conf,
                          struct key_blocklist **out, struct fault *f)
{
    char count[24];

    if (key_blocklist_load(conf->key_blocklist, out, f) != 0)
        return fail("key.blocklist.refused", f, EXITCODE_CONFIG);
    snprintf(count, sizeof(count), "%zu", key_blocklist_count(*out));
    if (*out != NULL && !o->check)
        log_info("key.blocklist.loaded", "file", conf->key_blocklist, "keys", count, NULL);
    return EXITCODE_OK;
}

/* Started alone: our own admin socket. */
static int open_socket(const struct options *o, const struct conf *conf, struct fault *f)
{
    struct buf path;
    int fd = o->listen_fd;

    if (fd >= 0 || o->bootstrap)
        return fd;
    buf_init(&path, 4096);
    conf_admin_socket(conf, &path);
    fd = listen_unix(buf_cstr(&path), 0600, f);
    buf_free(&path);
    return fd;
}

static int load_passwords(const struct options *o, const struct conf *conf, struct passwords **out,
                          struct fault *f)
{
    if (passwords_load(conf->password_file, out, f) != 0)
        return fail("password.file.refused", f, EXITCODE_CONFIG);
    if (*out != NULL && !o->check)
        log_info("password.file.loaded", "file", conf->password_file, "users",
                 log_num((int64_t)passwords_count(*out)), NULL);
    return EXITCODE_OK;
}

static int run(const struct options *o, const struct conf *conf,
               const struct key_blocklist *blocklist, const struct passwords *passwords,
               const struct anchors *anchors)
{
    struct core_options parts = {.conf = conf,
                                 .blocklist = blocklist,
                                 .passwords = passwords,
                                 .anchors = anchors,
                                 .delegate_fd = o->delegate_fd,
                                 .enroll_fd = o->enroll_fd,
                                 .metrics_fd = o->metrics_fd,
                                 .watch_fd = o->watch_fd,
                                 .scan_fd = o->scan_fd,
                                 .control_fd = o->control_fd};
    struct core *core;
    struct fault f;
    int rc = 0;

    fault_clear(&f);
    parts.listen_fd = open_socket(o, conf, &f);
    if (f.code != FAULT_NONE)
        return fail("core.socket.failed", &f, EXITCODE_FAILED);
    if (core_jail(conf, o->bootstrap, NULL, &f) != 0)
        return fail("core.jail.failed", &f, EXITCODE_FAILED);
    if (core_new(&parts, &core, &f) != 0)
        return fail("core.start.failed", &f,
                    f.code == FAULT_CONFIG ? EXITCODE_CONFIG : EXITCODE_FAILED);
    if (o->bootstrap)
        rc = core_bootstrap(core, &f);
    else
        core_serve(core);
    core_free(core);
    return rc == 0 ? EXITCODE_OK : fail("bootstrap.failed", &f, EXITCODE_FAILED);
}

static int restore(const struct conf *conf, const struct restore_options *o)
{
    struct fault f;

    fault_clear(&f);
    return core_restore(conf, o, &f) == 0 ? EXITCODE_OK
                                          : fail("restore.failed", &f, EXITCODE_FAILED);
}

static int verify(const char *path)
{
    struct fault f;
    uint64_t findings;

    fault_clear(&f);
    if (backup_verify(path, &findings, &f) != 0)
        return fail("backup.refused", &f,
                    f.code == FAULT_MALFORMED || strcmp(f.rule, "store.damaged") == 0
                        ? EXITCODE_UNSOUND
                        : EXITCODE_FAILED);
    return findings == 0 ? EXITCODE_OK : EXITCODE_UNSOUND;
}

int main(int argc, char **argv)
{
    struct options o;
    struct key_blocklist *blocklist;
    struct passwords *passwords = NULL;
    struct anchors *anchors = NULL;
    struct conf *conf;
    struct fault f;
    int rc;

    STEP_INIT("cerca-ca");
    umask(0077);
    memory_give_back();
    log_open("cerca-ca", LOG_LEVEL_INFO);
    parse_options(argc, argv, &o);
    if (o.verify != NULL)
        return verify(o.verify);
    if (!o.bootstrap && o.restore.backup == NULL)
        take_sockets(&o);
    fault_clear(&f);
    if (load(&o, &conf, &f) != 0)
        return fail("conf.refused", &f, EXITCODE_CONFIG);
    if (o.restore.backup != NULL) {
        rc = restore(conf, &o.restore);
        conf_free(conf);
        return rc;
    }
    rc = load_blocklist(&o, conf, &blocklist, &f);
    if (rc == EXITCODE_OK)
        rc = load_passwords(&o, conf, &passwords, &f);
    if (rc == EXITCODE_OK && nodes_check(conf, &f) != 0)
        rc = fail("view.nodes.refused", &f, EXITCODE_CONFIG);
    if (rc == EXITCODE_OK && anchors_load(conf, &anchors, &f) != 0)
        rc = fail("est.anchors.refused", &f, EXITCODE_CONFIG);
    if (rc == EXITCODE_OK && !o.check)
        rc = run(&o, conf, blocklist, passwords, anchors);
    anchors_free(anchors);
    passwords_free(passwords);
    key_blocklist_free(blocklist);
    conf_free(conf);
    return rc;
}
