/* Configurations, by the first octet: cerca.conf; an agent's entry of conf.d; one of trust.d;
 * agent.conf. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "agent/conf/trust.h"
#include "lib/conf.h"
#include "tests/fuzz/fuzz.h"

#define PATH "/data/ca/cerca.conf"
#define ROOM ((size_t)8 << 20)

static struct agent_conf *agent;

/* A refusal is about a line, or about what the texts together mean. */
static void check_cerca(const char *text)
{
    struct conf *c = NULL;
    struct fault f;
    struct buf out;
    json_t *json;
    int rc = conf_load_text(text, PATH, &c, &f);

    if (rc != 0) {
        fuzz_refused(rc, &f);
        FUZZ_CHECK(c == NULL && strncmp(f.text, PATH ":", strlen(PATH ":")) == 0);
        return;
    }
    buf_init(&out, ROOM);
    conf_print(c, &out);
    buf_reset(&out);
    conf_print_json(c, &out);
    json = json_loadb((const char *)out.p, out.n, 0, NULL);
    FUZZ_CHECK(json != NULL);
    json_decref(json);
    buf_free(&out);
    conf_free(c);
}

static void check_entry(const char *text)
{
    struct agent_cert c;
    struct fault f;
    int rc = agent_conf_read_cert(agent, "web", text, &c, &f);

    if (rc != 0)
        fuzz_refused(rc, &f);
    agent_cert_free(&c);
}

static void check_trust(const char *text)
{
    struct agent_trust t;
    struct fault f;
    int rc = agent_conf_read_trust(agent, "crls", text, &t, &f);

    if (rc != 0)
        fuzz_refused(rc, &f);
    agent_trust_free(&t);
}

static void check_agent(struct slice in)
{
    struct agent_conf *c = NULL;
    struct fault f;
    int rc;

    (void)fuzz_file("agent.conf", in);
    rc = agent_conf_load(fuzz_folder(), NULL, &c, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    agent_conf_free(c);
}

static void begin(void)
{
    struct fault f;

    FUZZ_CHECK(agent_conf_load(fuzz_folder(), NULL, &agent, &f) == 0);
}

static void run(struct slice in)
{
    unsigned what = fuzz_octet(&in) % 4;
    char *text = fuzz_text(in);

    if (what == 0)
        check_cerca(text);
    else if (what == 1)
        check_entry(text);
    else if (what == 2)
        check_trust(text);
    else
        check_agent(in);
    free(text);
}

const struct fuzz_target fuzz_target = {.form = FUZZ_OCTETS, .begin = begin, .run = run};
