/* cerca est enroll, reenroll and serverkeygen. */
#include <string.h>

#include "est/body.h"
#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "tools/commands.h"
#include "client/estenroll.h"
#include "tools/estopts.h"
#include "tools/json.h"
#include "client/signkey.h"

/* ---- what comes of it ---- */

static int write_key(struct enrollment *e, struct fault *f)
{
    struct buf pem;
    int rc = 0;

    buf_init(&pem, 65536);
    if (e->op == EST_SERVERKEYGEN)
        rc = signkey_pem(e->key, &pem, f);
    if (rc == 0 && e->op == EST_SERVERKEYGEN)
        rc = keyfile_write(&e->keyfile, e->args->key_out, e->args->force, buf_slice(&pem), f);
    buf_free(&pem);
    return rc == 0 ? keyfile_keep(&e->keyfile, f) : rc;
}

/* Key before certificate: a service that starts in between finds a pair that fits, or its old one
 * with --force. */
static int write_files(struct enrollment *e, const struct tool *t, struct fault *f)
{
    const char *key = e->keyfile.written != NULL ? e->args->key_out : e->args->use_key;
    int rc = write_key(e, f);

    if (rc != 0 || e->args->out == NULL)
        return rc;
    rc = file_write(e->args->out, 0644, buf_slice(&e->pem), f);
    keyfile_free(&e->keyfile); /* it stays where it is, whatever became of the certificate */
    if (rc != 0 && key != NULL)
        tool_say(t, "it was issued; another for the same key comes with --use-key %s", key);
    return rc;
}

static int check_files(const struct est_enroll_args *a, struct fault *f)
{
    int rc = outfile_check(a->out, f);

    if (rc == 0)
        rc = outfile_check(a->key_out, f);
    return rc == 0 && a->key_out != NULL && !a->force ? keyfile_free_to_write(a->key_out, f) : rc;
}

static int print(struct enrollment *e, struct tool *t, const struct cert *leaf)
{
    char serial[2 * 20 + 1], until[CLOCK_TEXT_SIZE];
    json_t *o;

    hex_encode(leaf->serial, serial);
    if (t->format == FORMAT_JSON) {
        o = json_object();
        json_put(o, "serial", json_text(serial));
        json_put(o, "not_after", json_time(leaf->not_after));
        return json_print(t, o);
    }
    if (e->args->out == NULL)
        return tool_print(t, buf_slice(&e->pem));
    clock_format(leaf->not_after, until);
    tool_say(t, "enrolled %s, valid until %s, written to %s%s%s", serial, until, e->args->out,
             e->args->key_out != NULL ? ", its key to " : "",
             e->args->key_out != NULL ? e->args->key_out : "");
    return EXIT_OK;
}

/* After a refusal nobody has a certificate for a key made here; after anything else somebody
 * might. */
static void settle_key(struct enrollment *e, const struct tool *t, const struct fault *f)
{
    bool refused = f->code == FAULT_POLICY || f->code == FAULT_DENIED ||
                   f->code == FAULT_NOT_FOUND || f->code == FAULT_CONFIG ||
                   f->code == FAULT_CONFLICT || e->est.answer.status == 429;

    if (e->keyfile.written == NULL)
        return;
    if (refused && f->code != FAULT_PENDING)
        keyfile_drop(&e->keyfile);
    else
        tool_say(t,
                 "the key is in %s; to ask again for its certificate put --use-key %s in place "
                 "of --key-out",
                 e->keyfile.written, e->keyfile.written);
}

static int fail(struct enrollment *e, const struct tool *t, const struct fault *f)
{
    settle_key(e, t, f);
    if (f->code != FAULT_PENDING)
        return tool_fail(t, f);
    tool_say(t, "%s", f->text);
    return EXIT_PENDING;
}

static int enroll(struct tool *t, const struct est_enroll_args *a, enum est_op op)
{
    struct enrollment e;
    struct cert leaf;
    struct fault f = {0};
    int rc = enrollment_check(t, a, op);

    if (rc != EXIT_OK)
        return rc;
    enrollment_init(&e, a, op);
    rc = est_tool_open(&e.est, t, &a->est, false, &f);
    if (rc == 0)
        rc = check_files(a, &f);
    if (rc == 0)
        rc = enrollment_ask_wanted(&e, &f);
    if (rc == 0)
        rc = enrollment_prepare(&e, &f);
    if (rc == 0)
        rc = enrollment_send(&e, &f);
    if (rc == 0)
        rc = enrollment_take(&e, &leaf, &f);
    if (rc == 0)
        rc = write_files(&e, t, &f);
    rc = rc == 0 ? print(&e, t, &leaf) : fail(&e, t, &f);
    enrollment_free(&e);
    return rc;
}

static int run_enroll(struct tool *t, void *args)
{
    return enroll(t, args, EST_SIMPLEENROLL);
}

static int run_reenroll(struct tool *t, void *args)
{
    return enroll(t, args, EST_SIMPLEREENROLL);
}

static int run_keygen(struct tool *t, void *args)
{
    return enroll(t, args, EST_SERVERKEYGEN);
}

const struct command cmd_est_enroll = {
    .name = "est enroll",
    .help = "enroll at any EST server: a certificate for a key made here",
    .arguments = "--url URL (--key-out FILE | --use-key FILE | --csr FILE) [options]",
    .examples = "  cerca est enroll --url https://est.example.com:8443 --trust roots.pem "
                "--token-file token --key-out web.key --san dns:web.example.com --out web.pem\n",
    .opts = est_enroll_opts,
    .shared = est_opts,
    .args_size = sizeof(struct est_enroll_args),
    .formats = FORMAT_PEM | FORMAT_JSON,
    .format = FORMAT_PEM,
    .run = run_enroll,
};

const struct command cmd_est_reenroll = {
    .name = "est reenroll",
    .help = "renew a certificate at an EST server, with its key or a new one",
    .arguments = "--url URL --cert FILE --key FILE [--key-out FILE] [options]",
    .examples = "  cerca est reenroll --url https://est.example.com:8443 --trust roots.pem "
                "--cert web.pem --key web.key --key-out web.key --force --out web.pem\n",
    .opts = est_enroll_opts,
    .shared = est_opts,
    .args_size = sizeof(struct est_enroll_args),
    .formats = FORMAT_PEM | FORMAT_JSON,
    .format = FORMAT_PEM,
    .run = run_reenroll,
};

const struct command cmd_est_serverkeygen = {
    .name = "est serverkeygen",
    .help = "get a certificate and a key that the EST server makes",
    .arguments = "--url URL --key-out FILE [options]",
    .examples = "  cerca est serverkeygen --url https://est.example.com:8443 --trust roots.pem "
                "--user meter7 --password-file password --san dns:meter7.example.com "
                "--key-out meter.key --out meter.pem\n",
    .opts = est_keygen_opts,
    .shared = est_opts,
    .args_size = sizeof(struct est_enroll_args),
    .formats = FORMAT_PEM | FORMAT_JSON,
    .format = FORMAT_PEM,
    .run = run_keygen,
};
