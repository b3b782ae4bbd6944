/* cerca-agent check and conf. */
#include <string.h>
#include <unistd.h>

#include "agent/conf/trust.h"
#include "agent/deploy/deploy.h"
#include "agent/keychild.h"
#include "tools/agent_tool.h"

/* ---- check ---- */

static int wrong(const struct tool *t, const struct agent_cert *c, const char *what,
                 const char *which, const char *why)
{
    tool_say(t, "%s: %s %s: %s", c->name, what, which, why);
    return 1;
}

static int check_readable(const struct tool *t, const struct agent_cert *c, const char *what,
                          const char *path)
{
    if (path[0] == '\0' || access(path, R_OK) == 0)
        return 0;
    return wrong(t, c, what, path, "cannot be read");
}

/* One attempt with its PIN, as a renewal makes. */
static int check_token(const struct tool *t, const struct agent_cert *c)
{
    static const char *const all[KEYCHILD_ONLY] = {NULL, NULL};
    struct keychild *k = NULL;
    struct fault f = {0};
    int bad = 0;

    if (!agent_key_in_token(c))
        return 0;
    bad += check_readable(t, c, "module", c->token.module);
    bad += check_readable(t, c, "pin_file", c->token.pin_file);
    if (bad == 0 && keychild_open(c, all, &k, &f) != 0)
        bad += wrong(t, c, "token", c->token.uri, f.text);
    keychild_close(k);
    return bad;
}

/* How the first certificate is got, which nobody needs later. */
static int check_first(const struct tool *t, const struct agent_cert *c)
{
    struct fault f = {0};
    unsigned version;

    if (deploy_current(c, &version, &f) != -FAULT_NOT_FOUND)
        return 0;
    if (deploy_may_begin(c, &f) != 0)
        return wrong(t, c, "files", "take_over", f.text);
    return check_readable(t, c, "token_file", c->token_file);
}

static int check_entry(const struct tool *t, const struct agent_cert *c)
{
    int bad = check_readable(t, c, "trust", c->trust);

    bad += check_readable(t, c, "chain_trust", c->chain_trust);
    bad += check_readable(t, c, "cert", c->cert);
    bad += check_readable(t, c, "cert_key", c->cert_key);
    bad += check_readable(t, c, "password_file", c->password_file);
    for (size_t i = 0; i < c->n_files; i++)
        bad += check_readable(t, c, "password_file", c->files[i].password_file);
    bad += check_token(t, c);
    bad += check_first(t, c);
    return bad;
}

static int check_trust(const struct tool *t, const struct agent_trust *r)
{
    int bad = 0;

    for (size_t i = 0; i < r->n_sources; i++) {
        bad += check_readable(t, &r->as, "issuer", r->sources[i].issuer);
        bad += check_readable(t, &r->as, "trust", r->sources[i].trust);
    }
    return bad;
}

static int check_deploy(const struct tool *t, const struct agent_cert *c)
{
    struct fault f = {0};
    int bad = 0;

    if (deploy_check(c, &f) != 0)
        bad += wrong(t, c, "files", "and services", f.text);
    else if (deploy_commands(c, &f) != 0)
        bad += wrong(t, c, "commands", "of services and hooks", f.text);
    return bad;
}

static int run_check(struct tool *t, void *args)
{
    struct agent_conf *c;
    struct fault f = {0};
    int bad = 0;

    if (agent_tool_load(t, args, &c, &f) != 0)
        return tool_fail(t, &f);
    for (size_t i = 0; i < c->n_bad; i++, bad++)
        (void)tool_fail(t, &c->bad[i].why);
    for (size_t i = 0; i < c->n_certs; i++)
        bad += check_entry(t, &c->certs[i]) + check_deploy(t, &c->certs[i]);
    for (size_t i = 0; i < c->n_trusts; i++)
        bad += check_trust(t, &c->trusts[i]) + check_deploy(t, &c->trusts[i].as);
    if (bad == 0)
        tool_say(t, "%zu entries, nothing is wrong with them", entries_count(c));
    agent_conf_free(c);
    return bad == 0 ? EXIT_OK : EXIT_FAILED;
}

/* ---- conf ---- */

struct conf_args {
    bool manual;
};

static int run_conf(struct tool *t, void *args)
{
    const struct conf_args *a = args;
    bool entry = strcmp(t->words[0], "entry") == 0, trust = strcmp(t->words[0], "trust") == 0;
    struct buf out;
    int rc;

    if (!entry && !trust && strcmp(t->words[0], "agent") != 0)
        return tool_usage(t, "\"%s\" should be agent, entry or trust", t->words[0]);
    buf_init(&out, 1 << 20);
    if (trust && a->manual)
        agent_trust_manual(&out);
    else if (trust)
        agent_trust_example(&out);
    else if (a->manual)
        agent_conf_manual(entry, &out);
    else
        agent_conf_example(entry, &out);
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

static const struct opt conf_opts[] = {
    {"manual", OPT_FLAG, offsetof(struct conf_args, manual), NULL,
     "the list of keys of cerca-agent.conf(5) as mdoc", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_agent_check = {
    .name = "check",
    .help = "check the configuration and what it names; says what is wrong",
    .arguments = "[options]",
    .examples = "  cerca-agent check\n",
    .shared = agent_opts,
    .args_size = sizeof(struct agent_args),
    .run = run_check,
};

const struct command cmd_agent_conf = {
    .name = "conf",
    .help = "print a commented agent.conf, entry or file of trust.d with every key",
    .arguments = "(agent | entry | trust) [options]",
    .examples = "  cerca-agent conf entry > /etc/cerca-agent/conf.d/web.conf\n",
    .opts = conf_opts,
    .args_size = sizeof(struct conf_args),
    .min = 1,
    .max = 1,
    .run = run_conf,
};
