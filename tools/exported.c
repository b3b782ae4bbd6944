#include "tools/exported.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ca/audit/audit.h"
#include "lib/file.h"

#define HEAD_MAX 65536
#define LINE_MAX_OCTETS (2 * AUDIT_RECORD_MAX + 256)

/* One line of records.jsonl, decoded. */
struct line {
    bool there, broken;
    uint64_t index;
    uint8_t salt[AUDIT_SALT], record[AUDIT_RECORD_MAX];
    struct audit_leaf leaf; /* points here */
};

struct exported {
    char dir[PATH_MAX - 512];
    json_t *head;
    uint64_t size, first;
    FILE *records, *hashes;
    char text[LINE_MAX_OCTETS + 2];
    struct line line[2]; /* the one that is looked at, and the next */
    unsigned at;
};

/* A file that is not there is a fault of the export, one that cannot be read is none. */
static int failed(const char *path, struct fault *f)
{
    return fault_set(f, errno == ENOENT || errno == ENOTDIR ? FAULT_NOT_FOUND : FAULT_INTERNAL,
                     "export.read", "%s: %s", path, strerror(errno));
}

/* A pipe among the files would have us wait for ever. */
static int check_regular(const char *path, struct fault *f)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return failed(path, f);
    return S_ISREG(st.st_mode)
               ? 0
               : fault_set(f, FAULT_MALFORMED, "export.form", "%.200s is not a regular file", path);
}

static int open_file(const struct exported *e, const char *name, FILE **out, struct fault *f)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s/%s", e->dir, name);
    *out = NULL;
    if (check_regular(path, f) != 0)
        return -(int)f->code;
    *out = fopen(path, "re");
    return *out != NULL ? 0 : failed(path, f);
}

static int read_head(struct exported *e, struct fault *f)
{
    char path[PATH_MAX];
    struct buf file = {0};
    json_int_t size, first;
    int rc;

    (void)snprintf(path, sizeof(path), "%s/export.json", e->dir);
    rc = check_regular(path, f);
    if (rc == 0)
        rc = file_read(path, HEAD_MAX, &file, f);
    if (rc == 0)
        e->head = json_loadb((const char *)file.p, file.n, JSON_REJECT_DUPLICATES, NULL);
    buf_free(&file);
    if (rc != 0)
        return rc;
    size = json_integer_value(json_object_get(e->head, "size"));
    first = json_integer_value(json_object_get(e->head, "first"));
    if (strcmp(json_str(e->head, "format"), "cerca-audit-export-1") != 0 || size < 0 || first < 0 ||
        first > size)
        return fault_set(f, FAULT_MALFORMED, "export.form", "%s is not an export of an audit log",
                         path);
    e->size = (uint64_t)size;
    e->first = (uint64_t)first;
    return 0;
}

int exported_open(const char *dir, struct exported **out, struct fault *f)
{
    struct exported *e = xcalloc(1, sizeof(*e));
    int rc = 0;

    *out = NULL;
    if (strlen(dir) >= sizeof(e->dir))
        rc = fault_set(f, FAULT_TOO_LARGE, "export.path", "the path is too long");
    else
        memcpy(e->dir, dir, strlen(dir) + 1);
    if (rc == 0)
        rc = read_head(e, f);
    if (rc == 0)
        rc = open_file(e, "records.jsonl", &e->records, f);
    if (rc == 0)
        rc = open_file(e, "leaf-hashes", &e->hashes, f);
    if (rc != 0) {
        exported_close(e);
        return rc;
    }
    *out = e;
    return 0;
}

void exported_close(struct exported *e)
{
    if (e == NULL)
        return;
    if (e->records != NULL)
        (void)fclose(e->records);
    if (e->hashes != NULL)
        (void)fclose(e->hashes);
    json_decref(e->head);
    free(e);
}

const char *exported_origin(const struct exported *e)
{
    return json_str(e->head, "origin");
}

const char *exported_keys(const struct exported *e)
{
    return json_str(e->head, "keys");
}

/* ---- checkpoints ---- */

int exported_checkpoints(const struct exported *e, struct verify *v, struct fault *f)
{
    char path[PATH_MAX];
    struct buf file = {0};
    struct dirent *entry;
    int rc = 0;
    DIR *d;

    (void)snprintf(path, sizeof(path), "%s/checkpoints", e->dir);
    d = opendir(path);
    if (d == NULL)
        return failed(path, f);
    while (rc == 0 && (entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "%s/checkpoints/%.200s", e->dir, entry->d_name);
        rc = check_regular(path, f);
        if (rc == 0)
            rc = file_read(path, NOTE_MAX, &file, f);
        if (rc == 0)
            verify_add_checkpoint(v, entry->d_name, false, buf_slice(&file));
    }
    (void)closedir(d);
    buf_free(&file);
    return rc;
}

/* ---- records ---- */

static bool unreadable(const struct exported *e)
{
    return ferror(e->records) || ferror(e->hashes);
}

static int hex_field(const json_t *o, const char *key, uint8_t *out, size_t max, size_t *n)
{
    const char *text = json_str(o, key);
    size_t digits = strlen(text);

    *n = digits / 2;
    if (!json_is_string(json_object_get(o, key)) || digits % 2 != 0 || *n > max)
        return -1;
    return *n == 0 ? 0 : hex_decode(text, out, *n);
}

static int decode(struct line *l, const char *text, size_t length)
{
    json_t *o = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    const json_t *index = json_object_get(o, "index");
    size_t salt, record;
    int rc = -1;

    if (json_is_integer(index) && json_integer_value(index) >= 0 &&
        hex_field(o, "salt", l->salt, sizeof(l->salt), &salt) == 0 &&
        hex_field(o, "record", l->record, sizeof(l->record), &record) == 0 &&
        (salt == AUDIT_SALT || (salt == 0 && record == 32))) {
        l->index = (uint64_t)json_integer_value(index);
        l->leaf =
            (struct audit_leaf){l->index, slice_of(l->salt, salt), slice_of(l->record, record)};
        rc = 0;
    }
    json_decref(o);
    return rc;
}

/* A line that is too long is passed over, however long. */
static void read_line(struct exported *e, struct line *l)
{
    const char *end;
    int c;

    memset(e->text, 0, sizeof(e->text));
    l->there = fgets(e->text, sizeof(e->text), e->records) != NULL;
    if (!l->there)
        return;
    end = memchr(e->text, '\n', sizeof(e->text));
    if (end == NULL && !feof(e->records)) {
        while ((c = getc_unlocked(e->records)) != EOF && c != '\n')
            ;
        l->broken = true;
        return;
    }
    l->broken = decode(l, e->text, end != NULL ? (size_t)(end - e->text) : strlen(e->text)) != 0;
}

static struct line *present(struct exported *e)
{
    return &e->line[e->at];
}

static const struct line *following(const struct exported *e)
{
    return &e->line[1 - e->at];
}

static void advance(struct exported *e)
{
    e->at = 1 - e->at;
    read_line(e, &e->line[1 - e->at]);
}

/* Were records left out, up to the one of this line? When the lines go on from it, they were; when
 * they do not, it is the order that is wrong. */
static bool gap_before(const struct exported *e, uint64_t index)
{
    const struct line *l = &e->line[e->at], *next = following(e);

    return !l->broken && l->index > index &&
           (!next->there || next->broken || next->index == l->index + 1);
}

static const uint8_t *record_at(struct exported *e, struct verify *v, uint64_t index, bool *missing,
                                uint8_t out[32])
{
    struct line *l = present(e);

    if (index < e->first)
        return NULL;
    if (!l->there || gap_before(e, index)) {
        if (!*missing && l->there)
            verify_found(v, "audit.missing", "the records %" PRIu64 " to %" PRIu64 " are missing",
                         index, l->index - 1);
        else if (!*missing)
            verify_found(v, "audit.truncated",
                         "the records end before record %" PRIu64 ", of %" PRIu64, index, e->size);
        *missing = true;
        return NULL;
    }
    *missing = false;
    if (l->broken) {
        verify_found(v, "audit.tampered", "record %" PRIu64 " does not read", index);
        memset(out, 0, 32);
    } else {
        audit_leaf_hash(&l->leaf, out);
    }
    advance(e);
    return out;
}

int exported_leaves(struct exported *e, struct verify *v,
                    void (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                    struct fault *f)
{
    bool missing = false;
    uint8_t hash[32], record[32];

    e->at = 1;
    advance(e);
    advance(e);
    for (uint64_t i = 0; i < e->size && !unreadable(e); i++) {
        bool tiled = fread(hash, 1, sizeof(hash), e->hashes) == sizeof(hash);
        const uint8_t *by_record = record_at(e, v, i, &missing, record);

        if (!tiled && by_record == NULL)
            break;
        verify_leaf(v, by_record, tiled ? hash : NULL);
        if (i % TILE_WIDTH == 0)
            progress(arg, i, e->size);
    }
    if (unreadable(e))
        return fault_set(f, FAULT_INTERNAL, "export.read", "%s cannot be read", e->dir);
    if (present(e)->there)
        verify_found(v, "audit.reordered", "there are more lines than records");
    return 0;
}
