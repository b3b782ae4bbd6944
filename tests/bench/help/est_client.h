/*
 * Clients of EST for benchmarks: their keys, certificates and requests are made before the clock
 * starts. Whatever fails ends the program.
 */
#ifndef BENCH_HELP_EST_CLIENT_H
#define BENCH_HELP_EST_CLIENT_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/tbs.h"

#define EST_CLIENT_NAME_SIZE 64

struct est_client {
    EVP_PKEY *key; /* of the certificate that it shows in TLS; both NULL: none */
    X509 *cert;
    EVP_PKEY *next;  /* what it asks a certificate for, P-256; NULL: nothing */
    struct buf spki; /* ... and that as a certificate has it */
    struct buf http; /* the request */
};

/* What all of them ask. */
struct est_asks {
    const char *path;  /* "/.well-known/est/simpleenroll" */
    const char *token; /* with Basic; NULL: none */
    uint64_t salt;     /* makes the names of this run its own */
    bool gets;         /* a GET of that path instead, which nobody enrolls by */
};

/* n clients that make certification requests, for a name of its own each,
 * h{i}-{salt}.bench.example; who has a certificate, for its subject and names. By some threads. */
void est_clients_make(struct est_client *c, size_t n, const struct est_asks *a);
/* Is the body of an answer a certificate for what this client asked for? Appends it to `out`. */
bool est_client_take(const struct est_client *c, struct slice body, uint8_t serial[SERIAL_LEN],
                     struct buf *out) WARN_UNUSED;
bool certificate_verifies(X509_STORE *roots, struct slice certificate) WARN_UNUSED;

/* n clients with keys and certificates, those in the file from number `first` on. */
struct est_client *est_clients_read(const char *path, size_t first, size_t n);
/* Appends the new key and its certificate, as est_clients_read takes them. */
void est_client_write(const struct est_client *c, struct slice certificate, struct buf *out);
void est_clients_free(struct est_client *c, size_t n);

#endif
