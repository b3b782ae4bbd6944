/* Starting one program with just the descriptors, user and environment that it is given. */
#ifndef CA_SUPERVISE_LAUNCH_H
#define CA_SUPERVISE_LAUNCH_H

#include <sys/types.h>

#include "lib/fault.h"

#define LAUNCH_FDS_MAX 8
#define LAUNCH_ARGS_MAX 24

struct launch {
    const char *path; /* of the program; never searched */
    const char *argv[LAUNCH_ARGS_MAX + 1];
    char *const *environment;
    struct {
        int from, to; /* our descriptor, and its number in the program */
    } fd[LAUNCH_FDS_MAX];
    size_t n_fds;
    bool has_user;
    uid_t user;
    gid_t group;
};

/* The program gets /dev/null as standard input (save when a descriptor goes to 0), our
 * standard output and error, the listed descriptors and no other that is CLOEXEC, as ours all
 * are; a session of its own, so that a terminal's interrupt reaches cercad alone; and SIGKILL
 * when we die: a new cercad must find no old program at work. Returns its pid or a negative
 * fault code; exit status 127: it could not be executed, with the reason in the log. */
pid_t launch(const struct launch *l, struct fault *f) WARN_UNUSED;

#endif
