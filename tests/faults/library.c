/*
 * The functions that stand in front of those of libc: each asks `fails` and goes on to the real
 * one. Nothing here allocates, and the order is mapped before main, so that it works in a jail too.
 */
#undef _FORTIFY_SOURCE /* whose headers define some of these functions */
#include "tests/faults/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

/* Those of libc that begin with __ have their names from there. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */

static struct fault_order *order;
static void on_crash(int sig, siginfo_t *info, void *context);

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("CERCA_FAULT");
    const struct sigaction crash = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO};
    struct fault_order *map;
    int fd;

    if (path == NULL || (fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC)) < 0)
        return;
    map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (map == MAP_FAILED)
        return;
    if (strcmp(map->program, program_invocation_short_name) != 0) {
        munmap(map, sizeof(*map));
        return;
    }
    order = map;
    sigaction(SIGSEGV, &crash, NULL);
    sigaction(SIGABRT, &crash, NULL);
}

/* Notes in which object that code is. */
static void note_object(const void *code, char *where, size_t room)
{
    Dl_info in;
    const char *name = dladdr(code, &in) != 0 ? in.dli_fname : NULL;

    if (name != NULL && strrchr(name, '/') != NULL)
        name = strrchr(name, '/') + 1;
    if (name != NULL)
        memccpy(where, name, '\0', room - 1);
}

/* The code that ended the process. */
static void note_end(const void *code)
{
    if (order != NULL)
        note_object(code, order->ended_in, sizeof(order->ended_in));
}

static void on_crash(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *at = context;

    (void)info;
    if (sig == SIGSEGV)
        note_end((const void *)at->uc_mcontext.gregs[REG_RIP]);
    else if (order->ended_in[0] == '\0') /* libc found its heap spoilt: by who got no memory */
        memcpy(order->ended_in, order->caller, sizeof(order->ended_in));
    signal(sig, SIG_DFL); /* on the way back the same instruction ends it */
}

_Noreturn void abort(void)
{
    note_end(__builtin_return_address(0));
    signal(SIGABRT, SIG_DFL);
    raise(SIGABRT);
    _exit(EXIT_FAILURE);
}

/* Is this the call that is to fail? Then errno says why. `from`: the code that made it. */
static bool fails_in(enum fault_kind kind, int why, const void *from)
{
    if (order == NULL || order->kind != (uint32_t)kind ||
        __atomic_add_fetch(&order->calls, 1, __ATOMIC_RELAXED) != order->at)
        return false;
    note_object(from, order->caller, sizeof(order->caller));
    __atomic_add_fetch(&order->failed, 1, __ATOMIC_RELAXED);
    errno = why;
    return true;
}

/* In a function that stands in front of one of libc's. */
#define fails(kind, why) fails_in(kind, why, __builtin_return_address(0))

static bool regular(int fd)
{
    struct stat st;
    int before = errno;
    bool is = order != NULL && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

    errno = before;
    return is;
}

#define REAL(name) ((__typeof__(&(name)))real(&real_##name, #name))
/* FRONT(result, name, parameters, arguments, condition, kind, errno, failure): a function in front
 * of its namesake. */
#define FRONT(result, name, parameters, arguments, condition, kind, why, failure)                  \
    static void *real_##name;                                                                      \
    result name parameters                                                                         \
    {                                                                                              \
        if ((condition) && fails(kind, why))                                                       \
            return failure;                                                                        \
        return REAL(name) arguments;                                                               \
    }

static void *real(void **known, const char *name)
{
    void *found = __atomic_load_n(known, __ATOMIC_RELAXED);

    if (found == NULL) {
        found = dlsym(RTLD_NEXT, name);
        __atomic_store_n(known, found, __ATOMIC_RELAXED);
    }
    return found;
}

/* --- memory: libc's own names for these need no look-up, which would allocate -------------------
 */

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t n);
extern void *__libc_memalign(size_t alignment, size_t n);

void *malloc(size_t n)
{
    return fails(FAULT_MEMORY, ENOMEM) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return fails(FAULT_MEMORY, ENOMEM) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t n)
{
    return fails(FAULT_MEMORY, ENOMEM) ? NULL : __libc_realloc(old, n);
}

void *aligned_alloc(size_t alignment, size_t n)
{
    return fails(FAULT_MEMORY, ENOMEM) ? NULL : __libc_memalign(alignment, n);
}

int posix_memalign(void **out, size_t alignment, size_t n)
{
    void *got = fails(FAULT_MEMORY, ENOMEM) ? NULL : __libc_memalign(alignment, n);

    if (got == NULL)
        return ENOMEM;
    *out = got;
    return 0;
}

/* --- descriptors: EMFILE ------------------------------------------------------------------------
 */

#define OPENS(name, parameters, arguments)                                                         \
    FRONT(int, name, parameters, arguments, true, FAULT_OPEN, EMFILE, -1)

static mode_t mode_of(int flags, va_list rest)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
}

static int open_at(int folder, const char *path, int flags, mode_t mode, const void *from)
{
    if (fails_in(FAULT_OPEN, EMFILE, from))
        return -1;
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list rest;                                                                              \
        mode_t mode;                                                                               \
                                                                                                   \
        va_start(rest, flags);                                                                     \
        mode = mode_of(flags, rest);                                                               \
        va_end(rest);                                                                              \
        return open_at(AT_FDCWD, path, flags, mode, __builtin_return_address(0));                  \
    }
#define OPENAT(name)                                                                               \
    int name(int folder, const char *path, int flags, ...)                                         \
    {                                                                                              \
        va_list rest;                                                                              \
        mode_t mode;                                                                               \
                                                                                                   \
        va_start(rest, flags);                                                                     \
        mode = mode_of(flags, rest);                                                               \
        va_end(rest);                                                                              \
        return open_at(folder, path, flags, mode, __builtin_return_address(0));                    \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
/* What -D_FORTIFY_SOURCE makes of open and openat without a mode. */
int __open_2(const char *path, int flags);
int __openat_2(int folder, const char *path, int flags);
int __open_2(const char *path, int flags)
{
    return open_at(AT_FDCWD, path, flags, 0, __builtin_return_address(0));
}
int __openat_2(int folder, const char *path, int flags)
{
    return open_at(folder, path, flags, 0, __builtin_return_address(0));
}
FRONT(FILE *, fopen, (const char *path, const char *how), (path, how), true, FAULT_OPEN, EMFILE,
      NULL)
FRONT(FILE *, fopen64, (const char *path, const char *how), (path, how), true, FAULT_OPEN, EMFILE,
      NULL)
OPENS(socket, (int family, int type, int protocol), (family, type, protocol))
OPENS(socketpair, (int family, int type, int protocol, int pair[2]), (family, type, protocol, pair))
OPENS(accept4, (int fd, struct sockaddr *from, socklen_t *len, int flags), (fd, from, len, flags))
OPENS(pipe2, (int pair[2], int flags), (pair, flags))
OPENS(eventfd, (unsigned count, int flags), (count, flags))
OPENS(memfd_create, (const char *name, unsigned flags), (name, flags))

/* --- files --------------------------------------------------------------------------------------
 */

#define WRITES(result, name, parameters, arguments)                                                \
    FRONT(result, name, parameters, arguments, regular(fd), FAULT_WRITE, ENOSPC, -1)
WRITES(ssize_t, write, (int fd, const void *from, size_t n), (fd, from, n))
WRITES(ssize_t, writev, (int fd, const struct iovec *from, int n), (fd, from, n))
WRITES(ssize_t, pwrite, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at))
WRITES(ssize_t, pwrite64, (int fd, const void *from, size_t n, off64_t at), (fd, from, n, at))
WRITES(ssize_t, pwritev, (int fd, const struct iovec *from, int n, off_t at), (fd, from, n, at))
WRITES(int, ftruncate, (int fd, off_t length), (fd, length))
WRITES(int, ftruncate64, (int fd, off64_t length), (fd, length))
WRITES(int, fallocate, (int fd, int how, off_t at, off_t n), (fd, how, at, n))

#define READS(result, name, parameters, arguments)                                                 \
    FRONT(result, name, parameters, arguments, regular(fd), FAULT_READ, EIO, -1)
READS(ssize_t, read, (int fd, void *to, size_t n), (fd, to, n))
READS(ssize_t, pread, (int fd, void *to, size_t n, off_t at), (fd, to, n, at))
READS(ssize_t, pread64, (int fd, void *to, size_t n, off64_t at), (fd, to, n, at))
/* NOLINTNEXTLINE(readability-redundant-declaration): only where _FORTIFY_SOURCE is built in */
ssize_t __read_chk(int fd, void *to, size_t n, size_t room);
ssize_t __read_chk(int fd, void *to, size_t n, size_t room)
{
    if (n > room)
        abort();
    if (regular(fd) && fails(FAULT_READ, EIO))
        return -1;
    return ((__typeof__(&read))real(&real_read, "read"))(fd, to, n);
}

#define SYNCS(name, parameters, arguments)                                                         \
    FRONT(int, name, parameters, arguments, true, FAULT_SYNC, EIO, -1)
SYNCS(fsync, (int fd), (fd))
SYNCS(fdatasync, (int fd), (fd))
SYNCS(msync, (void *from, size_t n, int how), (from, n, how))

#define NAMES(name, parameters, arguments)                                                         \
    FRONT(int, name, parameters, arguments, true, FAULT_NAME, EIO, -1)
NAMES(rename, (const char *from, const char *to), (from, to))
NAMES(renameat, (int f, const char *from, int t, const char *to), (f, from, t, to))
NAMES(renameat2, (int f, const char *from, int t, const char *to, unsigned how),
      (f, from, t, to, how))
NAMES(link, (const char *from, const char *to), (from, to))
NAMES(linkat, (int f, const char *from, int t, const char *to, int how), (f, from, t, to, how))
NAMES(unlink, (const char *path), (path))
NAMES(unlinkat, (int folder, const char *path, int how), (folder, path, how))
NAMES(mkdir, (const char *path, mode_t mode), (path, mode))
NAMES(mkdirat, (int folder, const char *path, mode_t mode), (folder, path, mode))

/* --- threads ------------------------------------------------------------------------------------
 */

FRONT(int, pthread_create,
      (pthread_t * out, const pthread_attr_t *how, void *(*run)(void *), void *with),
      (out, how, run, with), true, FAULT_THREAD, EAGAIN, EAGAIN)
/* NOLINTEND(bugprone-reserved-identifier) */
