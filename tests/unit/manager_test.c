/* What a service manager hands over and keeps: against a manager's end of both protocols. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/manager.h"

/* At the numbers that the protocol begins with; whatever was there is not needed here. */
static void hand_over(const char *names, int n, long pid)
{
    char text[24];

    for (int i = 0; i < n; i++) {
        int fd = memfd_create("handed", 0);

        assert_true(fd >= 0);
        if (fd != 3 + i) {
            assert_int_equal(dup2(fd, 3 + i), 3 + i);
            close(fd);
        }
    }
    (void)snprintf(text, sizeof text, "%d", n);
    setenv("LISTEN_FDS", text, 1);
    (void)snprintf(text, sizeof text, "%ld", pid);
    setenv("LISTEN_PID", text, 1);
    setenv("LISTEN_FDNAMES", names, 1);
}

static void descriptors_are_known_by_name(void **state)
{
    (void)state;
    hand_over("admin:public:scan", 3, (long)getpid());
    assert_int_equal(manager_fd("admin"), 3);
    assert_int_equal(manager_fd("public"), 4);
    assert_int_equal(manager_fd("scan"), 5);
    assert_int_equal(fcntl(4, F_GETFD), FD_CLOEXEC);
    assert_int_equal(manager_fd("sca"), -1);
    assert_int_equal(manager_fd("enroll"), -1);
}

static void only_for_whom_they_are(void **state)
{
    (void)state;
    hand_over("admin", 1, (long)getppid());
    assert_int_equal(manager_fd("admin"), -1);
    setenv("LISTEN_PID", "", 1);
    assert_int_equal(manager_fd("admin"), -1);
    hand_over("admin", 1, (long)getpid());
    setenv("LISTEN_FDS", "1000000", 1);
    assert_int_equal(manager_fd("admin"), -1);
    /* Fewer names than descriptors. */
    hand_over("admin", 2, (long)getpid());
    assert_int_equal(manager_fd("admin"), 3);
    assert_int_equal(manager_fd("second"), -1);
    unsetenv("LISTEN_FDNAMES");
    assert_int_equal(manager_fd("admin"), -1);
    unsetenv("LISTEN_FDS");
}

static int manager(void)
{
    static unsigned n;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int l =
        snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "cerca-manager-%d-%u", (int)getpid(), n++);
    char name[128];

    assert_true(fd >= 0 && l > 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)l)),
                     0);
    (void)snprintf(name, sizeof name, "@%s", a.sun_path + 1);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

/* The descriptor beside the text, or -1. */
static int told(int fd, const char *text)
{
    char octets[512] = {0};
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } c;
    struct iovec v = {.iov_base = octets, .iov_len = sizeof octets - 1};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c.room};
    int with = -1;

    assert_true(recvmsg(fd, &m, 0) > 0);
    assert_string_equal(octets, text);
    if (CMSG_FIRSTHDR(&m) != NULL)
        memcpy(&with, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof with);
    return with;
}

static void memory_is_kept(void **state)
{
    int m = manager(), fd, again;
    char octet = 0;

    (void)state;
    fd = manager_memory();
    assert_true(fd >= 0);
    again = told(m, "FDSTORE=1\nFDNAME=memory");
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(pread(again, &octet, 1, 0), 1);
    assert_int_equal(octet, 'x');
    close(fd);
    /* The next life is handed it. */
    hand_over("memory", 1, (long)getpid());
    assert_int_equal(manager_memory(), 3);
    assert_true(recv(m, &octet, 1, 0) < 0);
    unsetenv("LISTEN_FDS");
    close(again);
    close(m);
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(manager_memory(), -1);
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in a = {0};
    socklen_t n = sizeof a;

    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    return ntohs(a.sin_port);
}

static void a_listening_socket_is_kept_by_its_address(void **state)
{
    struct fault f;
    char text[64];
    int m = manager(), fd = manager_listen("127.0.0.1", 0, &f), again;

    (void)state;
    assert_true(fd >= 0);
    again = told(m, "FDSTORE=1\nFDNAME=tcp-127.0.0.1-0");
    assert_int_equal(port_of(again), port_of(fd));
    close(again);
    close(fd);
    /* The same address: as it was handed over. Another: that one goes. */
    hand_over("tcp-127.0.0.1-0", 1, (long)getpid());
    assert_int_equal(manager_listen("127.0.0.1", 0, &f), 3);
    (void)snprintf(text, sizeof text, "FDSTORE=1\nFDNAME=tcp-__1-0");
    fd = manager_listen("::1", 0, &f);
    assert_int_equal(told(m, "FDSTOREREMOVE=1\nFDNAME=tcp-127.0.0.1-0"), -1);
    if (fd >= 0) { /* where there is IPv6 */
        close(told(m, text));
        close(fd);
    }
    unsetenv("LISTEN_FDS");
    close(m);
    unsetenv("NOTIFY_SOCKET");
    fd = manager_listen("127.0.0.1", 0, &f);
    assert_true(fd >= 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        cmocka_unit_test(descriptors_are_known_by_name),
        cmocka_unit_test(only_for_whom_they_are),
        cmocka_unit_test(memory_is_kept),
        cmocka_unit_test(a_listening_socket_is_kept_by_its_address),
    };

    return cmocka_run_group_tests(t, NULL, NULL);
}
