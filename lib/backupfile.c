#include "lib/backupfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/key.h"
#include "lib/wire.h"

#define MAGIC "CERCABK1"
#define WINDOW ((uint64_t)16 << 20) /* octets on their way to the disk */
#define PIECE 1048576               /* written at once */
#define CHUNK 262144

/* ---- manifest ---- */

static void manifest_put(struct buf *b, const struct backup_manifest *m)
{
    wire_put_u32(b, BACKUPFILE_VERSION);
    wire_put_i64(b, m->time);
    wire_put_text(b, m->program);
    wire_put_fixed(b, m->uuid, sizeof(m->uuid));
    wire_put_u32(b, m->schema);
    wire_put_u64(b, m->change);
    wire_put_u64(b, m->last_tick);
    wire_put_u64(b, m->certificates);
    wire_put_i64(b, m->last_commit);
    wire_put_i64(b, m->audit_log);
    wire_put_u64(b, m->audit_size);
    wire_put_fixed(b, m->audit_root, sizeof(m->audit_root));
    wire_put_fixed(b, m->generation, sizeof(m->generation));
    wire_put_text(b, m->checkpoint);
    wire_put_u64(b, m->image);
    wire_put_u32(b, m->n);
    for (size_t i = 0; i < m->n; i++) {
        wire_put_u8(b, (uint8_t)m->section[i].kind);
        wire_put_text(b, m->section[i].name);
        wire_put_u64(b, m->section[i].at);
        wire_put_u64(b, m->section[i].octets);
    }
}

static void sections_get(struct wire_in *w, struct backup_manifest *out)
{
    out->n = wire_get_count(w, BACKUPFILE_SECTIONS, 21);
    for (size_t i = 0; i < out->n; i++) {
        out->section[i].kind = (enum backup_kind)wire_get_u8(w);
        wire_get_text(w, out->section[i].name, sizeof(out->section[i].name));
        out->section[i].at = wire_get_u64(w);
        out->section[i].octets = wire_get_u64(w);
    }
}

static void manifest_get(struct wire_in *w, struct backup_manifest *out)
{
    out->time = wire_get_i64(w);
    wire_get_text(w, out->program, sizeof(out->program));
    wire_get_fixed(w, out->uuid, sizeof(out->uuid));
    out->schema = wire_get_u32(w);
    out->change = wire_get_u64(w);
    out->last_tick = wire_get_u64(w);
    out->certificates = wire_get_u64(w);
    out->last_commit = wire_get_i64(w);
    out->audit_log = wire_get_i64(w);
    out->audit_size = wire_get_u64(w);
    wire_get_fixed(w, out->audit_root, sizeof(out->audit_root));
    wire_get_fixed(w, out->generation, sizeof(out->generation));
    wire_get_text(w, out->checkpoint, sizeof(out->checkpoint));
    out->image = wire_get_u64(w);
    sections_get(w, out);
}

/* One behind the other, the image first, up to the manifest. */
static bool sections_lie_right(const struct backup_manifest *m, uint64_t end)
{
    uint64_t at = m->image;

    for (size_t i = 0; i < m->n; i++) {
        if (m->section[i].at != at || at > end || m->section[i].octets > end - at)
            return false;
        at += m->section[i].octets;
    }
    return at == end;
}

/* ---- writing ---- */

/* fcntl refuses O_DIRECT where the file system has none. */
static bool set_direct(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

static void leave_direct(struct backup_writer *w)
{
    if (w->direct)
        (void)set_direct(w->fd, false);
    w->direct = false;
}

void backup_begin(struct backup_writer *w, int fd)
{
    *w = (struct backup_writer){
        .fd = fd, .direct = set_direct(fd, true), .piece = xpages(PIECE), .hash = hasher_begin()};
}

static int write_fault(struct fault *f)
{
    bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;

    return fault_set(f, full ? FAULT_FULL : FAULT_INTERNAL, "backup.write",
                     "cannot write the backup: %s", strerror(errno));
}

/* Through the page cache: what lies one window back is on the disk before more is written, for a
 * commit of the store would else have to wait for all of it. */
static void keep_up(struct backup_writer *w)
{
    if (w->direct || w->written - w->synced < WINDOW)
        return;
    (void)sync_file_range(w->fd, (off_t)w->synced, (off_t)(w->written - w->synced),
                          SYNC_FILE_RANGE_WRITE);
    if (w->synced >= WINDOW)
        (void)sync_file_range(w->fd, (off_t)(w->synced - WINDOW), (off_t)WINDOW,
                              SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                                  SYNC_FILE_RANGE_WAIT_AFTER);
    w->synced = w->written;
}

static int write_out(struct backup_writer *w, struct slice s, struct fault *f)
{
    while (s.n > 0) {
        ssize_t n = pwrite(w->fd, s.p, s.n, (off_t)w->written);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EINVAL && w->direct) {
            leave_direct(w); /* blocks of another size than we took them for */
            continue;
        }
        if (n <= 0)
            return write_fault(f);
        s = slice_of(s.p + n, s.n - (size_t)n);
        w->written += (uint64_t)n;
    }
    keep_up(w);
    return 0;
}

static int piece_out(struct backup_writer *w, struct fault *f)
{
    size_t n = w->n;

    w->n = 0;
    return write_out(w, slice_of(w->piece, n), f);
}

/* Takes what may be written as it lies, else what the piece has room for. */
static int put_some(struct backup_writer *w, struct slice *s, struct fault *f)
{
    bool as_it_lies = w->n == 0 && s->n >= PAGE_ALIGN && (uintptr_t)s->p % PAGE_ALIGN == 0;
    size_t n = as_it_lies ? s->n - s->n % PAGE_ALIGN : s->n;
    int rc = 0;

    if (!as_it_lies) {
        n = n < PIECE - w->n ? n : PIECE - w->n;
        memcpy(w->piece + w->n, s->p, n);
        w->n += n;
    }
    w->at += n;
    if (as_it_lies)
        rc = write_out(w, slice_of(s->p, n), f);
    else if (w->n == PIECE)
        rc = piece_out(w, f);
    *s = slice_of(s->p + n, s->n - n);
    return rc;
}

static int put_plain(struct backup_writer *w, struct slice s, struct fault *f)
{
    int rc = 0;

    while (rc == 0 && s.n > 0)
        rc = put_some(w, &s, f);
    return rc;
}

int backup_put(struct backup_writer *w, struct slice s, struct fault *f)
{
    int rc;

    hasher_add(w->hash, s);
    rc = put_plain(w, s, f);
    hasher_wait(w->hash);
    return rc;
}

int backup_end(struct backup_writer *w, const struct backup_manifest *m, uint8_t sha256[32],
               struct fault *f)
{
    struct buf b;
    size_t n;
    int rc;

    memset(sha256, 0, 32);
    buf_init(&b, BACKUPFILE_MANIFEST_MAX + BACKUPFILE_FOOTER);
    manifest_put(&b, m);
    n = b.n;
    wire_put_fixed(&b, MAGIC, 8);
    wire_put_u64(&b, n);
    if (buf_failed(&b) || n > BACKUPFILE_MANIFEST_MAX) {
        buf_free(&b);
        return fault_set(f, FAULT_TOO_LARGE, "backup.manifest", "the manifest is too long");
    }
    rc = backup_put(w, buf_slice(&b), f);
    buf_free(&b);
    hasher_end(w->hash, sha256);
    w->hash = NULL;
    if (rc == 0)
        rc = put_plain(w, slice_of(sha256, 32), f);
    leave_direct(w);
    if (rc == 0)
        rc = piece_out(w, f);
    if (rc == 0 && fsync(w->fd) != 0)
        rc = write_fault(f);
    return rc;
}

void backup_writer_free(struct backup_writer *w)
{
    leave_direct(w);
    free(w->piece);
    w->piece = NULL;
    hasher_end(w->hash, NULL);
    w->hash = NULL;
}

/* ---- reading ---- */

int backup_read(int fd, uint64_t at, void *p, size_t n, struct fault *f)
{
    uint8_t *to = p;

    while (n > 0) {
        ssize_t got = pread(fd, to, n, (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fault_set(f, FAULT_INTERNAL, "backup.read", "cannot read the backup: %s",
                             strerror(errno));
        if (got == 0)
            return fault_set(f, FAULT_MALFORMED, "backup.footer", "the backup is cut off");
        to += got;
        n -= (size_t)got;
        at += (uint64_t)got;
    }
    return 0;
}

static int size_of(int fd, uint64_t *size, struct fault *f)
{
    struct stat st;

    *size = 0;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return fault_set(f, FAULT_MALFORMED, "backup.file", "a backup is a regular file");
    *size = (uint64_t)st.st_size;
    return 0;
}

/* Where the manifest lies, from the footer. */
static int footer_read(int fd, uint64_t size, uint64_t *at, size_t *n, uint8_t sha256[32],
                       struct fault *f)
{
    uint8_t footer[BACKUPFILE_FOOTER];
    struct wire_in w;
    uint8_t magic[8];
    uint64_t length;

    if (size < BACKUPFILE_FOOTER)
        return fault_set(f, FAULT_MALFORMED, "backup.footer", "the file is too short for a backup");
    if (backup_read(fd, size - BACKUPFILE_FOOTER, footer, sizeof(footer), f) != 0)
        return -(int)f->code;
    wire_in_init(&w, slice_of(footer, sizeof(footer)));
    wire_get_fixed(&w, magic, sizeof(magic));
    length = wire_get_u64(&w);
    wire_get_fixed(&w, sha256, 32);
    if (memcmp(magic, MAGIC, sizeof(magic)) != 0)
        return fault_set(f, FAULT_MALFORMED, "backup.footer",
                         "there is no footer at the end: cut off, or no backup");
    if (length > BACKUPFILE_MANIFEST_MAX || length > size - BACKUPFILE_FOOTER)
        return fault_set(f, FAULT_MALFORMED, "backup.manifest", "the manifest is not in the file");
    *n = (size_t)length;
    *at = size - BACKUPFILE_FOOTER - length;
    return 0;
}

int backup_open(int fd, struct backup_manifest *out, uint8_t sha256[32], struct fault *f)
{
    uint8_t manifest[BACKUPFILE_MANIFEST_MAX];
    struct wire_in w;
    uint64_t size, at = 0;
    uint32_t version;
    size_t n = 0;

    memset(out, 0, sizeof(*out));
    memset(sha256, 0, 32);
    if (size_of(fd, &size, f) != 0 || footer_read(fd, size, &at, &n, sha256, f) != 0 ||
        backup_read(fd, at, manifest, n, f) != 0)
        return -(int)f->code;
    wire_in_init(&w, slice_of(manifest, n));
    version = wire_get_u32(&w);
    if (!wire_failed(&w) && version > BACKUPFILE_VERSION)
        return fault_set(f, FAULT_CONFLICT, "backup.version",
                         "the backup has format %u, this program knows %u: use the version that "
                         "wrote it, or a newer one",
                         version, BACKUPFILE_VERSION);
    manifest_get(&w, out);
    if (!wire_in_done(&w) || !sections_lie_right(out, at)) {
        memset(out, 0, sizeof(*out));
        return fault_set(f, FAULT_MALFORMED, "backup.manifest", "the manifest does not decode");
    }
    return 0;
}

static int hash_all(int fd, struct digest *h, uint64_t size,
                    void (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                    struct fault *f)
{
    uint8_t chunk[CHUNK];
    uint64_t at = 0;

    while (at < size) {
        size_t n = size - at < CHUNK ? (size_t)(size - at) : CHUNK;

        if (backup_read(fd, at, chunk, n, f) != 0)
            return -(int)f->code;
        digest_add(h, slice_of(chunk, n));
        at += n;
        if (progress)
            progress(arg, at, size);
    }
    return 0;
}

int backup_hash(int fd, const uint8_t sha256[32],
                void (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                struct fault *f)
{
    uint8_t have[32];
    uint64_t size;
    struct digest *h;
    int rc = size_of(fd, &size, f);

    if (rc != 0)
        return rc;
    if (size < 32)
        return fault_set(f, FAULT_MALFORMED, "backup.footer", "the file is too short for a backup");
    h = digest_begin(32);
    rc = hash_all(fd, h, size - 32, progress, arg, f);
    digest_end(h, have);
    if (rc == 0 && memcmp(have, sha256, sizeof(have)) != 0)
        rc = fault_set(f, FAULT_MALFORMED, "backup.hash",
                       "the backup is damaged: its SHA-256 is not what its footer says");
    return rc;
}
