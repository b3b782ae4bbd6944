/* Between the files of the HTTP server. The only ones that know libmicrohttpd. */
#ifndef LIB_HTTPD_INNER_H
#define LIB_HTTPD_INNER_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/httpd.h"

#define HTTPD_STACK_SIZE ((size_t)256 * 1024) /* of each thread */

/* HTTPD_RESTS: its handler waits for something, and has the deadline. */
enum httpd_phase { HTTPD_WAITS, HTTPD_SENDS, HTTPD_RESTS, HTTPD_TAKES };

/* One connection. Its thread writes, the sweeper reads. */
struct httpd_conn {
    struct httpd_conn *next, *prev;
    struct httpd *httpd;
    int fd;
    _Atomic(enum httpd_phase) phase;
    _Atomic uint64_t since_ms, until_ms;
    uint64_t unread_ms; /* the sweeper's: when it last saw what nobody had read yet */
    bool cut;           /* the sweeper's */
    atomic_bool asked;  /* a request's head came */
    char address[HTTP_ADDRESS_SIZE];
    void *tls; /* what lib/httpd_tls.c keeps of it */
};

/* What lib/httpd_tls.c does for a server; only who makes one is linked with GnuTLS. */
struct httpd_tls {
    const struct MHD_OptionItem *options;
    void *(*begin)(struct httpd_tls *t, struct MHD_Connection *c); /* before its handshake */
    void (*end)(struct httpd_tls *t, void *kept);
    pthread_mutex_t lock;
    struct httpd_certificate *now; /* for new connections; NULL: none yet, they fail */
};

/* A request from its head to the end of its answer. */
struct http_wait {
    struct httpd_conn *conn;
    struct MHD_Connection *connection;
    struct buf body;
    bool too_large;
    bool waits, answered;      /* http_wait was called; its answer is there */
    struct http_answer answer; /* of who waited */
};

struct httpd {
    struct MHD_Daemon *daemon;
    http_handler handle;
    httpd_turned_away turned_away; /* NULL: nobody is told */
    void *arg;
    struct httpd_tls *tls; /* NULL: none */
    unsigned limit;
    size_t body_max;
    uint64_t timeout_ms;
    int listen_fd;
    pthread_t accept; /* while `accepts`; it ends when stop_fd can be read */
    int stop_fd;
    bool accepts;
    uint64_t complained_ms; /* when it last said that it lacks descriptors or memory; 0: never */
    pthread_mutex_t lock;   /* over the list; who holds it may use the descriptors in it */
    struct httpd_conn *conns;
    void (*first)(void *arg); /* NULL: nobody is told */
    void *first_arg;
    unsigned n_conns; /* from being accepted on, so some may not be in the list yet */
};

/* --- deadlines (lib/httpd_conn.c) ----------------------------------------------------- */

/* An MHD_NotifyConnectionCallback. */
void httpd_conn_notify(void *httpd, struct MHD_Connection *c, void **context,
                       enum MHD_ConnectionNotificationCode code);
struct httpd_conn *httpd_conn_of(struct MHD_Connection *c);
void httpd_conn_phase(struct httpd_conn *c, enum httpd_phase phase, uint64_t ms);

/* Tells whoever asked for it. */
void httpd_conn_turned_away(const struct httpd_conn *c, enum httpd_why why);

/* --- new connections (lib/httpd_accept.c) ---------------------------------------------- */

/* 0, or -1 and errno. */
int httpd_accept_start(struct httpd *h) WARN_UNUSED;
/* From then on they wait in the listening socket. */
void httpd_accept_stop(struct httpd *h);

/* --- addresses (lib/httpd_answer.c) ----------------------------------------------------- */

void httpd_address(struct MHD_Connection *c, char out[HTTP_ADDRESS_SIZE]);

/* --- answers (lib/httpd_answer.c) ------------------------------------------------------ */

/* Queues the answer and gives back what it holds. `octets` is how much will be sent. */
enum MHD_Result httpd_answer_queue(struct MHD_Connection *c, struct http_answer *a,
                                   uint64_t *octets);

#endif
