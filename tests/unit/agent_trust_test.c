/* CRLs and CA certificates for services: what is taken, what is refused, in which forms it is
 * written, and that a kill at any step leaves a whole one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "agent/trust/trust.h"
#include "lib/clock.h"
#include "lib/step.h"
#include "tests/unit/agent_help.h"

static struct agent_conf conf;
static struct agent_trust entry;
static struct trust_status status;
static struct fault f;

/* A CRL of the issuing CA, with serial numbers from 1001 on. */
struct list {
    long number, from, to;
    long revoked;
    bool delta, root; /* signed by the root in the issuing CA's name */
};

static X509_CRL *make_list(const struct list *l)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *t = ASN1_TIME_set(NULL, clock_now() + l->from);
    ASN1_INTEGER *n = ASN1_INTEGER_new();

    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(scene.ca.issuing));
    X509_CRL_set1_lastUpdate(crl, t);
    ASN1_TIME_set(t, clock_now() + l->to);
    X509_CRL_set1_nextUpdate(crl, t);
    for (long i = 0; i < l->revoked; i++) {
        X509_REVOKED *r = X509_REVOKED_new();

        ASN1_INTEGER_set(n, 1001 + i);
        X509_REVOKED_set_serialNumber(r, n);
        ASN1_TIME_set(t, clock_now() - 100);
        X509_REVOKED_set_revocationDate(r, t);
        X509_CRL_add0_revoked(crl, r);
    }
    ASN1_INTEGER_set(n, l->number);
    assert_int_equal(X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, 0), 1);
    if (l->delta)
        assert_int_equal(X509_CRL_add1_ext_i2d(crl, NID_delta_crl, n, 1, 0), 1);
    X509_CRL_sort(crl);
    assert_true(
        X509_CRL_sign(crl, l->root ? scene.ca.root_key : scene.ca.issuing_key, EVP_sha256()) > 0);
    ASN1_INTEGER_free(n);
    ASN1_TIME_free(t);
    return crl;
}

static void publish(struct list l, bool pem)
{
    X509_CRL *crl;
    FILE *file = fopen(test_path(scene.place, "source.crl"), "w");

    assert_non_null(file);
    l.to = l.to == 0 ? 86400 : l.to;
    crl = make_list(&l);
    assert_int_equal(pem ? PEM_write_X509_CRL(file, crl) : i2d_X509_CRL_fp(file, crl), 1);
    assert_int_equal(fclose(file), 0);
    X509_CRL_free(crl);
}

static void configure(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void configure(const char *fmt, ...)
{
    char text[4096];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    agent_trust_free(&entry);
    conf = (struct agent_conf){
        .dir = scene.place, .state_dir = scene.folder, .url = (char[]){""}, .trust = (char[]){""}};
    if (agent_conf_read_trust(&conf, "state", text, &entry, &f) < 0)
        fail_msg("%s", f.text);
}

#define CRL_SOURCE                                                                                 \
    "sources = ({ name = \"issuing\"; url = \"file://%s/source.crl\"; issuer = \"%s/ca.pem\"; });"

/* An entry with one CRL in one PEM file, and no state. */
static int fresh(void **s)
{
    X509 *both[2];

    if (scene_fresh(s) != 0)
        return -1;
    both[0] = scene.ca.root;
    both[1] = scene.ca.issuing;
    test_write_certs(test_path(scene.place, "ca.pem"), both, 2);
    configure(CRL_SOURCE "files = ({ path = \"%s/clients.crl\"; });", scene.place, scene.place,
              scene.place);
    return 0;
}

static int refresh(void)
{
    return trust_refresh(&entry, 10, &status, &f);
}

static void a_list_is_installed_and_followed(void **s)
{
    struct list l = {.number = 5, .from = -60, .revoked = 2};

    (void)s;
    publish(l, false);
    assert_int_equal(refresh(), 0);
    assert_true(status.changed);
    assert_int_equal(status.version, 1);
    assert_int_equal(status.item[0].number, 5);
    assert_int_equal(status.item[0].entries, 2);
    assert_int_equal(
        test_sh("openssl crl -in %s/clients.crl -noout -crlnumber | grep -q '=0*x*0*5$'",
                scene.place),
        0);
    assert_int_equal(refresh(), 0);
    assert_false(status.changed);
    assert_int_equal(status.version, 1);
    l.number = 6;
    publish(l, true);
    assert_int_equal(refresh(), 0);
    assert_true(status.changed);
    assert_int_equal(trust_look(&entry, &status, &f), 0);
    assert_int_equal(status.item[0].number, 6);
    assert_int_equal(status.next_update - status.item[0].this_update, 86460);
    assert_int_equal(status.next_update - status.late_from, 86460 / 3);
}

static void expect_refused(struct list l, const char *rule)
{
    publish(l, false);
    assert_true(refresh() < 0);
    assert_string_equal(f.rule, rule);
    assert_int_equal(status.item[0].why.code, f.code);
    assert_int_equal(trust_look(&entry, &status, &f), 0);
    assert_int_equal(status.item[0].number, 5);
    assert_int_equal(status.version, 1);
}

static void what_is_not_right_changes_nothing(void **s)
{
    (void)s;
    publish((struct list){.number = 5, .from = -60}, false);
    assert_int_equal(refresh(), 0);
    expect_refused((struct list){.number = 4, .from = -10}, "trust.number");
    expect_refused((struct list){.number = 5, .from = -10, .revoked = 1}, "trust.number");
    expect_refused((struct list){.number = 6, .from = 4000}, "trust.time");
    expect_refused((struct list){.number = 6, .from = -60, .to = -1}, "trust.time");
    expect_refused((struct list){.number = 6, .from = -60, .root = true}, "trust.issuer");
    expect_refused((struct list){.number = 6, .from = -60, .delta = true}, "trust.crl");
    test_write(test_path(scene.place, "source.crl"), "no list");
    assert_true(refresh() < 0);
    test_write(test_path(scene.place, "source.crl"), "");
    assert_true(refresh() < 0);
    assert_int_equal(unlink(test_path(scene.place, "source.crl")), 0);
    assert_true(refresh() < 0);
    assert_string_equal(f.rule, "trust.fetch");
    assert_int_equal(test_sh("openssl crl -in %s/clients.crl -noout", scene.place), 0);
}

/* A source is asked by a process that may read its file and no other. */
static void a_source_is_read_in_a_jail(void **s)
{
    (void)s;
    publish((struct list){.number = 5, .from = -60}, false);
    assert_int_equal(test_sh("mv %s/source.crl %s/elsewhere && ln -s %s/elsewhere %s/source.crl",
                             scene.place, scene.folder, scene.folder, scene.place),
                     0);
    assert_int_equal(refresh(), 0); /* the path leads there: it is what was allowed */
    assert_int_equal(test_sh("rm %s/source.crl && mkfifo %s/source.crl", scene.place, scene.place),
                     0);
    assert_true(trust_refresh(&entry, 1, &status, &f) < 0);
    assert_string_equal(f.rule, "jail.limit");
}

static void every_form_is_read_by_openssl(void **s)
{
    (void)s;
    publish((struct list){.number = 5, .from = -60, .revoked = 3}, true);
    configure("sources = ({ name = \"issuing\"; url = \"file://%s/source.crl\"; issuer = "
              "\"%s/ca.pem\"; },"
              " { name = \"ca\"; kind = \"ca\"; url = \"file://%s/ca.pem\"; issuer = \"%s\"; });"
              "files = ({ path = \"all.pem\"; mode = \"0640\"; },"
              " { path = \"one.crl\"; form = \"der\"; sources = (\"issuing\"); },"
              " { path = \"%s/trust\"; form = \"hashed\"; },"
              " { path = \"%s/serials\"; form = \"serials\"; sources = (\"issuing\"); });",
              scene.place, scene.place, scene.place, scene.anchors, scene.place, scene.place);
    assert_int_equal(refresh(), 0);
    assert_int_equal(
        test_sh(
            "cd %s/current && test $(grep -c 'BEGIN CERT' all.pem) = 2 &&"
            " test $(grep -c 'BEGIN X509 CRL' all.pem) = 1 && test $(stat -c %%a all.pem) = 640 &&"
            " openssl crl -inform DER -in one.crl -noout",
            scene.state),
        0);
    assert_int_equal(
        test_sh("test \"$(ls %s/serials | tr '\\n' ' ')\" = '1001 1002 1003 '", scene.place), 0);
    test_write_certs(test_path(scene.place, "issuing.pem"), &scene.ca.issuing, 1);
    assert_int_equal(test_sh("cd %s && test $(ls trust | wc -l) = 3 &&"
                             " openssl verify -CApath trust -no-CAfile issuing.pem >/dev/null &&"
                             " openssl crl -in trust/*.r0 -CApath trust -noout 2>&1 | grep -q OK",
                             scene.place),
                     0);
    /* The same sources, other files. */
    configure(CRL_SOURCE "files = ({ path = \"new.pem\"; });", scene.place, scene.place);
    assert_int_equal(refresh(), 0);
    assert_true(status.changed);
    assert_int_equal(test_sh("test -s %s/current/new.pem && ! test -e %s/current/all.pem",
                             scene.state, scene.state),
                     0);
}

/* ---- CA certificates ---- */

static void of_a_ca(void)
{
    configure("sources = ({ name = \"ca\"; kind = \"ca\"; url = \"file://%s/bundle.pem\"; "
              "issuer = \"%s\"; }); files = ({ path = \"%s/ca-bundle.pem\"; });",
              scene.place, scene.anchors, scene.place);
}

static void bundle(X509 **list, size_t n)
{
    test_write_certs(test_path(scene.place, "bundle.pem"), list, n);
}

/* A new root is believed when it comes with its certificate by the old one, and from then on. */
static void a_new_root_needs_the_old_one(void **s)
{
    struct test_ca other;
    X509 *cross, *list[4];

    (void)s;
    test_ca_make(&other, "Other Root");
    cross = X509_dup(other.root);
    X509_set_issuer_name(cross, X509_get_subject_name(scene.ca.root));
    assert_true(X509_sign(cross, scene.ca.root_key, EVP_sha256()) > 0);
    of_a_ca();
    list[0] = scene.ca.root;
    list[1] = other.root;
    list[2] = cross;
    bundle(list, 2);
    assert_int_equal(refresh(), -FAULT_DENIED);
    assert_string_equal(f.rule, "trust.ca");
    bundle(list, 1);
    assert_int_equal(refresh(), 0);
    assert_int_equal(status.item[0].entries, 1);
    bundle(list, 3);
    assert_int_equal(refresh(), 0);
    assert_int_equal(status.item[0].entries, 3);
    list[0] = other.issuing; /* below what was taken, no longer below what is configured */
    bundle(list, 2);
    assert_int_equal(refresh(), 0);
    assert_int_equal(test_sh("test $(grep -c 'BEGIN CERT' %s/ca-bundle.pem) = 2", scene.place), 0);
    X509_free(cross);
    test_ca_free(&other);
}

static void only_cas_are_taken(void **s)
{
    struct test_leaf *l = &scene.first;
    const uint8_t *p = l->leaf.p;
    X509 *list[2] = {scene.ca.issuing, d2i_X509(NULL, &p, (long)l->leaf.n)};

    (void)s;
    of_a_ca();
    bundle(list, 2);
    assert_int_equal(refresh(), -FAULT_DENIED);
    assert_int_equal(test_sh(": >%s/bundle.pem", scene.place), 0);
    assert_int_equal(refresh(), -FAULT_MALFORMED);
    bundle(list, 1);
    assert_int_equal(refresh(), 0);
    X509_free(list[1]);
}

/* As EST has it: base64 of PKCS#7. */
static void the_answer_of_est_is_read(void **s)
{
    X509 *list[2] = {scene.ca.root, scene.ca.issuing};

    (void)s;
    of_a_ca();
    bundle(list, 2);
    assert_int_equal(test_sh("cd %s && openssl crl2pkcs7 -nocrl -certfile bundle.pem -outform DER |"
                             " base64 >new && mv new bundle.pem",
                             scene.place),
                     0);
    assert_int_equal(refresh(), 0);
    assert_int_equal(status.item[0].entries, 2);
}

/* ---- services ---- */

/* A service that refuses the new list keeps the old one. */
static void a_refused_list_is_taken_back(void **s)
{
    struct list l = {.number = 5, .from = -60};

    (void)s;
    configure(CRL_SOURCE
              "files = ({ path = \"%s/clients.crl\"; });"
              "services = ({ name = \"web\"; reload = (\"/bin/sh\", \"-c\", "
              "\"! openssl crl -in %s/clients.crl -noout -crlnumber | grep -q '6$'\"); });",
              scene.place, scene.place, scene.place, scene.place);
    publish(l, false);
    assert_int_equal(refresh(), 0);
    l.number = 6;
    publish(l, false);
    assert_true(refresh() < 0);
    assert_string_equal(f.rule, "deploy.reload");
    assert_int_equal(trust_look(&entry, &status, &f), 0);
    assert_int_equal(status.item[0].number, 5);
    l.number = 7;
    publish(l, false);
    assert_int_equal(refresh(), 0);
}

static int killed_at(const char *step, int pass)
{
    char order[64];
    int how = -1;
    pid_t pid;

    (void)snprintf(order, sizeof(order), "agent_trust_test:%s:%d", step, pass);
    pid = fork();
    if (pid == 0) {
        (void)setenv("CERCA_STEP_KILL", order, 1);
        step_init("agent_trust_test");
        _exit(refresh() < 0);
    }
    assert_int_equal(waitpid(pid, &how, 0), pid);
    return WIFSIGNALED(how);
}

static void killed_anywhere_a_list_is_whole(void **s)
{
    static const char *const steps[] = {"trust-file",     "deploy-written",  "deploy-staged",
                                        "deploy-visible", "trust-installed", "deploy-good"};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        assert_int_equal(fresh(s), 0);
        publish((struct list){.number = 5, .from = -60}, false);
        assert_int_equal(refresh(), 0);
        publish((struct list){.number = 6, .from = -50}, false);
        assert_int_equal(killed_at(steps[i], 1), 1);
        assert_int_equal(test_sh("openssl crl -in %s/clients.crl -noout", scene.place), 0);
        assert_int_equal(refresh(), 0);
        assert_int_equal(trust_look(&entry, &status, &f), 0);
        assert_int_equal(status.item[0].number, 6);
        assert_int_equal(
            test_sh("cd %s && test $(readlink current) = $(readlink good)", scene.state), 0);
    }
}

static void wrong_configurations_are_refused(void **s)
{
    static const char *const wrong[] = {
        "sources = ({ name = \"a\"; url = \"ftp://x/\"; issuer = \"/i\"; }); files = ({ path = "
        "\"x\"; });",
        "sources = ({ name = \"a\"; url = \"http://x/\"; issuer = \"/i\"; });",
        "files = ({ path = \"x\"; });",
        "sources = ({ name = \"a\"; url = \"http://x/\"; issuer = \"/i\"; });"
        "files = ({ path = \"x\"; sources = (\"b\"); });",
        "sources = ({ name = \"a\"; kind = \"ca\"; url = \"http://x/\"; issuer = \"/i\"; });"
        "files = ({ path = \"x\"; form = \"der\"; });",
        "sources = ({ name = \"a\"; kind = \"ca\"; url = \"http://x/\"; issuer = \"/i\"; });"
        "files = ({ path = \"x\"; form = \"serials\"; });",
    };
    struct agent_trust t;

    (void)s;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(agent_conf_read_trust(&conf, "state", wrong[i], &t, &f), -FAULT_CONFIG);
}

static int tear_down(void **s)
{
    agent_trust_free(&entry);
    return scene_tear_down(s);
}

#define TEST(function) cmocka_unit_test_setup(function, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_list_is_installed_and_followed), TEST(what_is_not_right_changes_nothing),
        TEST(a_source_is_read_in_a_jail),       TEST(every_form_is_read_by_openssl),
        TEST(a_new_root_needs_the_old_one),     TEST(only_cas_are_taken),
        TEST(the_answer_of_est_is_read),        TEST(a_refused_list_is_taken_back),
        TEST(killed_anywhere_a_list_is_whole),  TEST(wrong_configurations_are_refused),
    };

    return cmocka_run_group_tests(tests, scene_set_up, tear_down);
}
