/* Where more is found, policies, chains: a good and a bad certificate for each rule. */
#include "tests/unit/lint_help.h"

#define COUNTED(list)                                                                              \
    {                                                                                              \
        list, sizeof(list) / sizeof(list[0])                                                       \
    }

#define ACCESS(list)                                                                               \
    {                                                                                              \
        .ext = { EXT(AIA, "30{" list "}") }                                                        \
    }
#define AT(method, place) "30{06{" method "}" place "}"
#define POINTS(list)                                                                               \
    {                                                                                              \
        .ext = { EXT(CRLDP, "30{" list "}") }                                                      \
    }
#define FULL(names) "30{a0{a0{" names "}}}"
#define HTTP "86{'http://a.test/x'}"
#define LDAP "86{'ldap://a.test/cn=x'}"
#define HTTPS "86{'https://a.test/x'}"

static const struct lint_case access_cases[] = {
    {"lint.aia.der", ACCESS(AT("2a03", "82{'x'}")), ACCESS("")},
    {"lint.aia.der", ACCESS(AT(OCSP, HTTP)), ACCESS("30{06{" OCSP "}}")},
    {"lint.aia.der", ACCESS(AT(OCSP, HTTP)), ACCESS(AT(OCSP, "86{'a.test/x'}"))},
    {"lint.aia.der", {.drop = AIA}, {.ext = {EXT(AIA, "0500")}}},
    {"lint.aia.scheme", ACCESS(AT(CA_ISSUERS, LDAP)), ACCESS(AT(OCSP, LDAP))},
    {"lint.aia.scheme", ACCESS(AT("2a03", HTTPS)), ACCESS(AT(CA_ISSUERS, HTTPS))},
    {"lint.aia.ours", ACCESS(AT(CA_ISSUERS, HTTP)), ACCESS(AT(CA_ISSUERS, LDAP))},
    {"lint.aia.ours", ACCESS(AT(OCSP, HTTP)), ACCESS(AT(OCSP, HTTP) AT(OCSP, HTTPS))},
    {"lint.sia.der", {.ext = {EXT(SIA, "30{" AT("2a03", HTTP) "}")}}, {.ext = {EXT(SIA, "30{}")}}},
    {"lint.crldp.der", POINTS(FULL(HTTP)), POINTS("")},
    {"lint.crldp.der", POINTS("30{a2{a4{30{}}}}"), POINTS("30{81{0780}}")},
    {"lint.crldp.der", POINTS("30{a0{a1{}}}"), POINTS(FULL(""))},
    {"lint.crldp.der", POINTS(FULL(HTTP)), POINTS("30{a0{a0{" HTTP "}}a3{}}")},
    {"lint.crldp.scheme", POINTS(FULL(LDAP)), POINTS(FULL(HTTPS))},
    {"lint.crldp.scheme", POINTS(FULL(HTTPS) FULL(HTTP)), POINTS("30{a0{a1{}}}")},
    {"lint.crldp.ours", POINTS(FULL(HTTP)), POINTS(FULL(LDAP))},
    {"lint.crldp.ours", POINTS(FULL(HTTP)), POINTS(FULL("86{'http://a.test/a b'}"))},
    {"lint.crldp.ours", {.drop = CRLDP}, POINTS(FULL(HTTP) FULL(HTTPS))},
    {"lint.crldp.reasons", POINTS(FULL(HTTP)), POINTS("30{a0{a0{" HTTP "}}81{0780}}")},
    {"lint.freshest.der",
     {.ext = {EXT(FRESHEST, "30{" FULL(HTTP) "}")}},
     {.ext = {EXT(FRESHEST, "30{30{}}")}}},
    {"lint.freshest.ours",
     {.ext = {EXT(FRESHEST, "30{" FULL(HTTP) "}")}},
     {.ext = {EXT(FRESHEST, "30{" FULL(LDAP) "}")}}},
    {"lint.tls_feature",
     {.ext = {EXT(TLS_FEATURE, "30{02{05}02{11}}")}},
     {.ext = {EXT(TLS_FEATURE, "30{}")}}},
    {"lint.tls_feature",
     {.ext = {EXT(TLS_FEATURE, "30{02{00ffff}}")}},
     {.ext = {EXT(TLS_FEATURE, "30{02{010000}}")}}},
    {"lint.sda.der", {.ext = {EXT(SDA, "30{30{06{2a03}31{0500}}}")}}, {.ext = {EXT(SDA, "30{}")}}},
    {"lint.no_rev_avail.value",
     {.ext = {EXT(NO_REV_AVAIL, "0500")}},
     {.ext = {EXT(NO_REV_AVAIL, "")}}},
    {"lint.no_rev_avail.place",
     {.ext = {EXT(NO_REV_AVAIL, "0500")}},
     {.ca = true, .ext = {EXT(NO_REV_AVAIL, "0500")}}},
    {"lint.no_rev_avail",
     {.drop = CRLDP, .ext = {EXT(NO_REV_AVAIL, "0500"), EXT(AIA, "30{" AT(CA_ISSUERS, HTTP) "}")}},
     {.drop = CRLDP, .ext = {EXT(NO_REV_AVAIL, "0500")}}},
    {"lint.no_rev_avail", {.whole = NULL}, {.drop = AIA, .ext = {EXT(NO_REV_AVAIL, "0500")}}},
};

const struct lint_cases lint_access_cases = COUNTED(access_cases);

#define ANY_POLICY "551d2000"
#define CPS "06{2b06010505070201}"
#define NOTICE "06{2b06010505070202}"
#define LIST(policies)                                                                             \
    {                                                                                              \
        .ext = { EXT(POLICIES, "30{" policies "}") }                                               \
    }
#define POLICY(oid) "30{06{" oid "}}"
#define QUALIFIED(oid, qualifier) LIST("30{06{" oid "}30{30{" qualifier "}}}")
#define TEXT(text) QUALIFIED("2a03", NOTICE "30{" text "}")
#define MAPPED(from, to)                                                                           \
    {                                                                                              \
        .ca = true, .ext = { CRITICAL(MAPPINGS, "30{30{06{" from "}06{" to "}}}") }                \
    }

static const struct lint_case policy[] = {
    {"lint.policies.der", LIST(POLICY("2a03")), LIST("")},
    {"lint.policies.der", LIST(POLICY("2a03")), LIST("30{06{2a03}30{}}")},
    {"lint.policies.der", {.whole = NULL}, QUALIFIED("2a03", CPS)},
    {"lint.policies.der", {.whole = NULL}, {.ext = {EXT(POLICIES, "06{2a03}")}}},
    {"lint.policies.twice", LIST(POLICY("2a03") POLICY("2a04")),
     LIST(POLICY("2a03") POLICY("2a04") POLICY("2a03"))},
    {"lint.policies.cps", QUALIFIED("2a03", CPS "16{'http://a.test/cps'}"),
     QUALIFIED("2a03", CPS "0c{'http://a.test/cps'}")},
    {"lint.policies.cps", {.whole = NULL}, QUALIFIED("2a03", CPS "16{'a.test/cps'}")},
    {"lint.policies.text.type", TEXT("0c{'text'}"), TEXT("1a{'text'}")},
    {"lint.policies.text.type", TEXT("16{'text'}"), TEXT("1e{0061}")},
    {"lint.policies.text.type", TEXT("0c{c3a4}"), TEXT("0c{c3}")},
    {"lint.policies.text.ia5", TEXT("0c{'text'}"), TEXT("16{'text'}")},
    {"lint.policies.text.length", TEXT("0c{<199x>c3a4}"), TEXT("0c{<200x>c3a4}")},
    {"lint.policies.text.length", TEXT("1e{<200x><200x>}"), TEXT("1e{<202x><200x>}")},
    {"lint.policies.notice_ref", TEXT("0c{'text'}"), TEXT("30{0c{'x'}30{02{01}}}")},
    {"lint.policies.any", QUALIFIED(ANY_POLICY, CPS "16{'http://a.test/cps'}"),
     QUALIFIED(ANY_POLICY, "06{2a05}0500")},
    {"lint.mappings.der",
     MAPPED("2a03", "2a04"),
     {.ca = true, .ext = {CRITICAL(MAPPINGS, "30{}")}}},
    {"lint.mappings.der",
     {.whole = NULL},
     {.ca = true, .ext = {CRITICAL(MAPPINGS, "30{30{06{2a03}}}")}}},
    {"lint.mappings.any", MAPPED("2a03", "2a04"), MAPPED("2a03", ANY_POLICY)},
    {"lint.mappings.any", {.whole = NULL}, MAPPED(ANY_POLICY, "2a03")},
    {"lint.mappings.critical",
     MAPPED("2a03", "2a04"),
     {.ca = true, .ext = {EXT(MAPPINGS, "30{30{06{2a03}06{2a04}}}")}}},
};

const struct lint_cases lint_policy_cases = COUNTED(policy);

/* --- chains ------------------------------------------------------------------------- */

#define ISSUER_ID "ff112233445566778899aabbccddeeff00112233"
#define UTC(from, to) "30{17{'" from "'}17{'" to "'}}"

static const struct lint_sample root = {.ca = true, .ext = {EXT(SKI, "04{" ISSUER_ID "}")}};
static const struct lint_sample other_name = {.ca = true, .subject = NAME(CN("0c{'Other'}"))};
static const struct lint_sample other_id = {.ca = true};
static const struct lint_sample no_id = {.ca = true, .drop = SKI};
static const struct lint_sample leaf = {.subject = NAME(CN("0c{'Example Issuing'}"))};
static const struct lint_sample crl_only = {.ca = true, .ext = {CRITICAL(KU, "03{0102}")}};
static const struct lint_sample no_more = {.ca = true, .ext = {CRITICAL(BC, "30{01{ff}02{00}}")}};
static const struct lint_sample one_more = {.ca = true, .ext = {CRITICAL(BC, "30{01{ff}02{01}}")}};
static const struct lint_sample of_dsa = {.ca = true, .spki = "30{30{06{2a8648ce380401}}03{0005}}"};

static const struct lint_sample mine = {.ca = true,
                                        .ext = {CRITICAL(NC, "30{a0{30{82{'example.test'}}}}")}};
static const struct lint_sample not_mine = {
    .ca = true, .ext = {CRITICAL(NC, "30{a1{30{82{'example.test'}}}}")}};

static const struct lint_case chain[] = {
    {"lint.chain.name", {.by = &root}, {.by = &other_name}},
    {"lint.chain.key_id", {.by = &root}, {.by = &other_id}},
    {"lint.chain.key_id", {.by = &no_id}, {.by = &other_id}},
    {"lint.chain.ca", {.by = &root}, {.by = &leaf}},
    {"lint.chain.ku", {.by = &root}, {.by = &crl_only}},
    {"lint.chain.path",
     {.ca = true, .subject = NAME(CN("0c{'Sub'}")), .by = &one_more},
     {.ca = true, .subject = NAME(CN("0c{'Sub'}")), .by = &no_more}},
    {"lint.chain.path",
     {.by = &no_more},
     {.ca = true, .subject = NAME(CN("0c{'Sub'}")), .by = &no_more}},
    {"lint.chain.constraints", {.by = &mine}, {.by = &not_mine}},
    {"lint.chain.constraints",
     {.ca = true, .by = &mine},
     {.ext = {EXT(SAN, "30{82{'notexample.test'}}")}, .by = &mine}},
    {"lint.chain.validity",
     {.validity = UTC("261120000000Z", "270221000000Z"), .by = &root},
     {.validity = UTC("261121000000Z", "270221000001Z"), .by = &root}},
    {"lint.chain.signature", {.by = &of_dsa}, {.by = &root}},
};

const struct lint_cases lint_chain_cases = COUNTED(chain);
