#include "ca/ledger/tiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/view/issuer.h"
#include "lib/merkle.h"

struct level {
    uint8_t hash[TILE_WIDTH][32]; /* of the tile that is being filled */
    unsigned n;
    uint64_t tile; /* its number */
};

struct tiles {
    char *dir;
    uint64_t size;
    struct level level[TILE_LEVELS];
};

static int system_fault(struct fault *f, const char *what, const char *path)
{
    return fault_set(f, errno == ENOSPC || errno == EDQUOT ? FAULT_FULL : FAULT_INTERNAL,
                     "audit.tiles", "cannot %s %s: %s", what, path, strerror(errno));
}

static int path_of(const char *dir, const struct tile *t, char out[PATH_MAX])
{
    struct buf b;
    bool fits;

    buf_init(&b, PATH_MAX - 8);
    buf_printf(&b, "%s/", dir);
    tile_path(&b, t);
    fits = !buf_failed(&b);
    memcpy(out, buf_cstr(&b), fits ? b.n + 1 : 1);
    buf_free(&b);
    return fits ? 0 : -1;
}

/* ---- writing ---- */

/* Every folder above the file, below `dir`. */
static int make_folders(const char *dir, char *path)
{
    for (char *slash = strchr(path + strlen(dir) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (view_folder(path) < 0 && errno != EEXIST)
            return -1;
        *slash = '/';
    }
    return 0;
}

static int fill(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        p += done;
        n -= (size_t)done;
    }
    return fchmod(fd, 0644);
}

/* Beside, then renamed: a reader sees a whole tile or none. */
static int put_file(const char *dir, char *path, const uint8_t *p, size_t n, struct fault *f)
{
    char beside[PATH_MAX + 8];
    int fd, rc;

    (void)snprintf(beside, sizeof(beside), "%s.new", path);
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 && errno == ENOENT && make_folders(dir, path) == 0)
        fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return system_fault(f, "make", beside);
    rc = fill(fd, p, n);
    if (close(fd) != 0 || rc != 0 || rename(beside, path) != 0)
        return system_fault(f, "write", path);
    return 0;
}

static int put_tile(const struct tiles *t, unsigned level, unsigned width, struct fault *f)
{
    const struct level *l = &t->level[level];
    const struct tile at = {level, l->tile, width};
    char path[PATH_MAX];

    if (path_of(t->dir, &at, path) != 0)
        return fault_set(f, FAULT_INTERNAL, "audit.tiles", "a tile's path is too long");
    return put_file(t->dir, path, l->hash[0], 32 * (size_t)width, f);
}

/* c2sp.org/tlog-tiles: a partial tile may go once the full one is there. */
static void drop_partial(const struct tiles *t, unsigned level)
{
    const struct tile at = {level, t->level[level].tile, TILE_WIDTH};
    char path[PATH_MAX];
    struct dirent *e;
    DIR *d;

    if (path_of(t->dir, &at, path) != 0)
        return;
    memcpy(path + strlen(path), ".p", sizeof(".p"));
    d = opendir(path);
    if (d == NULL)
        return;
    while ((e = readdir(d)) != NULL)
        if (e->d_name[0] != '.')
            (void)unlinkat(dirfd(d), e->d_name, 0);
    (void)closedir(d);
    (void)rmdir(path);
}

static int add(struct tiles *t, unsigned level, const uint8_t hash[32], struct fault *f)
{
    struct level *l = &t->level[level];
    uint8_t above[32];
    int rc;

    memcpy(l->hash[l->n++], hash, 32);
    if (l->n < TILE_WIDTH)
        return 0;
    rc = put_tile(t, level, TILE_WIDTH, f);
    if (rc != 0)
        return rc;
    drop_partial(t, level);
    merkle_fold(l->hash[0], TILE_WIDTH, above);
    l->n = 0;
    l->tile++;
    return level + 1 < TILE_LEVELS ? add(t, level + 1, above, f) : 0;
}

int tiles_add(struct tiles *t, const uint8_t leaf[32], struct fault *f)
{
    int rc = add(t, 0, leaf, f);

    if (rc == 0)
        t->size++;
    return rc;
}

int tiles_flush(struct tiles *t, struct fault *f)
{
    int rc = 0, fd;

    for (unsigned level = 0; level < TILE_LEVELS && rc == 0; level++)
        if (t->level[level].n > 0)
            rc = put_tile(t, level, t->level[level].n, f);
    if (rc != 0)
        return rc;
    /* One call, however many thousand tiles: they are many small files. */
    fd = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || syncfs(fd) != 0)
        rc = system_fault(f, "sync", t->dir);
    if (fd >= 0)
        (void)close(fd);
    return rc;
}

/* ---- reading ---- */

uint64_t tiles_size(const struct tiles *t)
{
    return t->size;
}

/* The hashes of the highest level come first, and within a level the largest power of two: those
 * are the tree's peaks from left to right. */
void tiles_root(const struct tiles *t, uint8_t out[32])
{
    struct merkle m = {.size = t->size};
    size_t n = 0;

    for (unsigned level = TILE_LEVELS; level-- > 0;) {
        const struct level *l = &t->level[level];
        unsigned at = 0;

        for (unsigned step = TILE_WIDTH / 2; step > 0; step /= 2) {
            if ((l->n & step) == 0)
                continue;
            merkle_fold(l->hash[at], step, m.peak[n++]);
            at += step;
        }
    }
    merkle_root(&m, out);
}

static int read_file(const char *path, uint8_t *out, size_t n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, out, n);

    if (fd >= 0)
        (void)close(fd);
    return got == (ssize_t)n ? 0 : -1;
}

int tiles_read(const char *dir, const struct tile *t, uint8_t *out, struct fault *f)
{
    const struct tile full = {t->level, t->n, TILE_WIDTH};
    char path[PATH_MAX];
    size_t n = 32 * (size_t)t->width;

    if (path_of(dir, t, path) == 0 && read_file(path, out, n) == 0)
        return 0;
    if (path_of(dir, &full, path) == 0 && read_file(path, out, n) == 0)
        return 0;
    memset(out, 0, n);
    return fault_set(f, FAULT_NOT_FOUND, "audit.tile", "there is no such tile");
}

/* The tiles at the right edge of the tree. */
static bool restore(struct tiles *t, uint64_t size, const uint8_t root[32])
{
    uint8_t have[32];
    struct fault ignored;

    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        uint64_t all = size >> (8 * level);
        struct tile at = {level, all / TILE_WIDTH, (unsigned)(all % TILE_WIDTH)};

        t->level[level].tile = at.n;
        t->level[level].n = at.width;
        if (at.width > 0 && tiles_read(t->dir, &at, t->level[level].hash[0], &ignored) != 0)
            return false;
    }
    t->size = size;
    tiles_root(t, have);
    return memcmp(have, root, sizeof(have)) == 0;
}

int tiles_open(const char *dir, uint64_t size, const uint8_t root[32], struct tiles **out,
               struct fault *f)
{
    struct tiles *t;

    *out = NULL;
    if (view_folder(dir) < 0 && errno != EEXIST)
        return system_fault(f, "make", dir);
    t = xcalloc(1, sizeof(*t));
    t->dir = xstrdup(dir);
    if (!restore(t, size, root)) {
        t->size = 0;
        memset(t->level, 0, sizeof(t->level));
    }
    *out = t;
    return 0;
}

void tiles_close(struct tiles *t)
{
    if (t == NULL)
        return;
    free(t->dir);
    free(t);
}
