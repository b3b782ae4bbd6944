#include "tools/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/exitcode.h"

#define POLL_US 50000
#define OUT_MAX 65536

static void draw(void *arg, uint64_t done, uint64_t total)
{
    progress_draw(arg, "hash", done, total);
}

int backup_look(struct tool *t, const char *path, struct backup_manifest *out, struct fault *f)
{
    struct progress p = {0};
    uint8_t hash[32];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc;

    (void)t;
    memset(out, 0, sizeof(*out));
    if (fd < 0)
        return fault_set(f, FAULT_NOT_FOUND, "backup.file", "cannot open %s: %s", path,
                         strerror(errno));
    rc = backup_open(fd, out, hash, f);
    if (rc == 0)
        rc = backup_hash(fd, hash, draw, &p, f);
    progress_end(&p);
    (void)close(fd);
    if (rc != 0) {
        struct fault why = *f;

        (void)fault_set(f, why.code, why.rule, "%s: %s", path, why.text);
    }
    return rc;
}

/* The last whole line about progress. */
static void draw_child(const struct child *c, struct progress *p)
{
    uint64_t done, total;
    char what[32];
    char *line = NULL, *rest;
    struct buf out;

    buf_init(&out, OUT_MAX);
    child_output(c, &out);
    buf_put_u8(&out, 0);
    for (char *at = (char *)out.p; at != NULL && (at = strstr(at, "progress ")) != NULL; at++)
        if (strchr(at, '\n') != NULL)
            line = at;
    if (line != NULL) {
        done = strtoull(line + sizeof("progress"), &rest, 10);
        total = strtoull(rest, &rest, 10);
        (void)snprintf(what, sizeof(what), "%.*s", (int)strcspn(rest + strspn(rest, " "), "\n"),
                       rest + strspn(rest, " "));
        progress_draw(p, what, done, total);
    }
    buf_free(&out);
}

static void say_rest(struct tool *t, const struct child *c)
{
    struct buf out;
    char *save = NULL;

    buf_init(&out, OUT_MAX);
    child_output(c, &out);
    buf_put_u8(&out, 0);
    for (char *line = strtok_r((char *)out.p, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save))
        if (strncmp(line, "progress ", 9) != 0 && strstr(line, " info ") == NULL)
            tool_say(t, "%s", line);
    buf_free(&out);
}

int backup_child(struct tool *t, struct child *c, struct fault *f)
{
    struct progress p = {0};
    int rc;

    while (child_running(c)) {
        draw_child(c, &p);
        (void)usleep(POLL_US);
    }
    progress_end(&p);
    rc = child_wait(c, f);
    if (rc != 0)
        say_rest(t, c);
    return rc;
}

int backup_check(struct tool *t, const char *path, struct fault *f)
{
    const char *const argv[] = {"--verify-backup", path, NULL};
    struct child c;
    int rc = child_start(&c, "cerca-ca", argv, f);

    if (rc != 0)
        return rc;
    rc = backup_child(t, &c, f);
    child_free(&c);
    if (rc != 0 && c.status == EXITCODE_UNSOUND)
        rc = fault_set(f, FAULT_MALFORMED, "backup.unsound", "%s is not a sound backup", path);
    return rc;
}
