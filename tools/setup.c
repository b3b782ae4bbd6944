#include "tools/setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/conf_setup.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "lib/proto_ca.h"
#include "lib/shellword.h"
#include "tools/devca.h"
#include "tools/programs.h"
#include "tools/setup_report.h"

#define ANSWER_MAX 512
#define N_ANSWERS 8

struct setup {
    struct tool *tool;
    struct setup_args a;
    struct devca d;
    char answer[N_ANSWERS][ANSWER_MAX];
    size_t n_answers;
    char root_subject[ANSWER_MAX], issuing_subject[ANSWER_MAX];
    char uid[24], words[SAN_MAX][128]; /* of --operators, cut at its colons */
    struct conf_setup_operator operators[SAN_MAX + 1];
    struct conf_setup conf;
};

/* ---- questions ---- */

/* NULL when there is no terminal, or no answer and no default. */
static const char *ask(struct setup *s, const char *question, const char *usual)
{
    char *line;

    if (s->a.yes || !isatty(STDIN_FILENO) || s->n_answers == N_ANSWERS)
        return usual;
    line = s->answer[s->n_answers];
    (void)fprintf(stderr, "%s%s%s%s: ", question, usual != NULL ? " [" : "",
                  usual != NULL ? usual : "", usual != NULL ? "]" : "");
    if (fgets(line, ANSWER_MAX, stdin) == NULL)
        return usual;
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '\0')
        return usual;
    s->n_answers++;
    return line;
}

static int need(const char *value, const char *option, const char *what, struct fault *f)
{
    if (value != NULL)
        return 0;
    return fault_set(f, FAULT_CONFIG, "init.missing", "%s is missing: %s", option, what);
}

static int ask_identity(struct setup *s, struct fault *f)
{
    struct setup_args *a = &s->a;

    if (a->base_url == NULL)
        a->base_url = ask(s,
                          "Base URL of CA certificates, CRLs and OCSP, such as "
                          "http://pki.example.com",
                          NULL);
    if (need(a->base_url, "--base-url", "where others fetch CRLs, http://pki.example.com", f) != 0)
        return -(int)f->code;
    /* RFC 5280 4.2.1.13, 8: what is fetched is signed; over TLS, fetching would need itself. */
    if (strncmp(a->base_url, "http://", 7) != 0)
        return fault_set(f, FAULT_CONFIG, "init.base_url",
                         "--base-url %.100s: should begin with http://", a->base_url);
    if (a->org == NULL && (a->root_subject == NULL || a->issuing_subject == NULL))
        a->org = ask(s, "Organisation, for the names of the CAs", NULL);
    if (a->root_subject == NULL || a->issuing_subject == NULL)
        return need(a->org, "--org", "the organisation in the names of the CAs", f);
    return 0;
}

static int ask_token(struct setup *s, struct fault *f)
{
    struct setup_args *a = &s->a;
    const char *module = a->module;

    if (module == NULL)
        module = ask(s, "PKCS#11 module of an existing token, or softhsm to make one", "softhsm");
    if (strcmp(module, "softhsm") == 0 && a->token == NULL) {
        s->conf.softhsm = true;
        return devca_find_softhsm(&a->module, f);
    }
    a->module = module;
    if (access(module, R_OK) != 0)
        return fault_set(f, FAULT_NOT_FOUND, "init.module",
                         "--module: there is no PKCS#11 module %s; install it or correct the path",
                         module);
    if (a->token == NULL)
        a->token = ask(s, "URI of the token (RFC 7512), such as pkcs11:token=ca", NULL);
    if (a->pin_file == NULL && a->pin_credential == NULL)
        a->pin_file = ask(s, "File with its user PIN, readable by you alone", NULL);
    if (need(a->token, "--token", "which token of the module, pkcs11:token=ca", f) != 0)
        return -(int)f->code;
    return need(a->pin_file != NULL ? a->pin_file : a->pin_credential, "--pin-file",
                "the file with the token's user PIN (or --pin-credential)", f);
}

/* ---- the plan ---- */

static int subject(const char *given, const char *kind, const char *org, char out[ANSWER_MAX],
                   struct fault *f)
{
    int n = given != NULL ? snprintf(out, ANSWER_MAX, "%s", given)
                          : snprintf(out, ANSWER_MAX, "CN=%s %s CA,O=%s", org, kind, org);

    return n < ANSWER_MAX ? 0 : fault_set(f, FAULT_TOO_LARGE, "init.subject", "a name is too long");
}

/* "bob:1001:auditor" */
static int plan_operators(struct setup *s, struct fault *f)
{
    (void)snprintf(s->uid, sizeof(s->uid), "%u", (unsigned)getuid());
    s->operators[0] = (struct conf_setup_operator){s->a.operator_name, s->uid, "admin"};
    for (size_t i = 0; i < s->a.operators.n; i++) {
        char *word = s->words[i], *uid, *role;

        (void)snprintf(word, sizeof(s->words[i]), "%s", s->a.operators.item[i]);
        uid = strchr(word, ':');
        role = uid != NULL ? strchr(uid + 1, ':') : NULL;
        if (role == NULL)
            return fault_set(f, FAULT_CONFIG, "init.operators",
                             "--operators %s: write NAME:USER:ROLE, such as bob:bob:auditor",
                             s->a.operators.item[i]);
        *uid++ = *role++ = '\0';
        s->operators[i + 1] = (struct conf_setup_operator){word, uid, role};
    }
    s->conf.operators = s->operators;
    s->conf.n_operators = s->a.operators.n + 1;
    return 0;
}

static int plan(struct setup *s, struct fault *f)
{
    struct setup_args *a = &s->a;
    struct conf_setup *c = &s->conf;
    const char *online;

    if (ask_identity(s, f) != 0)
        return -(int)f->code;
    online = a->offline_root ? "offline" : ask(s, "Root CA: online or offline", "online");
    c->offline_root = strcmp(online, "offline") == 0;
    if (!c->offline_root && strcmp(online, "online") != 0)
        return fault_set(f, FAULT_CONFIG, "init.root", "\"%s\" is neither online nor offline",
                         online);
    if (ask_token(s, f) != 0 || subject(a->root_subject, "Root", a->org, s->root_subject, f) != 0 ||
        subject(a->issuing_subject, "Issuing", a->org, s->issuing_subject, f) != 0 ||
        plan_operators(s, f) != 0)
        return -(int)f->code;
    c->base_url = a->base_url;
    c->http_port = a->http_port;
    c->https_port = a->https_port;
    c->root_subject = s->root_subject;
    c->issuing_subject = s->issuing_subject;
    c->root_key = a->root_key;
    c->issuing_key = a->issuing_key;
    c->module = a->module;
    c->uri = c->softhsm ? "pkcs11:token=cerca" : a->token;
    c->pin_file = c->softhsm ? "secrets/default.pin" : a->pin_file;
    c->pin_credential = a->pin_credential;
    c->paths = a->token_paths.item;
    c->init_reserved = a->token_init;
    c->environment = a->token_env.item;
    c->network = a->token_network;
    return 0;
}

/* What would be written must be a configuration that loads, before anything is. */
static int check_text(const struct setup *s, const char *dir, const char *text, struct fault *f)
{
    struct conf *conf = NULL;
    char path[PATH_MAX];
    int rc;

    (void)snprintf(path, sizeof(path), "%.4000s/cerca.conf", dir);
    rc = conf_load_text(text, path, &conf, f);
    (void)s;
    conf_free(conf);
    return rc;
}

/* ---- doing it ---- */

/* The key makes itself known; the file waits for whoever signs. */
static int write_request(struct tool *t, const struct conf *conf, void *arg, struct fault *f)
{
    struct setup *s = arg;
    struct ca_name n = {.name = "issuing"};
    struct frame answer;
    struct buf body, pem;
    char path[PATH_MAX];
    int rc;

    (void)conf;
    (void)snprintf(path, sizeof(path), "%.4000s/ca/issuing.csr", s->d.dir);
    buf_init(&body, 256);
    buf_init(&pem, 65536);
    ca_name_put(&body, &n);
    rc = tool_connect(t, f);
    if (rc == 0)
        rc = tool_call_patient(t, MSG_CA_KEY, buf_slice(&body), MSG_CA_KEY_SHOWN, &answer, f);
    if (rc == 0) {
        pem_put(&pem, "CERTIFICATE REQUEST", answer.body);
        rc = file_write(path, 0644, buf_slice(&pem), f);
    }
    buf_free(&body);
    buf_free(&pem);
    return rc;
}

static bool is_offline(const struct conf *conf)
{
    for (size_t i = 0; i < conf->n_issuers; i++)
        if (conf->issuers[i].offline)
            return true;
    return false;
}

static int make_whole(struct setup *s, struct fault *f)
{
    struct conf *conf = NULL;
    int rc = conf_load(s->d.conf, &conf, f);

    s->tool->conf_path = s->d.conf;
    if (rc == 0)
        rc = programs_provision(s->tool, conf, f);
    if (rc == 0)
        rc = is_offline(conf) ? programs_with_core(s->tool, conf, write_request, s, f)
                              : programs_with_signers(s->tool, conf, programs_bootstrap, NULL, f);
    conf_free(conf);
    return rc == 0 ? devca_finish(&s->d, f) : rc;
}

static int write_all(struct setup *s, struct fault *f)
{
    struct buf text;
    int rc = plan(s, f);

    if (rc != 0)
        return rc;
    buf_init(&text, CONF_MAX);
    conf_setup_text(&s->conf, &text);
    rc = check_text(s, s->d.dir, buf_cstr(&text), f);
    if (rc == 0)
        rc = devca_write(&s->d, buf_cstr(&text), s->conf.softhsm, f);
    buf_free(&text);
    return rc;
}

static int dry_run(struct setup *s, struct fault *f)
{
    struct buf text, out;
    int rc = plan(s, f);

    if (rc != 0)
        return rc;
    buf_init(&text, CONF_MAX);
    buf_init(&out, 2 * CONF_MAX);
    conf_setup_text(&s->conf, &text);
    rc = check_text(s, s->a.dir, buf_cstr(&text), f);
    if (rc == 0) {
        setup_plan(s->a.dir, &s->conf, buf_cstr(&text), &out);
        rc = tool_print(s->tool, buf_slice(&out)) == EXIT_OK
                 ? 0
                 : fault_set(f, FAULT_INTERNAL, "output", "the plan could not be written");
    }
    buf_free(&text);
    buf_free(&out);
    return rc;
}

static int init(struct setup *s, bool *was_there, struct fault *f)
{
    enum devca_state state;
    int rc = devca_open(&s->d, s->a.dir, f);

    if (rc == 0)
        rc = devca_state(&s->d, &state, f);
    if (rc != 0)
        return rc;
    *was_there = state == DEVCA_WHOLE;
    if (*was_there)
        return 0;
    if (state == DEVCA_HALF)
        tool_say(s->tool, "finishing what was begun in %s", s->d.dir);
    /* What stands stays: the answers of then. */
    if (access(s->d.conf, F_OK) != 0)
        rc = write_all(s, f);
    return rc == 0 ? make_whole(s, f) : rc;
}

int setup_run(struct tool *t, const struct setup_args *a)
{
    struct setup *s = xcalloc(1, sizeof(*s));
    struct fault f = {0};
    bool was_there = false;
    int rc;

    s->tool = t;
    s->a = *a;
    s->d.lock = -1;
    rc = a->dry_run ? dry_run(s, &f) : init(s, &was_there, &f);
    if (rc != 0)
        rc = tool_fail(t, &f);
    else if (!a->dry_run)
        rc = setup_report(t, s->d.conf, was_there);
    devca_close(&s->d);
    t->conf_path = NULL;
    free(s);
    return rc;
}
