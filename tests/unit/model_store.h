/*
 * A store for the tests of what consumes its change sequence: a list of changes in memory that
 * forked processes share, so that a writer can be killed and the "commits" stay.
 *
 * A test program that includes tests/unit/model_store_verbs.h has it in place of the real store.
 * The verbs are not defined here: this file is in the archive that every test links.
 */
#ifndef TESTS_UNIT_MODEL_STORE_H
#define TESTS_UNIT_MODEL_STORE_H

#include "ca/store/store.h"

struct store *model_new(size_t changes_max);
void model_free(struct store *s);
void model_issuer(struct store *s, uint16_t number, const char *name, uint8_t key);
/* Another key, by its hash; before a view is opened. */
void model_issuer_key(struct store *s, uint16_t number, const uint8_t hash[32]);
/* Commits a change of state; its number. */
uint64_t model_change(struct store *s, const struct store_change *c);
/* The n changes from number `first`: what a store_publish is given. */
const struct store_change *model_changes(const struct store *s, uint64_t first);
uint64_t model_newest(const struct store *s);
/* Forgets everything after change `number`: an older backup. */
void model_forget(struct store *s, uint64_t number);

int model_issuers(struct store *s, store_issuer_each fn, void *arg, struct fault *f) WARN_UNUSED;
int model_stats(struct store *s, struct store_stats *out, struct fault *f) WARN_UNUSED;
int model_since(struct store *s, uint64_t after, struct store_change *out, size_t max, size_t *n,
                struct fault *f) WARN_UNUSED;
int model_states(struct store *s, const struct cert_ref *after, struct store_change *out,
                 size_t max, size_t *n, struct fault *f) WARN_UNUSED;

#endif
