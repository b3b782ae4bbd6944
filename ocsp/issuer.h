/* One issuer as the responder has it: who it is in CertIDs, its view, its delegate. */
#ifndef OCSP_ISSUER_H
#define OCSP_ISSUER_H

#include <pthread.h>

#include "lib/viewfile.h"
#include "ocsp/delegate.h"
#include "ocsp/responder.h"

struct ocsp_issuer {
    /* Fixed once it is made. */
    uint16_t index;
    char folder[128];
    char *path;
    struct buf der;
    struct cert certificate; /* points into der */
    uint8_t owner[32];
    struct ocsp_issuer_id id[OCSP_HASHES];

    pthread_rwlock_t lock; /* what follows; read while the view is fresh, written to refresh it */
    struct viewfile *view;
    bool view_failed;
    uint64_t change; /* of the newest view that was answered from */
    struct ocsp_delegate *delegate;

    int64_t newest; /* thisUpdate of the newest answer; atomic */
};

/* Reads issuer.der in the folder; the view is opened by ocsp_issuer_open. */
int ocsp_issuer_new(const char *view_dir, const char *folder, struct ocsp_issuer **out,
                    struct fault *f) WARN_UNUSED;
void ocsp_issuer_free(struct ocsp_issuer *i);
/* Opens the view unless it is open. None there yet: 0, and it stays closed. */
int ocsp_issuer_open(struct ocsp_issuer *i, struct fault *f) WARN_UNUSED;
void ocsp_issuer_set_delegate(struct ocsp_issuer *i, struct ocsp_delegate *d);
void ocsp_issuer_state(struct ocsp_issuer *i, struct ocsp_issuer_state *out);

/* What there is to say of the certificates of one request, as of one look at the view. */
struct ocsp_look {
    int64_t this_update;
    struct ocsp_delegate *delegate; /* the caller frees it */
    bool all_issued;
    struct viewfile_row row[OCSP_CERTS_MAX]; /* status 0: never issued */
};
/* False: try later (responder.h says when); nothing is to be freed then. */
bool ocsp_issuer_look(struct ocsp_issuer *i, const struct ocsp_request *q, int64_t view_age_max,
                      int64_t now, struct ocsp_look *out) WARN_UNUSED;

#endif
