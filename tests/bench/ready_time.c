/*
 * From starting cerca-ca to its first answer on the admin socket.
 *
 *   ready_time CERCA-CA CONF
 *
 * Starts the program alone, connects as soon as the socket is there, asks for its status, and
 * ends it again. Prints seconds.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/conn.h"
#include "lib/log.h"
#include "lib/proto.h"

#define LIMIT_US 60000000

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "ready_time: %s\n", what);
    exit(1);
}

static bool answers(const char *path)
{
    struct client *c;
    struct frame answer;
    struct fault f;
    bool ok = false;

    fault_clear(&f);
    if (client_open(path, &c, &f) != 0)
        return false;
    if (client_call(c, MSG_STATUS, SLICE_NONE, 60000, &answer, &f) == 0)
        ok = answer.type == MSG_STATUS_REPLY;
    client_free(c);
    return ok;
}

static pid_t start(const char *program, const char *conf)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (freopen("/dev/null", "w", stderr) != NULL)
            execl(program, program, "-c", conf, (char *)NULL);
        _exit(127);
    }
    if (pid < 0)
        die("cannot fork");
    return pid;
}

int main(int argc, char **argv)
{
    const struct timespec pause = {0, 500000};
    struct conf *conf;
    struct fault f;
    struct buf path;
    uint64_t begin;
    pid_t pid;
    int status;

    fault_clear(&f);
    log_open("ready_time", LOG_LEVEL_ERROR);
    if (argc != 3)
        die("usage: ready_time CERCA-CA CONF");
    if (conf_load(argv[2], &conf, &f) != 0)
        die(f.text);
    buf_init(&path, 4096);
    conf_admin_socket(conf, &path);
    unlink(buf_cstr(&path));
    begin = clock_mono_us();
    pid = start(argv[1], argv[2]);
    while (!answers(buf_cstr(&path))) {
        if (clock_mono_us() - begin > LIMIT_US || waitpid(pid, &status, WNOHANG) != 0)
            die("cerca-ca did not answer");
        nanosleep(&pause, NULL);
    }
    printf("%.3f\n", (double)(clock_mono_us() - begin) / 1e6);
    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
    buf_free(&path);
    conf_free(conf);
    return 0;
}
