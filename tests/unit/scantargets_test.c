/* What a scan is told to look at, as people write it. */
#include "lib/scantargets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void nth(const struct scan_targets *t, size_t i, struct scan_range *out)
{
    struct wire_in w;
    size_t from = i == 0 ? 0 : t->end[i - 1];

    wire_in_init(&w, slice_of(t->ranges.p + from, t->end[i] - from));
    scan_range_get(&w, out);
    assert_true(wire_in_done(&w));
}

static void one(const char *word, struct scan_range *out, uint64_t *count)
{
    struct scan_targets t;
    struct fault f;

    fault_clear(&f);
    scan_targets_init(&t);
    assert_int_equal(scan_targets_add(&t, word, &f), 0);
    assert_int_equal(t.n, 1);
    nth(&t, 0, out);
    *count = t.count;
    scan_targets_free(&t);
}

static void targets_are_names_addresses_ranges_and_networks(void **state)
{
    static struct scan_range r;
    uint64_t n;
    (void)state;

    one("www.example.com", &r, &n);
    assert_string_equal(r.name, "www.example.com");
    assert_int_equal(r.port[0].port, 443);
    assert_int_equal(r.n_names, 1);
    assert_true(r.bare);
    one("192.0.2.1:25,2525/smtp,8000-8002", &r, &n);
    assert_int_equal(r.n_ports, 5);
    assert_int_equal(r.port[0].starttls, STARTTLS_SMTP);
    assert_int_equal(r.port[1].starttls, STARTTLS_SMTP);
    assert_int_equal(r.port[4].port, 8002);
    assert_int_equal(n, 5);
    one("192.0.2.77/24:5432", &r, &n);
    assert_int_equal(n, 256);
    assert_int_equal(r.first[15], 0);
    assert_int_equal(r.last[15], 255);
    one("192.0.2.5-20", &r, &n);
    assert_int_equal(n, 16);
    one("192.0.2.250-192.0.3.5", &r, &n);
    assert_int_equal(n, 12);
    one("2001:db8::5", &r, &n);
    assert_int_equal(r.first[0], 0x20);
    assert_int_equal(n, 1);
    one("[2001:db8::5]:636", &r, &n);
    assert_int_equal(r.port[0].port, 636);
    one("2001:db8::/120", &r, &n);
    assert_int_equal(n, 256);
    one("host.example:443/imap", &r, &n);
    assert_int_equal(r.port[0].starttls, STARTTLS_IMAP);
    one("host.example:25/tls", &r, &n);
    assert_int_equal(r.port[0].starttls, STARTTLS_NONE);
}

static void what_is_no_target_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "192.0.2.1:0",
        "192.0.2.1:65536",
        "192.0.2.1:",
        "192.0.2.1:443,",
        "192.0.2.300",
        "192.0.2.9-5",
        "192.0.2.1/33",
        "[2001:db8::1",
        "[2001:db8::1]443",
        "a..b",
        "-a.example",
        "a.example:9-5",
        "a.example:25/ftp",
        "a b",
        "192.0.2",
        "\x1b[31m",
        "a.example:1-1000",
        "192.0.2.1-::5",
        "192.0.2.1/",
    };
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct scan_targets t;
        struct fault f;

        fault_clear(&f);
        scan_targets_init(&t);
        assert_int_not_equal(scan_targets_add(&t, bad[i], &f), 0);
        assert_int_equal(t.n, 0);
        assert_true(f.text[0] != 0);
        scan_targets_free(&t);
    }
}

static void files_have_a_target_a_line(void **state)
{
    static struct scan_range r;
    char path[] = "/tmp/scantargets-XXXXXX", word[64];
    int fd = mkstemp(path);
    static const char text[] = "# servers\n"
                               "www.example.com\r\n"
                               "\n"
                               "192.0.2.1:8443  sni=a.example,b.example # both\n"
                               "192.0.2.8/30\n";
    struct scan_targets t;
    struct fault f;
    const char *const names[] = {"b.example", "c.example"};
    (void)state;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    (void)snprintf(word, sizeof(word), "%s:636", path);
    fault_clear(&f);
    scan_targets_init(&t);
    t.names = names;
    t.n_names = 2;
    t.names_only = true;
    assert_int_equal(scan_targets_add(&t, word, &f), 0);
    assert_int_equal(t.n, 3);
    nth(&t, 0, &r);
    assert_int_equal(r.port[0].port, 636);
    assert_int_equal(r.n_names, 3);
    assert_false(r.bare);
    nth(&t, 1, &r);
    assert_int_equal(r.port[0].port, 8443);
    assert_int_equal(r.n_names, 3); /* b.example once */
    nth(&t, 2, &r);
    assert_int_equal(r.port[0].port, 636);
    /* The ports of the file are of the file only. */
    assert_int_equal(scan_targets_add(&t, "x.example", &f), 0);
    nth(&t, 3, &r);
    assert_int_equal(r.port[0].port, 443);
    scan_targets_free(&t);
    assert_int_equal(ftruncate(fd, 0), 0);
    scan_targets_init(&t);
    assert_int_equal(scan_targets_add(&t, path, &f), 0); /* an empty file has no target */
    assert_int_equal(t.n, 0);
    scan_targets_free(&t);
    assert_int_equal(pwrite(fd, "a.example\n192.0.2.1 names=x\n", 28, 0), 28);
    scan_targets_init(&t);
    assert_int_not_equal(scan_targets_add(&t, path, &f), 0);
    assert_string_equal(f.field, "line 2");
    scan_targets_free(&t);
    (void)close(fd);
    (void)unlink(path);
}

/* What cannot be read is told: a part of a line that is passed over is a host that nobody looks at,
 * or one that was not to be touched. */
static void no_part_of_a_file_is_passed_over(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        bool exclude;
        const char *line; /* NULL: it is read */
    } files[] = {
#define FILE_OF(text, exclude, line) {text, sizeof(text) - 1, exclude, line}
        FILE_OF("\xef\xbb\xbf"
                "192.0.2.1\r\n192.0.2.2",
                false, NULL),
        FILE_OF("192.0.2.1\n\xef\xbb\xbf"
                "192.0.2.2\n",
                false, "line 2"),
        FILE_OF("192.0.2.1\r192.0.2.2\r", false, "line 1"),
        FILE_OF("192.0.2.1 sni=a.example sni=b.example\n", false, "line 1"),
        FILE_OF("192.0.2.1 192.0.2.2\n", false, "line 1"),
        FILE_OF("192.0.2.1\0.5\n", false, ""),
        FILE_OF("192.0.2.1\n192.0.2.2 # both\n", true, NULL),
        FILE_OF("\n192.0.2.1 192.0.2.2\n", true, "line 2"),
        FILE_OF("192.0.2.1\r192.0.2.2\r", true, "line 1"),
#undef FILE_OF
    };
    (void)state;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[] = "/tmp/scantargets-XXXXXX";
        int fd = mkstemp(path), rc;
        struct scan_targets t;
        struct fault f;

        assert_true(fd >= 0);
        assert_int_equal(write(fd, files[i].text, files[i].n), files[i].n);
        fault_clear(&f);
        scan_targets_init(&t);
        rc = files[i].exclude ? scan_targets_exclude(&t, path, &f) : scan_targets_add(&t, path, &f);
        assert_int_equal(rc != 0, files[i].line != NULL);
        if (rc == 0)
            assert_int_equal(t.n, 2);
        else
            assert_string_equal(f.field, files[i].line);
        scan_targets_free(&t);
        (void)close(fd);
        (void)unlink(path);
    }
}

static void exclusions_are_addresses(void **state)
{
    static struct scan_range r;
    struct scan_targets t;
    struct fault f;
    (void)state;

    fault_clear(&f);
    scan_targets_init(&t);
    assert_int_equal(scan_targets_exclude(&t, "192.0.2.0/28", &f), 0);
    nth(&t, 0, &r);
    assert_true(r.exclude);
    assert_int_equal(r.last[15], 15);
    assert_int_equal(t.count, 0);
    assert_int_equal(scan_targets_exclude(&t, "a.example", &f), -FAULT_POLICY);
    scan_targets_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_names_addresses_ranges_and_networks),
        cmocka_unit_test(what_is_no_target_is_refused),
        cmocka_unit_test(files_have_a_target_a_line),
        cmocka_unit_test(no_part_of_a_file_is_passed_over),
        cmocka_unit_test(exclusions_are_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
