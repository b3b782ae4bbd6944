/* What the store's test programs share: a store in a temporary folder, and requests to it. */
#ifndef TESTS_UNIT_STORE_HELP_H
#define TESTS_UNIT_STORE_HELP_H

#include "ca/store/store.h"

/* Ahead of the real clock, by which request keys are forgotten. */
#define TEST_NOW 2000000000

struct fixture {
    char dir[64];
    struct store_options o;
    struct store *s;
    struct fault f;
    uint16_t issuer;
};

/* An empty store with one issuer; not synced unless `sync`. */
void fixture_open(struct fixture *x, bool sync);
/* Opens the store in x->dir by x->o; the result of store_open. */
int fixture_reopen(struct fixture *x);
void fixture_close(struct fixture *x); /* the store only */
void fixture_remove(struct fixture *x);
/* Until no rebuild is under way. */
void fixture_wait_indexes(struct fixture *x);
void remove_tree(const char *dir);
void fixture_path(const struct fixture *x, const char *name, char out[128]);

/* One request and what belongs to it. */
struct request {
    struct store_op op;
    struct buf tbs;
    uint8_t spki[91];
    uint8_t signature[70];
    char name[256];
};
/* A fresh reserve: its own serial (growing from call to call), key, request key and content;
 * good for 90 days from TEST_NOW. */
void request_init(struct request *r, const struct fixture *x, const char *name);
/* The TBS anew, after serial, issuer, key or times were changed. */
void request_draft(struct request *r, const char *name);
void request_free(struct request *r);
/* Each waits; the result is the operation's. */
int do_reserve(struct fixture *x, struct request *r);
int do_finish(struct fixture *x, struct request *r);
int do_abandon(struct fixture *x, struct request *r);
int do_revoke(struct fixture *x, struct request *r, uint8_t reason);
int do_release(struct fixture *x, struct request *r);
int do_block(struct fixture *x, struct request *r, bool block);
/* Reserves and finishes; asserts that both worked. */
void issue(struct fixture *x, struct request *r);
/* A certificate that this store never saw. */
void foreign_make(const struct fixture *x, const char *name, int64_t not_after, struct buf *der);
/* The certificate's row; asserts that it is there. */
void must_get(struct fixture *x, const struct cert_ref *ref, struct cert_row *row);

/* Findings of store_check, which has to run through. Rules are kept, comma after each. */
uint64_t check_store(struct fixture *x, char rules[1024]);
void assert_clean(struct fixture *x);
/* The audit actions so far, as one letter each: s i f a r v d A. */
void audit_actions(struct fixture *x, struct buf *out);

#endif
