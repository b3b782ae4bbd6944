/* Exports of a view that changes, taken by imports that are killed at any time: a reader over there
 * never sees less than was taken, and what is not right is not taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ca/export/build.h"
#include "lib/file.h"
#include "lib/key.h"
#include "tests/unit/model_store_verbs.h"
#include "tests/unit/view_world.h"
#include "tools/viewimport.h"

#define ORIGIN "pki.test/audit/view"
#define ROUNDS 16

struct node {
    struct world *w;    /* the CA's view */
    struct world there; /* what the node has */
    struct view *v;
    char out[128]; /* exports */
    EVP_PKEY *key;
    struct note_key pinned;
    uint64_t number;
};

/* ---- a world with certificates, keys and folders ---- */

static void set_up_issuer(struct node *n, uint16_t number, struct buf *der)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *c = X509_new();
    unsigned char *p = NULL, *spki = NULL;
    uint8_t hash[32];
    int size, spki_size;

    assert_int_equal(X509_set_version(c, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c), number), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                                                (const unsigned char *)"issuer", -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(c, X509_get_subject_name(c)), 1);
    X509_gmtime_adj(X509_getm_notBefore(c), 0);
    X509_gmtime_adj(X509_getm_notAfter(c), 86400);
    assert_int_equal(X509_set_pubkey(c, key), 1);
    assert_true(X509_sign(c, key, EVP_sha256()) > 0);
    size = i2d_X509(c, &p);
    spki_size = i2d_PUBKEY(key, &spki);
    assert_true(size > 0 && spki_size > 0);
    buf_init(der, 4096);
    buf_put(der, p, (size_t)size);
    sha256(slice_of(spki, (size_t)spki_size), hash);
    model_issuer_key(n->w->store, number, hash);
    OPENSSL_free(p);
    OPENSSL_free(spki);
    X509_free(c);
    EVP_PKEY_free(key);
}

static int set_up(void **state)
{
    struct node *n = xcalloc(1, sizeof *n);
    struct buf der[2];
    uint8_t public[32];
    size_t size = sizeof public;
    struct fault f;

    assert_int_equal(world_setup((void **)&n->w), 0);
    n->there = *n->w;
    (void)snprintf(n->there.dir, sizeof n->there.dir, "%.40s/node", n->w->dir);
    (void)snprintf(n->out, sizeof n->out, "%.60s/out", n->w->dir);
    assert_int_equal(mkdir(n->out, 0700), 0);
    n->there.acked = mmap(NULL, CERTS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(n->there.acked != MAP_FAILED);
    set_up_issuer(n, 1, &der[0]);
    set_up_issuer(n, 2, &der[1]);
    n->v = open_view(n->w);
    assert_int_equal(view_issuer(n->v, 1, "issuing", buf_slice(&der[0]), &f), 0);
    assert_int_equal(view_issuer(n->v, 2, "other/../name", buf_slice(&der[1]), &f), 0);
    buf_free(&der[0]);
    buf_free(&der[1]);
    n->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    assert_int_equal(EVP_PKEY_get_raw_public_key(n->key, public, &size), 1);
    assert_int_equal(note_key_ed25519(ORIGIN, public, &n->pinned), 0);
    *state = n;
    return 0;
}

static int tear_down(void **state)
{
    struct node *n = *state;
    void *world = n->w;

    view_close(n->v);
    EVP_PKEY_free(n->key);
    (void)munmap(n->there.acked, CERTS);
    free(n);
    return world_teardown(&world);
}

/* ---- exports ---- */

static void seal(const struct node *n, const struct export_job *j, struct buf *note)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    uint8_t signature[64];
    size_t size = sizeof signature;
    struct buf text;

    buf_init(&text, NOTE_MAX);
    buf_init(note, NOTE_MAX);
    checkpoint_text_put(&text, j->head.origin, j->head.number, j->manifest);
    assert_int_equal(EVP_DigestSignInit(c, NULL, NULL, NULL, n->key), 1);
    assert_int_equal(EVP_DigestSign(c, signature, &size, text.p, text.n), 1);
    buf_put_slice(note, buf_slice(&text));
    buf_put_str(note, "\n");
    note_signature_put(note, &n->pinned, slice_of(signature, size));
    EVP_MD_CTX_free(c);
    buf_free(&text);
}

static void export_as(struct node *n, uint64_t number)
{
    struct export_job j = {.view_dir = n->w->dir, .out_dir = n->out};
    struct buf note;
    struct fault f;

    memcpy(j.head.origin, ORIGIN, sizeof ORIGIN);
    j.head.number = number;
    j.head.time = 1700000000;
    if (export_build(&j, &f) != 0)
        fail_msg("%s", f.text);
    seal(n, &j, &note);
    assert_int_equal(export_seal(&j, buf_slice(&note), &f), 0);
    assert_int_equal(export_newest(n->out), number);
    export_free(&j);
    buf_free(&note);
}

static int import(const struct node *n, struct fault *f)
{
    struct import_result r;

    return view_import(n->out, n->there.dir, &n->pinned, &r, f);
}

static void import_whole(const struct node *n)
{
    struct fault f;

    if (import(n, &f) != 0)
        fail_msg("%s (%s)", f.text, f.rule);
}

/* Killed after a time that is long enough for some of them to be done. */
static void import_killed(struct node *n)
{
    pid_t pid = fork();
    struct fault f;
    int status;

    if (pid == 0)
        _exit(import(n, &f) == 0 ? 0 : 1);
    usleep((useconds_t)draw(&n->w->random, 12000));
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
}

/* ---- a view that changes ---- */

static void change_much(struct node *n, enum cert_state *now)
{
    struct fault f;

    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(random_batch(n->w, n->v, now, &f), 0);
    assert_int_equal(view_maintain(n->v, &f), 0);
}

static void a_reader_never_sees_less_than_was_taken_whatever_is_killed(void **state)
{
    enum cert_state *now = xcalloc(CERTS, sizeof *now);
    struct node *n = *state;
    pid_t reader;
    int status;

    change_much(n, now);
    export_as(n, ++n->number);
    import_whole(n);
    reader = fork();
    if (reader == 0)
        reader_process(&n->there);
    for (unsigned round = 0; round < ROUNDS; round++) {
        change_much(n, now);
        export_as(n, ++n->number);
        if (round % 4 != 0)
            import_killed(n);
        import_whole(n);
        for (unsigned k = 0; k < CERTS; k++)
            __atomic_store_n(&n->there.acked[k], (uint8_t)now[k], __ATOMIC_RELEASE);
        if (waitpid(reader, &status, WNOHANG) != 0)
            fail_msg("the reader ended early: %d", WEXITSTATUS(status));
        assert_equals_store(&n->there);
    }
    assert_true(generation(&n->there) > 2); /* snapshots were taken meanwhile */
    __atomic_store_n(n->there.stop, 1, __ATOMIC_RELEASE);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
    assert_true(*n->there.checks > 100);
    free(now);
}

static void assert_refused(const struct node *n, const char *rule)
{
    struct fault f;

    assert_true(import(n, &f) < 0);
    assert_string_equal(f.rule, rule);
    assert_equals_store(&n->there);
}

static void an_older_number_is_refused_and_the_same_is_no_news(void **state)
{
    enum cert_state *now = xcalloc(CERTS, sizeof *now);
    struct node *n = *state;

    change_much(n, now);
    export_as(n, 10);
    import_whole(n);
    assert_equals_store(&n->there);
    import_whole(n); /* the same again */
    export_as(n, 9);
    assert_refused(n, "import.older");
    free(now);
}

static void one_number_is_one_export(void **state)
{
    enum cert_state *now = xcalloc(CERTS, sizeof *now);
    struct node *n = *state;
    struct fault f;

    change_much(n, now);
    export_as(n, 10);
    import_whole(n);
    change_much(n, now);
    export_as(n, 10);
    assert_true(import(n, &f) < 0);
    assert_string_equal(f.rule, "import.fork");
    free(now);
}

static void another_key_is_refused(void **state)
{
    enum cert_state *now = xcalloc(CERTS, sizeof *now);
    struct node *n = *state;
    struct note_key pinned = n->pinned;

    change_much(n, now);
    export_as(n, 1);
    import_whole(n);
    export_as(n, 2);
    n->pinned.spki[20] ^= 1;
    assert_refused(n, "import.seal");
    n->pinned = pinned;
    n->pinned.name[0] = 'q';
    assert_refused(n, "import.origin");
    n->pinned = pinned;
    import_whole(n);
    free(now);
}

#define NODE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NODE_TEST(a_reader_never_sees_less_than_was_taken_whatever_is_killed),
        NODE_TEST(an_older_number_is_refused_and_the_same_is_no_news),
        NODE_TEST(one_number_is_one_export),
        NODE_TEST(another_key_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
