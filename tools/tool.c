#include "tools/tool.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/proto.h"
#include "lib/text.h"
#include "tools/json.h"

#define LINE_MAX_OCTETS 8192
#define SYSTEM_CONF "/etc/cerca/cerca.conf"

static void say(const struct tool *t, const char *fmt, va_list ap)
{
    char line[LINE_MAX_OCTETS];
    struct buf out;

    (void)vsnprintf(line, sizeof(line), fmt, ap);
    buf_init(&out, 5 * sizeof(line));
    buf_put_str(&out, program.name);
    if (t->command != NULL)
        buf_printf(&out, " %s", t->command->name);
    buf_put_str(&out, ": ");
    text_safe(slice_str(line), true, &out);
    buf_put_str(&out, "\n");
    (void)!write(STDERR_FILENO, out.p, out.n);
    buf_free(&out);
}

void tool_say(const struct tool *t, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(t, fmt, ap);
    va_end(ap);
}

static int say_failed(const struct tool *t, const struct fault *f)
{
    struct buf line;

    buf_init(&line, LINE_MAX_OCTETS);
    fault_print(f, &line);
    tool_say(t, "%s", buf_cstr(&line));
    buf_free(&line);
    return EXIT_FAILED;
}

static int say_pending(const struct tool *t, const struct fault *f)
{
    json_t *o;

    tool_say(t, "%s", f->text);
    if (t->format == FORMAT_JSON) {
        o = json_object();
        json_put(o, "request",
                 f->value[0] != '\0' ? json_integer((json_int_t)strtoull(f->value, NULL, 10))
                                     : json_null());
        json_put(o, "state", json_text("waiting"));
        (void)!json_print(t, o);
    }
    return EXIT_PENDING;
}

int tool_fail(const struct tool *t, const struct fault *f)
{
    return f->code == FAULT_PENDING ? say_pending(t, f) : say_failed(t, f);
}

int tool_fail_to_verify(const struct tool *t, const struct fault *f)
{
    bool unread = fault_retryable(f) || f->code == FAULT_INTERNAL || f->code == FAULT_DENIED;
    int rc = tool_fail(t, f);

    return unread && strcmp(f->rule, "store.damaged") != 0 ? EXIT_UNKNOWN : rc;
}

int tool_usage(const struct tool *t, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(t, fmt, ap);
    va_end(ap);
    if (t->command != NULL)
        (void)fprintf(stderr, "usage: %s %s %s\n(%s %s --help says more)\n", program.name,
                      t->command->name, t->command->arguments, program.name, t->command->name);
    else
        (void)fprintf(stderr, "(%s help lists the commands)\n", program.name);
    return EXIT_USAGE;
}

int tool_print(const struct tool *t, struct slice out)
{
    FILE *to = t->out != NULL ? t->out : stdout;

    if (fwrite(out.p, 1, out.n, to) == out.n && fflush(to) == 0)
        return EXIT_OK;
    tool_say(t, "cannot write to %s: %s", t->out != NULL ? "the file" : "standard output",
             strerror(errno));
    return EXIT_FAILED;
}

int tool_field(char *out, size_t cap, const char *name, const char *text, struct fault *f)
{
    size_t n = text == NULL ? 0 : strlen(text);

    if (n >= cap)
        return fault_set(f, FAULT_TOO_LARGE, "field.size", "%s has more than %zu octets", name,
                         cap - 1);
    if (n > 0)
        memcpy(out, text, n);
    out[n] = 0;
    return 0;
}

int tool_conf_path(const struct tool *t, const char **path, struct fault *f)
{
    const char *named = getenv("CERCA_CONF");

    *path = t->conf_path;
    if (*path == NULL && named != NULL && named[0] != 0)
        *path = named;
    if (*path == NULL && access("cerca.conf", F_OK) == 0)
        *path = "cerca.conf";
    if (*path == NULL && access(SYSTEM_CONF, F_OK) == 0)
        *path = SYSTEM_CONF;
    if (*path != NULL)
        return 0;
    return fault_set(f, FAULT_CONFIG, "conf.missing",
                     "no configuration: -c is not given, CERCA_CONF is not set, and there is no "
                     "./cerca.conf and no " SYSTEM_CONF);
}

int tool_conf(struct tool *t, struct fault *f)
{
    const char *path;
    int rc;

    if (t->conf != NULL)
        return 0;
    rc = tool_conf_path(t, &path, f);
    return rc != 0 ? rc : conf_load(path, &t->conf, f);
}

/* cercad keeps the socket while cerca-ca restarts: nobody there means that nothing runs. */
static int explain_connect(const struct tool *t, struct fault *f)
{
    struct fault why = *f;

    if (why.code != FAULT_UNAVAILABLE)
        return -(int)f->code;
    return fault_unavailable(f, 0, why.rule, "%s; is it running? (cercad -c %s)", why.text,
                             t->conf->path);
}

int tool_connect(struct tool *t, struct fault *f)
{
    struct buf path;
    int rc;

    if (t->client != NULL)
        return 0;
    rc = tool_conf(t, f);
    if (rc != 0)
        return rc;
    buf_init(&path, PATH_MAX);
    conf_admin_socket(t->conf, &path);
    rc = client_open(buf_cstr(&path), &t->client, f);
    buf_free(&path);
    return rc == 0 ? 0 : explain_connect(t, f);
}

int tool_time_left_ms(const struct tool *t)
{
    int64_t spent = (int64_t)(clock_mono_us() - t->started_us) / 1000;
    int64_t left = t->timeout * 1000 - spent;

    if (left > INT_MAX)
        return INT_MAX;
    return left < 1 ? 1 : (int)left;
}

int tool_call(struct tool *t, uint16_t type, struct slice body, uint16_t answer_type,
              struct frame *answer, struct fault *f)
{
    int rc = tool_connect(t, f);

    if (rc == 0)
        rc = client_call(t->client, type, body, tool_time_left_ms(t), answer, f);
    if (rc == 0 && answer->fd >= 0)
        (void)close(answer->fd);
    if (rc == 0 && answer->type != answer_type)
        rc = fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca answered with something else");
    return rc;
}

int tool_broken_answer(struct fault *f)
{
    return fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca sent a broken answer");
}

/* Another connection is taken for the next try: this one may be lost, or stale. */
static void disconnect(struct tool *t)
{
    client_free(t->client);
    t->client = NULL;
}

static size_t ends_in_dot(const char *text)
{
    size_t n = strlen(text);

    return n > 0 && text[n - 1] == '.' ? 1 : 0;
}

int tool_call_patient(struct tool *t, uint16_t type, struct slice body, uint16_t answer_type,
                      struct frame *answer, struct fault *f)
{
    /* A socket that nobody ever answered on is no service that comes back. */
    int rc = tool_connect(t, f);
    unsigned wait;

    if (rc != 0)
        return rc;
    for (t->tries = 1;; t->tries++) {
        rc = tool_call(t, type, body, answer_type, answer, f);
        if (rc == 0 || !fault_retryable(f))
            return rc;
        wait = f->retry_after > 0 ? f->retry_after : 1;
        if ((int64_t)wait * 1000 >= tool_time_left_ms(t))
            return rc;
        tool_say(t, "%.*s; trying again in %u s, for %d s at most",
                 (int)(strlen(f->text) - ends_in_dot(f->text)), f->text, wait,
                 tool_time_left_ms(t) / 1000);
        disconnect(t);
        (void)sleep(wait);
    }
}
