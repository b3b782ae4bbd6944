/*
 * A validation node takes an export (tools/viewimport.h) that a hostile CA has sealed, or somebody
 * has changed on the way. The first octet says what is made right (tests/fuzz/viewseal.h), and
 * more; then files of the view follow, each with its path and content, in the order in which the
 * manifest has them. What is taken can be read and is taken once; what is refused leaves the view
 * as it was; nothing is written beside it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/key.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/issuer.h"
#include "tests/fuzz/viewseal.h"
#include "tools/viewimport.h"

#define ORIGIN "cerca.example/audit/view"
#define ROOM ((size_t)1 << 20)

enum { AFTER_ANOTHER = 16, MANIFEST_AS_IT_IS = 32, PIECE_BENT = 64, SEAL_AS_IT_IS = 128 };

static struct note_key pinned;
static EVP_PKEY *sealer;
static struct buf certificate;
static uint8_t owner[32];
static char from[128], view[128];

/* ---- an export ---- */

static void write_octets(const char *path, struct slice octets)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    FUZZ_CHECK(fd >= 0 && write(fd, octets.p, octets.n) == (ssize_t)octets.n);
    (void)close(fd);
}

static void write_piece(struct slice octets, uint8_t hash[32], bool bent)
{
    struct buf path;
    uint8_t *copy;

    sha256(octets, hash);
    buf_init(&path, 512);
    viewexport_piece_path(&path, from, hash);
    if (bent && octets.n > 0) {
        copy = xmemdup(octets.p, octets.n);
        copy[octets.n / 2] ^= 1;
        write_octets(buf_cstr(&path), slice_of(copy, octets.n));
        free(copy);
    } else {
        write_octets(buf_cstr(&path), octets);
    }
    buf_free(&path);
}

/* A log in two, as exports have it. */
static void put_entries(struct buf *manifest, struct slice path, struct slice octets, unsigned how)
{
    struct viewexport_entry e = {.path = path};

    do {
        size_t n = octets.n > VIEWFILE_LOG_START ? VIEWFILE_LOG_START : octets.n;

        write_piece(slice_of(octets.p, n), e.hash, (how & PIECE_BENT) != 0);
        e.size = (uint32_t)n;
        viewexport_entry_put(manifest, &e);
        octets = slice_of(octets.p + n, octets.n - n);
    } while (octets.n > 0);
}

static bool ends(struct slice path, const char *name)
{
    return memmem(path.p, path.n, name, strlen(name)) != NULL;
}

/* An octet of length, the path, then the content (fuzz_piece). */
static void put_file(struct buf *manifest, struct slice *in, unsigned how)
{
    size_t n = fuzz_octet(in);
    struct slice path = slice_of(in->p, n < in->n ? n : in->n), content;
    struct buf out;

    *in = slice_of(in->p + path.n, in->n - path.n);
    content = fuzz_piece(in);
    buf_init(&out, ROOM);
    if (ends(path, "/snapshot."))
        viewseal_snapshot(content, how, owner, &out);
    else if (ends(path, "/log."))
        viewseal_log(content, how, owner, &out);
    else if (ends(path, "/issuer.der") && content.n == 0)
        buf_put_slice(&out, buf_slice(&certificate));
    else
        buf_put_slice(&out, content);
    put_entries(manifest, path, buf_slice(&out), how);
    buf_free(&out);
}

static void write_seal(uint64_t number, const uint8_t root[32])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t signature[64];
    size_t n = sizeof(signature);
    char path[160];
    struct buf note;

    buf_init(&note, NOTE_MAX);
    checkpoint_text_put(&note, ORIGIN, number, root);
    FUZZ_CHECK(EVP_DigestSignInit(ctx, NULL, NULL, NULL, sealer) == 1);
    FUZZ_CHECK(EVP_DigestSign(ctx, signature, &n, note.p, note.n) == 1);
    buf_put_str(&note, "\n");
    note_signature_put(&note, &pinned, slice_of(signature, n));
    (void)snprintf(path, sizeof(path), "%s/seal", from);
    write_octets(path, buf_slice(&note));
    EVP_MD_CTX_free(ctx);
    buf_free(&note);
}

static void write_export(struct slice in, unsigned how, uint64_t number)
{
    struct viewexport_head head = {.origin = ORIGIN, .number = number, .time = 1600000000};
    struct buf manifest;
    uint8_t root[32];
    char path[160];

    fuzz_remove(from);
    (void)snprintf(path, sizeof(path), "%s/pieces", from);
    FUZZ_CHECK(mkdir(from, 0700) == 0 && mkdir(path, 0700) == 0);
    buf_init(&manifest, 4 * ROOM);
    if ((how & SEAL_AS_IT_IS) != 0) {
        (void)snprintf(path, sizeof(path), "%s/seal", from);
        write_octets(path, fuzz_piece(&in));
    }
    if ((how & MANIFEST_AS_IT_IS) != 0)
        buf_put_slice(&manifest, fuzz_piece(&in));
    else
        viewexport_head_put(&manifest, &head);
    while (in.n > 0)
        put_file(&manifest, &in, how);
    write_piece(buf_slice(&manifest), root, false);
    if ((how & SEAL_AS_IT_IS) == 0)
        write_seal(number, root);
    buf_free(&manifest);
}

/* ---- what there is to begin with ---- */

static void put_example(struct buf *out, const char *path, const struct buf *content)
{
    buf_put_u8(out, (uint8_t)strlen(path));
    buf_put_str(out, path);
    buf_put_u8(out, (uint8_t)(content->n >> 8));
    buf_put_u8(out, (uint8_t)content->n);
    buf_put_slice(out, buf_slice(content));
}

static void example(struct buf *out, int64_t stamp)
{
    struct buf current, none = {0}, snapshot, log;

    buf_init(&current, 16);
    buf_init(&snapshot, 4096);
    buf_init(&log, 4096);
    buf_put_str(&current, "1\n");
    viewseal_example(owner, stamp, &snapshot, &log);
    put_example(out, "issuing-1/current", &current);
    put_example(out, "issuing-1/issuer.der", &none);
    put_example(out, "issuing-1/log.1", &log);
    put_example(out, "issuing-1/snapshot.1", &snapshot);
    buf_free(&current);
    buf_free(&snapshot);
    buf_free(&log);
}

static bool seed(size_t i, struct buf *out)
{
    static const uint8_t hows[] = {
        0, 15, AFTER_ANOTHER, AFTER_ANOTHER | 15, PIECE_BENT, MANIFEST_AS_IT_IS};
    static const char head[] = "cerca-view-export/1\n" ORIGIN "\n2\n1600\n";

    if (i >= sizeof(hows))
        return false;
    buf_put_u8(out, hows[i]);
    if (hows[i] == MANIFEST_AS_IT_IS) {
        buf_put_u8(out, 0);
        buf_put_u8(out, (uint8_t)strlen(head));
        buf_put_str(out, head);
    }
    example(out, 1700000000);
    return true;
}

static void end(void)
{
    EVP_PKEY_free(sealer);
    buf_free(&certificate);
}

static void begin(void)
{
    uint8_t secret[32] = {1}, public[32];
    size_t n = sizeof(public);
    X509 *issuer = fuzz_issuer();
    struct buf spki;

    sealer = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof(secret));
    FUZZ_CHECK(sealer != NULL && EVP_PKEY_get_raw_public_key(sealer, public, &n) == 1);
    FUZZ_CHECK(note_key_ed25519(ORIGIN, public, &pinned) == 0);
    buf_init(&certificate, 4096);
    buf_init(&spki, 256);
    fuzz_der(issuer, &certificate);
    fuzz_spki(1, &spki);
    sha256(buf_slice(&spki), owner);
    buf_free(&spki);
    X509_free(issuer);
    (void)snprintf(from, sizeof(from), "%s/from", fuzz_folder());
    (void)snprintf(view, sizeof(view), "%s/view", fuzz_folder());
    (void)atexit(end);
}

/* ---- what becomes of it ---- */

static size_t count(const char *folder)
{
    DIR *d = opendir(folder);
    size_t n = 0;

    FUZZ_CHECK(d != NULL);
    while (readdir(d) != NULL)
        n++;
    (void)closedir(d);
    return n;
}

static bool can_be_read(const char *name, uint64_t *change)
{
    struct viewfile_info info;
    struct viewfile *v = NULL;
    char path[512];
    struct fault f;

    *change = 0;
    (void)snprintf(path, sizeof(path), "%s/%.255s", view, name);
    if (viewfile_open(path, &v, &f) != 0)
        return false;
    viewfile_info(v, &info);
    viewfile_close(v);
    *change = info.change;
    return true;
}

static void check_readable(void)
{
    DIR *d = opendir(view);
    struct dirent *e;
    uint64_t change;
    char path[512];

    FUZZ_CHECK(d != NULL);
    while ((e = readdir(d)) != NULL) {
        struct stat st;

        (void)snprintf(path, sizeof(path), "%s/%.255s/current", view, e->d_name);
        if (e->d_name[0] != '.' && stat(path, &st) == 0)
            FUZZ_CHECK(can_be_read(e->d_name, &change));
    }
    (void)closedir(d);
}

static int take(struct import_result *r, struct fault *f)
{
    fault_clear(f);
    return view_import(from, view, &pinned, r, f);
}

static void run(struct slice in)
{
    unsigned how = fuzz_octet(&in);
    struct import_result r;
    uint64_t before = 0, now;
    size_t beside;
    struct buf first;
    struct fault f;
    int rc;

    fuzz_remove(view);
    if ((how & AFTER_ANOTHER) != 0) {
        buf_init(&first, 4096);
        example(&first, 1600000000);
        write_export(buf_slice(&first), 0, 1);
        buf_free(&first);
        if (take(&r, &f) != 0)
            fuzz_wrong(__FILE__, __LINE__, f.text);
        FUZZ_CHECK(can_be_read("issuing-1", &before) && before > 0);
    }
    write_export(in, how, 2);
    beside = count(fuzz_folder());
    rc = take(&r, &f);
    if (rc != 0) {
        fuzz_refused(rc, &f);
        (void)can_be_read("issuing-1", &now);
        FUZZ_CHECK(now == before || strcmp(f.rule, "import.write") == 0);
    } else {
        check_readable();
        FUZZ_CHECK(take(&r, &f) == 0 && r.nothing_new);
    }
    FUZZ_CHECK(count(fuzz_folder()) == beside + (before == 0 ? 1 : 0));
}

const struct fuzz_target fuzz_target = {
    .form = FUZZ_OCTETS, .begin = begin, .run = run, .seed = seed};
