#include <string.h>

#include "tools/commands.h"
#include "tools/request.h"

static int add_sans(struct job *j, struct fault *f)
{
    struct san san;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < j->args->sans.n; i++) {
        rc = san_parse(j->args->sans.item[i], &san, j->addresses, sizeof(j->addresses),
                       &j->addresses_used, f);
        if (rc == 0)
            rc = san_list_add(&j->request.sans, &san, f);
    }
    return rc;
}

/* The subject of a CSR that is made here: --subject, else the first DNS name as CN where that fits
 * (RFC 5280 appendix A: ub-common-name is 64), else empty. */
static int local_subject(struct job *j, struct fault *f)
{
    const struct san_list *sans = &j->request.sans;

    if (j->args->subject != NULL)
        return name_parse(j->args->subject, &j->subject, f);
    for (size_t i = 0; i < sans->n; i++)
        if (sans->item[i].kind == SAN_DNS && sans->item[i].value.n <= 64)
            return name_from_cn(sans->item[i].value, &j->subject, f);
    return name_from_cn(SLICE_NONE, &j->subject, f);
}

static int fill(struct job *j, struct fault *f)
{
    const struct request_args *a = j->args;
    struct issue_request *r = &j->request;
    int rc = tool_field(r->profile, sizeof(r->profile), "--profile", a->profile, f);

    if (rc == 0)
        rc = tool_field(r->owner, sizeof(r->owner), "--owner", a->owner, f);
    if (rc == 0)
        rc = add_sans(j, f);
    if (rc == 0 && a->csr != NULL)
        rc = tool_field(r->subject, sizeof(r->subject), "--subject", a->subject, f);
    else if (rc == 0)
        rc = local_subject(j, f);
    return rc;
}

static int run_issue(struct tool *t, void *args)
{
    const struct request_args *a = args;
    struct fault f = {0};
    struct job j;
    int rc = job_begin(&j, t, a);

    if (rc == EXIT_OK && a->profile == NULL)
        rc = tool_usage(t, "--profile is missing");
    else if (rc == EXIT_OK && fill(&j, &f) != 0)
        rc = tool_fail(t, &f);
    else if (rc == EXIT_OK)
        rc = job_run(&j, t);
    job_free(&j);
    return rc;
}

static const struct opt opts[] = {
    {"profile", OPT_TEXT, offsetof(struct request_args, profile), "NAME",
     "tls-server, tls-client, mtls, or one of the configuration", 'p'},
    {"san", OPT_TEXTS, offsetof(struct request_args, sans), "KIND:NAME",
     "a name: dns:, ip:, email: or uri:; as often as needed", 0},
    {"subject", OPT_TEXT, offsetof(struct request_args, subject), "DN",
     "such as CN=web1,O=Example; else the CSR's own, or the first dns name", 0},
    {"owner", OPT_TEXT, offsetof(struct request_args, owner), "NAME",
     "who is asked about this certificate later", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_issue = {
    .name = "issue",
    .help = "issue a certificate",
    .arguments = "--profile NAME (--csr FILE | --key-out FILE | --p12 FILE) [options]",
    .examples =
        "  cerca issue --profile tls-server --key-out web.key --san dns:web.example.com "
        "--out web.pem\n"
        "  cerca issue --profile tls-client --p12 laptop.p12 --san email:alice@example.com\n"
        "  cerca issue --profile tls-client --csr laptop.csr --owner alice --validity 30d\n"
        "  ssh host cat host.csr | cerca issue --profile mtls --csr - >host.pem\n",
    .opts = opts,
    .shared = request_opts,
    .args_size = sizeof(struct request_args),
    .defaults = &request_defaults,
    .formats = FORMAT_PEM | FORMAT_JSON,
    .format = FORMAT_PEM,
    .run = run_issue,
};
