/*
 * The OCSP responder (RFC 6960, RFC 5019, RFC 9654) without its transport: views and delegates
 * go in, a request's octets give an answer's octets and what HTTP says of them.
 *
 * It answers from views (lib/viewfile.h) alone, one an issuer, and signs with a delegate an
 * issuer. What it may say:
 *   - Nothing unsigned, and nothing without a delegate that is valid now: tryLater.
 *   - Nothing when the view cannot be read, is older than what was answered from before, or its
 * time stamp is older than view_age_max or ahead of the clock by more than OCSP_CLOCK_SKEW:
 * tryLater.
 *   - thisUpdate is the view's stamp, and never decreases, over restarts too (lib/viewfile.h says
 *     when a stamp goes back). nextUpdate is never past the delegate's notAfter.
 *   - A serial that the view does not have was never issued: unknown, or unauthorized if
 *     configured so (RFC 5019 2.2.3). Never good.
 *   - CertIDs of no issuer of ours: unauthorized; tryLater while not all issuers could be read. One
 * answer has one signer, and it must be authorised for every certificate in it (RFC
 * 6960 2.6, 4.2.2.2), so of CertIDs of several issuers those of the first one are answered, and
 * the others are not in the answer: clients ask for them anew.
 *   - On hold is revoked with certificateHold.
 *
 * Threads: any number may answer at a time, and others may scan and set delegates meanwhile.
 */
#ifndef OCSP_RESPONDER_H
#define OCSP_RESPONDER_H

#include <openssl/evp.h>

#include "lib/buf.h"
#include "lib/fault.h"
#include "lib/ocsp.h"

#define OCSP_CLOCK_SKEW 300    /* seconds */
#define OCSP_UNKNOWN_LIFE 300  /* seconds from now to nextUpdate of a never-issued serial */
#define OCSP_HTTP_AGE_MAX 3600 /* seconds */
#define OCSP_ISSUERS_MAX 256
#define OCSP_ETAG_LEN 16

struct ocsp_settings {
    int64_t validity;     /* seconds from thisUpdate to nextUpdate; more than view_age_max */
    int64_t view_age_max; /* seconds */
    int64_t http_age;     /* seconds that HTTP caches may keep an answer; 0 to OCSP_HTTP_AGE_MAX */
    int64_t archive;      /* seconds: archiveCutoff is producedAt less this; 0: none (4.4.4) */
    bool never_issued_unauthorized;
    size_t cache_max; /* octets of all cached answers; 0: none */
};

struct ocsp_responder;

/* Rule: "ocsp.settings". */
int ocsp_responder_new(const struct ocsp_settings *s, struct ocsp_responder **out,
                       struct fault *f) WARN_UNUSED;
/* No thread may be in any call. NULL is fine. */
void ocsp_responder_free(struct ocsp_responder *r);

/* Opens the folder NAME-NUMBER of each issuer in the view that is not open yet, and tries those
 * again that could not be. Call at the start and every minute or so, from one thread. An issuer
 * without certificate or rows yet is no fault. Returns the first fault and goes on with the other
 * folders: a damaged view of one issuer stops nobody else's answers. Rules: "view.*", "cert.*",
 * "ocsp.owner" (view and certificate are not of one key), "ocsp.issuers" (too many, or two folders
 * with one name and key). */
int ocsp_responder_scan(struct ocsp_responder *r, const char *view_dir,
                        struct fault *f) WARN_UNUSED;

/* Gives the issuer with this key (SHA-256 of its SubjectPublicKeyInfo) the delegate that signs
 * from now on; the one before is freed when its last answer is out, and answers that it has signed
 * are cached no longer. `key` is taken over on success only (and may be used by all threads), the
 * certificate copied. Refused: no such issuer ("ocsp.issuer"), a certificate that this issuer's key
 * did not sign, is not for OCSP signing (RFC 6960 4.2.2.2) or is over or not yet valid, a key that
 * is not the certificate's ("ocsp.delegate"). */
int ocsp_responder_delegate(struct ocsp_responder *r, const uint8_t owner[32], EVP_PKEY *key,
                            struct slice certificate, struct fault *f) WARN_UNUSED;

/* How one issuer stands, for asking for delegates, for health and status. */
struct ocsp_issuer_state {
    char folder[128]; /* NAME-NUMBER */
    uint8_t owner[32];
    enum key_type key_type; /* of the issuer */
    uint64_t change;        /* of the view, as last answered from */
    int64_t stamp;
    bool view_failed;            /* the last look at the view */
    int64_t delegate_not_before; /* both 0: no delegate */
    int64_t delegate_not_after;
    int64_t delegate_next; /* its successor is due: half of its life */
};
/* Copies at most max, in the order in which they were found; returns how many there are. Takes in
 * what the views have published since. */
size_t ocsp_responder_issuers(struct ocsp_responder *r, struct ocsp_issuer_state *out, size_t max);

struct ocsp_answer {
    /* The OCSPResponse, whole; HTTP status 200 whatever it says (RFC 6960 A.1). The caller
     * makes it (buf_init with OCSP_RESPONSE_MAX) and may use it again and again. */
    struct buf body;
    enum ocsp_status status;
    /* For HTTP. max_age 0: no-store, no validators (errors, nonces, never issued); else all are
     * set. max_age never passes next_update. */
    int64_t max_age;
    int64_t last_modified;       /* thisUpdate */
    uint8_t etag[OCSP_ETAG_LEN]; /* of the body's SHA-256 */
};

/* Answers one request: what was POSTed, or decoded from a GET's path. `now` is clock_now(). Never
 * fails: what cannot be answered is an OCSP error in the body. */
void ocsp_answer(struct ocsp_responder *r, struct slice request, int64_t now,
                 struct ocsp_answer *out);

struct ocsp_stats {
    uint64_t hits, signed_answers, errors; /* since the start */
    size_t cached, cached_octets;
};
void ocsp_responder_stats(struct ocsp_responder *r, struct ocsp_stats *out);

#endif
