/* Who runs as one user with others of our programs gets no socket of theirs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/conn.h"
#include "lib/kin.h"

struct place {
    struct loop *loop;
    struct listener *listener;
    char dir[32], path[48];
    unsigned accepted;
};

static void on_accepted(void *arg, int fd, const struct conn_peer *peer)
{
    struct place *p = arg;

    assert_int_equal(peer->pid, getpid());
    p->accepted++;
    (void)close(fd);
    loop_stop(p->loop);
}

static void on_time(void *arg)
{
    loop_stop(((struct place *)arg)->loop);
}

static int setup(void **state)
{
    struct place *p = xcalloc(1, sizeof(*p));
    struct fault f;
    int fd;

    memcpy(p->dir, "/tmp/cerca-kin-XXXXXX", sizeof("/tmp/cerca-kin-XXXXXX"));
    assert_non_null(mkdtemp(p->dir));
    (void)snprintf(p->path, sizeof(p->path), "%s/sock", p->dir);
    fd = listen_unix(p->path, 0600, &f);
    assert_true(fd >= 0);
    p->loop = loop_new();
    p->listener = listener_new(p->loop, fd, on_accepted, p);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;

    kin_tell("cerca-public", "", 0);
    listener_free(p->listener);
    loop_free(p->loop);
    (void)unlink(p->path);
    (void)rmdir(p->dir);
    free(p);
    return 0;
}

/* Connects and lets the loop look: is it let in? If not, it is closed. */
static bool let_in(struct place *p)
{
    struct loop_timer *t = loop_timer(p->loop, on_time, p);
    unsigned before = p->accepted;
    struct pollfd end;
    struct fault f;
    char c;
    int fd = connect_unix(p->path, &f);

    assert_true(fd >= 0);
    loop_timer_set(t, 50);
    loop_run(p->loop);
    end = (struct pollfd){.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&end, 1, 20000), 1);
    assert_int_equal(read(fd, &c, 1), 0);
    (void)close(fd);
    loop_timer_free(t);
    return p->accepted > before;
}

static void programs_of_ours_get_their_own_socket_alone(void **state)
{
    struct place *p = *state;

    kin_tell("cerca-public", "", getpid());
    assert_true(let_in(p)); /* nobody asked whose it is */
    listener_for(p->listener, "cerca-enroll");
    assert_false(let_in(p));
    listener_for(p->listener, "");
    assert_false(let_in(p));
    listener_for(p->listener, "cerca-public");
    assert_true(let_in(p));
}

static void who_is_none_of_ours_is_let_in_and_so_is_who_was_one(void **state)
{
    struct place *p = *state;

    listener_for(p->listener, "");
    kin_tell("cerca-public", "", getpid() + 1);
    assert_true(let_in(p));
    kin_tell("cerca-public", "", getpid());
    assert_false(let_in(p));
    kin_tell("cerca-public", "", 0);
    assert_true(let_in(p));
}

static void programs_are_known_by_name_and_token(void **state)
{
    (void)state;
    kin_tell("cerca-signer", "a", 11);
    kin_tell("cerca-signer", "b", 12);
    assert_string_equal(kin_name(11), "cerca-signer");
    kin_tell("cerca-signer", "a", 13);
    assert_null(kin_name(11));
    assert_string_equal(kin_name(12), "cerca-signer");
    assert_string_equal(kin_name(13), "cerca-signer");
    assert_null(kin_name(0));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(programs_of_ours_get_their_own_socket_alone),
        T(who_is_none_of_ours_is_let_in_and_so_is_who_was_one),
        cmocka_unit_test(programs_are_known_by_name_and_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
