#include "lib/viewexport.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIRST_LINE "cerca-view-export/1"
#define SUFFIX "/view"

int viewexport_origin(const char *audit_origin, char out[NOTE_NAME_MAX + 1])
{
    int n = snprintf(out, NOTE_NAME_MAX + 1, "%s" SUFFIX, audit_origin);

    return n > 0 && n <= NOTE_NAME_MAX && note_name_valid(out) ? 0 : -1;
}

int viewexport_key(const struct note_key *of_log, struct note_key *out)
{
    char origin[NOTE_NAME_MAX + 1];

    if (viewexport_origin(of_log->name, origin) != 0)
        return -1;
    return note_key_spki(origin, of_log->type, slice_of(of_log->spki, of_log->spki_n), out);
}

bool viewexport_path_valid(struct slice path)
{
    bool begins = true;

    if (path.n == 0 || path.n > VIEWEXPORT_PATH_MAX || path.p[path.n - 1] == '/')
        return false;
    for (size_t i = 0; i < path.n; i++) {
        uint8_t c = path.p[i];

        if (begins ? !isalnum(c) : !isalnum(c) && strchr("-_./", c) == NULL)
            return false;
        begins = c == '/';
    }
    return memchr(path.p, 0, path.n) == NULL;
}

void viewexport_head_put(struct buf *b, const struct viewexport_head *h)
{
    buf_printf(b, FIRST_LINE "\n%s\n%" PRIu64 "\n%" PRId64 "\n", h->origin, h->number, h->time);
}

void viewexport_entry_put(struct buf *b, const struct viewexport_entry *e)
{
    char hex[65];

    hex_encode(slice_of(e->hash, sizeof e->hash), hex);
    buf_printf(b, "%s %" PRIu32 " ", hex, e->size);
    buf_put_slice(b, e->path);
    buf_put_str(b, "\n");
}

/* ---- reading ---- */

static int malformed(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_MALFORMED, "view.manifest", "the export's manifest: %s", what);
}

/* What stands before the next `end`, cut off *rest with it. */
static bool take(struct slice *rest, uint8_t end, struct slice *out)
{
    const uint8_t *at = rest->n == 0 ? NULL : memchr(rest->p, end, rest->n);

    *out = SLICE_NONE;
    if (at == NULL)
        return false;
    *out = slice_of(rest->p, (size_t)(at - rest->p));
    *rest = slice_of(at + 1, rest->n - out->n - 1);
    return true;
}

/* Decimal, no leading zero, at most 18 digits. */
static bool number(struct slice s, uint64_t *out)
{
    *out = 0;
    if (s.n == 0 || s.n > 18 || (s.n > 1 && s.p[0] == '0'))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!isdigit(s.p[i]))
            return false;
        *out = *out * 10 + (uint64_t)(s.p[i] - '0');
    }
    return true;
}

int viewexport_begin(struct slice manifest, struct viewexport_head *out, struct slice *rest,
                     struct fault *f)
{
    struct slice line;
    uint64_t time;

    memset(out, 0, sizeof *out);
    *rest = manifest;
    if (manifest.n > VIEWEXPORT_MANIFEST_MAX)
        return malformed(f, "is too large");
    if (!take(rest, '\n', &line) || !slice_is(line, FIRST_LINE))
        return malformed(f, "is not one, or of another version");
    if (!take(rest, '\n', &line) || line.n > NOTE_NAME_MAX)
        return malformed(f, "its origin line");
    memcpy(out->origin, line.p, line.n);
    if (strlen(out->origin) != line.n || !note_name_valid(out->origin))
        return malformed(f, "its origin line");
    if (!take(rest, '\n', &line) || !number(line, &out->number))
        return malformed(f, "its number");
    if (!take(rest, '\n', &line) || !number(line, &time))
        return malformed(f, "its time");
    out->time = (int64_t)time;
    return 0;
}

/* In the one way that there is to write it: who signs a manifest signs no second form of it. */
static bool hash_of(struct slice s, uint8_t out[32])
{
    char text[65], again[65];

    if (s.n != 64)
        return false;
    memcpy(text, s.p, 64);
    text[64] = '\0';
    if (hex_decode(text, out, 32) != 0)
        return false;
    hex_encode(slice_of(out, 32), again);
    return memcmp(text, again, 64) == 0;
}

int viewexport_next(struct slice *rest, struct viewexport_entry *e, struct fault *f)
{
    struct slice before = e->path, hash, size;
    uint64_t n;

    if (rest->n == 0)
        return 0;
    if (!take(rest, ' ', &hash) || !hash_of(hash, e->hash))
        return malformed(f, "a hash");
    if (!take(rest, ' ', &size) || !number(size, &n) || n == 0 || n > VIEWEXPORT_PIECE)
        return malformed(f, "a size");
    e->size = (uint32_t)n;
    if (!take(rest, '\n', &e->path) || !viewexport_path_valid(e->path))
        return malformed(f, "a path");
    if (slice_cmp(before, e->path) > 0)
        return malformed(f, "its paths are not in order");
    return 1;
}

void viewexport_piece_path(struct buf *b, const char *folder, const uint8_t hash[32])
{
    char hex[65];

    hex_encode(slice_of(hash, 32), hex);
    buf_printf(b, "%s/" VIEWEXPORT_PIECES "/%s", folder, hex);
}
