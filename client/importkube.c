/*
 * Manifests of Kubernetes: YAML, of which JSON is a part, in any number of documents. Read as
 * events, one after the other, so that what is held is one certificate for each level of nesting.
 * An alias is refused, so that a document is no larger than its file.
 */
#include "client/import.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/pem.h"

#define DEPTH_MAX 64
/* libyaml compares each directive with all those before it. */
#define DIRECTIVE "%TAG"
#define DIRECTIVES_MAX 1000

/* Keys of a mapping that say something. */
enum word { OTHER, KIND, DATA, STRING_DATA, CERTIFICATE };

/* A mapping or a sequence that is open. */
struct level {
    bool map, value; /* value: that of `key` comes next */
    enum word key;
    enum word role; /* the key that it is the value of */
    bool secret;    /* kind: Secret */
    bool plain;     /* `text` is of stringData, which goes before data */
    struct buf text;
    uint64_t line; /* of that; 0: there is none */
};

struct manifest {
    const struct import_kube *to;
    size_t depth;
    struct level level[DEPTH_MAX];
    struct fault *f;
};

static int broken(const struct manifest *m, const yaml_mark_t *at, const char *why)
{
    m->to->at->line = at->line + 1;
    return fault_set(m->f, FAULT_MALFORMED, "import.manifest", "it is no manifest: %s", why);
}

static enum word word_of(struct slice s)
{
    static const struct {
        const char *text;
        enum word word;
    } words[] = {
        {"kind", KIND}, {"data", DATA}, {"stringData", STRING_DATA}, {"tls.crt", CERTIFICATE}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (slice_is(s, words[i].text))
            return words[i].word;
    return OTHER;
}

/* --- what a Secret holds ------------------------------------------------------------ */

static int refuse(const struct manifest *m, const char *why)
{
    const struct import_kube *to = m->to;
    struct fault f;

    fault_clear(&f);
    (void)fault_set(&f, FAULT_MALFORMED, "import.manifest", "tls.crt of a Secret: %s", why);
    return to->refused(to->arg, &f);
}

/* Every certificate in PEM; what is behind a broken one is not looked at. */
static int give_pem(const struct manifest *m, struct slice text)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    const struct import_kube *to = m->to;
    struct fault f;
    struct buf der;
    bool any = false;
    int rc = 0, next = 0;

    fault_clear(&f);
    buf_init(&der, IMPORT_BLOCK_MAX);
    while (rc == 0 && (next = pem_next(&text, labels, NULL, &der, &f)) == 0) {
        rc = to->certificate(to->arg, buf_slice(&der));
        any = true;
    }
    buf_free(&der);
    if (rc == 0 && next < 0)
        rc = to->refused(to->arg, &f);
    else if (rc == 0 && !any)
        rc = refuse(m, "there is no certificate in it");
    return rc;
}

static int give(const struct manifest *m, struct level *l)
{
    struct buf octets;
    int rc;

    m->to->at->line = l->line;
    if (l->plain)
        return give_pem(m, buf_slice(&l->text));
    buf_init(&octets, IMPORT_BLOCK_MAX);
    if (base64_get(buf_slice(&l->text), &octets) != 0)
        rc = refuse(m, "it is not base64, or too long");
    else
        rc = octets.n == 0 ? 0 : give_pem(m, buf_slice(&octets)); /* empty: none yet */
    buf_free(&octets);
    return rc;
}

/* --- events -------------------------------------------------------------------------- */

/* tls.crt, for the mapping above the one that it stands in. */
static void keep(struct level *above, enum word role, struct slice text, const yaml_mark_t *at)
{
    if (above->plain && role == DATA)
        return;
    above->plain = role == STRING_DATA;
    above->line = text.n == 0 ? 0 : at->line + 1;
    buf_reset(&above->text);
    buf_put_slice(&above->text, text);
}

static void on_scalar(struct manifest *m, struct slice text, const yaml_mark_t *at)
{
    struct level *l = m->depth == 0 ? NULL : &m->level[m->depth - 1];

    if (l == NULL || !l->map)
        return;
    l->value = !l->value;
    if (l->value)
        l->key = word_of(text);
    else if (l->key == KIND)
        l->secret = slice_is(text, "Secret");
    else if (l->key == CERTIFICATE && m->depth > 1 && (l->role == DATA || l->role == STRING_DATA))
        keep(&m->level[m->depth - 2], l->role, text, at);
}

static int on_start(struct manifest *m, bool map, const yaml_mark_t *at)
{
    struct level *l = m->depth == 0 ? NULL : &m->level[m->depth - 1];
    enum word role = OTHER;

    if (l != NULL && l->map && !l->value)
        return broken(m, at, "a key is no text");
    if (m->depth == DEPTH_MAX)
        return broken(m, at, "it is nested too deeply");
    if (l != NULL && l->map) {
        role = l->key;
        l->value = false;
    }
    l = &m->level[m->depth++];
    memset(l, 0, sizeof(*l));
    l->map = map;
    l->role = role;
    buf_init(&l->text, IMPORT_FILE_MAX);
    return 0;
}

static int on_end(struct manifest *m)
{
    struct level *l = &m->level[--m->depth];
    int rc = l->secret && l->line != 0 ? give(m, l) : 0;

    buf_free(&l->text);
    return rc;
}

/* What is no text at all has no line. */
static int unreadable(const struct manifest *m, const yaml_parser_t *p)
{
    int rc = broken(m, &p->problem_mark, p->problem == NULL ? "no memory" : p->problem);

    if (p->error == YAML_READER_ERROR)
        m->to->at->line = 0;
    return rc;
}

static int on_event(struct manifest *m, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_ALIAS_EVENT:
        return broken(m, &e->start_mark, "aliases are not taken");
    case YAML_SCALAR_EVENT:
        on_scalar(m, slice_of(e->data.scalar.value, e->data.scalar.length), &e->start_mark);
        return 0;
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        return on_start(m, e->type == YAML_MAPPING_START_EVENT, &e->start_mark);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        return on_end(m);
    default:
        return 0;
    }
}

/* A value that passed may be a key. */
static void drop_event(yaml_event_t *e)
{
    if (e->type == YAML_SCALAR_EVENT)
        OPENSSL_cleanse(e->data.scalar.value, e->data.scalar.length);
    yaml_event_delete(e);
}

static void drop_parser(yaml_parser_t *p)
{
    OPENSSL_cleanse(p->raw_buffer.start, (size_t)(p->raw_buffer.end - p->raw_buffer.start));
    OPENSSL_cleanse(p->buffer.start, (size_t)(p->buffer.end - p->buffer.start));
    yaml_parser_delete(p);
}

static int read_all(struct manifest *m, yaml_parser_t *p)
{
    yaml_event_t e;
    bool end = false;
    int rc = 0;

    while (rc == 0 && !end) {
        if (yaml_parser_parse(p, &e) == 0)
            return unreadable(m, p);
        end = e.type == YAML_STREAM_END_EVENT;
        rc = on_event(m, &e);
        drop_event(&e);
    }
    return rc;
}

static bool many_directives(struct slice in)
{
    const uint8_t *p = in.p, *end = in.p + in.n;
    size_t n = 0;

    while (p < end && (p = memmem(p, (size_t)(end - p), DIRECTIVE, strlen(DIRECTIVE))) != NULL) {
        p += strlen(DIRECTIVE);
        n++;
    }
    return n > DIRECTIVES_MAX;
}

int import_kube(const struct import_kube *to, struct slice text, struct fault *f)
{
    struct manifest *m;
    yaml_parser_t parser;
    int rc;

    if (many_directives(text))
        return fault_set(f, FAULT_TOO_LARGE, "import.manifest", "it has too many directives");
    if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0) /* as Windows begins UTF-8 */
        text = slice_of(text.p + 3, text.n - 3);
    m = xcalloc(1, sizeof(*m));
    m->to = to;
    m->f = f;
    if (yaml_parser_initialize(&parser) == 0) {
        free(m);
        return fault_set(f, FAULT_INTERNAL, "import.manifest", "no memory for it");
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, text.p, text.n);
    rc = read_all(m, &parser);
    while (m->depth > 0)
        buf_free(&m->level[--m->depth].text);
    drop_parser(&parser);
    free(m);
    return rc;
}
