#include "tools/viewimport.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/key.h"
#include "tools/viewimport_inner.h"

int import_cannot(struct fault *f, const char *what, const char *path)
{
    return fault_set(f, errno == ENOSPC || errno == EDQUOT ? FAULT_FULL : FAULT_INTERNAL,
                     "import.write", "cannot %s %s: %s", what, path, strerror(errno));
}

void import_join(char out[PATH_MAX], const char *dir, const char *name)
{
    (void)snprintf(out, PATH_MAX, "%.3800s/%.250s", dir, name);
}

int import_make_folders(const char *root, const char *path, struct fault *f)
{
    char whole[PATH_MAX];
    size_t n = strlen(root);

    import_join(whole, root, path);
    for (char *p = whole + n + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        if (mkdir(whole, 0755) == 0 ? chmod(whole, 0755) != 0 : errno != EEXIST)
            return import_cannot(f, "make", whole);
        *p = '/';
    }
    return 0;
}

/* ---- the seal and the manifest ---- */

static int read_part(const char *path, size_t max, const char *rule, struct buf *out,
                     struct fault *f)
{
    struct stat st;
    int rc;

    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return fault_set(f, FAULT_MALFORMED, rule, "%s is no file", path);
    rc = file_read(path, max, out, f);
    if (rc == 0)
        return 0;
    (void)fault_rename(f, rc == -FAULT_NOT_FOUND ? "import.incomplete" : rule);
    return rc;
}

static int read_seal(struct import *i, const struct note_key *key, struct checkpoint *c,
                     struct fault *f)
{
    char path[PATH_MAX];
    enum note_verdict verdict;
    int rc;

    import_join(path, i->from, VIEWEXPORT_SEAL);
    rc = read_part(path, NOTE_MAX, "import.seal", &i->seal, f);
    if (rc == 0 && checkpoint_get(buf_slice(&i->seal), c, f) != 0)
        rc = fault_rename(f, "import.seal");
    if (rc != 0)
        return rc;
    if (strcmp(c->origin, key->name) != 0)
        return fault_set(f, FAULT_DENIED, "import.origin",
                         "the export is of %.80s, but the pinned key is of %.80s", c->origin,
                         key->name);
    verdict = note_verify(c, key);
    if (verdict == NOTE_UNKNOWN)
        return fault_set(f, FAULT_UNAVAILABLE, "import.seal",
                         "the export's seal cannot be verified here");
    if (verdict != NOTE_GOOD)
        return fault_set(f, FAULT_DENIED, "import.seal",
                         "the export's seal is not of the pinned key of %.100s", key->name);
    return 0;
}

static int check_entries(struct import *i, struct fault *f)
{
    struct viewexport_entry e = {.size = 0};
    struct slice rest = i->entries;
    int rc;

    do
        rc = viewexport_next(&rest, &e, f);
    while (rc == 1);
    return rc;
}

static int read_manifest(struct import *i, const struct checkpoint *c, struct fault *f)
{
    struct viewexport_head *h = &i->result->head;
    struct buf path;
    uint8_t hash[32];
    int rc;

    buf_init(&path, PATH_MAX);
    viewexport_piece_path(&path, i->from, c->root);
    rc = read_part(buf_cstr(&path), VIEWEXPORT_MANIFEST_MAX, "import.manifest", &i->manifest, f);
    buf_free(&path);
    if (rc != 0)
        return rc;
    sha256(buf_slice(&i->manifest), hash);
    if (memcmp(hash, c->root, sizeof hash) != 0)
        return fault_set(f, FAULT_MALFORMED, "import.manifest",
                         "the export's manifest is not the one that was sealed");
    rc = viewexport_begin(buf_slice(&i->manifest), h, &i->entries, f);
    if (rc == 0)
        rc = check_entries(i, f);
    if (rc == 0 && (strcmp(h->origin, c->origin) != 0 || h->number != c->size))
        rc = fault_set(f, FAULT_MALFORMED, "import.manifest",
                       "manifest and seal of the export do not go together");
    return rc;
}

/* ---- files ---- */

int import_next(struct slice *rest, struct import_file *out, struct fault *f)
{
    struct viewexport_entry e = {.size = 0}, next = {.size = 0};
    struct slice at = *rest;
    int rc = viewexport_next(&at, &e, f);

    memset(out, 0, sizeof *out);
    if (rc != 1)
        return rc;
    memcpy(out->path, e.path.p, e.path.n);
    memcpy(out->first, e.hash, sizeof out->first);
    out->entries = slice_of(rest->p, rest->n - at.n);
    out->size = e.size;
    *rest = at;
    while ((rc = viewexport_next(&at, &next, f)) == 1 && slice_eq(next.path, e.path)) {
        out->entries.n += rest->n - at.n;
        out->size += next.size;
        *rest = at;
    }
    return rc < 0 ? rc : 1;
}

bool import_is_log(const char *path, uint64_t *generation)
{
    const char *name = strchr(path, '/');
    char again[VIEWFILE_NAME_MAX];

    *generation = 0;
    if (name == NULL || strncmp(name, "/log.", 5) != 0)
        return false;
    *generation = strtoull(name + 5, NULL, 10);
    viewfile_name(VIEWFILE_LOG, *generation, again);
    return strcmp(name + 1, again) == 0;
}

/* ---- what was taken before ---- */

static int refuse_older(const struct checkpoint *c, const struct checkpoint *last, struct fault *f)
{
    if (c->size < last->size)
        return fault_set(f, FAULT_CONFLICT, "import.older",
                         "the export has the number %llu, but %llu was taken already",
                         (unsigned long long)c->size, (unsigned long long)last->size);
    if (memcmp(c->root, last->root, sizeof c->root) != 0)
        return fault_set(f, FAULT_CONFLICT, "import.fork",
                         "another export with the number %llu was taken already",
                         (unsigned long long)c->size);
    return 0;
}

/* 1: this very one was taken. A state that does not read is no reason to take an older one. */
static int check_number(struct import *i, const struct checkpoint *c, struct fault *f)
{
    struct checkpoint *last = xcalloc(1, sizeof *last);
    struct buf seal = {0};
    char path[PATH_MAX];
    int rc;

    import_join(path, i->state, VIEWEXPORT_SEAL);
    rc = file_read(path, NOTE_MAX, &seal, f);
    if (rc == 0)
        rc = checkpoint_get(buf_slice(&seal), last, f);
    if (rc == 0 && c->size <= last->size) {
        rc = refuse_older(c, last, f);
        i->result->nothing_new = rc == 0;
        rc = rc == 0 ? 1 : rc;
    } else if (rc == -FAULT_NOT_FOUND) {
        rc = 0;
    }
    buf_free(&seal);
    free(last);
    return rc;
}

static void read_before(struct import *i)
{
    struct viewexport_head head;
    struct slice rest;
    char path[PATH_MAX];
    struct fault f;

    import_join(path, i->state, "manifest");
    if (file_read(path, VIEWEXPORT_MANIFEST_MAX, &i->before, &f) != 0 ||
        viewexport_begin(buf_slice(&i->before), &head, &rest, &f) != 0)
        buf_reset(&i->before);
}

/* The seal last: with it the import is done. */
static int remember(struct import *i, struct fault *f)
{
    char path[PATH_MAX];
    int rc;

    import_join(path, i->state, "manifest");
    rc = file_write(path, 0644, buf_slice(&i->manifest), f);
    import_join(path, i->state, VIEWEXPORT_SEAL);
    return rc == 0 ? file_write(path, 0644, buf_slice(&i->seal), f) : rc;
}

/* ---- in order ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void clear_stage(const struct import *i)
{
    (void)nftw(i->stage, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int take(struct import *i, const struct note_key *key, struct fault *f)
{
    struct checkpoint *c = xcalloc(1, sizeof *c);
    int rc = read_seal(i, key, c, f);

    if (rc == 0)
        rc = read_manifest(i, c, f);
    if (rc == 0)
        rc = check_number(i, c, f);
    free(c);
    if (rc != 0)
        return rc == 1 ? 0 : rc;
    read_before(i);
    clear_stage(i);
    rc = import_stage(i, f);
    if (rc == 0)
        rc = import_apply(i, f);
    clear_stage(i);
    return rc == 0 ? remember(i, f) : rc;
}

/* The view is for everybody, its state for nobody else. */
static int open_state(struct import *i, int *lock, struct fault *f)
{
    *lock = -1;
    if (strlen(i->from) > IMPORT_FOLDER_MAX || strlen(i->view) > IMPORT_FOLDER_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "import.path", "the folder's path is too long");
    if (mkdir(i->view, 0755) == 0 ? chmod(i->view, 0755) != 0 : errno != EEXIST)
        return import_cannot(f, "make", i->view);
    import_join(i->state, i->view, IMPORT_STATE);
    import_join(i->stage, i->state, "stage");
    if (mkdir(i->state, 0700) != 0 && errno != EEXIST)
        return import_cannot(f, "make", i->state);
    *lock = open(i->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock < 0)
        return import_cannot(f, "open", i->state);
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return fault_unavailable(f, 5, "import.running", "another import into %s is under way",
                             i->view);
}

int view_import(const char *from, const char *view_dir, const struct note_key *key,
                struct import_result *out, struct fault *f)
{
    struct import i = {.from = from, .view = view_dir, .result = out};
    int lock, rc;

    memset(out, 0, sizeof *out);
    rc = open_state(&i, &lock, f);
    if (rc == 0)
        rc = take(&i, key, f);
    if (lock >= 0)
        (void)close(lock);
    buf_free(&i.seal);
    buf_free(&i.manifest);
    buf_free(&i.before);
    return rc;
}
