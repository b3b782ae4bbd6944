/* `cerca ca bundle`: what relying parties install. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cert.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "lib/proto.h"
#include "tools/bundle.h"
#include "tools/commands.h"
#include "tools/find.h"
#include "tools/listing.h"
#include "client/password.h"
#include "lib/text.h"

#define BUNDLE_BYTES 1048576

struct bundle_args {
    const char *out;
    const char *password_file;
    bool chain;
};

static bool wanted(const struct ca_info *c, bool chain)
{
    return c->certificate.n > 0 && (chain || strcmp(c->parent, c->name) == 0);
}

/* Every root that has a certificate, whether it issues yet or not: trust is spread before use. */
static int collect(struct slice body, bool chain, struct bundle *b, struct fault *f)
{
    struct ca_info *info = xcalloc(1, sizeof(*info));
    struct wire_in w;
    uint32_t n;

    wire_in_init(&w, body);
    n = wire_get_count(&w, CA_MAX, 1);
    for (uint32_t i = 0; i < n && !wire_failed(&w); i++) {
        ca_info_get(&w, info);
        if (wire_failed(&w) || !wanted(info, chain) || b->n == CA_MAX)
            continue;
        memcpy(b->item[b->n].name, info->name, sizeof(info->name));
        b->item[b->n++].der = info->certificate;
    }
    free(info);
    if (!wire_in_done(&w))
        return fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca sent a broken list");
    if (b->n == 0)
        return fault_set(f, FAULT_NOT_FOUND, "bundle.empty",
                         "no root has a certificate yet (cerca ca list)");
    return 0;
}

struct serials {
    uint32_t n;
    char hex[CA_MAX][2 * SERIAL_LEN + 1];
};

static int note_serial(void *arg, const struct cert_info *info, struct fault *f)
{
    struct serials *s = arg;

    if (s->n == CA_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "bundle.count", "more than %d cross certificates",
                         CA_MAX);
    hex_encode(slice_of(info->serial, SERIAL_LEN), s->hex[s->n++]);
    return 0;
}

/* They are recorded like all that is issued; `bytes` keeps them. */
static int collect_cross(struct tool *t, struct buf *bytes, struct bundle *b, struct fault *f)
{
    struct list_request r = {.profile = "cross-ca", .status = "valid"};
    struct serials serials = {.n = 0};
    struct found found;
    bool more;
    int rc = listing_each(t, &r, 0, note_serial, &serials, &more, f);

    for (uint32_t i = 0; rc == 0 && i < serials.n && b->n < CA_MAX; i++) {
        size_t at = bytes->n;

        rc = find_shown(t, serials.hex[i], &found, f);
        if (rc != 0)
            break;
        buf_put_slice(bytes, found.best.certificate);
        snprintf(b->item[b->n].name, sizeof(b->item[0].name), "cross-%s", serials.hex[i]);
        b->item[b->n++].der = slice_of(bytes->p + at, bytes->n - at);
    }
    return rc;
}

static void put_pem(const struct bundle *b, struct buf *out)
{
    for (size_t i = 0; i < b->n; i++)
        pem_put(out, "CERTIFICATE", b->item[i].der);
}

static int put_der(const struct bundle *b, struct buf *out, struct fault *f)
{
    if (b->n != 1)
        return fault_set(f, FAULT_CONFLICT, "bundle.der",
                         "there are %zu certificates and DER holds one; choose another -o", b->n);
    buf_put_slice(out, b->item[0].der);
    return 0;
}

static int put_truststore(const struct bundle *b, const char *password_file, struct buf *out,
                          struct fault *f)
{
    struct buf password;
    int rc;

    buf_init(&password, 1024);
    rc = password_get(password_file, "of the truststore", &password, f);
    if (rc == 0)
        rc = bundle_truststore(b, buf_cstr(&password), out, f);
    buf_free(&password);
    return rc;
}

static int write_bundle(const struct tool *t, const struct bundle_args *a, const struct bundle *b,
                        struct fault *f)
{
    struct buf out;
    int rc = 0;

    buf_init(&out, BUNDLE_BYTES);
    switch (t->format) {
    case FORMAT_P7B:
        bundle_p7b(b, &out);
        break;
    case FORMAT_JKS:
        rc = put_truststore(b, a->password_file, &out, f);
        break;
    case FORMAT_DER:
        rc = put_der(b, &out, f);
        break;
    default:
        put_pem(b, &out);
    }
    if (rc == 0 && buf_failed(&out))
        rc = fault_set(f, FAULT_TOO_LARGE, "bundle.size", "the bundle is too large");
    if (rc == 0)
        rc = file_write(a->out == NULL ? "-" : a->out, 0644, buf_slice(&out), f);
    buf_free(&out);
    return rc;
}

static int run_bundle(struct tool *t, void *args)
{
    const struct bundle_args *a = args;
    struct bundle b = {.n = 0};
    struct fault f = {0};
    struct frame answer;
    struct buf list, cross;
    int rc;

    if (t->format != FORMAT_JKS && a->password_file != NULL)
        return tool_usage(t, "--password-file is for -o jks");
    rc = tool_connect(t, &f);
    if (rc == 0)
        rc = tool_call_patient(t, MSG_CA_LIST, SLICE_NONE, MSG_CA_LISTED, &answer, &f);
    buf_init(&list, FRAME_BODY_MAX);
    buf_init(&cross, BUNDLE_BYTES);
    if (rc == 0) {
        buf_put_slice(&list, answer.body);
        rc = collect(buf_slice(&list), a->chain, &b, &f);
    }
    /* Its place is taken at once, so that what points into it stays. */
    if (rc == 0 && a->chain && buf_grow(&cross, BUNDLE_BYTES) != NULL) {
        cross.n = 0;
        rc = collect_cross(t, &cross, &b, &f);
    }
    if (rc == 0)
        rc = write_bundle(t, a, &b, &f);
    buf_free(&list);
    buf_free(&cross);
    return rc == 0 ? EXIT_OK : tool_fail(t, &f);
}

static const struct opt opts[] = {
    {"out", OPT_TEXT, offsetof(struct bundle_args, out), "FILE",
     "where to (default: standard output)", 0},
    {"password-file", OPT_TEXT, offsetof(struct bundle_args, password_file), "FILE",
     "with -o jks: its password (default: asked for)", 0},
    {"chain", OPT_FLAG, offsetof(struct bundle_args, chain), NULL,
     "the CAs below the roots and cross certificates too, for who checks whole chains", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_ca_bundle = {
    .name = "ca bundle",
    .help = "the roots to trust, for relying parties: PEM, PKCS#7, a Java truststore or DER",
    .arguments = "[options]",
    .examples = "  cerca ca bundle --out roots.pem\n"
                "  cerca ca bundle -o jks --out truststore.p12 --password-file password\n",
    .opts = opts,
    .args_size = sizeof(struct bundle_args),
    .formats = FORMAT_PEM | FORMAT_P7B | FORMAT_JKS | FORMAT_DER,
    .format = FORMAT_PEM,
    .run = run_bundle,
};
