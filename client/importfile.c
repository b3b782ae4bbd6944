/* One file, whatever form it has: its octets tell, not its name. */
#include "client/import.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "est/certs.h"
#include "lib/der.h"
#include "lib/pem.h"

#define READ_SIZE 65536
#define BEGIN "-----BEGIN "
#define END "-----END "
#define DASHES "-----"

struct reading {
    struct import_reader *r;
    int fd;
    const char *name;
    bool named;
    const struct import_status *status;
    struct buf text; /* what is not looked at yet */
    struct buf body; /* of a block */
    size_t at;       /* in text */
    uint64_t line;   /* of that */
    bool end;        /* nothing more to be read */
    uint64_t size;   /* that was read */
    size_t found, keys, blocks;
};

static int refuse_at(const struct reading *g, uint64_t line, const struct fault *f)
{
    struct import_place at = {g->name, line};

    return g->r->sink.refused(g->r->sink.arg, &at, f);
}

/* One more piece; *end at the end. */
static int fill(struct reading *g, struct fault *f)
{
    uint8_t *p = buf_grow(&g->text, READ_SIZE);
    ssize_t n;

    if (p == NULL)
        return fault_set(f, FAULT_TOO_LARGE, "import.size", "it is too large");
    do
        n = read(g->fd, p, READ_SIZE);
    while (n < 0 && errno == EINTR);
    g->text.n -= READ_SIZE - (size_t)(n < 0 ? 0 : n);
    g->end = n <= 0;
    g->size += (uint64_t)(n < 0 ? 0 : n);
    if (n < 0)
        return fault_set(f, FAULT_INTERNAL, "import.read", "it cannot be read: %s",
                         strerror(errno));
    return 0;
}

static struct slice rest(const struct reading *g)
{
    return slice_of(g->text.p + g->at, g->text.n - g->at);
}

static void pass(struct reading *g, size_t n)
{
    const uint8_t *p = g->text.p + g->at, *end = p + n;

    while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        g->line++;
        p++;
    }
    g->at += n;
}

/* Makes room by dropping what was looked at. */
static void drop(struct reading *g)
{
    if (g->at == 0)
        return;
    memmove(g->text.p, g->text.p + g->at, g->text.n - g->at);
    g->text.n -= g->at;
    g->at = 0;
}

/* As much again as is there, so that what is looked at anew is as much as is new. */
static int fill_more(struct reading *g, struct fault *f)
{
    size_t until = 2 * g->text.n + 1;
    int rc = 0;

    while (rc == 0 && !g->end && g->text.n < until)
        rc = fill(g, f);
    return rc;
}

static bool ends_with(const char *name, const char *const *ends)
{
    size_t n = strlen(name);

    for (; *ends != NULL; ends++)
        if (n >= strlen(*ends) && strcasecmp(name + n - strlen(*ends), *ends) == 0)
            return true;
    return false;
}

/* --- DER -------------------------------------------------------------------------- */

enum shape { SHAPE_NONE, SHAPE_CERT, SHAPE_PKCS7, SHAPE_PKCS12 };

/* TBSCertificate begins with [0], or of version 1: serial number, algorithm, issuer, validity.
 * A request has the name there, then a key and [0]; a CRL has a time in the fourth place. */
static bool like_tbs(struct slice tbs)
{
    struct slice v;

    if (der_peek(tbs, DER_CONTEXT_CONSTRUCTED(0)))
        return true;
    return der_get(&tbs, DER_INTEGER, &v) == 0 && der_get(&tbs, DER_SEQUENCE, &v) == 0 &&
           der_get(&tbs, DER_SEQUENCE, &v) == 0 && der_peek(tbs, DER_SEQUENCE);
}

static enum shape shape_of(struct slice contents)
{
    struct slice v;

    if (der_peek(contents, DER_OID))
        return SHAPE_PKCS7;
    if (der_get(&contents, DER_SEQUENCE, &v) == 0)
        return like_tbs(v) && der_peek(contents, DER_SEQUENCE) ? SHAPE_CERT : SHAPE_NONE;
    /* PFX { version 3, ContentInfo ... }; a PKCS#8 key has version 0 or 1 there. */
    if (der_get(&contents, DER_INTEGER, &v) == 0 && v.n == 1 && v.p[0] == 3)
        return der_peek(contents, DER_SEQUENCE) ? SHAPE_PKCS12 : SHAPE_NONE;
    return SHAPE_NONE;
}

/* In BER with indefinite lengths, as some write PKCS#7 and PKCS#12. */
static enum shape shape_of_ber(struct slice in)
{
    if (in.n < 5 || in.p[0] != DER_SEQUENCE || in.p[1] != 0x80)
        return SHAPE_NONE;
    if (in.p[2] == DER_OID)
        return SHAPE_PKCS7;
    return in.p[2] == DER_INTEGER && in.p[3] == 1 && in.p[4] == 3 ? SHAPE_PKCS12 : SHAPE_NONE;
}

struct giving {
    struct reading *g;
    uint64_t line;
};

static int give(void *arg, struct slice der, struct fault *f)
{
    struct giving *to = arg;
    struct reading *g = to->g;
    struct import_place at = {g->name, to->line};

    (void)f;
    g->found++;
    return g->r->sink.certificate(g->r->sink.arg, &at, der, g->status);
}

static int give_pkcs7(struct reading *g, struct slice der, uint64_t line)
{
    struct giving to = {g, line};
    struct buf copy;
    struct fault f;
    int rc;

    fault_clear(&f);
    buf_init(&copy, 2 * IMPORT_FILE_MAX); /* in DER it may be longer than in BER */
    buf_put_slice(&copy, der);
    rc = certs_walk(&copy, give, &to, &f);
    buf_free(&copy);
    if (f.code == FAULT_NONE)
        return rc;
    g->found++;
    return refuse_at(g, line, &f);
}

static int give_pkcs12(struct reading *g, struct slice der, uint64_t line)
{
    struct giving to = {g, line};
    struct fault f;
    int rc;

    fault_clear(&f);
    rc = import_p12(g->r, der, g->name, give, &to, &f);
    if (f.code == FAULT_NONE)
        return rc;
    g->found++;
    return refuse_at(g, line, &f);
}

static int give_shape(struct reading *g, enum shape shape, struct slice der, uint64_t line)
{
    struct giving to = {g, line};
    struct fault f;

    fault_clear(&f);
    if (shape == SHAPE_PKCS7)
        return give_pkcs7(g, der, line);
    if (shape == SHAPE_PKCS12)
        return give_pkcs12(g, der, line);
    return shape == SHAPE_CERT ? give(&to, der, &f) : 0;
}

/* Elements, one after the other: certificates may simply follow one another. */
static int read_der(struct reading *g, struct slice in)
{
    struct slice contents, whole;
    struct fault f;
    int rc = 0;

    if (shape_of_ber(in) != SHAPE_NONE)
        return give_shape(g, shape_of_ber(in), in, 0);
    while (rc == 0 && der_get_any(&in, NULL, &contents, &whole) == 0)
        rc = give_shape(g, shape_of(contents), whole, 0);
    if (rc != 0 || der_end(in))
        return rc;
    fault_clear(&f);
    g->found++;
    (void)fault_set(&f, FAULT_MALFORMED, "import.der", "what follows is cut off, or not DER");
    return refuse_at(g, 0, &f);
}

/* Does it begin with an element of DER that is all of the file, or that another one follows? Text
 * may begin with the same octet, a '0'. */
static bool is_der(const struct reading *g)
{
    struct slice in = rest(g), whole;

    if (in.n == 0 || in.p[0] != DER_SEQUENCE)
        return false;
    if (shape_of_ber(in) != SHAPE_NONE)
        return true;
    return der_get_any(&in, NULL, NULL, &whole) == 0 && (der_end(in) || in.p[0] == DER_SEQUENCE);
}

/* Says so itself, when it is larger than what is there. */
static bool claims_more(struct slice in)
{
    size_t header, len;
    uint8_t tag;

    return der_header(in, &tag, &header, &len) == 0 && tag == DER_SEQUENCE && len >= 0x80 &&
           in.n > header && (in.p[header] == DER_SEQUENCE || in.p[header] == DER_OID);
}

/* --- PEM -------------------------------------------------------------------------- */

static const char *const labels[] = {
    "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "PKCS7", "CMS", NULL};
#define FIRST_PKCS7 3

/* A certificate; behind a trusted one OpenSSL adds what it is trusted for. */
static int give_block(struct reading *g, size_t label, uint64_t line)
{
    struct slice in = buf_slice(&g->body), whole;
    struct giving to = {g, line};
    struct fault f;

    fault_clear(&f);
    if (label >= FIRST_PKCS7)
        return give_pkcs7(g, in, line);
    if (der_get_any(&in, NULL, NULL, &whole) == 0 && (der_end(in) || label == FIRST_PKCS7 - 1))
        return give(&to, whole, &f);
    g->found++;
    (void)fault_set(&f, FAULT_MALFORMED, "import.der", "what the block holds is not DER");
    return refuse_at(g, line, &f);
}

static int read_block(struct reading *g, struct slice block)
{
    uint64_t line = g->line;
    struct fault f;
    size_t label;
    int rc;

    fault_clear(&f);
    rc = pem_next(&block, labels, &label, &g->body, &f);
    if (rc == 0)
        return give_block(g, label, line);
    if (rc == 1)
        return 0;
    g->found++;
    return refuse_at(g, line, &f);
}

/* The block at the cursor: its octets up to the dashes of its END, or up to the next BEGIN when
 * there is none before. 0: more has to be read. */
static size_t block_length(struct slice in, bool end)
{
    struct slice behind = slice_of(in.p + strlen(BEGIN), in.n - strlen(BEGIN));
    const uint8_t *next = memmem(behind.p, behind.n, BEGIN, strlen(BEGIN));
    const uint8_t *stop = memmem(behind.p, behind.n, END, strlen(END));

    if (next != NULL && (stop == NULL || next < stop))
        return (size_t)(next - in.p);
    if (stop != NULL) {
        const uint8_t *from = stop + strlen(END), *last;

        last = memmem(from, (size_t)(in.p + in.n - from), DASHES, strlen(DASHES));
        if (last != NULL)
            return (size_t)(last - in.p) + strlen(DASHES);
    }
    return end ? in.n : 0;
}

/* A label that runs on is no label: then it is text that happens to have dashes. */
static bool is_key(struct slice block)
{
    const char *key = "PRIVATE KEY-----";
    struct slice head = slice_of(block.p, block.n < 64 ? block.n : 64);

    return memmem(head.p, head.n, key, strlen(key)) != NULL;
}

static int too_long(struct reading *g)
{
    struct fault f;

    g->found++;
    (void)fault_set(&f, FAULT_TOO_LARGE, "pem.size", "a PEM block has at most %zu octets",
                    IMPORT_BLOCK_MAX);
    return refuse_at(g, g->line, &f);
}

/* What can be done with what is there; *more: nothing before more is read. */
static int read_text(struct reading *g, bool *more)
{
    struct slice in = rest(g), block;
    const uint8_t *p = in.n == 0 ? NULL : memmem(in.p, in.n, BEGIN, strlen(BEGIN));
    size_t keep = strlen(BEGIN) - 1, n;
    int rc;

    *more = p == NULL;
    if (p == NULL) {
        if (g->end)
            keep = 0;
        pass(g, in.n > keep ? in.n - keep : 0);
        return 0;
    }
    pass(g, (size_t)(p - in.p));
    in = rest(g);
    n = block_length(in, g->end);
    if (n == 0 && in.n < IMPORT_BLOCK_MAX) {
        *more = true;
        return 0;
    }
    if (n == 0) {
        rc = too_long(g);
        pass(g, strlen(BEGIN));
        return rc;
    }
    block = slice_of(in.p, n);
    g->blocks++;
    if (is_key(block))
        g->keys++;
    rc = read_block(g, block);
    pass(g, n);
    return rc;
}

static int read_pem(struct reading *g)
{
    struct fault f;
    bool more;
    int rc = 0;

    fault_clear(&f);
    for (;;) {
        do
            rc = read_text(g, &more);
        while (rc == 0 && !more);
        if (rc != 0 || g->end)
            return rc;
        drop(g);
        if (fill_more(g, &f) != 0)
            return refuse_at(g, g->line, &f);
    }
}

/* --- manifests ---------------------------------------------------------------------- */

static bool has(const struct reading *g, const char *word)
{
    struct slice in = rest(g);

    return in.n > 0 && memmem(in.p, in.n, word, strlen(word)) != NULL;
}

/* What every manifest says, and what those have that hold certificates. */
static bool like_manifest(const struct reading *g)
{
    return has(g, "apiVersion") && has(g, "Secret");
}

struct giving_kube {
    struct reading *g;
    struct import_place at;
};

static int give_kube(void *arg, struct slice der)
{
    struct giving_kube *to = arg;

    to->g->found++;
    return to->g->r->sink.certificate(to->g->r->sink.arg, &to->at, der, to->g->status);
}

static int refuse_kube(void *arg, const struct fault *f)
{
    struct giving_kube *to = arg;

    to->g->found++;
    return to->g->r->sink.refused(to->g->r->sink.arg, &to->at, f);
}

/* Other text may have its words: what cannot be read is told of where a manifest is expected. */
static int read_manifest(struct reading *g)
{
    static const char *const ends[] = {".yaml", ".yml", ".json", NULL};
    struct giving_kube to = {g, {g->name, 0}};
    struct import_kube sink = {&to, &to.at, give_kube, refuse_kube};
    struct fault f;
    int rc = 0;

    fault_clear(&f);
    if (g->end)
        rc = import_kube(&sink, rest(g), &f);
    else
        (void)fault_set(&f, FAULT_TOO_LARGE, "import.size", "a manifest has at most %zu octets",
                        IMPORT_FILE_MAX);
    if (f.code == FAULT_NONE)
        return rc;
    return g->named || g->found > 0 || ends_with(g->name, ends) ? refuse_kube(&to, &f) : 0;
}

/* --- the file ----------------------------------------------------------------------- */

/* As much as tells DER from text; of DER and of what may be a manifest all of it. */
static int read_head(struct reading *g, struct fault *f)
{
    int rc = 0;

    while (rc == 0 && !g->end && g->text.n < READ_SIZE)
        rc = fill(g, f);
    if (g->text.n > 0 && g->text.p[0] != DER_SEQUENCE && !has(g, "apiVersion"))
        return rc;
    /* Larger: it can only be text, of which no more is needed now. */
    while (rc == 0 && !g->end && g->text.n <= IMPORT_FILE_MAX)
        rc = fill(g, f);
    return rc;
}

static bool named_like_one(const char *name)
{
    static const char *const ends[] = {".crt", ".cer", ".der", ".pem", ".p12",
                                       ".pfx", ".p7b", ".p7c", ".p7",  NULL};

    return ends_with(name, ends);
}

/* Nothing was found. A broken file is told from one that is something else. */
static int nothing(struct reading *g, bool broken, bool empty)
{
    const struct import_sink *sink = &g->r->sink;
    struct fault f;

    fault_clear(&f);
    if (broken && g->size > IMPORT_FILE_MAX) {
        (void)fault_set(&f, FAULT_TOO_LARGE, "import.size", "a file in DER has at most %zu octets",
                        IMPORT_FILE_MAX);
        return refuse_at(g, 0, &f);
    }
    if (broken && (g->named || named_like_one(g->name))) {
        (void)fault_set(&f, FAULT_MALFORMED, "import.der", "it is cut off, or not DER");
        return refuse_at(g, 0, &f);
    }
    if (g->named) {
        (void)fault_set(&f, FAULT_NOT_FOUND, "import.none", "there is no certificate in it");
        return refuse_at(g, 0, &f);
    }
    if (g->keys > 0)
        return sink->skipped(sink->arg, g->name, "a key");
    return sink->skipped(sink->arg, g->name, empty ? "empty" : "no certificate");
}

static int read_file(struct reading *g)
{
    struct fault f;
    bool der = false, broken = false, empty;
    int rc = 0;

    fault_clear(&f);
    if (read_head(g, &f) != 0)
        return refuse_at(g, 0, &f);
    empty = g->text.n == 0;
    der = g->end && is_der(g);
    if (der) {
        rc = read_der(g, rest(g));
    } else {
        broken = !empty && claims_more(rest(g));
        rc = like_manifest(g) ? read_manifest(g) : 0;
        if (rc == 0 && g->found == 0)
            rc = read_pem(g);
    }
    if (rc == 0 && g->found == 0)
        rc = nothing(g, broken && g->blocks == 0, empty);
    return rc;
}

int import_file(struct import_reader *r, int fd, const char *name, bool named,
                const struct import_status *status)
{
    struct reading g = {
        .r = r, .fd = fd, .name = name, .named = named, .status = status, .line = 1};
    int rc;

    buf_init(&g.text, IMPORT_FILE_MAX + IMPORT_BLOCK_MAX);
    buf_init(&g.body, IMPORT_BLOCK_MAX);
    rc = read_file(&g);
    buf_free(&g.text);
    buf_free(&g.body);
    return rc;
}
