#include "token/softtoken.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/log.h"

#define OBJECT_MAX 65536U
#define GENERATION 8U /* octets in front, which every login counts up */
#define MOMENT_MS 200

/* Empty, or zeros where the file system kept the size alone. */
static bool is_blank(const struct buf *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->p[i] != 0)
            return false;
    return true;
}

static bool same(const struct buf *a, const struct buf *b)
{
    return a->n == b->n && a->n > GENERATION &&
           memcmp(a->p + GENERATION, b->p + GENERATION, a->n - GENERATION) == 0;
}

/* Somebody else's login may be under way. */
static int read_settled(const char *path, struct buf *out, struct fault *f)
{
    const struct timespec moment = {.tv_nsec = MOMENT_MS * 1000000L};
    int rc = file_read(path, OBJECT_MAX, out, f);
    if (rc != 0 || !is_blank(out))
        return rc;
    (void)nanosleep(&moment, NULL);
    return file_read(path, OBJECT_MAX, out, f);
}

static void put(const char *path, const struct buf *octets, const char *done)
{
    struct fault f;
    if (file_write(path, 0600, buf_slice(octets), &f) != 0)
        log_fault(LOG_LEVEL_WARN, "signer.token.not_kept", &f, "path", path, NULL);
    else if (done)
        log_warn(done, "path", path, NULL);
}

static void keep_one(const char *object, const char *kept)
{
    struct buf now, before;
    struct fault f;
    buf_init(&now, OBJECT_MAX);
    buf_init(&before, OBJECT_MAX);
    bool had = file_read(kept, OBJECT_MAX, &before, &f) == 0 && !is_blank(&before);
    if (read_settled(object, &now, &f) != 0)
        log_fault(LOG_LEVEL_WARN, "signer.token.not_kept", &f, "path", object, NULL);
    else if (!is_blank(&now) && !(had && same(&now, &before)))
        put(kept, &now, NULL);
    else if (is_blank(&now) && had)
        put(object, &before, "signer.token.restored");
    buf_free(&now);
    buf_free(&before);
}

static void keep_below(const char *folder)
{
    char object[PATH_MAX], kept[PATH_MAX];
    DIR *d = opendir(folder);
    struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL) {
        int n = snprintf(object, sizeof(object), "%s/%s/" SOFTTOKEN_OBJECT, folder, e->d_name);
        int m = snprintf(kept, sizeof(kept), "%s/%s/" SOFTTOKEN_KEPT, folder, e->d_name);
        if (e->d_name[0] != '.' && n > 0 && m > 0 && (size_t)m < sizeof(kept) &&
            access(object, F_OK) == 0)
            keep_one(object, kept);
    }
    if (d != NULL)
        (void)closedir(d);
}

void softtoken_keep(const struct conf_token *conf)
{
    for (size_t i = 0; i < conf->n_paths; i++)
        keep_below(conf->paths[i]);
}
