#include <stdlib.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/httpd_inner.h"

void httpd_conn_phase(struct httpd_conn *c, enum httpd_phase phase, uint64_t ms)
{
    uint64_t now = clock_coarse_ms();

    atomic_store_explicit(&c->since_ms, now, memory_order_relaxed);
    atomic_store_explicit(&c->until_ms, now + ms, memory_order_relaxed);
    atomic_store_explicit(&c->phase, phase, memory_order_relaxed);
}

struct httpd_conn *httpd_conn_of(struct MHD_Connection *c)
{
    return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void httpd_conn_turned_away(const struct httpd_conn *c, enum httpd_why why)
{
    if (c->httpd->turned_away != NULL)
        c->httpd->turned_away(c->httpd->arg, c->address, why);
}

static struct httpd_conn *begin(struct httpd *h, struct MHD_Connection *c)
{
    struct httpd_conn *n = xcalloc(1, sizeof *n);
    void (*first)(void *arg) = NULL;

    n->httpd = h;
    n->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    httpd_address(c, n->address);
    httpd_conn_phase(n, HTTPD_WAITS, h->timeout_ms);
    if (h->tls != NULL)
        n->tls = h->tls->begin(h->tls, c);
    pthread_mutex_lock(&h->lock);
    n->next = h->conns;
    if (n->next != NULL)
        n->next->prev = n;
    else
        first = h->first;
    h->conns = n;
    pthread_mutex_unlock(&h->lock);
    if (first != NULL)
        first(h->first_arg);
    return n;
}

/* The library closes the descriptor after this. */
static void end(struct httpd *h, struct httpd_conn *n)
{
    pthread_mutex_lock(&h->lock);
    if (n->prev != NULL)
        n->prev->next = n->next;
    else
        h->conns = n->next;
    if (n->next != NULL)
        n->next->prev = n->prev;
    h->n_conns--;
    pthread_mutex_unlock(&h->lock);
    if (h->tls != NULL)
        h->tls->end(h->tls, n->tls);
    free(n);
}

void httpd_conn_notify(void *httpd, struct MHD_Connection *c, void **context,
                       enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = begin(httpd, c);
    } else if (*context != NULL) {
        end(httpd, *context);
        *context = NULL;
    }
}

static bool has_unread(const struct httpd_conn *c)
{
    uint8_t octet;

    return recv(c->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* In a crowd. Who has sent what we have not read yet waits for us, and its time begins anew. */
static bool is_in_the_way(struct httpd_conn *c, uint64_t now)
{
    enum httpd_phase phase = atomic_load_explicit(&c->phase, memory_order_relaxed);
    uint64_t since = atomic_load_explicit(&c->since_ms, memory_order_relaxed);

    if (phase != HTTPD_WAITS && phase != HTTPD_SENDS)
        return false;
    if (since < c->unread_ms)
        since = c->unread_ms;
    if (now >= since + HTTPD_CROWDED_MS / 2 && has_unread(c))
        since = c->unread_ms = now;
    return now >= since + HTTPD_CROWDED_MS;
}

static bool is_late(struct httpd_conn *c, uint64_t now, bool crowded)
{
    return now >= atomic_load_explicit(&c->until_ms, memory_order_relaxed) ||
           (crowded && is_in_the_way(c, now));
}

/* Kept alive after an answer, with nothing more to ask. What came of a next head is not known. */
static bool is_idle(const struct httpd_conn *c)
{
    return atomic_load_explicit(&c->phase, memory_order_relaxed) == HTTPD_WAITS &&
           atomic_load_explicit(&c->asked, memory_order_relaxed);
}

void httpd_on_first(struct httpd *h, void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&h->lock);
    h->first_arg = arg;
    h->first = fn;
    pthread_mutex_unlock(&h->lock);
}

void httpd_sweep(struct httpd *h)
{
    uint64_t now = clock_coarse_ms();
    bool crowded;

    pthread_mutex_lock(&h->lock);
    crowded = h->n_conns > h->limit - h->limit / 8;
    for (struct httpd_conn *c = h->conns; c != NULL; c = c->next)
        if (!c->cut && is_late(c, now, crowded)) {
            c->cut = true;
            if (!is_idle(c))
                httpd_conn_turned_away(c, HTTPD_SLOW);
            (void)shutdown(c->fd, SHUT_RDWR);
        }
    pthread_mutex_unlock(&h->lock);
}

unsigned httpd_connections(struct httpd *h)
{
    unsigned n;

    pthread_mutex_lock(&h->lock);
    n = h->n_conns;
    pthread_mutex_unlock(&h->lock);
    return n;
}

unsigned httpd_busy(struct httpd *h)
{
    unsigned n = 0;

    pthread_mutex_lock(&h->lock);
    for (struct httpd_conn *c = h->conns; c != NULL; c = c->next)
        n += atomic_load_explicit(&c->phase, memory_order_relaxed) != HTTPD_WAITS;
    pthread_mutex_unlock(&h->lock);
    return n;
}
