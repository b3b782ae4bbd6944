/* cerca est hint: when a certificate should be renewed, as its CA suggests it. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "tools/commands.h"
#include "tools/estcall.h"
#include "tools/json.h"
#include "tools/text.h"

#define FILE_MAX 262144
#define URL_ROOM 4096

struct hint_args {
    struct est_args est;
    const char *of;
};

struct hinted {
    int64_t start, end, retry_after;
    char explanation[1024]; /* safe to print; "": none */
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

/* Scheme, host and port of --url, whatever its path. */
static int make_url(const struct hint_args *a, struct buf *out, struct fault *f)
{
    const char *host = a->est.url + strlen("https://");
    uint8_t fingerprint[32];
    char hex[65];

    buf_put_slice(out,
                  slice_of((const uint8_t *)a->est.url, strlen("https://") + strcspn(host, "/?#")));
    buf_put_str(out, "/.well-known/cerca/renewal");
    if (a->of == NULL)
        return 0;
    if (fingerprint_of(a->of, fingerprint, f) != 0)
        return -(int)f->code;
    hex_encode(slice_of(fingerprint, sizeof(fingerprint)), hex);
    buf_printf(out, "/%s", hex);
    return 0;
}

/* ---- what it says (RFC 9773 4.2) ---- */

static int read_answer(const struct http_answer *a, struct hinted *out, struct fault *f)
{
    json_t *o = json_loadb((const char *)a->body.p, a->body.n, JSON_REJECT_DUPLICATES, NULL);
    const json_t *window = json_object_get(o, "suggestedWindow");
    struct buf safe;
    int rc = 0;

    if (window == NULL || clock_parse(json_str(window, "start"), &out->start) != 0 ||
        clock_parse(json_str(window, "end"), &out->end) != 0 || out->end <= out->start)
        rc =
            fault_set(f, FAULT_MALFORMED, "est.hint", "the server suggests no time (RFC 9773 4.2)");
    buf_init(&safe, sizeof(out->explanation) - 1);
    if (rc == 0)
        text_safe(slice_str(json_str(o, "explanation")), false, &safe);
    (void)snprintf(out->explanation, sizeof(out->explanation), "%s",
                   buf_failed(&safe) ? "" : buf_cstr(&safe));
    out->retry_after = a->retry_after;
    buf_free(&safe);
    json_decref(o);
    return rc;
}

static int judge(const struct http_answer *a, struct fault *f)
{
    struct buf why;

    if (a->status == 200)
        return 0;
    buf_init(&why, 4096);
    text_safe(slice_of(a->body.p, a->body.n < 300 ? a->body.n : 300), false, &why);
    (void)fault_set(f,
                    a->status == 403                       ? FAULT_DENIED
                    : a->status == 404                     ? FAULT_NOT_FOUND
                    : a->status >= 500 || a->status == 429 ? FAULT_UNAVAILABLE
                                                           : FAULT_MALFORMED,
                    "est.status", "the server answers with status %ld: %.400s", a->status,
                    buf_cstr(&why));
    buf_free(&why);
    return -(int)f->code;
}

static int ask(struct tool *t, const struct hint_args *a, struct hinted *out, struct fault *f)
{
    struct http_request r = {.accept = "application/json"};
    struct buf url;
    struct est e;
    int rc = est_open(&e, t, &a->est, false, f);

    buf_init(&url, URL_ROOM);
    if (rc == 0)
        rc = make_url(a, &url, f);
    r.url = buf_cstr(&url);
    r.timeout_ms = (int)(t->timeout > 3600 ? 3600 : t->timeout) * 1000;
    if (rc == 0)
        rc = http_session_ask(e.session, &r, NULL, NULL, &e.answer, f);
    if (rc == 0)
        rc = judge(&e.answer, f);
    if (rc == 0)
        rc = read_answer(&e.answer, out, f);
    if (a->est.verbose || (rc != 0 && e.answer.status == 0))
        est_say_talk(&e);
    buf_free(&url);
    est_close(&e);
    return rc;
}

/* ---- out ---- */

static int print(const struct tool *t, const struct hinted *h)
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
    struct hinted h;
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
