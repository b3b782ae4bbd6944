/* What the tests of the public view share: a model store, a folder, random changes. */
#ifndef TESTS_UNIT_VIEW_WORLD_H
#define TESTS_UNIT_VIEW_WORLD_H

#include "ca/view/view.h"
#include "lib/viewfile.h"
#include "tests/unit/model_store.h"

#define CERTS 20000
#define CHANGES 1000000

/* What readers may rely on: the state of each certificate that was acknowledged, in memory that
 * processes share. */
struct world {
    struct store *store;
    char dir[64];
    uint8_t *acked; /* enum cert_state by certificate; 0: not yet */
    uint64_t *checks;
    uint64_t *stop;
    uint64_t random;
};

int world_setup(void **state);
int world_teardown(void **state);
#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

uint64_t draw(uint64_t *random, uint64_t below);
/* Certificate k, of CERTS; every third is of issuer 2. */
struct cert_ref ref_of(unsigned k);
struct store_change change_to(unsigned k, enum cert_state state, int64_t time);
const char *folder(const struct world *w, uint16_t issuer, char out[128]);
struct view *open_view(const struct world *w);

/* Publishes what the store got since change `before`. */
int publish_since(struct world *w, struct view *v, uint64_t before, struct fault *f);
/* Commits and publishes one change. */
void publish(struct world *w, struct view *v, unsigned k, enum cert_state state);
/* Certificates 0 to n - 1: good, every fifth revoked. */
void fill(struct world *w, struct view *v, unsigned n);
/* Commits and publishes a batch of random changes, then acknowledges them. */
int random_batch(struct world *w, struct view *v, enum cert_state *state, struct fault *f);

struct upkeep {
    struct view *v;
    uint64_t stop;
    int rc;
};

void *upkeep_thread(void *arg);
/* random_batch, waiting while upkeep has more than two logs' worth to merge: publishing
 * is much faster than syncing snapshots. */
int paced_batch(struct world *w, struct upkeep *u, enum cert_state *now, struct fault *f);

/* 0, or why the reader's answer contradicts what was acknowledged. */
int contradicts(uint8_t acked, int found, const struct viewfile_row *row);
/* A reader over both issuers' files until *stop; exits 0 when nothing that it saw contradicts what
 * was acknowledged before it looked, and counts its looks. */
_Noreturn void reader_process(const struct world *w);
/* The newest state of every certificate in the store, from its changes. */
void newest_states(const struct world *w, struct store_change *out);
/* Every certificate, those that are not issued too, as the store has it; and each
 * issuer's files know nothing of the other's. */
void assert_equals_store(const struct world *w);
/* In force for issuer 1; 0 when a reader refuses it. */
uint64_t generation(const struct world *w);

#endif
