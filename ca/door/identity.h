/* Whom a certificate is for, when that identity is blocked: the tokens that belong to it. */
#ifndef CA_DOOR_IDENTITY_H
#define CA_DOOR_IDENTITY_H

#include "ca/store/store.h"

struct token_ids {
    size_t n, room;
    uint64_t *id;
};
void token_ids_free(struct token_ids *t);

/* The tokens that can be used and with which one of these certificates was got, or that authorise
 * nothing but names of one of them, for its profile. Serials that are not known count for nothing.
 * One walk over all tokens: not on the loop. */
int identity_tokens(struct store *s, const uint8_t (*serial)[SERIAL_LEN], size_t n,
                    struct token_ids *out, struct fault *f) WARN_UNUSED;

#endif
