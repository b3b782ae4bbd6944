/*
 * What servers answer our clients (tests/fuzz/transport.h), by the first octet: a CA's hint when to
 * renew, EST's answers, the API of Kubernetes, logs of Certificate Transparency, a service that
 * notices go to.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "agent/deploy/kube.h"
#include "client/ctlog.h"
#include "client/esthint.h"
#include "est/body.h"
#include "est/certs.h"
#include "est/csrattrs.h"
#include "lib/cert.h"
#include "tests/fuzz/transport.h"
#include "watch/notify/mail.h"

static const struct est_args args = {.url = "https://est.example"};
static struct buf log_key;

static void open_est(struct est *e)
{
    const struct est_caller caller = {.timeout = 10};
    struct fault f;

    FUZZ_CHECK(est_open(e, &caller, &args, true, &f) == 0);
}

static void check_hint(void)
{
    struct est_hint hint;
    struct fault f;
    struct est e;
    int rc;

    open_est(&e);
    rc = est_hint_ask(&e, NULL, &hint, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    else
        FUZZ_CHECK(hint.start < hint.end);
    est_close(&e);
}

/* One operation; its body is read as the client reads it. */
static void read_body(enum est_op op, struct est *e)
{
    static const char *const labels[] = {"PKCS7", NULL};
    static struct csrattrs attributes;
    static struct certs certs;
    struct fault f;
    struct buf der;

    buf_init(&der, EST_BODY_MAX);
    if (est_body_get(buf_slice(&e->answer.body), labels, &der, &f) == 0) {
        if (op == EST_CSRATTRS)
            (void)!csrattrs_get(buf_slice(&der), &attributes, &f);
        else
            (void)!certs_get(&der, &certs, &f);
    }
    buf_free(&der);
}

static void check_est(enum est_op op)
{
    struct est_call call = {.op = op, .none_is_fine = op == EST_CSRATTRS};
    struct fault f;
    struct buf talk;
    struct est e;
    int rc;

    open_est(&e);
    rc = est_call(&e, &call, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    else
        read_body(op, &e);
    buf_init(&talk, (size_t)1 << 20);
    est_talk(&e, &talk);
    buf_free(&talk);
    est_close(&e);
}

static void check_kube(void)
{
    struct agent_secret s = {.name = "web",
                             .namespace = "default",
                             .server = "https://kube.example",
                             .token_file = (char *)(uintptr_t)fuzz_file("token", slice_str("t")),
                             .ca_file = "",
                             .time_limit = 1};
    struct fault f;
    int rc = kube_put(&s, slice_str("key"), slice_str("chain"), &f);

    if (rc != 0)
        fuzz_refused(rc, &f);
}

/* ---- logs ---- */

static int take(void *arg, uint64_t index, const uint8_t hash[32], enum ct_what what,
                const struct ct_entry *e, struct fault *f)
{
    (void)hash;
    (void)f;
    FUZZ_CHECK(index == (*(uint64_t *)arg)++);
    FUZZ_CHECK(what != CT_UNDER || e->certificate.n > 0);
    return 0;
}

static void check_log(bool tiles, uint8_t what)
{
    static const struct texts domains = {.n = 1, .item = {"example"}};
    const struct ct_log log = {.url = "https://log.example",
                               .tiles = tiles,
                               .spki = buf_slice(&log_key),
                               .domains = &domains,
                               .timeout_ms = 1000};
    static struct merkle tree;
    uint64_t first = what % 3 * 255, at = first, next = 0;
    const uint8_t root[32] = {0};
    struct ct_head head;
    struct fault f;
    int rc;

    if (what % 4 == 0)
        rc = ct_log_head(&log, &head, &f);
    else if (what % 4 == 1)
        rc = ct_log_tree(&log, 7, root, 300, &tree, &f);
    else
        rc = ct_log_entries(&log, first + 300, first, first + 300, take, &at, &next, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    else if (what % 4 > 1)
        FUZZ_CHECK(next == at && next > first && next <= first + 300);
}

/* ---- notices ---- */

static const struct conf_channel channels[] = {
    {.type = CHANNEL_WEBHOOK},
    {.type = CHANNEL_SLACK},
    {.type = CHANNEL_TEAMS},
    {.type = CHANNEL_PAGERDUTY},
    {.type = CHANNEL_SERVICENOW,
     .user = "cerca",
     .table = "incident",
     .close_state = "6",
     .close_code = "Solution provided"},
    {.type = CHANNEL_JIRA, .user = "cerca", .project = "OPS", .issue_type = "Task"},
};
#define N_CHANNELS (sizeof(channels) / sizeof(channels[0]))

/* What we send is JSON, whatever stands in the notice and in the answers. */
static void check_request(struct talk *t)
{
    json_t *json;

    if (t->out.content_type == NULL || strstr(t->out.content_type, "json") == NULL)
        return;
    json = json_loadb((const char *)t->out.body.p, t->out.body.n, 0, NULL);
    FUZZ_CHECK(json != NULL);
    json_decref(json);
}

static void fill(struct notice *n, struct slice *in)
{
    char *fields[4];

    memset(n, 0, sizeof(*n));
    n->kind = (enum notice_kind)(1 + fuzz_octet(in) % NOTICE_KINDS);
    n->severity = SEVERITY_CRITICAL;
    n->has_key = n->kind < NOTICE_DIGEST;
    for (size_t i = 0; i < 4; i++)
        fields[i] = fuzz_text(fuzz_piece(in));
    notice_set(n->id, sizeof(n->id), "0123456789abcdef0123456789abcdef");
    notice_set(n->subject, sizeof(n->subject), fields[0]);
    notice_set(n->summary, sizeof(n->summary), fields[1]);
    notice_set(n->text, sizeof(n->text), fields[2]);
    notice_fact(n, "fact", fields[3]);
    for (size_t i = 0; i < 4; i++)
        free(fields[i]);
}

static void check_talk(struct slice in)
{
    static const long statuses[] = {200, 201, 202, 204, 400, 401, 404, 409, 410, 429, 500};
    const struct conf_channel *c = &channels[fuzz_octet(&in) % N_CHANNELS];
    const struct notify_target target = {c, "https://desk.example/", slice_str("secret"), "ca"};
    static struct notice n;
    enum talk_step step;
    struct talk t;

    fill(&n, &in);
    talk_init(&t, &target, &n, in.n % 2 == 0 ? "" : "OPS-1", 1800000000);
    step = talk_begin(&t);
    for (int i = 0; i < 16 && step == TALK_SEND; i++) {
        struct talk_reply r = {.status = statuses[fuzz_octet(&in) % 11],
                               .retry_after = fuzz_octet(&in)};

        check_request(&t);
        r.body = fuzz_piece(&in);
        step = talk_answer(&t, &r);
    }
    FUZZ_CHECK(step != TALK_SEND || in.n > 0 || t.stage < 64);
    FUZZ_CHECK(memchr(t.why, '\0', sizeof(t.why)) != NULL);
    talk_free(&t);
}

static void check_mail(struct slice in)
{
    static char *to[] = {"a@example.org"};
    const struct conf_channel c = {
        .type = CHANNEL_MAIL, .from = "ca@example.org", .to = to, .n_to = 1};
    const struct notify_target target = {&c, "smtp://mail.example", SLICE_NONE, "ca.example"};
    static struct notice n;
    struct buf out;

    fill(&n, &in);
    buf_init(&out, TALK_BODY_MAX);
    mail_render(&target, &n, &out);
    for (size_t i = 0; i < out.n; i++) /* RFC 5322 2.1: lines end in CRLF, and there is no other */
        FUZZ_CHECK((out.p[i] == '\r') == (i + 1 < out.n && out.p[i + 1] == '\n'));
    buf_reset(&out);
    syslog_render(&target, &n, "host", false, &out);
    FUZZ_CHECK(memchr(out.p, '\n', out.n) == NULL);
    buf_free(&out);
}

static void begin(void)
{
    /* SubjectPublicKeyInfo of a P-256 key: the base point, whose secret is 1. */
    static const uint8_t spki[] = {
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
        0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5,
        0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4,
        0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a,
        0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
        0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};

    buf_init(&log_key, sizeof(spki));
    buf_put(&log_key, spki, sizeof(spki));
}

static void run(struct slice in)
{
    uint8_t what = fuzz_octet(&in), which = fuzz_octet(&in);

    transport_feed(in);
    switch (what % 8) {
    case 0:
        check_hint();
        break;
    case 1:
        check_est(EST_CACERTS);
        break;
    case 2:
        check_est(EST_CSRATTRS);
        break;
    case 3:
        check_kube();
        break;
    case 4:
        check_log(false, which);
        break;
    case 5:
        check_log(true, which);
        break;
    case 6:
        check_talk(in);
        break;
    default:
        check_mail(in);
        break;
    }
}

const struct fuzz_target fuzz_target = {.form = FUZZ_OCTETS, .begin = begin, .run = run};
