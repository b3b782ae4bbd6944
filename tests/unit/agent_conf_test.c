/* The agent's files: what is read, refused and filled in; maintenance windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/conf/conf.h"
#include "agent/conf/trust.h"
#include "agent/conf/window.h"
#include "lib/clock.h"
#include "lib/file.h"

static char dir[] = "/tmp/agent-conf-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[256];
    struct fault f;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(file_write(path, 0644, slice_str(text), &f), 0);
}

static struct agent_conf *load(void)
{
    struct agent_conf *c;
    struct fault f = {0};

    if (agent_conf_load(dir, "/state", &c, &f) != 0)
        fail_msg("%s: %s", f.rule, f.text);
    return c;
}

static int set_up(void **state)
{
    char path[64];

    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/conf.d", dir);
    return mkdir(path, 0700);
}

static int tear_down(void **state)
{
    char command[96];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

static void the_examples_are_whole(void **state)
{
    struct buf agent, entry;
    struct agent_conf *c;
    const struct agent_cert *web;

    (void)state;
    buf_init(&agent, 1 << 20);
    buf_init(&entry, 1 << 20);
    agent_conf_example(false, &agent);
    agent_conf_example(true, &entry);
    put("agent.conf", buf_cstr(&agent));
    put("conf.d/web.conf", buf_cstr(&entry));
    c = load();
    assert_int_equal(c->n_bad, 0);
    assert_int_equal(c->n_certs, 1);
    web = agent_conf_cert(c, "web");
    assert_non_null(web);
    assert_string_equal(web->state_dir, "/state/web");
    assert_string_equal(web->url, "https://ca.example.com:8443");
    assert_string_equal(web->trust, "/etc/cerca-agent/ca.pem");
    assert_string_equal(web->chain_trust, web->trust);
    assert_int_equal(web->n_files, 2);
    assert_int_equal(web->files[1].format, AGENT_FULLCHAIN);
    assert_int_equal(web->n_services, 1);
    assert_int_equal(web->renew_at, 66);
    assert_null(agent_conf_cert(c, "other"));
    agent_conf_free(c);
    buf_free(&agent);
    buf_free(&entry);
}

static void files_made_from_the_tables_are_up_to_date(void **state)
{
    static const struct {
        const char *file;
        bool entry, manual;
        void (*trust)(struct buf *out);
    } made[] = {{"conf/agent.conf.example", false, false, NULL},
                {"conf/agent-entry.conf.example", true, false, NULL},
                {"conf/agent-trust.conf.example", true, false, agent_trust_example},
                {"man/cerca-agent.conf.5", false, true, NULL},
                {"man/cerca-agent.conf.5", true, true, NULL},
                {"man/cerca-agent.conf.5", true, true, agent_trust_manual}};

    (void)state;
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        struct buf text, file = {0};
        struct fault f;

        buf_init(&text, 1 << 20);
        if (made[i].trust != NULL)
            made[i].trust(&text);
        else if (made[i].manual)
            agent_conf_manual(made[i].entry, &text);
        else
            agent_conf_example(made[i].entry, &text);
        assert_int_equal(file_read(made[i].file, 1 << 20, &file, &f), 0);
        if (strstr(buf_cstr(&file), buf_cstr(&text)) == NULL)
            fail_msg("%s differs from the table: cerca-agent conf", made[i].file);
        buf_free(&text);
        buf_free(&file);
    }
}

#define GOOD                                                                                       \
    "certificate = { url = \"https://a\"; names = ( \"dns:a.example\" ); token_file = \"t\"; };\n"

static void each_mistake_is_named_and_the_others_go_on(void **state)
{
    static const struct {
        const char *text, *rule, *says;
    } bad[] = {
        {"certificate = { url = \"https://a\"; names = ( \"dns:a.example\" ); };", "conf.missing",
         "token_file"},
        {"certificate = { url = \"http://a\"; };", "conf.value", "https://"},
        {"certificate = { names = ( \"dns:a.example\" ); token_file = \"t\"; };", "conf.missing",
         "url"},
        {"certificate = { url = \"https://a\"; names = ( \"dns:-\" ); token_file = \"t\"; };",
         "conf.value", "names"},
        {"certificate = { url = \"https://a\"; names = ( \"dns:a\" ); token_file = \"t\"; "
         "user = \"u\"; password_file = \"p\"; };",
         "conf.missing", "exclude"},
        {"certificate = { url = \"https://a\"; names = ( \"dns:a\" ); token_file = \"t\"; "
         "windows = ( \"sun 2-4\" ); };",
         "conf.value", "window"},
        {GOOD "files = ( { path = \"../x\"; format = \"key\"; } );", "conf.value", "absolute"},
        {GOOD "files = ( { path = \"/a/../b\"; format = \"key\"; } );", "conf.value", "absolute"},
        {GOOD "files = ( { path = \"x.p12\"; format = \"pkcs12\"; } );", "conf.missing",
         "password_file"},
        {GOOD "files = ( { path = \"x\"; format = \"key\"; mode = \"4755\"; } );", "conf.value",
         "0777"},
        {GOOD
         "files = ( { path = \"x\"; format = \"key\"; }, { path = \"x\"; format = \"cert\"; } );",
         "conf.duplicate", "already"},
        {GOOD "hook = { };", "conf.unknown", "hooks"},
        {GOOD "services = ( { name = \"s\"; reload = \"x\"; } );", "conf.type", "list"},
    };

    (void)state;
    put("agent.conf", "");
    put("conf.d/web.conf", GOOD);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct agent_conf *c;

        put("conf.d/bad.conf", bad[i].text);
        c = load();
        assert_int_equal(c->n_certs, 1);
        assert_int_equal(c->n_bad, 1);
        assert_string_equal(c->bad[0].name, "bad");
        if (strcmp(c->bad[0].why.rule, bad[i].rule) != 0 ||
            strstr(c->bad[0].why.text, bad[i].says) == NULL)
            fail_msg("case %zu: %s: %s", i, c->bad[0].why.rule, c->bad[0].why.text);
        agent_conf_free(c);
    }
    put("conf.d/bad.conf", GOOD);
}

static void a_file_that_others_may_write_is_refused(void **state)
{
    struct agent_conf *c;
    struct fault f;
    char path[256];

    (void)state;
    put("agent.conf", "");
    put("conf.d/web.conf", GOOD);
    (void)snprintf(path, sizeof(path), "%s/conf.d/web.conf", dir);
    assert_int_equal(chmod(path, 0622), 0);
    c = load();
    assert_int_equal(c->n_bad, 1);
    assert_string_equal(c->bad[0].why.rule, "agent.files");
    agent_conf_free(c);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(chmod(dir, 0777), 0);
    assert_int_not_equal(agent_conf_load(dir, "/state", &c, &f), 0);
    assert_string_equal(f.rule, "agent.files");
    assert_int_equal(chmod(dir, 0700), 0);
}

static void commands_keep_what_is_there_twice(void **state)
{
    struct agent_conf *c;

    (void)state;
    put("conf.d/web.conf",
        GOOD "hooks = { after = ( \"/bin/x\", \"-a\", \"1\", \"-b\", \"1\" ); };");
    c = load();
    assert_int_equal(c->certs[c->n_certs - 1].n_after, 5);
    assert_string_equal(c->certs[c->n_certs - 1].after[4], "1");
    agent_conf_free(c);
}

static void opens(const char *window, const char *at, const char *wanted)
{
    struct window w;
    struct fault f;
    int64_t t;
    char got[CLOCK_TEXT_SIZE];

    assert_int_equal(window_parse(window, &w, &f), 0);
    assert_int_equal(clock_parse(at, &t), 0);
    clock_format(window_next(&w, 1, t), got);
    assert_string_equal(got, wanted);
}

/* 2026-11-21 is a Saturday. */
static void windows_open_when_they_say(void **state)
{
    static const char *const bad[] = {"",          "sat",         "sat 2:00-4:00", "25:00-26:00",
                                      "sat 02:00", "02:00-02:00", "mon-x 1:00-2",  "24:00-01:00"};
    struct window w, two[2];
    struct fault f;

    (void)state;
    opens("sat 02:00-04:00", "2026-11-21T01:00:00Z", "2026-11-21T02:00:00Z");
    opens("sat 02:00-04:00", "2026-11-21T03:59:59Z", "2026-11-21T03:59:59Z");
    opens("sat 02:00-04:00", "2026-11-21T04:00:00Z", "2026-11-28T02:00:00Z");
    opens("02:00-04:00", "2026-11-21T04:00:00Z", "2026-11-22T02:00:00Z");
    opens("mon-fri 22:00-04:00", "2026-11-21T03:00:00Z", "2026-11-21T03:00:00Z");
    opens("mon-fri 22:00-04:00", "2026-11-21T04:00:00Z", "2026-11-23T22:00:00Z");
    opens("sun-mon 00:00-24:00", "2026-11-21T23:59:59Z", "2026-11-22T00:00:00Z");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_not_equal(window_parse(bad[i], &w, &f), 0);
    assert_int_equal(window_parse("sun 01:00-02:00", &two[0], &f), 0);
    assert_int_equal(window_parse("sat 05:00-06:00", &two[1], &f), 0);
    assert_int_equal(window_next(two, 2, 1795219200), 1795219200 + 5 * 3600);
    assert_int_equal(window_next(two, 0, 77), 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_are_whole),
        cmocka_unit_test(files_made_from_the_tables_are_up_to_date),
        cmocka_unit_test(each_mistake_is_named_and_the_others_go_on),
        cmocka_unit_test(a_file_that_others_may_write_is_refused),
        cmocka_unit_test(commands_keep_what_is_there_twice),
        cmocka_unit_test(windows_open_when_they_say),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
