/* What is made from the schema table, and reading from files and descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/conf.h"
#include "lib/file.h"

static const struct conf_dev dev = {.http_port = 9080,
                                    .https_port = 9443,
                                    .uid = 4294967294,
                                    .operator_name = "alice",
                                    .module = "/opt/\"odd\\ module\".so"};

struct folder {
    char dir[64];
    char path[96];
};

static int make_folder(void **state)
{
    static struct folder f;
    struct fault fault;
    struct buf text;
    int rc;

    snprintf(f.dir, sizeof(f.dir), "/tmp/cerca-conf-XXXXXX");
    if (mkdtemp(f.dir) == NULL)
        return -1;
    snprintf(f.path, sizeof(f.path), "%s/cerca.conf", f.dir);
    buf_init(&text, CONF_MAX);
    conf_dev_text(&dev, &text);
    rc = file_write(f.path, 0600, buf_slice(&text), &fault);
    buf_free(&text);
    *state = &f;
    return rc;
}

static int remove_folder(void **state)
{
    struct folder *f = *state;

    return unlink(f->path) + rmdir(f->dir);
}

static struct conf *load_text(const char *text, const char *path)
{
    struct conf *c;
    struct fault f = {0};

    if (conf_load_text(text, path, &c, &f) < 0)
        fail_msg("%s", f.text);
    return c;
}

static void assert_file_holds(const char *path, struct slice wanted)
{
    struct buf text;
    struct fault f = {0};

    buf_init(&text, CONF_MAX);
    if (file_read(path, CONF_MAX, &text, &f) < 0)
        fail_msg("%s", f.text);
    assert_true(memmem(text.p, text.n, wanted.p, wanted.n) != NULL);
    buf_free(&text);
}

static void what_is_shown_reads_back_as_the_same(void **state)
{
    struct buf text, shown, again;
    struct conf *a, *b;

    (void)state;
    buf_init(&text, CONF_MAX);
    buf_init(&shown, CONF_MAX);
    buf_init(&again, CONF_MAX);
    conf_dev_text(&dev, &text);
    buf_put_str(&text, "profiles = ( { name = \"own\"; eku = [ \"clientAuth\" ]; dns = [ \"a.b\" ];"
                       " ip = ( \"10.0.0.0/8\", \"::/0\" ); key_reuse = \"allow\"; } );\n");
    a = load_text(buf_cstr(&text), "/data/100% ca/cerca.conf");
    conf_print(a, &shown);
    b = load_text(buf_cstr(&shown), "/data/100% ca/cerca.conf");
    conf_print(b, &again);
    assert_false(buf_failed(&again));
    assert_string_equal(buf_cstr(&shown), buf_cstr(&again));
    assert_string_equal(a->tokens[0].module, dev.module);
    assert_string_equal(b->tokens[0].module, dev.module);
    assert_string_equal(b->tokens[0].environment[0], "SOFTHSM2_CONF=/data/100% ca/softhsm2.conf");
    conf_free(a);
    conf_free(b);
    buf_free(&text);
    buf_free(&shown);
    buf_free(&again);
}

/* jq and others read it: brackets balance, texts are quoted as RFC 8259 7 has it. */
static void what_is_shown_as_json_is_a_json_object(void **state)
{
    struct buf text, shown;
    struct conf *c;

    (void)state;
    buf_init(&text, CONF_MAX);
    buf_init(&shown, CONF_MAX);
    conf_dev_text(&dev, &text);
    c = load_text(buf_cstr(&text), "/data/100% ca/cerca.conf");
    conf_print_json(c, &shown);
    assert_int_equal(strncmp(buf_cstr(&shown), "{\n  \"log\": {\"level\": \"info\"},\n", 29), 0);
    assert_non_null(strstr(buf_cstr(&shown), "\"module\": \"/opt/\\\"odd\\\\ module\\\".so\""));
    assert_non_null(strstr(buf_cstr(&shown), "[\"SOFTHSM2_CONF=/data/100% ca/softhsm2.conf\"]"));
    assert_non_null(strstr(buf_cstr(&shown), "\"signs_cas\": true"));
    assert_non_null(strstr(buf_cstr(&shown), "\"dns\": []"));
    conf_free(c);
    buf_free(&text);
    buf_free(&shown);
}

static void a_path_that_is_no_text_is_refused(void **state)
{
    static const char *const bad[] = {"/a\nb/cerca.conf", "/\xff/cerca.conf", "/a/", ""};
    struct conf *c;
    struct fault f;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(conf_load_text("", bad[i], &c, &f), -FAULT_CONFIG);
        assert_string_equal(f.rule, "conf.path");
    }
}

static void what_is_shown_tells_defaults_from_settings(void **state)
{
    struct conf *c;
    struct buf shown;
    const char *text;

    (void)state;
    c = load_text("log = { level = \"debug\"; }; http = { port = \"80\"; };", "/x/cerca.conf");
    buf_init(&shown, CONF_MAX);
    conf_print(c, &shown);
    text = buf_cstr(&shown);
    assert_non_null(strstr(text, "    level = \"debug\";\n"));
    assert_non_null(strstr(text, "    dir = \"/x/store\"; # default\n"));
    assert_non_null(strstr(text, "    quota = \"64GiB\"; # default\n"));
    assert_non_null(strstr(text, "    port = \"80\";\n"));
    assert_non_null(strstr(text, "    base_url = \"http://127.0.0.1:80\"; # default\n"));
    conf_free(c);
    buf_free(&shown);
}

static void the_example_passes_its_own_check(void **state)
{
    struct buf text;
    struct conf *c;

    (void)state;
    buf_init(&text, CONF_MAX);
    conf_example(&text);
    assert_false(buf_failed(&text));
    c = load_text(buf_cstr(&text), "/etc/cerca/cerca.conf");
    assert_int_equal(c->n_tokens, 1);
    assert_int_equal(c->n_issuers, 2);
    assert_int_equal(c->n_profiles, 13);
    assert_int_equal(c->n_operators, 1);
    conf_free(c);
    buf_free(&text);
}

/* Defaults are shown commented out, so that taking the comment signs away changes nothing. */
static void the_example_shows_true_defaults(void **state)
{
    struct buf text, live, a, b;
    struct conf *with, *without;

    (void)state;
    buf_init(&text, CONF_MAX);
    buf_init(&live, CONF_MAX);
    buf_init(&a, CONF_MAX);
    buf_init(&b, CONF_MAX);
    conf_example(&text);
    for (const char *line = buf_cstr(&text), *end; *line != '\0'; line = end + 1) {
        size_t indent = strspn(line, " ");

        end = strchr(line, '\n');
        assert_non_null(end);
        if (indent > 0 && strncmp(line + indent, "# ", 2) == 0 && end[-1] == ';' &&
            memmem(line, (size_t)(end - line), " = ", 3) != NULL &&
            memmem(line, (size_t)(end - line), "NAME", 4) == NULL &&
            memmem(line, (size_t)(end - line), "by key_type", 11) == NULL &&
            memmem(line, (size_t)(end - line), "LISTEN", 6) == NULL)
            buf_put(&live, line + indent + 2, (size_t)(end - line) - indent - 1);
        else
            buf_put(&live, line, (size_t)(end - line) + 1);
    }
    assert_null(strstr(buf_cstr(&live), "# port"));
    without = load_text(buf_cstr(&text), "/x/cerca.conf");
    with = load_text(buf_cstr(&live), "/x/cerca.conf");
    conf_print(without, &a);
    conf_print(with, &b);
    assert_string_equal(buf_cstr(&a), buf_cstr(&b));
    conf_free(with);
    conf_free(without);
    buf_free(&text);
    buf_free(&live);
    buf_free(&a);
    buf_free(&b);
}

/* After a change of the table: build/bin/cerca conf example, conf manual. */
static void the_files_made_from_the_table_are_up_to_date(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, CONF_MAX);
    conf_example(&text);
    assert_file_holds("conf/cerca.conf.example", buf_slice(&text));
    buf_reset(&text);
    conf_manual(&text);
    assert_file_holds("man/cerca.conf.5", buf_slice(&text));
    buf_free(&text);
}

static void a_file_is_read_with_its_folder(void **state)
{
    struct folder *folder = *state;
    struct conf *c;
    struct fault f;
    char odd[128];

    snprintf(odd, sizeof(odd), "%s/../%s/./cerca.conf", folder->dir, strrchr(folder->dir, '/') + 1);
    assert_int_equal(conf_load(odd, &c, &f), 0);
    assert_string_equal(c->dir, folder->dir);
    assert_string_equal(c->path, folder->path);
    conf_free(c);
}

static void a_file_that_is_not_there_or_a_folder_is_refused(void **state)
{
    struct folder *folder = *state;
    struct conf *c;
    struct fault f;

    assert_true(conf_load("/no/such/cerca.conf", &c, &f) < 0);
    assert_null(c);
    assert_non_null(strstr(f.text, "/no/such/cerca.conf"));
    assert_true(conf_load(folder->dir, &c, &f) < 0);
    assert_true(conf_load("", &c, &f) < 0);
}

static void a_nul_in_a_file_is_refused_with_its_line(void **state)
{
    struct folder *folder = *state;
    static const char text[] = "# one\n# two\n\0log = { };\n";
    struct conf *c;
    struct fault f;
    char path[128];

    snprintf(path, sizeof(path), "%s/nul.conf", folder->dir);
    assert_int_equal(file_write(path, 0600, slice_of(text, sizeof(text) - 1), &f), 0);
    assert_int_equal(conf_load(path, &c, &f), -FAULT_CONFIG);
    assert_non_null(strstr(f.text, "nul.conf:3: "));
    assert_int_equal(unlink(path), 0);
}

static void a_sealed_text_reads_as_the_file_and_cannot_change(void **state)
{
    struct folder *folder = *state;
    struct conf *a, *b, *again;
    struct fault f;
    int fd;

    assert_int_equal(conf_seal(folder->path, &fd, &f), 0);
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(conf_load(folder->path, &a, &f), 0);
    assert_int_equal(conf_load_fd(fd, folder->path, &b, &f), 0);
    assert_int_equal(conf_load_fd(fd, folder->path, &again, &f), 0); /* the offset plays no part */
    assert_memory_equal(a->generation, b->generation, 32);
    assert_memory_equal(a->generation, again->generation, 32);
    assert_string_equal(b->dir, folder->dir);
    conf_free(a);
    conf_free(b);
    conf_free(again);
    close(fd);
}

static void a_text_that_is_not_sealed_is_refused(void **state)
{
    struct folder *folder = *state;
    struct conf *c;
    struct fault f;
    int file = open(folder->path, O_RDONLY | O_CLOEXEC);
    int loose = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int half = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_int_equal(fcntl(half, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK), 0);
    assert_int_equal(conf_load_fd(file, folder->path, &c, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "conf.seal");
    assert_int_equal(conf_load_fd(loose, folder->path, &c, &f), -FAULT_CONFIG);
    assert_int_equal(conf_load_fd(half, folder->path, &c, &f), -FAULT_CONFIG);
    assert_int_equal(conf_load_fd(-1, folder->path, &c, &f), -FAULT_CONFIG);
    assert_null(c);
    close(file);
    close(loose);
    close(half);
}

static void every_role_has_its_name(void **state)
{
    (void)state;
    assert_string_equal(conf_role_name(ROLE_NONE), "none");
    assert_string_equal(conf_role_name(ROLE_AUDITOR), "auditor");
    assert_string_equal(conf_role_name(ROLE_OPERATOR), "operator");
    assert_string_equal(conf_role_name(ROLE_ADMIN), "admin");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_shown_reads_back_as_the_same),
        cmocka_unit_test(what_is_shown_as_json_is_a_json_object),
        cmocka_unit_test(a_path_that_is_no_text_is_refused),
        cmocka_unit_test(what_is_shown_tells_defaults_from_settings),
        cmocka_unit_test(the_example_passes_its_own_check),
        cmocka_unit_test(the_example_shows_true_defaults),
        cmocka_unit_test(the_files_made_from_the_table_are_up_to_date),
        cmocka_unit_test(a_file_is_read_with_its_folder),
        cmocka_unit_test(a_file_that_is_not_there_or_a_folder_is_refused),
        cmocka_unit_test(a_nul_in_a_file_is_refused_with_its_line),
        cmocka_unit_test(a_sealed_text_reads_as_the_file_and_cannot_change),
        cmocka_unit_test(a_text_that_is_not_sealed_is_refused),
        cmocka_unit_test(every_role_has_its_name),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
