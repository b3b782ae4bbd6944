/*
 * Where certificates are: what agents report of their hosts, and where each certificate was met.
 *
 *   installation  identity of the agent, a part, its name -> the agent; one of its entries; a
 *                 certificate that lies on its host
 *   place         identity of a certificate, where it is -> which of that identity
 *
 * An agent is the identity of the certificate with which it reports, so it stays the same when that
 * is renewed. It says what it likes of its own host, and of no other's.
 *
 * A report that changes something gives a change of the sequence, with the ref of an annotation, to
 * the agent's identity and to those of the certificates that it is about, so whoever follows the
 * sequence looks at these again. One that only says the same again moves times.
 */
#ifndef CA_STORE_INSTALLATIONS_H
#define CA_STORE_INSTALLATIONS_H

#include "ca/store/inventory.h"
#include "ca/store/observations.h"
#include "lib/proto_agent.h"

struct reporter {
    uint8_t identity[IDENTITY_LEN];
    char name[160]; /* of its certificate */
    char host[AGENT_HOST_SIZE];
    char version[32], address[48];
    uint32_t interval;
    int64_t first, last;     /* reports */
    uint32_t entries, found; /* kept */
};

struct installed {
    int64_t reported;
    bool has_identity; /* of the certificate on the disk, where that is in the inventory */
    uint8_t identity[IDENTITY_LEN];
    struct cert_ref ref; /* likewise; in, of what was reported: not kept with it */
    struct agent_entry entry;
};

struct found_file {
    int64_t seen;
    char path[AGENT_PATH_SIZE];
    uint8_t fingerprint[32];
    uint8_t identity[IDENTITY_LEN];
};

/* By its host, or a name in its certificate, with its kind ("dns:web1") or without. */
bool reporter_is_called(const struct reporter *r, const char *word);

/* How many are kept of one agent, and how long what it does not tell of any more. */
#define REPORTER_ENTRIES_MAX 256
#define REPORTER_FOUND_MAX 2048
#define REPORTER_ENTRY_LIFE INT64_C(604800) /* or 7 intervals */
#define REPORTER_FOUND_LIFE INT64_C(7776000)

/* STORE_REPORT: takes over a report of `reporter` (its `first`, `entries`, `found` are the store's)
 * with op->time. `add`: certificates that lie there, which come into the inventory; `found` are
 * about the first n_found of those, and of no others. Recorded, with what has changed in front of
 * the detail, when something has. Refused: "store.full", "report.entries". */
struct store_report {
    struct reporter reporter;
    size_t n, n_found;
    struct installed *entry;
    struct found_file *found; /* its fingerprint and identity are the store's */
    struct store_foreign *add;
    bool changed; /* out */
};

/* With a moment, as of it. -FAULT_NOT_FOUND: it has never reported. */
int store_reporter(struct store *s, struct store_moment *m, const uint8_t identity[IDENTITY_LEN],
                   struct reporter *out, struct fault *f) WARN_UNUSED;
/* In the order of identities, from behind `after` (NULL: from the start), at most `max`, until fn
 * returns other than 0. */
typedef int (*store_reporter_each)(void *arg, const struct reporter *r);
int store_reporters(struct store *s, const uint8_t after[IDENTITY_LEN], size_t max,
                    store_reporter_each fn, void *arg, struct fault *f) WARN_UNUSED;
/* The entries of one, by name, from behind `after` ("": from the first one), until fn returns other
 * than 0. */
typedef int (*store_installed_each)(void *arg, const struct installed *i);
int store_installed(struct store *s, const uint8_t reporter[IDENTITY_LEN], const char *after,
                    store_installed_each fn, void *arg, struct fault *f) WARN_UNUSED;

/* One place of an identity's certificates. */
struct store_place {
    enum place_kind kind;
    uint8_t fingerprint[32];           /* of the one that is there */
    struct cert_ref ref;               /* likewise */
    const struct reporter *reporter;   /* of an installed or found one */
    const struct installed *installed; /* or NULL, by the kind */
    const struct found_file *found;
    const struct observation *observation; /* of a served one */
};
typedef int (*store_place_each)(void *arg, const struct store_place *p);
/* Is there any? */
int store_places_any(struct store *s, struct store_moment *m, const uint8_t identity[IDENTITY_LEN],
                     bool *any, struct fault *f) WARN_UNUSED;
/* At most `max` of them, until fn returns other than 0; with a moment, as of it. */
int store_places(struct store *s, struct store_moment *m, const uint8_t identity[IDENTITY_LEN],
                 size_t max, store_place_each fn, void *arg, struct fault *f) WARN_UNUSED;

#endif
