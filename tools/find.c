#include "tools/find.h"

#include <string.h>

/* Digits of a serial or of a SHA-256 fingerprint in `out`, or -1. */
static int hex_of(const char *text, char out[2 * 32 + 1])
{
    uint8_t octets[32];

    for (size_t n = SERIAL_LEN; n <= sizeof(octets); n *= 2) {
        if (hex_decode(text, octets, n) != 0)
            continue;
        hex_encode(slice_of(octets, n), out);
        return 0;
    }
    return -1;
}

const char *find_name(const char *text)
{
    static const char *const kinds[] = {"dns:", "ip:", "email:", "uri:", "upn:", "CN="};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strncmp(text, kinds[i], strlen(kinds[i])) == 0)
            return text + strlen(kinds[i]);
    return text;
}

int find_selector(const char *text, struct show_request *out, struct fault *f)
{
    const char *equals = strrchr(text, '='); /* "serial=..." as openssl prints it */
    const char *hex = equals == NULL ? text : equals + 1;
    char digits[2 * 32 + 1];

    *out = (struct show_request){0};
    if (hex[0] == '0' && (hex[1] == 'x' || hex[1] == 'X'))
        hex += 2;
    text = hex_of(hex, digits) == 0 ? digits : find_name(text);
    if (text[0] == 0)
        return fault_set(f, FAULT_NOT_FOUND, "selector", "nothing to look for");
    if (strlen(text) >= sizeof(out->selector))
        return fault_set(f, FAULT_TOO_LARGE, "selector", "a name has at most %zu octets",
                         sizeof(out->selector) - 1);
    memcpy(out->selector, text, strlen(text));
    return 0;
}

static int read_answer(struct slice body, struct found *out, struct fault *f)
{
    struct wire_in w;
    struct shown one = {.certificate = SLICE_NONE};

    wire_in_init(&w, body);
    out->n = wire_get_u32(&w);
    out->more = wire_get_u8(&w) != 0;
    for (uint32_t i = 0; i < out->n && !wire_failed(&w); i++) {
        shown_get(&w, &one);
        if (i == 0 ||
            (strcmp(out->best.info.status, "valid") != 0 && strcmp(one.info.status, "valid") == 0))
            out->best = one;
    }
    if (!wire_in_done(&w) || out->n == 0)
        return fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca sent no certificate");
    return 0;
}

int find_shown(struct tool *t, const char *selector, struct found *out, struct fault *f)
{
    struct show_request request;
    struct frame answer;
    struct buf body;
    int rc = find_selector(selector, &request, f);

    *out = (struct found){0};
    if (rc != 0)
        return rc;
    buf_init(&body, FRAME_BODY_MAX);
    show_request_put(&body, &request);
    rc = tool_call_patient(t, MSG_SHOW, buf_slice(&body), MSG_SHOWN, &answer, f);
    buf_free(&body);
    return rc == 0 ? read_answer(answer.body, out, f) : rc;
}
