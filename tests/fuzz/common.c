/* What targets share, whichever program they are linked into. */
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

void fuzz_wrong(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

void fuzz_refused(int rc, const struct fault *f)
{
    FUZZ_CHECK(rc < 0 && rc == -(int)f->code);
    FUZZ_CHECK(f->rule[0] != '\0' && f->text[0] != '\0');
}

bool fuzz_inside(struct slice part, struct slice whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

uint8_t fuzz_octet(struct slice *in)
{
    uint8_t v = in->n == 0 ? 0 : in->p[0];

    if (in->n > 0)
        *in = slice_of(in->p + 1, in->n - 1);
    return v;
}

struct slice fuzz_piece(struct slice *in)
{
    size_t n = (size_t)fuzz_octet(in) << 8;
    struct slice piece;

    n |= fuzz_octet(in);
    piece = slice_of(in->p, n < in->n ? n : in->n);
    *in = slice_of(in->p + piece.n, in->n - piece.n);
    return piece;
}

char *fuzz_text(struct slice s)
{
    char *text = xcalloc(s.n + 1, 1);

    if (s.n > 0)
        memcpy(text, s.p, s.n);
    return text;
}

#define FILES_MAX 8

static char folder[64];
static char *files[FILES_MAX]; /* that were put there */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void fuzz_remove(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_folder(void)
{
    for (size_t i = 0; i < FILES_MAX; i++)
        free(files[i]);
    memset((void *)files, 0, sizeof(files));
    fuzz_remove(folder);
}

const char *fuzz_folder(void)
{
    if (folder[0] != '\0')
        return folder;
    /* In memory where there is such a place: what is synced costs nothing there. */
    (void)snprintf(folder, sizeof(folder), "/dev/shm/cerca-fuzz-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        (void)snprintf(folder, sizeof(folder), "/tmp/cerca-fuzz-XXXXXX");
        FUZZ_CHECK(mkdtemp(folder) != NULL);
    }
    (void)atexit(remove_folder);
    return folder;
}

const char *fuzz_file(const char *name, struct slice octets)
{
    char path[PATH_MAX];
    size_t i = 0;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", fuzz_folder(), name);
    while (i < FILES_MAX && files[i] != NULL && strcmp(files[i], path) != 0)
        i++;
    FUZZ_CHECK(i < FILES_MAX);
    if (files[i] == NULL)
        files[i] = xstrdup(path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_CHECK(fd >= 0 && write(fd, octets.p, octets.n) == (ssize_t)octets.n);
    (void)close(fd);
    return files[i];
}
