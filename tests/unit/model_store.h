/*
 * A store for the tests of what consumes its change sequence: a list of changes in memory that
 * forked processes share, so that a writer can be killed and the "commits" stay. It stands in for
 * store_changes_since, store_states, store_issuers and store_stats.
 */
#ifndef TESTS_UNIT_MODEL_STORE_H
#define TESTS_UNIT_MODEL_STORE_H

#include "ca/store/store.h"

struct store *model_new(size_t changes_max);
void model_free(struct store *s);
void model_issuer(struct store *s, uint16_t number, const char *name, uint8_t key);
/* Commits a change of state; its number. */
uint64_t model_change(struct store *s, const struct store_change *c);
/* The n changes from number `first`: what a store_publish is given. */
const struct store_change *model_changes(const struct store *s, uint64_t first);
uint64_t model_newest(const struct store *s);
/* Forgets everything after change `number`: an older backup. */
void model_forget(struct store *s, uint64_t number);

#endif
