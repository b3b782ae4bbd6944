#include "lib/keycheck_inner.h"

#define RSA_BITS_LEAST 2048
#define RSA_BITS_MOST 8192

static bool rsa_size(const struct spki *k)
{
    return k->type != KEY_RSA ||
           (k->bits >= RSA_BITS_LEAST && k->bits <= RSA_BITS_MOST && k->bits % 8 == 0);
}

static bool rsa_exponent(const struct spki *k)
{
    struct slice e = k->exponent;

    if (k->type != KEY_RSA)
        return true;
    if (e.n == 0 || e.n > 32 || (e.p[e.n - 1] & 1) == 0)
        return false;
    return e.n > 3 || (e.n == 3 && e.p[0] >= 1);
}

static bool rsa_odd(const struct spki *k)
{
    return k->type != KEY_RSA || (k->modulus.n > 0 && (k->modulus.p[k->modulus.n - 1] & 1) != 0);
}

const struct keycheck keychecks[] = {
    {"key.rsa.size", "NIST SP 800-131A 3; CA/Browser Forum BR 6.1.5",
     "an RSA modulus of 2048 to 8192 bits, a multiple of 8", rsa_size},
    {"key.rsa.exponent", "FIPS 186-5 A.1.1; CA/Browser Forum BR 6.1.6",
     "an RSA exponent that is odd, from 65537 to below 2^256", rsa_exponent},
    {"key.rsa.modulus", "CA/Browser Forum BR 6.1.6", "an odd RSA modulus", rsa_odd},
    {"key.rsa.small_factor", "CA/Browser Forum BR 6.1.6",
     "an RSA modulus without a prime factor below 752", keycheck_small_factors},
    {"key.rsa.roca", "CVE-2017-15361; Nemec et al., ACM CCS 2017",
     "an RSA key that was not made by the broken Infineon library: make a new one elsewhere",
     keycheck_roca},
    {"key.rsa.fermat", "CVE-2022-26320; CA/Browser Forum BR 6.1.1.3",
     "an RSA modulus whose primes are not close to one another", keycheck_fermat},
    {"key.ec.point", "SEC 1 3.2.2.1; NIST SP 800-56A 5.6.2.3", "a point on the named curve",
     keycheck_ec_point},
    {"key.ed25519.point", "RFC 8032 5.1.3", "the one encoding of a point on the curve",
     keycheck_ed25519_point},
    {"key.ed25519.order", "RFC 8032 8.9, 5.1", "a point that is not of small order",
     keycheck_ed25519_order},
};

const size_t keychecks_count = sizeof(keychecks) / sizeof(keychecks[0]);

int keycheck(const struct spki *k, struct fault *f)
{
    char name[24];

    for (size_t i = 0; i < keychecks_count; i++) {
        if (keychecks[i].keeps(k))
            continue;
        key_describe(k->type, k->bits, name);
        return fault_refuse(f, keychecks[i].name, "key", slice_str(name), keychecks[i].allowed);
    }
    return 0;
}
