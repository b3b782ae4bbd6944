/* Many certificates from a CSV file, and a report of what became of each. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/csr.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "tools/commands.h"
#include "client/csrfile.h"
#include "tools/csv.h"
#include "tools/json.h"
#include "tools/progress.h"
#include "tools/request.h"
#include "tools/rows.h"
#include "tools/seen.h"

#define FILE_OCTETS_MAX (64u << 20)

struct bulk_args {
    const char *out_dir, *profile, *owner, *key_type;
    int64_t validity;
    bool dry_run;
};

/* What a column of the file fills; the first line names them, in any order. */
enum column_of {
    C_NAME,
    C_SANS,
    C_PROFILE,
    C_OWNER,
    C_VALIDITY,
    C_SUBJECT,
    C_KEY_TYPE,
    C_CSR,
    N_COLUMNS
};
static const char *const column_names[N_COLUMNS] = {
    [C_NAME] = "name",         [C_SANS] = "sans",         [C_PROFILE] = "profile",
    [C_OWNER] = "owner",       [C_VALIDITY] = "validity", [C_SUBJECT] = "subject",
    [C_KEY_TYPE] = "key_type", [C_CSR] = "csr",
};

struct bulk {
    struct tool *tool;
    const struct bulk_args *args;
    struct csv csv;
    int column[N_COLUMNS]; /* index of the field; -1: the file has none */
    struct seen names;     /* of the rows so far */
    struct rows report;
    size_t issued, there, refused, waiting;
    bool unknown; /* the CA did not answer: there could be a certificate for the last row */
    bool stop;    /* that, or it would refuse the next row too */
};

/* One row. */
struct item {
    const char *field[N_COLUMNS]; /* "" when empty or absent */
    char *pem, *key, *csr;        /* paths */
    bool own_key;                 /* made here, now or by an earlier run */
    bool made_now;
    struct request_args args;
    char *sans;
    char request_key[65];
    struct job_result result;
};

/* ---- the file ---- */

static int read_head(struct bulk *b, struct fault *f)
{
    int rc = csv_next(&b->csv, f);

    for (size_t c = 0; c < N_COLUMNS; c++)
        b->column[c] = -1;
    if (rc == 1)
        return fault_set(f, FAULT_MALFORMED, "bulk.empty", "the file is empty");
    for (size_t i = 0; rc == 0 && i < b->csv.n; i++) {
        size_t c = 0;

        while (c < N_COLUMNS && strcasecmp(b->csv.field[i], column_names[c]) != 0)
            c++;
        if (c == N_COLUMNS || b->column[c] >= 0)
            return fault_refuse(f, "bulk.column", "column", slice_str(b->csv.field[i]),
                                "name, sans, profile, owner, validity, subject, key_type, csr, "
                                "each once");
        b->column[c] = (int)i;
    }
    if (rc == 0 && b->column[C_NAME] < 0)
        return fault_set(f, FAULT_MALFORMED, "bulk.column",
                         "there is no column \"name\": the files' names without their ending");
    return rc;
}

static void read_fields(const struct bulk *b, struct item *i)
{
    for (size_t c = 0; c < N_COLUMNS; c++) {
        int at = b->column[c];

        i->field[c] = at >= 0 && (size_t)at < b->csv.n ? b->csv.field[at] : "";
    }
}

/* ---- one row ---- */

static bool good_name(const char *name)
{
    if (name[0] == 0 || name[0] == '.' || strlen(name) > 200)
        return false;
    for (const char *p = name; *p != 0; p++)
        if (!isalnum((unsigned char)*p) && strchr("._-@+", *p) == NULL)
            return false;
    return true;
}

static char *path_of(const struct bulk *b, const char *name, const char *ending)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s.%s", b->args->out_dir, name, ending) < 0)
        abort();
    return path;
}

static const char *either(const char *given, const char *otherwise)
{
    return given[0] != 0 ? given : otherwise;
}

static int split_sans(struct item *i, struct fault *f)
{
    char *save = NULL;

    i->sans = xstrdup(i->field[C_SANS]);
    for (char *p = strtok_r(i->sans, " ;", &save); p != NULL; p = strtok_r(NULL, " ;", &save)) {
        if (i->args.sans.n == SAN_MAX)
            return fault_set(f, FAULT_TOO_LARGE, "bulk.sans", "more than %d names", SAN_MAX);
        i->args.sans.item[i->args.sans.n++] = p;
    }
    return 0;
}

/* A second row of the same name would be passed over for the files of the first. */
static int check_name(struct bulk *b, const char *name, struct fault *f)
{
    uint64_t before;

    if (!good_name(name))
        return fault_refuse(f, "bulk.name", "name", slice_str(name),
                            "letters, digits and ._-@+, for files of that name");
    before = seen_before(&b->names, name, b->csv.line);
    return before == 0 ? 0
                       : fault_set(f, FAULT_MALFORMED, "bulk.twice",
                                   "line %llu has this name already", (unsigned long long)before);
}

static int fill_args(struct bulk *b, struct item *i, struct fault *f)
{
    const char *subject = i->field[C_SUBJECT];
    int64_t validity = b->args->validity;
    int rc = check_name(b, i->field[C_NAME], f);

    if (rc != 0)
        return rc;
    i->args = request_defaults;
    i->args.profile = either(i->field[C_PROFILE], b->args->profile);
    i->args.owner = either(i->field[C_OWNER], b->args->owner);
    i->args.key_type = either(i->field[C_KEY_TYPE], b->args->key_type);
    i->args.subject = subject[0] != 0 ? subject : NULL;
    i->args.dry_run = b->args->dry_run;
    if (i->args.profile == NULL || i->args.profile[0] == 0)
        return fault_set(f, FAULT_MALFORMED, "bulk.profile",
                         "neither a profile here nor --profile");
    if (i->field[C_VALIDITY][0] != 0 && clock_parse_span(i->field[C_VALIDITY], &validity) != 0)
        return fault_refuse(f, "bulk.validity", "validity", slice_str(i->field[C_VALIDITY]),
                            "a span such as 90d");
    i->args.validity = validity;
    i->pem = path_of(b, i->field[C_NAME], "pem");
    i->key = path_of(b, i->field[C_NAME], "key");
    i->csr =
        i->field[C_CSR][0] != 0 ? xstrdup(i->field[C_CSR]) : path_of(b, i->field[C_NAME], "csr");
    i->own_key = i->field[C_CSR][0] == 0;
    i->args.csr = i->csr;
    i->args.out = b->args->dry_run ? NULL : i->pem;
    return split_sans(i, f);
}

static int write_csr(const struct item *i, struct slice der, struct fault *f)
{
    struct buf pem;
    int rc;

    buf_init(&pem, 2 * CSR_MAX);
    pem_put(&pem, "CERTIFICATE REQUEST", der);
    rc = file_write(i->csr, 0600, buf_slice(&pem), f);
    buf_free(&pem);
    return rc;
}

/* The row may have been changed since: what it says now goes into the certificate, or none. */
static int check_left(const struct item *i, const struct job *j, struct fault *f)
{
    struct csr csr;
    struct buf der;
    char type[24];
    int rc;

    buf_init(&der, CSR_MAX);
    rc = csrfile_read(i->csr, &der, f);
    if (rc == 0)
        rc = csr_parse(buf_slice(&der), &csr, f);
    if (rc == 0)
        key_describe(csr.key.type, csr.key.bits, type);
    if (rc == 0 &&
        (!slice_eq(csr.subject, buf_slice(&j->subject)) || strcmp(type, i->args.key_type) != 0))
        rc = fault_set(f, FAULT_CONFLICT, "bulk.left",
                       "%.80s and its key, left by an interrupted run, are for another subject or "
                       "type of key: remove both once no certificate is missing",
                       i->csr);
    buf_free(&der);
    return rc;
}

/* Key and CSR are on the disk before anything is asked for. Those of an earlier run that was
 * interrupted are used again, and so lead to the same certificate if there is one already. */
/* The CSR first: alone it is worth nothing and is made anew, a key alone could be anybody's. The
 * key appears whole, so that both together are a request that may have been sent. */
static int write_key(struct item *i, struct job *j, struct fault *f)
{
    int rc;

    if (access(i->key, F_OK) == 0)
        return fault_set(f, FAULT_CONFLICT, "bulk.key",
                         "%.120s is there already, without a certificate or a request of this "
                         "command: move it away",
                         i->key);
    rc = newkey_make(i->args.key_type, buf_slice(&j->subject), &j->key_pem, &j->csr, f);
    if (rc == 0)
        rc = write_csr(i, buf_slice(&j->csr), f);
    if (rc == 0)
        rc = keyfile_whole(i->key, buf_slice(&j->key_pem), f);
    i->made_now = rc == 0;
    return rc;
}

static int make_key(struct item *i, struct tool *t, struct fault *f)
{
    bool left = access(i->csr, F_OK) == 0 && access(i->key, F_OK) == 0;
    struct request_args local = i->args;
    struct job j;
    int rc;

    local.csr = NULL;
    local.key_out = i->key;
    if (job_begin(&j, t, &local) != EXIT_OK)
        return fault_set(f, FAULT_MALFORMED, "bulk.row", "the row is contradictory");
    rc = job_fill(&j, f);
    if (rc == 0)
        rc = left ? check_left(i, &j, f) : write_key(i, &j, f);
    job_free(&j);
    return rc;
}

/* The same row and CSR have the same request key in every run. */
static int derive_request_key(struct item *i, struct fault *f)
{
    struct buf all;
    uint8_t hash[32];
    int rc;

    buf_init(&all, 4 * CSR_MAX);
    rc = file_read(i->csr, 2 * CSR_MAX, &all, f);
    if (rc == 0) {
        all.max = 8 * CSR_MAX;
        for (size_t c = 0; c < N_COLUMNS; c++)
            buf_put(&all, i->field[c], strlen(i->field[c]) + 1);
        buf_printf(&all, "%s %s %lld", i->args.profile, i->args.owner != NULL ? i->args.owner : "",
                   (long long)i->args.validity);
        sha256(buf_slice(&all), hash);
        hex_encode(slice_of(hash, sizeof(hash)), i->request_key);
        i->args.request_key = i->request_key;
    }
    buf_free(&all);
    return rc;
}

/* A key of an earlier run stays: nobody knows what became of it. */
static void tidy(const struct item *i, bool issued)
{
    if (i->own_key && (issued || i->made_now))
        (void)unlink(i->csr);
    if (i->made_now && !issued)
        (void)unlink(i->key);
}

static int ask(struct item *i, struct tool *t, bool *unknown, struct fault *f)
{
    struct job j;
    int rc;

    *unknown = false;
    t->started_us = clock_mono_us(); /* --timeout is for one row */
    if (job_begin(&j, t, &i->args) != EXIT_OK)
        return fault_set(f, FAULT_MALFORMED, "bulk.row", "the row is contradictory");
    if (i->own_key) /* its subject is in the CSR that was made here */
        i->args.subject = NULL;
    rc = job_fill(&j, f);
    if (rc == 0)
        rc = job_issue(&j, t, &i->result, f);
    *unknown = j.unknown;
    job_free(&j);
    return rc;
}

static int issue_one(struct bulk *b, struct item *i, struct fault *f)
{
    bool unknown;
    int rc = i->own_key ? make_key(i, b->tool, f) : 0;

    if (rc == 0)
        rc = derive_request_key(i, f);
    if (rc != 0)
        return rc;
    rc = ask(i, b->tool, &unknown, f);
    b->unknown = unknown && rc != -FAULT_PENDING;
    b->stop = b->unknown || (rc != 0 && fault_retryable(f));
    if (!unknown)
        tidy(i, rc == 0 && !b->args->dry_run);
    return rc;
}

/* ---- the report ---- */

static void cell_what(const json_t *row, struct buf *out)
{
    const char *allowed = json_str(row, "allowed");

    buf_printf(out, "%s%s", json_str(row, "serial"), json_str(row, "text"));
    if (allowed[0] != '\0')
        buf_printf(out, "; allowed: %s", allowed);
}

static const struct column columns[] = {
    {"NAME", "name", 24, COLUMN_ALWAYS, NULL},
    {"RESULT", "result", 8, COLUMN_ALWAYS, NULL},
    {"SERIAL, OR WHY NOT", NULL, 0, COLUMN_ALWAYS, cell_what},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {"line", "name",  "result", "serial",  "not_after", "rule",
                                   "text", "field", "value",  "allowed", NULL};
static const struct sheet sheet = {columns, keys};

static int report(struct bulk *b, const struct item *i, const char *result, const struct fault *f)
{
    json_t *o = json_object();

    json_put(o, "line", json_integer((json_int_t)b->csv.line));
    json_put(o, "name", json_text(i->field[C_NAME]));
    json_put(o, "result", json_string(result));
    json_put(o, "serial", json_text(i->result.serial));
    json_put(o, "not_after",
             i->result.not_after != 0 ? json_time(i->result.not_after) : json_null());
    json_put(o, "rule", json_text(f->rule));
    json_put(o, "text", json_text(f->text));
    json_put(o, "field", json_text(f->field));
    json_put(o, "value", json_text(f->value));
    json_put(o, "allowed", json_text(f->allowed));
    return rows_add(&b->report, o);
}

static void item_free(struct item *i)
{
    free(i->pem);
    free(i->key);
    free(i->csr);
    free(i->sans);
}

/* What the file of a row that is there holds, for the report; nothing where it cannot be read. */
static void read_there(struct item *i)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct fault ignored;
    struct buf text = {0}, der;
    struct cert c;

    buf_init(&der, FRAME_BODY_MAX);
    if (file_read(i->pem, FRAME_BODY_MAX, &text, &ignored) == 0 &&
        pem_or_der(buf_slice(&text), labels, &der, &ignored) == 0 &&
        cert_parse(buf_slice(&der), &c, &ignored) == 0 && c.serial.n == SERIAL_LEN) {
        hex_encode(c.serial, i->result.serial);
        i->result.not_after = c.not_after;
    }
    buf_free(&text);
    buf_free(&der);
}

static int one_row(struct bulk *b)
{
    struct item i = {0};
    struct fault f = {0};
    const char *result = "issued";
    int rc;

    read_fields(b, &i);
    rc = fill_args(b, &i, &f);
    if (rc == 0 && access(i.pem, F_OK) == 0) {
        result = "there";
        b->there++;
        read_there(&i);
        if (!b->args->dry_run)
            tidy(&i, true); /* a run may have been killed just before it */
    } else if (rc == 0 && (rc = issue_one(b, &i, &f)) == 0) {
        result = b->args->dry_run ? "would be" : "issued";
        b->issued++;
    }
    if (rc == -FAULT_PENDING) {
        result = "waiting";
        b->waiting++;
    } else if (rc != 0) {
        result = b->unknown ? "unknown" : "refused";
        b->refused++;
    }
    rc = report(b, &i, result, &f);
    item_free(&i);
    return rc;
}

static int all_rows(struct bulk *b, uint64_t total, struct fault *f)
{
    struct progress bar = {0};
    uint64_t done = 0;
    int rc;

    while ((rc = csv_next(&b->csv, f)) == 0 && !b->stop) {
        if (one_row(b) != EXIT_OK) {
            rc = fault_set(f, FAULT_INTERNAL, "output", "the report cannot be written");
            break;
        }
        progress_draw(&bar, "issuing", ++done, total);
    }
    progress_end(&bar);
    return rc == 1 || b->stop ? 0 : rc;
}

static int run_rows(struct bulk *b, struct slice text, struct fault *f)
{
    int rc;

    csv_init(&b->csv, text);
    rc = read_head(b, f);
    if (rc == 0) {
        rows_begin(&b->report, b->tool, &sheet);
        rc = all_rows(b, csv_lines(text), f);
        if (rc != 0)
            rows_drop(&b->report);
        else if (rows_end(&b->report) != EXIT_OK)
            rc = fault_set(f, FAULT_INTERNAL, "output", "the report is not complete");
    }
    seen_free(&b->names);
    csv_free(&b->csv);
    return rc;
}

static int prepare(struct tool *t, const struct bulk_args *a, struct fault *f)
{
    if (mkdir(a->out_dir, 0700) != 0 && errno != EEXIST)
        return fault_set(f, FAULT_NOT_FOUND, "bulk.out", "cannot make the folder %.120s: %s",
                         a->out_dir, strerror(errno));
    return tool_connect(t, f);
}

static int run_bulk(struct tool *t, void *args)
{
    struct bulk b = {.tool = t, .args = args};
    struct buf text = {0};
    struct fault f = {0};
    int rc;

    if (b.args->out_dir == NULL)
        return tool_usage(t, "--out-dir is missing");
    rc = file_read(t->words[0], FILE_OCTETS_MAX, &text, &f);
    if (rc == 0)
        rc = prepare(t, b.args, &f);
    if (rc == 0)
        rc = run_rows(&b, buf_slice(&text), &f);
    buf_free(&text);
    if (rc != 0)
        return tool_fail(t, &f);
    tool_say(t, "%zu %s, %zu there before, %zu refused", b.issued,
             b.args->dry_run ? "would be issued" : "issued", b.there, b.refused);
    if (b.waiting > 0)
        tool_say(t, "%zu wait for approval; the same command asks for them again", b.waiting);
    if (b.stop)
        tool_say(t, "%s; the same command goes on where this one stopped",
                 b.unknown ? "cerca-ca does not answer" : "nothing more is issued now");
    return b.refused > 0 ? EXIT_FAILED : b.waiting > 0 ? EXIT_PENDING : EXIT_OK;
}

static const struct bulk_args defaults = {.key_type = "p256"};

#define AT(field) offsetof(struct bulk_args, field)
static const struct opt opts[] = {
    {"out-dir", OPT_TEXT, AT(out_dir), "DIR", "where NAME.key and NAME.pem go", 0},
    {"profile", OPT_TEXT, AT(profile), "NAME", "for rows that name none", 'p'},
    {"owner", OPT_TEXT, AT(owner), "NAME", "for rows that name none", 0},
    {"key-type", OPT_TEXT, AT(key_type), "TYPE", "for rows that name none (default p256)", 0},
    {"validity", OPT_SPAN, AT(validity), "SPAN", "for rows that name none", 0},
    {"dry-run", OPT_FLAG, AT(dry_run), NULL, "say what would be issued; record and keep nothing",
     'n'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_bulk = {
    .name = "bulk",
    .help = "issue many certificates from a CSV file",
    .arguments = "FILE --out-dir DIR [options]",
    .examples = "  printf 'name,sans\\nweb,dns:web.example.com\\ndb,dns:db.example.com "
                "ip:192.0.2.7\\n' |\n"
                "      cerca bulk - --out-dir certs --profile tls-server -o csv >report.csv\n",
    .opts = opts,
    .args_size = sizeof(struct bulk_args),
    .defaults = &defaults,
    .min = 1,
    .max = 1,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_bulk,
};
