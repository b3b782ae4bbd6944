/* Keys made on the operator's machine, and the files that they go to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/csr.h"
#include "lib/file.h"
#include "lib/name.h"
#include "client/newkey.h"

static char folder[] = "/tmp/cerca-newkey.XXXXXX";
static char path[64], path_new[96];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof(path), "%s/key.pem", mkdtemp(folder));
    (void)snprintf(path_new, sizeof(path_new), "%s.new", path);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(path_new);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void request_is_good(const char *type, enum key_type kind, unsigned bits)
{
    struct buf name, pem, csr;
    struct csr parsed;
    struct fault f = {0};

    buf_init(&name, NAME_DER_MAX);
    buf_init(&pem, 16384);
    buf_init(&csr, CSR_MAX);
    assert_int_equal(name_parse("CN=web,O=Example", &name, &f), 0);
    assert_int_equal(newkey_make(type, buf_slice(&name), &pem, &csr, &f), 0);
    assert_int_equal(csr_parse(buf_slice(&csr), &parsed, &f), 0);
    assert_int_equal(csr_verify(&parsed, &f), 0);
    assert_int_equal(parsed.key.type, kind);
    assert_int_equal(parsed.key.bits, bits);
    assert_true(slice_eq(parsed.subject, buf_slice(&name)));
    assert_memory_equal(pem.p, "-----BEGIN PRIVATE KEY-----", 27); /* RFC 5958, not encrypted */
    buf_free(&name);
    buf_free(&pem);
    buf_free(&csr);
}

static void a_request_of_each_key_type_proves_possession(void **state)
{
    (void)state;
    request_is_good("p256", KEY_P256, 256);
    request_is_good("p384", KEY_P384, 384);
    request_is_good("p521", KEY_P521, 521);
    request_is_good("ed25519", KEY_ED25519, 256);
    request_is_good("rsa2048", KEY_RSA, 2048);
}

static void an_unknown_key_type_is_refused_with_what_is_allowed(void **state)
{
    struct buf pem, csr;
    struct fault f = {0};

    (void)state;
    buf_init(&pem, 16384);
    buf_init(&csr, CSR_MAX);
    assert_int_equal(newkey_make("rsa512", SLICE_NONE, &pem, &csr, &f), -FAULT_POLICY);
    assert_string_equal(f.value, "rsa512");
    assert_non_null(strstr(f.allowed, "p256"));
    assert_int_equal(pem.n, 0);
}

static void holds(const char *file, const char *wanted)
{
    struct buf text = {0};
    struct fault f = {0};

    assert_int_equal(file_read(file, 100, &text, &f), 0);
    assert_string_equal(buf_cstr(&text), wanted);
    buf_free(&text);
}

static void a_program_that_made_a_key_leaves_no_memory_image(void **state)
{
    struct buf pem, csr, subject;
    struct rlimit core;
    struct fault f = {0};

    (void)state;
    buf_init(&pem, 16384);
    buf_init(&csr, CSR_MAX);
    buf_init(&subject, NAME_DER_MAX);
    assert_int_equal(name_parse("CN=x", &subject, &f), 0);
    assert_int_equal(newkey_make("p256", buf_slice(&subject), &pem, &csr, &f), 0);
    assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
    assert_int_equal(core.rlim_max, 0);
    buf_free(&pem);
    buf_free(&csr);
    buf_free(&subject);
}

static void a_key_file_is_for_its_owner_alone(void **state)
{
    struct keyfile k = {NULL, NULL};
    struct fault f = {0};
    struct stat st;
    mode_t mask = umask(0);

    (void)state;
    assert_int_equal(keyfile_write(&k, path, false, slice_str("key"), &f), 0);
    (void)umask(mask);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(keyfile_keep(&k, &f), 0);
    holds(path, "key");
    keyfile_free(&k);
}

static void a_key_is_never_overwritten(void **state)
{
    struct keyfile k = {NULL, NULL};
    struct fault f = {0};

    (void)state;
    assert_int_equal(keyfile_write(&k, path, false, slice_str("first"), &f), 0);
    keyfile_free(&k);
    assert_int_equal(keyfile_write(&k, path, false, slice_str("second"), &f), -FAULT_CONFLICT);
    holds(path, "first");
    keyfile_drop(&k);
    holds(path, "first");
    keyfile_free(&k);
}

static void a_forced_key_replaces_the_old_one_only_when_it_is_kept(void **state)
{
    struct keyfile k = {NULL, NULL};
    struct fault f = {0};

    (void)state;
    assert_int_equal(keyfile_write(&k, path, false, slice_str("old"), &f), 0);
    keyfile_free(&k);
    assert_int_equal(keyfile_write(&k, path, true, slice_str("refused"), &f), 0);
    holds(path, "old");
    keyfile_drop(&k);
    keyfile_free(&k);
    assert_int_not_equal(access(path_new, F_OK), 0);
    assert_int_equal(keyfile_write(&k, path, true, slice_str("issued"), &f), 0);
    assert_int_equal(keyfile_keep(&k, &f), 0);
    keyfile_free(&k);
    holds(path, "issued");
    assert_int_not_equal(access(path_new, F_OK), 0);
}

static void a_key_whose_request_has_no_answer_is_not_overwritten_by_the_next(void **state)
{
    struct keyfile k = {NULL, NULL};
    struct fault f = {0};

    (void)state;
    assert_int_equal(keyfile_write(&k, path, false, slice_str("old"), &f), 0);
    keyfile_free(&k);
    assert_int_equal(keyfile_write(&k, path, true, slice_str("unanswered"), &f), 0);
    keyfile_free(&k);
    assert_int_equal(keyfile_write(&k, path, true, slice_str("next"), &f), -FAULT_CONFLICT);
    keyfile_free(&k);
    holds(path_new, "unanswered");
    holds(path, "old");
}

static void a_key_does_not_follow_a_planted_link(void **state)
{
    struct keyfile k = {NULL, NULL};
    struct fault f = {0};

    (void)state;
    assert_int_equal(symlink("/nonexistent/elsewhere", path), 0);
    assert_int_equal(keyfile_write(&k, path, false, slice_str("key"), &f), -FAULT_CONFLICT);
    keyfile_free(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_of_each_key_type_proves_possession),
        cmocka_unit_test(an_unknown_key_type_is_refused_with_what_is_allowed),
        cmocka_unit_test(a_program_that_made_a_key_leaves_no_memory_image),
        cmocka_unit_test_teardown(a_key_file_is_for_its_owner_alone, remove_files),
        cmocka_unit_test_teardown(a_key_is_never_overwritten, remove_files),
        cmocka_unit_test_teardown(a_forced_key_replaces_the_old_one_only_when_it_is_kept,
                                  remove_files),
        cmocka_unit_test_teardown(a_key_whose_request_has_no_answer_is_not_overwritten_by_the_next,
                                  remove_files),
        cmocka_unit_test_teardown(a_key_does_not_follow_a_planted_link, remove_files),
    };

    return cmocka_run_group_tests_name("tools_newkey", tests, make_folder, remove_folder);
}
