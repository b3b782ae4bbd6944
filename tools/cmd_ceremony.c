/*
 * A ceremony: everything that an offline CA is asked for, from one configuration, without a daemon.
 * Each step finds out by itself whether it is done, so that an interrupted ceremony is finished by
 * typing it again. Certificates go through the one door of a cerca-ca that runs meanwhile, so an
 * offline root has its store and audit log like any other CA.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cert.h"
#include "lib/crl.h"
#include "lib/csr.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "lib/step.h"
#include "tools/certjson.h"
#include "tools/commands.h"
#include "tools/crlcall.h"
#include "client/csrfile.h"
#include "tools/find.h"
#include "tools/listing.h"
#include "tools/programs.h"
#include "tools/request.h"
#include "tools/revoke.h"
#include "tools/transcript.h"

#define FILE_OCTETS_MAX (16 * CERT_MAX)
#define READ_OCTETS 65536

struct ceremony_args {
    struct texts revoke;
    const char *reason;
    bool dry_run;
};

struct ceremony {
    struct tool *tool;
    const struct conf *conf;
    const struct ceremony_args *args;
    struct transcript transcript;
};

/* ---- before it begins ---- */

static int check_operator(const struct conf *conf, struct fault *f)
{
    const struct conf_operator *o = conf_operator(conf, getuid());

    if (o != NULL && o->role == ROLE_ADMIN)
        return 0;
    return fault_set(f, FAULT_DENIED, "ceremony.operator",
                     "the user %u is no operator with the role admin in %.120s", (unsigned)getuid(),
                     conf->path);
}

static int make_folder(const char *path, struct fault *f)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    return fault_set(f, FAULT_INTERNAL, "ceremony.folder", "cannot make %.160s: %s", path,
                     strerror(errno));
}

static int make_folder_of(const char *file, struct fault *f)
{
    char *folder = xstrdup(file);
    char *slash = strrchr(folder, '/');
    int rc;

    if (slash != NULL && slash != folder)
        *slash = 0;
    rc = make_folder(folder, f);
    free(folder);
    return rc;
}

static int make_folders(const struct conf *conf, struct fault *f)
{
    const char *const folders[] = {conf->sock_dir, conf->store_dir, conf->view_dir,
                                   conf->record_dir, conf->ceremony_dir};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(folders) / sizeof(folders[0]); i++)
        rc = make_folder(folders[i], f);
    for (size_t i = 0; rc == 0 && i < conf->n_issuers; i++)
        rc = make_folder_of(conf->issuers[i].certificate, f);
    return rc;
}

/* All that could be refused is looked at before the first key is made. */
static int check_csr(const struct conf_signing *s, struct fault *f)
{
    uint8_t want[32], have[32];
    struct buf file = {0}, der;
    struct csr csr;
    int rc = file_read(s->csr, FILE_OCTETS_MAX, &file, f);

    buf_init(&der, CSR_MAX);
    if (rc == 0 && s->sha256[0] != 0 && hex_decode(s->sha256, want, sizeof(want)) == 0) {
        sha256(buf_slice(&file), have);
        if (memcmp(want, have, sizeof(want)) != 0)
            rc = fault_set(f, FAULT_CONFLICT, "ceremony.csr",
                           "%.160s is not the file whose SHA-256 the configuration says", s->csr);
    }
    if (rc == 0)
        rc = csrfile_read(s->csr, &der, f);
    if (rc == 0)
        rc = csr_parse(buf_slice(&der), &csr, f);
    if (rc == 0)
        rc = csr_verify(&csr, f);
    buf_free(&der);
    buf_free(&file);
    return rc;
}

static int check_all(const struct conf *conf, struct fault *f)
{
    int rc = check_operator(conf, f);

    for (size_t i = 0; rc == 0 && i < conf->n_signings; i++)
        rc = check_csr(&conf->signings[i], f);
    return rc;
}

/* ---- artifacts ---- */

static void path_in(const struct ceremony *c, const char *file, char out[PATH_MAX])
{
    (void)snprintf(out, PATH_MAX, "%s/%s", c->conf->ceremony_dir, file);
}

/* Written again in every run, to the same octets. */
static int put_artifact(struct ceremony *c, const char *what, const char *name, const char *ending,
                        struct slice data, struct fault *f)
{
    char file[NAME_MAX], path[PATH_MAX];
    int rc;

    (void)snprintf(file, sizeof(file), "%s%s", name, ending);
    path_in(c, file, path);
    rc = file_write(path, 0644, data, f);
    return rc == 0 ? transcript_artifact(&c->transcript, what, file, data, f) : rc;
}

static int put_issuers(struct ceremony *c, struct fault *f)
{
    struct buf pem = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < c->conf->n_issuers; i++) {
        const struct conf_issuer *issuer = &c->conf->issuers[i];

        if (issuer->offline)
            continue;
        rc = file_read(issuer->certificate, FILE_OCTETS_MAX, &pem, f);
        if (rc == 0)
            rc = put_artifact(c, "CA certificate", issuer->name, ".pem", buf_slice(&pem), f);
    }
    buf_free(&pem);
    return rc;
}

/* ---- signing ---- */

/* A certificate for the same key by the same profile is what an earlier run made. */
struct earlier {
    bool found, revoked;
    char serial[2 * SERIAL_LEN + 1];
};

static int note_earlier(void *arg, const struct cert_info *info, struct fault *f)
{
    struct earlier *e = arg;

    (void)f;
    e->revoked = e->revoked || strcmp(info->status, "revoked") == 0;
    if (!e->found && strcmp(info->status, "valid") == 0) {
        e->found = true;
        hex_encode(slice_of(info->serial, SERIAL_LEN), e->serial);
    }
    return 0;
}

static int find_earlier(struct ceremony *c, const struct conf_signing *s, struct earlier *out,
                        struct fault *f)
{
    struct list_request r = {.has_key = true, .sources = 1u << SOURCE_ISSUED};
    struct buf der;
    struct csr csr;
    bool more;
    int rc;

    *out = (struct earlier){.found = false};
    buf_init(&der, CSR_MAX);
    rc = csrfile_read(s->csr, &der, f);
    if (rc == 0)
        rc = csr_parse(buf_slice(&der), &csr, f);
    if (rc == 0)
        rc = tool_field(r.profile, sizeof(r.profile), "the profile", s->profile, f);
    if (rc == 0) {
        spki_hash(&csr.key, r.key);
        rc = listing_each(c->tool, &r, 0, note_earlier, out, &more, f);
    }
    if (rc == 0 && out->revoked && !out->found)
        rc = fault_set(f, FAULT_CONFLICT, "ceremony.revoked",
                       "the certificate \"%s\" was revoked: take it out of signings, or have a "
                       "request for a new key",
                       s->name);
    buf_free(&der);
    return rc;
}

static int fetch(struct ceremony *c, const char *serial, struct buf *pem, struct fault *f)
{
    struct found found;
    int rc = find_shown(c->tool, serial, &found, f);

    return rc == 0 ? pem_with_chain(found.best.certificate, found.best.chain, pem, f) : rc;
}

static int issue(struct ceremony *c, const struct conf_signing *s, struct buf *pem, struct fault *f)
{
    struct request_args args = request_defaults;
    struct job_result result;
    struct job j;
    int rc;

    args.profile = s->profile;
    args.csr = s->csr;
    if (job_begin(&j, c->tool, &args) != EXIT_OK)
        return fault_set(f, FAULT_INTERNAL, "ceremony.request", "the request is contradictory");
    rc = job_fill(&j, f);
    if (rc == 0)
        rc = job_issue(&j, c->tool, &result, f);
    if (rc == 0)
        buf_put_slice(pem, buf_slice(&j.pem));
    job_free(&j);
    return rc;
}

static int sign_one(struct ceremony *c, const struct conf_signing *s, struct fault *f)
{
    struct earlier earlier;
    struct buf pem;
    int rc = find_earlier(c, s, &earlier, f);

    buf_init(&pem, FILE_OCTETS_MAX);
    if (rc == 0 && earlier.found)
        rc = fetch(c, earlier.serial, &pem, f);
    else if (rc == 0)
        rc = issue(c, s, &pem, f);
    STEP("ceremony.signed");
    if (rc == 0)
        rc = put_artifact(c, s->profile, s->name, ".pem", buf_slice(&pem), f);
    buf_free(&pem);
    return rc;
}

/* ---- revoking ---- */

static int revoke_one(struct ceremony *c, const char *file, uint8_t reason, struct fault *f)
{
    struct revoke_request order = {.reason = reason};
    struct targets l = {0};
    size_t done;
    int rc = targets_by_word(c->tool, file, &l, f);

    if (rc == 0 && strcmp(l.item[0].status, "revoked") != 0) {
        rc = revoke_all(c->tool, &l, &order, &done, f);
        if (rc == 0 && l.item[0].outcome.code != FAULT_NONE)
            rc = fault_set(f, (enum fault_code)l.item[0].outcome.code, l.item[0].outcome.rule, "%s",
                           l.item[0].outcome.text);
    }
    if (rc == 0)
        rc = transcript_line(&c->transcript, f, "revoked: %s (%s), %s", file, l.item[0].label,
                             c->args->reason);
    targets_free(&l);
    return rc;
}

static int revoke_named(struct ceremony *c, struct fault *f)
{
    uint8_t reason = 0;
    int rc = revoke_reason(c->args->reason, &reason, f);

    for (size_t i = 0; rc == 0 && i < c->args->revoke.n; i++)
        rc = revoke_one(c, c->args->revoke.item[i], reason, f);
    return rc;
}

/* ---- CRLs ---- */

static int read_all(int fd, struct buf *out, struct fault *f)
{
    uint8_t *room;
    ssize_t n;

    do {
        room = buf_grow(out, READ_OCTETS);
        n = room == NULL ? -1 : read(fd, room, READ_OCTETS);
        out->n -= room == NULL ? 0 : READ_OCTETS - (size_t)(n > 0 ? n : 0);
    } while (n > 0);
    return n == 0 ? 0 : fault_set(f, FAULT_INTERNAL, "crl.read", "the CRL cannot be read");
}

/* A new one in every ceremony: that is what the next ceremony is held for. */
static int list_one(struct ceremony *c, const struct conf_issuer *i, struct fault *f)
{
    struct crl_row row;
    struct buf der;
    int fd = -1;
    int rc = crl_publish(c->tool, i->name, "full", &row, f);

    buf_init(&der, CRL_INSTALL_MAX);
    if (rc == 0)
        rc = crl_open(c->tool, i->name, "full", &row, &fd, f);
    if (rc == 0)
        rc = read_all(fd, &der, f);
    STEP("ceremony.listed");
    if (rc == 0)
        rc = put_artifact(c, "CRL", i->name, ".crl", buf_slice(&der), f);
    if (fd >= 0)
        (void)close(fd);
    buf_free(&der);
    return rc;
}

static int sign_all(struct tool *t, const struct conf *conf, void *arg, struct fault *f)
{
    struct ceremony *c = arg;
    int rc = revoke_named(c, f);

    (void)t;
    for (size_t i = 0; rc == 0 && i < conf->n_signings; i++)
        rc = sign_one(c, &conf->signings[i], f);
    for (size_t i = 0; rc == 0 && i < conf->n_issuers; i++)
        if (!conf->issuers[i].offline)
            rc = list_one(c, &conf->issuers[i], f);
    return rc;
}

/* ---- the ceremony ---- */

static int begin(struct ceremony *c, struct fault *f)
{
    char generation[2 * 32 + 1];

    hex_encode(slice_of(c->conf->generation, 32), generation);
    return transcript_line(
        &c->transcript, f, "begin: cerca " CERCA_VERSION ", %s, SHA-256 %s, by %s (uid %u)",
        c->conf->path, generation, conf_operator(c->conf, getuid())->name, (unsigned)getuid());
}

static int hold(struct ceremony *c, struct fault *f)
{
    int rc = begin(c, f);

    STEP("ceremony.begun");
    if (rc == 0)
        rc = programs_provision(c->tool, c->conf, f);
    STEP("ceremony.keys");
    if (rc == 0)
        rc = programs_with_signers(c->tool, c->conf, programs_bootstrap, NULL, f);
    STEP("ceremony.certified");
    if (rc == 0)
        rc = put_issuers(c, f);
    if (rc == 0)
        rc = programs_with_core(c->tool, c->conf, sign_all, c, f);
    STEP("ceremony.ending");
    if (rc == 0)
        rc = transcript_sums(&c->transcript, f);
    return rc == 0 ? transcript_line(&c->transcript, f, "end") : rc;
}

static int print(struct ceremony *c)
{
    char path[PATH_MAX];
    json_t *o;

    if (c->tool->format != FORMAT_JSON)
        return tool_print(c->tool, buf_slice(&c->transcript.sums));
    o = json_object();
    path_in(c, "transcript.txt", path);
    json_put(o, "transcript", json_text(path));
    json_put(o, "artifacts", json_incref(c->transcript.artifacts));
    return json_print(c->tool, o);
}

static int dry_run(struct tool *t, const struct conf *conf)
{
    struct buf out;
    int rc;

    buf_init(&out, 65536);
    for (size_t i = 0; i < conf->n_issuers; i++)
        buf_printf(&out, "CA certificate %s: %s\n", conf->issuers[i].name,
                   access(conf->issuers[i].certificate, F_OK) == 0 ? "there already"
                                                                   : "would be made");
    for (size_t i = 0; i < conf->n_signings; i++)
        buf_printf(&out, "%s %s: would be signed from %s unless its key has one\n",
                   conf->signings[i].profile, conf->signings[i].name, conf->signings[i].csr);
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

static int run_ceremony(struct tool *t, void *args)
{
    const struct ceremony_args *a = args;
    struct ceremony c = {.tool = t, .args = args};
    struct fault f = {0};
    int rc;

    t->conf_path = t->words[0];
    rc = tool_conf(t, &f);
    if (rc == 0)
        rc = check_all(t->conf, &f);
    if (rc != 0)
        return tool_fail(t, &f);
    if (a->dry_run)
        return dry_run(t, t->conf);
    c.conf = t->conf;
    rc = make_folders(c.conf, &f);
    if (rc == 0)
        rc = transcript_open(&c.transcript, t, c.conf->ceremony_dir, &f);
    if (rc == 0)
        rc = hold(&c, &f);
    rc = rc == 0 ? print(&c) : tool_fail(t, &f);
    transcript_close(&c.transcript);
    return rc;
}

static const struct ceremony_args defaults = {.reason = "unspecified"};

static const struct opt opts[] = {
    {"revoke", OPT_TEXTS, offsetof(struct ceremony_args, revoke), "FILE",
     "revoke this certificate, so that the new CRL has it (may be repeated)", 0},
    {"reason", OPT_TEXT, offsetof(struct ceremony_args, reason), "REASON",
     "of --revoke: cACompromise, superseded ... (default unspecified)", 'r'},
    {"dry-run", OPT_FLAG, offsetof(struct ceremony_args, dry_run), NULL,
     "check everything and say what would be made", 'n'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_ceremony = {
    .name = "ceremony",
    .help = "make and sign what an offline CA is asked for, with a transcript",
    .arguments = "FILE [options]",
    .examples = "  cerca ceremony root.conf --dry-run\n"
                "  cerca ceremony root.conf && (cd ceremony && sha256sum -c SHA256SUMS)\n"
                "  cerca ceremony root.conf --revoke issuing.pem --reason cACompromise\n",
    .opts = opts,
    .args_size = sizeof(struct ceremony_args),
    .defaults = &defaults,
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_ceremony,
};
