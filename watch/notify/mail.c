#include "watch/notify/mail.h"

#include <stdio.h>
#include <string.h>

#include "lib/http.h"
#include "lib/pem.h"
#include "watch/notify/text.h"
#include "watch/route/route.h"

size_t mail_recipients(const struct notify_target *g, const struct notice *n,
                       const char *out[MAIL_TO_MAX])
{
    const struct conf_channel *c = g->conf;
    bool owner = c->to_owner && route_address(n->contact);
    size_t count = 0;

    for (size_t i = 0; i < c->n_to && count + 1 < MAIL_TO_MAX; i++) {
        out[count++] = c->to[i];
        owner = owner && strcasecmp(c->to[i], n->contact) != 0;
    }
    if (owner)
        out[count++] = n->contact;
    return count;
}

/* ---- header ---- */

static bool is_plain(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p < ' ' || *p > '~')
            return false;
    return strstr(text, "=?") == NULL && strlen(text) <= 66;
}

/* RFC 2047 2: words of at most 75 characters, whole characters in each; a space and a fold
 * between. */
static void put_encoded(struct buf *out, const char *text)
{
    const size_t most = 39; /* octets of a word: the first line has the name too, and 76 at most */
    size_t left = strlen(text);

    while (left > 0) {
        size_t n = left < most ? left : most;

        while (n < left && n > 0 && ((uint8_t)text[n] & 0xc0) == 0x80)
            n--;
        buf_put_str(out, "=?UTF-8?B?");
        base64_put(out, slice_of(text, n), 0);
        buf_put_str(out, left > n ? "?=\r\n " : "?=");
        text += n;
        left -= n;
    }
}

static void put_header(struct buf *out, const char *name, const char *text)
{
    struct buf clean;

    buf_init(&clean, 4096);
    text_clean(&clean, text, false, 1000);
    buf_printf(out, "%s: ", name);
    if (is_plain(buf_cstr(&clean)))
        buf_put_str(out, buf_cstr(&clean));
    else
        put_encoded(out, buf_cstr(&clean));
    buf_put_str(out, "\r\n");
    buf_free(&clean);
}

/* RFC 5322 3.3: HTTP's form but for the zone. */
static void put_date(struct buf *out, int64_t when)
{
    char text[HTTP_DATE_SIZE];

    http_date_put(when, text);
    buf_printf(out, "Date: %.25s +0000\r\n", text);
}

static void put_addresses(const struct notify_target *g, const struct notice *n, struct buf *out)
{
    const char *to[MAIL_TO_MAX];
    size_t count = mail_recipients(g, n, to);

    buf_printf(out, "From: %s\r\nTo: ", g->conf->from);
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : ",\r\n ", to[i]);
    buf_put_str(out, "\r\n");
}

static void put_ids(const struct notify_target *g, const struct notice *n, struct buf *out)
{
    const char *at = strrchr(g->conf->from, '@');
    const char *domain = at == NULL ? "cerca.invalid" : at + 1;
    char key[NOTICE_ID_SIZE];

    buf_printf(out, "Message-ID: <%s@%s>\r\n", n->id, domain);
    if (!n->has_key)
        return;
    text_key(n, key);
    buf_printf(out, "In-Reply-To: <%s.condition@%s>\r\nReferences: <%s.condition@%s>\r\n", key,
               domain, key, domain);
}

/* ---- body ---- */

/* RFC 2045 6.7: at most 76 characters a line, "=" where one goes on. */
static void put_quoted(struct buf *out, const char *text)
{
    size_t column = 0;

    for (const uint8_t *p = (const uint8_t *)text; *p != '\0'; p++) {
        bool last = p[1] == '\0' || p[1] == '\n';
        bool plain = (*p > ' ' && *p <= '~' && *p != '=') || (*p == ' ' && !last);

        if (*p == '\n') {
            buf_put_str(out, "\r\n");
            column = 0;
            continue;
        }
        if (column + (plain ? 1 : 3) > 75) {
            buf_put_str(out, "=\r\n");
            column = 0;
        }
        if (plain)
            buf_put_u8(out, *p);
        else
            buf_printf(out, "=%02X", *p);
        column += plain ? 1 : 3;
    }
}

void mail_render(const struct notify_target *g, const struct notice *n, struct buf *out)
{
    char title[TEXT_TITLE_SIZE];
    struct buf body;

    text_title(n, title);
    put_date(out, n->time);
    put_addresses(g, n, out);
    put_ids(g, n, out);
    put_header(out, "Subject", title);
    buf_printf(out, "X-Cerca-Notice: %s; severity=%s\r\n", notice_kind_word(n->kind),
               severity_word(n->severity));
    if (n->severity == SEVERITY_CRITICAL && n->kind != NOTICE_RESOLVED)
        buf_put_str(out, "Importance: high\r\n");
    buf_put_str(out, "Auto-Submitted: auto-generated\r\n" /* RFC 3834 5 */
                     "MIME-Version: 1.0\r\n"
                     "Content-Type: text/plain; charset=UTF-8\r\n"
                     "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
    buf_init(&body, 4 * NOTICE_TEXT_SIZE);
    text_body(n, g->source, &body);
    put_quoted(out, buf_cstr(&body));
    buf_free(&body);
}
