/*
 * New connections, taken by a thread of its own and dealt out in turn. Where the library's threads
 * take them from one listening socket, the one that is awake takes all that wait; those that are
 * kept for long, as proxies do, then have one thread among them, and the others nothing to do.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/httpd_inner.h"
#include "lib/log.h"

#define AGAIN_MS 20           /* when there is no room */
#define COMPLAIN_EVERY 60000U /* ms */

/* A connection more, if there may be. */
static bool claim(struct httpd *h)
{
    bool room;

    pthread_mutex_lock(&h->lock);
    room = h->n_conns < h->limit;
    h->n_conns += room;
    pthread_mutex_unlock(&h->lock);
    return room;
}

static void give_back(struct httpd *h)
{
    pthread_mutex_lock(&h->lock);
    h->n_conns--;
    pthread_mutex_unlock(&h->lock);
}

/* Is it for want of something that accept failed? Said once a minute, for it is tried again and
 * again. */
static bool exhausted(struct httpd *h, int why)
{
    uint64_t now = clock_coarse_ms();

    if (why != EMFILE && why != ENFILE && why != ENOBUFS && why != ENOMEM)
        return false;
    if (h->complained_ms == 0 || now - h->complained_ms >= COMPLAIN_EVERY) {
        log_error("http.exhausted", "reason", strerror(why), NULL);
        h->complained_ms = now;
    }
    return true;
}

/* Takes one; false: there is none, or no room or descriptor for it, and it goes on waiting. */
static bool take(struct httpd *h, bool *room)
{
    struct sockaddr_storage from = {0};
    socklen_t n = sizeof from;
    int fd;

    *room = claim(h);
    if (!*room)
        return false;
    fd = accept4(h->listen_fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        int why = errno;

        give_back(h);
        *room = !exhausted(h, why);
        return why == ECONNABORTED || why == EINTR;
    }
    /* Which thread gets it goes by its descriptor; the lowest free one is always next. The library
     * closes what it does not take. */
    if (MHD_add_connection(h->daemon, fd, (struct sockaddr *)&from, n) != MHD_YES)
        give_back(h);
    return true;
}

static void *run(void *httpd)
{
    struct httpd *h = httpd;
    bool room = true;

    for (;;) {
        struct pollfd p[] = {{h->stop_fd, POLLIN, 0}, {h->listen_fd, POLLIN, 0}};

        (void)poll(p, room ? 2 : 1, room ? -1 : AGAIN_MS);
        if (p[0].revents != 0)
            return NULL;
        while (take(h, &room))
            continue;
    }
}

int httpd_accept_start(struct httpd *h)
{
    pthread_attr_t a;
    int rc = -1;

    h->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (h->stop_fd >= 0 && pthread_attr_init(&a) == 0) {
        (void)pthread_attr_setstacksize(&a, HTTPD_STACK_SIZE);
        rc = pthread_create(&h->accept, &a, run, h) == 0 ? 0 : -1;
        (void)pthread_attr_destroy(&a);
    }
    h->accepts = rc == 0;
    return rc;
}

void httpd_accept_stop(struct httpd *h)
{
    if (h->accepts) {
        (void)eventfd_write(h->stop_fd, 1);
        (void)pthread_join(h->accept, NULL);
    }
    h->accepts = false;
}
