/*
 * The folder of another CA. Its index says what became of each certificate; the certificates are
 * found by reading the files, first those that the CA keeps by serial number. What the index names
 * and no file has is reported.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/anycert.h"
#include "tools/import.h"
#include "tools/importindex.h"

#define ENTRIES_MAX 8000000 /* of 40 octets */
#define KEY 16

struct entry {
    uint8_t key[KEY]; /* of the serial number */
    int64_t time;
    uint64_t line;
    uint8_t told, reason;
    bool found;
};

struct folder {
    struct import_reader reader; /* its sink is ours */
    struct import_sink to;
    const char *name;
    int root;
    struct entry *entry; /* sorted by key, once read */
    size_t n, room;
    bool by_serial; /* the walk that is on: over the files named by serial number, or the others */
    bool has_issuer;
    uint8_t issuer[32]; /* SHA-256 of the Name: of the CA, as the first of those files told */
};

/* Numbers that are equal have equal keys, however they are written. */
static void key_of(const char *serial, uint8_t out[KEY])
{
    bool negative = serial[0] == '-';
    uint8_t hash[32];

    serial += negative;
    serial += strspn(serial, "0");
    sha256_two(slice_str(negative ? "-" : "+"), slice_str(serial), hash);
    memcpy(out, hash, KEY);
}

static int by_key(const void *a, const void *b)
{
    return memcmp(((const struct entry *)a)->key, ((const struct entry *)b)->key, KEY);
}

static struct entry *find(const struct folder *c, const char *serial)
{
    struct entry wanted = {.line = 0};

    key_of(serial, wanted.key);
    return c->n == 0 ? NULL : bsearch(&wanted, c->entry, c->n, sizeof(wanted), by_key);
}

/* --- the index ------------------------------------------------------------------------ */

static FILE *open_index(const struct folder *c)
{
    int fd =
        openat(c->root, "index.txt", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
    struct stat st;
    FILE *file = NULL;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        file = fdopen(fd, "r");
    if (fd >= 0 && file == NULL)
        (void)close(fd);
    return file;
}

static int refuse_line(const struct folder *c, uint64_t line, const struct fault *f)
{
    char name[IMPORT_PATH_MAX + 16];
    struct import_place at = {name, line};

    (void)snprintf(name, sizeof(name), "%.*s/index.txt", IMPORT_PATH_MAX, c->name);
    return c->to.refused(c->to.arg, &at, f);
}

static void add(struct folder *c, const struct index_entry *e)
{
    struct entry *to;

    if (c->n == c->room) {
        c->room = c->room == 0 ? 1024 : 2 * c->room;
        c->entry = xreallocarray(c->entry, c->room, sizeof(*c->entry));
    }
    to = &c->entry[c->n++];
    *to = (struct entry){.time = e->status.time,
                         .line = e->line,
                         .told = e->status.told,
                         .reason = e->status.reason};
    key_of(e->serial, to->key);
}

static int read_index(struct folder *c, FILE *file)
{
    struct index_reader r;
    struct index_entry e;
    struct fault f;
    int got, rc = 0;

    index_begin(&r, file);
    fault_clear(&f);
    while (rc == 0 && (got = index_next(&r, &e, &f)) != 1) {
        if (got == 0 && c->n == ENTRIES_MAX)
            got = fault_set(&f, FAULT_TOO_LARGE, "index.size", "more than %d entries", ENTRIES_MAX);
        if (got != 0)
            rc = refuse_line(c, e.line, &f);
        else
            add(c, &e);
        if (f.code == FAULT_TOO_LARGE)
            break;
    }
    index_end(&r);
    if (c->n > 0)
        qsort(c->entry, c->n, sizeof(*c->entry), by_key);
    return rc;
}

/* What the index names and no file had; read again, so that not all of it is kept in memory. */
static int tell_missing(const struct folder *c, FILE *file)
{
    struct index_reader r;
    struct index_entry e;
    struct fault f;
    int got, rc = 0;

    rewind(file);
    index_begin(&r, file);
    fault_clear(&f);
    while (rc == 0 && (got = index_next(&r, &e, &f)) != 1) {
        const struct entry *known = got == 0 ? find(c, e.serial) : NULL;

        if (known == NULL || known->found)
            continue;
        (void)fault_set(&f, FAULT_NOT_FOUND, "import.missing",
                        "no file has the certificate %.40s of %.120s", e.serial, e.subject);
        rc = refuse_line(c, e.line, &f);
    }
    index_end(&r);
    return rc;
}

/* --- the files ------------------------------------------------------------------------ */

/* "newcerts/01.pem", "revoked/certs_by_serial/1A.crt": where CAs keep certificates by serial. */
static bool is_place(const char *path)
{
    static const char *const places[] = {"newcerts/", "certs_by_serial/"};
    const char *base = strrchr(path, '/');

    if (base == NULL)
        return false;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        size_t n = strlen(places[i]);

        if ((size_t)(base + 1 - path) >= n && strncmp(base + 1 - n, places[i], n) == 0 &&
            ((size_t)(base + 1 - path) == n || base[-(ptrdiff_t)n] == '/'))
            return true;
    }
    return false;
}

/* Requests and keys are nothing to import, and the index has been read. */
static bool pass(void *arg, const char *path, bool folder)
{
    static const char *const others[] = {"private", "reqs", "private_by_serial", "reqs_by_serial"};
    const struct folder *c = arg;
    const char *base = strrchr(path, '/');

    base = base == NULL ? path : base + 1;
    for (size_t i = 0; folder && i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(base, others[i]) == 0)
            return true;
    if (folder)
        return false;
    return is_place(path) != c->by_serial || strcmp(path, "index.txt") == 0;
}

/* Is the file named by this serial number? */
static bool is_named(const char *file, const char *serial)
{
    const char *base = strrchr(file, '/');
    char name[2 * INDEX_SERIAL_MAX + 2];
    size_t n;

    base = base == NULL ? file : base + 1;
    n = strcspn(base, ".");
    if (n >= sizeof(name))
        return false;
    memcpy(name, base, n);
    name[n] = 0;
    return index_same_serial(name, serial);
}

static void serial_text(const struct anycert *c, char out[2 * INDEX_SERIAL_MAX + 2])
{
    struct buf text;

    buf_init(&text, (size_t)4 * ANYCERT_MAX);
    anycert_serial_print(c->serial, &text);
    (void)snprintf(out, 2 * INDEX_SERIAL_MAX + 2, "%s", buf_cstr(&text));
    buf_free(&text);
}

/* The certificate's line in the index. Another issuer may have used the same number: so it is the
 * CA's own only where the CA keeps it by that number, or when its issuer is who issued those. */
static struct entry *entry_of(struct folder *c, const struct import_place *at, struct slice der)
{
    char serial[2 * INDEX_SERIAL_MAX + 2];
    struct anycert cert;
    uint8_t issuer[32];
    struct fault f;

    fault_clear(&f);
    if (anycert_parse(der, &cert, &f) != 0)
        return NULL;
    serial_text(&cert, serial);
    sha256(cert.issuer, issuer);
    if (c->by_serial && is_named(at->file, serial) && !c->has_issuer) {
        memcpy(c->issuer, issuer, sizeof(issuer));
        c->has_issuer = true;
    }
    if (!c->has_issuer || memcmp(c->issuer, issuer, sizeof(issuer)) != 0)
        return NULL;
    return find(c, serial);
}

static int certificate(void *arg, const struct import_place *at, struct slice der,
                       const struct import_status *status)
{
    struct folder *c = arg;
    struct entry *e = entry_of(c, at, der);
    struct import_status told;

    if (e == NULL)
        return c->to.certificate(c->to.arg, at, der, status);
    e->found = true;
    told = (struct import_status){e->told, e->reason, e->time};
    return c->to.certificate(c->to.arg, at, der, &told);
}

static int refused(void *arg, const struct import_place *at, const struct fault *f)
{
    const struct folder *c = arg;

    return c->to.refused(c->to.arg, at, f);
}

static int skipped(void *arg, const char *file, const char *why)
{
    const struct folder *c = arg;

    return c->to.skipped(c->to.arg, file, why);
}

static int read_files(struct folder *c)
{
    struct import_tree t = {&c->reader, c->name, c->root, pass, c, NULL};
    int rc;

    c->by_serial = true;
    rc = import_tree(&t);
    c->by_serial = false;
    return rc == 0 ? import_tree(&t) : rc;
}

/* --- is it one? ----------------------------------------------------------------------- */

static bool is_folder(int at, const char *name)
{
    struct stat st;

    return fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* A file that has this name only by chance is not read as an index. */
static bool is_index(const struct folder *c, FILE *file)
{
    struct index_reader r;
    struct index_entry e;
    struct fault f;
    int rc;

    fault_clear(&f);
    index_begin(&r, file);
    rc = index_next(&r, &e, &f);
    index_end(&r);
    rewind(file);
    return rc == 0 || is_folder(c->root, "newcerts") || is_folder(c->root, "certs_by_serial");
}

static int import_root(struct import_reader *r, int root, const char *name, bool *is_ca)
{
    struct folder c = {.reader = *r, .to = r->sink, .name = name, .root = root};
    FILE *file = open_index(&c);
    int rc = 0;

    *is_ca = file != NULL && is_index(&c, file);
    c.reader.sink = (struct import_sink){&c, certificate, refused, skipped};
    if (*is_ca) {
        rc = read_index(&c, file);
        if (rc == 0)
            rc = read_files(&c);
        if (rc == 0)
            rc = tell_missing(&c, file);
    }
    if (file != NULL)
        (void)fclose(file);
    free(c.entry);
    return rc;
}

static bool is_pki(void *arg, const char *path, bool folder)
{
    (void)arg;
    return folder && strcmp(path, "pki") == 0;
}

int import_ca(struct import_reader *r, int folder, const char *name, bool *is_ca)
{
    struct import_tree others = {r, name, folder, is_pki, NULL, NULL};
    char below[IMPORT_PATH_MAX + 8];
    int rc = import_root(r, folder, name, is_ca), pki;

    if (rc != 0 || *is_ca)
        return rc;
    pki = openat(folder, "pki", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (pki < 0)
        return 0;
    (void)snprintf(below, sizeof(below), "%.*s/pki", IMPORT_PATH_MAX, name);
    rc = import_root(r, pki, below, is_ca);
    (void)close(pki);
    if (rc == 0 && *is_ca)
        rc = import_tree(&others);
    return rc;
}
