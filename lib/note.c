#include "lib/note.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/key.h"
#include "lib/pem.h"

#define DASH "\xe2\x80\x94" /* U+2014 */

bool note_name_valid(const char *name)
{
    size_t n = strnlen(name, NOTE_NAME_MAX + 1);

    for (size_t i = 0; i < n; i++)
        if (name[i] <= ' ' || name[i] > '~' || name[i] == '+')
            return false;
    return n > 0 && n <= NOTE_NAME_MAX;
}

void checkpoint_text_put(struct buf *b, const char *origin, uint64_t size, const uint8_t root[32])
{
    buf_printf(b, "%s\n%" PRIu64 "\n", origin, size);
    base64_put(b, slice_of(root, 32), 0);
    buf_put_str(b, "\n");
}

void note_signature_put(struct buf *b, const struct note_key *k, struct slice signature)
{
    struct buf raw;

    buf_init(&raw, 1024);
    buf_put(&raw, k->id, sizeof k->id);
    buf_put_slice(&raw, signature);
    buf_printf(b, DASH " %s ", k->name);
    base64_put(b, buf_slice(&raw), 0);
    buf_put_str(b, "\n");
    buf_free(&raw);
}

/* ---- reading ---- */

static int malformed(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_MALFORMED, "checkpoint.form", "not a checkpoint: %s", what);
}

/* The next line, without its newline, cut off *rest; false when there is none. */
static bool take_line(struct slice *rest, struct slice *line)
{
    const uint8_t *end = rest->n == 0 ? NULL : memchr(rest->p, '\n', rest->n);

    *line = SLICE_NONE;
    if (end == NULL)
        return false;
    *line = slice_of(rest->p, (size_t)(end - rest->p));
    *rest = slice_of(end + 1, rest->n - line->n - 1);
    return true;
}

static int copy_name(struct slice s, char out[NOTE_NAME_MAX + 1])
{
    if (s.n > NOTE_NAME_MAX)
        return -1;
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return note_name_valid(out) ? 0 : -1;
}

/* Decimal, no leading zero. */
static int get_size(struct slice s, uint64_t *out)
{
    *out = 0;
    if (s.n == 0 || s.n > 19 || (s.n > 1 && s.p[0] == '0'))
        return -1;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return -1;
        *out = *out * 10 + (uint64_t)(s.p[i] - '0');
    }
    return 0;
}

static int get_root(struct slice s, uint8_t out[32])
{
    struct buf b;
    int rc;

    buf_init(&b, 32);
    rc = s.n == 44 && base64_get(s, &b) == 0 && b.n == 32 ? 0 : -1;
    if (rc == 0)
        memcpy(out, b.p, 32);
    buf_free(&b);
    return rc;
}

static int get_signature(struct slice line, struct note_signature *out)
{
    static const char head[] = DASH " ";
    const size_t n_head = sizeof head - 1;
    const uint8_t *space;
    struct slice name;
    struct buf b;
    int rc = -1;

    memset(out, 0, sizeof *out);
    if (line.n <= n_head || memcmp(line.p, head, n_head) != 0)
        return -1;
    line = slice_of(line.p + n_head, line.n - n_head);
    space = memchr(line.p, ' ', line.n);
    if (space == NULL)
        return -1;
    name = slice_of(line.p, (size_t)(space - line.p));
    line = slice_of(space + 1, line.n - name.n - 1);
    buf_init(&b, NOTE_MAX);
    if (copy_name(name, out->name) == 0 && base64_get(line, &b) == 0 && b.n > sizeof out->id) {
        memcpy(out->id, b.p, sizeof out->id);
        out->n = b.n - sizeof out->id <= sizeof out->octets ? b.n - sizeof out->id : 0;
        memcpy(out->octets, b.p + sizeof out->id, out->n);
        rc = 0;
    }
    buf_free(&b);
    return rc;
}

/* "the text is separated from the signatures by the last empty line in the note" */
static int split_note(struct slice note, struct slice *text, struct slice *signatures)
{
    for (size_t i = note.n; i >= 2; i--)
        if (note.p[i - 1] == '\n' && note.p[i - 2] == '\n') {
            *text = slice_of(note.p, i - 1);
            *signatures = slice_of(note.p + i, note.n - i);
            return 0;
        }
    return -1;
}

static bool has_control(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' && s.p[i] != '\n')
            return true;
    return false;
}

int checkpoint_get(struct slice note, struct checkpoint *out, struct fault *f)
{
    struct slice rest, line;

    memset(out, 0, sizeof *out);
    if (note.n > NOTE_MAX || has_control(note) || split_note(note, &out->text, &rest) != 0)
        return malformed(f, "no signed note");
    for (; out->n < NOTE_SIGNATURES_MAX && take_line(&rest, &line); out->n++)
        if (get_signature(line, &out->signature[out->n]) != 0)
            return malformed(f, "a signature line is broken");
    if (rest.n != 0 || out->n == 0)
        return malformed(f, "its signature lines");
    rest = out->text;
    if (!take_line(&rest, &line) || copy_name(line, out->origin) != 0)
        return malformed(f, "its origin line");
    if (!take_line(&rest, &line) || get_size(line, &out->size) != 0)
        return malformed(f, "its tree size");
    if (!take_line(&rest, &line) || get_root(line, out->root) != 0)
        return malformed(f, "its root hash");
    while (take_line(&rest, &line))
        if (line.n == 0)
            return malformed(f, "an extension line is empty");
    return 0;
}
