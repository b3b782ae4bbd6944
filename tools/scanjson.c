#include "tools/scanjson.h"

#include <string.h>

#include "lib/anycert.h"
#include "lib/key.h"
#include "lib/pem.h"
#include "tools/certjson.h"

static json_t *text_or_null(const char *s)
{
    return s[0] != 0 ? json_text(s) : json_null();
}

static json_t *base64_json(struct slice s)
{
    struct buf text;
    json_t *out;

    if (s.n == 0)
        return json_null();
    buf_init(&text, 2 * s.n + 8);
    base64_put(&text, s, 0);
    out = json_text(buf_cstr(&text));
    buf_free(&text);
    return out;
}

static json_t *serial_json(struct slice serial)
{
    struct buf text;
    json_t *out;

    buf_init(&text, ANYCERT_MAX);
    anycert_serial_print(serial, &text);
    out = json_text(buf_cstr(&text));
    buf_free(&text);
    return out;
}

static json_t *certificate_json(struct slice der)
{
    json_t *o = json_object();
    struct anycert_key key;
    struct anycert_alg alg;
    struct anycert c;
    struct fault f;
    uint8_t hash[32];

    fault_clear(&f);
    sha256(der, hash);
    json_put(o, "sha256", json_hex(hash, sizeof(hash)));
    if (anycert_parse(der, &c, &f) == 0) {
        anycert_key(c.spki, &key);
        anycert_alg(c.sig_alg, &alg);
        json_put(o, "subject", cert_name_json(c.subject));
        json_put(o, "issuer", cert_name_json(c.issuer));
        json_put(o, "serial", serial_json(c.serial));
        json_put(o, "not_before", json_time(c.not_before));
        json_put(o, "not_after", json_time(c.not_after));
        json_put(o, "sans", cert_names_json(&c.sans));
        json_put(o, "key", json_string(key.name));
        json_put(o, "algorithm", json_string(alg.name));
    } else {
        json_put(o, "malformed", json_text(f.text));
    }
    json_put(o, "der", base64_json(der));
    return o;
}

static json_t *suites_json(const struct scan_suites *s)
{
    json_t *list = json_array();
    char name[8];

    for (size_t i = 0; i < s->n; i++)
        (void)json_array_append_new(list, json_string(tls_suite_name(s->suite[i], name)));
    return list;
}

/* What was asked for: true and false; what was not, or got no answer, is absent. */
static json_t *versions_json(const struct scan_result *r)
{
    json_t *o = json_object();

    for (unsigned v = 0; v < TLS_VERSIONS; v++)
        if ((r->asked >> v & 1) != 0)
            json_put(o, tls_version_name((enum tls_version)v), json_boolean(r->offered >> v & 1));
    return o;
}

static void put_weak(const struct scan_result *r, json_t *o)
{
    json_t *list = json_array();
    char name[8];

    for (unsigned v = 0; v < TLS_VERSIONS; v++) {
        if ((r->offered >> v & 1) != 0 && tls_version_weak((enum tls_version)v))
            (void)json_array_append_new(list, json_string(tls_version_name((enum tls_version)v)));
    }
    for (unsigned v = TLS_VERSIONS; v-- > 0;)
        for (size_t i = 0; i < r->suites[v].n; i++) {
            uint16_t suite = r->suites[v].suite[i];
            bool before = false;

            for (unsigned newer = v + 1; newer < TLS_VERSIONS; newer++)
                for (size_t k = 0; k < r->suites[newer].n; k++)
                    before = before || r->suites[newer].suite[k] == suite;
            if (tls_suite_weak(suite) && !before)
                (void)json_array_append_new(list, json_string(tls_suite_name(suite, name)));
        }
    json_put(o, "weak", list);
}

static void put_tls(const struct scan_result *r, json_t *o)
{
    json_t *suites = json_object(), *chain = json_array();
    char name[8];

    json_put(o, "alert", r->has_alert ? json_string(scan_alert_name(r->alert)) : json_null());
    json_put(o, "alert_number", r->has_alert ? json_integer(r->alert) : json_null());
    json_put(o, "version", r->has_chosen ? json_string(tls_version_name(r->version)) : json_null());
    json_put(o, "suite", r->has_chosen ? json_string(tls_suite_name(r->suite, name)) : json_null());
    json_put(o, "versions", versions_json(r));
    for (unsigned v = 0; v < TLS_VERSIONS; v++)
        if (r->suites[v].n > 0)
            json_put(suites, tls_version_name((enum tls_version)v), suites_json(&r->suites[v]));
    json_put(o, "suites", suites);
    json_put(o, "suites_complete", json_boolean(r->suites_all));
    put_weak(r, o);
    json_put(o, "demands_client_certificate", json_boolean(r->demands_client));
    json_put(o, "client_cas", r->demands_client ? json_integer(r->client_cas) : json_null());
    json_put(o, "key_proved", r->n_chain > 0 ? json_boolean(r->proved) : json_null());
    json_put(o, "ocsp", base64_json(r->ocsp));
    for (size_t i = 0; i < r->n_chain; i++)
        (void)json_array_append_new(chain, certificate_json(r->chain[i]));
    json_put(o, "chain", chain);
}

json_t *scan_json(const struct scan_result *r)
{
    json_t *o = json_object();

    json_put(o, "host", json_text(r->host));
    json_put(o, "address", text_or_null(r->address));
    json_put(o, "port", json_integer(r->port));
    json_put(o, "starttls", json_string(scan_starttls_word(r->starttls)));
    json_put(o, "sni", text_or_null(r->sni));
    json_put(o, "outcome", json_string(scan_outcome_word(r->outcome)));
    json_put(o, "stage", json_string(scan_stage_word(r->stage)));
    json_put(o, "detail", text_or_null(r->detail));
    json_put(o, "time", json_time(r->time));
    json_put(o, "duration_ms", json_integer(r->duration_ms));
    json_put(o, "connections", json_integer(r->connections));
    put_tls(r, o);
    return o;
}

json_t *scan_json_flat(const struct scan_result *r)
{
    json_t *o = scan_json(r), *leaf = json_array_get(json_object_get(o, "chain"), 0);

    if (leaf != NULL && json_object_update_missing(o, leaf) != 0)
        json_put(o, "malformed", json_true());
    return o;
}

/* --- the table ------------------------------------------------------------------------- */

static void cell_target(const json_t *row, struct buf *out)
{
    const char *host = json_str(row, "host"), *address = json_str(row, "address");
    const char *sni = json_str(row, "sni");
    bool six = strchr(host, ':') != NULL;

    buf_printf(out, "%s%s%s:%lld", six ? "[" : "", host, six ? "]" : "",
               (long long)json_integer_value(json_object_get(row, "port")));
    if (sni[0] != 0 && strcmp(sni, host) != 0)
        buf_printf(out, " %s", sni);
    else if (sni[0] == 0 && strcmp(address, host) != 0)
        buf_put_str(out, " (no name)");
}

static void cell_tls(const json_t *row, struct buf *out)
{
    static const char *const numbers[TLS_VERSIONS] = {"1.0", "1.1", "1.2", "1.3"};
    const json_t *versions = json_object_get(row, "versions");
    const char *between = "";

    for (unsigned v = 0; v < TLS_VERSIONS; v++)
        if (json_is_true(json_object_get(versions, tls_version_name((enum tls_version)v)))) {
            buf_printf(out, "%s%s", between, numbers[v]);
            between = " ";
        }
    if (between[0] == 0) {
        const char *chosen = json_str(row, "version");

        buf_put_str(out, chosen[0] != 0 ? chosen + 3 : "");
    }
}

static void cell_until(const json_t *row, struct buf *out)
{
    const json_t *leaf = json_array_get(json_object_get(row, "chain"), 0);

    buf_printf(out, "%.10s", json_str(leaf, "not_after"));
}

/* The certificate's own name; or why there is none. */
static void cell_what(const json_t *row, struct buf *out)
{
    const json_t *leaf = json_array_get(json_object_get(row, "chain"), 0);
    size_t weak = json_array_size(json_object_get(row, "weak"));

    buf_put_str(out, leaf != NULL ? json_str(leaf, "subject") : json_str(row, "detail"));
    if (json_is_false(json_object_get(row, "key_proved")))
        buf_put_str(out, ", shown without proof of its key");
    if (leaf == NULL && json_str(row, "alert")[0] != 0)
        buf_put_str(out, json_str(row, "alert"));
    if (json_is_true(json_object_get(row, "demands_client_certificate")))
        buf_put_str(out, "; demands a client certificate");
    if (weak > 0)
        buf_printf(out, "; weak: %zu", weak);
}

static const struct column columns[] = {
    {"TARGET", "host", 34, COLUMN_ALWAYS, cell_target},
    {"OUTCOME", "outcome", 15, COLUMN_ALWAYS, NULL},
    {"TLS", "versions", 15, COLUMN_ALWAYS, cell_tls},
    {"UNTIL", "chain", 10, COLUMN_ALWAYS, cell_until},
    {"WHAT", "detail", 0, COLUMN_ALWAYS, cell_what},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {"host",
                                   "address",
                                   "port",
                                   "starttls",
                                   "sni",
                                   "outcome",
                                   "stage",
                                   "detail",
                                   "time",
                                   "duration_ms",
                                   "alert",
                                   "version",
                                   "suite",
                                   "weak",
                                   "suites_complete",
                                   "demands_client_certificate",
                                   "client_cas",
                                   "sha256",
                                   "subject",
                                   "issuer",
                                   "serial",
                                   "not_before",
                                   "not_after",
                                   "sans",
                                   NULL};
const struct sheet scan_sheet = {columns, keys};
