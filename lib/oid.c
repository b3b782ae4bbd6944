#include "lib/oid.h"

#define OID(octets)                                                                                \
    {                                                                                              \
        (const uint8_t *)(octets), sizeof(octets) - 1                                              \
    }

const struct slice oid_rsa_encryption = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01");
const struct slice oid_rsassa_pss = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a");
const struct slice oid_mgf1 = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08");
const struct slice oid_ec_public_key = OID("\x2a\x86\x48\xce\x3d\x02\x01");
const struct slice oid_p256 = OID("\x2a\x86\x48\xce\x3d\x03\x01\x07");
const struct slice oid_p384 = OID("\x2b\x81\x04\x00\x22");
const struct slice oid_p521 = OID("\x2b\x81\x04\x00\x23");
const struct slice oid_ed25519 = OID("\x2b\x65\x70");
const struct slice oid_sha1 = OID("\x2b\x0e\x03\x02\x1a");
const struct slice oid_sha256 = OID("\x60\x86\x48\x01\x65\x03\x04\x02\x01");
const struct slice oid_sha384 = OID("\x60\x86\x48\x01\x65\x03\x04\x02\x02");
const struct slice oid_sha512 = OID("\x60\x86\x48\x01\x65\x03\x04\x02\x03");

const struct slice oid_cms_data = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01");
const struct slice oid_cms_signed_data = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02");

const struct slice oid_cms_enveloped_data = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03");
const struct slice oid_asymmetric_keys = OID("\x60\x86\x48\x01\x65\x02\x01\x02\x4e\x05");

const struct slice oid_challenge_password = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07");
const struct slice oid_extension_request = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e");
const struct slice oid_ms_extension_request = OID("\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0e");

const struct slice oid_change_subject_name = OID("\x2b\x06\x01\x05\x05\x07\x07\x24");
const struct slice oid_decrypt_key_id = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x25");
const struct slice oid_asymm_decrypt_key_id = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x36");
const struct slice oid_smime_capabilities = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0f");
const struct slice oid_request_template = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x3d");
const struct slice oid_extension_template = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x3e");

const struct slice oid_subject_key_id = OID("\x55\x1d\x0e");
const struct slice oid_key_usage = OID("\x55\x1d\x0f");
const struct slice oid_subject_alt_name = OID("\x55\x1d\x11");
const struct slice oid_basic_constraints = OID("\x55\x1d\x13");
const struct slice oid_name_constraints = OID("\x55\x1d\x1e");
const struct slice oid_crl_distribution_points = OID("\x55\x1d\x1f");
const struct slice oid_authority_key_id = OID("\x55\x1d\x23");
const struct slice oid_ext_key_usage = OID("\x55\x1d\x25");
const struct slice oid_authority_info_access = OID("\x2b\x06\x01\x05\x05\x07\x01\x01");
const struct slice oid_no_rev_avail = OID("\x55\x1d\x38");
const struct slice oid_tls_feature = OID("\x2b\x06\x01\x05\x05\x07\x01\x18");
const struct slice oid_ocsp_no_check = OID("\x2b\x06\x01\x05\x05\x07\x30\x01\x05");

const struct slice oid_ocsp_basic = OID("\x2b\x06\x01\x05\x05\x07\x30\x01\x01");
const struct slice oid_ocsp_nonce = OID("\x2b\x06\x01\x05\x05\x07\x30\x01\x02");
const struct slice oid_ocsp_acceptable = OID("\x2b\x06\x01\x05\x05\x07\x30\x01\x04");
const struct slice oid_ocsp_archive_cutoff = OID("\x2b\x06\x01\x05\x05\x07\x30\x01\x06");
const struct slice oid_ocsp_preferred_algs = OID("\x2b\x06\x01\x05\x05\x07\x30\x01\x08");

const struct slice oid_ms_ca_security = OID("\x2b\x06\x01\x04\x01\x82\x37\x19\x02");
const struct slice oid_ms_object_sid = OID("\x2b\x06\x01\x04\x01\x82\x37\x19\x02\x01");
const struct slice oid_ms_upn = OID("\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x03");

const struct slice oid_crl_number = OID("\x55\x1d\x14");
const struct slice oid_crl_reason = OID("\x55\x1d\x15");
const struct slice oid_invalidity_date = OID("\x55\x1d\x18");
const struct slice oid_delta_crl_indicator = OID("\x55\x1d\x1b");
const struct slice oid_issuing_distribution_point = OID("\x55\x1d\x1c");
const struct slice oid_freshest_crl = OID("\x55\x1d\x2e");

const struct slice oid_ad_ocsp = OID("\x2b\x06\x01\x05\x05\x07\x30\x01");
const struct slice oid_ad_ca_issuers = OID("\x2b\x06\x01\x05\x05\x07\x30\x02");

/* X.690 8.19.4: the first subidentifier holds two arcs, 40 * first + second. */
static void print_first(uint64_t v, struct buf *out)
{
    uint64_t first = v < 80 ? v / 40 : 2;

    buf_printf(out, "%llu.%llu", (unsigned long long)first, (unsigned long long)(v - first * 40));
}

void oid_print(struct slice oid, struct buf *out)
{
    uint64_t v = 0;
    bool first = true;

    for (size_t i = 0; i < oid.n; i++) {
        if (v > UINT64_MAX >> 7) {
            out->failed = true;
            return;
        }
        v = v << 7 | (oid.p[i] & 0x7f);
        if ((oid.p[i] & 0x80) != 0)
            continue;
        if (first)
            print_first(v, out);
        else
            buf_printf(out, ".%llu", (unsigned long long)v);
        first = false;
        v = 0;
    }
}
