/* A naive model of what the store's lists have to show. */
#ifndef TESTS_UNIT_STORE_MODEL_H
#define TESTS_UNIT_STORE_MODEL_H

#include "tests/unit/store_help.h"

#define ROWS 240

struct model_row {
    struct cert_ref ref;
    enum cert_state state;
    int64_t not_after;
    const char *owner, *requester, *profile;
    char name[64];
    uint8_t fingerprint[32];
};

struct model {
    struct model_row row[ROWS];
    size_t n;
};

/* Adds `n` random certificates of two issuers, in every state, to store and model. */
void model_fill(struct fixture *x, struct model *m, unsigned *seed, size_t n);
void model_issue(struct fixture *x, struct model *m, unsigned *seed);
void model_filter(struct store_filter *q, unsigned *seed);
int model_draw(unsigned *seed);
/* The store's list by the filter, in pages of `page`, is the model's. */
void model_compare(struct fixture *x, struct model *m, const struct store_filter *q, size_t page);

struct got {
    struct cert_ref ref[ROWS];
    enum cert_state state[ROWS];
    size_t n;
};
/* A store_each that keeps what it gets in a struct got. */
int model_keep(void *arg, const struct cert_row *row);
void list_all(struct fixture *x, const struct store_filter *q, size_t page, struct got *g);

#endif
