#include "tools/certjson.h"

#include <string.h>

#include "lib/anycert.h"
#include "lib/der.h"
#include "lib/name.h"
#include "lib/pem.h"
#include "lib/proto_import.h"

const char *reason_name(uint8_t reason)
{
    static const char *const names[] = {
        "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
        "superseded",    "cessationOfOperation", "certificateHold", "unspecified",
        "removeFromCRL", "privilegeWithdrawn",   "aACompromise",
    };

    return reason < sizeof(names) / sizeof(names[0]) ? names[reason] : names[0];
}

json_t *told_json(uint8_t told)
{
    static const char *const words[] = {NULL, "valid", "revoked", "expired"};

    if (told == IMPORT_NOT_TOLD || told > IMPORT_TOLD_MAX)
        return json_null();
    return json_string(words[told]);
}

json_t *sans_json(const char *sans)
{
    json_t *list = json_array();

    while (*sans != 0) {
        size_t n = strcspn(sans, " ");

        if (n > 0)
            (void)json_array_append_new(list, json_stringn(sans, n));
        sans += n + (sans[n] == ' ' ? 1 : 0);
    }
    return list;
}

json_t *cert_name_json(struct slice name)
{
    struct buf text;
    json_t *s;

    buf_init(&text, (size_t)8 * ANYCERT_MAX);
    name_print(name, &text);
    s = json_text(buf_cstr(&text));
    buf_free(&text);
    return s;
}

json_t *cert_names_json(const struct san_list *sans)
{
    json_t *list = json_array();
    struct buf text;

    buf_init(&text, (size_t)4 * ANYCERT_MAX);
    for (size_t i = 0; i < sans->n; i++) {
        buf_reset(&text);
        san_print(&sans->item[i], &text);
        (void)json_array_append_new(list, json_text(buf_cstr(&text)));
    }
    buf_free(&text);
    return list;
}

static json_t *time_or_null(int64_t t)
{
    return t != 0 ? json_time(t) : json_null();
}

static json_t *tags_json(const char *tags)
{
    json_t *list = json_array();

    while (*tags != 0) {
        size_t n = strcspn(tags, ",");

        (void)!json_array_append_new(list, json_stringn(tags, n));
        tags += n + (tags[n] == ',' ? 1 : 0);
    }
    return list;
}

void annotation_json(const struct annotation *a, json_t *o)
{
    json_put(o, "identity", json_hex(a->identity, sizeof(a->identity)));
    json_put(o, "contact", json_text(a->contact));
    json_put(o, "application", json_text(a->application));
    json_put(o, "environment", json_text(a->environment));
    json_put(o, "purpose", json_text(a->purpose));
    json_put(o, "criticality", json_text(criticality_name(a->criticality)));
    json_put(o, "method", json_text(method_name(a->method)));
    json_put(o, "note", json_text(a->note));
    json_put(o, "tags", tags_json(a->tags));
    json_put(o, "reviewed", time_or_null(a->reviewed));
    json_put(o, "retired", time_or_null(a->retired));
}

/* Where it is known from; what others issued has a number here. */
static void source_json(const struct cert_info *i, json_t *o)
{
    json_put(o, "source", json_string(source_name(i->source)));
    json_put(o, "number", i->number != 0 ? json_integer((json_int_t)i->number) : json_null());
    json_put(o, "origin", json_text(i->origin));
    json_put(o, "last_seen", time_or_null(i->last_seen));
    if (i->number == 0)
        return;
    json_put(o, "told", told_json(i->told));
    json_put(o, "stranger", json_boolean(i->stranger));
}

/* Another CA need not have told when. */
static void revoked_json(const struct cert_info *i, json_t *o)
{
    if (i->revoked_at == 0 && i->told != IMPORT_REVOKED)
        return;
    json_put(o, "revoked_at", time_or_null(i->revoked_at));
    json_put(o, "reason", json_string(reason_name(i->reason)));
}

json_t *cert_json(const struct cert_info *i)
{
    json_t *o = json_object();

    json_put(o, "serial",
             i->number != 0 ? json_text(i->other_serial) : json_hex(i->serial, sizeof(i->serial)));
    json_put(o, "issuer", json_text(i->issuer));
    json_put(o, "subject", json_text(i->subject));
    json_put(o, "sans", sans_json(i->sans));
    json_put(o, "profile", json_text(i->profile));
    json_put(o, "owner", json_text(i->owner));
    json_put(o, "requester", json_text(i->requester));
    json_put(o, "status", json_text(i->status));
    json_put(o, "not_before", json_time(i->not_before));
    json_put(o, "not_after", json_time(i->not_after));
    json_put(o, "fingerprint", json_hex(i->fingerprint, sizeof(i->fingerprint)));
    json_put(o, "key", json_text(i->key));
    json_put(o, "signature", json_text(i->signature));
    json_put(o, "replaces",
             i->has_replaces ? json_hex(i->replaces, sizeof(i->replaces)) : json_null());
    json_put(o, "replaced_by",
             i->has_replaced_by ? json_hex(i->replaced_by, sizeof(i->replaced_by)) : json_null());
    if (i->issued_at != 0)
        json_put(o, "issued_at", json_time(i->issued_at));
    revoked_json(i, o);
    source_json(i, o);
    annotation_json(&i->annotation, o);
    return o;
}

/* The first name without its kind, how many more there are, or else the subject. */
void cert_cell_name(const json_t *row, struct buf *out)
{
    const json_t *sans = json_object_get(row, "sans");
    const char *first = json_string_value(json_array_get(sans, 0));
    const char *colon = first == NULL ? NULL : strchr(first, ':');
    size_t n = json_array_size(sans);

    if (first == NULL)
        buf_put_str(out, json_str(row, "subject"));
    else
        buf_put_str(out, colon == NULL ? first : colon + 1);
    if (n > 1)
        buf_printf(out, " +%zu", n - 1);
}

/* What cerca show finds it by. */
static void cell_serial(const json_t *row, struct buf *out)
{
    const json_t *number = json_object_get(row, "number");

    if (json_is_integer(number))
        buf_printf(out, SHOW_FOREIGN "%lld", (long long)json_integer_value(number));
    else
        buf_put_str(out, json_str(row, "serial"));
}

/* Of what others issued, from where it is known. */
static void cell_profile(const json_t *row, struct buf *out)
{
    if (json_is_integer(json_object_get(row, "number")))
        buf_printf(out, "(%s)", json_str(row, "source"));
    else
        buf_put_str(out, json_str(row, "profile"));
}

/* On a narrow line the day has to do. */
static void cell_day(const json_t *row, struct buf *out)
{
    buf_put_slice(out,
                  slice_of(json_str(row, "not_after"), strcspn(json_str(row, "not_after"), "T")));
}

static const struct column cert_columns[] = {
    {"SERIAL", NULL, 32, COLUMN_ALWAYS, cell_serial},
    {"STATUS", "status", 9, COLUMN_ALWAYS, NULL},
    {"NOT AFTER", "not_after", 20, COLUMN_WIDE, NULL},
    {"NOT AFTER", NULL, 10, COLUMN_NARROW, cell_day},
    {"PROFILE", NULL, 14, COLUMN_WIDE, cell_profile},
    {"NAME", NULL, 0, COLUMN_ALWAYS, cert_cell_name},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};

static const char *const cert_keys[] = {
    "serial",      "issuer",      "subject",    "sans",        "profile",     "owner",
    "requester",   "status",      "not_before", "not_after",   "fingerprint", "replaces",
    "replaced_by", "issued_at",   "revoked_at", "reason",      "source",      "number",
    "origin",      "last_seen",   "told",       "stranger",    "identity",    "contact",
    "application", "environment", "purpose",    "criticality", "method",      "note",
    "tags",        "reviewed",    "retired",    "key",         "signature",   NULL,
};

const struct sheet cert_sheet = {cert_columns, cert_keys};

int pem_with_chain(struct slice leaf, struct slice chain, struct buf *out, struct fault *f)
{
    pem_put(out, "CERTIFICATE", leaf);
    while (chain.n > 0) {
        struct slice one;

        if (der_get_whole(&chain, DER_SEQUENCE, &one) != 0)
            return fault_set(f, FAULT_MALFORMED, "answer", "the chain is not made of certificates");
        pem_put(out, "CERTIFICATE", one);
    }
    return 0;
}
