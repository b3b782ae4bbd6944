#include "ca/delegate/delegate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/caller.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/profile.h"

/* Past its time before it is called late, as a CRL is; cerca-public has as long to tell of a new
 * issuer. */
#define DELEGATE_LATE_S 60

struct rate {
    uint64_t since_us;
    unsigned n;
};

struct client {
    struct caller caller; /* first */
    struct delegates *owner;
    struct requester who;
};

struct delegates {
    struct delegate_parts parts;
    struct listener *listener;
    struct callers clients;
    struct rate *rate;           /* one for each authority */
    const struct client *teller; /* whose state this is; NULL: nobody's */
    struct delegate_state state[DELEGATE_STATES_MAX];
    uint32_t n_states;
    bool has_counters;
    struct counters counters;
    bool draining;
};

struct ask {
    struct client *client;
    uint64_t id;
};

/* ---- clients ---- */

static void on_closed(struct conn *conn, void *owner)
{
    struct client *c = owner;

    if (c->owner->teller == c)
        c->owner->teller = NULL;
    caller_closed(conn, owner);
}

static void on_issued(void *arg, const struct issued *issued, const struct fault *fault)
{
    struct ask *q = arg;
    struct caller *c = &q->client->caller;

    if (fault != NULL)
        caller_send_fault(c, q->id, fault);
    else
        caller_send(c, MSG_DELEGATED, q->id, issued->certificate, -1);
    free(q);
    caller_let_go(c);
}

/* ---- asking ---- */

bool delegate_may(const struct authority *a)
{
    return a->certificate.n > 0 && !a->conf->offline && a->conf->ocsp_url[0] != '\0';
}

static int find_issuer(const struct delegates *d, const uint8_t owner[32], size_t *out,
                       struct fault *f)
{
    const struct authorities *all = d->parts.authorities;

    for (*out = 0; *out < all->n; (*out)++) {
        const struct authority *a = &all->item[*out];

        if (a->certificate.n == 0 || memcmp(a->spki_hash, owner, 32) != 0)
            continue;
        if (!delegate_may(a))
            return fault_set(f, FAULT_POLICY, "delegate.issuer",
                             "the issuer \"%s\" delegates to no responder: it is offline or has no "
                             "ocsp_url",
                             a->conf->name);
        return 0;
    }
    return fault_set(f, FAULT_NOT_FOUND, "delegate.issuer", "no issuer has this key");
}

static int check_rate(struct rate *r, struct fault *f)
{
    uint64_t now = clock_mono_us();

    if (r->n == 0 || now - r->since_us > (uint64_t)DELEGATE_WINDOW_S * 1000000)
        *r = (struct rate){.since_us = now};
    if (r->n < DELEGATE_RATE) {
        r->n++;
        return 0;
    }
    return fault_unavailable(f, 60, "delegate.rate", "%u responders in %u s are enough",
                             DELEGATE_RATE, DELEGATE_WINDOW_S);
}

int delegate_write(const struct conf *conf, const struct authority *a, const char *subject,
                   struct slice csr, struct buf *out, struct fault *f)
{
    const struct conf_profile *p = conf_profile(conf, PROFILE_DELEGATE);
    struct issue_request r = {.csr = csr, .validity = DELEGATE_LIFE};

    if (p == NULL || !profile_is_delegate(p, a->conf))
        return fault_set(f, FAULT_CONFIG, "delegate.profile",
                         "the configuration has no profile " PROFILE_DELEGATE
                         " for OCSP responders alone");
    if (p->validity_max < r.validity)
        r.validity = p->validity_max;
    snprintf(r.profile, sizeof(r.profile), "%s", p->name);
    snprintf(r.subject, sizeof(r.subject), "%s", subject);
    issue_request_put(out, &r);
    return 0;
}

static int ask_door(struct client *c, const struct frame *frame, struct fault *f)
{
    struct delegates *d = c->owner;
    struct authority *a;
    struct delegate_request r;
    struct ask *q;
    char subject[128];
    struct buf body;
    size_t i;

    if (delegate_request_get(frame->body, &r) != 0)
        return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
    if (d->draining)
        return fault_unavailable(f, 1, "door.closed", "cerca-ca ends just now");
    if (find_issuer(d, r.owner, &i, f) != 0 || check_rate(&d->rate[i], f) != 0)
        return -(int)f->code;
    a = &d->parts.authorities->item[i];
    snprintf(subject, sizeof(subject), "CN=OCSP responder of %s", a->conf->name);
    buf_init(&body, FRAME_BODY_MAX);
    if (delegate_write(d->parts.conf, a, subject, r.csr, &body, f) == 0) {
        q = xcalloc(1, sizeof(*q));
        *q = (struct ask){.client = c, .id = frame->id};
        caller_hold(&c->caller);
        door_issue_delegate(d->parts.door, &c->who, a, buf_slice(&body), on_issued, q);
    }
    buf_free(&body);
    return -(int)f->code;
}

static void on_ask(struct conn *conn, void *owner, const struct frame *frame)
{
    struct client *c = owner;
    struct fault f;

    (void)conn;
    fault_clear(&f);
    if (ask_door(c, frame, &f) != 0) {
        log_fault(LOG_LEVEL_INFO, "delegate.refused", &f, NULL);
        caller_send_fault(&c->caller, frame->id, &f);
    }
}

/* ---- telling ---- */

static void on_state(struct conn *conn, void *owner, const struct frame *frame)
{
    struct client *c = owner;
    struct delegates *d = c->owner;

    (void)conn;
    if (delegate_states_get(frame->body, d->state, &d->n_states) == 0) {
        d->teller = c;
    } else {
        d->teller = NULL;
        log_warn("delegate.state.malformed", NULL);
    }
}

static void on_counters(struct conn *conn, void *owner, const struct frame *frame)
{
    struct delegates *d = ((struct client *)owner)->owner;

    (void)conn;
    d->has_counters = counters_get(frame->body, &d->counters) == 0;
    if (!d->has_counters)
        log_warn("delegate.counters.malformed", NULL);
}

const struct counters *delegates_counters(const struct delegates *d)
{
    return d->has_counters ? &d->counters : NULL;
}

static const struct delegate_state *state_of(const struct delegates *d, const struct authority *a)
{
    for (uint32_t i = 0; d->teller != NULL && i < d->n_states; i++)
        if (memcmp(d->state[i].owner, a->spki_hash, sizeof d->state[i].owner) == 0)
            return &d->state[i];
    return NULL;
}

static void describe(const struct delegate_state *s, int64_t now, struct status_item *out)
{
    char until[CLOCK_TEXT_SIZE], next[CLOCK_TEXT_SIZE], age[CLOCK_TEXT_SIZE];
    const char *state = s->not_after == 0                 ? "none"
                        : now >= s->not_after             ? "expired"
                        : now > s->next + DELEGATE_LATE_S ? "late"
                        : s->blind                        ? "blind"
                                                          : "current";

    snprintf(out->state, sizeof out->state, "%s", state);
    out->ok = strcmp(state, "current") == 0;
    out->by = s->not_after;
    if (s->not_after == 0) {
        snprintf(out->text, sizeof out->text, "no responder yet: it answers tryLater");
        return;
    }
    clock_format(s->not_after, until);
    clock_format(s->next, next);
    clock_format_span(now > s->not_before ? now - s->not_before : 0, age);
    snprintf(out->text, sizeof out->text, "responder's age %s, valid until %s, next %s%s", age,
             until, next,
             s->blind ? "; it cannot read the issuer's view: it answers tryLater" : "");
}

bool delegates_status(const struct delegates *d, size_t authority, struct status_item *out)
{
    const struct authority *a = &d->parts.authorities->item[authority];
    const struct delegate_state *s;

    *out = (struct status_item){.name = ""};
    if (!delegate_may(a) || a->parsed.not_after <= clock_now())
        return false;
    snprintf(out->name, sizeof out->name, "ocsp.%.56s", a->conf->name);
    s = state_of(d, a);
    if (s != NULL) {
        describe(s, clock_now(), out);
        return true;
    }
    out->ok = clock_now() < a->taken_at + DELEGATE_LATE_S;
    snprintf(out->state, sizeof out->state, "%s", out->ok ? "starting" : "unknown");
    snprintf(out->text, sizeof out->text, "cerca-public has not told yet");
    return true;
}

const struct delegate_state *delegates_state(const struct delegates *d, size_t authority)
{
    return state_of(d, &d->parts.authorities->item[authority]);
}

/* ---- the socket ---- */

static const struct permit permits[] = {{MSG_DELEGATE, FRAME_BODY_MAX, on_ask},
                                        {MSG_DELEGATE_STATE, FRAME_BODY_MAX, on_state},
                                        {MSG_COUNTERS, sizeof(struct counters) + 64, on_counters}};
static const struct conn_callbacks callbacks = {
    .permits = permits, .n_permits = 3, .closed = on_closed};

/* The socket's owner is cerca-public's user; nobody else but root could connect. */
static void on_accepted(void *arg, int fd, const struct conn_peer *peer)
{
    struct delegates *d = arg;
    struct client *c = caller_new(&d->clients, sizeof(*c));

    c->owner = d;
    c->who = (struct requester){
        .name = "cerca-public", .role = ROLE_ADMIN, .uid = peer->uid, .own = true};
    snprintf(c->who.origin, sizeof(c->who.origin), "delegate pid=%d", (int)peer->pid);
    caller_connect(&c->caller, d->parts.loop, fd, &callbacks);
}

struct delegates *delegates_new(const struct delegate_parts *parts, int listen_fd)
{
    struct delegates *d = xcalloc(1, sizeof(*d));

    d->parts = *parts;
    d->rate = xcalloc(parts->authorities->n, sizeof(d->rate[0]));
    d->listener = listener_new(parts->loop, listen_fd, on_accepted, d);
    listener_for(d->listener, "cerca-public");
    return d;
}

void delegates_drain(struct delegates *d)
{
    if (d != NULL)
        d->draining = true;
}

void delegates_free(struct delegates *d)
{
    if (d == NULL)
        return;
    listener_free(d->listener);
    callers_free(&d->clients);
    free(d->rate);
    free(d);
}
