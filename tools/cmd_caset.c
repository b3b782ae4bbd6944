/* `cerca ca csr`, `ca create`, `ca install`: an issuer's way from the configuration to its
 * certificate. */
#include <string.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "lib/proto_ca.h"
#include "tools/commands.h"
#include "tools/json.h"
#include "lib/text.h"

#define FILE_MAX 262144

struct set_args {
    const char *out;
    bool dry_run;
};

static int name_body(const struct tool *t, bool dry_run, struct buf *body, struct fault *f)
{
    struct ca_name n = {.dry_run = dry_run};

    if (tool_field(n.name, sizeof(n.name), "NAME", t->words[0], f) != 0)
        return -(int)f->code;
    ca_name_put(body, &n);
    return 0;
}

/* ---- csr ---- */

static int write_csr(const struct tool *t, const char *out, struct slice der, struct fault *f)
{
    struct buf pem;
    int rc;

    buf_init(&pem, FILE_MAX);
    if (t->format == FORMAT_DER)
        buf_put_slice(&pem, der);
    else
        pem_put(&pem, "CERTIFICATE REQUEST", der);
    rc = file_write(out == NULL ? "-" : out, 0644, buf_slice(&pem), f);
    buf_free(&pem);
    return rc;
}

static int run_csr(struct tool *t, void *args)
{
    const struct set_args *a = args;
    struct fault f = {0};
    struct frame answer = {0};
    struct buf body;
    int rc;

    buf_init(&body, 512);
    rc = name_body(t, false, &body, &f);
    if (rc == 0)
        rc = tool_connect(t, &f);
    if (rc == 0)
        rc = tool_call_patient(t, MSG_CA_KEY, buf_slice(&body), MSG_CA_KEY_SHOWN, &answer, &f);
    if (rc == 0)
        rc = write_csr(t, a->out, answer.body, &f);
    buf_free(&body);
    return rc == 0 ? EXIT_OK : tool_fail(t, &f);
}

static const struct opt csr_opts[] = {
    {"out", OPT_TEXT, offsetof(struct set_args, out), "FILE", "where to (default: standard output)",
     0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_ca_csr = {
    .name = "ca csr",
    .help = "the certification request for an issuer's key, which is made where it is missing",
    .arguments = "NAME [options]",
    .examples = "  cerca ca csr issuing --out issuing.csr\n",
    .opts = csr_opts,
    .args_size = sizeof(struct set_args),
    .min = 1,
    .max = 1,
    .formats = FORMAT_PEM | FORMAT_DER,
    .format = FORMAT_PEM,
    .run = run_csr,
};

/* ---- what became of it ---- */

static json_t *done_json(const struct ca_done *d, const char *state)
{
    json_t *o = json_object();

    json_put(o, "name", json_text(d->name));
    json_put(o, "state", json_text(state));
    json_put(o, "not_after", d->certificate.n > 0 ? json_time(d->not_after) : json_null());
    json_put(o, "fingerprint",
             d->certificate.n > 0 ? json_hex(d->fingerprint, sizeof(d->fingerprint)) : json_null());
    return o;
}

static void done_text(const struct ca_done *d, const char *state, struct buf *out)
{
    char end[CLOCK_TEXT_SIZE];

    text_safe(slice_str(d->name), false, out);
    buf_printf(out, ": %s\n", state);
    if (d->certificate.n == 0)
        return;
    clock_format(d->not_after, end);
    buf_printf(out, "  valid until %s\n  SHA-256 ", end);
    text_hex_colons(d->fingerprint, sizeof(d->fingerprint), out);
    buf_put_str(out, "\n");
}

static const char *done_state(const struct ca_done *d, const char *verb, bool dry_run)
{
    if (d->was_there)
        return "was there already, nothing changed";
    return dry_run ? "would be done, nothing changed" : verb;
}

static int print_done(const struct tool *t, struct slice body, uint32_t n, const char *verb,
                      bool dry_run)
{
    json_t *list = json_array();
    struct fault f = {0};
    struct wire_in w;
    struct ca_done d;
    struct buf text;
    int rc;

    buf_init(&text, FILE_MAX);
    wire_in_init(&w, body);
    if (n == 0)
        n = wire_get_count(&w, CA_INSTALL_MAX, 4);
    for (uint32_t i = 0; i < n && !wire_failed(&w); i++) {
        ca_done_get(&w, &d);
        json_array_append_new(list, done_json(&d, done_state(&d, verb, dry_run)));
        done_text(&d, done_state(&d, verb, dry_run), &text);
    }
    if (!wire_in_done(&w)) {
        (void)tool_broken_answer(&f);
        json_decref(list);
        rc = tool_fail(t, &f);
    } else if (t->format == FORMAT_JSON) {
        rc = json_print(t, list);
    } else {
        json_decref(list);
        rc = tool_print(t, buf_slice(&text));
    }
    buf_free(&text);
    return rc;
}

static const struct opt set_opts[] = {
    {"dry-run", OPT_FLAG, offsetof(struct set_args, dry_run), NULL,
     "check everything, change nothing", 'n'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

/* ---- create ---- */

static int run_create(struct tool *t, void *args)
{
    const struct set_args *a = args;
    struct fault f = {0};
    struct frame answer = {0};
    struct buf body;
    int rc;

    buf_init(&body, 512);
    rc = name_body(t, a->dry_run, &body, &f);
    if (rc == 0)
        rc = tool_connect(t, &f);
    if (rc == 0)
        rc = tool_call_patient(t, MSG_CA_CREATE, buf_slice(&body), MSG_CA_CREATED, &answer, &f);
    buf_free(&body);
    return rc == 0 ? print_done(t, answer.body, 1, "certificate made", a->dry_run)
                   : tool_fail(t, &f);
}

const struct command cmd_ca_create = {
    .name = "ca create",
    .help = "make the key and the certificate of an issuer that the configuration names",
    .arguments = "NAME [options]",
    .examples = "  cerca ca create issuing-2\n",
    .opts = set_opts,
    .args_size = sizeof(struct set_args),
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_create,
};

/* ---- install ---- */

struct certificates {
    struct buf der[CA_INSTALL_MAX];
    uint32_t n;
};

static int add_certificate(struct certificates *c, struct slice der, struct fault *f)
{
    for (uint32_t i = 0; i < c->n; i++)
        if (slice_eq(buf_slice(&c->der[i]), der))
            return 0;
    if (c->n == CA_INSTALL_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "install.count", "more than %d certificates at once",
                         CA_INSTALL_MAX);
    buf_init(&c->der[c->n], FILE_MAX);
    buf_put_slice(&c->der[c->n++], der);
    return 0;
}

static int read_certificates(const char *path, struct certificates *c, struct fault *f)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct buf file = {0}, der;
    struct slice text;
    uint32_t before = c->n;
    int rc = file_read(path, FILE_MAX, &file, f);

    buf_init(&der, FILE_MAX);
    text = buf_slice(&file);
    while (rc == 0) {
        buf_reset(&der);
        rc = pem_next(&text, labels, NULL, &der, f);
        if (rc == 0)
            rc = add_certificate(c, buf_slice(&der), f);
    }
    if (rc == 1 && c->n > before)
        rc = 0;
    else if (rc == 1) /* no PEM in it: DER, which cerca-ca judges */
        rc = file.n > 0 ? add_certificate(c, buf_slice(&file), f)
                        : fault_set(f, FAULT_MALFORMED, "install.file", "%s is empty", path);
    buf_free(&file);
    buf_free(&der);
    return rc;
}

static int install(struct tool *t, const struct certificates *c, bool dry_run, struct frame *answer,
                   struct fault *f)
{
    struct ca_install r = {.n = c->n, .dry_run = dry_run};
    struct buf body;
    int rc;

    for (uint32_t i = 0; i < c->n; i++)
        r.certificate[i] = buf_slice(&c->der[i]);
    buf_init(&body, FRAME_BODY_MAX);
    ca_install_put(&body, &r);
    rc = buf_failed(&body)
             ? fault_set(f, FAULT_TOO_LARGE, "install.size", "the certificates are too large")
             : tool_call_patient(t, MSG_CA_INSTALL, buf_slice(&body), MSG_CA_INSTALLED, answer, f);
    buf_free(&body);
    return rc;
}

static int run_install(struct tool *t, void *args)
{
    const struct set_args *a = args;
    struct certificates c = {.n = 0};
    struct fault f = {0};
    struct frame answer = {0};
    int rc = 0;

    for (int i = 0; rc == 0 && i < t->n_words; i++)
        rc = read_certificates(t->words[i], &c, &f);
    if (rc == 0)
        rc = tool_connect(t, &f);
    if (rc == 0)
        rc = install(t, &c, a->dry_run, &answer, &f);
    for (uint32_t i = 0; i < c.n; i++)
        buf_free(&c.der[i]);
    return rc == 0 ? print_done(t, answer.body, 0, "installed", a->dry_run) : tool_fail(t, &f);
}

const struct command cmd_ca_install = {
    .name = "ca install",
    .help = "install certificates that were signed elsewhere for issuers of the configuration",
    .arguments = "FILE... [options]",
    .examples = "  cerca ca install issuing.pem root.pem --dry-run\n"
                "  cerca ca install issuing.pem root.pem\n",
    .opts = set_opts,
    .args_size = sizeof(struct set_args),
    .min = 1,
    .max = CA_INSTALL_MAX,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_install,
};

/* ---- cross-sign ---- */

struct cross_args {
    const char *issuer, *subject, *out;
    bool dry_run;
};

static int write_cross(const char *path, struct slice body, struct fault *f)
{
    struct wire_in w;
    struct ca_done d;
    struct buf pem;
    int rc = 0;

    wire_in_init(&w, body);
    ca_done_get(&w, &d);
    if (!wire_in_done(&w))
        return tool_broken_answer(f);
    buf_init(&pem, FILE_MAX);
    pem_put(&pem, "CERTIFICATE", d.certificate);
    if (d.certificate.n > 0)
        rc = file_write(path, 0644, buf_slice(&pem), f);
    buf_free(&pem);
    return rc;
}

static int ask_cross(struct tool *t, const struct cross_args *a, struct frame *answer,
                     struct fault *f)
{
    struct ca_cross c = {.dry_run = a->dry_run};
    struct buf body;
    int rc;

    if (tool_field(c.subject, sizeof(c.subject), "--subject", a->subject, f) != 0 ||
        tool_field(c.by, sizeof(c.by), "--issuer", a->issuer, f) != 0)
        return -(int)f->code;
    buf_init(&body, 512);
    ca_cross_put(&body, &c);
    rc = tool_connect(t, f);
    if (rc == 0)
        rc = tool_call(t, MSG_CA_CROSS, buf_slice(&body), MSG_CA_CROSSED, answer, f);
    buf_free(&body);
    return rc;
}

static int run_cross(struct tool *t, void *args)
{
    const struct cross_args *a = args;
    struct fault f = {0};
    struct frame answer = {0};
    int rc;

    if (a->issuer == NULL || a->subject == NULL)
        return tool_usage(t, "--issuer and --subject are needed");
    rc = ask_cross(t, a, &answer, &f);
    if (rc == 0 && a->out != NULL)
        rc = write_cross(a->out, answer.body, &f);
    return rc == 0 ? print_done(t, answer.body, 1, "cross certificate made", a->dry_run)
                   : tool_fail(t, &f);
}

static const struct opt cross_opts[] = {
    {"issuer", OPT_TEXT, offsetof(struct cross_args, issuer), "NAME", "who signs", 0},
    {"subject", OPT_TEXT, offsetof(struct cross_args, subject), "NAME",
     "whose name and key; its cross in the configuration names the issuer", 0},
    {"out", OPT_TEXT, offsetof(struct cross_args, out), "FILE", "where to, as PEM", 0},
    {"dry-run", OPT_FLAG, offsetof(struct cross_args, dry_run), NULL,
     "check everything, change nothing", 'n'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_ca_cross_sign = {
    .name = "ca cross-sign",
    .help = "certify the name and key of one issuer by another",
    .arguments = "--issuer NAME --subject NAME [options]",
    .examples = "  cerca ca cross-sign --issuer root --subject root-2 --out root-2-by-root.pem\n",
    .opts = cross_opts,
    .args_size = sizeof(struct cross_args),
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_cross,
};
