#include "agent/conf/probe.h"

#include <string.h>

#include "lib/units.h"

static int bad(const char *text, struct fault *f)
{
    return fault_set(f, FAULT_CONFIG, "probe.text",
                     "\"%.100s\" is not HOST:PORT [sni=NAME] [starttls=PROTOCOL]", text);
}

static bool take(struct slice s, char *out, size_t size)
{
    if (s.n == 0 || s.n >= size)
        return false;
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return true;
}

static bool is_port(struct slice s, uint16_t *out)
{
    char digits[8];
    uint64_t v = 0;

    if (!take(s, digits, sizeof(digits)) || units_parse_number(digits, &v) < 0 || v == 0 ||
        v > UINT16_MAX)
        return false;
    *out = (uint16_t)v;
    return true;
}

/* HOST:PORT, or [ADDRESS]:PORT */
static bool read_address(struct slice s, struct probe *out)
{
    const uint8_t *colon = s.n == 0 ? NULL : memrchr(s.p, ':', s.n);
    struct slice host;
    size_t n;

    if (colon == NULL)
        return false;
    n = (size_t)(colon - s.p);
    host = slice_of(s.p, n);
    if (n >= 2 && s.p[0] == '[' && s.p[n - 1] == ']')
        host = slice_of(s.p + 1, n - 2);
    else if (memchr(s.p, ':', n) != NULL)
        return false;
    return take(host, out->host, sizeof(out->host)) &&
           is_port(slice_of(colon + 1, s.n - n - 1), &out->port);
}

static bool read_option(struct slice s, struct probe *out)
{
    static const char sni[] = "sni=", starttls[] = "starttls=";
    char word[16];

    if (s.n > strlen(sni) && memcmp(s.p, sni, strlen(sni)) == 0) {
        out->has_sni = true;
        return take(slice_of(s.p + strlen(sni), s.n - strlen(sni)), out->sni, sizeof(out->sni));
    }
    if (s.n > strlen(starttls) && memcmp(s.p, starttls, strlen(starttls)) == 0)
        return take(slice_of(s.p + strlen(starttls), s.n - strlen(starttls)), word, sizeof(word)) &&
               scan_starttls_of(word, &out->starttls) == 0;
    return false;
}

int probe_parse(const char *text, struct probe *out, struct fault *f)
{
    const char *at = text;
    bool first = true;

    memset(out, 0, sizeof(*out));
    while (*at != '\0') {
        size_t n = strcspn(at, " ");
        struct slice word = slice_of(at, n);

        if (n > 0 && !(first ? read_address(word, out) : read_option(word, out)))
            return bad(text, f);
        first = first && n == 0;
        at += n + (at[n] == ' ');
    }
    return first ? bad(text, f) : 0;
}
