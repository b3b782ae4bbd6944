/* The signer's guard over two issuers, a draft of a leaf for it, and ways to bend drafts octet by
 * octet. */
#ifndef TESTS_UNIT_SIGNER_SCENE_H
#define TESTS_UNIT_SIGNER_SCENE_H

#include "ca/signer/guard.h"
#include "tests/unit/signer_place.h"

#define DAY 86400
#define BYTES(octets) slice_of(octets, sizeof(octets) - 1)

struct scene {
    struct place *place;
    struct guard guard;
    struct guard_issuer *root, *issuing;
    struct draft d; /* for `issuing` to sign */
    struct buf bent;
};

int scene_setup(void **state);
int scene_teardown(void **state);

/* The rule that keeps these octets from being signed; "" when nothing does. */
const char *verdict(struct scene *s, const struct guard_issuer *by, struct slice tbs);
/* The draft as it is now. */
void is_signed(struct scene *s, const struct guard_issuer *by);
void is_refused(struct scene *s, const struct guard_issuer *by, const char *rule);

/* Turns the draft into the certificate of the issuing CA, for the root to sign. */
void make_ca(struct scene *s);
/* A subject of this CN alone, as a string of this type. */
void rename_subject(struct scene *s, uint8_t tag, const char *cn);
/* What extension `oid` of the draft holds now. */
struct slice value_of(struct scene *s, struct slice oid);

/* Octets of the BOOLEAN, as for the criticality below. */
extern const struct slice is_critical;
/* The draft with `between` in front of its extensions, the one of `oid` left out unless `twice`,
 * and one more behind: that of `oid` with this criticality and value. In s->bent. */
struct slice bend(struct scene *s, struct slice between, struct slice oid, bool twice,
                  struct slice critical, struct slice value);
/* ... with that extension replaced, for `issuing`. */
void bent_is_refused(struct scene *s, struct slice oid, struct slice critical, struct slice value,
                     const char *rule);

#endif
