#include "ca/door/signer_link.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"

#define RECONNECT_MS 100
#define BEAT_MS 500
#define PING_EVERY_MS 2000
#define PONG_WITHIN_MS 15000
#define GREET_EVERY_MS 5000 /* a signer that was unfit: its token may be the right one now */

enum link_state { LINK_DOWN, LINK_GREETING, LINK_READY };

/* A draft, or another question. */
struct draft {
    uint64_t id;
    uint16_t type; /* MSG_SIGN, MSG_SIGN_CRL, MSG_CA_CSR or MSG_CHECKPOINT */
    const char *issuer;
    struct slice tbs;      /* MSG_SIGN */
    struct signer_crl crl; /* MSG_SIGN_CRL */
    struct buf body;       /* MSG_CHECKPOINT: the whole question */
    signer_done done;
    void *arg;
    uint64_t since_us;
    unsigned attempts;
    bool sent, make;
    struct draft *next, *prev;
};

struct signer_link {
    struct loop *loop;
    const struct conf *conf;
    const struct conf_token *token;
    signer_hello hello;
    void *hello_arg;
    struct conn *conn;
    struct loop_timer *reconnect, *beat;
    enum link_state state;
    uint64_t down_since_us, last_heard_us, last_ping_us;
    uint64_t next_id;
    struct draft *first, *last; /* in order of arrival; answers come mostly in that order */
    size_t given_up;            /* certificates that this connection's signer may still send */
    signer_late late;
    void *late_arg;
    struct fault unfit; /* why the signer that is there is not the right one */
    struct child_status child;
    bool has_child;
    /* What other threads may see. */
    atomic_bool lied; /* its newest signature did not verify */
    pthread_mutex_t lock;
    struct fault why; /* code FAULT_NONE while drafts are taken */
};

static void link_connect(void *arg);

/* ---- drafts ---- */

static void unlink_draft(struct signer_link *s, struct draft *d)
{
    if (d == s->first)
        s->first = d->next;
    else
        d->prev->next = d->next;
    if (d == s->last)
        s->last = d->prev;
    else
        d->next->prev = d->prev;
}

static void answer(struct signer_link *s, struct draft *d, struct slice certificate,
                   const struct fault *f)
{
    unlink_draft(s, d);
    d->done(d->arg, certificate, f);
    buf_free(&d->body);
    free(d);
}

static struct draft *find_draft(struct signer_link *s, uint64_t id)
{
    for (struct draft *d = s->first; d != NULL; d = d->next)
        if (d->id == id)
            return d;
    return NULL;
}

static void put_crl(const struct signer_link *s, const struct draft *d, struct buf *b)
{
    struct crl_sign_request r = {.start = d->crl.start, .octets = d->crl.octets};

    snprintf(r.issuer, sizeof(r.issuer), "%s", d->issuer);
    memcpy(r.generation, s->conf->generation, sizeof(r.generation));
    crl_sign_request_put(b, &r);
}

static void put_sign(const struct signer_link *s, const struct draft *d, struct buf *b)
{
    struct sign_request r = {.tbs = d->tbs};

    snprintf(r.issuer, sizeof(r.issuer), "%s", d->issuer);
    memcpy(r.generation, s->conf->generation, sizeof(r.generation));
    sign_request_put(b, &r);
}

static void put_csr(const struct signer_link *s, const struct draft *d, struct buf *b)
{
    struct csr_request r = {.make_key = d->make};

    snprintf(r.issuer, sizeof(r.issuer), "%s", d->issuer);
    memcpy(r.generation, s->conf->generation, sizeof(r.generation));
    csr_request_put(b, &r);
}

static void send_draft(struct signer_link *s, struct draft *d)
{
    struct buf b;

    buf_init(&b, FRAME_BODY_MAX);
    if (d->type == MSG_CA_CSR)
        put_csr(s, d, &b);
    else if (d->type == MSG_SIGN_CRL)
        put_crl(s, d, &b);
    else if (d->type == MSG_CHECKPOINT)
        buf_put_slice(&b, buf_slice(&d->body));
    else
        put_sign(s, d, &b);
    d->sent = true;
    d->attempts++;
    conn_send(s->conn, d->type, d->id, buf_slice(&b), d->type == MSG_SIGN_CRL ? d->crl.fd : -1);
    buf_free(&b);
}

static void fail_all(struct signer_link *s, const struct fault *f)
{
    while (s->first != NULL)
        answer(s, s->first, SLICE_NONE, f);
}

/* ---- the breaker ---- */

static void set_why(struct signer_link *s, const struct fault *f)
{
    pthread_mutex_lock(&s->lock);
    if (f != NULL)
        s->why = *f;
    else
        fault_clear(&s->why);
    pthread_mutex_unlock(&s->lock);
}

static void open_breaker(struct signer_link *s)
{
    uint32_t after = 2;
    struct fault f;
    const char *reason = "no answer from its signer";

    if (s->has_child && s->child.state == CHILD_WAITING)
        after = 1 + s->child.retry_after_ms / 1000;
    if (s->has_child && s->child.state == CHILD_STOPPED)
        after = 60;
    if (s->has_child && s->child.reason[0] != '\0')
        reason = s->child.reason;
    fault_clear(&f);
    (void)fault_unavailable(&f, after, "hsm.unavailable",
                            "HSM unavailable, retry after %u s (token \"%s\": %s)", after,
                            s->token->name, reason);
    set_why(s, &f);
    fail_all(s, &f);
}

/* The signer that is there cannot serve us: nobody waits, and the reason stays until it is gone. */
static void unfit(struct signer_link *s, const char *event, const struct fault *f)
{
    /* Greeted again and again, it is logged once. */
    if (strcmp(s->unfit.text, f->text) != 0)
        log_fault(LOG_LEVEL_ERROR, event, f, "token", s->token->name, NULL);
    s->unfit = *f;
    set_why(s, f);
    fail_all(s, f);
}

static bool out_of_patience(const struct signer_link *s)
{
    uint64_t now = clock_mono_us();

    return s->state != LINK_READY && now - s->down_since_us > SIGNER_PATIENCE_MS * 1000;
}

static void link_down(struct signer_link *s)
{
    struct fault f;

    if (s->state == LINK_READY)
        s->down_since_us = clock_mono_us();
    s->state = LINK_DOWN;
    s->given_up = 0;
    fault_clear(&s->unfit);
    fault_clear(&f);
    (void)fault_unavailable(&f, 2, "hsm.draft",
                            "the signer of token \"%s\" ended each time it was given this draft",
                            s->token->name);
    for (struct draft *d = s->first, *next; d != NULL; d = next) {
        next = d->next;
        d->sent = false;
        if (d->attempts >= SIGNER_ATTEMPTS)
            answer(s, d, SLICE_NONE, &f);
    }
    if (s->has_child && s->child.state == CHILD_STOPPED)
        open_breaker(s);
    loop_timer_set(s->reconnect, RECONNECT_MS);
}

static void conn_lost(struct conn *c, void *owner)
{
    struct signer_link *s = owner;

    (void)c;
    s->conn = NULL;
    log_warn("signer.lost", "token", s->token->name, NULL);
    link_down(s);
}

static void drop_conn(struct signer_link *s)
{
    conn_close(s->conn);
    s->conn = NULL;
    link_down(s);
}

/* ---- frames from the signer ---- */

/* As many as were given up, and no more: a signer cannot fill the audit log. */
static void signed_late(struct signer_link *s, struct slice certificate)
{
    log_warn("signer.late", "token", s->token->name, NULL);
    if (s->given_up == 0)
        return;
    s->given_up--;
    if (s->late != NULL)
        s->late(s->late_arg, certificate);
}

static void on_signed(struct conn *c, void *owner, const struct frame *frame)
{
    struct signer_link *s = owner;
    struct draft *d = find_draft(s, frame->id);

    (void)c;
    s->last_heard_us = clock_mono_us();
    if (d != NULL)
        answer(s, d, frame->body, NULL);
    else
        signed_late(s, frame->body);
}

/* Late ones bind nobody: the next CRL has a number of its own, the next checkpoint goes on. Nor do
 * they say anything of certificates that were given up, which may come still. */
static void on_unbound(struct conn *c, void *owner, const struct frame *frame)
{
    struct signer_link *s = owner;
    struct draft *d = find_draft(s, frame->id);

    (void)c;
    s->last_heard_us = clock_mono_us();
    if (d != NULL && d->type != MSG_SIGN)
        answer(s, d, frame->body, NULL);
}

static void on_fault(struct conn *c, void *owner, const struct frame *frame)
{
    struct signer_link *s = owner;
    struct draft *d = find_draft(s, frame->id);
    struct fault f;

    (void)c;
    s->last_heard_us = clock_mono_us();
    if (fault_get(frame->body, &f) != 0)
        (void)fault_set(&f, FAULT_INTERNAL, "signer.answer", "the signer's answer is malformed");
    if (s->state == LINK_GREETING) {
        unfit(s, "signer.refused", &f);
        return;
    }
    if (d != NULL)
        answer(s, d, SLICE_NONE, &f);
}

static void link_ready(struct signer_link *s)
{
    s->state = LINK_READY;
    fault_clear(&s->unfit);
    set_why(s, NULL);
    log_info("signer.ready", "token", s->token->name, NULL);
    for (struct draft *d = s->first; d != NULL && s->conn != NULL; d = d->next)
        if (!d->sent)
            send_draft(s, d);
}

static void on_hello(struct conn *c, void *owner, const struct frame *frame)
{
    struct signer_link *s = owner;
    struct signer_key keys[CA_MAX];
    uint8_t generation[8];
    struct wire_in w;
    struct fault f;
    uint32_t n;

    (void)c;
    s->last_heard_us = clock_mono_us();
    fault_clear(&f);
    wire_in_init(&w, frame->body);
    wire_get_fixed(&w, generation, sizeof(generation));
    n = wire_get_count(&w, CA_MAX, 1);
    for (uint32_t i = 0; i < n; i++)
        signer_key_get(&w, &keys[i]);
    if (!wire_in_done(&w))
        (void)fault_set(&f, FAULT_INTERNAL, "signer.hello", "the signer's greeting is malformed");
    else if (memcmp(generation, s->conf->generation, sizeof(generation)) != 0)
        (void)fault_unavailable(&f, 2, "signer.generation",
                                "the signer runs under another configuration");
    else if (s->hello(s->hello_arg, keys, n, &f) == 0) {
        link_ready(s);
        return;
    }
    unfit(s, "signer.unfit", &f);
}

static void on_pong(struct conn *c, void *owner, const struct frame *frame)
{
    (void)c;
    (void)frame;
    ((struct signer_link *)owner)->last_heard_us = clock_mono_us();
}

static const struct permit signer_permits[] = {
    {MSG_FAULT, 4096, on_fault},
    {MSG_HELLO_REPLY, FRAME_BODY_MAX, on_hello},
    {MSG_SIGNED, FRAME_BODY_MAX, on_signed},
    {MSG_CA_CSR_REPLY, CSR_MAX, on_unbound},
    {MSG_CRL_SIGNED, SIGNATURE_MAX, on_unbound},
    {MSG_CHECKPOINTED, FRAME_BODY_MAX, on_unbound},
    {MSG_PONG, 0, on_pong},
};

static const struct conn_callbacks signer_callbacks = {
    .permits = signer_permits,
    .n_permits = sizeof(signer_permits) / sizeof(signer_permits[0]),
    .closed = conn_lost,
    .queue_max = (size_t)64 << 20,
};

/* ---- connecting, the beat ---- */

/* The socket belongs to cercad (or to root, or to who started the signer by hand). */
static bool peer_is_ours(const struct signer_link *s)
{
    uid_t uid = conn_peer(s->conn)->uid;

    return uid == 0 || uid == geteuid() || (s->token->has_user && uid == s->token->user);
}

static void greet(struct signer_link *s)
{
    struct buf hello;

    buf_init(&hello, 64);
    hello_put(&hello, s->conf->generation);
    s->last_ping_us = clock_mono_us();
    conn_send(s->conn, MSG_HELLO, 0, buf_slice(&hello), -1);
    buf_free(&hello);
}

static void link_connect(void *arg)
{
    struct signer_link *s = arg;
    struct buf path;
    struct fault f;
    int fd;

    fault_clear(&f);
    buf_init(&path, 4096);
    conf_signer_socket(s->conf, s->token->name, &path);
    fd = connect_unix(buf_cstr(&path), &f);
    buf_free(&path);
    if (fd < 0) {
        loop_timer_set(s->reconnect, RECONNECT_MS);
        return;
    }
    s->conn = conn_new(s->loop, fd, &signer_callbacks, s);
    if (!peer_is_ours(s)) {
        log_error("signer.peer", "token", s->token->name, "uid", log_num(conn_peer(s->conn)->uid),
                  NULL);
        drop_conn(s);
        return;
    }
    s->state = LINK_GREETING;
    s->last_heard_us = clock_mono_us();
    greet(s);
}

static void expire_drafts(struct signer_link *s)
{
    uint64_t limit = (uint64_t)s->conf->sign_timeout * 1000000, now = clock_mono_us();
    struct fault f;

    fault_clear(&f);
    (void)fault_unavailable(&f, 2, "hsm.timeout",
                            "the token \"%s\" did not sign within %lld s, retry after 2 s",
                            s->token->name, (long long)s->conf->sign_timeout);
    while (s->first != NULL && now - s->first->since_us > limit) {
        s->given_up += s->first->sent && s->first->type == MSG_SIGN;
        answer(s, s->first, SLICE_NONE, &f);
    }
}

static void beat(void *arg)
{
    struct signer_link *s = arg;
    uint64_t now = clock_mono_us();

    loop_timer_set(s->beat, BEAT_MS);
    expire_drafts(s);
    if (s->unfit.code != FAULT_NONE && now - s->last_ping_us > GREET_EVERY_MS * 1000)
        greet(s);
    if (out_of_patience(s)) {
        if (s->unfit.code == FAULT_NONE)
            open_breaker(s);
        return;
    }
    if (s->state != LINK_READY)
        return;
    if (now - s->last_heard_us > PONG_WITHIN_MS * 1000) {
        log_warn("signer.silent", "token", s->token->name, NULL);
        drop_conn(s);
    } else if (now - s->last_heard_us > PING_EVERY_MS * 1000 &&
               now - s->last_ping_us > PING_EVERY_MS * 1000) {
        s->last_ping_us = now;
        conn_send(s->conn, MSG_PING, 0, SLICE_NONE, -1);
    }
}

/* ---- public ---- */

struct signer_link *signer_link_new(struct loop *l, const struct conf *conf,
                                    const struct conf_token *token, signer_hello hello,
                                    void *hello_arg)
{
    struct signer_link *s = xcalloc(1, sizeof(*s));

    s->loop = l;
    s->conf = conf;
    s->token = token;
    s->hello = hello;
    s->hello_arg = hello_arg;
    s->next_id = 1;
    s->down_since_us = clock_mono_us();
    pthread_mutex_init(&s->lock, NULL);
    s->reconnect = loop_timer(l, link_connect, s);
    s->beat = loop_timer(l, beat, s);
    loop_timer_set(s->beat, BEAT_MS);
    link_connect(s);
    return s;
}

void signer_link_free(struct signer_link *s)
{
    struct fault f;

    if (s == NULL)
        return;
    fault_clear(&f);
    (void)fault_unavailable(&f, 1, "stopping", "cerca-ca is stopping, retry after 1 s");
    fail_all(s, &f);
    conn_close(s->conn);
    loop_timer_free(s->reconnect);
    loop_timer_free(s->beat);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void signer_link_on_late(struct signer_link *s, signer_late late, void *arg)
{
    s->late = late;
    s->late_arg = arg;
}

/* Takes over the body of the question. */
static void link_ask(struct signer_link *s, struct draft *ask)
{
    struct draft *d;
    struct fault f;

    fault_clear(&f);
    if (signer_link_check(s, &f) != 0) {
        ask->done(ask->arg, SLICE_NONE, &f);
        buf_free(&ask->body);
        return;
    }
    d = xmemdup(ask, sizeof(*ask));
    d->id = s->next_id++;
    d->since_us = clock_mono_us();
    d->prev = s->last;
    *(s->last != NULL ? &s->last->next : &s->first) = d;
    s->last = d;
    if (s->state == LINK_READY)
        send_draft(s, d);
}

void signer_link_sign(struct signer_link *s, const char *issuer, struct slice tbs, signer_done done,
                      void *arg)
{
    link_ask(s, &(struct draft){
                    .type = MSG_SIGN, .issuer = issuer, .tbs = tbs, .done = done, .arg = arg});
}

void signer_link_csr(struct signer_link *s, const char *issuer, bool make, signer_done done,
                     void *arg)
{
    link_ask(s, &(struct draft){
                    .type = MSG_CA_CSR, .issuer = issuer, .make = make, .done = done, .arg = arg});
}

void signer_link_sign_crl(struct signer_link *s, const char *issuer, const struct signer_crl *crl,
                          signer_done done, void *arg)
{
    link_ask(s, &(struct draft){
                    .type = MSG_SIGN_CRL, .issuer = issuer, .crl = *crl, .done = done, .arg = arg});
}

void signer_link_checkpoint(struct signer_link *s, struct slice body, signer_done done, void *arg)
{
    struct draft ask = {.type = MSG_CHECKPOINT, .done = done, .arg = arg};

    buf_init(&ask.body, FRAME_BODY_MAX);
    buf_put_slice(&ask.body, body);
    link_ask(s, &ask);
}

int signer_link_check(struct signer_link *s, struct fault *f)
{
    int rc = 0;

    pthread_mutex_lock(&s->lock);
    if (s->why.code != FAULT_NONE) {
        *f = s->why;
        rc = -(int)f->code;
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

void signer_link_child(struct signer_link *s, const struct child_status *st)
{
    s->child = *st;
    s->has_child = true;
    if (s->state != LINK_READY && (st->state == CHILD_STOPPED || out_of_patience(s)))
        open_breaker(s);
}

const struct child_status *signer_link_said(const struct signer_link *s)
{
    return s->has_child ? &s->child : NULL;
}

void signer_link_status(struct signer_link *s, struct status_item *token,
                        struct status_item *program)
{
    char name[sizeof(program->name)];
    struct fault f;

    fault_clear(&f);
    token_status(s->token->name, signer_link_check(s, &f) == 0 && s->state == LINK_READY, &f,
                 atomic_load(&s->lied), token);
    snprintf(name, sizeof(name), "signer.%.48s", s->token->name);
    program_status(name, s->has_child ? &s->child : NULL, s->state == LINK_READY, program);
}

void signer_link_judged(struct signer_link *s, bool right)
{
    atomic_store(&s->lied, !right);
}

const char *signer_link_token(const struct signer_link *s)
{
    return s->token->name;
}

bool signer_link_ready(const struct signer_link *s)
{
    return s->state == LINK_READY;
}
