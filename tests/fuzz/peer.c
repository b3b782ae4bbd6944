#include "tests/fuzz/peer.h"

#include <string.h>
#include <time.h>

#include <openssl/err.h>

#include "tests/fuzz/fuzz.h"

void peer_takes(const void *value, const unsigned char *p, struct slice whole)
{
    if (value == NULL)
        ERR_print_errors_fp(stderr);
    FUZZ_CHECK(value != NULL && p == whole.p + whole.n);
}

bool peer_same(struct slice octets, peer_writer write, const void *value)
{
    unsigned char *der = NULL;
    int n = write(value, &der);
    bool same = n >= 0 && slice_eq(octets, slice_of(der, (size_t)n));

    OPENSSL_free(der);
    return same;
}

bool peer_same_number(struct slice magnitude, const ASN1_INTEGER *value)
{
    BIGNUM *n = ASN1_INTEGER_to_BN(value, NULL), *ours;
    bool same;

    while (magnitude.n > 0 && magnitude.p[0] == 0)
        magnitude = slice_of(magnitude.p + 1, magnitude.n - 1);
    ours = BN_bin2bn(magnitude.p, (int)magnitude.n, NULL);
    same = n != NULL && ours != NULL && BN_cmp(n, ours) == 0;
    BN_free(n);
    BN_free(ours);
    return same;
}

bool peer_same_time(int64_t t, const ASN1_TIME *value)
{
    struct tm tm;

    return ASN1_TIME_to_tm(value, &tm) == 1 && timegm(&tm) == t;
}

static bool same_name(const GENERAL_NAME *theirs, const struct san *ours)
{
    static const int types[] = {[SAN_DNS] = GEN_DNS,
                                [SAN_IP] = GEN_IPADD,
                                [SAN_EMAIL] = GEN_EMAIL,
                                [SAN_URI] = GEN_URI,
                                [SAN_UPN] = GEN_OTHERNAME};
    const ASN1_STRING *text;

    if (theirs->type != types[ours->kind])
        return false;
    text = ours->kind == SAN_UPN ? theirs->d.otherName->value->value.utf8string : theirs->d.ia5;
    return slice_eq(ours->value,
                    slice_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text)));
}

void peer_same_names(const GENERAL_NAMES *names, const struct san_list *ours)
{
    int n = names == NULL ? 0 : sk_GENERAL_NAME_num(names);

    FUZZ_CHECK(n == (int)ours->n);
    for (int i = 0; i < n; i++)
        FUZZ_CHECK(same_name(sk_GENERAL_NAME_value(names, i), &ours->item[i]));
}
