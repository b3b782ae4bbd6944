/* The programs that a configuration asks for, each with its socket. */
#ifndef CA_SUPERVISE_PROGRAMS_H
#define CA_SUPERVISE_PROGRAMS_H

#include <sys/types.h>

#include "lib/conf.h"

#define PROGRAM_SOCKETS_MAX 6

struct program_socket {
    const char *option;  /* by which the program gets its descriptor: "--listen-fd" */
    char *path;          /* "ADDRESS:PORT" when it has a port */
    const char *address; /* the configuration's, with a port */
    uint16_t port;       /* 0: a socket in the file system */
    unsigned mode;
    bool has_owner;
    uid_t owner;
    int fd; /* ours; -1 until programs_listen */
};

enum program_memory { MEMORY_NONE, MEMORY_OCSP, MEMORY_TLS };
#define MEMORIES 3

struct program {
    const char *name;   /* "cerca-signer", "cerca-public", "cerca-enroll", "cerca-admin",
                         "cerca-watch", "cerca-ca" */
    char *token;        /* "" for all but signers */
    char **environment; /* all that it gets, NULL behind the last */
    bool has_user;      /* runs as another user than cercad */
    uid_t user;
    gid_t group;
    enum program_memory memory; /* that outlives it */
    int pin_fd;                 /* the number at which it expects its PIN; -1: elsewhere */
    struct program_socket socket[PROGRAM_SOCKETS_MAX];
    size_t n_sockets;
};

struct programs {
    struct program *at; /* signers first, cerca-ca last */
    size_t n;
};

int programs_plan(const struct conf *c, struct programs *out, struct fault *f) WARN_UNUSED;
/* Makes every socket, or shares the one that `current` (NULL: a first start) has at the same path.
 * A port that cannot be had at a first start, or that `current` has not got either, is left for
 * later, and logged: issuing does not wait for it. */
int programs_listen(struct programs *p, const struct programs *current,
                    struct fault *f) WARN_UNUSED;
/* What this program's sockets lack still. */
int program_listen(struct program *p, struct fault *f) WARN_UNUSED;
/* Closes all sockets, removes those that are not also in `others` (may be NULL), frees. */
void programs_free(struct programs *p, const struct programs *others);

#endif
