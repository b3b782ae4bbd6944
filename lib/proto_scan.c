#include "lib/proto_scan.h"

#include <string.h>

static uint8_t get_up_to(struct wire_in *w, uint8_t least, uint8_t most)
{
    uint8_t v = wire_get_u8(w);

    if (v < least || v > most)
        w->failed = true;
    return wire_failed(w) ? least : v;
}

/* Text that ends up on terminals: printable ASCII only. */
static void get_printable(struct wire_in *w, char *out, size_t cap)
{
    wire_get_text(w, out, cap);
    for (const char *p = out; *p != 0; p++)
        if (*p < ' ' || *p > '~')
            w->failed = true;
}

static void put_suites(struct buf *b, const struct scan_suites *s)
{
    wire_put_u16(b, s->n);
    for (size_t i = 0; i < s->n; i++)
        wire_put_u16(b, s->suite[i]);
}

static void get_suites(struct wire_in *w, struct scan_suites *s)
{
    s->n = wire_get_u16(w);
    if (s->n > SCAN_SUITES_MAX)
        w->failed = true;
    if (wire_failed(w))
        s->n = 0;
    for (size_t i = 0; i < s->n; i++)
        s->suite[i] = wire_get_u16(w);
}

static void put_handshake(struct buf *b, const struct scan_result *r)
{
    wire_put_u8(b, r->has_alert);
    wire_put_u8(b, r->alert);
    wire_put_u8(b, r->has_chosen);
    wire_put_u8(b, (uint8_t)r->version);
    wire_put_u16(b, r->suite);
    wire_put_u8(b, r->demands_client);
    wire_put_u16(b, r->client_cas);
    wire_put_u8(b, r->proved);
    wire_put_u8(b, r->n_chain);
    for (size_t i = 0; i < r->n_chain; i++)
        wire_put_bytes(b, r->chain[i]);
    wire_put_bytes(b, r->ocsp);
}

static void get_handshake(struct wire_in *w, struct scan_result *r)
{
    size_t octets = 0;

    r->has_alert = wire_get_flag(w);
    r->alert = wire_get_u8(w);
    r->has_chosen = wire_get_flag(w);
    r->version = (enum tls_version)get_up_to(w, TLS_1_0, TLS_1_3);
    r->suite = wire_get_u16(w);
    r->demands_client = wire_get_flag(w);
    r->client_cas = wire_get_u16(w);
    r->proved = wire_get_flag(w);
    r->n_chain = get_up_to(w, 0, SCAN_CHAIN_MAX);
    if (r->proved && r->n_chain == 0)
        w->failed = true;
    for (size_t i = 0; i < r->n_chain; i++) {
        r->chain[i] = wire_get_bytes(w, SCAN_CHAIN_OCTETS);
        octets += r->chain[i].n;
    }
    r->ocsp = wire_get_bytes(w, SCAN_OCSP_MAX);
    if (octets > SCAN_CHAIN_OCTETS)
        w->failed = true;
}

void scan_result_put(struct buf *b, const struct scan_result *r)
{
    wire_put_text(b, r->host);
    wire_put_text(b, r->address);
    wire_put_u16(b, r->port);
    wire_put_u8(b, (uint8_t)r->starttls);
    wire_put_text(b, r->sni);
    wire_put_u64(b, r->position);
    wire_put_i64(b, r->time);
    wire_put_u32(b, r->duration_ms);
    wire_put_u32(b, r->connections);
    wire_put_u8(b, (uint8_t)r->outcome);
    wire_put_u8(b, (uint8_t)r->stage);
    wire_put_text(b, r->detail);
    put_handshake(b, r);
    wire_put_u8(b, r->asked);
    wire_put_u8(b, r->offered);
    wire_put_u8(b, r->suites_all);
    for (size_t v = 0; v < TLS_VERSIONS; v++)
        put_suites(b, &r->suites[v]);
}

int scan_result_get(struct slice body, struct scan_result *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    get_printable(&w, out->host, sizeof(out->host));
    get_printable(&w, out->address, sizeof(out->address));
    out->port = wire_get_u16(&w);
    out->starttls = (enum scan_starttls)get_up_to(&w, 0, STARTTLS_KINDS - 1);
    get_printable(&w, out->sni, sizeof(out->sni));
    out->position = wire_get_u64(&w);
    out->time = wire_get_i64(&w);
    out->duration_ms = wire_get_u32(&w);
    out->connections = wire_get_u32(&w);
    out->outcome = (enum scan_outcome)get_up_to(&w, SCAN_SERVED, SCAN_OUTCOME_MAX);
    out->stage = (enum scan_stage)get_up_to(&w, SCAN_AT_RESOLVE, SCAN_AT_DONE);
    get_printable(&w, out->detail, sizeof(out->detail));
    get_handshake(&w, out);
    out->asked = get_up_to(&w, 0, (1 << TLS_VERSIONS) - 1);
    out->offered = get_up_to(&w, 0, (1 << TLS_VERSIONS) - 1);
    out->suites_all = wire_get_flag(&w);
    for (size_t v = 0; v < TLS_VERSIONS; v++)
        get_suites(&w, &out->suites[v]);
    if ((out->offered & ~out->asked) != 0 || out->host[0] == 0)
        w.failed = true;
    return wire_in_done(&w) ? 0 : -1;
}

void scan_job_put(struct buf *b, const struct scan_job *j)
{
    wire_put_u64(b, j->seed);
    wire_put_u64(b, j->position);
    wire_put_u32(b, j->timeout_ms);
    wire_put_u32(b, j->connections);
    wire_put_u32(b, j->rate);
    wire_put_u32(b, j->per_network);
    wire_put_u8(b, j->prefix4);
    wire_put_u8(b, j->prefix6);
    wire_put_u8(b, j->handshake_only);
}

int scan_job_get(struct slice body, struct scan_job *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->seed = wire_get_u64(&w);
    out->position = wire_get_u64(&w);
    out->timeout_ms = wire_get_u32(&w);
    out->connections = wire_get_u32(&w);
    out->rate = wire_get_u32(&w);
    out->per_network = wire_get_u32(&w);
    out->prefix4 = get_up_to(&w, 1, 32);
    out->prefix6 = get_up_to(&w, 1, 128);
    out->handshake_only = wire_get_flag(&w);
    if (out->timeout_ms == 0 || out->timeout_ms > SCAN_TIMEOUT_MAX_MS || out->connections == 0 ||
        out->connections > SCAN_CONNECTIONS_MAX)
        w.failed = true;
    return wire_in_done(&w) ? 0 : -1;
}

void scan_range_put(struct buf *b, const struct scan_range *r)
{
    wire_put_u8(b, r->exclude);
    wire_put_text(b, r->name);
    wire_put_fixed(b, r->first, sizeof(r->first));
    wire_put_fixed(b, r->last, sizeof(r->last));
    wire_put_u8(b, r->n_ports);
    for (size_t i = 0; i < r->n_ports; i++) {
        wire_put_u16(b, r->port[i].port);
        wire_put_u8(b, (uint8_t)r->port[i].starttls);
    }
    wire_put_u8(b, r->bare);
    wire_put_u8(b, r->n_names);
    for (size_t i = 0; i < r->n_names; i++)
        wire_put_bytes(b, r->names[i]);
}

static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n > 0 && s.n <= 253; /* RFC 1035 2.3.4 */
}

static bool range_whole(const struct scan_range *r)
{
    bool asked = r->bare || r->n_names > 0;

    if (r->name[0] != 0 && !is_name(slice_str(r->name)))
        return false;
    if (r->exclude)
        return r->name[0] == 0 && r->n_ports == 0 && !asked &&
               memcmp(r->first, r->last, sizeof(r->first)) <= 0;
    return r->n_ports > 0 && asked && memcmp(r->first, r->last, sizeof(r->first)) <= 0;
}

void scan_range_get(struct wire_in *w, struct scan_range *out)
{
    memset(out, 0, sizeof(*out));
    out->exclude = wire_get_flag(w);
    wire_get_text(w, out->name, sizeof(out->name));
    wire_get_fixed(w, out->first, sizeof(out->first));
    wire_get_fixed(w, out->last, sizeof(out->last));
    out->n_ports = get_up_to(w, 0, SCAN_PORTS_MAX);
    for (size_t i = 0; i < out->n_ports; i++) {
        out->port[i].port = wire_get_u16(w);
        out->port[i].starttls = (enum scan_starttls)get_up_to(w, 0, STARTTLS_KINDS - 1);
        if (out->port[i].port == 0)
            w->failed = true;
    }
    out->bare = wire_get_flag(w);
    out->n_names = get_up_to(w, 0, SCAN_NAMES_MAX);
    for (size_t i = 0; i < out->n_names; i++) {
        out->names[i] = wire_get_bytes(w, 253);
        if (!is_name(out->names[i]))
            w->failed = true;
    }
    if (!range_whole(out))
        w->failed = true;
}

void scan_progress_put(struct buf *b, const struct scan_progress *p)
{
    wire_put_u64(b, p->total);
    wire_put_u64(b, p->excluded);
    wire_put_u64(b, p->started);
    wire_put_u64(b, p->done);
    wire_put_u64(b, p->finished);
    wire_put_u64(b, p->results);
    wire_put_u32(b, p->connections);
}

int scan_progress_get(struct slice body, struct scan_progress *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->total = wire_get_u64(&w);
    out->excluded = wire_get_u64(&w);
    out->started = wire_get_u64(&w);
    out->done = wire_get_u64(&w);
    out->finished = wire_get_u64(&w);
    out->results = wire_get_u64(&w);
    out->connections = wire_get_u32(&w);
    return wire_in_done(&w) && out->finished <= out->started && out->started <= out->total ? 0 : -1;
}
