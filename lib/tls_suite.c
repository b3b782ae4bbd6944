#include "lib/tls_suite.h"

#include <stdio.h>

/* RFC 8446 B.4, RFC 5246 A.5, and the RFCs of the suites' names. */
static const struct tls_suite suites[] = {
    {0x1301, TLS_1_3, TLS_1_3, false, "TLS_AES_128_GCM_SHA256"},
    {0x1302, TLS_1_3, TLS_1_3, false, "TLS_AES_256_GCM_SHA384"},
    {0x1303, TLS_1_3, TLS_1_3, false, "TLS_CHACHA20_POLY1305_SHA256"},
    {0x1304, TLS_1_3, TLS_1_3, false, "TLS_AES_128_CCM_SHA256"},
    {0x1305, TLS_1_3, TLS_1_3, false, "TLS_AES_128_CCM_8_SHA256"},
    {0x00c6, TLS_1_3, TLS_1_3, false, "TLS_SM4_GCM_SM3"},
    {0x00c7, TLS_1_3, TLS_1_3, false, "TLS_SM4_CCM_SM3"},
    {0x009e, TLS_1_2, TLS_1_2, false, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"},
    {0x009f, TLS_1_2, TLS_1_2, false, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"},
    {0x00a2, TLS_1_2, TLS_1_2, false, "TLS_DHE_DSS_WITH_AES_128_GCM_SHA256"},
    {0x00a3, TLS_1_2, TLS_1_2, false, "TLS_DHE_DSS_WITH_AES_256_GCM_SHA384"},
    {0xc02b, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
    {0xc02c, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
    {0xc02f, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
    {0xc030, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
    {0xcca8, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
    {0xcca9, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
    {0xccaa, TLS_1_2, TLS_1_2, false, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
    {0xc052, TLS_1_2, TLS_1_2, false, "TLS_DHE_RSA_WITH_ARIA_128_GCM_SHA256"},
    {0xc053, TLS_1_2, TLS_1_2, false, "TLS_DHE_RSA_WITH_ARIA_256_GCM_SHA384"},
    {0xc056, TLS_1_2, TLS_1_2, false, "TLS_DHE_DSS_WITH_ARIA_128_GCM_SHA256"},
    {0xc057, TLS_1_2, TLS_1_2, false, "TLS_DHE_DSS_WITH_ARIA_256_GCM_SHA384"},
    {0xc05c, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_ECDSA_WITH_ARIA_128_GCM_SHA256"},
    {0xc05d, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_ECDSA_WITH_ARIA_256_GCM_SHA384"},
    {0xc060, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256"},
    {0xc061, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_RSA_WITH_ARIA_256_GCM_SHA384"},
    {0xc07c, TLS_1_2, TLS_1_2, false, "TLS_DHE_RSA_WITH_CAMELLIA_128_GCM_SHA256"},
    {0xc07d, TLS_1_2, TLS_1_2, false, "TLS_DHE_RSA_WITH_CAMELLIA_256_GCM_SHA384"},
    {0xc086, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256"},
    {0xc087, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_GCM_SHA384"},
    {0xc08a, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256"},
    {0xc08b, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384"},
    {0x009c, TLS_1_2, TLS_1_2, false, "TLS_RSA_WITH_AES_128_GCM_SHA256"},
    {0x009d, TLS_1_2, TLS_1_2, false, "TLS_RSA_WITH_AES_256_GCM_SHA384"},
    {0xc02d, TLS_1_2, TLS_1_2, false, "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256"},
    {0xc02e, TLS_1_2, TLS_1_2, false, "TLS_ECDH_ECDSA_WITH_AES_256_GCM_SHA384"},
    {0xc031, TLS_1_2, TLS_1_2, false, "TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256"},
    {0xc032, TLS_1_2, TLS_1_2, false, "TLS_ECDH_RSA_WITH_AES_256_GCM_SHA384"},
    {0xc050, TLS_1_2, TLS_1_2, false, "TLS_RSA_WITH_ARIA_128_GCM_SHA256"},
    {0xc051, TLS_1_2, TLS_1_2, false, "TLS_RSA_WITH_ARIA_256_GCM_SHA384"},
    {0xc07a, TLS_1_2, TLS_1_2, false, "TLS_RSA_WITH_CAMELLIA_128_GCM_SHA256"},
    {0xc07b, TLS_1_2, TLS_1_2, false, "TLS_RSA_WITH_CAMELLIA_256_GCM_SHA384"},
    {0x0032, TLS_1_0, TLS_1_2, false, "TLS_DHE_DSS_WITH_AES_128_CBC_SHA"},
    {0x0033, TLS_1_0, TLS_1_2, false, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"},
    {0x0038, TLS_1_0, TLS_1_2, false, "TLS_DHE_DSS_WITH_AES_256_CBC_SHA"},
    {0x0039, TLS_1_0, TLS_1_2, false, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"},
    {0x0040, TLS_1_2, TLS_1_2, false, "TLS_DHE_DSS_WITH_AES_128_CBC_SHA256"},
    {0x0067, TLS_1_2, TLS_1_2, false, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256"},
    {0x006a, TLS_1_2, TLS_1_2, false, "TLS_DHE_DSS_WITH_AES_256_CBC_SHA256"},
    {0x006b, TLS_1_2, TLS_1_2, false, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"},
    {0xc009, TLS_1_0, TLS_1_2, false, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"},
    {0xc00a, TLS_1_0, TLS_1_2, false, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"},
    {0xc013, TLS_1_0, TLS_1_2, false, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"},
    {0xc014, TLS_1_0, TLS_1_2, false, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"},
    {0xc023, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"},
    {0xc024, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"},
    {0xc027, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"},
    {0xc028, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"},
    {0xc09e, TLS_1_2, TLS_1_2, false, "TLS_DHE_RSA_WITH_AES_128_CCM"},
    {0xc09f, TLS_1_2, TLS_1_2, false, "TLS_DHE_RSA_WITH_AES_256_CCM"},
    {0xc0a2, TLS_1_2, TLS_1_2, false, "TLS_DHE_RSA_WITH_AES_128_CCM_8"},
    {0xc0a3, TLS_1_2, TLS_1_2, false, "TLS_DHE_RSA_WITH_AES_256_CCM_8"},
    {0xc0ac, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM"},
    {0xc0ad, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM"},
    {0xc0ae, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"},
    {0xc0af, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8"},
    {0x0044, TLS_1_0, TLS_1_2, false, "TLS_DHE_DSS_WITH_CAMELLIA_128_CBC_SHA"},
    {0x0045, TLS_1_0, TLS_1_2, false, "TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA"},
    {0x0087, TLS_1_0, TLS_1_2, false, "TLS_DHE_DSS_WITH_CAMELLIA_256_CBC_SHA"},
    {0x0088, TLS_1_0, TLS_1_2, false, "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA"},
    {0x0099, TLS_1_0, TLS_1_2, false, "TLS_DHE_DSS_WITH_SEED_CBC_SHA"},
    {0x009a, TLS_1_0, TLS_1_2, false, "TLS_DHE_RSA_WITH_SEED_CBC_SHA"},
    {0x00bd, TLS_1_2, TLS_1_2, false, "TLS_DHE_DSS_WITH_CAMELLIA_128_CBC_SHA256"},
    {0x00be, TLS_1_2, TLS_1_2, false, "TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA256"},
    {0x00c3, TLS_1_2, TLS_1_2, false, "TLS_DHE_DSS_WITH_CAMELLIA_256_CBC_SHA256"},
    {0x00c4, TLS_1_2, TLS_1_2, false, "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA256"},
    {0xc072, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_CBC_SHA256"},
    {0xc073, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_CBC_SHA384"},
    {0xc076, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_RSA_WITH_CAMELLIA_128_CBC_SHA256"},
    {0xc077, TLS_1_2, TLS_1_2, false, "TLS_ECDHE_RSA_WITH_CAMELLIA_256_CBC_SHA384"},
    {0x002f, TLS_1_0, TLS_1_2, false, "TLS_RSA_WITH_AES_128_CBC_SHA"},
    {0x0030, TLS_1_0, TLS_1_2, false, "TLS_DH_DSS_WITH_AES_128_CBC_SHA"},
    {0x0031, TLS_1_0, TLS_1_2, false, "TLS_DH_RSA_WITH_AES_128_CBC_SHA"},
    {0x0035, TLS_1_0, TLS_1_2, false, "TLS_RSA_WITH_AES_256_CBC_SHA"},
    {0x0036, TLS_1_0, TLS_1_2, false, "TLS_DH_DSS_WITH_AES_256_CBC_SHA"},
    {0x0037, TLS_1_0, TLS_1_2, false, "TLS_DH_RSA_WITH_AES_256_CBC_SHA"},
    {0x003c, TLS_1_2, TLS_1_2, false, "TLS_RSA_WITH_AES_128_CBC_SHA256"},
    {0x003d, TLS_1_2, TLS_1_2, false, "TLS_RSA_WITH_AES_256_CBC_SHA256"},
    {0xc004, TLS_1_0, TLS_1_2, false, "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA"},
    {0xc005, TLS_1_0, TLS_1_2, false, "TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA"},
    {0xc00e, TLS_1_0, TLS_1_2, false, "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA"},
    {0xc00f, TLS_1_0, TLS_1_2, false, "TLS_ECDH_RSA_WITH_AES_256_CBC_SHA"},
    {0xc025, TLS_1_2, TLS_1_2, false, "TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256"},
    {0xc026, TLS_1_2, TLS_1_2, false, "TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA384"},
    {0xc029, TLS_1_2, TLS_1_2, false, "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA256"},
    {0xc02a, TLS_1_2, TLS_1_2, false, "TLS_ECDH_RSA_WITH_AES_256_CBC_SHA384"},
    {0xc09c, TLS_1_2, TLS_1_2, false, "TLS_RSA_WITH_AES_128_CCM"},
    {0xc09d, TLS_1_2, TLS_1_2, false, "TLS_RSA_WITH_AES_256_CCM"},
    {0xc0a0, TLS_1_2, TLS_1_2, false, "TLS_RSA_WITH_AES_128_CCM_8"},
    {0xc0a1, TLS_1_2, TLS_1_2, false, "TLS_RSA_WITH_AES_256_CCM_8"},
    {0x0041, TLS_1_0, TLS_1_2, false, "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA"},
    {0x0084, TLS_1_0, TLS_1_2, false, "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA"},
    {0x0096, TLS_1_0, TLS_1_2, false, "TLS_RSA_WITH_SEED_CBC_SHA"},
    {0x00ba, TLS_1_2, TLS_1_2, false, "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA256"},
    {0x00c0, TLS_1_2, TLS_1_2, false, "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA256"},
    {0x00a6, TLS_1_2, TLS_1_2, true, "TLS_DH_anon_WITH_AES_128_GCM_SHA256"},
    {0x00a7, TLS_1_2, TLS_1_2, true, "TLS_DH_anon_WITH_AES_256_GCM_SHA384"},
    {0x0011, TLS_1_0, TLS_1_2, true, "TLS_DHE_DSS_EXPORT_WITH_DES40_CBC_SHA"},
    {0x0012, TLS_1_0, TLS_1_2, true, "TLS_DHE_DSS_WITH_DES_CBC_SHA"},
    {0x0013, TLS_1_0, TLS_1_2, true, "TLS_DHE_DSS_WITH_3DES_EDE_CBC_SHA"},
    {0x0014, TLS_1_0, TLS_1_2, true, "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA"},
    {0x0015, TLS_1_0, TLS_1_2, true, "TLS_DHE_RSA_WITH_DES_CBC_SHA"},
    {0x0016, TLS_1_0, TLS_1_2, true, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA"},
    {0xc006, TLS_1_0, TLS_1_2, true, "TLS_ECDHE_ECDSA_WITH_NULL_SHA"},
    {0xc007, TLS_1_0, TLS_1_2, true, "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA"},
    {0xc008, TLS_1_0, TLS_1_2, true, "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA"},
    {0xc010, TLS_1_0, TLS_1_2, true, "TLS_ECDHE_RSA_WITH_NULL_SHA"},
    {0xc011, TLS_1_0, TLS_1_2, true, "TLS_ECDHE_RSA_WITH_RC4_128_SHA"},
    {0xc012, TLS_1_0, TLS_1_2, true, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"},
    {0x0001, TLS_1_0, TLS_1_2, true, "TLS_RSA_WITH_NULL_MD5"},
    {0x0002, TLS_1_0, TLS_1_2, true, "TLS_RSA_WITH_NULL_SHA"},
    {0x0003, TLS_1_0, TLS_1_2, true, "TLS_RSA_EXPORT_WITH_RC4_40_MD5"},
    {0x0004, TLS_1_0, TLS_1_2, true, "TLS_RSA_WITH_RC4_128_MD5"},
    {0x0005, TLS_1_0, TLS_1_2, true, "TLS_RSA_WITH_RC4_128_SHA"},
    {0x0006, TLS_1_0, TLS_1_2, true, "TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5"},
    {0x0007, TLS_1_0, TLS_1_2, true, "TLS_RSA_WITH_IDEA_CBC_SHA"},
    {0x0008, TLS_1_0, TLS_1_2, true, "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA"},
    {0x0009, TLS_1_0, TLS_1_2, true, "TLS_RSA_WITH_DES_CBC_SHA"},
    {0x000a, TLS_1_0, TLS_1_2, true, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"},
    {0x000b, TLS_1_0, TLS_1_2, true, "TLS_DH_DSS_EXPORT_WITH_DES40_CBC_SHA"},
    {0x000c, TLS_1_0, TLS_1_2, true, "TLS_DH_DSS_WITH_DES_CBC_SHA"},
    {0x000d, TLS_1_0, TLS_1_2, true, "TLS_DH_DSS_WITH_3DES_EDE_CBC_SHA"},
    {0x000e, TLS_1_0, TLS_1_2, true, "TLS_DH_RSA_EXPORT_WITH_DES40_CBC_SHA"},
    {0x000f, TLS_1_0, TLS_1_2, true, "TLS_DH_RSA_WITH_DES_CBC_SHA"},
    {0x0010, TLS_1_0, TLS_1_2, true, "TLS_DH_RSA_WITH_3DES_EDE_CBC_SHA"},
    {0x0017, TLS_1_0, TLS_1_2, true, "TLS_DH_anon_EXPORT_WITH_RC4_40_MD5"},
    {0x0018, TLS_1_0, TLS_1_2, true, "TLS_DH_anon_WITH_RC4_128_MD5"},
    {0x0019, TLS_1_0, TLS_1_2, true, "TLS_DH_anon_EXPORT_WITH_DES40_CBC_SHA"},
    {0x001a, TLS_1_0, TLS_1_2, true, "TLS_DH_anon_WITH_DES_CBC_SHA"},
    {0x001b, TLS_1_0, TLS_1_2, true, "TLS_DH_anon_WITH_3DES_EDE_CBC_SHA"},
    {0x0034, TLS_1_0, TLS_1_2, true, "TLS_DH_anon_WITH_AES_128_CBC_SHA"},
    {0x003a, TLS_1_0, TLS_1_2, true, "TLS_DH_anon_WITH_AES_256_CBC_SHA"},
    {0x003b, TLS_1_2, TLS_1_2, true, "TLS_RSA_WITH_NULL_SHA256"},
    {0x006c, TLS_1_2, TLS_1_2, true, "TLS_DH_anon_WITH_AES_128_CBC_SHA256"},
    {0x006d, TLS_1_2, TLS_1_2, true, "TLS_DH_anon_WITH_AES_256_CBC_SHA256"},
    {0xc001, TLS_1_0, TLS_1_2, true, "TLS_ECDH_ECDSA_WITH_NULL_SHA"},
    {0xc002, TLS_1_0, TLS_1_2, true, "TLS_ECDH_ECDSA_WITH_RC4_128_SHA"},
    {0xc003, TLS_1_0, TLS_1_2, true, "TLS_ECDH_ECDSA_WITH_3DES_EDE_CBC_SHA"},
    {0xc00b, TLS_1_0, TLS_1_2, true, "TLS_ECDH_RSA_WITH_NULL_SHA"},
    {0xc00c, TLS_1_0, TLS_1_2, true, "TLS_ECDH_RSA_WITH_RC4_128_SHA"},
    {0xc00d, TLS_1_0, TLS_1_2, true, "TLS_ECDH_RSA_WITH_3DES_EDE_CBC_SHA"},
    {0xc015, TLS_1_0, TLS_1_2, true, "TLS_ECDH_anon_WITH_NULL_SHA"},
    {0xc016, TLS_1_0, TLS_1_2, true, "TLS_ECDH_anon_WITH_RC4_128_SHA"},
    {0xc017, TLS_1_0, TLS_1_2, true, "TLS_ECDH_anon_WITH_3DES_EDE_CBC_SHA"},
    {0xc018, TLS_1_0, TLS_1_2, true, "TLS_ECDH_anon_WITH_AES_128_CBC_SHA"},
    {0xc019, TLS_1_0, TLS_1_2, true, "TLS_ECDH_anon_WITH_AES_256_CBC_SHA"},
    {0x0046, TLS_1_0, TLS_1_2, true, "TLS_DH_anon_WITH_CAMELLIA_128_CBC_SHA"},
    {0x0089, TLS_1_0, TLS_1_2, true, "TLS_DH_anon_WITH_CAMELLIA_256_CBC_SHA"},
    {0x009b, TLS_1_0, TLS_1_2, true, "TLS_DH_anon_WITH_SEED_CBC_SHA"},
    {0x00bf, TLS_1_2, TLS_1_2, true, "TLS_DH_anon_WITH_CAMELLIA_128_CBC_SHA256"},
    {0x00c5, TLS_1_2, TLS_1_2, true, "TLS_DH_anon_WITH_CAMELLIA_256_CBC_SHA256"},
};

const struct tls_suite *tls_suite_at(size_t i)
{
    return i < sizeof(suites) / sizeof(suites[0]) ? &suites[i] : NULL;
}

const struct tls_suite *tls_suite_find(uint16_t code)
{
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
        if (suites[i].code == code)
            return &suites[i];
    return NULL;
}

const char *tls_suite_name(uint16_t code, char out[8])
{
    const struct tls_suite *s = tls_suite_find(code);

    if (s != NULL)
        return s->name;
    (void)snprintf(out, 8, "0x%04X", (unsigned)code);
    return out;
}

bool tls_suite_weak(uint16_t code)
{
    const struct tls_suite *s = tls_suite_find(code);

    return s != NULL && s->weak;
}

const char *tls_version_name(enum tls_version v)
{
    static const char *const names[TLS_VERSIONS] = {"TLS1.0", "TLS1.1", "TLS1.2", "TLS1.3"};

    return names[v];
}

uint16_t tls_version_wire(enum tls_version v)
{
    return (uint16_t)(0x0301 + (unsigned)v);
}
