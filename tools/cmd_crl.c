/* `cerca crl list`, `publish` and `install`; `crl show` is in cmd_crl_show.c. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/crl.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "lib/proto.h"
#include "tools/commands.h"
#include "tools/crlcall.h"
#include "tools/rows.h"

static json_t *row_json(const struct crl_row *r)
{
    json_t *o = json_object();
    int64_t now = clock_now();

    json_put(o, "issuer", json_text(r->issuer));
    json_put(o, "list", json_text(r->list));
    json_put(o, "state", json_text(r->state));
    json_put(o, "number", r->number == 0 ? json_null() : json_integer((json_int_t)r->number));
    json_put(o, "base", r->base == 0 ? json_null() : json_integer((json_int_t)r->base));
    json_put(o, "this_update", r->number == 0 ? json_null() : json_time(r->this_update));
    json_put(o, "next_update", r->number == 0 ? json_null() : json_time(r->next_update));
    json_put(o, "next", r->next == 0 ? json_null() : json_time(r->next));
    json_put(o, "entries", json_integer((json_int_t)r->entries));
    json_put(o, "octets", json_integer((json_int_t)r->octets));
    json_put(o, "age", r->number == 0 ? json_null() : json_integer(now - r->this_update));
    json_put(o, "installed", json_boolean(r->installed));
    json_put(o, "text", json_text(r->text));
    return o;
}

static void put_age(const json_t *row, struct buf *out)
{
    const json_t *age = json_object_get(row, "age");
    char text[CLOCK_TEXT_SIZE];

    if (!json_is_integer(age))
        return;
    clock_format_span(json_integer_value(age) < 0 ? 0 : json_integer_value(age), text);
    buf_put_str(out, text);
}

static const struct column columns[] = {
    {"ISSUER", "issuer", 14, COLUMN_ALWAYS, NULL},
    {"LIST", "list", 10, COLUMN_ALWAYS, NULL},
    {"STATE", "state", 8, COLUMN_ALWAYS, NULL},
    {"NUMBER", "number", 11, COLUMN_ALWAYS, NULL},
    {"ENTRIES", "entries", 8, COLUMN_ALWAYS, NULL},
    {"AGE", "age", 10, COLUMN_ALWAYS, put_age},
    {"NEXT", "next", 20, COLUMN_WIDE, NULL},
    {"NEXT UPDATE", "next_update", 20, COLUMN_ALWAYS, NULL},
    {"BASE", "base", 11, COLUMN_WIDE, NULL},
    {"OCTETS", "octets", 10, COLUMN_WIDE, NULL},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};

static const char *const keys[] = {
    "issuer", "list",    "state",  "number", "base",      "this_update", "next_update",
    "next",   "entries", "octets", "age",    "installed", "text",        NULL,
};

static const struct sheet sheet = {columns, keys};

/* What there is of all issuers. */
static int get_rows(struct tool *t, struct crl_row list[CRL_ROWS_MAX], size_t *n, struct fault *f)
{
    struct frame answer;
    struct wire_in w;
    int rc = tool_connect(t, f);

    *n = 0;
    if (rc == 0)
        rc = tool_call_patient(t, MSG_CRL_LIST, SLICE_NONE, MSG_CRL_LISTED, &answer, f);
    if (rc != 0)
        return rc;
    wire_in_init(&w, answer.body);
    *n = wire_get_count(&w, CRL_ROWS_MAX, 1);
    for (size_t i = 0; i < *n; i++)
        crl_row_get(&w, &list[i]);
    return wire_in_done(&w)
               ? 0
               : fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca sent a broken list");
}

static int print_rows(struct tool *t, const struct crl_row *list, size_t n)
{
    struct rows rows;

    rows_begin(&rows, t, &sheet);
    for (size_t i = 0; i < n; i++)
        if (rows_add(&rows, row_json(&list[i])) != EXIT_OK) {
            rows_drop(&rows);
            return EXIT_FAILED;
        }
    return rows_end(&rows);
}

static int run_list(struct tool *t, void *args)
{
    struct crl_row *list = xcalloc(CRL_ROWS_MAX, sizeof(*list));
    struct fault f = {0};
    size_t n;
    int rc;

    (void)args;
    rc = get_rows(t, list, &n, &f) != 0 ? tool_fail(t, &f) : print_rows(t, list, n);
    free(list);
    return rc;
}

const struct command cmd_crl_list = {
    .name = "crl list",
    .help = "list the CRLs: number, age, and when the next one is due",
    .arguments = "[options]",
    .examples = "  cerca crl list\n",
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_list,
};

/* ---- publish ---- */

struct change_args {
    bool dry_run;
    const char *list; /* of publish */
};

static const struct opt change_opts[] = {
    {"dry-run", OPT_FLAG, offsetof(struct change_args, dry_run), NULL,
     "say what would be done, and do nothing", 'n'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

static const struct opt publish_opts[] = {
    {"dry-run", OPT_FLAG, offsetof(struct change_args, dry_run), NULL,
     "say what would be done, and do nothing", 'n'},
    {"list", OPT_TEXT, offsetof(struct change_args, list), "LIST",
     "this one alone: full, delta or shard-K-of-N (default: full, and the others follow)", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

/* Those that were named, and without a name all that can be made here: by the full one. */
static size_t choose(const struct tool *t, struct crl_row *list, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].list, "full") == 0 &&
            (t->n_words > 0 ? strcmp(t->words[0], list[i].issuer) == 0 : !list[i].installed))
            list[kept++] = list[i];
    return kept;
}

static int publish_all(struct tool *t, const struct change_args *args, struct crl_row *list,
                       struct fault *f)
{
    size_t n;

    if (get_rows(t, list, &n, f) != 0)
        return tool_fail(t, f);
    n = choose(t, list, n);
    if (n == 0) {
        (void)fault_set(f, FAULT_NOT_FOUND, "crl.issuer", "no issuer \"%.64s\" with a certificate",
                        t->n_words > 0 ? t->words[0] : "");
        return tool_fail(t, f);
    }
    for (size_t i = 0; i < n && !args->dry_run; i++)
        if (crl_publish(t, list[i].issuer, args->list != NULL ? args->list : "full", &list[i], f) !=
            0)
            return tool_fail(t, f);
    if (args->dry_run)
        tool_say(t, "dry run: a new CRL would be published for each of these");
    return print_rows(t, list, n);
}

static int run_publish(struct tool *t, void *args)
{
    struct crl_row *list = xcalloc(CRL_ROWS_MAX, sizeof(*list));
    struct fault f = {0};
    int rc = publish_all(t, args, list, &f);

    free(list);
    return rc;
}

const struct command cmd_crl_publish = {
    .name = "crl publish",
    .help = "publish a new CRL now, of one issuer or of all",
    .arguments = "[options] [ISSUER]",
    .examples = "  cerca crl publish issuing\n  cerca crl publish issuing --list delta\n",
    .opts = publish_opts,
    .args_size = sizeof(struct change_args),
    .max = 1,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_publish,
};

/* ---- install ---- */

static int read_file(const char *path, struct buf *der, struct fault *f)
{
    static const char *const labels[] = {"X509 CRL", NULL};
    struct buf file;
    int rc;

    buf_init(&file, 0);
    rc = file_read(path, (size_t)2 * CRL_INSTALL_MAX, &file, f);
    if (rc == 0)
        rc = pem_or_der(buf_slice(&file), labels, der, f);
    buf_free(&file);
    return rc;
}

/* As far as it can be told without the issuer's key. */
static int describe(struct slice der, struct crl_row *out, struct fault *f)
{
    struct slice rest = der;
    const struct crl_input in = {.read = crl_memory_read, .arg = &rest, .size = der.n};
    struct crl_reader *r;
    struct crl_entry e;
    int rc = crl_read_begin(&in, &r, f);

    memset(out, 0, sizeof(*out));
    if (rc != 0)
        return rc;
    while ((rc = crl_read_entry(r, &e, NULL, f)) == 1)
        ;
    if (rc == 0)
        rc = crl_read_end(r, f);
    if (rc == 0) {
        const struct crl_info *i = crl_read_info(r);

        memcpy(out->list, "full", 5);
        memcpy(out->state, "dry run", 8);
        out->number = i->number;
        out->this_update = i->this_update;
        out->next_update = i->next_update;
        out->entries = i->entries;
        out->octets = der.n;
        out->installed = true;
    }
    crl_reader_free(r);
    return rc;
}

static int send_file(struct tool *t, struct slice der, struct crl_row *row, struct fault *f)
{
    int fd = memfd_create("crl", MFD_CLOEXEC);
    struct frame answer;
    int rc;

    if (fd < 0 || write(fd, der.p, der.n) != (ssize_t)der.n)
        rc = fault_set(f, FAULT_INTERNAL, "crl.write", "no memory for the CRL");
    else
        rc = client_call_fd(t->client, MSG_CRL_INSTALL, SLICE_NONE, fd, tool_time_left_ms(t),
                            &answer, f);
    if (fd >= 0)
        (void)close(fd);
    return rc == 0 ? crl_row_read(&answer, row, f) : rc;
}

static int run_install(struct tool *t, void *args)
{
    const struct change_args *a = args;
    struct fault f = {0};
    struct crl_row row;
    struct buf der;
    int rc;

    buf_init(&der, CRL_INSTALL_MAX);
    rc = read_file(t->words[0], &der, &f);
    if (rc == 0)
        rc = describe(buf_slice(&der), &row, &f);
    if (rc == 0 && !a->dry_run)
        rc = tool_connect(t, &f);
    if (rc == 0 && !a->dry_run)
        rc = send_file(t, buf_slice(&der), &row, &f);
    buf_free(&der);
    return rc == 0 ? print_rows(t, &row, 1) : tool_fail(t, &f);
}

const struct command cmd_crl_install = {
    .name = "crl install",
    .help = "publish the CRL of an issuer whose key is not here (PEM or DER)",
    .arguments = "[options] FILE",
    .examples = "  cerca crl install root.crl\n",
    .opts = change_opts,
    .args_size = sizeof(struct change_args),
    .min = 1,
    .max = 1,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_install,
};
