/* A root, an issuing CA below it and certificates of theirs, made by OpenSSL; folders and an entry
 * to deploy them to. */
#ifndef TESTS_UNIT_AGENT_HELP_H
#define TESTS_UNIT_AGENT_HELP_H

#include <openssl/x509.h>

#include "agent/deploy/deploy.h"

struct test_ca {
    X509 *root, *issuing;
    EVP_PKEY *root_key, *issuing_key;
};
void test_ca_make(struct test_ca *ca, const char *root_name);
void test_ca_free(struct test_ca *ca);

/* What an entry gets: a new key, its certificate for `name`, the chain. */
struct test_leaf {
    struct buf key, leaf, chain;
    struct deploy_material m;
};
/* Valid from `from` to `to` seconds from now. */
void test_leaf_make(const struct test_ca *ca, const char *name, long from, long to,
                    struct test_leaf *out);
void test_leaf_free(struct test_leaf *l);

/* Appends DER. */
void test_x509_der(X509 *x, struct buf *out);
/* FOLDER/root.pem; a path that stays good. */
const char *test_path(const char *folder, const char *name);
void test_write(const char *path, const char *text);
void test_write_certs(const char *path, X509 *const *list, size_t n);
/* Runs a line of /bin/sh; its status. */
int test_sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Text of a file; the caller frees it. NULL: cannot be read. */
char *test_read(const char *path);
/* Do the key in one file and the first certificate in another belong together? */
bool test_pair_fits(const char *key, const char *certificate);
/* Is the first certificate in this file that one? */
bool test_shows(const char *path, const struct test_leaf *l);

/* An entry "web" with a key and a fullchain at paths of their own. */
struct test_scene {
    struct test_ca ca;
    struct test_leaf first, second; /* for www.example.com */
    char folder[32], anchors[64];
    char state[64], place[64]; /* the entry's, and the services' */
    char key_path[96], chain_path[96];
    struct agent_file files[2];
    struct agent_cert entry;
};
extern struct test_scene scene;
int scene_set_up(void **s);
int scene_tear_down(void **s);
int scene_fresh(void **s); /* nothing is deployed, nothing is in `place` */
void scene_install(const struct test_leaf *l, unsigned version);

#endif
