/* cerca-agent add and remove: files of conf.d, written and taken away. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/daemon.h"
#include "agent/deploy/deploy.h"
#include "agent/report.h"
#include "lib/conf.h"
#include "lib/file.h"
#include "tools/agent_tool.h"

struct add_args {
    struct agent_args agent;
    const char *url, *label, *trust, *key_type, *subject;
    const char *token, *module, *pin_file;
    const char *token_file, *cert, *cert_key, *user, *password_file;
    struct texts names, files, recipes, probes, windows;
    bool take_over, reuse_key, now;
};

/* ---- the text ---- */

static void put_quoted(const char *text, struct buf *out)
{
    buf_put_u8(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            buf_put_u8(out, '\\');
        buf_put_u8(out, (uint8_t)*text);
    }
    buf_put_u8(out, '"');
}

static void put_text(const char *key, const char *text, struct buf *out)
{
    if (text == NULL)
        return;
    buf_printf(out, "    %s = ", key);
    put_quoted(text, out);
    buf_put_str(out, ";\n");
}

/* A file that is named from where the command was called. */
static void put_path(const char *key, const char *path, struct buf *out)
{
    char full[PATH_MAX];

    put_text(key, path != NULL && realpath(path, full) != NULL ? full : path, out);
}

static void put_list(const char *key, const struct texts *list, struct buf *out)
{
    if (list->n == 0)
        return;
    buf_printf(out, "    %s = ( ", key);
    for (size_t i = 0; i < list->n; i++) {
        buf_put_str(out, i > 0 ? ", " : "");
        put_quoted(list->item[i], out);
    }
    buf_put_str(out, " );\n");
}

static void put_certificate(const struct add_args *a, struct buf *out)
{
    buf_put_str(out, "certificate = {\n");
    put_text("url", a->url, out);
    put_text("label", a->label, out);
    put_path("trust", a->trust, out);
    put_list("names", &a->names, out);
    put_text("subject", a->subject, out);
    put_text("key_type", a->key_type, out);
    put_path("token_file", a->token_file, out);
    put_path("cert", a->cert, out);
    put_path("cert_key", a->cert_key, out);
    put_text("user", a->user, out);
    put_path("password_file", a->password_file, out);
    put_list("windows", &a->windows, out);
    buf_put_str(out, a->take_over ? "    take_over = true;\n" : "");
    buf_put_str(out, a->reuse_key ? "    reuse_key = true;\n" : "");
    buf_put_str(out, "};\n");
}

/* What a module needs besides is written into the file by hand. */
static void put_key(const struct add_args *a, struct buf *out)
{
    if (a->token == NULL && a->module == NULL && a->pin_file == NULL)
        return;
    buf_put_str(out, "key = {\n");
    put_text("token", a->token, out);
    put_path("module", a->module, out);
    put_path("pin_file", a->pin_file, out);
    buf_put_str(out, "};\n");
}

/* FORMAT=PATH */
static int put_files(const struct tool *t, const struct texts *files, struct buf *out)
{
    if (files->n == 0)
        return EXIT_OK;
    buf_put_str(out, "files = (\n");
    for (size_t i = 0; i < files->n; i++) {
        const char *equals = strchr(files->item[i], '=');

        if (equals == NULL)
            return tool_usage(t,
                              "--file: \"%s\" should be FORMAT=PATH, such as key=/etc/ssl/web.key",
                              files->item[i]);
        buf_put_str(out, "    { path = ");
        put_quoted(equals + 1, out);
        buf_printf(out, "; format = \"%.*s\"; }%s\n", (int)(equals - files->item[i]),
                   files->item[i], i + 1 < files->n ? "," : "");
    }
    buf_put_str(out, ");\n");
    return EXIT_OK;
}

/* --probe is of the last --recipe in front of it: here, of the only one. */
static int put_services(const struct tool *t, const struct add_args *a, struct buf *out)
{
    if (a->probes.n > 0 && a->recipes.n != 1)
        return tool_usage(t,
                          "--probe belongs to one --recipe (cerca-agent recipes lists them); for "
                          "another server, or several, add without it and write \"services\" into "
                          "conf.d/%.64s.conf (cerca-agent conf entry shows how)",
                          t->words[0]);
    if (a->recipes.n == 0)
        return EXIT_OK;
    buf_put_str(out, "services = (\n");
    for (size_t i = 0; i < a->recipes.n; i++) {
        buf_put_str(out, "  {\n");
        put_text("name", a->recipes.item[i], out);
        put_text("recipe", a->recipes.item[i], out);
        put_list("probes", &a->probes, out);
        buf_printf(out, "  }%s\n", i + 1 < a->recipes.n ? "," : "");
    }
    buf_put_str(out, ");\n");
    return EXIT_OK;
}

/* ---- add ---- */

static int write_entry(const struct agent_conf *c, const struct agent_cert *e, struct slice text,
                       struct fault *f)
{
    char folder[PATH_MAX];

    if (access(e->path, F_OK) == 0)
        return fault_set(f, FAULT_CONFLICT, "agent.entry", "%.150s is there already", e->path);
    (void)snprintf(folder, sizeof(folder), "%.4000s/conf.d", c->dir);
    if (mkdir(folder, 0755) != 0 && errno != EEXIST)
        return fault_set(f, FAULT_INTERNAL, "agent.files", "%.150s: %s", folder, strerror(errno));
    return file_write(e->path, 0644, text, f);
}

static int begin_now(struct tool *t, const struct agent_conf *c, const struct agent_cert *e)
{
    /* What is kept of an entry that was removed may wait for long. */
    const struct work_order order = {.timeout = c->timeout, .look = true};
    struct fault f = {0};
    struct record r;
    enum work_result result = work_on(e, &order, &r, &f);

    return agent_tool_result(t, e, result, &r, &f);
}

static int add(struct tool *t, const struct add_args *a, const struct agent_conf *c,
               struct buf *text)
{
    struct agent_cert e;
    struct fault f = {0};
    int rc;

    put_certificate(a, text);
    put_key(a, text);
    rc = put_files(t, &a->files, text);
    if (rc == EXIT_OK)
        rc = put_services(t, a, text);
    if (rc != EXIT_OK)
        return rc;
    if (agent_conf_read_cert(c, t->words[0], buf_cstr(text), &e, &f) != 0)
        return tool_fail(t, &f);
    if (agent_conf_paths_free(c, &e, &f) != 0 || write_entry(c, &e, buf_slice(text), &f) != 0)
        rc = tool_fail(t, &f);
    else if (a->now)
        rc = begin_now(t, c, &e);
    else
        tool_say(t, "written to %s", e.path);
    agent_cert_free(&e);
    return rc;
}

static int run_add(struct tool *t, void *args)
{
    const struct add_args *a = args;
    struct agent_conf *c;
    struct fault f = {0};
    struct buf text;
    int rc;

    if (agent_tool_load(t, &a->agent, &c, &f) != 0)
        return tool_fail(t, &f);
    buf_init(&text, CONF_MAX);
    rc = add(t, a, c, &text);
    buf_free(&text);
    agent_conf_free(c);
    return rc;
}

#define AT(field) offsetof(struct add_args, field)
static const struct opt add_opts[] = {
    {"url", OPT_TEXT, AT(url), "URL", "the EST server; else that of agent.conf", 0},
    {"label", OPT_TEXT, AT(label), "NAME", "which of its CAs or profiles", 0},
    {"trust", OPT_TEXT, AT(trust), "FILE", "PEM: whom to trust as server; else as agent.conf", 0},
    {"san", OPT_TEXTS, AT(names), "NAME", "dns:, ip:, email: or uri: and a name; may be repeated",
     0},
    {"subject", OPT_TEXT, AT(subject), "NAME", "such as \"CN=web,O=Example\"", 0},
    {"key-type", OPT_TEXT, AT(key_type), "TYPE", "of the keys that are made; p256 unless given", 0},
    {"reuse-key", OPT_FLAG, AT(reuse_key), NULL, "renewals keep the key", 0},
    {"key-token", OPT_TEXT, AT(token), "URI",
     "keys are made in this token or TPM, such as pkcs11:token=host, and stay there", 0},
    {"key-module", OPT_TEXT, AT(module), "FILE", "its PKCS#11 module", 0},
    {"key-pin-file", OPT_TEXT, AT(pin_file), "FILE", "its user PIN", 0},
    {"token-file", OPT_TEXT, AT(token_file), "FILE", "a token for the first certificate", 0},
    {"cert", OPT_TEXT, AT(cert), "FILE", "... or a certificate that the server knows", 0},
    {"cert-key", OPT_TEXT, AT(cert_key), "FILE", "its private key", 0},
    {"user", OPT_TEXT, AT(user), "NAME", "... or a user", 0},
    {"password-file", OPT_TEXT, AT(password_file), "FILE", "that user's password", 0},
    {"take-over", OPT_FLAG, AT(take_over), NULL, "... or the files that are there already", 0},
    {"file", OPT_TEXTS, AT(files), "FORMAT=PATH",
     "key, cert, chain, fullchain, combined, key-uri or ca, and where; may be repeated", 0},
    {"recipe", OPT_TEXTS, AT(recipes), "NAME", "a service that uses them; may be repeated", 0},
    {"probe", OPT_TEXTS, AT(probes), "ADDRESS",
     "where it is looked at: \"127.0.0.1:443 sni=web.example.com\"", 0},
    {"window", OPT_TEXTS, AT(windows), "TIMES", "when services may be touched, UTC", 0},
    {"now", OPT_FLAG, AT(now), NULL, "begin at once, and wait for what comes of it", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

/* ---- remove ---- */

struct remove_args {
    struct agent_args agent;
    bool quiet;
};

/* Whoever adds it again wants links in the place of the files that stay. */
static int forget_files(const struct agent_cert *e, struct fault *f)
{
    struct record r;
    int rc = record_load(e, &r, f);

    if (rc != 0 || r.version == 0)
        return rc;
    (void)snprintf(r.files, sizeof(r.files), "given up");
    return record_save(e, &r, f);
}

static int give_up(struct tool *t, const struct agent_conf *c, const struct agent_cert *e,
                   bool quiet, struct fault *f)
{
    struct fault told = {0};
    int rc, lock = work_lock(e, f);

    if (lock < 0)
        return lock;
    if (c->report && !quiet && report_removed(c, e->name, &told) != 0)
        tool_say(t, "the CA was not told: %s", told.text);
    rc = deploy_release(e, f);
    if (rc == 0)
        rc = forget_files(e, f);
    if (rc == 0 && unlink(e->path) != 0)
        rc = fault_set(f, FAULT_INTERNAL, "agent.files", "%.150s: %s", e->path, strerror(errno));
    (void)close(lock);
    return rc;
}

static int run_remove(struct tool *t, void *args)
{
    const struct remove_args *a = args;
    struct entry e;
    struct agent_conf *c;
    struct fault f = {0};
    int rc;

    if (agent_tool_load(t, &a->agent, &c, &f) != 0)
        return tool_fail(t, &f);
    rc = agent_tool_entry(t, c, &e, &f);
    if (rc == 0)
        rc = give_up(t, c, e.as, a->quiet, &f);
    if (rc == 0)
        tool_say(t, "%s is looked after no more; its files stay%s, what the agent kept is in %s",
                 e.as->name, agent_key_in_token(e.as) ? " and its keys stay in the token" : "",
                 e.as->state_dir);
    agent_conf_free(c);
    return rc == 0 ? EXIT_OK : tool_fail(t, &f);
}

static const struct opt remove_opts[] = {
    {"quiet", OPT_FLAG, offsetof(struct remove_args, quiet), NULL, "the CA is not told", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_agent_add = {
    .name = "add",
    .help = "write an entry: a certificate that is to be kept",
    .arguments =
        "NAME (--token-file FILE | --cert FILE --cert-key FILE | --user NAME | --take-over) "
        "[options]",
    .examples = "  cerca-agent add web --san dns:web.example.com --token-file token --file "
                "key=/etc/ssl/private/web.key --file fullchain=/etc/ssl/certs/web.pem --recipe "
                "nginx --now\n",
    .opts = add_opts,
    .shared = agent_opts,
    .args_size = sizeof(struct add_args),
    .min = 1,
    .max = 1,
    .run = run_add,
};

const struct command cmd_agent_remove = {
    .name = "remove",
    .help = "look after an entry no more; its files stay as they are",
    .arguments = "NAME [options]",
    .examples = "  cerca-agent remove web\n",
    .opts = remove_opts,
    .shared = agent_opts,
    .args_size = sizeof(struct remove_args),
    .min = 1,
    .max = 1,
    .run = run_remove,
};
