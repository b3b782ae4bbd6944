/* What operators read: lists and single certificates. Runs on workers. */
#include "ca/admin/admin_inner.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "ca/lifecycle/follow.h"
#include "ca/store/inventory.h"
#include "lib/clock.h"

static int malformed(struct ask *q)
{
    return fault_set(&q->fault, FAULT_MALFORMED, "request.body", "the request is malformed");
}

/* ---- list ---- */

struct page {
    const struct admin *admin;
    int64_t now;
    const char *contains;
    struct buf rows;
    uint32_t n, limit;
    bool lines;           /* say what is followed */
    struct cert_row room; /* for that */
};

static bool hex_contains(const uint8_t *p, size_t n, const char *text)
{
    char hex[2 * 32 + 1];

    hex_encode(slice_of(p, n), hex);
    return strcasestr(hex, text) != NULL;
}

static bool contains(const struct cert_info *i, const char *text)
{
    return text[0] == '\0' || strcasestr(i->sans, text) != NULL ||
           strcasestr(i->subject, text) != NULL || strcasestr(i->owner, text) != NULL ||
           strcasestr(i->requester, text) != NULL || strcasestr(i->other_serial, text) != NULL ||
           strcasestr(i->origin, text) != NULL || hex_contains(i->serial, SERIAL_LEN, text) ||
           hex_contains(i->fingerprint, sizeof(i->fingerprint), text);
}

static int add_row(void *arg, const struct cert_row *row)
{
    struct page *p = arg;
    struct cert_ref follower;
    struct cert_info info;

    describe_row(p->admin, row, p->now, &info);
    if (!contains(&info, p->contains))
        return 0;
    if (p->lines && strcmp(info.status, "valid") == 0)
        info.followed = line_follower(p->admin->parts.store, row, &p->room, &follower);
    cert_info_put(&p->rows, &info);
    p->n++;
    return p->n == p->limit || p->rows.n + CERT_INFO_MAX > FRAME_BODY_MAX - LIST_CURSOR_MAX - 16;
}

static const struct {
    const char *word;
    enum store_status_filter filter;
} status_words[] = {
    {"", STATUS_ANY},
    {"valid", STATUS_VALID},
    {"expired", STATUS_EXPIRED},
    {"revoked", STATUS_REVOKED},
    {"held", STATUS_HELD},
    {"open", STATUS_OPEN},
};

static int parse_status(const char *word, enum store_status_filter *out, struct fault *f)
{
    for (size_t i = 0; i < sizeof(status_words) / sizeof(status_words[0]); i++) {
        if (strcmp(status_words[i].word, word) == 0) {
            *out = status_words[i].filter;
            return 0;
        }
    }
    return fault_refuse(f, "list.status", "status", slice_str(word),
                        "valid, expired, revoked, held, open");
}

/* The newest generation of that name. */
static int parse_issuer(const struct admin *a, const char *name, uint16_t *out, struct fault *f)
{
    for (size_t i = a->names.n; i > 0; i--) {
        if (strcmp(a->names.name[i - 1], name) == 0) {
            *out = (uint16_t)(i - 1);
            return 0;
        }
    }
    return fault_set(f, FAULT_NOT_FOUND, "list.issuer", "there is no issuer \"%.63s\"", name);
}

static int make_filter(const struct admin *a, const struct list_request *r, struct store_filter *q,
                       struct fault *f)
{
    memset(q, 0, sizeof(*q));
    if (parse_status(r->status, &q->status, f) != 0)
        return -(int)f->code;
    q->now = clock_now();
    q->expires_before = r->expires_before;
    q->issued_from = r->issued_from;
    q->issued_before = r->issued_before;
    q->has_key = r->has_key;
    memcpy(q->spki_hash, r->key, sizeof(q->spki_hash));
    q->sources = r->sources;
    q->has_identity = r->has_identity;
    memcpy(q->identity, r->identity, sizeof(q->identity));
    q->annotation = r->annotation;
    memcpy(q->installed_on, r->installed_on, sizeof(q->installed_on));
    q->installed = r->installed;
    snprintf(q->name, sizeof(q->name), "%s", r->name);
    snprintf(q->owner, sizeof(q->owner), "%s", r->owner);
    snprintf(q->requester, sizeof(q->requester), "%s", r->requester);
    snprintf(q->profile, sizeof(q->profile), "%s", r->profile);
    q->has_issuer = r->issuer[0] != '\0';
    return q->has_issuer ? parse_issuer(a, r->issuer, &q->issuer, f) : 0;
}

static void list(struct ask *q, bool lines)
{
    const struct admin *a = q->client->admin;
    struct page p = {.admin = a, .now = clock_now(), .lines = lines};
    struct list_request r;
    struct store_filter filter;
    struct store_cursor cursor = {0};

    if (list_request_get(buf_slice(&q->in), &r) != 0) {
        (void)malformed(q);
        return;
    }
    if (make_filter(a, &r, &filter, &q->fault) != 0)
        return;
    p.contains = r.contains;
    p.limit = r.limit;
    cursor.n = r.cursor.n;
    if (r.cursor.n > 0)
        memcpy(cursor.at, r.cursor.p, r.cursor.n);
    buf_init(&p.rows, FRAME_BODY_MAX);
    cert_row_init(&p.room);
    if (store_list(a->parts.store, &filter, LIST_LIMIT_MAX, &cursor, add_row, &p, &q->fault) == 0)
        list_page_put(&q->out, slice_of(cursor.at, cursor.n), p.n, buf_slice(&p.rows));
    cert_row_free(&p.room);
    buf_free(&p.rows);
}

void read_list(struct ask *q)
{
    list(q, false);
}

void read_list_lines(struct ask *q)
{
    list(q, true);
}

/* ---- show ---- */

struct found {
    size_t n;
    struct cert_ref ref[SHOW_MAX + 1];
};

static int note_found(void *arg, const struct cert_row *row)
{
    struct found *m = arg;

    m->ref[m->n++] = row->ref;
    return m->n > SHOW_MAX;
}

/* How many hexadecimal digits, or 0 if there is anything but digits and separators. */
static size_t hex_digits(const char *s)
{
    size_t n = 0;

    for (; *s != '\0'; s++) {
        if (isxdigit((unsigned char)*s))
            n++;
        else if (*s != ':' && *s != ' ')
            return 0;
    }
    return n;
}

static int find_by_name(const struct admin *a, const char *name, struct found *m, struct fault *f)
{
    struct store_filter filter = {.now = clock_now()};
    struct store_cursor cursor = {0};

    snprintf(filter.name, sizeof(filter.name), "%s", name);
    do {
        if (store_list(a->parts.store, &filter, SHOW_MAX + 1 - m->n, &cursor, note_found, m, f) !=
            0)
            return -(int)f->code;
    } while (cursor.n > 0 && m->n <= SHOW_MAX);
    return 0;
}

/* One that others issued, by its number. */
static bool find_number(const char *selector, struct found *m)
{
    unsigned long long number;
    char *end;

    if (strncmp(selector, SHOW_FOREIGN, strlen(SHOW_FOREIGN)) != 0)
        return false;
    selector += strlen(SHOW_FOREIGN);
    errno = 0;
    number = strtoull(selector, &end, 10);
    if (!isdigit((unsigned char)selector[0]) || *end != '\0' || errno != 0 || number == 0)
        return false;
    foreign_ref(number, &m->ref[0]);
    m->n = 1;
    return true;
}

static int find(const struct admin *a, const char *selector, struct found *m, struct fault *f)
{
    uint8_t octets[32];
    size_t digits = hex_digits(selector);

    m->n = 0;
    if (find_number(selector, m))
        return 0;
    if (digits == 2 * SERIAL_LEN && hex_decode(selector, octets, SERIAL_LEN) == 0)
        return store_find_serial(a->parts.store, octets, m->ref, SHOW_MAX, &m->n, f);
    if (digits == 64 && hex_decode(selector, octets, 32) == 0) {
        m->n = store_find_fingerprint(a->parts.store, octets, &m->ref[0], f) == 0 ? 1 : 0;
        if (f->code == FAULT_NOT_FOUND)
            fault_clear(f);
        return f->code == FAULT_NONE ? 0 : -(int)f->code;
    }
    return find_by_name(a, selector, m, f);
}

static void put_shown(const struct admin *a, const struct cert_row *row, struct buf *out)
{
    const struct authority *issuer = authority_numbered(a->parts.authorities, row->ref.issuer);
    struct shown s;
    struct buf der;

    buf_init(&der, CERT_MAX);
    describe_row(a, row, clock_now(), &s.info);
    s.certificate = SLICE_NONE;
    if (row->signature.n > 0 && cert_row_der(row, &der) == 0)
        s.certificate = buf_slice(&der);
    s.chain = issuer != NULL ? buf_slice(&issuer->chain) : SLICE_NONE;
    shown_put(out, &s);
    buf_free(&der);
}

static int newest_first(const void *a, const void *b)
{
    return memcmp(((const struct cert_ref *)b)->serial, ((const struct cert_ref *)a)->serial,
                  SERIAL_LEN);
}

/* As many matches as one frame holds; `more` says that there are others. */
static void put_matches(struct ask *q, struct found *m)
{
    const struct admin *a = q->client->admin;
    struct buf all, one;
    struct cert_row row;
    uint32_t n = 0;

    buf_init(&all, FRAME_BODY_MAX);
    buf_init(&one, FRAME_BODY_MAX);
    cert_row_init(&row);
    for (size_t i = 0; i < m->n && n < SHOW_MAX; i++) {
        if (store_get(a->parts.store, &m->ref[i], &row, &q->fault) != 0)
            break;
        buf_reset(&one);
        put_shown(a, &row, &one);
        if (all.n + one.n + 8 > FRAME_BODY_MAX)
            break;
        buf_put_slice(&all, buf_slice(&one));
        n++;
    }
    wire_put_u32(&q->out, n);
    wire_put_u8(&q->out, n < m->n);
    buf_put_slice(&q->out, buf_slice(&all));
    cert_row_free(&row);
    buf_free(&all);
    buf_free(&one);
}

void read_show(struct ask *q)
{
    struct show_request r;
    struct found m;

    if (show_request_get(buf_slice(&q->in), &r) != 0) {
        (void)malformed(q);
        return;
    }
    if (find(q->client->admin, r.selector, &m, &q->fault) != 0)
        return;
    if (m.n == 0) {
        (void)fault_set(&q->fault, FAULT_NOT_FOUND, "show.unknown",
                        "no certificate with the serial, fingerprint or name \"%.120s\"",
                        r.selector);
        return;
    }
    qsort(m.ref, m.n, sizeof(m.ref[0]), newest_first);
    put_matches(q, &m);
}
