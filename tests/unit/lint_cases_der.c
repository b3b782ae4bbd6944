/* DER, basic fields and signature algorithms: a good and a bad certificate for each rule. */
#include "tests/unit/lint_help.h"

#define COUNTED(list)                                                                              \
    {                                                                                              \
        list, sizeof(list) / sizeof(list[0])                                                       \
    }

#define DEEP_OPEN "30{30{30{30{30{30{30{30{30{30{"
#define DEEP_CLOSE "}}}}}}}}}}"

static const struct lint_case der[] = {
    {"lint.certificate", {.whole = NULL}, {.whole = "30{0201{}}"}},
    {"lint.certificate", {.whole = NULL}, {.whole = ""}},
    {"lint.certificate", {.whole = NULL}, {.serial = "04{01}"}},
    {"lint.certificate", {.whole = NULL}, {.alg = "30{02{01}}"}},
    {"lint.certificate", {.whole = NULL}, {.validity = "30{17{'261121000000Z'}}"}},
    {"lint.certificate", {.whole = NULL}, {.spki = "30{30{06{2a}}}"}},
    {"lint.certificate", {.whole = NULL}, {.signature = "04{00}"}},
    {"lint.certificate", {.whole = NULL}, {.more = "30{06{2a03}}"}},
    {"lint.certificate", {.whole = NULL}, {.exts = "a3{30{}}a4{}"}},
    {"lint.der.length", {.more = EXT("2a03", "<128x>")}, {.more = "3081{}"}},
    {"lint.der.length", {.whole = NULL}, {.whole = "30800000"}},
    {"lint.der.length", {.whole = NULL}, {.whole = "3082000100"}},
    {"lint.der.cut", {.whole = NULL}, {.whole = "30820500 30{}"}},
    {"lint.der.cut", {.whole = NULL}, {.whole = "30"}},
    {"lint.der.tail", {.tail = ""}, {.tail = "00"}},
    {"lint.der.tag", {.whole = NULL}, {.whole = "30{1f2003010203}"}},
    {"lint.der.tag", {.whole = NULL}, {.whole = "30{0000}"}},
    {"lint.der.boolean", {.whole = NULL}, {.more = "30{06{2a03}01{01}04{}}"}},
    {"lint.der.integer", {.serial = "02{0080}"}, {.serial = "02{007f}"}},
    {"lint.der.integer", {.serial = "02{ff7f}"}, {.serial = "02{ff80}"}},
    {"lint.der.oid", {.whole = NULL}, {.more = EXT("2a8001", "0500")}},
    {"lint.der.bits", {.signature = "03{0780}"}, {.signature = "03{0781}"}},
    {"lint.der.bits", {.signature = "03{00ff}"}, {.signature = "03{08ff}"}},
    {"lint.der.null",
     {.alg = "30{06{2a864886f70d01010b}05{}}"},
     {.alg = "30{06{2a864886f70d01010b}05{00}}"}},
    {"lint.der.set",
     {.subject = NAME("31{30{06{550403}0c{'a'}}30{06{55040a}0c{'b'}}}")},
     {.subject = NAME("31{30{06{55040a}0c{'b'}}30{06{550403}0c{'a'}}}")}},
    {"lint.der.string", {.whole = NULL}, {.subject = NAME(CN("2c{0c{'a'}0c{'b'}}"))}},
    {"lint.der.depth",
     {.ext = {EXT(SDA, DEEP_OPEN DEEP_CLOSE)}},
     {.ext = {EXT(SDA, DEEP_OPEN DEEP_OPEN DEEP_OPEN DEEP_CLOSE DEEP_CLOSE DEEP_CLOSE)}}},
    {"lint.der.default", {.version = ""}, {.version = "a0{02{00}}"}},
    {"lint.der.default",
     {.more = CRITICAL("2a03", "0500")},
     {.more = "30{06{2a03}01{00}04{0500}}"}},
    {"lint.der.default", {.ext = {EXT(BC, "30{}")}}, {.ext = {EXT(BC, "30{01{00}}")}}},
};

const struct lint_cases lint_der_cases = COUNTED(der);

#define UTC(from, to) "30{17{'" from "'}17{'" to "'}}"
#define RSA_SHA256 "06{2a864886f70d01010b}"
#define PSS(salt)                                                                                  \
    "30{06{2a864886f70d01010a}30{a0{30{06{608648016503040201}0500}}"                               \
    "a1{30{06{2a864886f70d010108}30{06{608648016503040201}0500}}}a2{02{" salt "}}}}"

static const struct lint_case field[] = {
    {"lint.version", {.version = "", .exts = ""}, {.version = ""}},
    {"lint.version", {.version = "a0{02{01}}", .exts = ""}, {.version = "a0{02{03}}"}},
    {"lint.version.old", {.exts = ""}, {.version = "", .exts = ""}},
    {"lint.version.ours", {.exts = ""}, {.version = "a0{02{01}}", .exts = ""}},
    {"lint.serial.positive", {.serial = "02{01}"}, {.serial = "02{00}"}},
    {"lint.serial.positive", {.serial = "02{0080}"}, {.serial = "02{80}"}},
    {"lint.serial.long", {.serial = "02{<20A>}"}, {.serial = "02{<21A>}"}},
    {"lint.serial.long", {.serial = "02{7f<19x>}"}, {.serial = "02{00ff<19x>}"}},
    {"lint.serial.short", {.serial = "02{<8A>}"}, {.serial = "02{<7A>}"}},
    {"lint.serial.ours", {.serial = "02{40<15x>}"}, {.serial = "02{01<15x>}"}},
    {"lint.serial.ours", {.serial = "02{7f<15x>}"}, {.serial = "02{40<14x>}"}},
    {"lint.issuer", {.whole = NULL}, {.issuer = NAME("")}},
    {"lint.subject.ca",
     {.subject = NAME(""), .ext = {CRITICAL(SAN, "30{82{'a.example'}}")}},
     {.ca = true, .subject = NAME("")}},
    {"lint.subject.ca", {.ca = true}, {.subject = NAME(""), .ext = {CRITICAL(KU, "03{0102}")}}},
    {"lint.subject.empty",
     {.subject = NAME(""), .ext = {CRITICAL(SAN, "30{82{'a.example'}}")}},
     {.subject = NAME("")}},
    {"lint.validity.order",
     {.validity = UTC("261121000000Z", "261121000001Z")},
     {.validity = UTC("261121000000Z", "261121000000Z")}},
    {"lint.validity.format",
     {.validity = UTC("261121000000Z", "491231235959Z")},
     {.validity = UTC("2611210000Z", "270101000000Z")}},
    {"lint.validity.format",
     {.whole = NULL},
     {.validity = UTC("261121000000+0000", "270101000000Z")}},
    {"lint.validity.format",
     {.whole = NULL},
     {.validity = "30{17{'261121000000Z'}18{'20500101000000.5Z'}}"}},
    {"lint.validity.format", {.whole = NULL}, {.validity = UTC("261121000000Z", "270229000000Z")}},
    {"lint.validity.type",
     {.validity = "30{17{'261121000000Z'}18{'20500101000000Z'}}"},
     {.validity = "30{17{'261121000000Z'}18{'20491231235959Z'}}"}},
    {"lint.validity.server",
     {.validity = UTC("261121000000Z", "271223235959Z")},
     {.validity = UTC("261121000000Z", "271224000000Z")}},
    {"lint.validity.server",
     {.ext = {EXT(EKU, "30{06{" KP("02") "}}")}, .validity = UTC("261121000000Z", "281224000000Z")},
     {.validity = UTC("261121000000Z", "281224000000Z")}},
    {"lint.validity.server.long",
     {.validity = UTC("261121000000Z", "290222235959Z")},
     {.validity = UTC("261121000000Z", "290223000000Z")}},
    {"lint.unique_id", {.uid = ""}, {.uid = "81{00ff}"}},
    {"lint.unique_id", {.uid = ""}, {.uid = "82{00ff}"}},
    {"lint.signature.same", {.whole = NULL}, {.outer = "30{06{2a8648ce3d040303}}"}},
    {"lint.signature.known", {.alg = "30{06{2b6571}}"}, {.alg = "30{06{2a0304}}"}},
    {"lint.signature.params", {.alg = "30{" RSA_SHA256 "0500}"}, {.alg = "30{" RSA_SHA256 "}"}},
    {"lint.signature.params",
     {.alg = "30{06{2a8648ce3d040302}}"},
     {.alg = "30{06{2a8648ce3d040302}0500}"}},
    {"lint.signature.params", {.alg = "30{06{2b6570}}"}, {.alg = "30{06{2b6570}0500}"}},
    {"lint.signature.pss", {.alg = PSS("20")}, {.alg = PSS("14")}},
    {"lint.signature.pss", {.alg = PSS("20")}, {.alg = "30{06{2a864886f70d01010a}30{}}"}},
    {"lint.signature.hash",
     {.alg = "30{" RSA_SHA256 "0500}"},
     {.alg = "30{06{2a864886f70d010105}0500}"}},
    {"lint.signature.hash",
     {.ca = true, .alg = "30{06{2a864886f70d010105}0500}"},
     {.alg = "30{06{2a864886f70d010104}0500}"}},
    {"lint.signature.hash.root",
     {.alg = "30{06{2a864886f70d010105}0500}"},
     {.ca = true, .alg = "30{06{2a864886f70d010105}0500}"}},
    {"lint.signature.bits", {.signature = "03{00ff}"}, {.signature = "03{00}"}},
    {"lint.signature.bits", {.signature = "03{00ff}"}, {.signature = "03{01fe}"}},
};

const struct lint_cases lint_field_cases = COUNTED(field);
