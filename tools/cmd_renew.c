#include <string.h>

#include "lib/cert.h"
#include "lib/csr.h"
#include "tools/commands.h"
#include "tools/find.h"
#include "tools/request.h"
#include "tools/text.h"

#define NAMES_MAX 65536 /* octets of all names of one certificate */

struct renewal {
    struct job job;
    struct buf names; /* copies: what an answer holds is gone with the next call */
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

static int run_renew(struct tool *t, void *args)
{
    struct renewal r = {.names = {0}};
    struct fault f = {0};
    struct found found;
    int rc = job_begin(&r.job, t, args);

    if (rc == EXIT_OK && find_shown(t, t->words[0], &found, &f) == 0) {
        say_which(t, &found);
        (void)keep(&r, &found.best, &f);
    }
    if (rc == EXIT_OK)
        rc = f.code == FAULT_NONE ? job_run(&r.job, t) : tool_fail(t, &f);
    job_free(&r.job);
    buf_free(&r.names);
    return rc;
}

const struct command cmd_renew = {
    .name = "renew",
    .help = "issue the successor of a certificate: same names, profile and owner",
    .arguments = "(SERIAL | NAME) (--csr FILE | --key-out FILE | --p12 FILE) [options]",
    .examples = "  cerca renew web.example.com --key-out web.key --force --out web.pem\n"
                "  cerca renew 4f1d5c0a9b3e77a2c4d8e6f001122334 --csr web.csr --out web.pem\n",
    .shared = request_opts,
    .args_size = sizeof(struct request_args),
    .defaults = &request_defaults,
    .min = 1,
    .max = 1,
    .formats = FORMAT_PEM | FORMAT_JSON,
    .format = FORMAT_PEM,
    .run = run_renew,
};
