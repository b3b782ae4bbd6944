/* An export in force: its seal, and the pieces that nobody needs any more. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/export/build.h"
#include "lib/file.h"
#include "lib/step.h"

/* Hashes, sorted once they are all there. */
struct hashes {
    uint8_t (*at)[32];
    size_t n;
};

static void add(struct hashes *h, const uint8_t hash[32])
{
    if ((h->n & (h->n - 1)) == 0)
        h->at = xreallocarray(h->at, h->n == 0 ? 1 : 2 * h->n, sizeof *h->at);
    memcpy(h->at[h->n++], hash, 32);
}

static int order(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

static void seal_path(const char *out_dir, char path[PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s/" VIEWEXPORT_SEAL, out_dir);
}

/* Whoever may write here could replace it: it is believed for numbers and for what to keep. */
static int read_seal(const char *out_dir, struct checkpoint *out)
{
    char path[PATH_MAX];
    struct buf note = {0};
    struct fault f;
    int rc;

    seal_path(out_dir, path);
    rc = file_read(path, NOTE_MAX, &note, &f);
    if (rc == 0)
        rc = checkpoint_get(buf_slice(&note), out, &f);
    out->text = SLICE_NONE;
    buf_free(&note);
    return rc;
}

/* Those of ours are times, or one more than another. */
uint64_t export_newest(const char *out_dir)
{
    struct checkpoint *c = xcalloc(1, sizeof *c);
    uint64_t number = read_seal(out_dir, c) == 0 && c->size < INT64_MAX ? c->size : 0;

    free(c);
    return number;
}

/* False: it does not read to its end. */
static bool add_entries(struct hashes *h, struct slice manifest)
{
    struct viewexport_entry e = {.size = 0};
    struct viewexport_head head;
    struct slice rest;
    struct fault f;
    int rc = viewexport_begin(manifest, &head, &rest, &f);

    while (rc == 0 && (rc = viewexport_next(&rest, &e, &f)) == 1) {
        add(h, e.hash);
        rc = 0;
    }
    return rc == 0;
}

/* The manifest of an export that was sealed, and what it lists. */
static bool add_manifest(struct hashes *h, const char *out_dir, const uint8_t manifest[32])
{
    struct buf path, text = {0};
    struct fault f;
    bool whole;

    add(h, manifest);
    buf_init(&path, PATH_MAX);
    viewexport_piece_path(&path, out_dir, manifest);
    whole = file_read(buf_cstr(&path), VIEWEXPORT_MANIFEST_MAX, &text, &f) == 0 &&
            add_entries(h, buf_slice(&text));
    buf_free(&text);
    buf_free(&path);
    return whole;
}

/* From memory: whatever becomes of its file, its pieces are not those that go. */
static void add_own(struct hashes *h, const struct export_job *j)
{
    add(h, j->manifest);
    (void)add_entries(h, buf_slice(&j->list));
}

/* Names that no piece has are none of ours, but for those of pieces on their way that a crash left.
 */
static bool unneeded(const struct hashes *h, const char *name)
{
    char hex[65];
    uint8_t hash[32];

    if (strlen(name) < 64)
        return false;
    memcpy(hex, name, 64);
    hex[64] = '\0';
    if (hex_decode(hex, hash, sizeof hash) != 0)
        return false;
    return name[64] != '\0' || bsearch(hash, h->at, h->n, 32, order) == NULL;
}

static void sweep(const char *out_dir, struct hashes *h)
{
    char path[PATH_MAX];
    struct dirent *e;
    DIR *d;

    (void)snprintf(path, sizeof path, "%s/" VIEWEXPORT_PIECES, out_dir);
    d = opendir(path);
    if (d == NULL)
        return;
    qsort(h->at, h->n, sizeof *h->at, order);
    while ((e = readdir(d)) != NULL)
        if (unneeded(h, e->d_name))
            (void)unlinkat(dirfd(d), e->d_name, 0);
    (void)closedir(d);
}

/* A piece may have been renamed into its place by a process that was killed before that was on the
 * disk. */
static int sync_pieces(const char *out_dir, struct fault *f)
{
    char path[PATH_MAX];
    int fd, rc = 0;

    (void)snprintf(path, sizeof path, "%s/" VIEWEXPORT_PIECES, out_dir);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        rc = fault_set(f, FAULT_INTERNAL, "view.export", "cannot sync %s: %s", path,
                       strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return rc;
}

int export_seal(const struct export_job *j, struct slice note, struct fault *f)
{
    struct checkpoint *before = xcalloc(1, sizeof *before);
    struct hashes keep = {NULL, 0};
    char path[PATH_MAX];
    int rc = sync_pieces(j->out_dir, f);

    if (read_seal(j->out_dir, before) == 0) /* if it does not read, nobody fetches it */
        (void)add_manifest(&keep, j->out_dir, before->root);
    add_own(&keep, j);
    seal_path(j->out_dir, path);
    STEP("export.sealed");
    if (rc == 0)
        rc = file_write(path, 0644, note, f);
    STEP("export.published");
    if (rc == 0)
        sweep(j->out_dir, &keep);
    free(keep.at);
    free(before);
    return rc;
}

void export_drop(const struct export_job *j)
{
    struct checkpoint *sealed = xcalloc(1, sizeof *sealed);
    struct hashes keep = {NULL, 0};
    int rc = read_seal(j->out_dir, sealed);

    /* What is in force is dropped for no reason. */
    if (rc == -FAULT_NOT_FOUND || (rc == 0 && add_manifest(&keep, j->out_dir, sealed->root))) {
        add_own(&keep, j);
        sweep(j->out_dir, &keep);
    }
    free(keep.at);
    free(sealed);
}
