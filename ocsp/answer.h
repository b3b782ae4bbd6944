/* What the responder is made of, for the part that looks after it and the part that answers. */
#ifndef OCSP_ANSWER_H
#define OCSP_ANSWER_H

#include "ocsp/cache.h"
#include "ocsp/issuer.h"

struct ocsp_responder {
    struct ocsp_settings settings;
    struct ocsp_cache *cache;
    /* Only ever added to, by the thread that scans; `n` is stored when the issuer is whole. */
    struct ocsp_issuer *issuer[OCSP_ISSUERS_MAX];
    size_t n;
    bool all_seen; /* the last scan found every issuer that there is; atomic */
    uint64_t signed_answers, errors;
};

#endif
