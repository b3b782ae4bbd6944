#include "tools/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/csr.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "tools/certjson.h"
#include "client/csrfile.h"
#include "tools/find.h"
#include "client/p12.h"
#include "client/password.h"

const struct request_args request_defaults = REQUEST_DEFAULTS;

#define AT(field) offsetof(struct request_args, field)
const struct opt request_opts[] = {
    {"csr", OPT_TEXT, AT(csr), "FILE", "certification request, PEM or DER; - is standard input", 0},
    {"key-out", OPT_TEXT, AT(key_out), "FILE", "make a key here, into this file (PKCS#8 PEM, 0600)",
     0},
    {"p12", OPT_TEXT, AT(p12), "FILE",
     "make a key here, and write it with certificate and chain as PKCS#12", 0},
    {"p12-legacy", OPT_FLAG, AT(p12_legacy), NULL,
     "with algorithms for old Windows, macOS, Android and Java", 0},
    {"password-file", OPT_TEXT, AT(password_file), "FILE",
     "first line: password of --p12; else it is asked for", 0},
    {"key-type", OPT_TEXT, AT(key_type), "TYPE",
     "p256 (default), p384, p521, ed25519, rsa2048, rsa3072, rsa4096", 0},
    {"validity", OPT_SPAN, AT(validity), "SPAN", "such as 90d; else what the profile says", 0},
    {"not-after", OPT_TIME, AT(not_after), "TIME",
     "such as 2027-01-31T12:00:00Z, instead of --validity", 0},
    {"out", OPT_TEXT, AT(out), "FILE", "certificate and chain as PEM; else to standard output", 0},
    {"request-key", OPT_TEXT, AT(request_key), "HEX",
     "64 digits: the same key and request get the same certificate", 0},
    {"dry-run", OPT_FLAG, AT(dry_run), NULL, "say whether it would be issued; change nothing", 'n'},
    {"force", OPT_FLAG, AT(force), NULL,
     "replace the file of --key-out or --p12, after the certificate is issued", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

static int check_args(struct tool *t, const struct request_args *a)
{
    bool makes_key = a->key_out != NULL || a->p12 != NULL;

    if ((a->csr == NULL) == !makes_key)
        return tool_usage(t, "either --csr, or --key-out or --p12 is needed");
    if (a->p12 == NULL && (a->p12_legacy || a->password_file != NULL))
        return tool_usage(t, "--p12-legacy and --password-file belong to --p12");
    if (a->p12 != NULL && (a->p12[0] == 0 || strcmp(a->p12, "-") == 0))
        return tool_usage(t, "--p12 needs a file");
    if (a->key_out != NULL && (a->key_out[0] == 0 || strcmp(a->key_out, "-") == 0))
        return tool_usage(t, "--key-out needs a file: keys are not written to standard output");
    if (a->key_out != NULL && a->out != NULL && strcmp(a->key_out, a->out) == 0)
        return tool_usage(t, "--key-out and --out name the same file");
    if (a->csr != NULL && a->token_file != NULL && strcmp(a->csr, "-") == 0 &&
        strcmp(a->token_file, "-") == 0)
        return tool_usage(t, "--csr and --token-file cannot both be standard input");
    if (a->validity != 0 && a->not_after != 0)
        return tool_usage(t, "--validity and --not-after cannot both be given");
    return EXIT_OK;
}

int job_begin(struct job *j, struct tool *t, const struct request_args *a)
{
    struct issue_request *r = &j->request;
    int rc = check_args(t, a);

    memset(j, 0, sizeof(*j));
    buf_init(&j->token, 4096);
    buf_init(&j->csr, CSR_MAX);
    buf_init(&j->subject, NAME_DER_MAX);
    buf_init(&j->key_pem, 16384);
    buf_init(&j->password, PASSWORD_MAX);
    buf_init(&j->pem, 8 * FRAME_BODY_MAX);
    if (rc != EXIT_OK)
        return rc;
    j->args = a;
    r->validity = a->validity;
    r->not_after = a->not_after;
    r->dry_run = a->dry_run;
    r->has_request_key = true;
    if (a->request_key == NULL)
        random_bytes(r->request_key, sizeof(r->request_key));
    else if (hex_decode(a->request_key, r->request_key, sizeof(r->request_key)) != 0)
        return tool_usage(t, "--request-key should be 64 hexadecimal digits");
    return EXIT_OK;
}

void job_free(struct job *j)
{
    buf_free(&j->token);
    buf_free(&j->csr);
    buf_free(&j->subject);
    buf_free(&j->key_pem);
    buf_free(&j->password);
    buf_free(&j->pem);
    keyfile_free(&j->key);
}

/* Until the PKCS#12 file is there its key stands beside it, sealed with the same password. */
static int write_sealed(struct job *j, struct fault *f)
{
    char *path = NULL;
    struct buf sealed;
    int rc;

    buf_init(&sealed, 32768);
    rc = p12_seal_key(buf_slice(&j->key_pem), buf_cstr(&j->password), &sealed, f);
    if (rc == 0 && asprintf(&path, "%s.key", j->args->p12) < 0)
        rc = fault_set(f, FAULT_INTERNAL, "memory", "out of memory");
    if (rc == 0)
        rc = keyfile_write(&j->key, path, false, buf_slice(&sealed), f);
    free(path);
    buf_free(&sealed);
    return rc;
}

/* The first line: what `cerca token create` printed. */
static int read_token(struct job *j, struct fault *f)
{
    const char *path = j->args->token_file;
    size_t n;

    if (file_read(path, 4096, &j->token, f) != 0)
        return -(int)f->code;
    n = strcspn(buf_cstr(&j->token), " \t\r\n");
    if (n == 0 || n > TOKEN_TEXT_MAX)
        return fault_set(f, FAULT_MALFORMED, "token.file", "there is no token in %s", path);
    j->request.token = slice_of(j->token.p, n);
    return 0;
}

/* The key is on the disk before anything is sent; in a dry run it is never written. */
static int make_key(struct job *j, struct fault *f)
{
    const struct request_args *a = j->args;
    int rc = newkey_make(a->key_type, buf_slice(&j->subject), &j->key_pem, &j->csr, f);

    if (rc != 0 || a->dry_run)
        return rc;
    return a->key_out != NULL
               ? keyfile_write(&j->key, a->key_out, a->force, buf_slice(&j->key_pem), f)
               : write_sealed(j, f);
}

/* Refusals that pass by themselves, but are decided where what is recorded under this request key
 * goes before; a closed CA says so of what it has recorded too, so by an earlier try. */
static bool nothing_recorded(const struct tool *t, const struct fault *f)
{
    return strncmp(f->rule, "limit.", 6) == 0 || strcmp(f->rule, "request.many") == 0 ||
           (strcmp(f->rule, "store.closed") == 0 && t->tries == 1);
}

/* Could there be a certificate although no answer said so, or will there be one? */
static bool outcome_unknown(const struct tool *t, const struct fault *f)
{
    if (nothing_recorded(t, f))
        return false;
    return fault_retryable(f) || f->code == FAULT_PENDING || f->code == FAULT_INTERNAL ||
           strcmp(f->rule, "answer") == 0 || strcmp(f->rule, "frame") == 0;
}

/* A repetition with the same CSR and request key gets the certificate, if there is one. */
static void say_how_to_resume(const struct job *j, const struct tool *t)
{
    char key[2 * sizeof(j->request.request_key) + 1];
    char *path = NULL;
    struct buf pem;
    struct fault f;

    hex_encode(slice_of(j->request.request_key, sizeof(j->request.request_key)), key);
    if (j->key.written == NULL) {
        tool_say(t, "to ask again for the same certificate add --request-key %s", key);
        return;
    }
    buf_init(&pem, 2 * CSR_MAX);
    pem_put(&pem, "CERTIFICATE REQUEST", buf_slice(&j->csr));
    if (asprintf(&path, "%s.csr", j->key.written) > 0 &&
        file_write(path, 0644, buf_slice(&pem), &f) == 0)
        tool_say(t,
                 "the key is in %s; to ask again for the same certificate put --csr %s "
                 "--request-key %s in place of --key-out or --p12",
                 j->key.written, path, key);
    free(path);
    buf_free(&pem);
}

static int ask(struct job *j, struct tool *t, struct frame *answer, struct fault *f)
{
    struct buf body;
    int rc;

    j->request.csr = buf_slice(&j->csr);
    buf_init(&body, FRAME_BODY_MAX);
    issue_request_put(&body, &j->request);
    if (buf_failed(&body))
        rc = fault_set(f, FAULT_TOO_LARGE, "request.size", "the request is too large");
    else
        rc = tool_call_patient(t, MSG_ISSUE, buf_slice(&body), MSG_ISSUED, answer, f);
    buf_free(&body);
    if (rc == 0)
        return 0;
    j->unknown = outcome_unknown(t, f) && !j->args->dry_run;
    if (!j->unknown)
        keyfile_drop(&j->key);
    return rc;
}

/* Who brings a token may not be allowed to ask for what is recorded. */
static int print_own_json(struct tool *t, const struct job_result *r)
{
    json_t *o = json_object();

    json_put(o, "serial", json_text(r->serial));
    json_put(o, "not_after", json_time(r->not_after));
    return json_print(t, o);
}

/* What was recorded about the certificate, asked for by its serial. */
static int print_json(struct tool *t, const char *serial)
{
    struct fault f = {0};
    struct found found;

    return find_shown(t, serial, &found, &f) == 0 ? json_print(t, cert_json(&found.best.info))
                                                  : tool_fail(t, &f);
}

/* It is recorded, whatever became of it here. */
static void say_recorded(const struct tool *t, const char *serial)
{
    tool_say(t, "issued %s, which cerca show %s -o pem prints", serial, serial);
}

static void say_issued(const struct tool *t, const struct job *j, const struct job_result *r)
{
    char until[CLOCK_TEXT_SIZE];

    clock_format(r->not_after, until);
    tool_say(t, "%s %s, valid until %s, written to %s%s%s",
             r->again && j->args->request_key != NULL ? "already issued before:" : "issued",
             r->serial, until, j->args->out != NULL ? j->args->out : j->args->p12,
             j->args->key_out != NULL ? ", its key to " : "",
             j->args->key_out != NULL ? j->args->key_out : "");
}

/* A key that serves now is not replaced for a certificate that does not fit the new one. */
static int check_key(const struct job *j, const struct cert *c, struct fault *f)
{
    struct csr csr;
    int rc = csr_parse(buf_slice(&j->csr), &csr, f);

    if (rc == 0 && !slice_eq(csr.key.der, c->key.der))
        rc = fault_set(f, FAULT_MALFORMED, "answer",
                       "cerca-ca sent a certificate for another key than the request's");
    return rc;
}

static int write_p12(struct job *j, const struct issued *issued, const struct cert *c,
                     struct fault *f)
{
    struct buf name, out;
    int rc;

    buf_init(&name, 8 * SAN_VALUE_MAX);
    buf_init(&out, 8 * FRAME_BODY_MAX);
    if (c->sans.n > 0)
        san_print(&c->sans.item[0], &name);
    rc = p12_make(buf_slice(&j->key_pem), issued->certificate, issued->chain, buf_cstr(&name),
                  buf_cstr(&j->password), j->args->p12_legacy, &out, f);
    if (rc == 0)
        rc = file_write(j->args->p12, 0600, buf_slice(&out), f);
    if (rc == 0 && j->args->key_out == NULL)
        keyfile_drop(&j->key);
    buf_free(&name);
    buf_free(&out);
    return rc;
}

/* It is recorded and can be had again: a full disk here does not lose it. */
static int write_files(struct job *j, struct tool *t, const struct issued *issued,
                       const struct cert *c, const char *serial, struct fault *f)
{
    int rc = keyfile_keep(&j->key, f);

    if (rc != 0)
        return rc;
    if (j->args->p12 != NULL)
        rc = write_p12(j, issued, c, f);
    if (rc == 0 && j->args->out != NULL)
        rc = file_write(j->args->out, 0644, buf_slice(&j->pem), f);
    if (rc != 0)
        say_recorded(t, serial);
    return rc;
}

static int take(struct job *j, struct tool *t, const struct issued *issued, struct job_result *out,
                struct fault *f)
{
    struct cert c;
    int rc = cert_parse(issued->certificate, &c, f);

    if (rc == 0)
        rc = check_key(j, &c, f);
    if (rc == 0)
        rc = pem_with_chain(issued->certificate, issued->chain, &j->pem, f);
    if (rc != 0)
        return rc;
    hex_encode(c.serial, out->serial);
    out->not_after = c.not_after;
    out->again = issued->again;
    return write_files(j, t, issued, &c, out->serial, f);
}

static int say_dry_run(const struct job *j, const struct tool *t)
{
    json_t *o;

    if (t->format != FORMAT_JSON) {
        tool_say(t, "would be issued by profile %s; nothing was recorded or written",
                 j->request.profile);
        return EXIT_OK;
    }
    o = json_object();
    json_put(o, "dry_run", json_true());
    json_put(o, "profile", json_text(j->request.profile));
    return json_print(t, o);
}

/* What would be in the way is found before anything is asked for. */
static int prepare_p12(struct job *j, struct fault *f)
{
    const struct request_args *a = j->args;
    int rc = outfile_check(a->p12, f);

    if (rc == 0 && !a->force && !a->dry_run && access(a->p12, F_OK) == 0)
        rc = fault_set(f, FAULT_CONFLICT, "p12.file",
                       "%s is there already; --force replaces it once the certificate is issued",
                       a->p12);
    return rc == 0 && !a->dry_run ? password_get(a->password_file, a->p12, &j->password, f) : rc;
}

/* A successor has the names of its predecessor; more of them is another certificate. */
static int check_names(const struct job *j, const struct csr *csr, struct fault *f)
{
    struct buf name;
    int rc = 0;

    buf_init(&name, 8 * SAN_VALUE_MAX);
    for (size_t i = 0; rc == 0 && i < csr->sans.n; i++) {
        if (san_list_has(&j->request.sans, &csr->sans.item[i]))
            continue;
        san_print(&csr->sans.item[i], &name);
        rc = fault_refuse(f, "renew.names", "san", buf_slice(&name),
                          "the names of the certificate that is renewed; cerca issue takes others");
    }
    buf_free(&name);
    return rc;
}

static int check_lost_key(const struct job *j, const struct csr *csr, struct fault *f)
{
    uint8_t hash[32];

    spki_hash(&csr->key, hash);
    return memcmp(hash, j->lost_key, sizeof(hash)) != 0
               ? 0
               : fault_refuse(f, "renew.key", "key", SLICE_NONE,
                              "another key than the one that is revoked as lost");
}

/* What is no CSR is left to cerca-ca, which refuses and records it. */
static int check_renewal(const struct job *j, struct fault *f)
{
    struct fault ignored;
    struct csr csr;
    int rc = 0;

    if (!j->request.has_replaces || csr_parse(buf_slice(&j->csr), &csr, &ignored) != 0)
        return 0;
    if (j->has_lost_key)
        rc = check_lost_key(j, &csr, f);
    return rc == 0 ? check_names(j, &csr, f) : rc;
}

int job_issue(struct job *j, struct tool *t, struct job_result *out, struct fault *f)
{
    struct issued issued;
    struct frame answer;
    int rc = outfile_check(j->args->out, f);

    *out = (struct job_result){0};
    if (rc == 0 && j->args->p12 != NULL)
        rc = prepare_p12(j, f);
    if (rc == 0 && j->args->token_file != NULL)
        rc = read_token(j, f);
    if (rc == 0 && j->args->csr != NULL)
        rc = csrfile_read(j->args->csr, &j->csr, f);
    if (rc == 0)
        rc = check_renewal(j, f);
    if (rc == 0)
        rc = tool_connect(t, f); /* no key is written for a CA that is not there */
    if (rc == 0 && j->args->csr == NULL)
        rc = make_key(j, f);
    if (rc == 0)
        rc = ask(j, t, &answer, f);
    if (rc == 0 && issued_get(answer.body, &issued) != 0)
        rc = fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca sent no certificate");
    return rc == 0 && !j->args->dry_run ? take(j, t, &issued, out, f) : rc;
}

static int print(struct job *j, struct tool *t, const struct job_result *r)
{
    const char *out = j->args->out;
    int rc = EXIT_OK;

    if (out == NULL && j->args->p12 == NULL && t->format != FORMAT_JSON)
        rc = tool_print(t, buf_slice(&j->pem));
    else if (out == NULL ? j->args->p12 != NULL : strcmp(out, "-") != 0)
        say_issued(t, j, r);
    if (t->format == FORMAT_JSON)
        rc = j->request.token.n > 0 ? print_own_json(t, r) : print_json(t, r->serial);
    if (rc != EXIT_OK && out == NULL)
        say_recorded(t, r->serial);
    return rc;
}

int job_run(struct job *j, struct tool *t)
{
    struct job_result result;
    struct fault f = {0};
    int rc = job_issue(j, t, &result, &f);

    if (rc != 0 && j->unknown)
        say_how_to_resume(j, t);
    if (rc != 0)
        return tool_fail(t, &f);
    return j->args->dry_run ? say_dry_run(j, t) : print(j, t, &result);
}
