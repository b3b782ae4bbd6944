#include "tools/scanstate.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "tools/json.h"

#define STATE_MAX 4096

static bool get_number(const json_t *o, const char *key, uint64_t *out)
{
    const json_t *v = json_object_get(o, key);

    *out = (uint64_t)json_integer_value(v);
    return json_is_integer(v) && json_integer_value(v) >= 0;
}

static int read_state(struct slice text, struct scan_state *s, struct fault *f)
{
    json_t *o = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    const char *hash = json_string_value(json_object_get(o, "targets"));
    uint8_t targets[32];
    int rc = 0;

    if (!get_number(o, "seed", &s->seed) || !get_number(o, "position", &s->position) ||
        hash == NULL || strlen(hash) != 64 || hex_decode(hash, targets, sizeof(targets)) != 0)
        rc = fault_set(f, FAULT_MALFORMED, "scan.resume", "that file is not the state of a scan");
    else if (memcmp(targets, s->targets, sizeof(targets)) != 0)
        rc = fault_set(f, FAULT_CONFLICT, "scan.resume",
                       "that file is of a scan of other targets: give the same, or another file");
    json_decref(o);
    return rc;
}

int scan_state_load(const char *path, struct scan_state *s, bool *found, struct fault *f)
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

int scan_state_save(const char *path, const struct scan_state *s, struct fault *f)
{
    struct buf text;
    char hash[65];
    int rc;

    buf_init(&text, STATE_MAX);
    hex_encode(slice_of(s->targets, sizeof(s->targets)), hash);
    buf_printf(&text, "{\"seed\": %llu, \"position\": %llu, \"targets\": \"%s\"}\n",
               (unsigned long long)s->seed, (unsigned long long)s->position, hash);
    rc = file_write(path, 0600, buf_slice(&text), f);
    buf_free(&text);
    return rc;
}
