#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/conf.h"
#include "lib/tbs.h"
#include "tests/unit/conf_help.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void the_development_configuration_loads_as_it_reads(void **state)
{
    struct conf *c = conf_accepted("level = \"info\"", "level = \"debug\"");
    const struct conf_issuer *issuing = conf_issuer(c, "issuing");
    const struct conf_issuer *root = conf_issuer(c, "root");
    const struct conf_token *token = conf_token(c, "default");

    (void)state;
    assert_string_equal(c->path, CONF_TEST_PATH);
    assert_string_equal(c->dir, "/data/ca");
    assert_string_equal(c->log_level, "debug");
    assert_string_equal(c->store_dir, "/data/ca/store");
    assert_string_equal(c->base_url, "http://127.0.0.1:8080");
    assert_int_equal(c->http_port, 8080);
    assert_int_equal(c->https_port, 8443);
    assert_non_null(token);
    assert_string_equal(token->module, conf_test_dev.module);
    assert_string_equal(token->pin_file, "/data/ca/secrets/default.pin");
    assert_int_equal(token->n_environment, 1);
    assert_string_equal(token->environment[0], "SOFTHSM2_CONF=/data/ca/softhsm2.conf");
    assert_int_equal(token->n_paths, 1);
    assert_string_equal(token->paths[0], "/data/ca/tokens");
    assert_int_equal(c->n_issuers, 2);
    assert_int_equal(root->key_type, KEY_P384);
    assert_int_equal(root->alg, SIG_ECDSA_SHA384);
    assert_int_equal(root->path_len, 1);
    assert_int_equal(root->validity, INT64_C(10) * 365 * 86400);
    assert_true(root->signs_cas);
    assert_false(root->signs_leaves);
    assert_int_equal(issuing->key_type, KEY_P256);
    assert_int_equal(issuing->path_len, 0);
    assert_string_equal(issuing->certificate, "/data/ca/ca/issuing.pem");
    assert_string_equal(issuing->crl_url, "http://127.0.0.1:8080/crl/issuing.crl");
    assert_int_equal(conf_operator(c, 1000)->role, ROLE_ADMIN);
    assert_null(conf_operator(c, 1001));
    assert_null(conf_token(c, "other"));
    conf_free(c);
}

static void defaults_hold_where_the_file_says_nothing(void **state)
{
    struct conf *c;
    struct fault f;

    (void)state;
    assert_int_equal(conf_load_text("", "/cerca.conf", &c, &f), 0);
    assert_string_equal(c->dir, "/");
    assert_string_equal(c->sock_dir, "/sock");
    assert_string_equal(c->log_level, "info");
    assert_string_equal(c->http_listen, "127.0.0.1");
    assert_int_equal(c->store_quota, UINT64_C(64) << 30);
    assert_int_equal(c->free_watermark, UINT64_C(256) << 20);
    assert_int_equal(c->intent_grace, 600);
    assert_int_equal(c->request_key_life, 600);
    assert_int_equal(c->sign_timeout, 30);
    assert_int_equal(c->workers, 2);
    assert_false(c->has_ca_user);
    assert_int_equal(c->n_profiles, 0); /* there is no issuer for them */
    conf_free(c);
}

static void the_generation_is_the_hash_of_the_text(void **state)
{
    /* SHA-256 of nothing, FIPS 180-4 */
    static const char empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    struct conf *a, *b;
    struct fault f;
    char hex[65];

    (void)state;
    assert_int_equal(conf_load_text("", CONF_TEST_PATH, &a, &f), 0);
    hex_encode(slice_of(a->generation, 32), hex);
    assert_string_equal(hex, empty);
    assert_int_equal(conf_load_text(" ", CONF_TEST_PATH, &b, &f), 0);
    assert_memory_not_equal(a->generation, b->generation, 32);
    conf_free(a);
    conf_free(b);
}

static void twelve_profiles_are_built_in(void **state)
{
    struct conf *c = conf_accepted("info", "info");
    const struct conf_profile *server = conf_profile(c, "tls-server");
    const struct conf_profile *client = conf_profile(c, "tls-client");
    const struct conf_profile *mtls = conf_profile(c, "mtls");

    (void)state;
    assert_int_equal(c->n_profiles, 12);
    assert_int_equal(server->eku, EKU_SERVER_AUTH);
    assert_int_equal(server->ku_rsa, KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
    assert_int_equal(server->ku_ec, KU_DIGITAL_SIGNATURE);
    assert_int_equal(server->san_kinds, 1u << SAN_DNS | 1u << SAN_IP);
    assert_true(server->san_required);
    assert_true(server->cn_must_be_san);
    assert_false(server->wildcards);
    assert_int_equal(server->validity, 90 * 86400);
    assert_int_equal(server->validity_max, 397 * 86400);
    assert_int_equal(server->key_reuse, KEY_REUSE_SAME_IDENTITY);
    assert_int_equal(server->role, ROLE_OPERATOR);
    assert_int_equal(client->eku, EKU_CLIENT_AUTH);
    assert_int_equal(client->ku_rsa, KU_DIGITAL_SIGNATURE);
    assert_int_equal(client->san_kinds, 1u << SAN_DNS | 1u << SAN_EMAIL | 1u << SAN_URI);
    assert_int_equal(mtls->eku, EKU_SERVER_AUTH | EKU_CLIENT_AUTH);
    assert_int_equal(mtls->san_kinds, 1u << SAN_DNS | 1u << SAN_IP | 1u << SAN_URI);
    assert_string_equal(mtls->issuer, "issuing");
    conf_free(c);
}

static void an_entry_named_as_a_built_in_profile_changes_single_keys(void **state)
{
    struct conf *c =
        conf_accepted("operators = (", "profiles = (\n"
                                       " { name = \"mtls\"; dns = ( \".example.com\" );\n"
                                       "   key_types = [ \"p384\" ]; wildcards = true; },\n"
                                       " { name = \"own\"; eku = ( \"codeSigning\" ); } );\n"
                                       "operators = (");
    const struct conf_profile *mtls = conf_profile(c, "mtls");
    const struct conf_profile *own = conf_profile(c, "own");

    (void)state;
    assert_int_equal(c->n_profiles, 13);
    assert_ptr_equal(mtls, &c->profiles[2]);
    assert_int_equal(mtls->n_dns, 1);
    assert_string_equal(mtls->dns[0], ".example.com");
    assert_int_equal(mtls->n_key_types, 1);
    assert_string_equal(mtls->key_types[0], "p384");
    assert_true(mtls->wildcards);
    assert_int_equal(mtls->eku, EKU_SERVER_AUTH | EKU_CLIENT_AUTH);
    assert_int_equal(own->eku, EKU_CODE_SIGNING);
    assert_int_equal(own->n_key_types, 6);
    assert_string_equal(own->issuer, "issuing");
    conf_free(c);
}

static void unknown_keys_and_sections_are_refused_with_the_nearest_name(void **state)
{
    static const struct conf_wrong cases[] = {
        {"level = \"info\"", "levle = \"info\"", NULL, "conf.unknown", "did you mean \"level\"?"},
        {"log = {", "lgo = {", NULL, "conf.unknown", "did you mean \"log\"?"},
        {"pin_file =", "pinfile =", NULL, "conf.unknown", "did you mean \"pin_file\"?"},
        {"pin_file =", "pin =", NULL, "conf.unknown", "unknown key \"pin\" in tokens"},
        {"path_len =", "colour =", NULL, "conf.unknown", "unknown key \"colour\" in issuers"},
    };

    (void)state;
    conf_refuse_all(cases, COUNT(cases));
}

/* libconfig 1.5 reads 4294967297 as 1, so numbers without quotes are refused. */
static void values_of_another_type_are_refused(void **state)
{
    static const struct conf_wrong cases[] = {
        {"port = \"8080\"", "port = 4294967297", NULL, "conf.type", "quoted"},
        {"port = \"8080\"", "port = 8080", NULL, "conf.type", "quoted"},
        {"port = \"8080\"", "port = true", NULL, "conf.type", "quoted"},
        {"port = \"8080\"", "port = ( \"8080\" )", NULL, "conf.type", "quoted"},
        {"signs_cas = true", "signs_cas = \"true\"", NULL, "conf.type", "true or false"},
        {"signs_cas = true", "signs_cas = 1", NULL, "conf.type", "true or false"},
        {"paths = ( \"tokens\" )", "paths = \"tokens\"", NULL, "conf.type", "list"},
        {"paths = ( \"tokens\" )", "paths = ( 1 )", NULL, "conf.type", "list"},
        {"paths = ( \"tokens\" )", "paths = ( \"a\", { } )", NULL, "conf.type", "list"},
        {"log = { level = \"info\"; };", "log = \"info\";", NULL, "conf.type", "group"},
        {"operators = (", "profiles  = { };\noperators = (", "profiles  =", "conf.type", "list"},
        {"operators = (", "profiles  = ( \"mtls\" );\noperators = (", "profiles  =", "conf.type",
         "list of groups"},
    };

    (void)state;
    conf_refuse_all(cases, COUNT(cases));
}

static void values_out_of_range_or_form_are_refused(void **state)
{
    static const struct conf_wrong cases[] = {
        {"port = \"8080\"", "port = \"0\"", NULL, "conf.value", "from 1 to 65535"},
        {"port = \"8080\"", "port = \"65536\"", NULL, "conf.value", "from 1 to 65535"},
        {"port = \"8080\"", "port = \"http\"", NULL, "conf.value", "number"},
        {"level = \"info\"", "level = \"loud\"", NULL, "conf.value", "error, warn, info, debug"},
        {"level = \"info\"", "level = \"\"", NULL, "conf.value", "empty"},
        {"dir = \"store\"", "dir = \"\"", NULL, "conf.value", "empty"},
        {"dir = \"store\"", "quota = \"64\"", NULL, "conf.value", "64KiB"},
        {"dir = \"store\"", "quota = \"1KiB\"", NULL, "conf.value", "from 16MiB to 1TiB"},
        {"dir = \"store\"", "intent_grace = \"5\"", NULL, "conf.value", "span"},
        {"dir = \"store\"", "intent_grace = \"5s\"", NULL, "conf.value", "from 10s to 1d"},
        {"dir = \"store\"", "dir = \"a\\nb\"", NULL, "conf.value", "control character"},
        {"listen = \"127.0.0.1\"", "listen = \"localhost\"", NULL, "conf.value", "IPv4 or IPv6"},
        {"base_url = \"http://127.0.0.1:8080\"", "base_url = \"ftp://x\"", NULL, "conf.value",
         "URL"},
        {"base_url = \"http://127.0.0.1:8080\"", "base_url = \"http://x/\"", NULL, "conf.value",
         "slash"},
        {"path_len = \"1\"", "path_len = \"17\"", NULL, "conf.value", "none or a number"},
        {"key_type = \"p384\"", "key_type = \"rsa1024\"", NULL, "conf.value", "rsa2048"},
        {"key_type = \"p384\"", "key_type = \"ed25519\"", NULL, "conf.value", "keys in tokens"},
        {"key_type = \"p384\"", "alg = \"md5\"; key_type = \"p384\"", NULL, "conf.value", "sha256"},
        {"name = \"root\"", "name = \"../root\"", NULL, "conf.value", "letters"},
        {"uid = \"1000\"", "uid = \"4294967295\"", NULL, "conf.value", "uid"},
        {"uid = \"1000\"", "uid = \"no-such-user-here\"", NULL, "conf.value", "user of this host"},
        {"role = \"admin\"", "role = \"root\"", NULL, "conf.value", "auditor, operator, admin"},
        {"%d/softhsm2", "%x/softhsm2", NULL, "conf.value", "percent"},
        {"SOFTHSM2_CONF=%d", "=%d", NULL, "conf.value", "NAME=VALUE"},
    };

    (void)state;
    conf_refuse_all(cases, COUNT(cases));
}

static void patterns_of_names_are_checked(void **state)
{
    static const struct {
        const char *key, *good, *bad;
    } cases[] = {{"dns", ".example.com", "*.example.com"},
                 {"dns", "example.com", "exa mple.com"},
                 {"dns", "example.com", "."},
                 {"ip", "10.0.0.0/8", "10.0.0.1/8"},
                 {"ip", "fd00::/8", "fd00::/129"},
                 {"ip", "0.0.0.0/0", "10.0.0.0"},
                 {"email", "example.com", "alice@example.com"},
                 {"uri", "spiffe://example.com/", "example.com"},
                 {"uri", "urn:", "1x://"},
                 {"key_types", "rsa2048", "rsa"},
                 {"eku", "clientAuth", "anyExtendedKeyUsage"},
                 {"ku_ec", "contentCommitment", "encipherOnly"},
                 {"san_kinds", "uri", "x400"}};

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char good[160], bad[160];
        struct conf_wrong w = {"operators = (", bad, "profiles  = (", "conf.value", cases[i].key};

        snprintf(good, sizeof(good),
                 "profiles  = ( { name = \"mtls\"; %s = ( \"%s\" ); } );\n"
                 "operators = (",
                 cases[i].key, cases[i].good);
        snprintf(bad, sizeof(bad),
                 "profiles  = ( { name = \"mtls\"; %s = ( \"%s\" ); } );\n"
                 "operators = (",
                 cases[i].key, cases[i].bad);
        conf_free(conf_accepted("operators = (", good));
        conf_refuse_all(&w, 1);
    }
}

static void a_required_key_that_is_missing_is_named(void **state)
{
    static const struct conf_wrong cases[] = {
        {"{\n        name = \"default\";", "{", "{\n        module", "conf.missing",
         "tokens: \"name\" is missing"},
        {"uri = \"pkcs11:token=cerca-dev\";", "", "{\n        name = \"default\"", "conf.missing",
         "tokens: \"uri\" is missing"},
        {"key_type = \"p384\";", "", "{\n        name = \"root\"", "conf.missing",
         "issuers: \"key_type\" is missing"},
        {"; role = \"admin\"", "", "{ name = \"alice\"", "conf.missing",
         "operators: \"role\" is missing"},
        {"operators = (", "profiles = (\n{ name = \"own\"; } );\noperators = (", "{ name = \"own\"",
         "conf.missing", "at least one purpose"},
    };

    (void)state;
    conf_refuse_all(cases, COUNT(cases));
}

static void a_text_past_its_bound_is_refused(void **state)
{
    char *text = malloc(CONF_MAX + 2);
    struct conf *c;
    struct fault f;

    (void)state;
    assert_non_null(text);
    memset(text, ' ', CONF_MAX + 1);
    text[CONF_MAX + 1] = '\0';
    assert_int_equal(conf_load_text(text, CONF_TEST_PATH, &c, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "conf.size");
    text[CONF_MAX] = '\0';
    assert_int_equal(conf_load_text(text, CONF_TEST_PATH, &c, &f), 0);
    conf_free(c);
    free(text);
}

static void sockets_have_their_paths(void **state)
{
    struct conf *c = conf_accepted("info", "info");
    struct buf b;

    (void)state;
    buf_init(&b, 256);
    conf_admin_socket(c, &b);
    assert_string_equal(buf_cstr(&b), "/data/ca/sock/admin.sock");
    buf_reset(&b);
    conf_signer_socket(c, "default", &b);
    assert_string_equal(buf_cstr(&b), "/data/ca/sock/signer-default.sock");
    buf_free(&b);
    conf_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_development_configuration_loads_as_it_reads),
        cmocka_unit_test(defaults_hold_where_the_file_says_nothing),
        cmocka_unit_test(the_generation_is_the_hash_of_the_text),
        cmocka_unit_test(twelve_profiles_are_built_in),
        cmocka_unit_test(an_entry_named_as_a_built_in_profile_changes_single_keys),
        cmocka_unit_test(unknown_keys_and_sections_are_refused_with_the_nearest_name),
        cmocka_unit_test(values_of_another_type_are_refused),
        cmocka_unit_test(values_out_of_range_or_form_are_refused),
        cmocka_unit_test(patterns_of_names_are_checked),
        cmocka_unit_test(a_required_key_that_is_missing_is_named),
        cmocka_unit_test(a_text_past_its_bound_is_refused),
        cmocka_unit_test(sockets_have_their_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
