/* OCSP responses as a client reads them (lib/ocsp.h), against OpenSSL. */
#include <openssl/ocsp.h>

#include "lib/ocsp.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/peer.h"

static void check_single(const struct ocsp_single *ours, enum ocsp_hash hash,
                         OCSP_SINGLERESP *theirs)
{
    static const int status[] = {[OCSP_GOOD] = V_OCSP_CERTSTATUS_GOOD,
                                 [OCSP_REVOKED] = V_OCSP_CERTSTATUS_REVOKED,
                                 [OCSP_UNKNOWN] = V_OCSP_CERTSTATUS_UNKNOWN};
    ASN1_GENERALIZEDTIME *revoked, *this_update, *next_update;
    int reason;

    FUZZ_CHECK(OCSP_single_get0_status(theirs, &reason, &revoked, &this_update, &next_update) ==
               status[ours->status]);
    FUZZ_CHECK(peer_same_time(ours->this_update, this_update));
    if (ours->next_update != 0)
        FUZZ_CHECK(peer_same_time(ours->next_update, next_update));
    if (ours->status == OCSP_REVOKED)
        FUZZ_CHECK(peer_same_time(ours->revoked_at, revoked));
    if (hash != OCSP_HASH_OTHER) /* whose parameters OpenSSL writes in its own way */
        FUZZ_CHECK(peer_same(ours->cert_id, (peer_writer)i2d_OCSP_CERTID,
                             OCSP_SINGLERESP_get0_id(theirs)));
}

/* A responder's name and certificates are for others to read, as are parameters of a hash or of a
 * signature that is not known. */
static bool has_unread(const struct ocsp_response *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->id[i].hash == OCSP_HASH_OTHER)
            return true;
    return r->by_name.n > 0 || r->n_certs > 0 || r->alg == SIG_NONE;
}

static void check_basic(const struct ocsp_response *r, OCSP_RESPONSE *x)
{
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(x);
    const ASN1_OCTET_STRING *signature;

    if (basic == NULL && has_unread(r))
        return;
    FUZZ_CHECK(basic != NULL);
    FUZZ_CHECK(OCSP_resp_count(basic) == (int)r->n);
    for (size_t i = 0; i < r->n; i++)
        check_single(&r->single[i], r->id[i].hash, OCSP_resp_get0(basic, (int)i));
    signature = OCSP_resp_get0_signature(basic);
    FUZZ_CHECK(slice_eq(r->signature, slice_of(signature->data, (size_t)signature->length)));
    FUZZ_CHECK(peer_same_time(r->produced_at, OCSP_resp_get0_produced_at(basic)));
    OCSP_BASICRESP_free(basic);
}

static void run(struct slice in)
{
    static struct ocsp_response r;
    const unsigned char *p = in.p;
    OCSP_RESPONSE *x;
    struct fault f;
    int rc = ocsp_response_parse(in, &r, &f);

    if (rc != 0) {
        fuzz_refused(rc, &f);
        return;
    }
    x = d2i_OCSP_RESPONSE(NULL, &p, (long)in.n);
    peer_takes(x, p, in);
    FUZZ_CHECK(OCSP_response_status(x) == (int)r.status);
    if (r.status == OCSP_SUCCESSFUL)
        check_basic(&r, x);
    OCSP_RESPONSE_free(x);
}

const struct fuzz_target fuzz_target = {.form = FUZZ_DER, .run = run};
