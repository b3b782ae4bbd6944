#include "lib/key_blocklist.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"

#define HASH_LEN 32
#define LINE_MAX_OCTETS 1024

struct key_blocklist {
    struct buf hashes; /* sorted */
};

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, HASH_LEN);
}

/* The text without comment and white space around it. */
static char *trim(char *line)
{
    size_t n;

    line[strcspn(line, "#\r\n")] = 0;
    line += strspn(line, " \t");
    n = strlen(line);
    while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'))
        line[--n] = 0;
    return line;
}

static int add_line(struct key_blocklist *l, char *line, const char *path, size_t number,
                    struct fault *f)
{
    uint8_t hash[HASH_LEN];
    bool cut = strlen(line) == LINE_MAX_OCTETS - 1;

    line = trim(line);
    if (!cut && line[0] == 0)
        return 0;
    if (cut || strlen(line) != 2 * (size_t)HASH_LEN || hex_decode(line, hash, HASH_LEN) < 0)
        return fault_set(f, FAULT_CONFIG, "key.blocklist.syntax",
                         "%s:%zu: not the SHA-256 of a SubjectPublicKeyInfo in hexadecimal", path,
                         number);
    buf_put(&l->hashes, hash, HASH_LEN);
    if (buf_failed(&l->hashes))
        return fault_set(f, FAULT_CONFIG, "key.blocklist.size", "%s has more than %d keys", path,
                         KEY_BLOCKLIST_MAX);
    return 0;
}

static int read_lines(struct key_blocklist *l, FILE *file, const char *path, struct fault *f)
{
    char line[LINE_MAX_OCTETS];
    int rc = 0;

    for (size_t number = 1; rc == 0 && fgets(line, sizeof(line), file) != NULL; number++)
        rc = add_line(l, line, path, number, f);
    if (rc == 0 && ferror(file))
        rc = file_refused(f, "key.blocklist.file", path);
    return rc;
}

int key_blocklist_load(const char *path, struct key_blocklist **out, struct fault *f)
{
    struct key_blocklist *l;
    FILE *file;
    int rc;

    *out = NULL;
    if (path[0] == 0)
        return 0;
    file = fopen(path, "re");
    if (file == NULL)
        return file_refused(f, "key.blocklist.file", path);
    l = xcalloc(1, sizeof(*l));
    buf_init(&l->hashes, (size_t)KEY_BLOCKLIST_MAX * HASH_LEN);
    rc = read_lines(l, file, path, f);
    (void)fclose(file);
    if (rc < 0) {
        key_blocklist_free(l);
        return rc;
    }
    if (l->hashes.n > 0)
        qsort(l->hashes.p, l->hashes.n / HASH_LEN, HASH_LEN, compare);
    *out = l;
    return 0;
}

void key_blocklist_free(struct key_blocklist *l)
{
    if (l == NULL)
        return;
    buf_free(&l->hashes);
    free(l);
}

bool key_blocklist_has(const struct key_blocklist *l, const uint8_t spki_hash[32])
{
    return l != NULL && l->hashes.n > 0 &&
           bsearch(spki_hash, l->hashes.p, l->hashes.n / HASH_LEN, HASH_LEN, compare) != NULL;
}

size_t key_blocklist_count(const struct key_blocklist *l)
{
    return l == NULL ? 0 : l->hashes.n / HASH_LEN;
}
