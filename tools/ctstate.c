#include "tools/ctstate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "tools/json.h"

#define STATE_MAX 16384

static int not_a_state(struct fault *f)
{
    return fault_set(f, FAULT_MALFORMED, "ct.state", "that file is not the state of a log");
}

static bool get_hash(const json_t *o, const char *key, uint8_t out[32])
{
    const char *text = json_string_value(json_object_get(o, key));

    return text != NULL && strlen(text) == 64 && hex_decode(text, out, 32) == 0;
}

static bool get_tree(const json_t *o, struct ct_state *s)
{
    const char *text = json_string_value(json_object_get(o, "tree"));
    uint8_t raw[MERKLE_BYTES_MAX];
    size_t n = text == NULL ? 0 : strlen(text) / 2;

    s->has_tree = n > 0;
    if (!s->has_tree)
        return text != NULL && text[0] == '\0';
    return n <= sizeof(raw) && strlen(text) == 2 * n && hex_decode(text, raw, n) == 0 &&
           merkle_get(slice_of(raw, n), &s->tree) == 0 && s->tree.size <= s->size;
}

static int read_state(struct slice text, struct ct_state *s, struct fault *f)
{
    json_t *o = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    const json_t *size = json_object_get(o, "size");
    uint8_t log[32];
    int rc = 0;

    s->size = (uint64_t)json_integer_value(size);
    if (!json_is_integer(size) || json_integer_value(size) < 0 || !get_hash(o, "log", log) ||
        !get_hash(o, "root", s->root) || !get_tree(o, s))
        rc = not_a_state(f);
    else if (memcmp(log, s->log, sizeof(log)) != 0)
        rc = fault_set(f, FAULT_CONFLICT, "ct.state", "that file is of a log with another key");
    json_decref(o);
    return rc;
}

int ct_state_load(const char *path, struct ct_state *s, bool *found, struct fault *f)
{
    struct buf text;
    int rc;

    *found = access(path, F_OK) == 0 || errno != ENOENT;
    if (!*found)
        return 0;
    buf_init(&text, STATE_MAX);
    rc = file_read(path, STATE_MAX, &text, f);
    if (rc == 0)
        rc = read_state(buf_slice(&text), s, f);
    buf_free(&text);
    return rc;
}

int ct_state_save(const char *path, const struct ct_state *s, struct fault *f)
{
    char log[65], root[65], *tree = xcalloc(1, 2 * MERKLE_BYTES_MAX + 1);
    struct buf text, raw;
    int rc;

    buf_init(&text, STATE_MAX);
    buf_init(&raw, MERKLE_BYTES_MAX);
    hex_encode(slice_of(s->log, sizeof(s->log)), log);
    hex_encode(slice_of(s->root, sizeof(s->root)), root);
    if (s->has_tree)
        merkle_put(&raw, &s->tree);
    hex_encode(buf_slice(&raw), tree);
    buf_printf(&text,
               "{\"log\": \"%s\", \"size\": %" PRIu64 ", \"root\": \"%s\", \"tree\": \"%s\"}\n",
               log, s->size, root, tree);
    rc = file_write(path, 0600, buf_slice(&text), f);
    buf_free(&raw);
    buf_free(&text);
    free(tree);
    return rc;
}
