/*
 * Jails. A program opens what it needs, calls sandbox_enter, and only then
 * starts threads or loads modules: landlock binds the calling thread and what
 * it starts later.
 */
#ifndef LIB_SANDBOX_H
#define LIB_SANDBOX_H

#include <stdbool.h>

#include "lib/fault.h"

#define SANDBOX_PATHS_MAX 32

struct sandbox_path {
    const char *path; /* a file or a folder; skipped when absent */
    bool write;       /* else read only */
};

struct sandbox {
    const char *program;
    bool unix_connect; /* may make AF_UNIX sockets of SOCK_SEQPACKET and connect them */
    bool net_connect;  /* may make outgoing TCP connections: tokens at an endpoint */
    bool send_files;   /* may send files to sockets that it has (sendfile): HTTP */
    bool spawn;        /* may fork and exec: cercad only */
    bool load_modules; /* may map files as code: cerca-signer only (landlock still binds it) */
    struct sandbox_path path[SANDBOX_PATHS_MAX];
    size_t n_paths;
};

void sandbox_allow(struct sandbox *s, const char *path, bool write);
/* What the resolver and OpenSSL read, for who makes connections. Modules of NSS cannot be loaded in
 * a jail: look a name up before it, and those beyond files and dns are passed over. */
void sandbox_allow_resolver(struct sandbox *s);
/* The system's trust anchors. */
void sandbox_allow_anchors(struct sandbox *s);
/* PR_SET_NO_NEW_PRIVS, PR_SET_DUMPABLE 0, RLIMIT_CORE 0, landlock (as much as the
 * kernel knows), seccomp (lib/syscalls.c). What a jailed program meets:
 *   - a call that is not on the list: EPERM; so does a socket of a family or type it may not
 *     make, since libraries probe for those, and a change of mode by path; clone3: ENOSYS, so that
 * glibc uses clone;
 *   - ptrace, process_vm_*, execve without `spawn` and the like: the process is killed;
 *   - a path that was not allowed: EACCES; TCP: EACCES where landlock knows it;
 *   - code mapped after the jail, without load_modules: EPERM.
 * A path that is absent now is not allowed later: allow its folder. With `spawn` there is no
 * landlock, for it would bind every child to the same paths, and the seccomp list holds what
 * children need until they enter their own jail.
 * Logs event sandbox.entered with the landlock ABI and what was enforced. In a test build
 * CERCA_NO_JAIL=1 (debuggers, sanitizers) skips it with a warning on every start; a release build
 * has no such switch. */
int sandbox_enter(const struct sandbox *s, struct fault *f) WARN_UNUSED;
int sandbox_landlock_abi(void); /* 0: none */

#endif
