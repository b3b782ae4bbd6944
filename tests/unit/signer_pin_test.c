#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "token/pin.h"

static char dir[64], file[80];

static int setup(void **state)
{
    (void)state;
    memcpy(dir, "/tmp/cerca-pin-XXXXXX", sizeof("/tmp/cerca-pin-XXXXXX"));
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(file, sizeof(file), "%s/pin", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(file);
    return rmdir(dir);
}

static void write_pin(const void *p, size_t n, mode_t mode)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, n), (ssize_t)n);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void reads(const void *p, size_t n, const char *want)
{
    struct pin *pin;
    struct fault f;

    write_pin(p, n, 0600);
    if (pin_read_file(file, &pin, &f) != 0)
        fail_msg("%s: %s", f.rule, f.text);
    assert_int_equal(pin->n, strlen(want));
    assert_memory_equal(pin->p, want, pin->n);
    pin_free(pin);
}

static void refuses(const void *p, size_t n, mode_t mode, const char *rule)
{
    struct pin *pin;
    struct fault f;

    write_pin(p, n, mode);
    assert_int_equal(pin_read_file(file, &pin, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, rule);
    assert_null(pin);
}

static void one_newline_at_the_end_is_dropped(void **state)
{
    (void)state;
    reads("123456\n", 7, "123456");
    reads("123456", 6, "123456");
    reads("12 34\n\n", 7, "12 34\n");
    refuses("\n", 1, 0600, "signer.pin.size");
    refuses("", 0, 0600, "signer.pin.size");
}

static void a_pin_longer_than_the_bound_is_refused(void **state)
{
    char text[PIN_MAX + 3], want[PIN_MAX + 1] = "";

    (void)state;
    memset(text, '7', sizeof(text));
    memset(want, '7', PIN_MAX);
    refuses(text, PIN_MAX + 1, 0600, "signer.pin.size");
    refuses(text, PIN_MAX + 2, 0600, "signer.pin.size");
    refuses(text, PIN_MAX + 3, 0600, "signer.pin.size");
    text[PIN_MAX] = '\n';
    reads(text, PIN_MAX + 1, want);
}

static void a_file_that_others_may_read_is_refused(void **state)
{
    (void)state;
    refuses("123456", 6, 0640, "signer.pin.mode");
    refuses("123456", 6, 0604, "signer.pin.mode");
    refuses("123456", 6, 0620, "signer.pin.mode");
}

static void something_else_than_a_file_is_refused(void **state)
{
    struct pin *pin;
    struct fault f;

    (void)state;
    assert_int_equal(pin_read_file(dir, &pin, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "signer.pin.source");
    assert_int_equal(pin_read_file(file, &pin, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "signer.pin.source");
}

static void a_descriptor_gives_the_pin_to_every_start(void **state)
{
    char number[16], none[1] = "", name[8] = "default";
    struct conf_token t = {
        .name = name, .pin_file = none, .pin_credential = none, .pin_fd = number};
    struct pin *pin;
    struct fault f;
    int fd;

    (void)state;
    write_pin("4711\n", 5, 0600);
    fd = open(file, O_RDONLY);
    (void)snprintf(number, sizeof(number), "%d", fd);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pin_read(&t, &pin, &f), 0);
        assert_int_equal(pin->n, 4);
        assert_memory_equal(pin->p, "4711", 4);
        pin_free(pin);
    }
    close(fd);
    assert_int_equal(pin_read(&t, &pin, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "signer.pin.source");
}

static void a_credential_lies_in_systemds_folder(void **state)
{
    char none[1] = "", credential[4] = "pin", climbing[8] = "../pin", name[8] = "default";
    struct conf_token t = {
        .name = name, .pin_file = none, .pin_credential = credential, .pin_fd = none};
    struct pin *pin;
    struct fault f;

    (void)state;
    write_pin("0815\n", 5, 0440);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_int_equal(pin_read(&t, &pin, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "signer.pin.source");
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", dir, 1), 0);
    assert_int_equal(pin_read(&t, &pin, &f), 0);
    assert_int_equal(pin->n, 4);
    pin_free(pin);
    t.pin_credential = climbing;
    assert_int_equal(pin_read(&t, &pin, &f), -FAULT_CONFIG);
    assert_null(pin);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_newline_at_the_end_is_dropped),         T(a_pin_longer_than_the_bound_is_refused),
        T(a_file_that_others_may_read_is_refused),    T(something_else_than_a_file_is_refused),
        T(a_descriptor_gives_the_pin_to_every_start), T(a_credential_lies_in_systemds_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
