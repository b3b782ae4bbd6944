/* Writing snapshots: rows stream through one block; the header comes last. */
#include "ca/view/issuer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/key.h"
#include "lib/step.h"

static int cannot(struct fault *f, const char *what, const char *name)
{
    return fault_set(f, errno == ENOSPC || errno == EDQUOT ? FAULT_FULL : FAULT_INTERNAL,
                     "view.write", "cannot %s %s of the view: %s", what, name, strerror(errno));
}

int view_snapshot_begin(struct view_snapshot *s, const struct view_issuer *i, uint64_t generation,
                        uint64_t base, struct fault *f)
{
    s->dirfd = i->dirfd;
    s->n = 0;
    memset(s->last, 0, sizeof s->last);
    s->header = (struct viewfile_header){
        .issuer = i->number, .generation = generation, .base = base, .created = clock_now()};
    memcpy(s->header.owner, i->owner, sizeof s->header.owner);
    viewfile_name(VIEWFILE_SNAPSHOT, generation, s->name);
    s->fd = openat(s->dirfd, s->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (s->fd < 0)
        return cannot(f, "make", s->name);
    if (fchmod(s->fd, 0644) < 0 || lseek(s->fd, VIEWFILE_HEADER, SEEK_SET) < 0)
        return view_snapshot_end(s, cannot(f, "make", s->name), f);
    return 0;
}

static int flush(struct view_snapshot *s, struct fault *f)
{
    size_t done = 0;

    while (done < s->n) {
        ssize_t n = write(s->fd, s->block + done, s->n - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cannot(f, "write", s->name);
        done += (size_t)n;
    }
    s->n = 0;
    return 0;
}

int view_snapshot_add(struct view_snapshot *s, const uint8_t row[VIEWFILE_ROW], struct fault *f)
{
    if (s->header.rows > 0 && memcmp(s->last, row, SERIAL_LEN) >= 0)
        return fault_set(f, FAULT_INTERNAL, "view.order", "rows for %s are out of order", s->name);
    memcpy(s->last, row, SERIAL_LEN);
    memcpy(s->block + s->n, row, VIEWFILE_ROW);
    s->n += VIEWFILE_ROW;
    s->header.rows++;
    return s->n == sizeof s->block ? flush(s, f) : 0;
}

/* Hashes what was written as readers will read it. */
static int hash_rows(struct view_snapshot *s, struct fault *f)
{
    size_t size = VIEWFILE_HEADER + (size_t)s->header.rows * VIEWFILE_ROW;
    uint8_t *map;

    if (s->header.rows == 0) {
        sha256(SLICE_NONE, s->header.rows_hash);
        return 0;
    }
    map = mmap(NULL, size, PROT_READ, MAP_SHARED, s->fd, 0);
    if (map == MAP_FAILED)
        return cannot(f, "map", s->name);
    sha256(slice_of(map + VIEWFILE_HEADER, size - VIEWFILE_HEADER), s->header.rows_hash);
    munmap(map, size);
    return 0;
}

static int finish(struct view_snapshot *s, struct fault *f)
{
    uint8_t header[VIEWFILE_HEADER];
    int rc = flush(s, f);

    if (rc == 0)
        rc = hash_rows(s, f);
    if (rc < 0)
        return rc;
    STEP("view.snapshot");
    viewfile_header_put(VIEWFILE_SNAPSHOT, &s->header, header);
    if (pwrite(s->fd, header, sizeof header, 0) != (ssize_t)sizeof header || fsync(s->fd) < 0)
        return cannot(f, "sync", s->name);
    return 0;
}

int view_snapshot_end(struct view_snapshot *s, int rc, struct fault *f)
{
    if (rc == 0)
        rc = finish(s, f);
    close(s->fd);
    if (rc < 0)
        unlinkat(s->dirfd, s->name, 0);
    return rc;
}
