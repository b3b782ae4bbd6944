/* `cerca crl show`: printed as it is read, so that a list of any length takes no more memory. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/crl.h"
#include "lib/name.h"
#include "lib/pem.h"
#include "lib/proto.h"
#include "tools/commands.h"
#include "tools/crlcall.h"
#include "tools/json.h"

#define CHUNK 65536

struct show {
    struct tool *tool;
    const struct crl_row *row;
    struct buf out;
    bool failed; /* to print; said */
};

static void flush(struct show *s, size_t least)
{
    if (s->out.n < least || s->failed)
        return;
    s->failed = tool_print(s->tool, buf_slice(&s->out)) != EXIT_OK;
    buf_reset(&s->out);
}

static void put_text_entry(struct show *s, const struct crl_entry *e)
{
    char serial[2 * CRL_SERIAL_MAX + 1], when[CLOCK_TEXT_SIZE], invalid[CLOCK_TEXT_SIZE] = "";

    hex_encode(slice_of(e->serial, e->serial_len), serial);
    clock_format(e->revoked, when);
    if (e->invalidity != 0)
        clock_format(e->invalidity, invalid);
    buf_printf(&s->out, "%s %s %s%s%s\n", serial, when, crl_reason_name(e->reason),
               invalid[0] ? " invalid since " : "", invalid);
}

static void put_json_entry(struct show *s, const struct crl_entry *e, bool first)
{
    char serial[2 * CRL_SERIAL_MAX + 1], when[CLOCK_TEXT_SIZE], invalid[CLOCK_TEXT_SIZE];

    hex_encode(slice_of(e->serial, e->serial_len), serial);
    clock_format(e->revoked, when);
    buf_printf(&s->out, "%s\n  {\"serial\": \"%s\", \"revoked_at\": \"%s\", \"reason\": \"%s\"",
               first ? "" : ",", serial, when, crl_reason_name(e->reason));
    if (e->invalidity != 0) {
        clock_format(e->invalidity, invalid);
        buf_printf(&s->out, ", \"invalidity_date\": \"%s\"", invalid);
    }
    buf_put_str(&s->out, "}");
}

static void put_head(struct show *s, const struct crl_info *i, const char *name)
{
    char from[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];

    clock_format(i->this_update, from);
    clock_format(i->next_update, until);
    if (s->tool->format == FORMAT_JSON) {
        json_t *o = json_object();
        char *text;

        json_put(o, "issuer", json_text(s->row->issuer));
        json_put(o, "subject", json_text(name));
        json_put(o, "list", json_text(s->row->list));
        json_put(o, "number", json_integer((json_int_t)s->row->number));
        json_put(o, "base",
                 s->row->base == 0 ? json_null() : json_integer((json_int_t)s->row->base));
        json_put(o, "algorithm", json_text(sig_alg_name(i->alg)));
        json_put(o, "this_update", json_text(from));
        json_put(o, "next_update", json_text(until));
        text = json_dumps(o, JSON_ENSURE_ASCII);
        buf_put(&s->out, text, strlen(text) - 1); /* the object goes on */
        buf_put_str(&s->out, ", \"revoked\": [");
        free(text);
        json_decref(o);
        return;
    }
    buf_printf(&s->out, "issuer       %s\nlist         %s\n", name, s->row->list);
    if (s->row->base != 0)
        buf_printf(&s->out, "base         %llu\n", (unsigned long long)s->row->base);
    buf_printf(&s->out,
               "number       %llu\nalgorithm    %s\nthis update  %s\n"
               "next update  %s\nentries      %llu\n",
               (unsigned long long)s->row->number, sig_alg_name(i->alg), from, until,
               (unsigned long long)s->row->entries);
}

static int put_entries(struct show *s, struct crl_reader *r, struct fault *f)
{
    struct crl_entry e;
    bool first = true;
    int rc;

    while ((rc = crl_read_entry(r, &e, NULL, f)) == 1 && !s->failed) {
        if (s->tool->format == FORMAT_JSON)
            put_json_entry(s, &e, first);
        else
            put_text_entry(s, &e);
        first = false;
        flush(s, CHUNK);
    }
    if (s->tool->format == FORMAT_JSON)
        buf_put_str(&s->out, first ? "]}\n" : "\n]}\n");
    flush(s, 1);
    return rc < 0 ? rc : 0;
}

static int print_list(struct show *s, struct crl_file *file, uint64_t size, struct fault *f)
{
    const struct crl_input in = {.read = crl_file_read, .arg = file, .size = size};
    struct crl_reader *r;
    struct buf name;
    int rc = crl_read_begin(&in, &r, f);

    if (rc != 0)
        return rc;
    buf_init(&name, 4096);
    name_print(crl_read_info(r)->issuer, &name);
    put_head(s, crl_read_info(r), buf_cstr(&name));
    buf_free(&name);
    rc = put_entries(s, r, f);
    crl_reader_free(r);
    return rc;
}

static int print_der(struct show *s, struct crl_file *file, uint64_t size, struct fault *f)
{
    struct buf der, pem;
    int rc = 0;

    buf_init(&der, size);
    buf_init(&pem, size * 2 + 128);
    while (der.n < size) {
        uint8_t *p = buf_grow(&der, size - der.n);
        int64_t n = crl_file_read(file, p, size - (size_t)(p - der.p));

        der.n = (size_t)(p - der.p) + (size_t)(n > 0 ? n : 0);
        if (n <= 0) {
            rc = fault_set(f, FAULT_INTERNAL, "crl.read", "the CRL cannot be read");
            break;
        }
    }
    if (rc == 0 && s->tool->format == FORMAT_PEM)
        pem_put(&pem, "X509 CRL", buf_slice(&der));
    if (rc == 0)
        s->failed =
            tool_print(s->tool, buf_slice(s->tool->format == FORMAT_PEM ? &pem : &der)) != EXIT_OK;
    buf_free(&der);
    buf_free(&pem);
    return rc;
}

struct show_args {
    const char *list;
};

static const struct opt show_opts[] = {
    {"list", OPT_TEXT, offsetof(struct show_args, list), "LIST",
     "which one: full, delta or shard-K-of-N (default: full)", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

static int run_show(struct tool *t, void *args)
{
    const struct show_args *a = args;
    struct crl_row row;
    struct show s = {.tool = t, .row = &row};
    struct fault f = {0};
    struct stat st;
    int fd, rc;

    buf_init(&s.out, (size_t)2 * CHUNK);
    rc = crl_open(t, t->words[0], a->list != NULL ? a->list : "full", &row, &fd, &f);
    if (rc == 0 && fstat(fd, &st) != 0)
        rc = fault_set(&f, FAULT_INTERNAL, "crl.read", "the CRL cannot be read");
    if (rc == 0) {
        struct crl_file file = {fd, 0};
        uint64_t size = (uint64_t)st.st_size;

        if (t->format == FORMAT_PEM || t->format == FORMAT_DER)
            rc = print_der(&s, &file, size, &f);
        else
            rc = print_list(&s, &file, size, &f);
    }
    if (fd >= 0)
        (void)close(fd);
    buf_free(&s.out);
    if (rc != 0)
        return tool_fail(t, &f);
    return s.failed ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_crl_show = {
    .name = "crl show",
    .help = "print a CRL of an issuer",
    .arguments = "[options] ISSUER",
    .examples = "  cerca crl show issuing\n  cerca crl show issuing -o der >issuing.crl\n"
                "  cerca crl show issuing --list delta\n",
    .opts = show_opts,
    .args_size = sizeof(struct show_args),
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_PEM | FORMAT_DER | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_show,
};
