/* Include in one source of a test program: its store is the model. */
#ifndef TESTS_UNIT_MODEL_STORE_VERBS_H
#define TESTS_UNIT_MODEL_STORE_VERBS_H

#include "tests/unit/model_store.h"

int store_issuers(struct store *s, store_issuer_each fn, void *arg, struct fault *f)
{
    return model_issuers(s, fn, arg, f);
}

int store_stats(struct store *s, struct store_stats *out, struct fault *f)
{
    return model_stats(s, out, f);
}

int store_changes_since(struct store *s, uint64_t after, struct store_change *out, size_t max,
                        size_t *n, struct fault *f)
{
    return model_since(s, after, out, max, n, f);
}

int store_states(struct store *s, const struct cert_ref *after, struct store_change *out,
                 size_t max, size_t *n, struct fault *f)
{
    return model_states(s, after, out, max, n, f);
}

#endif
