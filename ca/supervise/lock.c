#include "ca/supervise/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/file.h"

#define AFTERLIFE_MS 5000
#define LOOK_EVERY_MS 20

static long holder(int fd)
{
    char pid[16] = "";
    ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
    return n > 0 ? strtol(pid, NULL, 10) : 0;
}

static bool is_dead(long pid)
{
    return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* Of a cercad that was killed, a child that it had just forked may hold the lock until it executes
 * its program, or sees that its parent is gone. */
static int take(int fd, const char *folder, struct fault *f)
{
    const struct timespec rest = {.tv_nsec = LOOK_EVERY_MS * 1000000L};
    for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited += LOOK_EVERY_MS) {
        if (errno != EWOULDBLOCK)
            return fault_set(f, FAULT_INTERNAL, "lock", "%s: %s", folder, strerror(errno));
        long other = holder(fd);
        if (waited >= AFTERLIFE_MS || !is_dead(other))
            return fault_set(f, FAULT_CONFLICT, "lock", "another cercad (pid %ld) runs on %s",
                             other, folder);
        (void)nanosleep(&rest, NULL);
    }
    return 0;
}

int lock_folder(const char *folder, int *out, struct fault *f)
{
    char path[4096], pid[16];
    *out = -1;
    int n = snprintf(path, sizeof path, "%s/cercad.lock", folder);
    if (n < 0 || (size_t)n >= sizeof path)
        return fault_set(f, FAULT_CONFIG, "lock", "the path of the socket folder is too long");
    if (mkdir(folder, 0755) != 0 && errno != EEXIST)
        return file_refused(f, "lock", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return file_refused(f, "lock", path);
    int r = take(fd, folder, f);
    n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (r == 0 && (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n))
        r = fault_set(f, FAULT_INTERNAL, "lock", "%s: %s", path, strerror(errno));
    if (r != 0) {
        close(fd);
        return r;
    }
    *out = fd;
    return 0;
}
