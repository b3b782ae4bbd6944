/*
 * Entries of Certificate Transparency logs, as both kinds of logs give them: RFC 6962 4.6
 * (leaf_input and extra_data of get-entries) and the data tiles of c2sp.org/static-ct-api. Whatever
 * is read was written by strangers. Pure; slices point into the input.
 */
#ifndef CLIENT_CTENTRY_H
#define CLIENT_CTENTRY_H

#include "lib/buf.h"
#include "lib/fault.h"
#include "lib/san.h"

struct ct_entry {
    struct slice timestamped; /* TimestampedEntry, whole: what the leaf's hash covers */
    uint64_t time_ms;         /* when the log took it, since 1970 */
    bool precert;
    struct slice tbs;         /* of a precert_entry: TBSCertificate without the poison */
    struct slice certificate; /* DER; of a precert_entry the precertificate */
};

/* MerkleTreeLeaf (RFC 6962 3.4) and what came with it. Rule "ct.entry". */
int ct_entry_get(struct slice leaf_input, struct slice extra, struct ct_entry *out,
                 struct fault *f) WARN_UNUSED;
/* The next TileLeaf of *rest, which is moved behind it. Rule "ct.entry". */
int ct_tile_get(struct slice *rest, struct ct_entry *out, struct fault *f) WARN_UNUSED;
/* A TimestampedEntry alone, with its precertificate, or nothing. Rule "ct.entry". */
int ct_timestamped_get(struct slice timestamped, struct slice precert, struct ct_entry *out,
                       struct fault *f) WARN_UNUSED;

/* The hash of its MerkleTreeLeaf in the tree (RFC 6962 2.1). */
void ct_entry_hash(struct slice timestamped, uint8_t out[32]);

/* What it is for whoever watches some domains. */
enum ct_what {
    CT_OTHER,  /* none of its names lies under them */
    CT_UNDER,  /* a DNS name or the host of a mail address does */
    CT_UNREAD, /* no certificate that can be read */
};
/* A precertificate is not covered by the leaf's hash: one of other names, another key or serial
 * number than what is covered ends it, rule "ct.precert". */
int ct_entry_look(const struct ct_entry *e, const struct texts *domains, enum ct_what *out,
                  struct fault *f) WARN_UNUSED;

#endif
