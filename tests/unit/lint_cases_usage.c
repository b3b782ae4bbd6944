/* Usages and what only CAs may say: a good and a bad certificate for each rule. */
#include "tests/unit/lint_help.h"

#define COUNTED(list)                                                                              \
    {                                                                                              \
        list, sizeof(list) / sizeof(list[0])                                                       \
    }

#define KEY_USAGE(bits)                                                                            \
    {                                                                                              \
        .ext = { CRITICAL(KU, bits) }                                                              \
    }
#define PURPOSES(list)                                                                             \
    {                                                                                              \
        .ext = { EXT(EKU, "30{" list "}") }                                                        \
    }
#define P(last) "06{" KP(last) "}"
#define SERVER P("01")
#define CLIENT P("02")
#define CODE P("03")
#define MAIL P("04")
#define STAMPING P("08")
#define OCSP_SIGNING P("09")
#define ANY "06{" ANY_PURPOSE "}"
#define ED_KEY "30{30{06{2b6570}}03{00 58<31f>}}"

static const struct lint_case usage[] = {
    {"lint.ku.der", KEY_USAGE("03{0780}"), KEY_USAGE("03{0080}")},
    {"lint.ku.der", KEY_USAGE("03{070080}"), KEY_USAGE("03{0680c0}")},
    {"lint.ku.der", {.drop = KU}, KEY_USAGE("04{0780}")},
    {"lint.ku.empty", KEY_USAGE("03{0780}"), KEY_USAGE("03{00}")},
    {"lint.ku.ca", {.drop = KU}, {.ca = true, .drop = KU}},
    {"lint.ku.critical", {.drop = KU}, {.ext = {EXT(KU, "03{0780}")}}},
    {"lint.ku.ours", KEY_USAGE("03{0780}"), {.ext = {EXT(KU, "03{0780}")}}},
    {"lint.ku.ours", {.ca = true}, {.drop = KU}},
    {"lint.ku.key", KEY_USAGE("03{0388}"), KEY_USAGE("03{0520}")},
    {"lint.ku.key", {.whole = NULL}, {.spki = ED_KEY, .ext = {CRITICAL(KU, "03{0388}")}}},
    {"lint.ku.signs", {.ca = true}, KEY_USAGE("03{0284}")},
    {"lint.ku.signs", {.whole = NULL}, {.ca = true, .ext = {CRITICAL(KU, "03{0102}")}}},
    {"lint.ku.crl.ours", {.ca = true}, KEY_USAGE("03{0182}")},
    {"lint.ku.only", KEY_USAGE("03{0009}"), KEY_USAGE("03{0001}")},
    {"lint.ku.only", KEY_USAGE("03{07 0880}"), KEY_USAGE("03{07 0080}")},
    {"lint.eku.der", PURPOSES(SERVER CLIENT), PURPOSES("")},
    {"lint.eku.der", {.drop = EKU}, {.ext = {EXT(EKU, SERVER)}}},
    {"lint.eku.der", {.whole = NULL}, PURPOSES(SERVER "0500")},
    {"lint.eku.twice", PURPOSES(SERVER CLIENT), PURPOSES(SERVER CLIENT SERVER)},
    {"lint.eku.any", PURPOSES(ANY), {.ext = {CRITICAL(EKU, "30{" ANY "}")}}},
    {"lint.eku.any.leaf", {.ca = true, .ext = {EXT(EKU, "30{" ANY "}")}}, PURPOSES(ANY)},
    {"lint.eku.san", {.drop = SAN, .ext = {EXT(EKU, "30{" CLIENT "}")}}, {.drop = SAN}},
    {"lint.eku.san",
     {.ext = {EXT(SAN, "30{87{c0000201}}")}},
     {.ext = {EXT(SAN, "30{81{'a@b.test'}}")}}},
    {"lint.eku.ku", KEY_USAGE("03{0308}"), KEY_USAGE("03{0640}")},
    {"lint.eku.ku",
     {.ext = {CRITICAL(KU, "03{0308}"), EXT(EKU, "30{" CLIENT "}")}},
     {.ext = {CRITICAL(KU, "03{0520}"), EXT(EKU, "30{" CLIENT "}")}}},
    {"lint.eku.ku",
     {.ext = {CRITICAL(KU, "03{0780}"), EXT(EKU, "30{" CODE "}")}},
     {.ext = {CRITICAL(KU, "03{0640}"), EXT(EKU, "30{" CODE "}")}}},
    {"lint.eku.ku",
     {.ext = {CRITICAL(KU, "03{0640}"), EXT(EKU, "30{" MAIL "}")}},
     {.ext = {CRITICAL(KU, "03{0410}"), EXT(EKU, "30{" MAIL "}")}}},
    {"lint.eku.ku",
     {.ext = {CRITICAL(KU, "03{0640}"), EXT(EKU, "30{" OCSP_SIGNING "}")}},
     {.ext = {CRITICAL(KU, "03{0308}"), EXT(EKU, "30{" OCSP_SIGNING "}")}}},
    {"lint.eku.time_stamping", {.ext = {CRITICAL(EKU, "30{" STAMPING "}")}}, PURPOSES(STAMPING)},
    {"lint.eku.time_stamping",
     {.ca = true, .ext = {EXT(EKU, "30{" STAMPING "}")}},
     {.ext = {CRITICAL(EKU, "30{" STAMPING CLIENT "}")}}},
    {"lint.nocheck.value", {.ext = {EXT(NOCHECK, "0500")}}, {.ext = {EXT(NOCHECK, "30{}")}}},
    {"lint.nocheck.place",
     {.ext = {EXT(NOCHECK, "0500"), EXT(EKU, "30{" OCSP_SIGNING "}")}},
     {.ext = {EXT(NOCHECK, "0500")}}},
    {"lint.nocheck",
     PURPOSES(OCSP_SIGNING),
     {.drop = CRLDP " " AIA, .ext = {EXT(EKU, "30{" OCSP_SIGNING "}")}}},
    {"lint.cn",
     {.subject = NAME(CN("0c{'A.Example.Test'}"))},
     {.subject = NAME(CN("0c{'b.example.test'}"))}},
    {"lint.cn",
     {.subject = NAME(CN("0c{'192.0.2.1'}")), .ext = {EXT(SAN, "30{87{c0000201}}")}},
     {.subject = NAME(CN("0c{'192.0.2.2'}")), .ext = {EXT(SAN, "30{87{c0000201}}")}}},
};

const struct lint_cases lint_usage_cases = COUNTED(usage);

#define CA_WITH(ext1)                                                                              \
    {                                                                                              \
        .ca = true, .ext = { ext1 }                                                                \
    }
#define PERMITTED(base) CA_WITH(CRITICAL(NC, "30{a0{30{" base "}}}"))

static const struct lint_case ca[] = {
    {"lint.bc.der", CA_WITH(CRITICAL(BC, "30{01{ff}02{00}}")),
     CA_WITH(CRITICAL(BC, "30{01{ff}02{ff}}"))},
    {"lint.bc.der", {.ext = {EXT(BC, "30{}")}}, {.ext = {EXT(BC, "0500")}}},
    {"lint.bc.der", {.whole = NULL}, CA_WITH(CRITICAL(BC, "30{01{ff}02{00}0500}"))},
    {"lint.bc.critical", {.ext = {EXT(BC, "30{}")}}, CA_WITH(EXT(BC, "30{01{ff}}"))},
    {"lint.bc.path", CA_WITH(CRITICAL(BC, "30{01{ff}02{00}}")), {.ext = {EXT(BC, "30{02{00}}")}}},
    {"lint.bc.path",
     {.whole = NULL},
     {.ca = true, .ext = {CRITICAL(BC, "30{01{ff}02{00}}"), CRITICAL(KU, "03{0102}")}}},
    {"lint.nc.der", PERMITTED("82{'a.test'}"), CA_WITH(CRITICAL(NC, "30{a0{}}"))},
    {"lint.nc.der", PERMITTED("82{}"), PERMITTED("82{'*.a.test'}")},
    {"lint.nc.der", PERMITTED("87{c0000200ffffff00}"), PERMITTED("87{c0000200ffff00ff}")},
    {"lint.nc.der", {.whole = NULL}, PERMITTED("87{c0000200}")},
    {"lint.nc.der", PERMITTED("87{<16x>ffffffffffffffffffffffffffffffff}"), PERMITTED("81{}")},
    {"lint.nc.der", PERMITTED("86{'.a.test'}"), PERMITTED("86{'http://a.test/'}")},
    {"lint.nc.der", CA_WITH(CRITICAL(NC, "30{a1{30{81{'.a.test'}}}}")),
     PERMITTED("82{'a.test'}81{05}")},
    {"lint.nc.der", {.whole = NULL}, CA_WITH(CRITICAL(NC, "30{a2{}}"))},
    {"lint.nc.empty", PERMITTED("82{}"), CA_WITH(CRITICAL(NC, "30{}"))},
    {"lint.nc.dot", PERMITTED("86{'.a.test'}"), PERMITTED("82{'.a.test'}")},
    {"lint.ca_only",
     PERMITTED("82{'a.test'}"),
     {.ext = {CRITICAL(NC, "30{a0{30{82{'a.test'}}}}")}}},
    {"lint.ca_only", CA_WITH(CRITICAL(IAP, "02{00}")), {.ext = {CRITICAL(IAP, "02{00}")}}},
    {"lint.ca_only", CA_WITH(CRITICAL(PC, "30{80{00}}")), {.ext = {CRITICAL(PC, "30{80{00}}")}}},
    {"lint.pc.der", CA_WITH(CRITICAL(PC, "30{80{00}81{01}}")), CA_WITH(CRITICAL(PC, "30{}"))},
    {"lint.pc.der", {.whole = NULL}, CA_WITH(CRITICAL(PC, "30{80{ff}}"))},
    {"lint.pc.der", {.whole = NULL}, CA_WITH(CRITICAL(PC, "30{82{00}}"))},
    {"lint.iap.der", CA_WITH(CRITICAL(IAP, "02{00}")), CA_WITH(CRITICAL(IAP, "02{ff}"))},
    {"lint.iap.der", {.whole = NULL}, CA_WITH(CRITICAL(IAP, "30{}"))},
};

const struct lint_cases lint_ca_cases = COUNTED(ca);
