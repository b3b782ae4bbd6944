/*
 * What proves the audit log to others, by the first octet: checkpoints and their signatures, trees
 * and proofs, manifests of exported views, backups' manifests, an export of the log.
 */
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <unistd.h>

#include "lib/backupfile.h"
#include "lib/key.h"
#include "lib/merkle.h"
#include "lib/note.h"
#include "lib/viewexport.h"
#include "tests/fuzz/fuzz.h"
#include "tools/exported.h"
#include "tools/tool.h"

/* What tools/tool.c is part of elsewhere. */
const struct program program = {.name = "fuzz"};

/* The public key of RFC 8032 7.1, test 1. */
#define VKEY_NAME "cerca.example/audit"
static struct note_key key;

static void check_note(struct slice in)
{
    static struct checkpoint c;
    struct fault f;
    struct buf out;
    int rc = checkpoint_get(in, &c, &f);

    if (rc != 0) {
        fuzz_refused(rc, &f);
        return;
    }
    FUZZ_CHECK(fuzz_inside(c.text, in) && c.n <= NOTE_SIGNATURES_MAX);
    (void)note_verify(&c, &key);
    /* The text begins as we would write it. */
    buf_init(&out, NOTE_MAX);
    checkpoint_text_put(&out, c.origin, c.size, c.root);
    FUZZ_CHECK(out.n <= c.text.n && memcmp(out.p, c.text.p, out.n) == 0);
    buf_free(&out);
}

/* A tree as it is kept; and a path that the fuzzer gives proves nothing of what was not in it. */
static void check_tree(struct slice in)
{
    static struct merkle m;
    static struct merkle_path path;
    uint8_t root[32], other[32], leaf[32] = {0};
    uint64_t size = (uint64_t)fuzz_octet(&in) << 8 | fuzz_octet(&in), from = fuzz_octet(&in);
    struct buf out;

    buf_init(&out, MERKLE_BYTES_MAX);
    if (merkle_get(in, &m) == 0) {
        merkle_put(&out, &m);
        FUZZ_CHECK(slice_eq(buf_slice(&out), in));
        merkle_root(&m, root);
        if (m.size < UINT64_MAX)
            merkle_add(&m, leaf);
    }
    buf_free(&out);
    memset(root, 0x5a, sizeof(root));
    memset(other, 0xa5, sizeof(other));
    path.n = in.n / 32 < MERKLE_PATH_MAX ? in.n / 32 : MERKLE_PATH_MAX;
    if (path.n > 0)
        memcpy(path.hash, in.p, 32 * path.n);
    FUZZ_CHECK(!merkle_inclusion_holds(leaf, from, size, &path, root));
    if (from > 0)
        FUZZ_CHECK(!merkle_consistency_holds(from, root, size, other, &path));
}

static void check_manifest(struct slice in)
{
    struct viewexport_head head;
    struct viewexport_entry e;
    struct slice rest;
    struct buf again;
    struct fault f;
    int rc = viewexport_begin(in, &head, &rest, &f);

    buf_init(&again, 2 * in.n + 4096);
    if (rc == 0)
        viewexport_head_put(&again, &head);
    memset(&e, 0, sizeof(e));
    while (rc == 0 && (rc = viewexport_next(&rest, &e, &f)) == 1) {
        FUZZ_CHECK(viewexport_path_valid(e.path) && e.size > 0 && e.size <= VIEWEXPORT_PIECE);
        viewexport_entry_put(&again, &e);
        rc = 0;
        if (rest.n == 0)
            break;
    }
    if (rc < 0)
        fuzz_refused(rc, &f);
    else
        FUZZ_CHECK(slice_eq(buf_slice(&again), in));
    buf_free(&again);
}

/* The footer is made right, so that what stands in front of it is read. */
static void check_backup(struct slice in)
{
    static struct backup_manifest m;
    uint8_t footer[BACKUPFILE_FOOTER] = "CERCABK1", sha[32];
    size_t n = fuzz_octet(&in);
    int fd = memfd_create("backup", MFD_CLOEXEC);
    struct fault f;
    struct buf all;
    int rc;

    n = n == 255 ? in.n : n < in.n ? in.n - n : 0; /* octets of the manifest, at the end */
    for (size_t i = 0; i < 8; i++)
        footer[8 + i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
    buf_init(&all, in.n + sizeof(footer));
    buf_put_slice(&all, in);
    buf_put(&all, footer, 16);
    sha256(buf_slice(&all), footer + 16);
    buf_put(&all, footer + 16, 32);
    FUZZ_CHECK(fd >= 0 && write(fd, all.p, all.n) == (ssize_t)all.n);
    rc = backup_open(fd, &m, sha, &f);
    if (rc != 0) {
        fuzz_refused(rc, &f);
    } else {
        FUZZ_CHECK(m.n <= BACKUPFILE_SECTIONS && m.image <= in.n);
        for (uint32_t i = 0; i < m.n; i++)
            FUZZ_CHECK(m.section[i].at <= in.n && m.section[i].octets <= in.n - m.section[i].at);
    }
    (void)close(fd);
    buf_free(&all);
}

static void found(void *arg, const char *rule, const char *text)
{
    (void)arg;
    FUZZ_CHECK(rule[0] != '\0' && text[0] != '\0');
}

static void progress(void *arg, uint64_t done, uint64_t total)
{
    (void)arg;
    (void)done;
    (void)total;
}

/* The three files of an export, each with its length (fuzz_piece). */
static void check_export(struct slice in)
{
    struct verify v;
    struct exported *e = NULL;
    struct fault f;
    int rc;

    (void)fuzz_file("export.json", fuzz_piece(&in));
    (void)fuzz_file("records.jsonl", fuzz_piece(&in));
    (void)fuzz_file("leaf-hashes", fuzz_piece(&in));
    rc = exported_open(fuzz_folder(), &e, &f);
    if (rc != 0) {
        fuzz_refused(rc, &f);
        return;
    }
    verify_init(&v);
    v.finding = found;
    verify_add_keys(&v, slice_str(exported_keys(e)));
    verify_add_checkpoint(&v, "given", true, in);
    verify_begin(&v);
    if (exported_leaves(e, &v, progress, NULL, &f) == 0)
        verify_end(&v);
    verify_free(&v);
    exported_close(e);
}

static void begin(void)
{
    static const uint8_t public[32] = {0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7,
                                       0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
                                       0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25,
                                       0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};

    FUZZ_CHECK(note_key_ed25519(VKEY_NAME, public, &key) == 0);
}

static void run(struct slice in)
{
    switch (fuzz_octet(&in) % 5) {
    case 0:
        check_note(in);
        break;
    case 1:
        check_tree(in);
        break;
    case 2:
        check_manifest(in);
        break;
    case 3:
        check_backup(in);
        break;
    default:
        check_export(in);
        break;
    }
}

const struct fuzz_target fuzz_target = {.form = FUZZ_OCTETS, .begin = begin, .run = run};
