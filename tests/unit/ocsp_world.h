/* A responder over views made by hand, with a delegate. */
#ifndef TESTS_UNIT_OCSP_WORLD_H
#define TESTS_UNIT_OCSP_WORLD_H

#include "ocsp/responder.h"
#include "tests/unit/ocsp_help.h"
#include "tests/unit/viewfile_files.h"

#define ROWS 100 /* good ones in each view: row_of(0), row_of(2), row_of(4) ... */

struct ocsp_world {
    char dir[40];
    struct ocsp_place place; /* of "issuing-1" */
    struct folder view;
    struct ocsp_responder *r;
    struct ocsp_answer answer;
    struct buf request;
    int64_t now;
};

extern const struct ocsp_settings test_settings;

/* The clock is at TEST_NOW; the view is stamped a minute before. */
int ocsp_world_setup(void **state);
int ocsp_world_teardown(void **state);
#define OCSP_TEST(name) cmocka_unit_test_setup_teardown(name, ocsp_world_setup, ocsp_world_teardown)

/* An issuer's folder below w->dir, with a view of ROWS rows. */
void ocsp_world_folder(const struct ocsp_world *w, const struct ocsp_place *p, const char *name,
                       struct folder *out);
void ocsp_world_stamp(const struct folder *view, int64_t stamp);
/* A responder with other settings in place of the one there is. */
void ocsp_world_settings(struct ocsp_world *w, const struct ocsp_settings *s);
void ocsp_world_scan(struct ocsp_world *w);
void ocsp_world_delegate(struct ocsp_world *w, const struct ocsp_place *p);
/* w->answer for row_of(k); returns its status. */
enum ocsp_status ocsp_ask(struct ocsp_world *w, unsigned k, const EVP_MD *md, size_t nonce);
/* The same, verified by OpenSSL; it must be successful. */
void ocsp_ask_seen(struct ocsp_world *w, unsigned k, const EVP_MD *md, size_t nonce,
                   struct ocsp_seen *out);
struct ocsp_stats ocsp_world_stats(struct ocsp_world *w);

#endif
