#include "ca/enroll/passwords.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/file.h"

#define FILE_MAX ((size_t)16 << 20)
#define SECRET_MAX 512 /* octets, as of crypt(5) */

struct entry {
    const char *user, *hash; /* into the text */
};

struct passwords {
    struct buf text;
    struct entry *entry; /* by user */
    size_t n;
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->user, ((const struct entry *)b)->user);
}

static bool is_strong(const char *hash)
{
    static const char *const methods[] = {"$y$", "$gy$", "$7$", "$2b$", "$6$"};

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (strncmp(hash, methods[i], strlen(methods[i])) == 0)
            return true;
    return false;
}

static int refuse_line(const char *path, size_t line, const char *what, struct fault *f)
{
    return fault_set(f, FAULT_CONFIG, "password.syntax", "%s:%zu: %s", path, line, what);
}

/* Cuts the line in two, where it lies. */
static int add_line(struct passwords *p, char *line, size_t number, const char *path,
                    struct fault *f)
{
    char *colon = strchr(line, ':');

    if (line[0] == '\0' || line[0] == '#')
        return 0;
    if (colon == NULL || colon == line)
        return refuse_line(path, number, "must be NAME:HASH", f);
    *colon = '\0';
    if (!is_strong(colon + 1) || strchr(colon + 1, ':') != NULL)
        return refuse_line(path, number,
                           "the hash must be one of yescrypt, scrypt, bcrypt or SHA-512", f);
    if (p->n == PASSWORDS_MAX)
        return refuse_line(path, number, "there are too many users", f);
    if (p->n % 256 == 0)
        p->entry = xreallocarray(p->entry, p->n + 256, sizeof(p->entry[0]));
    p->entry[p->n++] = (struct entry){line, colon + 1};
    return 0;
}

static int add_lines(struct passwords *p, const char *path, struct fault *f)
{
    char *at = (char *)p->text.p;
    int rc = 0;

    for (size_t line = 1; at != NULL && rc == 0; line++) {
        char *end = strchr(at, '\n');

        if (end != NULL)
            *end = '\0';
        rc = add_line(p, at, line, path, f);
        at = end == NULL ? NULL : end + 1;
    }
    if (p->n > 0)
        qsort(p->entry, p->n, sizeof(p->entry[0]), compare);
    for (size_t i = 1; i < p->n && rc == 0; i++)
        if (compare(&p->entry[i - 1], &p->entry[i]) == 0)
            rc = fault_set(f, FAULT_CONFIG, "password.syntax", "%s: \"%s\" is there twice", path,
                           p->entry[i].user);
    return rc;
}

static int read_file(const char *path, struct buf *out, struct fault *f)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return file_refused(f, "password.file", path);
    if ((st.st_mode & S_IRWXO) != 0)
        return fault_set(f, FAULT_CONFIG, "password.file", "%s: others may read it", path);
    if (file_read(path, FILE_MAX, out, f) != 0) {
        f->code = FAULT_CONFIG;
        return -FAULT_CONFIG;
    }
    buf_put_u8(out, 0);
    return 0;
}

int passwords_load(const char *path, struct passwords **out, struct fault *f)
{
    struct passwords *p;

    *out = NULL;
    if (path[0] == '\0')
        return 0;
    p = xcalloc(1, sizeof(*p));
    buf_init(&p->text, FILE_MAX + 1);
    if (read_file(path, &p->text, f) != 0 || add_lines(p, path, f) != 0) {
        passwords_free(p);
        return -(int)f->code;
    }
    *out = p;
    return 0;
}

void passwords_free(struct passwords *p)
{
    if (p == NULL)
        return;
    buf_free(&p->text);
    free(p->entry);
    free(p);
}

size_t passwords_count(const struct passwords *p)
{
    return p == NULL ? 0 : p->n;
}

static bool matches(const char *secret, const char *hash)
{
    struct crypt_data *d = xcalloc(1, sizeof(*d));
    const char *made = crypt_rn(secret, hash, d, sizeof(*d));
    bool same = made != NULL && slice_eq_secret(slice_str(made), slice_str(hash));

    explicit_bzero(d, sizeof(*d));
    free(d);
    return same;
}

bool passwords_right(const struct passwords *p, const char *user, struct slice secret)
{
    const struct entry key = {user, NULL};
    const struct entry *e;
    char text[SECRET_MAX + 1];
    bool right;

    if (p == NULL || p->n == 0 || secret.n == 0 || secret.n > SECRET_MAX ||
        memchr(secret.p, 0, secret.n) != NULL)
        return false;
    memcpy(text, secret.p, secret.n);
    text[secret.n] = '\0';
    e = bsearch(&key, p->entry, p->n, sizeof(key), compare);
    right = matches(text, e != NULL ? e->hash : p->entry[0].hash) && e != NULL;
    explicit_bzero(text, sizeof(text));
    return right;
}
