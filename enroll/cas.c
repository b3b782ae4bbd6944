#include "enroll/cas.h"

#include <pthread.h>
#include <stdlib.h>

#include "est/certs.h"
#include "lib/der.h"
#include "lib/log.h"
#include "lib/proto_enroll.h"

#define EVERY_MS 5000
#define SOON_MS 500 /* while something is not known */

struct entry {
    struct cas *cas;
    const struct conf_est *label;
    bool asked;
    struct buf message; /* empty: not known */
};

struct cas {
    struct ca_link *link;
    struct loop_timer *turn;
    size_t n;
    struct entry *entry;
    pthread_rwlock_t lock; /* over the messages */
};

/* An answer that is no list of certificates gives nothing. */
static void put_message(struct slice all, struct buf *out)
{
    struct slice cert[CERTS_MAX];
    size_t n = 0;

    while (n < CERTS_MAX && der_get_whole(&all, DER_SEQUENCE, &cert[n]) == 0)
        n++;
    if (n > 0 && der_end(all))
        certs_put(out, cert, n);
    if (buf_failed(out))
        buf_reset(out);
}

static void on_reply(void *arg, uint16_t type, struct slice body, const struct fault *f)
{
    struct entry *e = arg;
    struct buf made;

    e->asked = false;
    if (f != NULL || type != MSG_ENROLL_CAS_ARE) {
        if (f != NULL)
            log_fault(LOG_LEVEL_DEBUG, "enroll.cas.failed", f, "label", e->label->name, NULL);
        return;
    }
    buf_init(&made, CAS_MAX);
    put_message(body, &made);
    pthread_rwlock_wrlock(&e->cas->lock);
    if (made.n > 0) {
        struct buf old = e->message;

        e->message = made;
        made = old;
    }
    pthread_rwlock_unlock(&e->cas->lock);
    buf_free(&made);
}

bool cas_ready(const struct cas *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->entry[i].message.n == 0)
            return false;
    return true;
}

static void on_turn(void *arg)
{
    struct cas *s = arg;

    for (size_t i = 0; i < s->n; i++) {
        struct entry *e = &s->entry[i];
        struct buf body;

        if (e->asked)
            continue;
        e->asked = true;
        buf_init(&body, 128);
        enroll_label_put(&body, e->label->name);
        ca_link_ask(s->link, MSG_ENROLL_CAS, &body, on_reply, e);
    }
    loop_timer_set(s->turn, cas_ready(s) ? EVERY_MS : SOON_MS);
}

struct cas *cas_new(struct loop *l, const struct conf *c, struct ca_link *k)
{
    struct cas *s = xcalloc(1, sizeof *s);

    s->link = k;
    s->n = c->n_est;
    s->entry = xcalloc(s->n, sizeof *s->entry);
    pthread_rwlock_init(&s->lock, NULL);
    for (size_t i = 0; i < s->n; i++) {
        s->entry[i] = (struct entry){.cas = s, .label = &c->est[i]};
        buf_init(&s->entry[i].message, CAS_MAX);
    }
    s->turn = loop_timer(l, on_turn, s);
    on_turn(s);
    return s;
}

int cas_get(struct cas *s, const struct conf_est *label, struct buf *out)
{
    int rc = -1;

    pthread_rwlock_rdlock(&s->lock);
    for (size_t i = 0; i < s->n; i++)
        if (s->entry[i].label == label && s->entry[i].message.n > 0) {
            buf_put_slice(out, buf_slice(&s->entry[i].message));
            rc = 0;
        }
    pthread_rwlock_unlock(&s->lock);
    return rc;
}

void cas_free(struct cas *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n; i++)
        buf_free(&s->entry[i].message);
    free(s->entry);
    pthread_rwlock_destroy(&s->lock);
    loop_timer_free(s->turn);
    free(s);
}
