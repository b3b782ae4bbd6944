/* Who takes part when a server makes a key and envelops it (est/keygen.h). */
#ifndef TESTS_UNIT_KEYGEN_HELP_H
#define TESTS_UNIT_KEYGEN_HELP_H

#include "est/keygen.h"
#include "lib/tbs.h"

/* Everybody in it, each with the test key of a type: P-384 made the key, an Ed25519 one, and signed
 * it below a CA with P-256. */
struct people {
    struct buf ca, signer, recipient, key, signer_key, recipient_key;
    struct keygen_seal seal;
};

void people_open(struct people *p, enum key_type recipient, uint16_t key_usage);
void people_close(struct people *p);

#endif
