#include "tools/importsend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/anycert.h"
#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/proto.h"
#include "tools/certjson.h"
#include "lib/text.h"

#define HEAD (16 + IMPORT_OWNER_MAX + IMPORT_TAGS_MAX) /* octets in front of the items */

/* --- what was there before, in a dry run: nothing else remembers ------------------------- */

#define SEEN_KEY 16

struct seen {
    size_t n, room; /* a power of two */
    uint8_t (*key)[SEEN_KEY];
};

static bool is_free(const uint8_t key[SEEN_KEY])
{
    static const uint8_t zeros[SEEN_KEY];

    return memcmp(key, zeros, SEEN_KEY) == 0;
}

static size_t place_of(const struct seen *s, const uint8_t key[SEEN_KEY])
{
    size_t at =
        ((size_t)key[0] | (size_t)key[1] << 8 | (size_t)key[2] << 16 | (size_t)key[3] << 24) &
        (s->room - 1);

    while (!is_free(s->key[at]) && memcmp(s->key[at], key, SEEN_KEY) != 0)
        at = (at + 1) & (s->room - 1);
    return at;
}

static void grow(struct seen *s)
{
    struct seen larger = {.n = s->n, .room = s->room == 0 ? 1024 : 2 * s->room};

    larger.key = xcalloc(larger.room, SEEN_KEY);
    for (size_t i = 0; i < s->room; i++)
        if (!is_free(s->key[i]))
            memcpy(larger.key[place_of(&larger, s->key[i])], s->key[i], SEEN_KEY);
    free(s->key);
    *s = larger;
}

/* Was it there before? It is from now on. */
static bool seen_before(struct seen *s, struct slice der)
{
    uint8_t hash[32];
    size_t at;

    if (2 * (s->n + 1) > s->room)
        grow(s);
    sha256(der, hash);
    at = place_of(s, hash);
    if (!is_free(s->key[at]))
        return true;
    memcpy(s->key[at], hash, SEEN_KEY);
    s->n++;
    return false;
}

/* --- rows --------------------------------------------------------------------------------- */

#define FILE_SHOWN 46

/* "file:line", its end where it is too long. */
static void cell_file(const json_t *row, struct buf *out)
{
    const char *file = json_str(row, "file");
    const json_t *line = json_object_get(row, "line");
    struct buf text;
    size_t n;

    buf_init(&text, 2 * IMPORT_PATH_MAX);
    buf_put_str(&text, file);
    if (json_is_integer(line))
        buf_printf(&text, ":%lld", (long long)json_integer_value(line));
    n = text.n > FILE_SHOWN ? text.n - (FILE_SHOWN - 3) : 0;
    while (n > 0 && n < text.n && (text.p[n] & 0xc0) == 0x80)
        n++;
    buf_put_str(out, n > 0 ? "..." : "");
    buf_put(out, text.p + n, text.n - n);
    buf_free(&text);
}

static void cell_what(const json_t *row, struct buf *out)
{
    const char *text = json_str(row, "text");

    buf_put_str(out, text[0] != 0 ? text : json_str(row, "subject"));
}

static const struct column columns[] = {
    {"OUTCOME", "outcome", 9, COLUMN_ALWAYS, NULL},
    {"FILE", "file", FILE_SHOWN, COLUMN_ALWAYS, cell_file},
    {"WHAT", "text", 0, COLUMN_ALWAYS, cell_what},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {
    "outcome", "file", "line",   "number",  "subject",  "sans", "not_after", "key", "algorithm",
    "sha256",  "told", "reason", "told_at", "stranger", "rule", "text",      NULL};
static const struct sheet sheet = {columns, keys};

static const char *const outcome_words[] = {NULL, "new", "known", "issued", "refused"};

static json_t *place_json(const char *outcome, const char *file, uint64_t line)
{
    json_t *o = json_object();

    json_put(o, "outcome", json_string(outcome));
    json_put(o, "file", json_text(file));
    json_put(o, "line", line > 0 ? json_integer((json_int_t)line) : json_null());
    return o;
}

/* What the certificate says of itself, as far as it can be read. */
static void put_certificate(json_t *o, struct slice der)
{
    struct anycert_key key;
    struct anycert_alg alg;
    struct anycert c;
    struct fault f;
    uint8_t hash[32];

    fault_clear(&f);
    cert_fingerprint(der, hash);
    json_put(o, "sha256", json_hex(hash, sizeof(hash)));
    if (anycert_parse(der, &c, &f) != 0)
        return;
    anycert_key(c.spki, &key);
    anycert_alg(c.sig_alg, &alg);
    json_put(o, "subject", cert_name_json(c.subject));
    json_put(o, "sans", cert_names_json(&c.sans));
    json_put(o, "not_after", json_time(c.not_after));
    json_put(o, "key", json_string(key.name));
    json_put(o, "algorithm", json_string(alg.name));
}

static void put_told(json_t *o, const struct import_status *told)
{
    if (told->told == IMPORT_NOT_TOLD || told->told > IMPORT_TOLD_MAX)
        return;
    json_put(o, "told", told_json(told->told));
    if (told->told != IMPORT_REVOKED)
        return;
    json_put(o, "reason", json_string(reason_name(told->reason)));
    json_put(o, "told_at", told->time != 0 ? json_time(told->time) : json_null());
}

static json_t *outcome_json(const struct import_sender *s, uint32_t i,
                            const struct import_outcome *out, const char *word)
{
    const struct import_item *item = &s->request->item[i];
    json_t *o = place_json(word, s->place[i].file, s->place[i].line);

    json_put(o, "number", out->number > 0 ? json_integer((json_int_t)out->number) : json_null());
    put_certificate(o, item->der);
    put_told(o, &item->status);
    json_put(o, "stranger", json_boolean(out->stranger));
    if (out->became == IMPORT_REFUSED) {
        json_put(o, "rule", json_text(out->rule));
        json_put(o, "text", json_text(out->text));
    } else if (out->stranger) {
        json_put(o, "rule", json_string("import.stranger"));
        json_put(o, "text", json_string(STRANGER_TEXT));
    }
    return o;
}

/* A table is for what somebody has to look at. */
static bool is_shown(const struct import_sender *s, bool bad)
{
    return bad || s->args->all || s->tool->format != FORMAT_TABLE;
}

static int add_row(struct import_sender *s, json_t *row)
{
    progress_end(&s->progress);
    return rows_add(&s->rows, row) == EXIT_OK
               ? 0
               : fault_set(&s->fault, FAULT_INTERNAL, "output", "the list is not complete");
}

/* --- to cerca-ca -------------------------------------------------------------------------- */

static void clear(struct import_sender *s)
{
    for (uint32_t i = 0; i < s->request->n; i++)
        free(s->place[i].file);
    s->request->n = 0;
    s->size = HEAD;
    buf_reset(&s->der);
}

static int take(struct import_sender *s, uint32_t i, const struct import_outcome *got)
{
    struct import_outcome out = *got;
    const char *word;

    if (s->seen != NULL && out.became == IMPORT_NEW &&
        seen_before(s->seen, s->request->item[i].der))
        out.became = IMPORT_KNOWN;
    s->n.fresh += out.became == IMPORT_NEW;
    s->n.known += out.became == IMPORT_KNOWN;
    s->n.issued += out.became == IMPORT_ISSUED;
    s->n.refused += out.became == IMPORT_REFUSED;
    s->n.strangers += out.stranger;
    word = out.stranger ? "STRANGER" : outcome_words[out.became];
    if (!is_shown(s, out.became == IMPORT_REFUSED || out.stranger))
        return 0;
    return add_row(s, outcome_json(s, i, &out, word));
}

static int take_answer(struct import_sender *s, struct slice body)
{
    struct import_outcome out;
    struct wire_in w;
    uint32_t n;
    int rc = 0;

    wire_in_init(&w, body);
    n = wire_get_count(&w, IMPORT_MAX, 1);
    for (uint32_t i = 0; rc == 0 && i < n && n == s->request->n; i++) {
        import_outcome_get(&w, &out);
        if (wire_failed(&w))
            break;
        rc = take(s, i, &out);
    }
    if (rc == 0 && (!wire_in_done(&w) || n != s->request->n))
        rc = tool_broken_answer(&s->fault);
    return rc;
}

static int send_all(struct import_sender *s)
{
    struct import_counts *n = &s->n;
    struct frame answer;
    struct buf body;
    int rc;

    if (s->request->n == 0)
        return 0;
    buf_init(&body, FRAME_BODY_MAX);
    import_request_put(&body, s->request);
    s->tool->started_us = clock_mono_us(); /* --timeout is for one message */
    rc = tool_call_patient(s->tool, MSG_IMPORT, buf_slice(&body), MSG_IMPORTED, &answer, &s->fault);
    buf_free(&body);
    if (rc == 0)
        rc = take_answer(s, answer.body);
    clear(s);
    progress_draw(&s->progress, "certificates", n->fresh + n->known + n->issued + n->refused, 0);
    return rc;
}

/* --- the sink ----------------------------------------------------------------------------- */

/* Files come one after the other. */
static void count_file(struct import_sender *s, const char *file)
{
    if (strncmp(s->file, file, sizeof(s->file) - 1) == 0)
        return;
    (void)snprintf(s->file, sizeof(s->file), "%s", file);
    s->n.files++;
}

/* Valid UTF-8 without control characters, cut at a character. */
static void print_origin(const struct import_sender *s, const char *file,
                         char out[IMPORT_ORIGIN_MAX])
{
    const char *source = s->args->source;
    struct buf safe;
    size_t n;

    buf_init(&safe, 8 * IMPORT_PATH_MAX);
    if (source != NULL) {
        text_safe(slice_str(source), false, &safe);
        buf_put_str(&safe, ": ");
    }
    text_safe(slice_str(file), false, &safe);
    n = safe.n < IMPORT_ORIGIN_MAX - 1 ? safe.n : IMPORT_ORIGIN_MAX - 1;
    while (n > 0 && n < safe.n && (safe.p[n] & 0xc0) == 0x80)
        n--;
    memcpy(out, buf_cstr(&safe), n);
    out[n] = 0;
    buf_free(&safe);
}

static int refused(void *arg, const struct import_place *at, const struct fault *f)
{
    struct import_sender *s = arg;
    json_t *row = place_json("refused", at->file, at->line);

    count_file(s, at->file);
    s->n.refused++;
    json_put(row, "rule", json_text(f->rule));
    json_put(row, "text", json_text(f->text));
    return add_row(s, row);
}

static int skipped(void *arg, const char *file, const char *why)
{
    struct import_sender *s = arg;
    json_t *row;

    count_file(s, file);
    s->n.skipped++;
    if (!is_shown(s, false))
        return 0;
    row = place_json("skipped", file, 0);
    json_put(row, "text", json_string(why));
    return add_row(s, row);
}

static int certificate(void *arg, const struct import_place *at, struct slice der,
                       const struct import_status *status)
{
    struct import_sender *s = arg;
    struct import_item item = {.status = *status, .der = der};
    struct fault f;
    int rc;

    if (der.n > IMPORT_DER_MAX) {
        fault_clear(&f);
        (void)fault_set(&f, FAULT_TOO_LARGE, "cert.size",
                        "a certificate may have %d octets, this one has %zu", IMPORT_DER_MAX,
                        der.n);
        return refused(arg, at, &f);
    }
    count_file(s, at->file);
    print_origin(s, at->file, item.origin);
    if (s->request->n == IMPORT_MAX || s->size + import_item_size(&item) > FRAME_BODY_MAX) {
        rc = send_all(s);
        if (rc != 0)
            return rc;
    }
    s->size += import_item_size(&item);
    buf_put_slice(&s->der, der);
    item.der = slice_of(s->der.p + s->der.n - der.n, der.n);
    s->place[s->request->n] = (struct sent_place){xstrdup(at->file), at->line};
    s->request->item[s->request->n++] = item;
    return 0;
}

/* --- begin and end -------------------------------------------------------------------------- */

static int fill(struct import_sender *s, struct fault *f)
{
    struct import_request *r = s->request;
    struct buf tags;
    int rc = tool_field(r->owner, sizeof(r->owner), "--owner", s->args->owner, f);

    buf_init(&tags, IMPORT_TAGS_MAX - 1);
    for (size_t i = 0; i < s->args->tags.n; i++)
        buf_printf(&tags, "%s%s", i > 0 ? "," : "", s->args->tags.item[i]);
    if (rc == 0 && buf_failed(&tags))
        rc = fault_set(f, FAULT_TOO_LARGE, "import.tags", "there are too many tags");
    if (rc == 0)
        rc = tool_field(r->tags, sizeof(r->tags), "--tag", buf_cstr(&tags), f);
    r->dry_run = s->args->dry_run;
    buf_free(&tags);
    return rc;
}

int sender_begin(struct import_sender *s, struct tool *t, const struct import_args *a,
                 struct import_sink *out, struct fault *f)
{
    memset(s, 0, sizeof(*s));
    s->tool = t;
    s->args = a;
    s->size = HEAD;
    s->request = xcalloc(1, sizeof(*s->request));
    s->seen = a->dry_run ? xcalloc(1, sizeof(*s->seen)) : NULL;
    buf_init(&s->der, FRAME_BODY_MAX);
    if (buf_grow(&s->der, FRAME_BODY_MAX) == NULL)
        return fault_set(f, FAULT_INTERNAL, "memory", "there is no memory");
    buf_reset(&s->der); /* keeps the room: what is put does not move */
    *out = (struct import_sink){s, certificate, refused, skipped};
    rows_begin(&s->rows, t, &sheet);
    return fill(s, f);
}

int sender_end(struct import_sender *s, struct fault *f)
{
    int rc = send_all(s);

    if (rc != 0)
        *f = s->fault;
    return rc;
}

void sender_free(struct import_sender *s)
{
    clear(s);
    if (s->seen != NULL)
        free(s->seen->key);
    free(s->seen);
    free(s->request);
    buf_free(&s->der);
    progress_end(&s->progress);
}
