/* The files of an export, assembled beside the view and checked. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cert.h"
#include "lib/file.h"
#include "lib/key.h"
#include "tools/viewimport_inner.h"

static int damaged(struct fault *f, const char *path, const char *how)
{
    return fault_set(f, FAULT_MALFORMED, "import.damaged", "%s of the export %s", path, how);
}

/* ---- pieces ---- */

static int read_piece(const struct import *i, const struct viewexport_entry *e, const char *path,
                      uint8_t room[VIEWEXPORT_PIECE], struct fault *f)
{
    struct buf from;
    struct stat st;
    uint8_t hash[32];
    ssize_t n = -1;
    int fd;

    buf_init(&from, PATH_MAX);
    viewexport_piece_path(&from, i->from, e->hash);
    fd = open(buf_cstr(&from), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    buf_free(&from);
    if (fd < 0)
        return fault_set(f, FAULT_UNAVAILABLE, "import.incomplete",
                         "a piece of %s of the export is not there: %s", path, strerror(errno));
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == (off_t)e->size)
        n = pread(fd, room, e->size, 0);
    (void)close(fd);
    if (n != (ssize_t)e->size)
        return damaged(f, path, "has a wrong length");
    sha256(slice_of(room, e->size), hash);
    return memcmp(hash, e->hash, sizeof hash) == 0 ? 0 : damaged(f, path, "has a wrong checksum");
}

static int put_pieces(const struct import *i, const struct import_file *file, int fd,
                      struct fault *f)
{
    uint8_t *room = xcalloc(1, VIEWEXPORT_PIECE);
    struct viewexport_entry e = {.size = 0};
    struct slice rest = file->entries;
    int rc;

    while ((rc = viewexport_next(&rest, &e, f)) == 1) {
        rc = read_piece(i, &e, file->path, room, f);
        if (rc == 0 && write(fd, room, e.size) != (ssize_t)e.size)
            rc = import_cannot(f, "write", file->path);
        if (rc != 0)
            break;
    }
    free(room);
    return rc;
}

static int assemble(struct import *i, const struct import_file *file, struct fault *f)
{
    char path[PATH_MAX];
    int fd, rc;

    import_join(path, i->stage, file->path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return import_cannot(f, "make", path);
    rc = put_pieces(i, file, fd, f);
    if (rc == 0 && (fchmod(fd, 0644) != 0 || fsync(fd) != 0))
        rc = import_cannot(f, "write", path);
    (void)close(fd);
    return rc;
}

/* ---- what the view has already ---- */

/* The lines of a file in the manifest before; both are in order. */
static bool same_as_before(struct slice *before, const struct import_file *file)
{
    struct import_file there;
    struct fault f;
    struct slice at = *before;

    while (import_next(&at, &there, &f) == 1) {
        int order = strcmp(there.path, file->path);

        if (order > 0)
            return false;
        *before = at;
        if (order == 0)
            return slice_eq(there.entries, file->entries);
    }
    return false;
}

/* A log in the view goes on; the copy is needed whole. */
static bool link_own(const struct import *i, const struct import_file *file)
{
    char own[PATH_MAX], stage[PATH_MAX];
    uint64_t generation;
    struct stat st;

    import_join(own, i->view, file->path);
    import_join(stage, i->stage, file->path);
    return !import_is_log(file->path, &generation) && lstat(own, &st) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == file->size && link(own, stage) == 0;
}

static int stage_files(struct import *i, struct fault *f)
{
    struct slice rest = i->entries, before = SLICE_NONE;
    struct viewexport_head head;
    struct import_file file;
    int rc;

    if (i->before.n > 0 && viewexport_begin(buf_slice(&i->before), &head, &before, f) != 0)
        before = SLICE_NONE;
    while ((rc = import_next(&rest, &file, f)) == 1) {
        rc = import_make_folders(i->stage, file.path, f);
        if (rc == 0 && !(same_as_before(&before, &file) && link_own(i, &file))) {
            rc = assemble(i, &file, f);
            i->result->changed++;
        }
        if (rc != 0)
            return rc;
        i->result->files++;
    }
    return rc;
}

/* ---- issuers ---- */

static int check_owner(const char *dir, const struct viewfile_info *info, struct fault *f)
{
    char path[PATH_MAX];
    struct cert *c = xcalloc(1, sizeof *c);
    struct buf der = {0};
    uint8_t owner[32];
    int rc;

    import_join(path, dir, "issuer.der");
    rc = file_read(path, CERT_MAX, &der, f);
    if (rc == 0)
        rc = cert_parse(buf_slice(&der), c, f);
    if (rc == 0) {
        spki_hash(&c->key, owner);
        if (memcmp(owner, info->owner, sizeof owner) != 0)
            rc = -FAULT_MALFORMED;
    }
    buf_free(&der);
    free(c);
    return rc == 0 ? 0
                   : fault_set(f, FAULT_MALFORMED, "import.owner",
                               "%s of the export is not of the key in its issuer.der",
                               strrchr(dir, '/') + 1);
}

/* What readers were told already never goes back. One that cannot be read is replaced. */
static int check_progress(const struct import *i, const char *folder,
                          const struct viewfile_info *info, struct fault *f)
{
    struct viewfile_info own;
    char path[PATH_MAX];
    struct viewfile *v;
    struct fault none;

    import_join(path, i->view, folder);
    if (viewfile_open(path, &v, &none) != 0)
        return 0;
    viewfile_info(v, &own);
    viewfile_close(v);
    if (memcmp(own.owner, info->owner, sizeof own.owner) != 0)
        return fault_set(f, FAULT_CONFLICT, "import.owner",
                         "%s of the export is of another key than that of the view", folder);
    if (info->change < own.change)
        return fault_set(f, FAULT_CONFLICT, "import.older",
                         "%s of the export knows less than the view here does", folder);
    return 0;
}

static int check_issuer(struct import *i, const char *folder, struct fault *f)
{
    struct viewfile_info info;
    char path[PATH_MAX];
    struct viewfile *v;
    int rc;

    import_join(path, i->stage, folder);
    rc = viewfile_open(path, &v, f);
    if (rc != 0)
        return fault_set(f, FAULT_MALFORMED, "import.damaged",
                         "%s of the export does not read: %.150s", folder, f->text);
    viewfile_info(v, &info);
    viewfile_close(v);
    i->result->issuers++;
    rc = check_owner(path, &info, f);
    return rc == 0 ? check_progress(i, folder, &info, f) : rc;
}

static int check_issuers(struct import *i, struct fault *f)
{
    struct slice rest = i->entries;
    struct import_file file;
    int rc;

    while ((rc = import_next(&rest, &file, f)) == 1) {
        char *slash = strchr(file.path, '/');

        if (slash == NULL || strcmp(slash, "/current") != 0)
            continue;
        *slash = '\0';
        rc = check_issuer(i, file.path, f);
        if (rc != 0)
            return rc;
    }
    return rc;
}

int import_stage(struct import *i, struct fault *f)
{
    int rc;

    if (mkdir(i->stage, 0700) != 0)
        return import_cannot(f, "make", i->stage);
    rc = stage_files(i, f);
    return rc == 0 ? check_issuers(i, f) : rc;
}
