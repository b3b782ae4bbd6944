#include "enroll/site.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enroll/credentials.h"
#include "enroll/hint.h"
#include "enroll/keyed.h"
#include "enroll/refusals.h"
#include "enroll/reply.h"
#include "enroll/report.h"
#include "est/body.h"
#include "est/certs.h"
#include "est/csrattrs.h"
#include "est/path.h"
#include "lib/clock.h"
#include "lib/counters.h"
#include "lib/der.h"
#include "lib/http.h"
#include "lib/httpd_tls.h"
#include "lib/proto_enroll.h"
#include "lib/rate.h"
#include "lib/source.h"

struct site {
    const struct conf *conf;
    struct ca_link *link;
    struct cas *cas;
    struct refusals *refusals;
    struct rate *rate; /* requests by address; NULL: no limit */
};

/* A client that waits. */
struct waiting {
    struct http_wait *wait;
    bool lines; /* as reply_in_lines */
    bool keyed; /* for a key too */
    enum est_op op;
    const struct conf_est *label;
};

static void count(enum est_op op, unsigned status)
{
    static const int counters[] = {[EST_CACERTS] = COUNT_EST_CACERTS,
                                   [EST_SIMPLEENROLL] = COUNT_EST_SIMPLEENROLL,
                                   [EST_SIMPLEREENROLL] = COUNT_EST_SIMPLEREENROLL,
                                   [EST_FULLCMC] = -1, /* not offered */
                                   [EST_SERVERKEYGEN] = COUNT_EST_SERVERKEYGEN,
                                   [EST_CSRATTRS] = COUNT_EST_CSRATTRS};

    if (status != 0 && counters[op] >= 0)
        counter_est((enum counter)counters[op], status);
}

struct site *site_new(const struct conf *c, struct ca_link *k, struct cas *cas,
                      struct refusals *refusals)
{
    struct site *s = xcalloc(1, sizeof *s);
    uint32_t n;
    int64_t per;

    *s = (struct site){.conf = c, .link = k, .cas = cas, .refusals = refusals};
    if (conf_limit(c->https_address_limit, &n, &per))
        s->rate = rate_new(n, per);
    return s;
}

void site_free(struct site *s)
{
    if (s == NULL)
        return;
    rate_free(s->rate);
    free(s);
}

/* ---- refused here ---- */

/* Answers, and tells cerca-ca, which records it. */
static void refuse(struct site *s, const struct http_request *r, const struct conf_est *label,
                   const struct fault *f, struct http_answer *out)
{
    char address[HTTP_ADDRESS_SIZE];

    http_request_address(r, address);
    refusals_add(s->refusals, address, f);
    reply_fault(f, label, out);
}

void site_turned_away(void *site, const char *address, enum httpd_why why)
{
    static const struct {
        enum fault_code code;
        const char *rule, *text;
    } of[] = {
        [HTTPD_TOO_LARGE] = {FAULT_TOO_LARGE, "http.size", "the body is too large"},
        [HTTPD_MALFORMED] = {FAULT_MALFORMED, "http.malformed", "the request is no HTTP"},
        [HTTPD_SLOW] = {FAULT_MALFORMED, "http.slow", "cut off: a request was not sent in time"},
    };
    const struct site *s = site;
    struct fault f;

    (void)fault_set(&f, of[why].code, of[why].rule, "%s", of[why].text);
    refusals_add(s->refusals, address, &f);
}

/* True: refused. */
static bool too_often(struct site *s, const struct http_request *r, struct http_answer *out)
{
    char address[HTTP_ADDRESS_SIZE];
    struct fault f;
    uint32_t wait;

    if (s->rate == NULL)
        return false;
    http_request_address(r, address);
    wait = rate_take(s->rate, source_key(address), clock_mono_us());
    if (wait == 0)
        return false;
    fault_clear(&f);
    (void)fault_unavailable(&f, wait, "limit.address",
                            "too many requests from this address; retry after %u s", wait);
    refuse(s, r, NULL, &f, out);
    return true;
}

static void refuse_method(const char *method, struct http_answer *out)
{
    bool get = strcmp(method, "GET") == 0;

    http_answer_text(out, 405, get ? "Only GET and HEAD.\n" : "Only POST.\n");
    out->allow = get ? "GET, HEAD" : "POST";
}

/* ---- cacerts ---- */

static void answer_cas(struct site *s, const struct http_request *r, const struct conf_est *label,
                       struct http_answer *out)
{
    struct buf message;
    struct fault f;

    fault_clear(&f);
    buf_init(&message, CAS_MAX);
    if (cas_get(s->cas, label, &message) == 0) {
        reply_der(CERTS_TYPE_FULL, buf_slice(&message), reply_in_lines(r), out);
    } else {
        (void)fault_unavailable(&f, 5, "est.cacerts", "the CA's certificates are not known yet");
        reply_fault(&f, label, out);
    }
    buf_free(&message);
}

/* ---- csrattrs ---- */

static void answer_attributes(const struct site *s, const struct http_request *r,
                              const struct conf_est *label, struct http_answer *out)
{
    struct buf der;

    buf_init(&der, CSRATTRS_BODY_MAX);
    csrattrs_put(&der, conf_profile(s->conf, label->profile), label->linking == LINKING_REQUIRED);
    reply_der(CSRATTRS_TYPE, buf_slice(&der), reply_in_lines(r), out);
    buf_free(&der);
}

/* ---- enrolling ---- */

static void on_reply(void *arg, uint16_t type, struct slice body, const struct fault *fault)
{
    struct waiting *w = arg;
    struct http_answer a = {0};
    struct enroll_keyed k;
    struct issued i;
    struct fault f;

    fault_clear(&f);
    if (fault != NULL)
        reply_fault(fault, w->label, &a);
    else if (type == MSG_ISSUED && !w->keyed && issued_get(body, &i) == 0)
        reply_certificate(i.certificate, w->lines, &a);
    else if (type == MSG_ENROLL_KEYED && w->keyed && enroll_keyed_get(body, &k) == 0)
        reply_key(&k, &a);
    else {
        (void)fault_set(&f, FAULT_INTERNAL, "est.ca", "cerca-ca answers nonsense");
        reply_fault(&f, w->label, &a);
    }
    count(w->op, a.status);
    http_wait_end(w->wait, &a);
    free(w);
}

/* Nothing of the request is looked at after this. */
static void pass_on(struct site *s, const struct http_request *r, const struct conf_est *label,
                    enum est_op op, struct buf *body)
{
    struct waiting *w = xcalloc(1, sizeof *w);

    w->label = label;
    w->op = op;
    w->keyed = op == EST_SERVERKEYGEN;
    w->lines = reply_in_lines(r);
    w->wait = http_wait(r);
    ca_link_ask(s->link, MSG_ENROLL, body, on_reply, w);
}

/* DER of the request into `out`. */
static int read_csr(const struct http_request *r, struct buf *out, struct fault *f)
{
    static const char *const labels[] = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", NULL};

    return est_body_get(r->body, labels, out, f);
}

/* Some clients send no body before they were told how to say who they are: 401, not 400. */
static int check_probe(const struct http_request *r, const struct credentials *c,
                       struct slice chain, struct fault *f)
{
    return r->body.n > 0 || c->there || chain.n > 0
               ? 0
               : fault_set(f, FAULT_DENIED, "est.unauthorised", "credentials are needed");
}

static int write_request(const struct http_request *r, struct enroll_request *q, struct buf *out,
                         struct fault *f)
{
    struct credentials c;
    struct buf csr, chain, binding;
    int rc;

    buf_init(&csr, CSR_MAX);
    buf_init(&binding, ENROLL_BINDING_MAX);
    buf_init(&chain, ENROLL_CHAIN_MAX);
    http_request_peer(r, &chain);
    rc = credentials_get(http_request_field(r, "Authorization"), &c, f);
    if (rc == 0)
        rc = check_probe(r, &c, buf_slice(&chain), f);
    if (rc == 0)
        rc = read_csr(r, &csr, f);
    if (rc == 0) {
        http_request_binding(r, &binding);
        http_request_address(r, q->address);
        q->csr = buf_slice(&csr);
        q->chain = buf_slice(&chain);
        q->binding = buf_slice(&binding);
        q->has_secret = c.there;
        (void)snprintf(q->user, sizeof(q->user), "%s", c.user);
        q->secret = buf_slice(&c.secret);
        enroll_request_put(out, q);
        if (buf_failed(out))
            rc = fault_set(f, FAULT_TOO_LARGE, "est.request.size",
                           "the certification request, the certificates of TLS and the secret are "
                           "too large together");
    }
    credentials_free(&c);
    buf_free(&csr);
    buf_free(&chain);
    buf_free(&binding);
    return rc;
}

static void answer_enroll(struct site *s, const struct http_request *r, const struct est_path *p,
                          const struct conf_est *label, struct http_answer *out)
{
    struct enroll_request q = {.renew = p->operation->op == EST_SIMPLEREENROLL,
                               .make_key = p->operation->op == EST_SERVERKEYGEN};
    struct buf body;
    struct fault f;

    fault_clear(&f);
    buf_init(&body, FRAME_BODY_MAX);
    (void)snprintf(q.label, sizeof(q.label), "%s", label->name);
    if (write_request(r, &q, &body, &f) == 0)
        pass_on(s, r, label, p->operation->op, &body);
    else
        refuse(s, r, label, &f, out);
    buf_free(&body);
}

/* ---- when to renew ---- */

static void on_hint(void *arg, uint16_t type, struct slice body, const struct fault *fault)
{
    struct waiting *w = arg;
    struct http_answer a = {0};
    struct enroll_hint h;
    struct fault f;

    fault_clear(&f);
    if (fault != NULL) {
        reply_fault(fault, NULL, &a);
    } else if (type == MSG_ENROLL_HINTED && enroll_hint_get(body, &h) == 0) {
        reply_hint(&h, &a);
    } else {
        (void)fault_set(&f, FAULT_INTERNAL, "est.ca", "cerca-ca answers nonsense");
        reply_fault(&f, NULL, &a);
    }
    http_wait_end(w->wait, &a);
    free(w);
}

static void ask_hint(struct site *s, const struct http_request *r, struct enroll_hint_request *q,
                     struct slice chain)
{
    struct waiting *w = xcalloc(1, sizeof *w);
    struct buf body;

    q->chain = chain;
    http_request_address(r, q->address);
    buf_init(&body, FRAME_BODY_MAX);
    enroll_hint_request_put(&body, q);
    w->wait = http_wait(r);
    ca_link_ask(s->link, MSG_ENROLL_HINT, &body, on_hint, w);
    buf_free(&body);
}

/* False: it is another path. */
static bool answer_hint(struct site *s, const struct http_request *r, struct http_answer *out)
{
    uint8_t room[ENROLL_KEYID_MAX];
    struct enroll_hint_request q;
    struct buf chain;
    struct fault f;
    int rc = hint_path(r->target, &q, room);

    if (rc > 0)
        return false;
    fault_clear(&f);
    buf_init(&chain, ENROLL_CHAIN_MAX);
    http_request_peer(r, &chain);
    if (strcmp(r->method, "GET") != 0)
        refuse_method("GET", out);
    else if (rc != 0)
        (void)fault_set(&f, FAULT_NOT_FOUND, "hint.path", "this path names no certificate");
    else if (chain.n == 0 || buf_failed(&chain))
        (void)fault_set(&f, FAULT_DENIED, "hint.certificate",
                        "only the holder of a certificate of this CA learns when to renew it");
    else
        ask_hint(s, r, &q, buf_slice(&chain));
    if (f.code != FAULT_NONE)
        refuse(s, r, NULL, &f, out);
    buf_free(&chain);
    return true;
}

/* ---- what agents report ---- */

static void on_reported(void *arg, uint16_t type, struct slice body, const struct fault *fault)
{
    struct waiting *w = arg;
    struct http_answer a = {.status = 204};

    (void)type, (void)body;
    if (fault != NULL)
        reply_fault(fault, NULL, &a);
    http_wait_end(w->wait, &a);
    free(w);
}

/* The client's own certificate is all that cerca-ca looks at. */
static int read_report(const struct http_request *r, struct slice chain, struct buf *out,
                       struct fault *f)
{
    struct enroll_report head = {.n = 0};

    if (der_get_whole(&chain, DER_SEQUENCE, &head.chain) != 0)
        return fault_set(f, FAULT_DENIED, "report.certificate",
                         "only who has a certificate of this CA reports");
    http_request_address(r, head.address);
    return report_write(r->body, &head, out, f);
}

static void pass_report(struct site *s, const struct http_request *r, struct http_answer *out)
{
    struct buf chain, body;
    struct fault f;

    fault_clear(&f);
    buf_init(&chain, ENROLL_CHAIN_MAX);
    buf_init(&body, FRAME_BODY_MAX);
    http_request_peer(r, &chain);
    if (read_report(r, buf_failed(&chain) ? SLICE_NONE : buf_slice(&chain), &body, &f) == 0) {
        struct waiting *w = xcalloc(1, sizeof *w);

        w->wait = http_wait(r);
        ca_link_ask(s->link, MSG_ENROLL_REPORT, &body, on_reported, w);
    } else {
        refuse(s, r, NULL, &f, out);
    }
    buf_free(&chain);
    buf_free(&body);
}

/* False: it is another path. */
static bool answer_report(struct site *s, const struct http_request *r, struct http_answer *out)
{
    char path[HTTP_PATH_MAX];
    const char *type = http_request_field(r, "Content-Type");

    if (http_path(r->target, path) != 0 || strcmp(path, REPORT_PATH) != 0)
        return false;
    if (strcmp(r->method, "POST") != 0)
        refuse_method("POST", out);
    else if (type == NULL || !est_type_is(type, "application/json"))
        http_answer_text(out, 415, "Content-Type must be application/json.\n");
    else
        pass_report(s, r, out);
    return true;
}

/* ---- which operation ---- */

static bool right_type(const struct http_request *r, const struct est_operation *o)
{
    const char *type = http_request_field(r, "Content-Type");

    return o->request[0] == '\0' || type == NULL || est_type_is(type, o->request);
}

static void refuse_label(struct site *s, const struct http_request *r, const char *label,
                         struct http_answer *out)
{
    struct fault f;

    fault_clear(&f);
    (void)fault_refuse(&f, "est.label", "label", slice_str(label[0] == '\0' ? EST_DEFAULT : label),
                       "a label of the configuration");
    f.code = FAULT_NOT_FOUND;
    refuse(s, r, NULL, &f, out);
}

static void refuse_type(struct site *s, const struct http_request *r, const struct est_operation *o,
                        struct http_answer *out)
{
    char address[HTTP_ADDRESS_SIZE];
    struct buf text;
    struct fault f;

    fault_clear(&f);
    (void)fault_refuse(&f, "est.type", "Content-Type",
                       slice_str(http_request_field(r, "Content-Type")), o->request);
    http_request_address(r, address);
    refusals_add(s->refusals, address, &f);

    buf_init(&text, 256);
    buf_printf(&text, "Content-Type must be %s.\n", o->request);
    http_answer_text(out, 415, "");
    http_answer_keep(out, &text);
}

/* One that waits has no status yet. */
static void answer(struct site *s, const struct http_request *r, const struct est_path *p,
                   struct http_answer *out)
{
    const struct conf_est *label = conf_est(s->conf, p->label);

    if (label == NULL) {
        refuse_label(s, r, p->label, out);
    } else if (!p->operation->offered) {
        http_answer_text(out, 501, "This operation is not offered here.\n");
    } else if (strcmp(r->method, p->operation->method) != 0) {
        refuse_method(p->operation->method, out);
    } else if (p->operation->op == EST_CACERTS) {
        answer_cas(s, r, label, out);
    } else if (p->operation->op == EST_CSRATTRS) {
        answer_attributes(s, r, label, out);
    } else if (!right_type(r, p->operation)) {
        refuse_type(s, r, p->operation, out);
    } else if (p->operation->op == EST_SERVERKEYGEN && label->n_server_keys == 0) {
        http_answer_text(out, 501, "No keys are made under this label.\n");
    } else {
        answer_enroll(s, r, p, label, out);
    }
}

void site_answer(void *site, const struct http_request *r, struct http_answer *out)
{
    struct site *s = site;
    struct est_path p;
    bool est = est_path_parse(r->target, &p) == 0;

    if (!too_often(s, r, out) && !answer_hint(s, r, out) && !answer_report(s, r, out) && est)
        answer(s, r, &p, out);
    if (est)
        count(p.operation->op, out->status);
}
