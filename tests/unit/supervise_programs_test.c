/* What cercad plans to start of a configuration: programs, their sockets, their environment, and
 * the hint that it prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/supervise/environment.h"
#include "ca/supervise/hint.h"
#include "ca/supervise/programs.h"
#include "lib/conf_setup.h"
#include "lib/conn.h"
#include "lib/httpd.h"

struct folder {
    char path[40];
};

static int make_folder(void **state)
{
    struct folder *d = xcalloc(1, sizeof *d);
    strcpy(d->path, "/tmp/cerca-supervise-XXXXXX");
    assert_non_null(mkdtemp(d->path));
    *state = d;
    return 0;
}

static int remove_folder(void **state)
{
    struct folder *d = *state;
    char command[80];
    snprintf(command, sizeof command, "rm -rf %s", d->path);
    assert_int_equal(system(command), 0);
    free(d);
    return 0;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in a = {0};
    socklen_t n = sizeof a;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    return ntohs(a.sin_port);
}

static uint16_t free_port(void)
{
    struct fault f;
    int fd = listen_tcp("127.0.0.1", 0, &f);
    assert_true(fd >= 0);
    uint16_t port = port_of(fd);
    close(fd);
    return port;
}

static struct conf *dev_conf(const char *folder)
{
    const struct conf_dev dev = {.http_port = 8080,
                                 .https_port = 8443,
                                 .uid = getuid(),
                                 .operator_name = "me",
                                 .module = "/usr/lib/softhsm/libsofthsm2.so"};
    struct buf text;
    struct conf *c;
    struct fault f;
    char path[64];
    buf_init(&text, CONF_MAX);
    conf_dev_text(&dev, &text);
    snprintf(path, sizeof path, "%s/cerca.conf", folder);
    assert_int_equal(conf_load_text(buf_cstr(&text), path, &c, &f), 0);
    buf_free(&text);
    c->http_port = free_port();
    assert_true(mkdir(c->sock_dir, 0700) == 0 || access(c->sock_dir, F_OK) == 0);
    return c;
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void each_token_has_a_signer_then_comes_http_and_cerca_ca_last(void **state)
{
    const struct folder *d = *state;
    struct conf *c = dev_conf(d->path);
    struct programs p;
    struct fault f;
    assert_int_equal(programs_plan(c, &p, &f), 0);
    assert_int_equal(p.n, 3);
    assert_string_equal(p.at[0].name, "cerca-signer");
    assert_string_equal(p.at[0].token, "default");
    assert_string_equal(p.at[1].name, "cerca-public");
    assert_string_equal(p.at[1].token, "");
    assert_string_equal(p.at[2].name, "cerca-ca");
    assert_int_equal(programs_listen(&p, NULL, &f), 0);
    assert_int_equal(mode_of(p.at[0].socket[0].path), 0600);
    assert_int_equal(mode_of(p.at[2].socket[0].path), 0600);
    programs_free(&p, NULL);
    conf_free(c);
}

static void an_operator_with_another_uid_can_reach_the_admin_socket_only(void **state)
{
    const struct folder *d = *state;
    struct conf *c = dev_conf(d->path);
    struct programs p;
    struct fault f;
    c->operators[0].uid = getuid() + 1;
    assert_int_equal(programs_plan(c, &p, &f), 0);
    assert_int_equal(programs_listen(&p, NULL, &f), 0);
    assert_int_equal(mode_of(p.at[0].socket[0].path), 0600);
    assert_int_equal(mode_of(p.at[2].socket[0].path), 0666);
    /* That of delegates is cerca-public's alone. */
    assert_int_equal(mode_of(p.at[2].socket[1].path), 0600);
    programs_free(&p, NULL);
    conf_free(c);
}

static void sockets_live_on_from_one_plan_to_the_next_and_only_dropped_ones_go(void **state)
{
    const struct folder *d = *state;
    struct conf *c = dev_conf(d->path);
    struct programs now, next;
    struct fault f;
    char admin[128], signer[128];
    assert_int_equal(programs_plan(c, &now, &f), 0);
    assert_int_equal(programs_listen(&now, NULL, &f), 0);
    snprintf(signer, sizeof signer, "%s", now.at[0].socket[0].path);
    snprintf(admin, sizeof admin, "%s", now.at[2].socket[0].path);
    assert_int_equal(port_of(now.at[1].socket[0].fd), c->http_port);
    /* A peer that connected before is served by what comes after. */
    int peer = connect_unix(admin, &f);
    assert_true(peer >= 0);
    size_t tokens = c->n_tokens;
    c->n_tokens = 0;
    assert_int_equal(programs_plan(c, &next, &f), 0);
    assert_int_equal(programs_listen(&next, &now, &f), 0);
    programs_free(&now, &next);
    assert_int_equal(access(admin, F_OK), 0);
    assert_int_equal(access(signer, F_OK), -1);
    /* The port is the same socket still: nobody who knocks meanwhile is turned away. */
    assert_int_equal(port_of(next.at[0].socket[0].fd), c->http_port);
    int accepted = accept4(next.at[1].socket[0].fd, NULL, NULL, SOCK_CLOEXEC);
    assert_true(accepted >= 0);
    close(accepted);
    close(peer);
    programs_free(&next, NULL);
    assert_int_equal(access(admin, F_OK), -1);
    c->n_tokens = tokens;
    conf_free(c);
}

static void without_an_address_for_http_there_is_no_cerca_public(void **state)
{
    const struct folder *d = *state;
    struct conf *c = dev_conf(d->path);
    struct programs p;
    struct fault f;
    c->http_listen[0] = '\0';
    assert_int_equal(programs_plan(c, &p, &f), 0);
    assert_int_equal(p.n, 2);
    assert_string_equal(p.at[1].name, "cerca-ca");
    programs_free(&p, NULL);
    conf_free(c);
}

/* Issuing does not wait for it; a configuration that asks for it anew is refused. */
static void a_port_that_is_taken_is_left_for_later(void **state)
{
    const struct folder *d = *state;
    struct conf *c = dev_conf(d->path);
    struct programs p, next, none = {0};
    struct fault f;
    int other = listen_tcp("127.0.0.1", c->http_port, &f);
    char port[16];
    assert_true(other >= 0);
    assert_int_equal(programs_plan(c, &p, &f), 0);
    assert_int_equal(programs_listen(&p, NULL, &f), 0);
    assert_int_equal(p.at[1].socket[0].fd, -1);
    assert_true(p.at[0].socket[0].fd >= 0);
    assert_int_equal(program_listen(&p.at[1], &f), -FAULT_CONFLICT);
    assert_string_equal(f.rule, "http.listen");
    snprintf(port, sizeof port, "port %u", c->http_port);
    assert_non_null(strstr(f.text, port));
    /* A new configuration with the same port does not fail for it, another one does. */
    assert_int_equal(programs_plan(c, &next, &f), 0);
    assert_int_equal(programs_listen(&next, &p, &f), 0);
    assert_int_equal(next.at[1].socket[0].fd, -1);
    programs_free(&next, &p);
    assert_int_equal(programs_plan(c, &next, &f), 0);
    assert_int_equal(programs_listen(&next, &none, &f), -FAULT_CONFLICT);
    programs_free(&next, &p);
    close(other);
    assert_int_equal(program_listen(&p.at[1], &f), 0);
    assert_int_equal(port_of(p.at[1].socket[0].fd), c->http_port);
    programs_free(&p, NULL);
    conf_free(c);
}

static bool has(char **environment, const char *begin)
{
    for (; *environment; environment++)
        if (strncmp(*environment, begin, strlen(begin)) == 0)
            return true;
    return false;
}

static void a_program_gets_no_environment_that_it_does_not_need(void **state)
{
    const struct folder *d = *state;
    struct conf *c = dev_conf(d->path);
    setenv("SECRET_OF_SOMEBODY", "x", 1);
    setenv("LD_PRELOAD_X", "x", 1);
    setenv("CREDENTIALS_DIRECTORY", "/c", 1);
    char **ca = environment_for(NULL);
    assert_true(has(ca, "PATH="));
    assert_false(has(ca, "SECRET_OF_SOMEBODY"));
    assert_false(has(ca, "LD_"));
    assert_false(has(ca, "SOFTHSM2_CONF"));
    assert_false(has(ca, "CREDENTIALS_DIRECTORY"));
    environment_free(ca);
    char **signer = environment_for(&c->tokens[0]);
    assert_true(has(signer, "SOFTHSM2_CONF="));
    assert_false(has(signer, "CREDENTIALS_DIRECTORY"));
    environment_free(signer);
    char *no_credential = c->tokens[0].pin_credential;
    c->tokens[0].pin_credential = (char[]){"pin"};
    signer = environment_for(&c->tokens[0]);
    assert_true(has(signer, "CREDENTIALS_DIRECTORY=/c"));
    environment_free(signer);
    c->tokens[0].pin_credential = no_credential;
    conf_free(c);
}

static void the_hint_shows_the_socket_and_commands_with_the_real_program(void **state)
{
    const struct folder *d = *state;
    struct conf *c = dev_conf(d->path);
    struct buf b;
    char program[4200];
    snprintf(program, sizeof program, "%s/cerca", d->path);
    assert_int_equal(symlink("/bin/true", program), 0);
    buf_init(&b, 16384);
    hint_text(c, d->path, "my run/cerca.conf", &b);
    const char *text = buf_cstr(&b);
    assert_non_null(strstr(text, "/sock/admin.sock\n"));
    assert_non_null(strstr(text, "/ca/root.pem\n"));
    assert_non_null(strstr(text, "http://127.0.0.1:8080 (CA certificates"));
    snprintf(program, sizeof program, "  %s/cerca status -c 'my run/cerca.conf'\n", d->path);
    assert_non_null(strstr(text, program));
    assert_non_null(strstr(text, "cerca issue -c 'my run/cerca.conf' --profile tls-server "));
    assert_non_null(strstr(text, " --key-out 'my run/app.key' --out 'my run/app.pem'\n"));
    assert_non_null(strstr(text, "cerca list -c 'my run/cerca.conf'\n"));

    buf_reset(&b);
    hint_text(c, "/usr/sbin/none", "/etc/cerca/cerca.conf", &b);
    text = buf_cstr(&b);
    assert_non_null(strstr(text, "\n  cerca status -c /etc/cerca/cerca.conf\n"));
    assert_non_null(strstr(text, " --key-out /etc/cerca/app.key "));
    buf_free(&b);
    conf_free(c);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        T(each_token_has_a_signer_then_comes_http_and_cerca_ca_last),
        T(without_an_address_for_http_there_is_no_cerca_public),
        T(a_port_that_is_taken_is_left_for_later),
        T(an_operator_with_another_uid_can_reach_the_admin_socket_only),
        T(sockets_live_on_from_one_plan_to_the_next_and_only_dropped_ones_go),
        T(a_program_gets_no_environment_that_it_does_not_need),
        T(the_hint_shows_the_socket_and_commands_with_the_real_program),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
