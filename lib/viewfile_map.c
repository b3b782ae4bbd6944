/* The public view's files, opened and verified: what reader and writer share. */
#include "lib/viewfile.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/key.h"

static int damaged(struct fault *f, const char *name, const char *how)
{
    return fault_set(f, FAULT_MALFORMED, "view.damaged", "%s of the view %s", name, how);
}

/* Opens a regular file of at least `least` octets. */
static int open_file(int dirfd, const char *name, bool writable, size_t least, int *fd,
                     size_t *size, struct fault *f)
{
    struct stat st;

    *size = 0;
    *fd = openat(dirfd, name, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*fd < 0)
        return fault_set(f, errno == ENOENT ? FAULT_NOT_FOUND : FAULT_INTERNAL, "view.missing",
                         "cannot open %s of the view: %s", name, strerror(errno));
    if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size >= least &&
        (uint64_t)st.st_size <= SIZE_MAX) {
        *size = (size_t)st.st_size;
        return 0;
    }
    close(*fd);
    *fd = -1;
    return damaged(f, name, "is too short");
}

int viewfile_current(int dirfd, uint64_t *generation, struct fault *f)
{
    char text[24];
    uint64_t g = 0;
    size_t size;
    ssize_t n;
    int fd, rc;

    *generation = 0;
    rc = open_file(dirfd, "current", false, 2, &fd, &size, f);
    if (rc < 0)
        return rc;
    n = pread(fd, text, sizeof text, 0);
    close(fd);
    /* At most 19 digits: no overflow. */
    if (n < 2 || n > 20 || text[n - 1] != '\n' || text[0] == '0')
        return damaged(f, "current", "is malformed");
    for (ssize_t i = 0; i < n - 1; i++) {
        if (text[i] < '0' || text[i] > '9')
            return damaged(f, "current", "is malformed");
        g = 10 * g + (uint64_t)(text[i] - '0');
    }
    *generation = g;
    return 0;
}

static int check_snapshot(struct viewfile_snapshot *s, uint64_t generation, const char *name,
                          struct fault *f)
{
    uint8_t hash[32];

    if (viewfile_header_get(VIEWFILE_SNAPSHOT, s->map, &s->header) < 0 ||
        s->header.generation != generation)
        return damaged(f, name, "has a wrong header");
    if ((s->size - VIEWFILE_HEADER) % VIEWFILE_ROW != 0 ||
        (s->size - VIEWFILE_HEADER) / VIEWFILE_ROW != s->header.rows)
        return damaged(f, name, "has a wrong size");
    sha256(slice_of(s->rows, s->size - VIEWFILE_HEADER), hash);
    if (memcmp(hash, s->header.rows_hash, sizeof hash) != 0)
        return damaged(f, name, "has a wrong checksum");
    return 0;
}

int viewfile_snapshot_open(int dirfd, uint64_t generation, struct viewfile_snapshot *out,
                           struct fault *f)
{
    char name[VIEWFILE_NAME_MAX];
    int fd, rc;
    void *map;

    memset(out, 0, sizeof *out);
    viewfile_name(VIEWFILE_SNAPSHOT, generation, name);
    rc = open_file(dirfd, name, false, VIEWFILE_HEADER, &fd, &out->size, f);
    if (rc < 0)
        return rc;
    map = mmap(NULL, out->size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return fault_set(f, FAULT_INTERNAL, "view.map", "cannot map %s: %s", name, strerror(errno));
    out->map = map;
    out->rows = out->map + VIEWFILE_HEADER;
    rc = check_snapshot(out, generation, name, f);
    if (rc < 0)
        viewfile_snapshot_close(out);
    return rc;
}

void viewfile_snapshot_close(struct viewfile_snapshot *s)
{
    if (s->map)
        munmap((void *)(uintptr_t)s->map, s->size);
    memset(s, 0, sizeof *s);
}

/* The first half of a serial nearly always decides. */
static int compare(const uint8_t a[SERIAL_LEN], const uint8_t b[SERIAL_LEN])
{
    uint64_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    if (x == y)
        return memcmp(a + sizeof x, b + sizeof x, SERIAL_LEN - sizeof x);
    return be64toh(x) < be64toh(y) ? -1 : 1;
}

/* Both rows that may be next are fetched meanwhile: among many, each is a miss in the processor's
 * caches. */
int viewfile_snapshot_find(const struct viewfile_snapshot *s, const uint8_t serial[SERIAL_LEN],
                           struct viewfile_row *out)
{
    uint64_t low = 0, high = s->header.rows;

    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        const uint8_t *row = s->rows + mid * VIEWFILE_ROW;
        int order;

        __builtin_prefetch(s->rows + (low + (mid - low) / 2) * VIEWFILE_ROW);
        __builtin_prefetch(s->rows + (mid + (high - mid) / 2) * VIEWFILE_ROW);
        order = compare(row, serial);
        if (order == 0)
            return viewfile_row_get(row, out);
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    memset(out, 0, sizeof *out);
    return -FAULT_NOT_FOUND;
}

int viewfile_log_open(int dirfd, uint64_t generation, bool writable, struct viewfile_log *out,
                      struct fault *f)
{
    char name[VIEWFILE_NAME_MAX];
    size_t size;
    int rc;

    *out = VIEWFILE_LOG_NONE;
    viewfile_name(VIEWFILE_LOG, generation, name);
    rc = open_file(dirfd, name, writable, VIEWFILE_LOG_START, &out->fd, &size, f);
    if (rc < 0)
        return rc;
    out->page = mmap(NULL, VIEWFILE_LOG_START, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED,
                     out->fd, 0);
    if (out->page == MAP_FAILED) {
        out->page = NULL;
        rc = fault_set(f, FAULT_INTERNAL, "view.map", "cannot map %s: %s", name, strerror(errno));
    } else if (viewfile_header_get(VIEWFILE_LOG, out->page, &out->header) < 0 ||
               out->header.generation != generation) {
        rc = damaged(f, name, "has a wrong header");
    }
    if (rc < 0) {
        viewfile_log_close(out);
        return rc;
    }
    out->live = (struct viewfile_live *)((uint8_t *)out->page + VIEWFILE_HEADER);
    out->chain = viewfile_chain_start(out->page);
    return 0;
}

void viewfile_log_close(struct viewfile_log *l)
{
    if (l->page)
        munmap(l->page, VIEWFILE_LOG_START);
    if (l->fd >= 0)
        close(l->fd);
    *l = VIEWFILE_LOG_NONE;
}

int viewfile_log_read(struct viewfile_log *l, struct viewfile_row *rows, size_t max, size_t *n,
                      struct fault *f)
{
    uint8_t in[256 * VIEWFILE_RECORD];
    ssize_t got;

    *n = 0;
    if (max > sizeof in / VIEWFILE_RECORD)
        max = sizeof in / VIEWFILE_RECORD;
    if (l->seen > (uint64_t)(INT64_MAX - VIEWFILE_LOG_START) / VIEWFILE_RECORD)
        return damaged(f, "log", "is too long");
    got = pread(l->fd, in, max * VIEWFILE_RECORD,
                (off_t)(VIEWFILE_LOG_START + l->seen * VIEWFILE_RECORD));
    if (got < 0)
        return fault_set(f, FAULT_INTERNAL, "view.read", "cannot read the view's log: %s",
                         strerror(errno));
    while (*n < (size_t)got / VIEWFILE_RECORD &&
           viewfile_record_get(&l->chain, in + *n * VIEWFILE_RECORD, &rows[*n]) == 0) {
        ++*n;
        l->seen++;
    }
    return 0;
}
