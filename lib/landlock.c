#include "lib/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From the kernel's include/uapi/linux/landlock.h, with the ABI that brought them. */
#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1
#define FS_EXECUTE (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_REMOVE_DIR (1ull << 4)
#define FS_REMOVE_FILE (1ull << 5)
#define FS_MAKE_DIR (1ull << 7)
#define FS_MAKE_REG (1ull << 8)
#define FS_ALL_ABI_1 ((1ull << 13) - 1)
#define FS_REFER (1ull << 13)     /* 2 */
#define FS_TRUNCATE (1ull << 14)  /* 3 */
#define FS_IOCTL_DEV (1ull << 15) /* 5 */
#define NET_BIND_TCP (1ull << 0)  /* 4 */
#define NET_CONNECT_TCP (1ull << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ull << 0) /* 6 */
#define SCOPE_SIGNAL (1ull << 1)

struct ruleset_attr {
    uint64_t fs;
    uint64_t net;    /* ABI 4 */
    uint64_t scoped; /* ABI 6 */
};

struct path_beneath_attr {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed));

int sandbox_landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    return abi < 0 ? 0 : (int)abi;
}

static size_t attr_size(int abi)
{
    if (abi >= 6)
        return sizeof(struct ruleset_attr);
    return abi >= 4 ? offsetof(struct ruleset_attr, scoped) : offsetof(struct ruleset_attr, net);
}

static struct ruleset_attr handled(int abi, const struct sandbox *s)
{
    struct ruleset_attr a = {.fs = FS_ALL_ABI_1};
    if (abi >= 2)
        a.fs |= FS_REFER;
    if (abi >= 3)
        a.fs |= FS_TRUNCATE;
    if (abi >= 4)
        a.net = NET_BIND_TCP | (s->net_connect ? 0 : NET_CONNECT_TCP);
    if (abi >= 5)
        a.fs |= FS_IOCTL_DEV;
    if (abi >= 6)
        a.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
    return a;
}

static void describe(int abi, char out[LANDLOCK_WORDS_MAX])
{
    static const char *const said[] = {"none",
                                       "files",
                                       "files",
                                       "files truncate",
                                       "files truncate tcp",
                                       "files truncate tcp ioctl",
                                       "files truncate tcp ioctl scope"};
    size_t last = sizeof said / sizeof said[0] - 1;
    (void)snprintf(out, LANDLOCK_WORDS_MAX, "%s", said[(size_t)abi > last ? last : (size_t)abi]);
}

static uint64_t rights(const struct sandbox_path *p, bool folder)
{
    uint64_t r = FS_READ_FILE | (folder ? FS_READ_DIR : 0);
    if (p->write)
        r |= FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV;
    if (p->write && folder)
        r |= FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_REFER;
    return r;
}

static int add_path(int ruleset, const struct sandbox_path *p, uint64_t known, struct fault *f)
{
    struct stat st;
    int fd = open(p->path, O_PATH | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    int r = -1;
    if (fd >= 0 && fstat(fd, &st) == 0) {
        struct path_beneath_attr a = {.allowed = rights(p, S_ISDIR(st.st_mode)) & known,
                                      .parent_fd = fd};
        r = (int)syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &a, 0);
    }
    if (r != 0)
        r = fault_set(f, FAULT_INTERNAL, "sandbox.landlock", "%s: %s", p->path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return r;
}

int landlock_enter(const struct sandbox *s, char enforced[LANDLOCK_WORDS_MAX], struct fault *f)
{
    int abi = sandbox_landlock_abi();
    describe(abi, enforced);
    if (abi == 0)
        return 0;
    struct ruleset_attr a = handled(abi, s);
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &a, attr_size(abi), 0);
    if (ruleset < 0)
        return fault_set(f, FAULT_INTERNAL, "sandbox.landlock", "create_ruleset: %s",
                         strerror(errno));
    int r = 0;
    for (size_t i = 0; i < s->n_paths && r == 0; i++)
        r = add_path(ruleset, &s->path[i], a.fs, f);
    if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        r = fault_set(f, FAULT_INTERNAL, "sandbox.landlock", "restrict_self: %s", strerror(errno));
    close(ruleset);
    return r;
}
