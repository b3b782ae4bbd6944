/* Names and keys: a good and a bad certificate for each rule. */
#include "tests/unit/lint_help.h"

#define COUNTED(list)                                                                              \
    {                                                                                              \
        list, sizeof(list) / sizeof(list[0])                                                       \
    }

#define O(value) RDN("55040a", value)
#define OU(value) RDN("55040b", value)
#define C(value) RDN("550406", value)
#define SERIAL(value) RDN("550405", value)
#define QUALIFIER(value) RDN("55042e", value)
#define MAIL(value) RDN("2a864886f70d010901", value)
#define DC(value) RDN("0992268993f22c640119", value)

static const struct lint_case name[] = {
    {"lint.name.der", {.subject = NAME(O("0c{'x'}"))}, {.subject = NAME("31{}")}},
    {"lint.name.der", {.subject = NAME("")}, {.subject = NAME("30{}")}},
    {"lint.name.der", {.whole = NULL}, {.issuer = NAME("31{30{06{550403}}}")}},
    {"lint.name.type", {.subject = NAME(O("13{'x'}"))}, {.subject = NAME(O("16{'x'}"))}},
    {"lint.name.type", {.subject = NAME(O("1e{0078}"))}, {.issuer = NAME(O("02{01}"))}},
    {"lint.name.type.old", {.issuer = NAME(O("14{'x'}"))}, {.subject = NAME(O("14{'x'}"))}},
    {"lint.name.type.ours", {.subject = NAME(O("0c{'x'}"))}, {.subject = NAME(O("1e{0078}"))}},
    {"lint.name.printable",
     {.subject = NAME(O("13{27 '() +,-./:=?'}"))},
     {.subject = NAME(O("13{'a*b'}"))}},
    {"lint.name.printable", {.subject = NAME(O("0c{'a*b@'}"))}, {.issuer = NAME(O("13{'a@b'}"))}},
    {"lint.name.utf8", {.subject = NAME(O("0c{c3a4}"))}, {.subject = NAME(O("0c{c3}"))}},
    {"lint.name.utf8", {.whole = NULL}, {.subject = NAME(O("0c{eda080}"))}},
    {"lint.name.ia5", {.subject = NAME(DC("16{'test'}"))}, {.subject = NAME(DC("16{e4}"))}},
    {"lint.name.country", {.subject = NAME(C("13{'DE'}"))}, {.subject = NAME(C("13{'GER'}"))}},
    {"lint.name.country", {.subject = NAME(C("13{'DE'}"))}, {.subject = NAME(C("0c{'DE'}"))}},
    {"lint.name.country", {.subject = NAME(C("13{'XX'}"))}, {.subject = NAME(C("13{'D1'}"))}},
    {"lint.name.country.case", {.subject = NAME(C("13{'DE'}"))}, {.subject = NAME(C("13{'dE'}"))}},
    {"lint.name.serial_number",
     {.subject = NAME(SERIAL("13{'1'}"))},
     {.subject = NAME(SERIAL("0c{'1'}"))}},
    {"lint.name.dn_qualifier",
     {.subject = NAME(QUALIFIER("13{'1'}"))},
     {.subject = NAME(QUALIFIER("0c{'1'}"))}},
    {"lint.name.dc", {.subject = NAME(DC("16{<63a>}"))}, {.subject = NAME(DC("16{<64a>}"))}},
    {"lint.name.dc", {.subject = NAME(DC("16{'a'}"))}, {.subject = NAME(DC("16{'a.b'}"))}},
    {"lint.name.dc", {.subject = NAME(DC("16{'a'}"))}, {.subject = NAME(DC("0c{'a'}"))}},
    {"lint.name.email",
     {.subject = NAME(MAIL("16{'a@b.test'}"))},
     {.subject = NAME(MAIL("0c{'a@b.test'}"))}},
    {"lint.name.email.place",
     {.issuer = NAME(MAIL("16{'a@b.test'}"))},
     {.subject = NAME(MAIL("16{'a@b.test'}"))}},
    {"lint.name.length", {.subject = NAME(O("0c{<64x>}"))}, {.subject = NAME(O("0c{<65x>}"))}},
    {"lint.name.length",
     {.subject = NAME(O("0c{<63x>c3a4}"))},
     {.subject = NAME(O("0c{<64x>c3a4}"))}},
    {"lint.name.length", {.subject = NAME(O("1e{<128x>}"))}, {.subject = NAME(O("1e{<130x>}"))}},
    {"lint.name.length",
     {.issuer = NAME(RDN("550408", "0c{<128x>}"))},
     {.issuer = NAME(RDN("550408", "0c{<129x>}"))}},
    {"lint.name.empty", {.subject = NAME(O("0c{'x'}"))}, {.subject = NAME(O("0c{}"))}},
    {"lint.name.control", {.subject = NAME(O("0c{'a b'}"))}, {.subject = NAME(O("0c{'a'00'b'}"))}},
    {"lint.name.control", {.subject = NAME(O("1e{0061}"))}, {.subject = NAME(O("0c{'a'0a}"))}},
    {"lint.name.space", {.subject = NAME(O("0c{'a b'}"))}, {.subject = NAME(O("0c{'a '}"))}},
    {"lint.name.space", {.subject = NAME(O("0c{'a'}"))}, {.subject = NAME(O("0c{' a'}"))}},
    {"lint.name.twice",
     {.subject = NAME(OU("0c{'a'}") OU("0c{'b'}"))},
     {.subject = NAME(OU("0c{'a'}") OU("0c{'a'}"))}},
    {"lint.name.twice",
     {.subject = NAME(DC("16{'a'}") DC("16{'a'}"))},
     {.subject = NAME(C("13{'DE'}") C("13{'FR'}"))}},
    {"lint.name.multi",
     {.subject = NAME(CN("0c{'a'}") O("0c{'b'}"))},
     {.subject = NAME("31{30{06{550403}0c{'a'}}30{06{55040a}0c{'b'}}}")}},
};

const struct lint_cases lint_name_cases = COUNTED(name);

/* --- keys: two primes of 1024 bits; two of the Infineon library (CVE-2017-15361); a prime and the
 * next one; 751 times and 757 times something; two primes of 512 bits ---------------------------
 */

#define RSA_GOOD                                                                                   \
    "c36c8eba32424f0bfe398b76a5e82064e8e6da4a02a9a57aa0e029f9fd4320dc4c0513f0c0f40668"             \
    "7b66cd175025fb5c232c5b4d3934da584cd50c7c5259308564c5081f51411cc4cac4107e42972bbf"             \
    "0a645be65cc900fad6be2036d72eed0b571aa441ecdf03532e8d2f84b1503a10e3cdcc2fb89f081a"             \
    "cca5d118ea5a1787aa013d6bf8ae57dc37835d504d5e695c2df8079533f69ba5bfe774ccd803ceab"             \
    "a13f7146f2bda453cc20c3401467fff756f29862792dbeb02571ae55def3a2d3eac7057594ae9a45"             \
    "d0fd76870b2b9b8ebb22e7fb97dec00b3c82ed367173744d71e01d6fd7f1443b0a0187890fcaabd8"             \
    "ee14a81acd61ee95e17aa8420086f9e5"

#define RSA_ROCA                                                                                   \
    "a698520f19631c05d9010467b8d63539ea5470895e00d60e0e0cafdca2ee6cafb79879502b57f970"             \
    "d3e54843df70909d16c323367db443ee480075a823294445c8f6619a19f2ce211aa3196b0ba30d39"             \
    "2828432619aa92c299d014804b08424e57c0232f77fe1514036c69b7c864814f038b94280c5a430f"             \
    "3b859bb093efeae278a9cc50449140154cb4da3e4d33956c0cfcf43715ed905f4a3336f948b0a355"             \
    "897ad52749c58b66e6173feaba2e33d39628370295ce77cf622572b22aa8c1b50b060c28aad96be5"             \
    "d410f3a5827cb413e3454aa1231ce9cb894e55c2bf0720df6eab338b9504f4bac9864e89f7e54b10"             \
    "90f05b75a99f75f5f5649897d6091005"

#define RSA_FERMAT                                                                                 \
    "aa2ec44530143a80302820631b363aed2123343dd72b1c1f907151e1bd4fd817dfecb21ae5aa23ee"             \
    "09c0adb2cb7f2a08d7f0d166776d4c22d723e6f5945d829dfe60d8e5e5819c6403f8f12ad7469447"             \
    "eeae4ca3ef2c220fd2434d0ab917eb445bed53f4c8bea97f20db3fb1b242ff0966bf1369d7ec6c33"             \
    "54fad46a1c83c65b7833a8babf89f0113260d4428c8017eeb58ade7ca24be274d49593ca7b55c2d3"             \
    "3bbdb0ae5bbd96af24ead84c82035705c8f911d294c7429c09ec7222dfc31c6d6d30c9981886f402"             \
    "3419ca66592960613841d07746fa019841e2f28769c70e22102c3df5a12df947e385fd057029bb4a"             \
    "5d1d14785d365998df56d24c4acdddd5"

#define RSA_SMALL                                                                                  \
    "8000000000bcb46d56559f8d90594fdfa339a6d77a9094e54adb740728eb8a949131f3ab87252e1c"             \
    "0ce00dead83c901ddc0f5f744e0008de05eb862625b6b7b1c8598688d18f3eae6d1607a4bcdb7dfc"             \
    "effbc8596e51ea2bf2a902cf9bc3d19b96b74104f2e3574f4c4f3c2538e7a974ca62295c10413e83"             \
    "dc288ba9b21d530947e8ac2262f0d66228dec1c4d2ef885f9070c7a3c5a5028db851785540404c57"             \
    "36282f543dbf6f49fc2e5693ccdfd44c08c583cfdc0dd749d6aecf535d7a2282fc33b3a480b1be44"             \
    "1e2f6b14f35918fb15dea0f05c9c7abe8fcb57caa75edc3814fcb838bc85a4993076f0b56e6239e6"             \
    "8c19d5c5aa20a51196f469e19c4ae8b9"

#define RSA_SMALL_OK                                                                               \
    "8000000002d4b1a2cf3c2f3c1f39b8a6fc4394f3f98f2c076282f9fcbe98b212dad41ff4ce50e156"             \
    "8033a3c8475f2669783dfd3ce09a37b7da142bc16e7e53b9eb31a990266174e1ffaba5d8e432104d"             \
    "b64eee7d0cf5b80561d7510fa84392aef28ecbcd87c5570efaef061c6a6354311ae2a258602ed76e"             \
    "50c677d54f895c7cb1fd7e1b01113afdc434790f6d9387b1ecd73588a3368a68ac389408eb467477"             \
    "4310bd7af3d08c36112ba343eb71435d6da8d793de8f552d9084b1b882e696318aa340c3764c041b"             \
    "6b426423d92731b35c66e7100ac1a97cb6372ec62247425586783f5438aa37e920166b22a0595ba8"             \
    "7728ebe9384e76da81d37d23e8014d87"

#define RSA_1024                                                                                   \
    "baf94d5c6c00d99d42e5db0063e23d8f9d145f9c510bf5ce5d855b49c72e059db3b5316f27e90cf7"             \
    "9dc09142640be0e33b1cafcf6df0db3bf11944be5fab7995a6ac4df0c5de485f78eebc2d1fb701a9"             \
    "2237d5dc5bfc1a5c89118489e9c3e6bf2a7cbca7aade57d85e081a20d43a9afe080da2194a06b464"             \
    "6a769e3743fa9d95"

#define RSA_ALG "30{06{2a864886f70d010101}0500}"
#define RSA(n, e) "30{" RSA_ALG "03{00 30{02{00" n "}02{" e "}}}}"
#define EC_ALG "30{06{2a8648ce3d0201}06{2a8648ce3d030107}}"
#define EC(point) "30{" EC_ALG "03{00" point "}}"
#define ED25519(key) "30{30{06{2b6570}}03{00" key "}}"
/* The base points of P-256 and of Ed25519. */
#define EC_X "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
#define EC_Y "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
#define EC_Y_OFF "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f4"
#define ED_BASE "5866666666666666666666666666666666666666666666666666666666666666"
#define ED_ONE "0100000000000000000000000000000000000000000000000000000000000000"
#define ED_P_AND_1 "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"

static const struct lint_case key[] = {
    {"lint.key.der",
     {.spki = RSA(RSA_GOOD, "010001")},
     {.spki = "30{" RSA_ALG "03{00 30{02{05}}}}"}},
    {"lint.key.known", {.spki = ED25519(ED_BASE)}, {.spki = "30{30{06{2b656e}}03{00" ED_BASE "}}"}},
    {"lint.key.known",
     {.whole = NULL},
     {.spki = "30{30{06{2a8648ce3d0201}06{2b8104000a}}03{0004<64x>}}"}},
    {"lint.key.params",
     {.spki = RSA(RSA_GOOD, "010001")},
     {.spki = "30{30{06{2a864886f70d010101}}03{00 30{02{00" RSA_GOOD "}02{010001}}}}"}},
    {"lint.key.params", {.whole = NULL}, {.spki = "30{30{06{2a8648ce3d0201}0500}03{0004<64x>}}"}},
    {"lint.key.params",
     {.spki = ED25519(ED_BASE)},
     {.spki = "30{30{06{2b6570}0500}03{00" ED_BASE "}}"}},
    {"lint.key.form", {.spki = EC("04" EC_X EC_Y)}, {.spki = EC("03" EC_X)}},
    {"lint.key.ours", {.spki = RSA(RSA_GOOD, "010001")}, {.spki = RSA(RSA_1024, "010001")}},
    {"key.rsa.size", {.spki = RSA(RSA_GOOD, "010001")}, {.spki = RSA(RSA_1024, "010001")}},
    {"key.rsa.size", {.spki = ED25519(ED_BASE)}, {.spki = RSA("8001", "010001")}},
    {"key.rsa.exponent", {.spki = RSA(RSA_GOOD, "010001")}, {.spki = RSA(RSA_GOOD, "03")}},
    {"key.rsa.exponent", {.spki = RSA(RSA_GOOD, "010003")}, {.spki = RSA(RSA_GOOD, "010000")}},
    {"key.rsa.modulus", {.spki = RSA(RSA_GOOD, "010001")}, {.spki = RSA("80<254x>02", "010001")}},
    {"key.rsa.small_factor",
     {.spki = RSA(RSA_SMALL_OK, "010001")},
     {.spki = RSA(RSA_SMALL, "010001")}},
    {"key.rsa.roca", {.spki = RSA(RSA_GOOD, "010001")}, {.spki = RSA(RSA_ROCA, "010001")}},
    {"key.rsa.fermat", {.spki = RSA(RSA_ROCA, "010001")}, {.spki = RSA(RSA_FERMAT, "010001")}},
    {"key.ec.point", {.spki = EC("04" EC_X EC_Y)}, {.spki = EC("04" EC_X EC_Y_OFF)}},
    {"key.ed25519.point", {.spki = ED25519(ED_BASE)}, {.spki = ED25519(ED_P_AND_1)}},
    {"key.ed25519.order", {.spki = ED25519(ED_BASE)}, {.spki = ED25519(ED_ONE)}},
};

const struct lint_cases lint_key_cases = COUNTED(key);
