#include "tests/unit/agent_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/pem.h"

static EVP_PKEY *new_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");

    assert_non_null(key);
    return key;
}

static void extend(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *e;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
}

static X509 *new_cert(const char *cn, EVP_PKEY *key, X509 *issuer, EVP_PKEY *signer, long from,
                      long to, const char *san)
{
    static long serial = 1000;
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);

    assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
    X509_set_issuer_name(x, issuer == NULL ? name : X509_get_subject_name(issuer));
    ASN1_TIME_set(X509_getm_notBefore(x), clock_now() + from);
    ASN1_TIME_set(X509_getm_notAfter(x), clock_now() + to);
    assert_int_equal(X509_set_pubkey(x, key), 1);
    issuer = issuer == NULL ? x : issuer;
    extend(x, issuer, NID_subject_key_identifier, "hash");
    if (san == NULL) {
        extend(x, issuer, NID_basic_constraints, "critical,CA:TRUE");
        extend(x, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    } else {
        extend(x, issuer, NID_authority_key_identifier, "keyid");
        extend(x, issuer, NID_subject_alt_name, san);
    }
    assert_true(X509_sign(x, signer, EVP_sha256()) > 0);
    return x;
}

void test_ca_make(struct test_ca *ca, const char *root_name)
{
    ca->root_key = new_key();
    ca->issuing_key = new_key();
    ca->root = new_cert(root_name, ca->root_key, NULL, ca->root_key, -86400, 864000, NULL);
    ca->issuing =
        new_cert("Test Issuing", ca->issuing_key, ca->root, ca->root_key, -86400, 864000, NULL);
}

void test_ca_free(struct test_ca *ca)
{
    X509_free(ca->root);
    X509_free(ca->issuing);
    EVP_PKEY_free(ca->root_key);
    EVP_PKEY_free(ca->issuing_key);
}

void test_x509_der(X509 *x, struct buf *out)
{
    uint8_t *der = NULL;
    int n = i2d_X509(x, &der);

    assert_true(n > 0);
    buf_put(out, der, (size_t)n);
    OPENSSL_free(der);
}

static void put_key(EVP_PKEY *key, struct buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    long n;

    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    n = BIO_get_mem_data(bio, &text);
    buf_put(out, text, (size_t)n);
    BIO_free(bio);
}

void test_leaf_make(const struct test_ca *ca, const char *name, long from, long to,
                    struct test_leaf *out)
{
    EVP_PKEY *key = new_key();
    char san[128];
    X509 *x;

    (void)snprintf(san, sizeof(san), "DNS:%s", name);
    x = new_cert(name, key, ca->issuing, ca->issuing_key, from, to, san);
    buf_init(&out->key, 65536);
    buf_init(&out->leaf, 65536);
    buf_init(&out->chain, 65536);
    put_key(key, &out->key);
    test_x509_der(x, &out->leaf);
    test_x509_der(ca->issuing, &out->chain);
    out->m = (struct deploy_material){.key = buf_slice(&out->key),
                                      .leaf = buf_slice(&out->leaf),
                                      .chain = buf_slice(&out->chain)};
    X509_free(x);
    EVP_PKEY_free(key);
}

void test_leaf_free(struct test_leaf *l)
{
    buf_free(&l->key);
    buf_free(&l->leaf);
    buf_free(&l->chain);
}

const char *test_path(const char *folder, const char *name)
{
    static char ring[32][256];
    static size_t at;
    char *out = ring[at++ % 32];

    (void)snprintf(out, sizeof(ring[0]), "%s/%s", folder, name);
    return out;
}

void test_write(const char *path, const char *text)
{
    struct fault f;

    assert_int_equal(file_write(path, 0600, slice_str(text), &f), 0);
}

void test_write_certs(const char *path, X509 *const *list, size_t n)
{
    struct buf pem, der;
    struct fault f;

    buf_init(&pem, 65536);
    buf_init(&der, 65536);
    for (size_t i = 0; i < n; i++) {
        buf_reset(&der);
        test_x509_der(list[i], &der);
        pem_put(&pem, "CERTIFICATE", buf_slice(&der));
    }
    assert_int_equal(file_write(path, 0644, buf_slice(&pem), &f), 0);
    buf_free(&der);
    buf_free(&pem);
}

int test_sh(const char *fmt, ...)
{
    char command[4096];
    int status = -1;
    va_list ap;
    pid_t pid;

    va_start(ap, fmt);
    (void)vsnprintf(command, sizeof(command), fmt, ap);
    va_end(ap);
    pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

char *test_read(const char *path)
{
    struct buf b = {0};
    struct fault f;
    char *out = NULL;

    if (file_read(path, 1048576, &b, &f) == 0)
        out = xstrdup(buf_cstr(&b));
    buf_free(&b);
    return out;
}

static X509 *read_cert(const char *path)
{
    char *text = test_read(path);
    BIO *bio = text == NULL ? NULL : BIO_new_mem_buf(text, -1);
    X509 *x = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);

    BIO_free(bio);
    free(text);
    return x;
}

bool test_pair_fits(const char *key, const char *certificate)
{
    X509 *x = read_cert(certificate);
    char *text = test_read(key);
    BIO *bio = text == NULL ? NULL : BIO_new_mem_buf(text, -1);
    EVP_PKEY *k = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    bool fits = x != NULL && k != NULL && X509_check_private_key(x, k) == 1;

    EVP_PKEY_free(k);
    BIO_free(bio);
    free(text);
    X509_free(x);
    return fits;
}

bool test_shows(const char *path, const struct test_leaf *l)
{
    X509 *x = read_cert(path);
    struct buf der;
    bool same;

    buf_init(&der, 65536);
    if (x != NULL)
        test_x509_der(x, &der);
    same = slice_eq(buf_slice(&der), buf_slice(&l->leaf));
    buf_free(&der);
    X509_free(x);
    return same;
}

struct test_scene scene = {.folder = "/tmp/cerca-deploy-XXXXXX"};

int scene_set_up(void **s)
{
    (void)s;
    log_open("agent-test", LOG_LEVEL_ERROR);
    if (mkdtemp(scene.folder) == NULL)
        return -1;
    (void)snprintf(scene.anchors, sizeof(scene.anchors), "%s/root.pem", scene.folder);
    test_ca_make(&scene.ca, "Test Root");
    test_write_certs(scene.anchors, &scene.ca.root, 1);
    test_leaf_make(&scene.ca, "www.example.com", -60, 3600, &scene.first);
    test_leaf_make(&scene.ca, "www.example.com", -60, 7200, &scene.second);
    return 0;
}

int scene_tear_down(void **s)
{
    (void)s;
    assert_int_equal(test_sh("rm -rf %s", scene.folder), 0);
    test_leaf_free(&scene.first);
    test_leaf_free(&scene.second);
    test_ca_free(&scene.ca);
    return 0;
}

int scene_fresh(void **s)
{
    static char *names[] = {"dns:www.example.com"};

    (void)s;
    (void)snprintf(scene.state, sizeof(scene.state), "%s/state", scene.folder);
    (void)snprintf(scene.place, sizeof(scene.place), "%s/etc", scene.folder);
    assert_int_equal(
        test_sh("rm -rf %s %s && mkdir -m 755 %s", scene.state, scene.place, scene.place), 0);
    (void)snprintf(scene.key_path, sizeof(scene.key_path), "%s/web.key", scene.place);
    (void)snprintf(scene.chain_path, sizeof(scene.chain_path), "%s/web.pem", scene.place);
    scene.files[0] = (struct agent_file){.path = scene.key_path, .format = AGENT_KEY};
    scene.files[1] = (struct agent_file){.path = scene.chain_path, .format = AGENT_FULLCHAIN};
    scene.entry = (struct agent_cert){.name = "web",
                                      .state_dir = scene.state,
                                      .trust = scene.anchors,
                                      .names = names,
                                      .n_names = 1,
                                      .take_over = true,
                                      .keep = 2,
                                      .files = scene.files,
                                      .n_files = 2,
                                      .folder = ""};
    return 0;
}

void scene_install(const struct test_leaf *l, unsigned version)
{
    struct fault f;

    assert_int_equal(deploy_stage(&scene.entry, &l->m, version, &f), 0);
    assert_int_equal(deploy_install(&scene.entry, version, &f), 0);
}
