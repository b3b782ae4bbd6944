#include "agent/keyledger.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/units.h"

#define LINE_MAX_SIZE 64

static void path_of(const struct agent_cert *c, struct buf *path)
{
    buf_init(path, PATH_MAX);
    buf_printf(path, "%s/keys", c->state_dir);
}

int keyledger_add(struct keyledger *l, unsigned version, const uint8_t id[KEYLEDGER_ID],
                  struct fault *f)
{
    if (l->n == KEYLEDGER_MAX)
        return fault_set(f, FAULT_FULL, "agent.keys", "more than %d keys wait to be destroyed",
                         KEYLEDGER_MAX);
    l->line[l->n].version = version;
    memcpy(l->line[l->n].id, id, KEYLEDGER_ID);
    l->n++;
    return 0;
}

void keyledger_drop(struct keyledger *l, size_t i)
{
    memmove(&l->line[i], &l->line[i + 1], (l->n - i - 1) * sizeof(l->line[0]));
    l->n--;
}

/* "VERSION ID" */
static int read_line(struct keyledger *l, char *line, struct fault *f)
{
    char *blank = strchr(line, ' ');
    uint8_t id[KEYLEDGER_ID];
    uint64_t version = 0;

    if (blank != NULL)
        *blank = '\0';
    if (blank == NULL || units_parse_number(line, &version) != 0 || version > UINT_MAX ||
        strlen(blank + 1) != (size_t)2 * KEYLEDGER_ID || hex_decode(blank + 1, id, sizeof(id)) != 0)
        return fault_set(f, FAULT_MALFORMED, "agent.keys", "not a line of it");
    return keyledger_add(l, (unsigned)version, id, f);
}

static int read_lines(struct keyledger *l, char *text, struct fault *f)
{
    int rc = 0;

    while (rc == 0 && *text != '\0') {
        char *end = strchr(text, '\n');

        if (end == NULL)
            return fault_set(f, FAULT_MALFORMED, "agent.keys", "its end is missing");
        *end = '\0';
        rc = read_line(l, text, f);
        text = end + 1;
    }
    return rc;
}

int keyledger_load(const struct agent_cert *c, struct keyledger *out, struct fault *f)
{
    struct buf path, text = {0};
    int rc = 0;

    out->n = 0;
    path_of(c, &path);
    if (access(buf_cstr(&path), F_OK) == 0) {
        rc = file_read(buf_cstr(&path), (size_t)KEYLEDGER_MAX * LINE_MAX_SIZE, &text, f);
        if (rc == 0 && text.n > 0 && memchr(text.p, 0, text.n) != NULL)
            rc = fault_set(f, FAULT_MALFORMED, "agent.keys", "a zero octet");
        if (rc == 0)
            rc = read_lines(out, (char *)(uintptr_t)buf_cstr(&text), f);
        if (rc != 0)
            rc = fault_set(f, FAULT_CONFIG, "agent.keys",
                           "%.120s, which says which keys in the token are ours, cannot be read",
                           buf_cstr(&path));
    }
    buf_free(&text);
    buf_free(&path);
    return rc;
}

int keyledger_save(const struct agent_cert *c, const struct keyledger *l, struct fault *f)
{
    struct buf path, text;
    int rc;

    path_of(c, &path);
    buf_init(&text, (size_t)KEYLEDGER_MAX * LINE_MAX_SIZE);
    for (size_t i = 0; i < l->n; i++) {
        char hex[2 * KEYLEDGER_ID + 1];

        hex_encode(slice_of(l->line[i].id, KEYLEDGER_ID), hex);
        buf_printf(&text, "%u %s\n", l->line[i].version, hex);
    }
    rc = file_write(buf_cstr(&path), 0600, buf_slice(&text), f);
    buf_free(&text);
    buf_free(&path);
    return rc;
}
