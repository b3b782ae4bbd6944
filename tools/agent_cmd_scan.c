/* cerca-agent scan: certificates that lie about on this host. */
#include <string.h>

#include "agent/found.h"
#include "lib/anycert.h"
#include "lib/cert.h"
#include "tools/agent_tool.h"
#include "tools/certjson.h"
#include "tools/rows.h"

#define WORDS_MAX 64

struct scan_args {
    const char *password_file;
};

static const struct column columns[] = {
    {"FILE", "file", 36, COLUMN_ALWAYS, NULL},
    {"VALID UNTIL", "not_after", 21, COLUMN_ALWAYS, NULL},
    {"SUBJECT", "subject", 0, COLUMN_ALWAYS, NULL},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {"file",       "line",      "subject", "sans",   "issuer",
                                   "not_before", "not_after", "key",     "sha256", NULL};
static const struct sheet sheet = {columns, keys};

struct showing {
    struct tool *tool;
    struct rows rows;
    size_t refused;
};

static int show(void *arg, const struct found *one, struct fault *f)
{
    struct showing *s = arg;
    struct anycert_key key;
    struct anycert c;
    uint8_t hash[32];
    json_t *o;
    int rc;

    if (one->der.n == 0) {
        s->refused++;
        tool_say(s->tool, "%s: %s", one->path, one->why);
        return 0;
    }
    rc = anycert_parse(one->der, &c, f);
    if (rc != 0)
        return rc;
    anycert_key(c.spki, &key);
    cert_fingerprint(one->der, hash);
    o = json_object();
    json_put(o, "file", json_text(one->path));
    json_put(o, "line", one->line > 0 ? json_number(one->line) : json_null());
    json_put(o, "subject", cert_name_json(c.subject));
    json_put(o, "sans", cert_names_json(&c.sans));
    json_put(o, "issuer", cert_name_json(c.issuer));
    json_put(o, "not_before", json_time(c.not_before));
    json_put(o, "not_after", json_time(c.not_after));
    json_put(o, "key", json_text(key.name));
    json_put(o, "sha256", json_hex(hash, sizeof(hash)));
    if (rows_add(&s->rows, o) != EXIT_OK)
        return fault_set(f, FAULT_INTERNAL, "found.output", "what was found cannot be printed");
    return 0;
}

static int look_at_all(struct tool *t, const struct scan_args *a, struct showing *s)
{
    bool failed = false;
    int rc;

    for (int i = 0; i < t->n_words; i++) {
        struct fault f = {0};

        if (found_look(t->words[i], a->password_file, NULL, show, s, &f) != 0) {
            failed = true;
            (void)tool_fail(t, &f);
        }
    }
    rc = rows_end(&s->rows);
    if (s->refused > 0)
        tool_say(t, "%zu could not be read", s->refused);
    return rc == EXIT_OK && failed ? EXIT_FAILED : rc;
}

static int run(struct tool *t, void *args)
{
    const struct scan_args *a = args;
    struct showing s = {.tool = t};

    rows_begin(&s.rows, t, &sheet);
    return look_at_all(t, a, &s);
}

static const struct opt opts[] = {
    {"password-file", OPT_TEXT, offsetof(struct scan_args, password_file), "FILE",
     "of PKCS#12 files, in its first line", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_agent_scan = {
    .name = "scan",
    .help = "certificates that lie in folders and files of this host; keys are passed over",
    .arguments = "(FOLDER | FILE)... [options]",
    .examples = "  cerca-agent scan /etc/ssl /srv\n"
                "  cerca-agent scan keystore.p12 --password-file secret -o json\n",
    .opts = opts,
    .args_size = sizeof(struct scan_args),
    .min = 1,
    .max = WORDS_MAX,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run,
};
