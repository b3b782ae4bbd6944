#include <string.h>

#include "lib/cert.h"
#include "lib/crl.h"
#include "lib/csr.h"
#include "lib/step.h"
#include "tools/commands.h"
#include "tools/find.h"
#include "tools/request.h"
#include "tools/revoke.h"
#include "lib/text.h"

#define NAMES_MAX 65536 /* octets of all names of one certificate */

struct renew_args {
    struct request_args request;
    const char *revoke;
};

struct renewal {
    struct job job;
    struct buf names; /* copies: what an answer holds is gone with the next call */
    struct revoke_request order;
    struct targets old; /* to be revoked; empty unless --revoke */
};

static int keep_names(struct renewal *r, const struct san_list *sans, struct fault *f)
{
    int rc = 0;

    /* All at once, so that the copies do not move while the list points at them. */
    buf_init(&r->names, NAMES_MAX);
    for (size_t i = 0; i < sans->n; i++)
        buf_put_slice(&r->names, sans->item[i].value);
    if (buf_failed(&r->names))
        return fault_set(f, FAULT_TOO_LARGE, "san.size", "the names are too long");
    for (size_t i = 0, at = 0; rc == 0 && i < sans->n; i++) {
        struct san san = sans->item[i];

        san.value = slice_of(r->names.p + at, san.value.n);
        at += san.value.n;
        rc = san_list_add(&r->job.request.sans, &san, f);
    }
    return rc;
}

/* The old subject: as it is in a CSR made here, as text beside a CSR from elsewhere. */
static int keep_subject(struct renewal *r, struct slice subject, struct fault *f)
{
    struct buf text;
    int rc;

    if (r->job.args->csr == NULL || name_empty(subject)) {
        buf_put_slice(&r->job.subject, subject);
        return 0;
    }
    buf_init(&text, NAMES_MAX);
    name_print(subject, &text);
    rc = tool_field(r->job.request.subject, sizeof(r->job.request.subject), "the subject",
                    buf_cstr(&text), f);
    buf_free(&text);
    return rc;
}

static int keep(struct renewal *r, const struct shown *old, struct fault *f)
{
    struct issue_request *q = &r->job.request;
    struct cert c;
    int rc;

    if (old->certificate.n == 0)
        return fault_set(f, FAULT_CONFLICT, "renew.open", "that certificate was never finished");
    rc = cert_parse(old->certificate, &c, f);
    if (rc == 0)
        rc = keep_names(r, &c.sans, f);
    if (rc == 0)
        rc = keep_subject(r, c.subject, f);
    if (rc == 0)
        rc = tool_field(q->profile, sizeof(q->profile), "the profile", old->info.profile, f);
    if (rc == 0)
        rc = tool_field(q->owner, sizeof(q->owner), "the owner", old->info.owner, f);
    q->has_replaces = true;
    memcpy(q->replaces, old->info.serial, sizeof(q->replaces));
    return rc;
}

static void say_which(const struct tool *t, const struct found *found)
{
    char serial[2 * SERIAL_LEN + 1];

    if (found->n == 1 && !found->more)
        return;
    hex_encode(slice_of(found->best.info.serial, SERIAL_LEN), serial);
    tool_say(t, "%u%s certificates match; renewing %s, %s", found->n, found->more ? " or more" : "",
             serial,
             strcmp(found->best.info.status, "valid") == 0 ? "the newest valid one"
                                                           : "the newest one");
}

/* A lost key must not come back with the successor: it is blocked from then on. */
static void bar_key(struct renewal *r, const struct shown *old)
{
    struct cert c;
    struct fault ignored;

    if ((r->order.reason != REASON_KEY_COMPROMISE && r->order.reason != REASON_CA_COMPROMISE) ||
        cert_parse(old->certificate, &c, &ignored) != 0)
        return;
    spki_hash(&c.key, r->job.lost_key);
    r->job.has_lost_key = true;
}

static int find_old(struct renewal *r, struct tool *t, bool revoke, struct fault *f)
{
    char serial[2 * SERIAL_LEN + 1];
    struct found found;
    int rc = find_shown(t, t->words[0], &found, f);

    if (rc == 0)
        rc = find_is_ours(&found, f);
    if (rc != 0)
        return rc;
    say_which(t, &found);
    rc = keep(r, &found.best, f);
    if (rc != 0 || !revoke)
        return rc;
    bar_key(r, &found.best);
    hex_encode(slice_of(r->job.request.replaces, SERIAL_LEN), serial);
    return targets_by_word(t, serial, &r->old, f);
}

/* Both are valid now. Whatever happens here, the successor stays, and this step can be repeated. */
static int revoke_old(struct renewal *r, struct tool *t, const char *reason)
{
    const struct revoke_outcome *o = &r->old.item[0].outcome;
    char serial[2 * SERIAL_LEN + 1];
    struct fault f = {0};
    size_t reached;
    int rc;

    STEP("renew.released");
    hex_encode(slice_of(r->old.item[0].serial, SERIAL_LEN), serial);
    rc = revoke_all(t, &r->old, &r->order, &reached, &f);
    if (rc == 0 && o->code != FAULT_NONE && strcmp(o->rule, "revoke.already") != 0)
        rc = fault_set(&f, (enum fault_code)o->code, o->rule, "%s", o->text);
    if (rc == -FAULT_PENDING) { /* the successor's JSON was printed already */
        tool_say(t, "what it replaces is revoked then: %s", f.text);
        return EXIT_PENDING;
    }
    if (rc != 0) {
        tool_say(t,
                 "the successor is issued, but what it replaces is not revoked: cerca revoke %s "
                 "--reason %s",
                 serial, reason);
        return tool_fail(t, &f);
    }
    tool_say(t, "%s, which it replaces, is %s%s", serial,
             r->order.reason == REASON_CERTIFICATE_HOLD ? "on hold" : "revoked",
             o->code != FAULT_NONE ? " already" : "");
    return EXIT_OK;
}

static int run_renew(struct tool *t, void *args)
{
    const struct renew_args *a = args;
    struct renewal r = {.names = {0}};
    struct fault f = {0};
    int rc = job_begin(&r.job, t, &a->request);

    if (rc == EXIT_OK && a->revoke != NULL && revoke_reason(a->revoke, &r.order.reason, &f) != 0)
        rc = tool_usage(t, "%s", f.text);
    if (rc == EXIT_OK && find_old(&r, t, a->revoke != NULL, &f) != 0)
        rc = tool_fail(t, &f);
    if (rc == EXIT_OK)
        rc = job_run(&r.job, t);
    if (rc == EXIT_OK && a->revoke != NULL && !a->request.dry_run)
        rc = revoke_old(&r, t, a->revoke);
    job_free(&r.job);
    targets_free(&r.old);
    buf_free(&r.names);
    return rc;
}

static const struct opt opts[] = {
    {"revoke", OPT_TEXT, offsetof(struct renew_args, revoke), "REASON",
     "then revoke what is renewed: keyCompromise, superseded ...", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

static const struct renew_args defaults = {.request = REQUEST_DEFAULTS};

const struct command cmd_renew = {
    .name = "renew",
    .help = "issue the successor of a certificate: same names, profile and owner",
    .arguments =
        "(SERIAL | FINGERPRINT | NAME | FILE) (--csr FILE | --key-out FILE | --p12 FILE) [options]",
    .examples = "  cerca renew web.example.com --key-out web.key --force --out web.pem\n"
                "  cerca renew 4f1d5c0a9b3e77a2c4d8e6f001122334 --csr web.csr --out web.pem\n"
                "  cerca renew web.example.com --key-out web.key --force --out web.pem "
                "--revoke keyCompromise\n",
    .opts = opts,
    .shared = request_opts,
    .args_size = sizeof(struct renew_args),
    .defaults = &defaults,
    .min = 1,
    .max = 1,
    .formats = FORMAT_PEM | FORMAT_JSON,
    .format = FORMAT_PEM,
    .run = run_renew,
};
