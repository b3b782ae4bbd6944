#include "scan/probe.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "lib/anycert.h"
#include "scan/engine.h"
#include "scan/keep.h"

struct probing {
    struct loop *loop;
    struct scan_probed *out;
    bool any;
};

static void on_result(void *arg, const struct scan_result *r)
{
    struct probing *p = arg;

    if (p->any && p->out->result.outcome == SCAN_SERVED)
        return;
    p->any = true;
    p->out->result = *r;
    scan_result_keep(&p->out->result, &p->out->octets);
    if (r->outcome == SCAN_SERVED)
        loop_stop(p->loop);
}

static void on_done(void *arg)
{
    struct probing *p = arg;

    loop_stop(p->loop);
}

/* An address as text, as scan_range has it. */
static bool parse_address(const char *text, uint8_t out[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    memcpy(out, mapped, sizeof(mapped));
    return inet_pton(AF_INET, text, out + 12) == 1 || inet_pton(AF_INET6, text, out) == 1;
}

static void fill_range(const struct scan_probe *p, struct scan_range *r)
{
    const char *sni = p->sni;

    memset(r, 0, sizeof(*r));
    if (parse_address(p->host, r->first)) {
        memcpy(r->last, r->first, sizeof(r->last));
        sni = sni == NULL ? "" : sni;
    } else {
        memset(r->first, 0, sizeof(r->first));
        (void)snprintf(r->name, sizeof(r->name), "%s", p->host);
        sni = sni == NULL ? p->host : sni;
    }
    r->n_ports = 1;
    r->port[0] = (struct scan_port){.port = p->port, .starttls = p->starttls};
    r->bare = sni[0] == 0;
    r->n_names = r->bare ? 0 : 1;
    r->names[0] = slice_str(sni);
}

static void read_leaf(struct scan_probed *p)
{
    struct anycert c;
    struct fault ignored;
    struct buf serial;

    p->has_leaf = scan_result_fingerprint(&p->result, p->fingerprint);
    fault_clear(&ignored);
    if (!p->has_leaf || anycert_parse(p->result.chain[0], &c, &ignored) != 0)
        return;
    buf_init(&serial, ANYCERT_MAX);
    for (size_t i = 0; i < c.serial.n; i++)
        buf_printf(&serial, "%02x", c.serial.p[i]);
    (void)snprintf(p->serial, sizeof(p->serial), "%s", buf_cstr(&serial));
    buf_free(&serial);
}

static void be_late(struct scan_probed *out, const struct scan_probe *p)
{
    struct scan_result *r = &out->result;

    memset(r, 0, sizeof(*r));
    (void)snprintf(r->host, sizeof(r->host), "%s", p->host);
    r->port = p->port;
    r->starttls = p->starttls;
    r->outcome = SCAN_TIMEOUT;
    r->stage = SCAN_AT_RESOLVE;
}

static int run(struct probing *probing, const struct scan_probe *p, struct fault *f)
{
    const struct engine_events events = {.result = on_result, .done = on_done};
    struct scan_job job = {.timeout_ms = p->timeout_ms,
                           .connections = 1,
                           .prefix4 = SCAN_PREFIX4,
                           .prefix6 = SCAN_PREFIX6,
                           .handshake_only = true};
    struct scan_range range;
    struct engine *engine;
    struct loop_timer *late;
    int rc = engine_new(probing->loop, &job, &events, probing, &engine, f);

    if (rc != 0)
        return rc;
    late = loop_timer(probing->loop, on_done, probing);
    fill_range(p, &range);
    rc = engine_add(engine, &range, f);
    if (rc == 0) {
        /* A little later than the target's own, which knows how far it came. */
        loop_timer_set(late, (uint64_t)p->timeout_ms + 20);
        engine_start(engine);
        loop_run(probing->loop);
    }
    loop_timer_free(late);
    engine_free(engine);
    return rc;
}

int scan_probe(const struct scan_probe *p, struct scan_probed *out, struct fault *f)
{
    struct probing probing = {.out = out};
    int rc;

    memset(out, 0, sizeof(*out));
    buf_init(&out->octets, KEEP_OCTETS);
    if (p->host[0] == 0 || strlen(p->host) >= SCAN_HOST_MAX || p->port == 0 || p->timeout_ms == 0)
        return fault_set(f, FAULT_MALFORMED, "probe",
                         "a probe has a host, a port and a time limit");
    probing.loop = loop_new();
    rc = run(&probing, p, f);
    loop_free(probing.loop);
    if (rc != 0)
        return fault_rename(f, "probe");
    if (!probing.any)
        be_late(out, p);
    read_leaf(out);
    return 0;
}

void scan_probed_free(struct scan_probed *p)
{
    buf_free(&p->octets);
}
