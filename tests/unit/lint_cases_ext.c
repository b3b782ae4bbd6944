/* Extensions in general, key identifiers and alternative names: good and bad for each rule. */
#include "tests/unit/lint_help.h"

#define COUNTED(list)                                                                              \
    {                                                                                              \
        list, sizeof(list) / sizeof(list[0])                                                       \
    }

#define ID "00112233445566778899aabbccddeeff00112233"
#define OTHER "ff112233445566778899aabbccddeeff00112233"

static const struct lint_case ext[] = {
    {"lint.extension.empty", {.exts = ""}, {.exts = "a3{30{}}"}},
    {"lint.extension.twice",
     {.more = EXT("2a03", "0500") EXT("2a04", "0500")},
     {.more = EXT("2a03", "0500") EXT("2a03", "0500")}},
    {"lint.extension.twice", {.whole = NULL}, {.more = EXT(SKI, "04{" ID "}")}},
    {"lint.extension.critical.never",
     {.ext = {CRITICAL(EKU, "30{06{" KP("01") "}}")}},
     {.ext = {CRITICAL(SKI, "04{" ID "}")}}},
    {"lint.extension.critical.never",
     {.whole = NULL},
     {.ext = {CRITICAL(AIA, "30{30{06{" OCSP "}86{'http://a.test/'}}}")}}},
    {"lint.extension.critical.never", {.whole = NULL}, {.ext = {CRITICAL(NO_REV_AVAIL, "0500")}}},
    {"lint.extension.critical.rather_not",
     {.ext = {EXT(TLS_FEATURE, "30{02{05}}")}},
     {.ext = {CRITICAL(TLS_FEATURE, "30{02{05}}")}}},
    {"lint.extension.critical.rather_not",
     {.whole = NULL},
     {.ext = {CRITICAL(CRLDP, "30{30{a0{a0{86{'http://a.test/'}}}}}")}}},
    {"lint.extension.critical.rather_not",
     {.whole = NULL},
     {.ext = {CRITICAL(IAN, "30{82{'a.test'}}")}}},
    {"lint.extension.critical.always",
     {.ca = true, .ext = {CRITICAL(IAP, "02{00}")}},
     {.ca = true, .ext = {EXT(IAP, "02{00}")}}},
    {"lint.extension.critical.always",
     {.ca = true, .ext = {CRITICAL(PC, "30{80{00}}")}},
     {.ca = true, .ext = {EXT(PC, "30{80{00}}")}}},
    {"lint.extension.critical.always",
     {.ca = true, .ext = {CRITICAL(NC, "30{a0{30{82{'a'}}}}")}},
     {.ca = true, .ext = {EXT(NC, "30{a0{30{82{'a'}}}}")}}},
    {"lint.extension.critical.unknown",
     {.more = EXT("2a03", "0500")},
     {.more = CRITICAL("2a03", "0500")}},
    {"lint.extension.critical.ours",
     {.more = EXT("2a03", "0500")},
     {.more = CRITICAL("2a03", "0500")}},
    {"lint.ski.der", {.ext = {EXT(SKI, "04{01}")}}, {.ext = {EXT(SKI, "04{}")}}},
    {"lint.ski.der", {.drop = SKI}, {.ext = {EXT(SKI, ID)}}},
    {"lint.ski.ca", {.drop = SKI}, {.ca = true, .drop = SKI}},
    {"lint.ski.leaf", {.exts = ""}, {.drop = SKI}},
    {"lint.ski.ours", {.ext = {EXT(SKI, "04{<20x>}")}}, {.ext = {EXT(SKI, "04{<19x>}")}}},
    {"lint.ski.ours", {.whole = NULL}, {.drop = SKI}},
    {"lint.aki.der",
     {.ext = {EXT(AKI, "30{a1{a4{30{}}}82{05}}")}},
     {.ext = {EXT(AKI, "30{80{}}")}}},
    {"lint.aki.der", {.whole = NULL}, {.ext = {EXT(AKI, "04{01}")}}},
    {"lint.aki.der", {.whole = NULL}, {.ext = {EXT(AKI, "30{a1{}82{05}}")}}},
    {"lint.aki.der", {.whole = NULL}, {.ext = {EXT(AKI, "30{80{05}83{05}}")}}},
    {"lint.aki", {.ca = true}, {.drop = AKI}},
    {"lint.aki.key_id",
     {.ext = {EXT(AKI, "30{80{05}}")}},
     {.ext = {EXT(AKI, "30{a1{a4{30{}}}82{05}}")}}},
    {"lint.aki.pair",
     {.ext = {EXT(AKI, "30{80{05}a1{a4{30{}}}82{05}}")}},
     {.ext = {EXT(AKI, "30{80{05}82{05}}")}}},
    {"lint.aki.pair", {.whole = NULL}, {.ext = {EXT(AKI, "30{80{05}a1{a4{30{}}}}")}}},
    {"lint.aki.self",
     {.ca = true, .ext = {EXT(AKI, "30{80{" ID "}}")}},
     {.ca = true, .ext = {EXT(AKI, "30{80{" OTHER "}}")}}},
};

const struct lint_cases lint_ext_cases = COUNTED(ext);

#define NAMES(names)                                                                               \
    {                                                                                              \
        .ext = { EXT(SAN, "30{" names "}") }                                                       \
    }
#define DNS(name) NAMES("82{" name "}")
#define SMTP_UTF8(type, text) NAMES("a0{06{2b06010505070809}a0{" type "{" text "}}}")
#define L50 "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.'"

static const struct lint_case san[] = {
    {"lint.san.der", NAMES("88{2a03}"), NAMES("")},
    {"lint.san.der", {.drop = SAN}, {.ext = {EXT(SAN, "82{'a.test'}")}}},
    {"lint.san.der", NAMES("a4{30{}}"), NAMES("89{00}")},
    {"lint.san.der", NAMES("a0{06{2a03}a0{0500}}"), NAMES("a0{06{2a03}0500}")},
    {"lint.ian.der", {.ext = {EXT(IAN, "30{82{'a.test'}}")}}, {.ext = {EXT(IAN, "30{}")}}},
    {"lint.san.critical",
     {.subject = NAME(""), .ext = {CRITICAL(SAN, "30{82{'a.test'}}")}},
     {.ext = {CRITICAL(SAN, "30{82{'a.test'}}")}}},
    {"lint.san.dns", DNS("'*.a.test'"), DNS("'a*.test'")},
    {"lint.san.dns", DNS("'*.a.test'"), DNS("'a.*.test'")},
    {"lint.san.dns", DNS("'a.test'"), DNS("'a.test.'")},
    {"lint.san.dns", DNS("'a.test'"), DNS("'.a.test'")},
    {"lint.san.dns", DNS("'a'"), DNS("")},
    {"lint.san.dns", DNS("'a-b.test'"), DNS("'a-.test'")},
    {"lint.san.dns", DNS("<63a>'.test'"), DNS("<64a>'.test'")},
    {"lint.san.dns", DNS(L50 L50 L50 L50 L50 "'abc'"), DNS(L50 L50 L50 L50 L50 "'abcd'")},
    {"lint.san.dns", DNS("'1.a'"), DNS("'192.0.2.1'")},
    {"lint.san.dns", DNS("'a.test'"), DNS("'a b.test'")},
    {"lint.san.dns.idn", DNS("'xn--mnchen-3ya.test'"), DNS("'m'c3bc'nchen.test'")},
    {"lint.san.dns.idn", DNS("'xn--4ca.test'"), DNS("'xn--99999999.test'")},
    {"lint.san.dns.idn", DNS("'XN--4CA.test'"), DNS("'xn--abc-.test'")},
    {"lint.san.dns.idn", DNS("'xn--4ca.test'"), DNS("'xn--a.test'")},
    {"lint.san.dns.idn", DNS("'a--b.test'"), DNS("'ab--c.test'")},
    {"lint.san.dns.underscore", DNS("'a-b.test'"), DNS("'a_b.test'")},
    {"lint.san.dns.wildcard", DNS("'*.a.test'"), DNS("'*.test'")},
    {"lint.san.ip", NAMES("87{c0000201}"), NAMES("87{c0000201ffffff00}")},
    {"lint.san.ip", NAMES("87{<16x>}"), NAMES("87{}")},
    {"lint.san.email", NAMES("81{'a.b+c@d.test'}"), NAMES("81{'a.test'}")},
    {"lint.san.email", NAMES("81{'a@d.test'}"), NAMES("81{'A <a@d.test>'}")},
    {"lint.san.email", NAMES("81{'a@xn--4ca.test'}"), NAMES("81{c3a4'@d.test'}")},
    {"lint.san.uri", NAMES("86{'spiffe://a.test/x'}"), NAMES("86{'/x'}")},
    {"lint.san.uri", NAMES("86{'urn:uuid:1'}"), NAMES("86{'http://a.test/ b'}")},
    {"lint.san.uri.host", NAMES("86{'http://a.test/'}"), NAMES("86{'http://a/b.c'}")},
    {"lint.san.uri.host", NAMES("86{'http://[::1]/'}"), NAMES("86{'file:///x'}")},
    {"lint.san.smtp_utf8", SMTP_UTF8("0c", "c3a4'@a.test'"), SMTP_UTF8("16", "c3a4'@a.test'")},
    {"lint.san.smtp_utf8", {.whole = NULL}, SMTP_UTF8("0c", "'a@a.test'")},
    {"lint.san.smtp_utf8", SMTP_UTF8("0c", "c3a4'@xn--4ca.test'"),
     SMTP_UTF8("0c", "c3a4'@'c3a4'.test'")},
    {"lint.san.smtp_utf8", {.whole = NULL}, SMTP_UTF8("0c", "c3a4")},
    {"lint.san.directory", NAMES("a4{" NAME(CN("0c{'a'}")) "}"), NAMES("a4{30{}}")},
    {"lint.san.twice", NAMES("82{'a.test'}82{'b.test'}"), NAMES("82{'a.test'}82{'A.test'}")},
    {"lint.san.twice", NAMES("82{'a.test'}86{'a.test'}"), NAMES("87{c0000201}87{c0000201}")},
};

const struct lint_cases lint_san_cases = COUNTED(san);
