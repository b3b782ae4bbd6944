/*
 * HTTP/1.1 over TLS 1.3 to a server on this host, from many clients: each asks once, one after the
 * other on each connection, or each over a connection of its own. What comes back is told to a
 * callback. Whatever else fails ends the program.
 */
#ifndef BENCH_HELP_TLS_LOAD_H
#define BENCH_HELP_TLS_LOAD_H

#include <openssl/ssl.h>

#include "tests/bench/help/est_client.h"

struct tls_load {
    uint16_t port;
    size_t connections, count; /* at least two */
    bool anew;                 /* a new connection for each client, who shows its certificate */
    SSL_CTX *tls;
    const struct est_client *client; /* `count` of them */
    /* Once for each client, from any thread: microseconds since it began to connect, or to ask on a
     * connection that was there. Status 0: the connection failed, and the body says how. */
    void (*ended)(size_t number, uint64_t us, unsigned status, struct slice body);
};

/* A client's context for one group of the key exchange, so that every server agrees to the same. It
 * sends the certificates of the file `chain` (NULL: none) behind its own, never resumes a session,
 * and checks the server's chain against `roots` on some connections only: it is the server that is
 * measured. */
SSL_CTX *tls_load_context(const char *roots, const char *chain, const char *group);
/* Ends when each client has asked. */
void tls_load_run(const struct tls_load *l);

#endif
