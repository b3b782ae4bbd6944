#include "agent/found.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/import.h"
#include "client/jail.h"
#include "lib/anycert.h"
#include "lib/wire.h"

#define SAID_MAX ((size_t)16 << 20) /* octets that the child may say */
#define REFUSED_MAX 256             /* that it tells of */

struct look {
    const char *path; /* resolved */
    const char *password_file, *except;
    struct buf *out;
    size_t found, refused;
    struct import_budget budget;
};

/* ---- in the child ---- */

static void put(struct look *l, const char *path, uint64_t line, struct slice der, const char *why)
{
    char shown[FOUND_PATH_MAX];

    (void)snprintf(shown, sizeof(shown), "%s", path);
    wire_put_text(l->out, shown);
    wire_put_u64(l->out, line);
    wire_put_bytes(l->out, der);
    wire_put_text(l->out, why);
}

static int refused(void *arg, const struct import_place *at, const struct fault *f)
{
    struct look *l = arg;
    char why[256];

    if (l->refused++ < REFUSED_MAX) {
        (void)snprintf(why, sizeof(why), "%.255s", f->text);
        put(l, at->file, at->line, SLICE_NONE, why);
    }
    return 0;
}

/* Enough were found: the walk ends. */
static int certificate(void *arg, const struct import_place *at, struct slice der,
                       const struct import_status *status)
{
    struct look *l = arg;
    struct anycert c;
    struct fault f = {0};

    (void)status;
    if (anycert_parse(der, &c, &f) != 0)
        return refused(l, at, &f);
    if (l->found == FOUND_MAX || l->out->n > SAID_MAX - (size_t)2 * ANYCERT_MAX) {
        put(l, at->file, at->line, SLICE_NONE, "the walk ends here: it has found too many");
        return 1;
    }
    l->found++;
    put(l, at->file, at->line, der, "");
    return 0;
}

static int skipped(void *arg, const char *file, const char *why)
{
    (void)arg;
    (void)file;
    (void)why;
    return 0;
}

static bool is_excepted(void *arg, const char *below, bool folder)
{
    const struct look *l = arg;
    char full[2 * PATH_MAX];

    return folder && l->except != NULL &&
           snprintf(full, sizeof(full), "%s/%s", strcmp(l->path, "/") == 0 ? "" : l->path, below) <
               (int)sizeof(full) &&
           strcmp(full, l->except) == 0;
}

static int look_inside(struct look *l, int fd, const struct stat *st)
{
    static const struct import_status not_told;
    struct import_reader r = {.sink = {l, certificate, refused, skipped},
                              .password_file = l->password_file,
                              .unattended = true};
    const struct import_tree tree = {.reader = &r,
                                     .name = strcmp(l->path, "/") == 0 ? "" : l->path,
                                     .root = fd,
                                     .pass = is_excepted,
                                     .arg = l,
                                     .budget = &l->budget};

    return S_ISDIR(st->st_mode) ? import_tree(&tree)
                                : import_file(&r, fd, l->path, true, &not_told);
}

static int work(void *arg, struct buf *out, struct fault *f)
{
    struct look *l = arg;
    int fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    int rc = 0;

    l->out = out;
    if (fd < 0 || fstat(fd, &st) != 0)
        rc = fault_set(f, FAULT_NOT_FOUND, "found.path", "%.150s: %s", l->path, strerror(errno));
    else if (!S_ISDIR(st.st_mode) && (!S_ISREG(st.st_mode) || st.st_size > FOUND_FILE_MAX))
        rc = fault_set(f, FAULT_DENIED, "found.path",
                       "%.150s: neither a folder nor a file of at most %d MiB", l->path,
                       FOUND_FILE_MAX >> 20);
    else
        (void)look_inside(l, fd, &st); /* 1: there were too many, which is told */
    if (fd >= 0)
        (void)close(fd);
    return rc;
}

/* ---- in front of it ---- */

static int read_one(struct wire_in *w, struct found *one, struct fault *f)
{
    struct anycert c;

    wire_get_text(w, one->path, sizeof(one->path));
    one->line = wire_get_u64(w);
    one->der = wire_get_bytes(w, ANYCERT_MAX);
    wire_get_text(w, one->why, sizeof(one->why));
    if (wire_failed(w) || one->path[0] == '\0' || (one->der.n == 0) == (one->why[0] == '\0'))
        return fault_set(f, FAULT_MALFORMED, "found.malformed", "the look says nothing whole");
    return one->der.n == 0 ? 0 : anycert_parse(one->der, &c, f);
}

static int tell_all(struct slice said, int (*fn)(void *arg, const struct found *, struct fault *),
                    void *arg, struct fault *f)
{
    struct wire_in w;
    struct found one;
    int rc = 0;

    wire_in_init(&w, said);
    while (rc == 0 && !wire_in_done(&w)) {
        rc = read_one(&w, &one, f);
        if (rc == 0)
            rc = fn(arg, &one, f);
    }
    return rc;
}

static const char *given(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

int found_look(const char *path, const char *password_file, const char *except,
               int (*fn)(void *arg, const struct found *one, struct fault *f), void *arg,
               struct fault *f)
{
    char full[PATH_MAX], left_out[PATH_MAX];
    struct look l = {.path = full,
                     .password_file = given(password_file),
                     .except = except == NULL ? NULL : realpath(except, left_out),
                     .budget = {.files = FOUND_FILES,
                                .octets = FOUND_OCTETS,
                                .file_max = FOUND_FILE_MAX,
                                .one_system = true,
                                .no_links = true}};
    const struct jail jail = {.name = "cerca-agent-found",
                              .offline = true,
                              .limit = FOUND_LIMIT,
                              .files = {full, l.password_file}};
    struct buf said;
    int rc;

    if (realpath(path, full) == NULL)
        return fault_set(f, FAULT_NOT_FOUND, "found.path", "%.150s: %s", path, strerror(errno));
    import_prepare();
    buf_init(&said, SAID_MAX);
    rc = jail_run(&jail, work, &l, &said, f);
    if (rc == 0)
        rc = tell_all(buf_slice(&said), fn, arg, f);
    buf_free(&said);
    return rc;
}
