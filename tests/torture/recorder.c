/*
 * Preloaded into the programs of a CA: records what they change below one folder, and when a sync
 * is complete, so that disk.py can make the folder as a machine that lost its power would find it.
 *
 *   CERCA_RECORD=LOG:FOLDER   LOG is a file of its full size, mapped by all programs; what comes
 * behind its end is not recorded, which its head then says CERCA_RECORD_BOOT=TEXT    what the
 * programs read as the kernel's boot_id, since a machine that lost its power has another one
 * afterwards
 *
 * Calls are recorded behind their return, the begin of a sync also before it: what a sync that is
 * complete wrote is what was recorded before its begin. The log is mapped before a program jails
 * itself, and nothing else is needed then. Shared writable mappings have no calls: their first page
 * is compared at each event of the process that has it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Kinds of records; disk.py has the same. */
enum kind {
    NAME = 1,   /* a path is this file now: opened to create, or linked; flags 1: it had no name */
    RENAME,     /* path, zero, path */
    UNLINK,     /* path */
    MKDIR,      /* path */
    WRITE,      /* octets at an offset; flags 1: durable by itself (O_DSYNC) */
    TRUNCATE,   /* to a size */
    SYNC_BEGIN, /* of a file or folder */
    SYNC_END,   /* at: the place of its begin */
    SYNC_ALL,   /* the same of everything */
    MARK,       /* a text of who records (recorder_mark) */
};

struct record {
    uint32_t size; /* with this head, a multiple of 8; 0: the writer was killed here */
    uint16_t kind, flags;
    uint64_t inode; /* of the file, or 0 */
    uint64_t at;
    uint64_t time;         /* microseconds of the monotonic clock */
    uint32_t n;            /* octets that follow */
    _Atomic uint32_t done; /* set last */
};

struct head {
    _Atomic uint64_t used;
    _Atomic uint64_t overflowed;
    uint8_t rest[4096 - 16];
};

#define FILES 1024 /* descriptors that are looked after; a program has fewer */
#define REGIONS 64
#define PAGE 4096

static struct head *head;
static uint64_t capacity;
static char folder[PATH_MAX];
static size_t folder_len;
static _Atomic int
    file_state[FILES]; /* 0: not known, 1: not below the folder, 2: below it, 3: and O_DSYNC */

static pthread_mutex_t regions_lock = PTHREAD_MUTEX_INITIALIZER;
static struct region {
    uint8_t *at;
    size_t n;
    uint64_t inode;
    uint8_t shadow[PAGE];
} regions[REGIONS];

/* For disk.py, which loads this as a library. */
void recorder_mark(const char *text);
int recorder_open(const char *log, const char *below);

/* ---- the log ---- */

static uint64_t now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void append(enum kind kind, unsigned flags, uint64_t inode, uint64_t at,
                   const struct iovec *v, int count, uint64_t *place)
{
    size_t n = 0;
    for (int i = 0; i < count; i++)
        n += v[i].iov_len;
    uint64_t size = (sizeof(struct record) + n + 7) / 8 * 8;
    /* Before the place: what was told at or before this time has its records before this one. */
    uint64_t time = now();
    uint64_t pos = atomic_fetch_add(&head->used, size);
    if (place)
        *place = pos;
    if (pos + size > capacity || n > UINT32_MAX / 2) {
        atomic_store(&head->overflowed, 1);
        return;
    }
    struct record *r = (struct record *)(void *)((uint8_t *)head + pos);
    r->size = (uint32_t)size; /* first, so that those behind are found if this one is never done */
    r->kind = (uint16_t)kind;
    r->flags = (uint16_t)flags;
    r->inode = inode;
    r->at = at;
    r->time = time;
    r->n = (uint32_t)n;
    uint8_t *p = (uint8_t *)(r + 1);
    for (int i = 0; i < count; i++) {
        memcpy(p, v[i].iov_base, v[i].iov_len);
        p += v[i].iov_len;
    }
    atomic_store(&r->done, 1);
}

static void append_text(enum kind kind, unsigned flags, uint64_t inode, const char *text)
{
    struct iovec v = {(void *)(uintptr_t)text, strlen(text)};
    append(kind, flags, inode, 0, &v, 1, NULL);
}

/* What was acknowledged by now. */
void recorder_mark(const char *text)
{
    if (head)
        append_text(MARK, 0, 0, text);
}

int recorder_open(const char *log, const char *below)
{
    struct stat st;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0 || fstat(fd, &st) != 0 || (size_t)st.st_size <= sizeof(struct head))
        return -1;
    void *p = (void *)syscall(SYS_mmap, NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
                              MAP_SHARED, fd, 0);
    (void)syscall(SYS_close, fd);
    if (p == MAP_FAILED)
        return -1;
    folder_len = (size_t)snprintf(folder, sizeof(folder), "%s/", below);
    capacity = (uint64_t)st.st_size;
    head = p;
    return 0;
}

__attribute__((constructor)) static void begin(void)
{
    const char *order = getenv("CERCA_RECORD");
    char log[PATH_MAX];
    const char *colon = order ? strchr(order, ':') : NULL;
    if (colon == NULL || (size_t)(colon - order) >= sizeof(log))
        return;
    memcpy(log, order, (size_t)(colon - order));
    log[colon - order] = 0;
    if (recorder_open(log, colon + 1) != 0)
        abort();
}

/* ---- which file ---- */

static bool path_of_fd(int fd, char out[PATH_MAX])
{
    char link[64];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, PATH_MAX - 1);
    out[n > 0 ? n : 0] = 0;
    return n > 0;
}

/* The path below the folder that a call means; NULL: somewhere else. */
static const char *below(int dirfd, const char *path, char out[PATH_MAX])
{
    char base[PATH_MAX] = "";
    if (path[0] != '/' && dirfd != AT_FDCWD && !path_of_fd(dirfd, base))
        return NULL;
    if (path[0] != '/' && dirfd == AT_FDCWD && syscall(SYS_getcwd, base, sizeof(base)) < 0)
        return NULL;
    int n = path[0] == '/' ? snprintf(out, PATH_MAX, "%s", path)
                           : snprintf(out, PATH_MAX, "%s/%s", base, path);
    if (n < 0 || n >= PATH_MAX || strncmp(out, folder, folder_len) != 0)
        return NULL;
    return out + folder_len;
}

static int state_of(int fd)
{
    char path[PATH_MAX];
    if (head == NULL || fd < 0 || fd >= FILES)
        return 1;
    int s = atomic_load(&file_state[fd]);
    if (s != 0)
        return s;
    s = path_of_fd(fd, path) &&
                (strncmp(path, folder, folder_len) == 0 ||
                 (strncmp(path, folder, folder_len - 1) == 0 && path[folder_len - 1] == 0))
            ? 2
            : 1;
    if (s == 2 && (fcntl(fd, F_GETFL) & O_DSYNC) != 0)
        s = 3;
    atomic_store(&file_state[fd], s);
    return s;
}

static uint64_t inode_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

static void forget(int fd)
{
    if (fd >= 0 && fd < FILES)
        atomic_store(&file_state[fd], 0);
}

/* ---- mappings ---- */

static void look_at_regions(void)
{
    pthread_mutex_lock(&regions_lock);
    for (size_t i = 0; i < REGIONS; i++) {
        struct region *r = &regions[i];
        if (r->at == NULL || memcmp(r->at, r->shadow, r->n) == 0)
            continue;
        memcpy(r->shadow, r->at, r->n);
        struct iovec v = {r->shadow, r->n};
        append(WRITE, 0, r->inode, 0, &v, 1, NULL);
    }
    pthread_mutex_unlock(&regions_lock);
}

__attribute__((destructor)) static void end(void)
{
    if (head != NULL)
        look_at_regions();
}

/* LMDB's lock files are nobody's after a power cut. */
static bool is_lock_file(int fd)
{
    char path[PATH_MAX];
    size_t n = path_of_fd(fd, path) ? strlen(path) : 0;
    return n >= 9 && strcmp(path + n - 9, "/lock.mdb") == 0;
}

void *mmap(void *addr, size_t n, int prot, int flags, int fd, off_t at)
{
    void *p = (void *)syscall(SYS_mmap, addr, n, prot, flags, fd, at);
    if (p == MAP_FAILED || (prot & PROT_WRITE) == 0 || (flags & MAP_SHARED) == 0 || at != 0 ||
        state_of(fd) < 2 || is_lock_file(fd))
        return p;
    pthread_mutex_lock(&regions_lock);
    for (size_t i = 0; i < REGIONS; i++) {
        struct region *r = &regions[i];
        if (r->at != NULL)
            continue;
        r->n = n < PAGE ? n : PAGE;
        r->inode = inode_of(fd);
        memcpy(r->shadow, p, r->n);
        r->at = p;
        break;
    }
    pthread_mutex_unlock(&regions_lock);
    return p;
}
void *mmap64(void *addr, size_t n, int prot, int flags, int fd, off_t at)
    __attribute__((alias("mmap")));

int munmap(void *addr, size_t n)
{
    if (head != NULL) {
        look_at_regions();
        pthread_mutex_lock(&regions_lock);
        for (size_t i = 0; i < REGIONS; i++)
            if (regions[i].at == addr)
                regions[i].at = NULL;
        pthread_mutex_unlock(&regions_lock);
    }
    return (int)syscall(SYS_munmap, addr, n);
}

/* ---- names ---- */

static int boot_id(const char *text)
{
    int fd = (int)syscall(SYS_memfd_create, "boot_id", MFD_CLOEXEC);
    if (fd >= 0 && (syscall(SYS_write, fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0))
        abort();
    return fd;
}

static int open_at(int dirfd, const char *path, int flags, mode_t mode)
{
    char full[PATH_MAX];
    const char *boot = getenv("CERCA_RECORD_BOOT");
    if (boot && (flags & O_PATH) == 0 && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0)
        return boot_id(boot);
    int fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
    forget(fd);
    if (fd < 0 || (flags & (O_CREAT | __O_TMPFILE | O_TRUNC)) == 0 || state_of(fd) < 2)
        return fd;
    const char *name = below(dirfd, path, full);
    bool nameless = (flags & __O_TMPFILE) == __O_TMPFILE;
    if (name != NULL && (flags & O_CREAT || nameless))
        append_text(NAME, nameless, inode_of(fd), name);
    if (flags & O_TRUNC)
        append(TRUNCATE, 0, inode_of(fd), 0, NULL, 0, NULL);
    return fd;
}

#define MODE_OF(flags, mode)                                                                       \
    do {                                                                                           \
        if ((flags) & (O_CREAT | __O_TMPFILE)) {                                                   \
            va_list ap;                                                                            \
            va_start(ap, flags);                                                                   \
            mode = va_arg(ap, mode_t);                                                             \
            va_end(ap);                                                                            \
        }                                                                                          \
    } while (0)

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    MODE_OF(flags, mode);
    return open_at(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int openat(int dirfd, const char *path, int flags, ...)
{
    mode_t mode = 0;
    MODE_OF(flags, mode);
    return open_at(dirfd, path, flags, mode);
}
int openat64(int dirfd, const char *path, int flags, ...) __attribute__((alias("openat")));

/* What open and openat are where the compiler sees the flags. */
int open_checked(const char *path, int flags) __asm__("__open_2");
int open_checked(const char *path, int flags)
{
    return open_at(AT_FDCWD, path, flags, 0);
}
int openat_checked(int dirfd, const char *path, int flags) __asm__("__openat_2");
int openat_checked(int dirfd, const char *path, int flags)
{
    return open_at(dirfd, path, flags, 0);
}

int mkostemp(char *template, int flags)
{
    static _Atomic unsigned next;
    size_t n = strlen(template);
    for (int i = 0; i < 1000 && n >= 6; i++) {
        unsigned k = (unsigned)getpid() * 7919U + atomic_fetch_add(&next, 1);
        (void)snprintf(template + n - 6, 7, "%06u", k % 1000000U);
        int fd = open_at(AT_FDCWD, template, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    errno = EINVAL;
    return -1;
}

int close(int fd)
{
    forget(fd);
    return (int)syscall(SYS_close, fd);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    char a[PATH_MAX], b[PATH_MAX];
    int rc = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
    const char *old = rc == 0 && head ? below(from_dir, from, a) : NULL;
    const char *new = old ? below(to_dir, to, b) : NULL;
    if (new != NULL) {
        struct iovec v[2] = {{(void *)(uintptr_t)old, strlen(old) + 1},
                             {(void *)(uintptr_t) new, strlen(new)}};
        append(RENAME, 0, 0, 0, v, 2, NULL);
    }
    return rc;
}
int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    char full[PATH_MAX];
    struct stat st;
    int rc = (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
    const char *name = rc == 0 && head ? below(to_dir, to, full) : NULL;
    if (name != NULL && fstatat(to_dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
        append_text(NAME, 2, (uint64_t)st.st_ino, name);
    return rc;
}
int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int dirfd, const char *path, int flags)
{
    char full[PATH_MAX];
    int rc = (int)syscall(SYS_unlinkat, dirfd, path, flags);
    const char *name = rc == 0 && head ? below(dirfd, path, full) : NULL;
    if (name != NULL)
        append_text(UNLINK, 0, 0, name);
    return rc;
}
int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}
int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}
int remove(const char *path)
{
    int rc = unlink(path);
    return rc != 0 && (errno == EISDIR || errno == EPERM) ? rmdir(path) : rc;
}

int mkdirat(int dirfd, const char *path, mode_t mode)
{
    char full[PATH_MAX];
    int rc = (int)syscall(SYS_mkdirat, dirfd, path, mode);
    struct stat st;
    const char *name = rc == 0 && head ? below(dirfd, path, full) : NULL;
    if (name != NULL && fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
        append_text(MKDIR, 0, (uint64_t)st.st_ino, name);
    return rc;
}
int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

/* ---- contents ---- */

static void wrote(int fd, const struct iovec *v, int count, ssize_t n, off_t at)
{
    struct iovec part[64];
    size_t left = n > 0 ? (size_t)n : 0;
    int used = 0;
    int state = left > 0 ? state_of(fd) : 1;
    if (state < 2)
        return;
    look_at_regions();
    for (; used < count && left > 0; used++) {
        if (used == 64)
            abort(); /* more than LMDB's MDB_COMMIT_PAGES; nobody here has them */
        part[used] =
            (struct iovec){v[used].iov_base, v[used].iov_len < left ? v[used].iov_len : left};
        left -= part[used].iov_len;
    }
    append(WRITE, state == 3, inode_of(fd), (uint64_t)at, part, used, NULL);
}

/* Where a write without a place went; it moved the place. */
static off_t behind(int fd, ssize_t n)
{
    return state_of(fd) < 2 ? 0 : lseek(fd, 0, SEEK_CUR) - n;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    ssize_t done = syscall(SYS_pwrite64, fd, p, n, at);
    struct iovec v = {(void *)(uintptr_t)p, n};
    wrote(fd, &v, 1, done, at);
    return done;
}
ssize_t pwrite64(int fd, const void *p, size_t n, off_t at) __attribute__((alias("pwrite")));

ssize_t pwritev(int fd, const struct iovec *v, int count, off_t at)
{
    ssize_t done = syscall(SYS_pwritev, fd, v, count, at, 0);
    wrote(fd, v, count, done, at);
    return done;
}
ssize_t pwritev64(int fd, const struct iovec *v, int count, off_t at)
    __attribute__((alias("pwritev")));

ssize_t write(int fd, const void *p, size_t n)
{
    ssize_t done = syscall(SYS_write, fd, p, n);
    int error = errno;
    struct iovec v = {(void *)(uintptr_t)p, n};
    if (done > 0)
        wrote(fd, &v, 1, done, behind(fd, done));
    errno = error;
    return done;
}

ssize_t writev(int fd, const struct iovec *v, int count)
{
    ssize_t done = syscall(SYS_writev, fd, v, count);
    int error = errno;
    if (done > 0)
        wrote(fd, v, count, done, behind(fd, done));
    errno = error;
    return done;
}

int ftruncate(int fd, off_t size)
{
    int rc = (int)syscall(SYS_ftruncate, fd, size);
    if (rc == 0 && state_of(fd) >= 2)
        append(TRUNCATE, 0, inode_of(fd), (uint64_t)size, NULL, 0, NULL);
    return rc;
}
int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));

/* ---- syncs ---- */

static int synced(int fd, long call, enum kind end)
{
    uint64_t place = 0;
    bool tracked = state_of(fd) >= 2;
    uint64_t inode = tracked ? inode_of(fd) : 0;
    if (tracked) {
        look_at_regions();
        append(SYNC_BEGIN, 0, inode, 0, NULL, 0, &place);
    }
    int rc = (int)syscall(call, fd);
    if (tracked && rc == 0)
        append(end, 0, inode, place, NULL, 0, NULL);
    return rc;
}

int fsync(int fd)
{
    return synced(fd, SYS_fsync, SYNC_END);
}

int fdatasync(int fd)
{
    return synced(fd, SYS_fdatasync, SYNC_END);
}

int syncfs(int fd)
{
    return synced(fd, SYS_syncfs, SYNC_ALL);
}
