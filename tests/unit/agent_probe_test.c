/* Probes: their text, and looks at real servers, from a jail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/conf/probe.h"
#include "lib/clock.h"
#include "lib/wire.h"
#include "tests/unit/agent_help.h"

static struct fault f;

static void texts_are_read_or_refused(void **s)
{
    static const char *const wrong[] = {
        "",
        " ",
        "host",
        "host:",
        ":1",
        "host:0",
        "host:65536",
        "host:12x",
        "::1:443",
        "[]:443",
        "host:1 sni=",
        "host:1 starttls=ftp",
        "host:1 sni",
        "host:1 other=x",
        "sni=a host:1",
    };
    struct probe p;

    (void)s;
    assert_int_equal(probe_parse("127.0.0.1:443", &p, &f), 0);
    assert_string_equal(p.host, "127.0.0.1");
    assert_int_equal(p.port, 443);
    assert_false(p.has_sni);
    assert_int_equal(p.starttls, STARTTLS_NONE);
    assert_int_equal(probe_parse(" [2001:db8::1]:25  sni=a.example starttls=smtp ", &p, &f), 0);
    assert_string_equal(p.host, "2001:db8::1");
    assert_string_equal(p.sni, "a.example");
    assert_int_equal(p.starttls, STARTTLS_SMTP);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(probe_parse(wrong[i], &p, &f), -FAULT_CONFIG);
}

/* ---- a server ---- */

static unsigned port;
static char address[64], line[1024];
static struct agent_service service;
static char *probes[] = {address};

/* Serves what the entry shows; started anew by each reload, as some services are. */
static int serve(void **s)
{
    if (scene_fresh(s) != 0)
        return -1;
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u sni=www.example.com", port);
    (void)snprintf(line, sizeof(line),
                   "cd %s; test ! -s pid || kill $(cat pid); for i in 1 2 3 4 5 6 7 8 9; do "
                   "test -n \"$(ss -Hltn sport = :%u)\" || break; sleep 0.1; done; "
                   "setsid openssl s_server -accept 127.0.0.1:%u -cert web.pem -cert_chain web.pem "
                   "-key web.key -quiet </dev/null >/dev/null 2>&1 & echo $! >%s/pid",
                   scene.place, port, port, scene.place);
    service = (struct agent_service){.name = "web",
                                     .recipe = "",
                                     .probes = probes,
                                     .n_probes = 1,
                                     .time_limit = 5,
                                     .probe_for = 3};
    scene.entry.services = &service;
    scene.entry.n_services = 1;
    return 0;
}

static int no_more(void **s)
{
    (void)s;
    (void)test_sh("kill $(cat %s/pid) 2>/dev/null", scene.place);
    return 0;
}

static char shell[] = "/bin/sh", dash_c[] = "-c";
static char *reload_words[] = {shell, dash_c, line};

static void reloads(bool real)
{
    service.reload = reload_words;
    service.n_reload = real ? 3 : 0;
}

static void what_is_served_is_seen(void **s)
{
    struct deploy_view seen;
    unsigned good;

    (void)s;
    reloads(true);
    scene_install(&scene.first, 1);
    assert_int_equal(deploy_reload(&scene.entry, &f), 0);
    assert_int_equal(deploy_verify(&scene.entry, 1, &seen, &f), 0);
    assert_int_equal(seen.n, 1);
    assert_true(seen.item[0].right);
    assert_int_equal(strlen(seen.item[0].served), 64);
    assert_string_equal(seen.item[0].address, address);
    /* A service that goes on with the old one is no success, and the old one comes back. */
    reloads(false);
    scene_install(&scene.second, 2);
    assert_int_equal(deploy_reload(&scene.entry, &f), 0);
    assert_int_equal(deploy_verify(&scene.entry, 2, &seen, &f), -FAULT_CONFLICT);
    assert_string_equal(f.rule, "deploy.probe");
    assert_false(seen.item[0].right);
    assert_int_equal(deploy_rollback(&scene.entry, &seen, &f), 0);
    assert_true(seen.item[0].right);
    assert_int_equal(deploy_current(&scene.entry, &good, &f), 0);
    assert_int_equal(good, 1);
    assert_true(test_shows(scene.chain_path, &scene.first));
    reloads(true);
    assert_int_equal(deploy_install(&scene.entry, 2, &f), 0);
    assert_int_equal(deploy_reload(&scene.entry, &f), 0);
    assert_int_equal(deploy_verify(&scene.entry, 2, &seen, &f), 0);
}

/* Shows a certificate whose key it does not have, and goes no further (RFC 5246 7.4). */
static void pretend(int listener, struct slice leaf)
{
    /* ServerHello: version, random, no session, ECDHE-ECDSA-AES128-GCM-SHA256, no compression */
    const uint8_t hello[42] = {2, 0, 0, 38, 3, 3, [39] = 0xc0, [40] = 0x2b};
    struct buf out;
    int fd;

    buf_init(&out, 65536);
    buf_put(&out, "\x16\x03\x03", 3);
    wire_put_u16(&out, (uint16_t)(sizeof(hello) + 10 + leaf.n));
    buf_put(&out, hello, sizeof(hello));
    buf_put_u8(&out, 11);
    for (size_t i = 0, more = 6; i < 3; i++, more -= 3) {
        buf_put_u8(&out, 0);
        wire_put_u16(&out, (uint16_t)(leaf.n + more));
    }
    buf_put_slice(&out, leaf);
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        char sink[4096];

        if (recv(fd, sink, sizeof(sink), 0) > 0)
            (void)send(fd, out.p, out.n, MSG_NOSIGNAL);
        close(fd);
    }
    _exit(0);
}

static void what_is_shown_without_its_key_is_not_served(void **s)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, rc;
    struct deploy_view seen;
    pid_t child;

    (void)s;
    reloads(false);
    scene_install(&scene.first, 1);
    service.probe_for = 1;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)(const void *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 16), 0);
    child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        pretend(fd, buf_slice(&scene.first.leaf));
    }
    close(fd);
    rc = deploy_verify(&scene.entry, 1, &seen, &f);
    kill(child, SIGKILL); /* before anything is asserted: nobody else would end it */
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(rc, -FAULT_CONFLICT);
    assert_int_equal(strlen(seen.item[0].served), 64);
    assert_false(seen.item[0].right);
    assert_non_null(strstr(seen.item[0].why, "no handshake"));
}

static void nobody_there_is_seen_too(void **s)
{
    struct deploy_view seen;
    uint64_t since = clock_mono_us();

    (void)s;
    scene_install(&scene.first, 1);
    service.probe_for = 1;
    assert_int_equal(deploy_verify(&scene.entry, 1, &seen, &f), -FAULT_CONFLICT);
    assert_true(clock_mono_us() - since < 30000000);
    assert_string_equal(seen.item[0].served, "");
    assert_non_null(strstr(seen.item[0].why, "refused"));
    deploy_look(&scene.entry, 1, &seen);
    assert_int_equal(seen.n, 1);
    assert_false(seen.item[0].right);
}

/* A command that says when a service is well, where no probe can ask: three times in a row, after
 * it has refused twice. */
static void a_command_is_asked_until_it_is_content(void **s)
{
    static char script[256];
    static char *verify[] = {shell, dash_c, script};

    (void)s;
    service.n_probes = 0;
    service.verify = verify;
    service.n_verify = 3;
    scene_install(&scene.first, 1);
    (void)snprintf(script, sizeof(script), "echo >>%s/asked; test $(wc -l <%s/asked) -ge 3",
                   scene.place, scene.place);
    assert_int_equal(deploy_verify(&scene.entry, 1, NULL, &f), 0);
    assert_int_equal(test_sh("test $(wc -l <%s/asked) = 5", scene.place), 0);
    (void)snprintf(script, sizeof(script), "exit 1");
    service.probe_for = 1;
    assert_int_equal(deploy_verify(&scene.entry, 1, NULL, &f), -FAULT_CONFLICT);
    assert_string_equal(f.rule, "deploy.verify");
}

static int set_up(void **s)
{
    char *text;

    if (scene_set_up(s) != 0 || scene_fresh(s) != 0)
        return -1;
    if (test_sh("python3 -c 'import socket; s = socket.socket(); s.bind((\"127.0.0.1\", 0)); "
                "print(s.getsockname()[1])' >%s/port",
                scene.place) != 0)
        return -1;
    text = test_read(test_path(scene.place, "port"));
    port = (unsigned)strtoul(text, NULL, 10);
    free(text);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, serve, no_more)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read_or_refused),       TEST(what_is_served_is_seen),
        TEST(what_is_shown_without_its_key_is_not_served), TEST(nobody_there_is_seen_too),
        TEST(a_command_is_asked_until_it_is_content),
    };

    return cmocka_run_group_tests(tests, set_up, scene_tear_down);
}
