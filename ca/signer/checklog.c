#include "ca/signer/checklog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/key.h"
#include "lib/log.h"
#include "lib/wire.h"

#define READ_ENTRIES 512
#define NUMBER_LEN 8
#define SECTOR_GRAIN 16 /* greatest common divisor of an entry and a sector */

struct checklog {
    int fd;
    char *path;
    uint64_t count;     /* entries */
    uint8_t origin[32]; /* SHA-256 of the one that the rest is about */
    uint64_t size;      /* of its newest; 0: none */
    uint8_t root[32];
};

static int damaged(const char *path, struct fault *f)
{
    return fault_set(f, FAULT_CONFIG, "signer.checklog.damaged",
                     "%s: not the record of checkpoints that was written; keep it, and ask why",
                     path);
}

static int take(struct checklog *l, const uint8_t octets[CHECKLOG_ENTRY])
{
    struct wire_in w;
    uint8_t root[32], origin[32];
    uint64_t number, size;

    wire_in_init(&w, slice_of(octets, CHECKLOG_ENTRY));
    number = wire_get_u64(&w);
    size = wire_get_u64(&w);
    wire_get_fixed(&w, root, sizeof(root));
    wire_get_fixed(&w, origin, sizeof(origin));
    if (number != ++l->count)
        return -1;
    if (memcmp(origin, l->origin, sizeof(origin)) == 0) {
        l->size = size;
        memcpy(l->root, root, sizeof(root));
    }
    return 0;
}

/* The last entry as a power loss may leave it, with zeros before or behind a sector's end: nothing
 * was signed by it, since its sync never ended. Such an end is a multiple of 16 octets from its
 * begin; no number is zero, and no hash ends in so many. */
static bool is_torn(const uint8_t octets[CHECKLOG_ENTRY])
{
    static const uint8_t zeros[SECTOR_GRAIN];

    return memcmp(octets, zeros, NUMBER_LEN) == 0 ||
           memcmp(octets + CHECKLOG_ENTRY - SECTOR_GRAIN, zeros, sizeof(zeros)) == 0;
}

static int failed(const char *path, struct fault *f)
{
    return fault_set(f, FAULT_INTERNAL, "signer.checklog", "%s: %s", path, strerror(errno));
}

static int cut_tail(struct checklog *l, struct fault *f)
{
    uint8_t last[CHECKLOG_ENTRY];
    struct stat st;

    if (fstat(l->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return damaged(l->path, f);
    off_t end = st.st_size - st.st_size % CHECKLOG_ENTRY;
    if (end > 0) {
        if (pread(l->fd, last, sizeof(last), end - CHECKLOG_ENTRY) != CHECKLOG_ENTRY)
            return failed(l->path, f);
        if (is_torn(last))
            end -= CHECKLOG_ENTRY;
    }
    if (end == st.st_size)
        return 0;
    log_warn("signer.checklog.repaired", "file", l->path, "cut_octets",
             log_num((int64_t)(st.st_size - end)), NULL);
    return ftruncate(l->fd, end) == 0 ? 0 : failed(l->path, f);
}

static int read_all(struct checklog *l, struct fault *f)
{
    const char *path = l->path;
    uint8_t at[READ_ENTRIES * CHECKLOG_ENTRY];
    ssize_t got;

    l->count = l->size = 0;
    while ((got = pread(l->fd, at, sizeof(at), (off_t)(l->count * CHECKLOG_ENTRY))) > 0)
        for (ssize_t i = 0; i + CHECKLOG_ENTRY <= got; i += CHECKLOG_ENTRY)
            if (take(l, at + i) != 0)
                return damaged(path, f);
    return got < 0 ? failed(path, f) : 0;
}

int checklog_open(const char *path, struct checklog **out, struct fault *f)
{
    struct checklog *l = xcalloc(1, sizeof(*l));
    int rc;

    *out = NULL;
    l->path = xstrdup(path);
    l->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (l->fd < 0)
        rc = file_refused(f, "signer.checklog", path);
    else if (flock(l->fd, LOCK_EX | LOCK_NB) != 0)
        rc = fault_unavailable(f, 1, "signer.checklog.busy", "%s: another signer has it", path);
    else
        rc = cut_tail(l, f);
    if (rc == 0)
        rc = read_all(l, f);
    if (rc != 0) {
        checklog_close(l);
        return rc;
    }
    *out = l;
    return 0;
}

void checklog_close(struct checklog *l)
{
    if (l == NULL)
        return;
    if (l->fd >= 0)
        (void)close(l->fd);
    free(l->path);
    free(l);
}

static int append(struct checklog *l, uint64_t size, const uint8_t root[32], struct fault *f)
{
    struct buf b;
    ssize_t done;

    buf_init(&b, CHECKLOG_ENTRY);
    wire_put_u64(&b, l->count + 1);
    wire_put_u64(&b, size);
    wire_put_fixed(&b, root, 32);
    wire_put_fixed(&b, l->origin, sizeof(l->origin));
    done = write(l->fd, b.p, b.n);
    buf_free(&b);
    if (done == CHECKLOG_ENTRY && fdatasync(l->fd) == 0)
        return 0;
    (void)fault_set(f, FAULT_FULL, "signer.checklog.full",
                    "the signer's record of checkpoints cannot grow: %s", strerror(errno));
    /* Half an entry would hide all that follow. */
    if (ftruncate(l->fd, (off_t)(l->count * CHECKLOG_ENTRY)) != 0)
        exit(EXIT_FAILURE);
    f->retry_after = 10;
    return -FAULT_FULL;
}

/* One log at a time is asked about, for years. What could not be read is read again the next time:
 * nothing is known of any log until then. */
static int turn_to(struct checklog *l, const char *origin, struct fault *f)
{
    uint8_t hash[32];
    int rc;

    sha256(slice_str(origin), hash);
    if (memcmp(hash, l->origin, sizeof(hash)) == 0)
        return 0;
    memcpy(l->origin, hash, sizeof(hash));
    rc = read_all(l, f);
    if (rc != 0)
        memset(l->origin, 0, sizeof(l->origin));
    return rc;
}

int checklog_admit(struct checklog *l, const char *origin, uint64_t size, const uint8_t root[32],
                   struct fault *f)
{
    int rc = turn_to(l, origin, f);

    if (rc != 0)
        return rc;
    if (size < l->size)
        return fault_set(f, FAULT_CONFLICT, "checkpoint.shrinks",
                         "the log has %" PRIu64 " records, but a checkpoint over %" PRIu64
                         " was signed before",
                         size, l->size);
    if (size > 0 && size == l->size && memcmp(root, l->root, 32) != 0)
        return fault_set(f, FAULT_CONFLICT, "checkpoint.forks",
                         "the log of %" PRIu64 " records had another root when it was signed",
                         size);
    if (size == l->size && size > 0)
        return 0;
    rc = append(l, size, root, f);
    if (rc != 0)
        return rc;
    l->count++;
    l->size = size;
    memcpy(l->root, root, 32);
    return 0;
}
