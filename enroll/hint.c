#include "enroll/hint.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/http.h"
#include "lib/pem.h"

#define TEXT_MAX 2048
#define NAME_MAX_LEN 160

/* ---- which certificate ---- */

/* RFC 4648 5, without padding (RFC 9773 4.1), and in the one way that there is to write it. */
static int base64url_get(struct slice text, struct buf *out)
{
    struct buf plain, again;
    int rc = -1;

    buf_init(&plain, NAME_MAX_LEN + 4);
    buf_init(&again, NAME_MAX_LEN + 4);
    for (size_t i = 0; i < text.n; i++) {
        char c = (char)text.p[i];

        if (strchr("+/= \t\r\n", c) != NULL) /* which are of other alphabets; NUL too */
            goto out;
        buf_put_u8(&plain, (uint8_t)(c == '-' ? '+' : c == '_' ? '/' : c));
    }
    while (plain.n % 4 != 0)
        buf_put_str(&plain, "=");
    if (base64_get(buf_slice(&plain), out) != 0 || buf_failed(out))
        goto out;
    base64_put(&again, buf_slice(out), 0);
    rc = slice_eq(buf_slice(&plain), buf_slice(&again)) ? 0 : -1;
out:
    buf_free(&plain);
    buf_free(&again);
    return rc;
}

/* The contents of a DER INTEGER, at most with the octet that makes it positive. */
static int take_serial(struct slice s, uint8_t out[SERIAL_LEN])
{
    if (s.n == SERIAL_LEN + 1 && s.p[0] == 0)
        s = slice_of(s.p + 1, SERIAL_LEN);
    if (s.n != SERIAL_LEN)
        return -1;
    memcpy(out, s.p, SERIAL_LEN);
    return 0;
}

/* keyIdentifier "." serialNumber */
static int take_identifier(const char *name, struct enroll_hint_request *out,
                           uint8_t room[ENROLL_KEYID_MAX])
{
    const char *dot = strchr(name, '.');
    struct buf keyid, serial;
    int rc = -1;

    if (dot == NULL)
        return -1;
    buf_init(&keyid, ENROLL_KEYID_MAX);
    buf_init(&serial, SERIAL_LEN + 1);
    if (base64url_get(slice_of((const uint8_t *)name, (size_t)(dot - name)), &keyid) == 0 &&
        keyid.n > 0 && base64url_get(slice_str(dot + 1), &serial) == 0 &&
        take_serial(buf_slice(&serial), out->serial) == 0) {
        memcpy(room, keyid.p, keyid.n);
        out->keyid = slice_of(room, keyid.n);
        out->of = HINT_OF_SERIAL;
        rc = 0;
    }
    buf_free(&keyid);
    buf_free(&serial);
    return rc;
}

int hint_path(const char *target, struct enroll_hint_request *out, uint8_t room[ENROLL_KEYID_MAX])
{
    char path[HTTP_PATH_MAX];
    size_t n = strlen(HINT_PATH);
    const char *name;

    memset(out, 0, sizeof(*out));
    if (http_path(target, path) != 0 || strncmp(path, HINT_PATH, n) != 0)
        return 1;
    if (path[n] == '\0')
        return 0;
    if (path[n] != '/')
        return 1;
    name = path + n + 1;
    if (strlen(name) > NAME_MAX_LEN)
        return -1;
    if (strlen(name) == 64 && hex_decode(name, out->fingerprint, sizeof(out->fingerprint)) == 0) {
        out->of = HINT_OF_FINGERPRINT;
        return 0;
    }
    return take_identifier(name, out, room);
}

/* ---- the answer ---- */

/* RFC 8259 7 */
static void put_string(struct buf *out, const char *text)
{
    buf_put_str(out, "\"");
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x20 || c == '"' || c == '\\')
            buf_printf(out, "\\u%04x", c);
        else
            buf_put_u8(out, c);
    }
    buf_put_str(out, "\"");
}

static void put_time(struct buf *out, const char *name, int64_t t)
{
    char text[CLOCK_TEXT_SIZE];

    clock_format(t, text);
    buf_printf(out, "\"%s\":\"%s\"", name, text);
}

void reply_hint(const struct enroll_hint *h, struct http_answer *out)
{
    char hex[2 * sizeof(h->fingerprint) + 1], seconds[16];
    struct buf text;

    buf_init(&text, TEXT_MAX);
    buf_put_str(&text, "{\"suggestedWindow\":{");
    put_time(&text, "start", h->start);
    buf_put_str(&text, ",");
    put_time(&text, "end", h->end);
    buf_put_str(&text, "},\"explanation\":");
    put_string(&text, h->explanation);
    hex_encode(slice_of(h->fingerprint, sizeof(h->fingerprint)), hex);
    buf_printf(&text, ",\"fingerprint\":\"%s\",", hex);
    put_time(&text, "notAfter", h->not_after);
    buf_put_str(&text, "}\n");
    (void)snprintf(seconds, sizeof(seconds), "%u", h->retry_after);
    out->status = 200;
    out->type = "application/json";
    out->max_age = -1;
    http_answer_field(out, "Retry-After", seconds);
    http_answer_keep(out, &text);
}
