/* Exports of a view of which something cannot be read, that is damaged, or that nobody seals: none
 * is made without what should be in it, what is in force stays whole, and attempts leave nothing
 * behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/export/build.h"
#include "lib/file.h"
#include "lib/key.h"
#include "tests/unit/store_help.h"
#include "tests/unit/viewfile_files.h"

#define ORIGIN "pki.test/audit/view"
#define ISSUERS 3

struct place {
    char dir[64], view[80], out[80];
    struct folder issuer[ISSUERS]; /* a, b, c; the last one has no pair yet */
};

/* Which call of readdir fails, from 1; 0: none. */
static unsigned readdir_fails, readdir_calls;

struct dirent *readdir(DIR *d)
{
    struct dirent *(*real)(DIR *) = (struct dirent * (*)(DIR *)) dlsym(RTLD_NEXT, "readdir");

    if (readdir_fails != 0 && ++readdir_calls == readdir_fails) {
        errno = EIO;
        return NULL;
    }
    return real(d);
}

/* ---- a view ---- */

static void put_file(const char *dir, const char *name, const char *text)
{
    char path[256];
    struct fault f;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    if (file_write(path, 0644, slice_str(text), &f) != 0)
        fail_msg("%s", f.text);
}

static void make_folder(char *out, size_t n, const char *in, const char *name)
{
    (void)snprintf(out, n, "%s/%s", in, name);
    assert_int_equal(mkdir(out, 0755), 0);
}

static int setup(void **state)
{
    struct place *p = xcalloc(1, sizeof *p);

    (void)snprintf(p->dir, sizeof p->dir, "/tmp/cerca-export-test.XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    make_folder(p->view, sizeof p->view, p->dir, "view");
    make_folder(p->out, sizeof p->out, p->dir, "out");
    for (unsigned i = 0; i < ISSUERS; i++) {
        struct folder *d = &p->issuer[i];
        char name[] = {(char)('a' + i), '\0'}, path[128];

        make_folder(path, sizeof path, p->view, name);
        d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(d->fd >= 0);
        d->header = (struct viewfile_header){.issuer = (uint16_t)(i + 1), .created = 1000};
        put_file(path, "issuer.der", name);
        put_file(path, "crl.der", "a list");
        put_file(path, "not for others.der", "a name that no export has");
        if (i + 1 < ISSUERS)
            make_view(d, 5);
    }
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;

    readdir_fails = 0;
    for (unsigned i = 0; i < ISSUERS; i++)
        close(p->issuer[i].fd);
    remove_tree(p->dir);
    free(p);
    return 0;
}

/* ---- exports ---- */

static struct export_job job_of(const struct place *p, uint64_t number)
{
    struct export_job j = {.view_dir = p->view, .out_dir = p->out, .audit = true};

    memcpy(j.head.origin, ORIGIN, sizeof ORIGIN);
    j.head.number = number;
    j.head.time = 1700000000;
    return j;
}

static void put_seal(const struct export_job *j)
{
    static const uint8_t public[32] = {1}, signature[64] = {2};
    struct note_key key;
    struct buf note;
    struct fault f;

    assert_int_equal(note_key_ed25519(ORIGIN, public, &key), 0);
    buf_init(&note, NOTE_MAX);
    checkpoint_text_put(&note, j->head.origin, j->head.number, j->manifest);
    buf_put_str(&note, "\n");
    note_signature_put(&note, &key, slice_of(signature, sizeof signature));
    if (export_seal(j, buf_slice(&note), &f) != 0)
        fail_msg("%s", f.text);
    buf_free(&note);
}

static void export_as(const struct place *p, uint64_t number, uint8_t manifest[32])
{
    struct export_job j = job_of(p, number);
    struct fault f;

    if (export_build(&j, &f) != 0)
        fail_msg("%s", f.text);
    put_seal(&j);
    memcpy(manifest, j.manifest, 32);
    export_free(&j);
}

/* The manifest of what can be made now; it is not sealed. */
static int build_now(const struct place *p, uint8_t manifest[32], struct fault *f)
{
    struct export_job j = job_of(p, 1);
    int rc;

    fault_clear(f);
    rc = export_build(&j, f);
    memcpy(manifest, j.manifest, 32);
    export_free(&j);
    return rc;
}

static void assert_fails(const struct place *p, int code, const char *rule)
{
    uint8_t manifest[32];
    struct fault f;

    assert_int_equal(build_now(p, manifest, &f), code);
    assert_string_equal(f.rule, rule);
}

static void piece_path(const struct place *p, const uint8_t hash[32], char out[256])
{
    struct buf b;

    buf_init(&b, 256);
    viewexport_piece_path(&b, p->out, hash);
    (void)snprintf(out, 256, "%s", buf_cstr(&b));
    buf_free(&b);
}

static unsigned pieces(const struct place *p)
{
    char path[128];
    struct dirent *e;
    unsigned n = 0;
    DIR *d;

    (void)snprintf(path, sizeof path, "%s/" VIEWEXPORT_PIECES, p->out);
    d = opendir(path);
    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* All of its pieces are there, as they were. */
static void assert_whole(const struct place *p, const uint8_t manifest[32])
{
    struct viewexport_entry e = {.size = 0};
    struct viewexport_head head;
    struct buf text = {0}, piece = {0};
    struct slice rest;
    char path[256];
    uint8_t hash[32];
    struct fault f;
    int rc;

    piece_path(p, manifest, path);
    assert_int_equal(file_read(path, VIEWEXPORT_MANIFEST_MAX, &text, &f), 0);
    assert_int_equal(viewexport_begin(buf_slice(&text), &head, &rest, &f), 0);
    while ((rc = viewexport_next(&rest, &e, &f)) == 1) {
        piece_path(p, e.hash, path);
        assert_int_equal(file_read(path, VIEWEXPORT_PIECE, &piece, &f), 0);
        assert_int_equal(piece.n, e.size);
        sha256(buf_slice(&piece), hash);
        assert_memory_equal(hash, e.hash, 32);
    }
    assert_int_equal(rc, 0);
    buf_free(&text);
    buf_free(&piece);
}

/* ---- what cannot be read ---- */

static void a_folder_that_cannot_be_listed_is_not_left_out(void **state)
{
    struct place *p = *state;
    uint8_t whole[32], manifest[32];
    unsigned failed = 0;
    struct fault f;

    assert_int_equal(build_now(p, whole, &f), 0);
    for (unsigned n = 1; n == 1 || readdir_calls >= readdir_fails; n++) {
        int rc;

        readdir_fails = n;
        readdir_calls = 0;
        rc = build_now(p, manifest, &f);
        if (readdir_calls < n)
            break;
        assert_int_equal(rc, -FAULT_INTERNAL);
        assert_string_equal(f.rule, "view.export");
        failed++;
    }
    assert_memory_equal(manifest, whole, 32);
    assert_true(failed > 10); /* each entry of each folder */
}

/* With so few descriptors left, some folder or file cannot be opened. */
static void without_descriptors_nothing_is_left_out(void **state)
{
    struct place *p = *state;
    struct rlimit before, few;
    uint8_t whole[32], manifest[32];
    struct fault f;
    unsigned failed = 0;
    int rc = -1, lowest;

    assert_int_equal(build_now(p, whole, &f), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    lowest = dup(0);
    assert_true(lowest >= 0);
    close(lowest);
    for (unsigned n = 0; n < 16 && rc != 0; n++) {
        few = (struct rlimit){(rlim_t)lowest + n, before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        rc = build_now(p, manifest, &f);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_true(rc == 0 || f.code != FAULT_NONE);
        failed += rc != 0;
    }
    assert_int_equal(rc, 0);
    assert_memory_equal(manifest, whole, 32);
    assert_true(failed >= 2);
}

static void what_is_no_file_or_gone_is_tried_again(void **state)
{
    struct place *p = *state;

    assert_int_equal(unlinkat(p->issuer[0].fd, "snapshot.1", 0), 0);
    assert_fails(p, -FAULT_UNAVAILABLE, "view.export");
    assert_int_equal(mkdirat(p->issuer[0].fd, "snapshot.1", 0755), 0);
    assert_fails(p, -FAULT_UNAVAILABLE, "view.export");
    assert_int_equal(unlinkat(p->issuer[0].fd, "snapshot.1", AT_REMOVEDIR), 0);
    assert_int_equal(symlinkat("/dev/zero", p->issuer[0].fd, "snapshot.1"), 0);
    assert_fails(p, -FAULT_UNAVAILABLE, "view.export");
    make_current(&p->issuer[0], "none\n");
    assert_fails(p, -FAULT_MALFORMED, "view.damaged");
}

static void without_a_view_or_a_place_to_write_nothing_is_made(void **state)
{
    struct place *p = *state;

    assert_int_equal(rmdir(p->out), 0);
    assert_fails(p, -FAULT_INTERNAL, "view.export");
    assert_int_equal(mkdir(p->out, 0755), 0);
    (void)snprintf(p->view, sizeof p->view, "%.60s/elsewhere", p->dir);
    assert_fails(p, -FAULT_NOT_FOUND, "view.missing");
}

/* ---- logs ---- */

static void a_log_that_says_no_time_is_not_exported(void **state)
{
    struct place *p = *state;
    struct viewfile_log l = open_log(&p->issuer[1], 1);
    uint8_t manifest[32];
    struct fault f;
    uint64_t *const pair[] = {l.live->stamp, l.live->through};

    for (int i = 0; i < 2; i++) {
        assert_int_equal(build_now(p, manifest, &f), 0); /* nothing was written yet */
        viewfile_word_set(&pair[i][0], 1700000000);      /* as while it is written */
        assert_fails(p, -FAULT_UNAVAILABLE, "view.export");
        viewfile_pair_set(pair[i], 1700000000);
    }
    assert_int_equal(build_now(p, manifest, &f), 0);
    viewfile_log_close(&l);
}

static void a_log_with_fewer_records_than_it_says_is_not_exported(void **state)
{
    struct place *p = *state;
    struct viewfile_log l = open_log(&p->issuer[1], 1);

    viewfile_word_set(&l.live->count, 9);
    assert_fails(p, -FAULT_MALFORMED, "view.damaged");
    viewfile_log_close(&l);
}

/* ---- what is dropped ---- */

/* Another attempt, of a view that has changed; nobody seals it. */
static void attempt(struct place *p, uint64_t number)
{
    struct export_job j = job_of(p, number);
    char path[128], text[32];
    struct fault f;

    (void)snprintf(path, sizeof path, "%s/a", p->view);
    (void)snprintf(text, sizeof text, "list %u", (unsigned)number);
    put_file(path, "crl.der", text);
    assert_int_equal(export_build(&j, &f), 0);
    export_drop(&j);
    export_free(&j);
}

static void attempts_that_nobody_seals_do_not_pile_up(void **state)
{
    struct place *p = *state;
    uint8_t sealed[32];
    unsigned n;

    attempt(p, 1); /* none is in force yet */
    n = pieces(p);
    attempt(p, 2);
    assert_int_equal(pieces(p), n);
    export_as(p, 3, sealed);
    n = pieces(p);
    for (uint64_t k = 4; k < 12; k++) {
        attempt(p, k);
        assert_whole(p, sealed);
        assert_true(pieces(p) <= n + 2); /* its list, its manifest */
    }
    assert_int_equal(export_newest(p->out), 3);
}

/* One that failed half-way keeps what it has written for the next one. */
static void half_an_attempt_is_dropped_with_the_next_one(void **state)
{
    struct place *p = *state;
    struct export_job j = job_of(p, 2);
    uint8_t sealed[32];
    struct fault f;
    char path[128];
    unsigned n;

    export_as(p, 1, sealed);
    n = pieces(p);
    (void)snprintf(path, sizeof path, "%s/a", p->view);
    put_file(path, "crl.der", "another list");
    assert_int_equal(unlinkat(p->issuer[1].fd, "snapshot.1", 0), 0);
    assert_int_equal(export_build(&j, &f), -FAULT_UNAVAILABLE);
    export_drop(&j);
    assert_whole(p, sealed);
    assert_int_equal(pieces(p), n + 1);
    export_free(&j);
}

static void what_is_in_force_is_kept_when_it_cannot_be_read(void **state)
{
    struct place *p = *state;
    uint8_t sealed[32];
    char path[256];
    unsigned n;

    export_as(p, 1, sealed);
    n = pieces(p);
    piece_path(p, sealed, path);
    assert_int_equal(truncate(path, 100), 0);
    attempt(p, 2);
    assert_true(pieces(p) > n);
    n = pieces(p);
    (void)snprintf(path, sizeof path, "%s/" VIEWEXPORT_SEAL, p->out);
    assert_int_equal(truncate(path, 10), 0);
    attempt(p, 3);
    assert_true(pieces(p) > n);
}

static void a_seal_keeps_its_own_pieces_whatever_becomes_of_the_manifest(void **state)
{
    struct place *p = *state;
    struct export_job j = job_of(p, 1);
    char path[256];
    struct fault f;
    unsigned n;

    assert_int_equal(export_build(&j, &f), 0);
    n = pieces(p);
    piece_path(p, j.manifest, path);
    assert_int_equal(truncate(path, 20), 0);
    put_seal(&j);
    assert_int_equal(pieces(p), n);
    export_free(&j);
    /* The next one finds that it is short, and writes it again. */
    assert_int_equal(build_now(p, j.manifest, &f), 0);
    assert_whole(p, j.manifest);
}

/* Whoever may write there does not make exports impossible. */
static void a_number_that_leaves_none_behind_it_is_not_believed(void **state)
{
    struct place *p = *state;
    uint8_t manifest[32];

    export_as(p, INT64_MAX - 1, manifest);
    assert_int_equal(export_newest(p->out), INT64_MAX - 1);
    export_as(p, INT64_MAX, manifest);
    assert_int_equal(export_newest(p->out), 0);
}

#define PLACE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE(a_folder_that_cannot_be_listed_is_not_left_out),
        PLACE(without_descriptors_nothing_is_left_out),
        PLACE(what_is_no_file_or_gone_is_tried_again),
        PLACE(without_a_view_or_a_place_to_write_nothing_is_made),
        PLACE(a_log_that_says_no_time_is_not_exported),
        PLACE(a_log_with_fewer_records_than_it_says_is_not_exported),
        PLACE(attempts_that_nobody_seals_do_not_pile_up),
        PLACE(half_an_attempt_is_dropped_with_the_next_one),
        PLACE(what_is_in_force_is_kept_when_it_cannot_be_read),
        PLACE(a_seal_keeps_its_own_pieces_whatever_becomes_of_the_manifest),
        PLACE(a_number_that_leaves_none_behind_it_is_not_believed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
