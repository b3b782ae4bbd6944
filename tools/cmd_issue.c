#include "tools/commands.h"
#include "tools/request.h"

static int run_issue(struct tool *t, void *args)
{
    const struct request_args *a = args;
    struct fault f = {0};
    struct job j;
    int rc = job_begin(&j, t, a);

    if (rc == EXIT_OK && a->profile == NULL && a->token_file == NULL)
        rc = tool_usage(t, "--profile is missing");
    else if (rc == EXIT_OK && job_fill(&j, &f) != 0)
        rc = tool_fail(t, &f);
    else if (rc == EXIT_OK)
        rc = job_run(&j, t);
    job_free(&j);
    return rc;
}

static const struct opt opts[] = {
    {"profile", OPT_TEXT, offsetof(struct request_args, profile), "NAME",
     "tls-server, tls-client, mtls ..., or one of the configuration", 'p'},
    {"san", OPT_TEXTS, offsetof(struct request_args, sans), "KIND:NAME",
     "a name: dns:, ip:, email: or uri:; as often as needed", 0},
    {"subject", OPT_TEXT, offsetof(struct request_args, subject), "DN",
     "such as CN=web1,O=Example; else the CSR's own, or the first dns name", 0},
    {"owner", OPT_TEXT, offsetof(struct request_args, owner), "NAME",
     "who is asked about this certificate later", 0},
    {"token-file", OPT_TEXT, offsetof(struct request_args, token_file), "FILE",
     "a token of cerca token create says who may have what; - is standard input", 0},
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
