#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/crl.h"
#include "tools/commands.h"
#include "tools/revoke.h"

#define WORDS_MAX 1024

static bool has_filter(const struct revoke_args *a)
{
    return a->owner || a->profile || a->name || a->issuer || a->requester || a->key ||
           a->issued_from != 0 || a->issued_before != 0;
}

static bool confirmed(const struct tool *t, size_t n)
{
    char line[8] = "";

    if (!isatty(STDIN_FILENO)) {
        tool_say(t, "%zu certificate%s would be revoked: --yes does it, --dry-run lists them", n,
                 n == 1 ? "" : "s");
        return false;
    }
    (void)fprintf(stderr, "Revoke %zu certificate%s? This cannot be undone. [y/N] ", n,
                  n == 1 ? "" : "s");
    return fgets(line, sizeof(line), stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
}

static void say_expired(const struct tool *t, const struct targets *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->item[i].status, "expired") == 0)
            tool_say(t, "%s has expired already; it is revoked all the same", l->item[i].label);
}

static int list_targets(struct tool *t, const struct targets *l)
{
    struct buf out;
    char serial[2 * SERIAL_LEN + 1];
    int rc;

    buf_init(&out, 256 * (l->n + 1));
    for (size_t i = 0; i < l->n; i++) {
        hex_encode(slice_of(l->item[i].serial, SERIAL_LEN), serial);
        buf_printf(&out, "%s %-9s %s\n", serial, l->item[i].status, l->item[i].label);
    }
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

/* What cerca-ca would refuse, as far as is known from here: what is revoked stays so, and of its
 * reason only a lost key may still come out. */
static size_t already(struct targets *l, uint8_t reason)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++) {
        struct target *of = &l->item[i];
        bool held = strcmp(of->status, "held") == 0;

        if (held ? reason != REASON_CERTIFICATE_HOLD
                 : strcmp(of->status, "revoked") != 0 || reason == REASON_KEY_COMPROMISE)
            continue;
        of->outcome.code = FAULT_CONFLICT;
        (void)snprintf(of->outcome.rule, sizeof(of->outcome.rule), "revoke.already");
        (void)snprintf(of->outcome.text, sizeof(of->outcome.text), "The certificate is %s already",
                       held ? "on hold" : "revoked");
        n++;
    }
    return n;
}

static int dry_run(struct tool *t, struct targets *l, uint8_t reason)
{
    size_t refused = already(l, reason);
    size_t n = l->n - refused;
    int rc = t->format == FORMAT_TABLE ? list_targets(t, l) : revoke_print(t, l, l->n, "would be");

    tool_say(t, "%zu certificate%s would be revoked", n, n == 1 ? "" : "s");
    if (refused > 0)
        tool_say(t, "%zu would be refused: revoked, or on hold, already", refused);
    return rc == EXIT_OK && refused > 0 ? EXIT_FAILED : rc;
}

static int find_targets(struct tool *t, const struct revoke_args *a, struct targets *l,
                        struct fault *f)
{
    int rc = targets_by_words(t, l, f);

    if (rc == 0 && a->all_with_key)
        rc = targets_with_keys(t, l, f);
    if (rc == 0 && has_filter(a))
        rc = targets_by_filter(t, a, l, f);
    if (rc == 0 && l->n == 0)
        rc = fault_set(f, FAULT_NOT_FOUND, "revoke.none",
                       "no certificate that could be revoked matches");
    return rc;
}

static int revoke_meant(struct tool *t, const struct revoke_args *a, struct targets *l)
{
    struct revoke_request order = {.invalidity = a->invalidity,
                                   .block_identity = a->block_identity};
    struct fault f = {0};

    if (revoke_reason(a->reason, &order.reason, &f) != 0)
        return tool_usage(t, "%s", f.text);
    if (find_targets(t, a, l, &f) != 0)
        return tool_fail(t, &f);
    if (a->dry_run)
        return dry_run(t, l, order.reason);
    if ((has_filter(a) || a->all_with_key) && !a->yes && !confirmed(t, l->n))
        return EXIT_FAILED;
    say_expired(t, l);
    return revoke_run(t, l, &order, order.reason == REASON_CERTIFICATE_HOLD ? "held" : "revoked");
}

static int run_revoke(struct tool *t, void *args)
{
    const struct revoke_args *a = args;
    struct targets l = {0};
    int rc;

    if (t->n_words == 0 && !has_filter(a))
        return tool_usage(t, "which? A serial, a fingerprint, a certificate file or a filter");
    if (t->n_words > 0 && has_filter(a))
        return tool_usage(t, "either certificates one by one, or a filter");
    if (a->all_with_key && t->n_words == 0)
        return tool_usage(t, "--all-with-key needs a certificate that has the key");
    rc = revoke_meant(t, a, &l);
    targets_free(&l);
    return rc;
}

static int run_words(struct tool *t, const struct revoke_request *order, const char *done)
{
    struct targets l = {0};
    struct fault f = {0};
    int rc = targets_by_words(t, &l, &f) == 0 ? revoke_run(t, &l, order, done) : tool_fail(t, &f);

    targets_free(&l);
    return rc;
}

static int run_hold(struct tool *t, void *args)
{
    struct revoke_request order = {.reason = REASON_CERTIFICATE_HOLD};

    (void)args;
    return run_words(t, &order, "held");
}

static int run_release(struct tool *t, void *args)
{
    struct revoke_request order = {.release = true};

    (void)args;
    return run_words(t, &order, "released");
}

static const struct revoke_args defaults = {.reason = "unspecified"};

#define AT(field) offsetof(struct revoke_args, field)
static const struct opt opts[] = {
    {"reason", OPT_TEXT, AT(reason), "REASON",
     "keyCompromise, superseded, cessationOfOperation ... (default unspecified)", 'r'},
    {"invalidity-date", OPT_TIME, AT(invalidity), "TIME",
     "since when the key is known or suspected to be lost", 0},
    {"all-with-key", OPT_FLAG, AT(all_with_key), NULL,
     "every other certificate with the same key too, open requests included", 0},
    {"block-identity", OPT_FLAG, AT(block_identity), NULL,
     "never issue again for the same profile, subject and names", 0},
    {"owner", OPT_MATCH, AT(owner), "NAME", "all that NAME owns", 0},
    {"profile", OPT_MATCH, AT(profile), "NAME", "all made by this profile", 'p'},
    {"name", OPT_MATCH, AT(name), "NAME", "all with this name; .example.com: all names below", 0},
    {"issuer", OPT_MATCH, AT(issuer), "NAME", "all made by this issuer", 0},
    {"requester", OPT_MATCH, AT(requester), "NAME", "all that NAME asked for", 0},
    {"key", OPT_MATCH, AT(key), "HEX", "all with this key: SHA-256 of the SubjectPublicKeyInfo", 0},
    {"issued-from", OPT_TIME, AT(issued_from), "TIME", "all issued at or after TIME", 0},
    {"issued-before", OPT_TIME, AT(issued_before), "TIME", "all issued before TIME", 0},
    {"dry-run", OPT_FLAG, AT(dry_run), NULL, "list and count them; change nothing", 'n'},
    {"yes", OPT_FLAG, AT(yes), NULL, "do not ask before a filter's matches are revoked", 'y'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_revoke = {
    .name = "revoke",
    .help = "revoke certificates, from this moment on and for ever",
    .arguments = "(SERIAL | FINGERPRINT | FILE)... [options]  or  FILTER... [options]",
    .examples =
        "  cerca revoke web.pem --reason superseded\n"
        "  cerca revoke 4f1d5c0a9b3e77a2c4d8e6f001122334 --reason keyCompromise --all-with-key\n"
        "  cerca revoke --owner alice --dry-run\n",
    .opts = opts,
    .args_size = sizeof(struct revoke_args),
    .defaults = &defaults,
    .min = 0,
    .max = WORDS_MAX,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_revoke,
};

const struct command cmd_hold = {
    .name = "hold",
    .help = "put certificates on hold: revoked until they are released",
    .arguments = "(SERIAL | FINGERPRINT | FILE)...",
    .examples = "  cerca hold laptop.pem\n",
    .min = 1,
    .max = WORDS_MAX,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_hold,
};

const struct command cmd_release = {
    .name = "release",
    .help = "release certificates from hold",
    .arguments = "(SERIAL | FINGERPRINT | FILE)...",
    .examples = "  cerca release laptop.pem\n",
    .min = 1,
    .max = WORDS_MAX,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_release,
};
