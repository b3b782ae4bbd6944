/* OCSP requests (lib/ocsp.h), against OpenSSL. */
#include <openssl/ocsp.h>

#include "lib/der.h"
#include "lib/ocsp.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/peer.h"

static void check_id(const struct ocsp_cert_id *ours, OCSP_CERTID *theirs)
{
    ASN1_OCTET_STRING *name, *key;
    ASN1_INTEGER *serial;
    ASN1_OBJECT *hash;

    FUZZ_CHECK(OCSP_id_get0_info(&name, &hash, &key, &serial, theirs) == 1);
    FUZZ_CHECK(slice_eq(ours->name_hash, slice_of(name->data, (size_t)name->length)));
    FUZZ_CHECK(slice_eq(ours->key_hash, slice_of(key->data, (size_t)key->length)));
    if (ours->hash != OCSP_HASH_OTHER) /* whose parameters OpenSSL writes in its own way */
        FUZZ_CHECK(peer_same(ours->der, (peer_writer)i2d_OCSP_CERTID, theirs));
    if (ours->serial.n > 0 && (ours->serial.p[0] & 0x80) == 0)
        FUZZ_CHECK(peer_same_number(ours->serial, serial));
}

/* requestorName and signature are looked at for their form alone, parameters of a hash that is not
 * known not at all. */
static bool has_unread(struct slice in, const struct ocsp_request *r)
{
    struct slice request, tbs, part;
    uint8_t tag = 0;

    for (size_t i = 0; i < r->n; i++)
        if (r->id[i].hash == OCSP_HASH_OTHER)
            return true;
    if (der_get(&in, DER_SEQUENCE, &request) != 0 || der_get(&request, DER_SEQUENCE, &tbs) != 0)
        return false;
    if (der_get_any(&tbs, &tag, &part, NULL) == 0 && tag == DER_CONTEXT_CONSTRUCTED(0) &&
        der_get_any(&tbs, &tag, &part, NULL) != 0)
        return false;
    return tag == DER_CONTEXT_CONSTRUCTED(1) || request.n > 0;
}

static void run(struct slice in)
{
    static struct ocsp_request r;
    const unsigned char *p = in.p;
    OCSP_REQUEST *x;
    struct fault f;
    int rc = ocsp_request_parse(in, &r, &f);

    if (rc != 0) {
        fuzz_refused(rc, &f);
        return;
    }
    x = d2i_OCSP_REQUEST(NULL, &p, (long)in.n);
    if (x == NULL && has_unread(in, &r))
        return;
    peer_takes(x, p, in);
    FUZZ_CHECK(OCSP_request_onereq_count(x) == (int)r.n && r.n > 0);
    for (size_t i = 0; i < r.n; i++)
        check_id(&r.id[i], OCSP_onereq_get0_id(OCSP_request_onereq_get0(x, (int)i)));
    FUZZ_CHECK((r.nonce.n > 0) ==
               (OCSP_REQUEST_get_ext_by_NID(x, NID_id_pkix_OCSP_Nonce, -1) >= 0));
    FUZZ_CHECK(r.nonce.n <= OCSP_NONCE_MAX && fuzz_inside(r.nonce, in));
    OCSP_REQUEST_free(x);
}

const struct fuzz_target fuzz_target = {.form = FUZZ_DER, .run = run};
