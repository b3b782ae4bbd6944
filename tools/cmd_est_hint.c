/* cerca est hint: when a certificate should be renewed, as its CA suggests it. */
#include <stdio.h>
#include <string.h>

#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "tools/commands.h"
#include "client/esthint.h"
#include "tools/estopts.h"
#include "tools/json.h"

#define FILE_MAX 262144

struct hint_args {
    struct est_args est;
    const char *of;
};

static int fingerprint_of(const char *path, uint8_t out[32], struct fault *f)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct buf file, der;
    int rc;

    buf_init(&file, FILE_MAX);
    buf_init(&der, CERT_MAX);
    rc = file_read(path, FILE_MAX, &file, f);
    if (rc == 0)
        rc = pem_or_der(buf_slice(&file), labels, &der, f);
    if (rc == 0)
        cert_fingerprint(buf_slice(&der), out);
    buf_free(&file);
    buf_free(&der);
    return rc;
}

static int ask(struct tool *t, const struct hint_args *a, struct est_hint *out, struct fault *f)
{
    uint8_t fingerprint[32];
    struct est e;
    int rc = est_tool_open(&e, t, &a->est, false, f);

    if (rc == 0 && a->of != NULL)
        rc = fingerprint_of(a->of, fingerprint, f);
    if (rc == 0)
        rc = est_hint_ask(&e, a->of == NULL ? NULL : fingerprint, out, f);
    if (a->est.verbose || (rc != 0 && e.answer.status == 0))
        est_say_talk(NULL, &e);
    est_close(&e);
    return rc;
}

/* ---- out ---- */

static int print(const struct tool *t, const struct est_hint *h)
{
    bool due = clock_now() >= h->start;
    char start[CLOCK_TEXT_SIZE], end[CLOCK_TEXT_SIZE], again[CLOCK_TEXT_SIZE];
    struct buf text;
    json_t *o;
    int rc;

    if (t->format == FORMAT_JSON) {
        o = json_object();
        json_put(o, "start", json_time(h->start));
        json_put(o, "end", json_time(h->end));
        json_put(o, "due", json_boolean(due));
        json_put(o, "explanation", json_text(h->explanation));
        json_put(o, "retry_after", json_integer(h->retry_after));
        return json_print(t, o);
    }
    clock_format(h->start, start);
    clock_format(h->end, end);
    clock_format_span(h->retry_after, again);
    buf_init(&text, 4096);
    buf_printf(&text, "%s between %s and %s: %s\nask again in %s\n",
               due ? "renew it now; it was to be" : "renew it", start, end, h->explanation, again);
    rc = tool_print(t, buf_slice(&text));
    buf_free(&text);
    return rc;
}

static int run_hint(struct tool *t, void *args)
{
    const struct hint_args *a = args;
    struct fault f = {0};
    struct est_hint h;
    int rc = est_check_args(t, &a->est);

    if (rc != EXIT_OK)
        return rc;
    if (a->est.cert == NULL)
        return tool_usage(t, "--cert and --key are missing: only the holder is told");
    return ask(t, a, &h, &f) == 0 ? print(t, &h) : tool_fail(t, &f);
}

static const struct opt opts[] = {
    {"of", OPT_TEXT, offsetof(struct hint_args, of), "FILE",
     "another certificate of the same identity; else that of --cert", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_est_hint = {
    .name = "est hint",
    .help = "when a certificate should be renewed, as its CA suggests it",
    .arguments = "--url URL --cert FILE --key FILE [options]",
    .examples = "  cerca est hint --url https://est.example.com:8443 --trust roots.pem "
                "--cert web.pem --key web.key\n",
    .opts = opts,
    .shared = est_opts,
    .args_size = sizeof(struct hint_args),
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_hint,
};
