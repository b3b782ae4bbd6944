#include "token/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/key.h"
#include "lib/log.h"

#define PIN_PAGE 4096
_Static_assert(sizeof(struct pin) <= PIN_PAGE, "a PIN fits its page");

static struct pin *pin_new(void)
{
    struct pin *p =
        mmap(NULL, PIN_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        log_error("signer.out-of-memory", NULL);
        exit(EXIT_FAILURE);
    }
    if (mlock(p, PIN_PAGE) != 0)
        log_warn("signer.pin.not-locked", "why", strerror(errno), NULL);
    return p;
}

void pin_free(struct pin *p)
{
    if (p == NULL)
        return;
    wipe(p, sizeof(*p));
    (void)munmap(p, PIN_PAGE);
}

/* From the start of what can be read again (a file, a memfd: the next process
 * needs it too), else once, as it comes. */
static int read_all(int fd, struct pin *p)
{
    bool again = lseek(fd, 0, SEEK_CUR) >= 0;

    while (p->n < sizeof(p->p)) {
        ssize_t got = again ? pread(fd, p->p + p->n, sizeof(p->p) - p->n, (off_t)p->n)
                            : read(fd, p->p + p->n, sizeof(p->p) - p->n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            return 0;
        p->n += (size_t)got;
    }
    return 0;
}

static int pin_from_fd(int fd, const char *source, struct pin **out, struct fault *f)
{
    struct pin *p = pin_new();
    int rc = 0;

    if (read_all(fd, p) != 0)
        rc = file_refused(f, "signer.pin.source", source);
    else {
        if (p->n > 0 && p->p[p->n - 1] == '\n')
            p->n--;
        if (p->n == 0 || p->n > PIN_MAX)
            rc = fault_set(f, FAULT_CONFIG, "signer.pin.size",
                           "%s: a PIN has 1 to %d octets and at most one newline at its end",
                           source, PIN_MAX);
    }
    if (rc != 0) {
        pin_free(p);
        p = NULL;
    }
    *out = p;
    return rc;
}

int pin_read_file(const char *path, struct pin **out, struct fault *f)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int rc;

    *out = NULL;
    if (fd < 0)
        return file_refused(f, "signer.pin.source", path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = fault_set(f, FAULT_CONFIG, "signer.pin.source", "%s: not a regular file", path);
    else if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        rc = fault_set(f, FAULT_CONFIG, "signer.pin.mode",
                       "%s: mode %03o lets others than its owner in; chmod 600 it", path,
                       (unsigned)st.st_mode & 0777);
    else
        rc = pin_from_fd(fd, path, out, f);
    (void)close(fd);
    return rc;
}

/* systemd keeps a credential's folder closed to others and sets the mode of
 * the file itself (0440 with an ACL), so the file's mode says nothing here. */
static int pin_from_credential(const char *path, struct pin **out, struct fault *f)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int rc;

    if (fd < 0)
        return file_refused(f, "signer.pin.source", path);
    rc = pin_from_fd(fd, path, out, f);
    (void)close(fd);
    return rc;
}

int pin_credential_path(const struct conf_token *t, struct buf *out, struct fault *f)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");

    if (dir == NULL || dir[0] != '/')
        return fault_set(f, FAULT_CONFIG, "signer.pin.source",
                         "token %s: pin_credential needs CREDENTIALS_DIRECTORY, which systemd sets",
                         t->name);
    if (strchr(t->pin_credential, '/') != NULL)
        return fault_set(f, FAULT_CONFIG, "signer.pin.source",
                         "token %s: pin_credential is a name, not a path", t->name);
    buf_reset(out);
    buf_printf(out, "%s/%s", dir, t->pin_credential);
    if (buf_failed(out))
        return fault_set(f, FAULT_CONFIG, "signer.pin.source", "the credential's path is too long");
    return 0;
}

static int fd_number(const char *text, int *out)
{
    char *end;
    long n;

    errno = 0;
    n = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != 0 || n < 0 || n > INT_MAX)
        return -1;
    *out = (int)n;
    return 0;
}

int pin_read(const struct conf_token *t, struct pin **out, struct fault *f)
{
    struct buf path;
    int fd, rc;

    *out = NULL;
    if (t->pin_file[0] != 0)
        return pin_read_file(t->pin_file, out, f);
    if (t->pin_fd[0] != 0) {
        if (fd_number(t->pin_fd, &fd) != 0)
            return fault_set(f, FAULT_CONFIG, "signer.pin.source",
                             "token %s: pin_fd is a descriptor's number", t->name);
        return pin_from_fd(fd, "the PIN's descriptor", out, f);
    }
    if (t->pin_credential[0] == 0)
        return fault_set(f, FAULT_CONFIG, "signer.pin.source",
                         "token %s: none of pin_file, pin_credential and pin_fd is set", t->name);
    buf_init(&path, PATH_MAX);
    rc = pin_credential_path(t, &path, f);
    if (rc == 0)
        rc = pin_from_credential(buf_cstr(&path), out, f);
    buf_free(&path);
    return rc;
}

int pin_so_path(const struct conf_token *t, struct buf *out, struct fault *f)
{
    const char *slash = strrchr(t->pin_file, '/');

    if (slash == NULL)
        return fault_set(f, FAULT_CONFIG, "signer.so-pin",
                         "token %s: making a token needs pin_file, and the SO PIN beside it",
                         t->name);
    buf_reset(out);
    buf_put(out, t->pin_file, (size_t)(slash - t->pin_file) + 1);
    buf_printf(out, "%s.so-pin", t->name);
    if (buf_failed(out))
        return fault_set(f, FAULT_CONFIG, "signer.so-pin", "the SO PIN's path is too long");
    return 0;
}
