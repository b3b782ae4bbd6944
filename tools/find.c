#include "tools/find.h"

#include <string.h>
#include <unistd.h>

#include "lib/cert.h"
#include "lib/file.h"
#include "lib/pem.h"

/* PEM and the text that openssl x509 -text puts around it. */
#define FILE_OCTETS_MAX (4 * CERT_MAX)

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

static int ask(struct tool *t, const char *selector, struct found *out, struct fault *f)
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

/* A certificate's fingerprint as a selector. */
static int fingerprint_of_file(const char *path, char out[2 * 32 + 1], struct fault *f)
{
    static const char *const labels[] = {"CERTIFICATE", "X509 CERTIFICATE", NULL};
    struct buf file = {0}, der;
    uint8_t hash[32];
    struct cert c;
    int rc = file_read(path, FILE_OCTETS_MAX, &file, f);

    buf_init(&der, CERT_MAX);
    if (rc == 0)
        rc = pem_or_der(buf_slice(&file), labels, &der, f);
    if (rc == 0)
        rc = cert_parse(buf_slice(&der), &c, f);
    if (rc == 0) {
        cert_fingerprint(buf_slice(&der), hash);
        hex_encode(slice_of(hash, sizeof(hash)), out);
    } else {
        rc = fault_set(f, f->code, "selector.file", "%.100s holds no certificate", path);
    }
    buf_free(&der);
    buf_free(&file);
    return rc;
}

int find_shown_file(struct tool *t, const char *path, struct found *out, struct fault *f)
{
    char fingerprint[2 * 32 + 1] = "";

    *out = (struct found){0};
    if (fingerprint_of_file(path, fingerprint, f) != 0)
        return -(int)f->code;
    return ask(t, fingerprint, out, f);
}

int find_shown(struct tool *t, const char *selector, struct found *out, struct fault *f)
{
    int rc = ask(t, selector, out, f);

    if ((rc == -FAULT_NOT_FOUND || rc == -FAULT_TOO_LARGE) && access(selector, F_OK) == 0)
        return find_shown_file(t, selector, out, f);
    return rc;
}

int find_is_ours(const struct found *found, struct fault *f)
{
    if (found->best.info.source == SOURCE_ISSUED)
        return 0;
    return fault_set(f, FAULT_CONFLICT, "serial.foreign",
                     "it was not issued here but %s (foreign:%llu): only the CA that issued it can "
                     "do that",
                     source_name(found->best.info.source),
                     (unsigned long long)found->best.info.number);
}
