/* The public view's reader: a mapped snapshot, and the log's rows in a table. */
#include "lib/viewfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"

enum {
    OPEN_TRIES = 16, /* each one finds `current` replaced meanwhile */
    PAIR_TRIES = 64, /* each one finds the writer between two stores */
    STALE = 90,      /* seconds; the writer stamps more often */
};

/* Rows by serial, as they are in the files; open addressing, at most half full. An
 * empty slot has status 0. */
struct table {
    uint8_t (*slot)[VIEWFILE_ROW];
    size_t slots, used;
};

struct viewfile {
    int dirfd;
    struct viewfile_snapshot snapshot;
    struct viewfile_log log;
    struct table table;
    uint64_t change;
    int64_t stamp;
    int64_t looked; /* when `current` was read last for an old stamp */
};

static bool slot_empty(const uint8_t slot[VIEWFILE_ROW])
{
    return slot[30] == 0;
}

/* The last octets of a serial are random. */
static uint8_t *table_slot(const struct table *t, const uint8_t serial[SERIAL_LEN])
{
    uint64_t h;
    size_t i;

    memcpy(&h, &serial[SERIAL_LEN - sizeof h], sizeof h);
    for (i = (size_t)h & (t->slots - 1); !slot_empty(t->slot[i]); i = (i + 1) & (t->slots - 1))
        if (memcmp(t->slot[i], serial, SERIAL_LEN) == 0)
            break;
    return t->slot[i];
}

static void table_grow(struct table *t)
{
    struct table big = {.slots = t->slots ? 2 * t->slots : 1024, .used = t->used};

    big.slot = xcalloc(big.slots, sizeof *big.slot);
    for (size_t i = 0; i < t->slots; i++)
        if (!slot_empty(t->slot[i]))
            memcpy(table_slot(&big, t->slot[i]), t->slot[i], VIEWFILE_ROW);
    free(t->slot);
    *t = big;
}

static void table_put(struct table *t, const struct viewfile_row *r)
{
    struct viewfile_row there;
    uint8_t *slot;

    if (2 * (t->used + 1) > t->slots)
        table_grow(t);
    slot = table_slot(t, r->serial);
    if (viewfile_row_get(slot, &there) < 0)
        t->used++;
    else if (there.change > r->change)
        return;
    viewfile_row_put(r, slot);
}

static int table_find(const struct table *t, const uint8_t serial[SERIAL_LEN],
                      struct viewfile_row *out)
{
    if (t->slots > 0)
        return viewfile_row_get(table_slot(t, serial), out);
    memset(out, 0, sizeof *out);
    return -FAULT_NOT_FOUND;
}

/* -1 when it cannot be told: the writer may have died between its two stores. */
static int read_pair(const uint64_t pair[2], uint64_t *out)
{
    for (int i = 0; i < PAIR_TRIES; i++)
        if (viewfile_pair_get(pair, out) == 0)
            return 0;
    return -1;
}

/* Stamp and change number are loaded before the records are read, so that what is held is never
 * older than they say. `first`: whatever `count` says, since it is not covered by a checksum. */
static int take_records(struct viewfile *v, bool first, struct fault *f)
{
    struct viewfile_row rows[256];
    uint64_t stamp, through, count;
    bool has_stamp = read_pair(v->log.live->stamp, &stamp) == 0;
    bool has_through = read_pair(v->log.live->through, &through) == 0;
    size_t n = 0;
    int rc;

    count = viewfile_word_get(&v->log.live->count);
    if (first || count != v->log.seen) {
        do {
            rc = viewfile_log_read(&v->log, rows, 256, &n, f);
            if (rc < 0)
                return rc;
            for (size_t i = 0; i < n; i++) {
                table_put(&v->table, &rows[i]);
                if (rows[i].change > v->change)
                    v->change = rows[i].change;
            }
        } while (n > 0);
    }
    if (v->log.seen < count)
        return fault_set(f, FAULT_MALFORMED, "view.damaged", "the view's log is damaged");
    if (has_stamp)
        v->stamp = (int64_t)stamp;
    if (has_through && through > v->change)
        v->change = through;
    return 0;
}

static void drop(struct viewfile *v)
{
    viewfile_snapshot_close(&v->snapshot);
    viewfile_log_close(&v->log);
    free(v->table.slot);
    if (v->dirfd >= 0)
        close(v->dirfd);
    v->dirfd = -1;
}

static int same_issuer(const struct viewfile_header *a, const struct viewfile_header *b)
{
    return a->issuer == b->issuer && a->base == b->base &&
           memcmp(a->owner, b->owner, sizeof a->owner) == 0;
}

static int load_generation(struct viewfile *v, uint64_t generation, struct fault *f)
{
    int rc = viewfile_snapshot_open(v->dirfd, generation, &v->snapshot, f);

    if (rc == 0)
        rc = viewfile_log_open(v->dirfd, generation, false, &v->log, f);
    if (rc == 0 && !same_issuer(&v->snapshot.header, &v->log.header))
        rc = fault_set(f, FAULT_MALFORMED, "view.damaged",
                       "snapshot and log do not belong together");
    if (rc == 0) {
        v->change = v->snapshot.header.base;
        rc = take_records(v, true, f);
    }
    if (rc == 0 && viewfile_word_get(&v->log.live->next) != 0)
        rc = fault_set(f, FAULT_MALFORMED, "view.damaged", "the view in force has been replaced");
    return rc;
}

/* Loads what `current` names into *out. A failure counts only if `current` still names the same
 * afterwards: otherwise the files were replaced on the way. */
static int load(int dirfd, struct viewfile *out, struct fault *f)
{
    uint64_t generation = 0, again = 0;
    int rc = -FAULT_UNAVAILABLE;

    for (int i = 0; i < OPEN_TRIES; i++) {
        struct fault later;

        rc = viewfile_current(dirfd, &generation, f);
        if (rc < 0)
            return rc;
        *out = (struct viewfile){.log = VIEWFILE_LOG_NONE};
        out->dirfd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
        if (out->dirfd < 0)
            return fault_set(f, FAULT_INTERNAL, "view.read", "dup: %s", strerror(errno));
        rc = load_generation(out, generation, f);
        if (rc == 0)
            return 0;
        drop(out);
        if (viewfile_current(dirfd, &again, &later) < 0 || again == generation)
            break;
    }
    /* `current` is there, so a missing file is not "none yet". */
    if (rc == -FAULT_NOT_FOUND)
        rc = fault_set(f, FAULT_MALFORMED, "view.damaged", "the view names a file that is missing");
    return rc;
}

int viewfile_open(const char *dir, struct viewfile **out, struct fault *f)
{
    struct viewfile v;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

    *out = NULL;
    if (fd < 0)
        return fault_set(f, errno == ENOENT ? FAULT_NOT_FOUND : FAULT_INTERNAL, "view.missing",
                         "cannot open the view %s: %s", dir, strerror(errno));
    rc = load(fd, &v, f);
    close(fd);
    if (rc == 0)
        *out = xmemdup(&v, sizeof v);
    return rc;
}

void viewfile_close(struct viewfile *v)
{
    if (!v)
        return;
    drop(v);
    free(v);
}

/* Where the folder is a copy that something carries here, a log that went on is another file. */
static bool is_replaced(const struct viewfile *v)
{
    char name[VIEWFILE_NAME_MAX];
    struct stat ours, there;

    viewfile_name(VIEWFILE_LOG, v->log.header.generation, name);
    return fstat(v->log.fd, &ours) == 0 &&
           fstatat(v->dirfd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           (ours.st_ino != there.st_ino || ours.st_dev != there.st_dev);
}

/* Nothing to read here any more? A writer that died after renaming `current` and before marking
 * the old log has left us behind; so may one whose old log was damaged. */
static bool left_behind(const struct viewfile *v)
{
    uint64_t generation;
    struct fault f;

    return viewfile_current(v->dirfd, &generation, &f) < 0 ||
           generation != v->log.header.generation || is_replaced(v);
}

/* An old stamp is no rarity on another host: it costs a look a second, not one a lookup. */
static bool may_be_left_behind(const struct viewfile *v, int64_t now)
{
    return now - v->stamp >= STALE && now != v->looked;
}

bool viewfile_fresh(const struct viewfile *v)
{
    const struct viewfile_live *live = v->log.live;
    uint64_t stamp, through;

    return viewfile_word_get(&live->next) == 0 && viewfile_word_get(&live->count) == v->log.seen &&
           viewfile_pair_get(live->stamp, &stamp) == 0 && (int64_t)stamp == v->stamp &&
           viewfile_pair_get(live->through, &through) == 0 && through <= v->change &&
           !may_be_left_behind(v, clock_now());
}

int viewfile_refresh(struct viewfile *v, struct fault *f)
{
    struct viewfile fresh;
    int rc = 0;

    if (viewfile_word_get(&v->log.live->next) == 0) {
        int64_t now = clock_now();

        rc = take_records(v, false, f);
        if (rc == 0 && !may_be_left_behind(v, now))
            return 0;
        v->looked = now;
        if (!left_behind(v))
            return rc;
    }
    rc = load(v->dirfd, &fresh, f);
    if (rc < 0)
        return rc;
    drop(v);
    *v = fresh;
    return 0;
}

int viewfile_lookup(const struct viewfile *v, const uint8_t serial[SERIAL_LEN],
                    struct viewfile_row *out)
{
    struct viewfile_row settled;
    bool recent = table_find(&v->table, serial, out) == 0;

    if (viewfile_snapshot_find(&v->snapshot, serial, &settled) == 0 &&
        (!recent || settled.change > out->change)) {
        *out = settled;
        return 0;
    }
    return recent ? 0 : -FAULT_NOT_FOUND;
}

void viewfile_info(const struct viewfile *v, struct viewfile_info *out)
{
    *out = (struct viewfile_info){.issuer = v->log.header.issuer,
                                  .generation = v->log.header.generation,
                                  .change = v->change,
                                  .stamp = v->stamp,
                                  .snapshot_rows = v->snapshot.header.rows,
                                  .log_rows = v->log.seen};
    memcpy(out->owner, v->log.header.owner, sizeof out->owner);
}
