/* RFC 5424, and ArcSight's Common Event Format 0 in its message. */
#include <string.h>

#include "lib/clock.h"
#include "watch/notify/mail.h"
#include "watch/notify/text.h"

/* Of no registered enterprise: that of documentation (RFC 5612). */
#define SD_ID "cerca@32473"
#define BOM "\xef\xbb\xbf"
#define VALUE_MAX 512
#define MESSAGE_MAX 1024

static unsigned priority(const struct notify_target *g, const struct notice *n)
{
    unsigned severity = n->severity == SEVERITY_CRITICAL  ? 2
                        : n->severity == SEVERITY_WARNING ? 4
                                                          : 6;

    if (n->kind == NOTICE_RESOLVED || n->kind == NOTICE_ACKNOWLEDGED)
        severity = 5;
    return g->conf->facility * 8 + severity;
}

/* Text with a backslash before each of `special`. */
static void put_escaped(struct buf *out, const char *text, const char *special, size_t max)
{
    struct buf clean;

    buf_init(&clean, 4 * NOTICE_TEXT_SIZE);
    text_clean(&clean, text, false, max);
    for (const char *p = buf_cstr(&clean); *p != '\0'; p++) {
        if (strchr(special, *p) != NULL)
            buf_put_u8(out, '\\');
        buf_put_u8(out, (uint8_t)*p);
    }
    buf_free(&clean);
}

/* RFC 5424 6.3.3: ", \ and ] are escaped. */
static void put_param(struct buf *out, const char *name, const char *value)
{
    if (value[0] == '\0')
        return;
    buf_printf(out, " %s=\"", name);
    put_escaped(out, value, "\"\\]", VALUE_MAX);
    buf_put_str(out, "\"");
}

/* RFC 5424 6.2: printable ASCII without blanks, "-" for nothing. */
static void put_token(struct buf *out, const char *text, size_t max)
{
    size_t n = 0;

    for (; n < max && text[n] != '\0'; n++)
        buf_put_u8(out, text[n] > ' ' && text[n] <= '~' ? (uint8_t)text[n] : '?');
    if (n == 0)
        buf_put_u8(out, '-');
}

static void put_data(struct buf *out, const struct notice *n)
{
    char key[NOTICE_ID_SIZE], time[CLOCK_TEXT_SIZE];

    text_key(n, key);
    buf_put_str(out, "[" SD_ID);
    put_param(out, "id", n->id);
    put_param(out, "kind", notice_kind_word(n->kind));
    put_param(out, "severity", severity_word(n->severity));
    put_param(out, "rule", n->rule);
    put_param(out, "key", n->has_key ? key : "");
    put_param(out, "subject", n->subject);
    put_param(out, "owner", n->owner);
    if (n->deadline != 0) {
        clock_format(n->deadline, time);
        put_param(out, "deadline", time);
    }
    buf_put_str(out, "]");
}

/* ---- CEF ---- */

static void put_extension(struct buf *out, const char *name, const char *value)
{
    if (value[0] == '\0')
        return;
    buf_printf(out, " %s=", name);
    put_escaped(out, value, "\\=", VALUE_MAX);
}

/* A field of the device's own, with its label. */
static void put_custom(struct buf *out, unsigned number, const char *label, const char *value)
{
    if (value[0] == '\0')
        return;
    buf_printf(out, " cs%uLabel=%s cs%u=", number, label, number);
    put_escaped(out, value, "\\=", VALUE_MAX);
}

static void put_cef(struct buf *out, const struct notify_target *g, const struct notice *n)
{
    unsigned severity = n->severity == SEVERITY_CRITICAL  ? 9
                        : n->severity == SEVERITY_WARNING ? 6
                                                          : 3;
    char title[TEXT_TITLE_SIZE], key[NOTICE_ID_SIZE];

    text_title(n, title);
    text_key(n, key);
    buf_put_str(out, "CEF:0|Cerca|cerca|" CERCA_VERSION "|");
    put_escaped(out, n->rule[0] == '\0' ? notice_kind_word(n->kind) : n->rule, "\\|", 64);
    buf_put_str(out, "|");
    put_escaped(out, title, "\\|", 512);
    buf_printf(out, "|%u|rt=%lld", severity, (long long)n->time * 1000);
    put_extension(out, "externalId", n->id);
    put_extension(out, "cat", notice_kind_word(n->kind));
    put_extension(out, "dvchost", g->source);
    put_custom(out, 1, "subject", n->subject);
    put_custom(out, 2, "owner", n->owner);
    put_custom(out, 3, "condition", n->has_key ? key : "");
    put_extension(out, "msg", n->summary);
}

/* ---- whole ---- */

void syslog_render(const struct notify_target *g, const struct notice *n, const char *host,
                   bool local, struct buf *out)
{
    char title[TEXT_TITLE_SIZE], time[CLOCK_TEXT_SIZE];
    bool cef = g->conf->format == CHANNEL_CEF;

    text_title(n, title);
    clock_format(n->time, time);
    buf_printf(out, "<%u>", priority(g, n));
    if (local) {
        buf_put_str(out, "cerca: ");
    } else {
        buf_printf(out, "1 %s ", time);
        put_token(out, host, 255);
        buf_put_str(out, " cerca - ");
        put_token(out, notice_kind_word(n->kind), 32);
        buf_put_str(out, " ");
        if (cef)
            buf_put_str(out, "-");
        else
            put_data(out, n);
        buf_put_str(out, cef ? " " : " " BOM);
    }
    if (cef) {
        put_cef(out, g, n);
    } else {
        text_clean(out, title, false, MESSAGE_MAX);
        if (local)
            buf_printf(out, " (%s)", n->id);
    }
}
