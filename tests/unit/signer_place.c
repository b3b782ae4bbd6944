#include "tests/unit/signer_place.h"

#include <ftw.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/name.h"

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

const char place_two_issuers[] =
    "{ name = \"root\"; subject = \"CN=Test Root\"; token = \"default\";"
    "  key = \"pkcs11:object=root\"; key_type = \"p256\"; parent = \"root\";"
    "  signs_cas = true; path_len = \"1\"; validity = \"10y\"; },"
    "{ name = \"issuing\"; subject = \"CN=Test Issuing\"; token = \"default\";"
    "  key = \"pkcs11:object=issuing\"; key_type = \"p256\"; parent = \"root\";"
    "  signs_leaves = true; path_len = \"0\"; validity = \"5y\"; leaf_validity_max = \"400d\";"
    "  ocsp_url = \"http://ca.test/ocsp\"; crl_url = \"http://ca.test/issuing.crl\"; }";

void place_one_issuer(struct buf *out, const char *key_type, const char *alg)
{
    buf_printf(out,
               "{ name = \"one\"; subject = \"CN=One\"; token = \"default\";"
               "  key = \"pkcs11:object=one\"; key_type = \"%s\"; alg = \"%s\"; parent = \"one\";"
               "  signs_leaves = true; signs_cas = true; validity = \"5y\"; leaf_validity_max = "
               "\"90d\"; }",
               key_type, alg);
}

static _Noreturn void broken(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

const char *place_path(const struct place *p, const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *out = paths[next++ % 4];

    (void)snprintf(out, sizeof(paths[0]), "%s/%s", p->dir, name);
    return out;
}

void place_write(const struct place *p, const char *name, const char *text)
{
    struct fault f;

    if (file_write(place_path(p, name), 0600, slice_str(text), &f) != 0)
        broken(f.text);
}

static void make_folders(struct place *p)
{
    static const char *const names[] = {"tokens", "secrets", "sock", "signer"};
    char text[256];

    memcpy(p->dir, "/tmp/cerca-signer-XXXXXX", sizeof("/tmp/cerca-signer-XXXXXX"));
    if (mkdtemp(p->dir) == NULL)
        broken("mkdtemp");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (mkdir(place_path(p, names[i]), 0700) != 0)
            broken(names[i]);
    (void)snprintf(text, sizeof(text),
                   "directories.tokendir = %s/tokens\nobjectstore.backend = file\n"
                   "log.level = ERROR\n",
                   p->dir);
    place_write(p, "softhsm2.conf", text);
    place_write(p, "secrets/default.pin", "123456\n");
    place_write(p, "secrets/default.so-pin", "654321\n");
    (void)setenv("SOFTHSM2_CONF", place_path(p, "softhsm2.conf"), 1);
}

void place_configure(struct place *p, const char *module, const char *more, const char *issuers)
{
    struct fault f;
    struct buf b;

    buf_init(&b, 65536);
    buf_printf(&b,
               "tokens = ( { name = \"default\"; module = \"%s\"; uri = \"pkcs11:token=test\";"
               "  pin_file = \"secrets/default.pin\";"
               "  environment = ( \"SOFTHSM2_CONF=%%d/softhsm2.conf\" );"
               "  paths = ( \"tokens\" ); read_paths = ( \"softhsm2.conf\" ); %s } );\n"
               "issuers = ( %s );\n"
               "profiles = ( { name = \"tls-server\"; issuer = \"%s\";"
               "  validity = \"30d\"; validity_max = \"80d\"; } );\n",
               module != NULL ? module : SOFTHSM, more != NULL ? more : "", issuers,
               strstr(issuers, "\"issuing\"") != NULL ? "issuing" : "one");
    place_write(p, "cerca.conf", buf_cstr(&b));
    buf_free(&b);
    (void)snprintf(p->conf_path, sizeof(p->conf_path), "%s/cerca.conf", p->dir);
    conf_free(p->conf);
    if (conf_load(p->conf_path, &p->conf, &f) != 0) {
        (void)fprintf(stderr, "%s: %s\n", f.rule, f.text);
        exit(EXIT_FAILURE);
    }
}

struct place *place_new(const char *module, const char *more, const char *issuers)
{
    struct place *p = xcalloc(1, sizeof(*p));

    make_folders(p);
    place_configure(p, module, more, issuers);
    return p;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void place_free(struct place *p)
{
    conf_free(p->conf);
    (void)nftw(p->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(p);
}

void new_spki(struct buf *out)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    uint8_t *der = NULL;
    int n = i2d_PUBKEY(key, &der);

    if (n <= 0)
        broken("i2d_PUBKEY");
    buf_reset(out);
    buf_put(out, der, (size_t)n);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
}

void draft_init(struct draft *d, const struct conf_issuer *issuer, const uint8_t authority[20])
{
    struct fault f;
    struct spki k;

    memset(d, 0, sizeof(*d));
    buf_init(&d->issuer, NAME_DER_MAX);
    buf_init(&d->subject, NAME_DER_MAX);
    buf_init(&d->spki, CERT_MAX);
    buf_init(&d->tbs, TBS_MAX);
    new_spki(&d->spki);
    if (name_parse(issuer->subject, &d->issuer, &f) != 0 ||
        name_parse("CN=host.example.com", &d->subject, &f) != 0 ||
        spki_parse(buf_slice(&d->spki), &k, &f) != 0)
        broken("draft");
    random_bytes(d->spec.serial, SERIAL_LEN);
    d->spec.serial[0] = (uint8_t)(0x40 | (d->spec.serial[0] & 0x3f));
    d->spec.alg = issuer->alg;
    d->spec.not_before = clock_now() - 300;
    d->spec.not_after = d->spec.not_before + 30 * 86400;
    spki_key_id(&k, d->spec.subject_key_id);
    d->spec.has_authority_key_id = true;
    memcpy(d->spec.authority_key_id, authority, 20);
    d->spec.key_usage = KU_DIGITAL_SIGNATURE;
    d->spec.eku = EKU_SERVER_AUTH;
    d->spec.ocsp_url = issuer->ocsp_url;
    d->spec.issuer_url = issuer->issuer_url;
    d->spec.crl_url = issuer->crl_url;
    d->spec.path_len = -1;
    d->sans.n = 1;
    d->sans.item[0] = (struct san){SAN_DNS, slice_str("host.example.com")};
    d->spec.sans = &d->sans;
}

struct slice draft_tbs(struct draft *d)
{
    d->spec.issuer = buf_slice(&d->issuer);
    d->spec.subject = buf_slice(&d->subject);
    d->spec.spki = buf_slice(&d->spki);
    buf_reset(&d->tbs);
    tbs_put(&d->tbs, &d->spec);
    if (buf_failed(&d->tbs))
        broken("tbs_put");
    return buf_slice(&d->tbs);
}

void draft_free(struct draft *d)
{
    buf_free(&d->issuer);
    buf_free(&d->subject);
    buf_free(&d->spki);
    buf_free(&d->tbs);
}
