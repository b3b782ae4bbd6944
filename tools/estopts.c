#include "tools/estopts.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define URL_MAX 1024

#define AT(field) offsetof(struct est_args, field)
const struct opt est_opts[] = {
    {"url", OPT_TEXT, AT(url), "URL", "the server: https://est.example.com:8443", 0},
    {"label", OPT_TEXT, AT(label), "NAME", "which of its CAs or profiles (RFC 7030 3.2.2)", 0},
    {"trust", OPT_TEXT, AT(trust), "FILE",
     "PEM: trust a server below these certificates only; else below those of the system", 0},
    {"cert", OPT_TEXT, AT(cert), "FILE", "PEM: our certificate (and chain) for TLS", 0},
    {"key", OPT_TEXT, AT(key), "FILE", "PEM: its private key", 0},
    {"user", OPT_TEXT, AT(user), "NAME", "for HTTP Basic or Digest authentication", 0},
    {"password-file", OPT_TEXT, AT(password_file), "FILE",
     "first line: its password; - is standard input; else it is asked for", 0},
    {"token-file", OPT_TEXT, AT(token_file), "FILE",
     "first line: a token, sent as Bearer; - is standard input", 0},
    {"wait", OPT_WAIT, AT(wait), "SPAN",
     "how long to wait for an approval or a busy server; else not at all", 0},
    {"verbose", OPT_FLAG, AT(verbose), NULL, "show what each side sends, without secrets", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

int est_check_args(const struct tool *t, const struct est_args *a)
{
    if (a->url == NULL)
        return tool_usage(t, "--url is missing");
    if (strncasecmp(a->url, "https://", 8) != 0 || strlen(a->url) > URL_MAX)
        return tool_usage(t, "--url: \"%.100s\" should be https://HOST or https://HOST:PORT",
                          a->url);
    if (a->label != NULL && !est_label_valid(a->label))
        return tool_usage(t,
                          "--label: \"%.100s\" should be letters, digits, \".\", \"_\" and \"-\", "
                          "and no operation",
                          a->label);
    if ((a->cert == NULL) != (a->key == NULL))
        return tool_usage(t, "--cert and --key belong together");
    if (a->token_file != NULL && a->user != NULL)
        return tool_usage(t, "--user and --token-file cannot both be given");
    if (a->password_file != NULL && a->user == NULL)
        return tool_usage(t, "--password-file belongs to --user");
    return EXIT_OK;
}

#undef AT
#define AT(field) offsetof(struct est_enroll_args, field)
const struct opt est_enroll_opts[] = {
    {"csr", OPT_TEXT, AT(csr), "FILE", "certification request, PEM or DER; - is standard input", 0},
    {"key-out", OPT_TEXT, AT(key_out), "FILE", "make a key here, into this file (PKCS#8 PEM, 0600)",
     0},
    {"use-key", OPT_TEXT, AT(use_key), "FILE", "make the request with this private key", 0},
    {"key-type", OPT_TEXT, AT(key_type), "TYPE",
     "p256, p384, p521, ed25519, rsa2048, rsa3072, rsa4096; else what the server wants, else p256",
     0},
    {"san", OPT_TEXTS, AT(sans), "NAME", "dns:, ip:, email: or uri: and a name; may be repeated",
     0},
    {"subject", OPT_TEXT, AT(subject), "NAME",
     "such as \"CN=web,O=Example\"; else what the server wants, else the first DNS name", 0},
    {"out", OPT_TEXT, AT(out), "FILE", "certificate and chain as PEM; else to standard output", 0},
    {"force", OPT_FLAG, AT(force), NULL,
     "replace the file of --key-out, after the certificate is issued", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct opt est_keygen_opts[] = {
    {"key-out", OPT_TEXT, AT(key_out), "FILE", "where the key goes (PKCS#8 PEM, 0600)", 0},
    {"key-type", OPT_TEXT, AT(key_type), "TYPE",
     "of the key in the request, which many servers take for the one to make", 0},
    {"san", OPT_TEXTS, AT(sans), "NAME", "dns:, ip:, email: or uri: and a name; may be repeated",
     0},
    {"subject", OPT_TEXT, AT(subject), "NAME",
     "such as \"CN=web,O=Example\"; else what the server wants, else the first DNS name", 0},
    {"open-cert", OPT_TEXT, AT(open_cert), "FILE",
     "have the key enveloped for this certificate's, which the server must know", 0},
    {"open-key", OPT_TEXT, AT(open_key), "FILE", "the private key that opens the envelope", 0},
    {"out", OPT_TEXT, AT(out), "FILE", "certificate and chain as PEM; else to standard output", 0},
    {"force", OPT_FLAG, AT(force), NULL, "replace the file of --key-out", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

static int check_names(const struct tool *t, const struct est_enroll_args *a)
{
    if (a->csr != NULL && (a->sans.n > 0 || a->subject != NULL || a->key_type != NULL))
        return tool_usage(t, "--san, --subject and --key-type are for a request made here; --csr "
                             "has its own");
    if (a->key_out != NULL && (a->key_out[0] == '\0' || strcmp(a->key_out, "-") == 0))
        return tool_usage(t, "--key-out needs a file: keys are not written to standard output");
    if (a->key_out != NULL && a->out != NULL && strcmp(a->key_out, a->out) == 0)
        return tool_usage(t, "--key-out and --out name the same file");
    if (a->force && a->key_out == NULL)
        return tool_usage(t, "--force belongs to --key-out");
    return EXIT_OK;
}

int enrollment_check(const struct tool *t, const struct est_enroll_args *a, enum est_op op)
{
    int given = (a->csr != NULL) + (a->key_out != NULL) + (a->use_key != NULL);
    int rc = est_check_args(t, &a->est);

    if (rc != EXIT_OK)
        return rc;
    if (op == EST_SIMPLEENROLL && given != 1)
        return tool_usage(t, "one of --csr, --key-out and --use-key is needed");
    if (op == EST_SIMPLEREENROLL && given > 1)
        return tool_usage(t, "only one of --csr, --key-out and --use-key can be given");
    if (op == EST_SERVERKEYGEN && a->key_out == NULL)
        return tool_usage(t, "--key-out is missing");
    if (op == EST_SIMPLEREENROLL && a->est.cert == NULL)
        return tool_usage(t, "--cert and --key are missing: the certificate that is renewed");
    if ((a->open_cert == NULL) != (a->open_key == NULL))
        return tool_usage(t, "--open-cert and --open-key belong together");
    return check_names(t, a);
}

static void say(void *arg, const char *text)
{
    tool_say(arg, "%s", text);
}

void est_say_talk(void *arg, const struct est *e)
{
    struct buf text;

    (void)arg;
    buf_init(&text, 4 * (e->answer.talk.n + e->answer.body.n) + 256);
    est_talk(e, &text);
    (void)fprintf(stderr, "%s%s", buf_cstr(&text), text.n > 0 ? "\n" : "");
    buf_free(&text);
}

int est_tool_open(struct est *e, struct tool *t, const struct est_args *a, bool unverified,
                  struct fault *f)
{
    const struct est_caller caller = {t->timeout, say, est_say_talk, t};

    return est_open(e, &caller, a, unverified, f);
}
