/* Words that several sections of the schema have: roles, and those of certificates. */
#include "lib/conf_schema.h"

#include "lib/name.h"
#include "lib/tbs.h"

const struct conf_word conf_roles[] = {
    {"auditor", ROLE_AUDITOR}, {"operator", ROLE_OPERATOR}, {"admin", ROLE_ADMIN}, {NULL, 0}};

/* RFC 5280 4.2.1.3. */
const struct conf_word conf_key_usages[] = {{"digitalSignature", KU_DIGITAL_SIGNATURE},
                                            {"contentCommitment", KU_CONTENT_COMMITMENT},
                                            {"keyEncipherment", KU_KEY_ENCIPHERMENT},
                                            {"dataEncipherment", KU_DATA_ENCIPHERMENT},
                                            {"keyAgreement", KU_KEY_AGREEMENT},
                                            {"keyCertSign", KU_KEY_CERT_SIGN},
                                            {"cRLSign", KU_CRL_SIGN},
                                            {NULL, 0}};

/* RFC 5280 4.2.1.12; the OIDs are in lib/ext.c. */
const struct conf_word conf_purposes[] = {{"serverAuth", EKU_SERVER_AUTH},
                                          {"clientAuth", EKU_CLIENT_AUTH},
                                          {"codeSigning", EKU_CODE_SIGNING},
                                          {"emailProtection", EKU_EMAIL_PROTECTION},
                                          {"timeStamping", EKU_TIME_STAMPING},
                                          {"OCSPSigning", EKU_OCSP_SIGNING},
                                          {"ipsecIKE", EKU_IPSEC_IKE},
                                          {"ipsecIKEIntermediate", EKU_IPSEC_IKE_INTERMEDIATE},
                                          {"eapOverLAN", EKU_EAP_OVER_LAN},
                                          {"msSmartcardLogin", EKU_MS_SMARTCARD_LOGIN},
                                          {"pkInitClientAuth", EKU_PKINIT_CLIENT},
                                          {"pkInitKDC", EKU_PKINIT_KDC},
                                          {"documentSigning", EKU_DOCUMENT_SIGNING},
                                          {"cmKGA", EKU_CM_KGA},
                                          {NULL, 0}};

const struct conf_word conf_san_kinds[] = {{"dns", 1u << SAN_DNS},     {"ip", 1u << SAN_IP},
                                           {"email", 1u << SAN_EMAIL}, {"uri", 1u << SAN_URI},
                                           {"upn", 1u << SAN_UPN},     {NULL, 0}};

const struct conf_word conf_attributes[] = {
    {"CN", 1u << ATTR_CN},   {"O", 1u << ATTR_O},
    {"OU", 1u << ATTR_OU},   {"C", 1u << ATTR_C},
    {"ST", 1u << ATTR_ST},   {"L", 1u << ATTR_L},
    {"DC", 1u << ATTR_DC},   {"serialNumber", 1u << ATTR_SERIAL_NUMBER},
    {"UID", 1u << ATTR_UID}, {NULL, 0}};

void conf_print_words(const struct conf_word *words, uint32_t bits, struct buf *out)
{
    const char *between = "";

    for (const struct conf_word *w = words; w->word != NULL; w++) {
        if ((bits & w->value) == 0)
            continue;
        buf_printf(out, "%s%s", between, w->word);
        between = ", ";
        bits &= ~w->value;
    }
    if (bits != 0)
        buf_printf(out, "%sothers", between);
}

void conf_print_usages(uint16_t key_usage, struct buf *out)
{
    conf_print_words(conf_key_usages, key_usage, out);
}

void conf_print_purposes(uint32_t eku, struct buf *out)
{
    conf_print_words(conf_purposes, eku, out);
}

void conf_print_attributes(uint32_t attributes, struct buf *out)
{
    conf_print_words(conf_attributes, attributes, out);
}
