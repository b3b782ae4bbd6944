/* Keys and rows of the tables of installations and places (ca/store/installations.h). */
#ifndef CA_STORE_INSTALLATION_ROWS_H
#define CA_STORE_INSTALLATION_ROWS_H

#include "ca/store/installations.h"
#include "ca/store/observations.h"
#include "ca/store/store_lmdb.h"

/* Behind the agent's identity in a key of D_INSTALLATION. */
enum installation_part { PART_REPORTER = 0, PART_ENTRY = 1, PART_FOUND = 2 };
#define PART_NAME_MAX (AGENT_NAME_SIZE - 1)
#define INSTALLATION_KEY_MAX (IDENTITY_LEN + 1 + PART_NAME_MAX)
/* A place: the certificate's identity, enum place_kind, then an agent's identity and the name of
 * the part, or the key of an observation. */
#define PLACE_KEY_MAX (IDENTITY_LEN + 1 + IDENTITY_LEN + PART_NAME_MAX)

struct row_key {
    size_t n;
    uint8_t at[PLACE_KEY_MAX];
};
void installation_key(const uint8_t reporter[IDENTITY_LEN], enum installation_part part,
                      struct slice name, struct row_key *out);
/* Files are told apart by a hash of their path. */
void found_name(const char *path, uint8_t out[IDENTITY_LEN]);
void place_key(const uint8_t identity[IDENTITY_LEN], enum place_kind kind, struct slice where,
               struct row_key *out);
/* Where an entry or a file is, as a place says it: the agent, then the name. */
void place_where(const uint8_t reporter[IDENTITY_LEN], struct slice name, struct row_key *out);

/* What a place says: which certificate is there. */
struct row_place {
    uint8_t fingerprint[32];
    struct cert_ref ref;
};
void row_place_put(struct buf *b, const struct row_place *p);
int row_place_get(struct slice row, struct row_place *out) WARN_UNUSED;
/* Does an agent that is asked for (struct store_filter) have this certificate? *yes; of its
 * identity at most PLACES_ASKED places are looked at. 0 or an LMDB code. */
#define PLACES_ASKED 4096
int place_asked(struct store *s, MDB_txn *t, const uint8_t identity[IDENTITY_LEN],
                const struct cert_ref *ref, const struct store_filter *q, bool *yes) WARN_UNUSED;
/* lmdb_observation.c */
int row_observation_get(struct slice row, struct observation *out) WARN_UNUSED;
void row_reporter_put(struct buf *b, const struct reporter *r);
/* The identity is the key's. 0 or MDB_CORRUPTED, as those below. */
int row_reporter_get(struct slice key, struct slice row, struct reporter *out) WARN_UNUSED;
void row_installed_put(struct buf *b, const struct installed *i);
int row_installed_get(struct slice row, struct installed *out) WARN_UNUSED;
void row_found_put(struct buf *b, const struct found_file *f);
int row_found_get(struct slice row, struct found_file *out) WARN_UNUSED;

#endif
