/*
 * Runs a target on files: each one that is named, and all in each folder that is named. For tests
 * and for looking into a crash with any compiler. With --seeds FOLDER it writes what the target
 * itself makes to begin with.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>

#include "lib/file.h"
#include "lib/log.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX ((size_t)16 << 20)

static unsigned long done;

static void run(const char *path)
{
    struct buf octets = {0};
    struct fault f;
    uint8_t *own;

    if (file_read(path, INPUT_MAX, &octets, &f) != 0) {
        fprintf(stderr, "%s: %s\n", path, f.text);
        exit(2);
    }
    (void)printf("# %s\n", path);
    (void)fflush(stdout);
    own = octets.n == 0 ? malloc(1) : xmemdup(octets.p, octets.n);
    fuzz_target.run(slice_of(own, octets.n));
    free(own);
    buf_free(&octets);
    ERR_clear_error();
    done++;
}

static int by_name(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static void run_all(const char *path)
{
    struct dirent **list;
    struct stat st;
    int n;

    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        run(path);
        return;
    }
    n = scandir(path, &list, by_name, alphasort);
    for (int i = 0; i < n; i++) {
        char one[PATH_MAX];

        (void)snprintf(one, sizeof(one), "%s/%s", path, list[i]->d_name);
        run(one);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
}

static int write_seeds(const char *folder)
{
    struct buf octets;
    struct fault f;
    int rc = 0;

    buf_init(&octets, INPUT_MAX);
    for (size_t i = 0; rc == 0 && fuzz_target.seed != NULL && fuzz_target.seed(i, &octets); i++) {
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/made%zu", folder, i);
        rc = file_write(path, 0644, buf_slice(&octets), &f);
        buf_reset(&octets);
    }
    buf_free(&octets);
    return rc != 0;
}

int main(int argc, char **argv)
{
    log_open("replay", LOG_LEVEL_ERROR);
    if (fuzz_target.begin != NULL)
        fuzz_target.begin();
    if (argc == 3 && strcmp(argv[1], "--seeds") == 0)
        return write_seeds(argv[2]);
    for (int i = 1; i < argc; i++)
        run_all(argv[i]);
    (void)printf("%lu\n", done);
    return done == 0;
}
