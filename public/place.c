#include "public/place.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct place {
    char folder[PLACE_NAME_MAX]; /* "": none yet */
    unsigned long number;
};

struct places {
    const struct conf *conf;
    int view_fd;
    pthread_mutex_t lock; /* over all below */
    struct place *at;
};

struct places *places_new(const struct conf *c, int view_fd)
{
    struct places *p = xcalloc(1, sizeof *p);

    *p = (struct places){
        .conf = c, .view_fd = view_fd, .at = xcalloc(c->n_issuers, sizeof(struct place))};
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

void places_free(struct places *p)
{
    if (p == NULL)
        return;
    (void)close(p->view_fd);
    pthread_mutex_destroy(&p->lock);
    free(p->at);
    free(p);
}

/* cerca-ca replaces what could leave the folder (ca/view/issuer.c). */
static bool same_name(const char *name, const char *folder, size_t n)
{
    if (strlen(name) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (folder[i] != name[i] && !(folder[i] == '_' && name[i] == '.'))
            return false;
    return true;
}

/* NAME-NUMBER, the number behind the last "-". 0: another name. */
static unsigned long number_of(const char *name, const char *folder)
{
    const char *dash = strrchr(folder, '-');

    if (dash == NULL || !isdigit((unsigned char)dash[1]) ||
        strspn(dash + 1, "0123456789") != strlen(dash + 1) || strlen(dash + 1) > 5 ||
        !same_name(name, folder, (size_t)(dash - folder)))
        return 0;
    return strtoul(dash + 1, NULL, 10);
}

static bool has_certificate(int view_fd, const char *folder)
{
    char path[PLACE_NAME_MAX + 16];
    struct stat st;

    (void)snprintf(path, sizeof path, "%s/issuer.der", folder);
    return fstatat(view_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

/* An issuer that was made anew, with another key, has a greater number. */
static void take(struct places *p, const char *folder)
{
    for (size_t i = 0; i < p->conf->n_issuers; i++) {
        struct place *at = &p->at[i];
        unsigned long number = number_of(p->conf->issuers[i].name, folder);

        if (number <= at->number || !has_certificate(p->view_fd, folder))
            continue;
        pthread_mutex_lock(&p->lock);
        at->number = number;
        (void)snprintf(at->folder, sizeof at->folder, "%s", folder);
        pthread_mutex_unlock(&p->lock);
    }
}

int places_refresh(struct places *p, struct fault *f)
{
    int fd = openat(p->view_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;

    if (d == NULL) {
        int rc = fault_set(f, FAULT_UNAVAILABLE, "view.folder", "cannot list the view: %s",
                           strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        return rc;
    }
    while ((e = readdir(d)) != NULL)
        if (strlen(e->d_name) < PLACE_NAME_MAX)
            take(p, e->d_name);
    (void)closedir(d);
    return 0;
}

bool place_of(struct places *p, size_t issuer, char out[PLACE_NAME_MAX])
{
    pthread_mutex_lock(&p->lock);
    memcpy(out, p->at[issuer].folder, PLACE_NAME_MAX);
    pthread_mutex_unlock(&p->lock);
    return out[0] != '\0';
}

int place_open_path(struct places *p, const char *path, struct stat *st)
{
    /* O_NONBLOCK: whatever may lie there, opening it does not wait. */
    int fd = openat(p->view_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd >= 0 && (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))) {
        (void)close(fd);
        errno = ENOENT;
        return -1;
    }
    return fd;
}

bool place_busy(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == EIO;
}

int place_open(struct places *p, size_t issuer, const char *file, struct stat *st)
{
    char folder[PLACE_NAME_MAX], path[PLACE_NAME_MAX + 64];

    errno = ENOENT;
    if (!place_of(p, issuer, folder))
        return -1;
    (void)snprintf(path, sizeof path, "%s/%s", folder, file);
    return place_open_path(p, path, st);
}

int place_open_folder(struct places *p, size_t issuer)
{
    char folder[PLACE_NAME_MAX];

    return place_of(p, issuer, folder)
               ? openat(p->view_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
               : -1;
}
