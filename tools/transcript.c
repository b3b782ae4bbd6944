#include "tools/transcript.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/key.h"
#include "lib/text.h"

#define LINE_MAX_OCTETS 4096
#define SUMS_MAX 65536

static int system_fault(const struct transcript *t, struct fault *f)
{
    return fault_set(f, FAULT_INTERNAL, "ceremony.transcript", "%.160s/transcript.txt: %s", t->dir,
                     strerror(errno));
}

int transcript_open(struct transcript *t, const struct tool *tool, const char *dir, struct fault *f)
{
    char path[PATH_MAX];

    *t = (struct transcript){.tool = tool, .dir = dir, .fd = -1, .artifacts = json_array()};
    buf_init(&t->sums, SUMS_MAX);
    (void)snprintf(path, sizeof(path), "%s/transcript.txt", dir);
    t->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    return t->fd >= 0 ? 0 : system_fault(t, f);
}

void transcript_close(struct transcript *t)
{
    if (t->fd >= 0)
        (void)close(t->fd);
    json_decref(t->artifacts);
    buf_free(&t->sums);
}

int transcript_line(struct transcript *t, struct fault *f, const char *fmt, ...)
{
    char when[CLOCK_TEXT_SIZE], text[LINE_MAX_OCTETS];
    struct buf line;
    va_list ap;
    int rc = 0;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    clock_format(clock_now(), when);
    buf_init(&line, 4 * LINE_MAX_OCTETS);
    buf_printf(&line, "%s ", when);
    text_safe(slice_str(text), false, &line);
    tool_say(t->tool, "%s", text);
    buf_put_str(&line, "\n");
    if (write(t->fd, line.p, line.n) != (ssize_t)line.n || fsync(t->fd) != 0)
        rc = system_fault(t, f);
    buf_free(&line);
    return rc;
}

int transcript_artifact(struct transcript *t, const char *what, const char *file, struct slice data,
                        struct fault *f)
{
    char hex[2 * 32 + 1];
    uint8_t hash[32];
    json_t *o = json_object();

    sha256(data, hash);
    hex_encode(slice_of(hash, sizeof(hash)), hex);
    buf_printf(&t->sums, "%s  %s\n", hex, file);
    json_put(o, "what", json_text(what));
    json_put(o, "file", json_text(file));
    json_put(o, "sha256", json_text(hex));
    if (json_array_append_new(t->artifacts, o) != 0)
        return fault_set(f, FAULT_INTERNAL, "memory", "out of memory");
    return transcript_line(t, f, "%s: %s, SHA-256 %s", what, file, hex);
}

int transcript_sums(struct transcript *t, struct fault *f)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s/SHA256SUMS", t->dir);
    return file_write(path, 0644, buf_slice(&t->sums), f);
}
