#include "tools/devca.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/key.h"

#define MARK ".cerca-init"
#define MARK_TEXT "cerca init has begun here and not finished: run it again.\n"
#define SOFTHSM_HEAD "# Written by cerca init. SoftHSM2 knows absolute paths only.\n"
#define PIN_OCTETS 16
#define LOCK_WAIT_US 3000000
#define LOCK_POLL_US 20000

static const char *const folders[] = {"tokens", "secrets", "ca", "store", "view", "signer", "sock"};
#define N_FOLDERS (sizeof(folders) / sizeof(folders[0]))

static int system_fault(struct fault *f, const char *what, const char *path)
{
    return fault_set(f, FAULT_INTERNAL, "init.file", "cannot %s %s: %s", what, path,
                     strerror(errno));
}

static int path_in(const struct devca *d, const char *name, char out[PATH_MAX], struct fault *f)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", d->dir, name);

    if (n > 0 && n < PATH_MAX)
        return 0;
    return fault_set(f, FAULT_TOO_LARGE, "init.dir", "the path of %s is too long", name);
}

static bool is_there(const struct devca *d, const char *name)
{
    return faccessat(d->lock, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* As mkdir -p; what is there is left as it is. */
static int make_folders(const char *dir, struct fault *f)
{
    char *path = xstrdup(dir);
    int rc = 0;

    for (char *p = path + 1; rc == 0 && *p != 0; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            rc = system_fault(f, "make the folder", path);
        *p = '/';
    }
    if (rc == 0 && mkdir(path, 0700) != 0 && errno != EEXIST)
        rc = system_fault(f, "make the folder", path);
    free(path);
    return rc;
}

/* Who can put files into the folder can put a module of his own into the configuration, and what
 * is written through its path would go where he likes. */
static int check_owner(const struct devca *d, struct fault *f)
{
    struct stat st;

    if (fstat(d->lock, &st) != 0)
        return system_fault(f, "look at", d->dir);
    if (st.st_uid != geteuid())
        return fault_set(f, FAULT_CONFLICT, "init.owner",
                         "%s belongs to uid %u, not to you; choose another folder", d->dir,
                         (unsigned)st.st_uid);
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return fault_set(f, FAULT_CONFLICT, "init.owner",
                         "others may write into %s; say chmod go-w to it first, or choose another "
                         "folder",
                         d->dir);
    return 0;
}

/* The programs that we run inherit the lock: after we were killed they may be at work still. */
static int lock_folder(struct devca *d, struct fault *f)
{
    uint64_t start = clock_mono_us();

    int rc;

    d->lock = open(d->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (d->lock < 0)
        return system_fault(f, "open", d->dir);
    rc = check_owner(d, f);
    if (rc != 0)
        return rc;
    while (flock(d->lock, LOCK_EX | LOCK_NB) != 0) {
        if (clock_mono_us() - start > LOCK_WAIT_US)
            return fault_set(f, FAULT_CONFLICT, "init.busy", "another cerca init is at work in %s",
                             d->dir);
        (void)usleep(LOCK_POLL_US);
    }
    return 0;
}

int devca_open(struct devca *d, const char *dir, struct fault *f)
{
    int rc;

    memset(d, 0, sizeof(*d));
    d->lock = -1;
    if (dir[0] == 0)
        return fault_set(f, FAULT_CONFIG, "init.dir", "the name of the folder is empty");
    rc = make_folders(dir, f);
    if (rc == 0 && realpath(dir, d->dir) == NULL)
        rc = system_fault(f, "find", dir);
    if (rc == 0)
        rc = path_in(d, "cerca.conf", d->conf, f);
    if (rc != 0)
        return rc;
    return lock_folder(d, f);
}

void devca_close(struct devca *d)
{
    if (d->lock >= 0)
        (void)close(d->lock);
    d->lock = -1;
}

/* What stands below an offline root waits for somebody else. */
static bool made_here(const struct conf *conf, const struct conf_issuer *i)
{
    for (size_t n = 0; n < conf->n_issuers && !i->offline; n++) {
        if (strcmp(i->parent, i->name) == 0)
            return true;
        i = conf_issuer(conf, i->parent);
    }
    return false;
}

/* A configuration that loads and whose issuers all have their certificates. */
static int check_complete(const struct devca *d, struct fault *f)
{
    struct conf *conf = NULL;
    struct fault why;
    int rc = 0;

    if (conf_load(d->conf, &conf, &why) != 0)
        return fault_set(f, FAULT_CONFLICT, "init.dir", "%.200s; mend it or choose another folder",
                         why.text);
    if (conf->n_issuers == 0)
        rc = fault_set(f, FAULT_CONFLICT, "init.dir",
                       "%s names no issuer; mend it or choose another folder", d->conf);
    for (size_t i = 0; rc == 0 && i < conf->n_issuers; i++)
        if (made_here(conf, &conf->issuers[i]) && access(conf->issuers[i].certificate, F_OK) != 0)
            rc =
                fault_set(f, FAULT_CONFLICT, "init.dir",
                          "%s: issuer \"%s\" has no certificate yet; start cercad and say cerca ca "
                          "create %s",
                          d->conf, conf->issuers[i].name, conf->issuers[i].name);
    conf_free(conf);
    return rc;
}

int devca_state(const struct devca *d, enum devca_state *out, struct fault *f)
{
    *out = DEVCA_NONE;
    if (is_there(d, MARK)) {
        *out = DEVCA_HALF;
        return 0;
    }
    if (is_there(d, "cerca.conf")) {
        *out = DEVCA_WHOLE;
        return check_complete(d, f);
    }
    for (size_t i = 0; i < N_FOLDERS; i++)
        if (is_there(d, folders[i]))
            return fault_set(f, FAULT_CONFLICT, "init.dir",
                             "%s holds a \"%s\" that is not ours; choose another folder", d->dir,
                             folders[i]);
    return 0;
}

static int write_text(const struct devca *d, const char *name, const char *text, struct fault *f)
{
    char path[PATH_MAX];
    int rc = path_in(d, name, path, f);

    return rc == 0 ? file_write(path, 0600, slice_str(text), f) : rc;
}

/* Never a second time: a token may have been made with it. */
static int write_pin(const struct devca *d, const char *name, struct fault *f)
{
    uint8_t random[PIN_OCTETS];
    char pin[2 * PIN_OCTETS + 1];
    int rc;

    if (is_there(d, name))
        return 0;
    random_bytes(random, sizeof(random));
    hex_encode(slice_of(random, sizeof(random)), pin);
    rc = write_text(d, name, pin, f);
    wipe(random, sizeof(random));
    wipe(pin, sizeof(pin));
    return rc;
}

static int softhsm_text(const struct devca *d, struct buf *out, struct fault *f)
{
    /* Its syntax has no quotes: a line break would start another setting. */
    if (strpbrk(d->dir, "\n\r") != NULL)
        return fault_set(f, FAULT_CONFIG, "init.dir", "SoftHSM2 allows no line break in the path");
    buf_printf(out,
               SOFTHSM_HEAD "# Run cerca init again after this folder was moved.\n"
                            "directories.tokendir = %s/tokens\n"
                            "objectstore.backend = file\n"
                            "log.level = ERROR\n"
                            "slots.removable = false\n",
               d->dir);
    return 0;
}

static int write_softhsm(const struct devca *d, struct fault *f)
{
    struct buf text;
    int rc;

    buf_init(&text, 2 * PATH_MAX);
    rc = softhsm_text(d, &text, f);
    if (rc == 0)
        rc = write_text(d, "softhsm2.conf", buf_cstr(&text), f);
    buf_free(&text);
    return rc;
}

static int write_folders(const struct devca *d, struct fault *f)
{
    for (size_t i = 0; i < N_FOLDERS; i++)
        if (mkdirat(d->lock, folders[i], 0700) != 0 && errno != EEXIST)
            return system_fault(f, "make the folder", folders[i]);
    return 0;
}

int devca_write(const struct devca *d, const char *conf, bool softhsm, struct fault *f)
{
    int rc = write_text(d, MARK, MARK_TEXT, f);

    if (rc == 0)
        rc = write_folders(d, f);
    if (rc == 0 && softhsm)
        rc = write_pin(d, "secrets/default.pin", f);
    if (rc == 0 && softhsm)
        rc = write_pin(d, "secrets/default.so-pin", f);
    if (rc == 0 && softhsm)
        rc = write_softhsm(d, f);
    return rc == 0 ? write_text(d, "cerca.conf", conf, f) : rc;
}

int devca_finish(const struct devca *d, struct fault *f)
{
    if (unlinkat(d->lock, MARK, 0) != 0 || fsync(d->lock) != 0)
        return system_fault(f, "finish", d->dir);
    return 0;
}

int devca_follow(const struct devca *d, bool *moved, struct fault *f)
{
    struct buf now = {0}, want;
    char path[PATH_MAX];
    int rc = path_in(d, "softhsm2.conf", path, f);

    *moved = false;
    buf_init(&want, 2 * PATH_MAX);
    if (rc == 0 && is_there(d, "softhsm2.conf"))
        rc = file_read(path, 65536, &now, f);
    if (rc == 0)
        rc = softhsm_text(d, &want, f);
    *moved = rc == 0 && now.n > strlen(SOFTHSM_HEAD) &&
             memcmp(now.p, SOFTHSM_HEAD, strlen(SOFTHSM_HEAD)) == 0 &&
             !slice_eq(buf_slice(&now), buf_slice(&want));
    if (*moved)
        rc = file_write(path, 0600, buf_slice(&want), f);
    buf_free(&now);
    buf_free(&want);
    return rc;
}

int devca_find_softhsm(const char **path, struct fault *f)
{
    static const char *const usual[] = {
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib64/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
        "/usr/lib64/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
    };

    *path = NULL;
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        if (access(usual[i], R_OK) != 0)
            continue;
        *path = usual[i];
        return 0;
    }
    return fault_set(f, FAULT_NOT_FOUND, "init.softhsm",
                     "the PKCS#11 module of SoftHSM2 (libsofthsm2.so) is not installed; "
                     "on Debian: apt install softhsm2; elsewhere give --module FILE");
}
