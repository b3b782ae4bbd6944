/*
 * The campaign against calls that are made only when a token and its keys are made: every return
 * value of PKCS #11, hangs, crashes, and calls that did what they were asked and say otherwise, at
 * every call of `cerca-signer --provision`, and of a signer that makes one more issuer's key at
 * work.
 *
 * Whatever is done, it ends by itself and says which call failed; what it leaves behind is not
 * taken for whole: a signer that starts on it signs with keys that are there and right, or says
 * what is missing. Once the module is well the same command succeeds, and there is each key once.
 *
 * A part of the values at each call by default; each with CERCA_CAMPAIGN=full (make hsm-campaign).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fnmatch.h>
#include <ftw.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/exitcode.h"
#include "lib/file.h"
#include "tests/unit/signer_campaign.h"
#include "tests/unit/signer_process.h"

#define CALLS_MAX 32
#define KEYS 3 /* of place_two_issuers, and that of the audit log */
#define OBJECTS_OF_A_KEY 2

enum outcome { MADE, TOLD, PIN_TOLD, CRASHED, OUTCOMES };
static const char *const outcome_names[] = {"made", "told", "PIN", "crashed"};

struct call {
    char name[32];
    unsigned made; /* how often */
    unsigned counts[OUTCOMES];
};

struct campaign {
    struct call call[CALLS_MAX];
    size_t n_calls, turn;
    struct buf said;
    unsigned tried;
};

static const char a_third_issuer[] =
    ", { name = \"third\"; subject = \"CN=Third\"; token = \"default\";"
    "  key = \"pkcs11:object=third\"; key_type = \"p256\"; parent = \"root\";"
    "  signs_leaves = true; path_len = \"0\"; validity = \"2y\"; leaf_validity_max = \"90d\"; }";

/* ---- what is in the token ---- */

static unsigned objects_found;

static int count_object(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    const char *name = path + ftw->base;

    (void)st;
    if (type == FTW_F && fnmatch("*.object", name, 0) == 0 && strcmp(name, "token.object") != 0)
        objects_found++;
    return 0;
}

/* SoftHSM2 keeps each in a file. */
static unsigned objects(const struct process *p)
{
    objects_found = 0;
    assert_int_equal(nftw(place_path(p->place, "tokens"), count_object, 16, FTW_PHYS), 0);
    return objects_found;
}

/* A signer that starts on what is there signs rightly. */
static void signs(struct process *p)
{
    const struct conf_issuer *issuer = conf_issuer(p->place->conf, "issuing");
    struct buf spki, answer;
    uint8_t key_id[20];
    struct draft d;
    struct fault f;
    EVP_PKEY *key;

    buf_init(&spki, CERT_MAX);
    buf_init(&answer, FRAME_BODY_MAX);
    process_start(p);
    assert_non_null(p->client);
    process_key(p, "issuing", &spki, key_id);
    key = d2i_PUBKEY(NULL, &(const uint8_t *){spki.p}, (long)spki.n);
    assert_non_null(key);
    draft_init(&d, issuer, key_id);
    if (process_sign(p, "issuing", draft_tbs(&d), &answer, &f) != 0)
        fail_msg("not signed: %s", f.text);
    assert_true(campaign_right(buf_slice(&answer), buf_slice(&d.tbs), key));
    process_kill(p, SIGKILL);
    EVP_PKEY_free(key);
    draft_free(&d);
    buf_free(&spki);
    buf_free(&answer);
}

/* What a failure left is not taken for a whole token: a signer ends, to be started again or not, or
 * it serves without the key that is missing. */
static void is_not_taken_for_whole(struct process *p, const char *what)
{
    bool whole = objects(p) >= KEYS * OBJECTS_OF_A_KEY;
    struct fault f;

    process_start(p);
    if (p->client == NULL) {
        if (process_end(p) <= 0)
            fail_msg("%s: a signer on what is left is killed, or ends as if all were well", what);
        return;
    }
    if (!whole) {
        struct buf answer;
        struct draft d;
        const uint8_t nobody[20] = {0};

        buf_init(&answer, FRAME_BODY_MAX);
        draft_init(&d, conf_issuer(p->place->conf, "issuing"), nobody);
        if (process_sign(p, "issuing", draft_tbs(&d), &answer, &f) == 0)
            fail_msg("%s: signed in another key's name", what);
        assert_true(f.text[0] != 0);
        draft_free(&d);
        buf_free(&answer);
    }
    process_kill(p, SIGKILL);
}

/* ---- which calls ---- */

static struct call *call_named(struct campaign *c, const char *name)
{
    for (size_t i = 0; i < c->n_calls; i++)
        if (strcmp(c->call[i].name, name) == 0)
            return &c->call[i];
    assert_true(c->n_calls < CALLS_MAX && strlen(name) < sizeof(c->call[0].name));
    memcpy(c->call[c->n_calls].name, name, strlen(name) + 1);
    return &c->call[c->n_calls++];
}

/* From the shim's log of whatever just ran. */
static void count_calls(struct campaign *c, const struct process *p)
{
    struct fault f;
    struct buf b;

    buf_init(&b, 1 << 20);
    assert_int_equal(file_read(place_path(p->place, "signer/shim.log"), 1 << 20, &b, &f), 0);
    for (char *s = (char *)(uintptr_t)buf_cstr(&b), *line; (line = strsep(&s, "\n")) != NULL;)
        if (*line != 0)
            call_named(c, line)->made++;
    buf_free(&b);
}

static void learn_calls(struct campaign *c)
{
    static const char *const known[] = {"C_InitToken", "C_InitPIN", "C_Login", "C_Logout",
                                        "C_GenerateKeyPair"};
    struct process *p = process_new(place_two_issuers);

    count_calls(c, p);
    assert_int_equal(objects(p), KEYS * OBJECTS_OF_A_KEY);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (call_named(c, known[i])->made == 0)
            fail_msg("%s is never called: the shim does not see it", known[i]);
    signs(p);
    process_free(p);
}

/* ---- one combination ---- */

/* The call; of one that libp11 makes, the one around it; of a slot that says that it is empty, what
 * was looked for in all of them; of an attribute that a token says it does not tell, that one. */
static bool is_named(const char *said)
{
    return strstr(said, "C_") != NULL || strstr(said, "signer.token.absent") != NULL ||
           strstr(said, "signer.key.attribute") != NULL;
}

static enum outcome judge(struct campaign *c, const struct call *k, const char *what, int status)
{
    if (status == 0)
        return MADE;
    if (status < 0) {
        if (strstr(what, "crash") == NULL)
            fail_msg("%s %s: killed by signal %d", k->name, what, -status);
        return CRASHED;
    }
    if (strstr(buf_cstr(&c->said), "signer.ended") == NULL &&
        strstr(buf_cstr(&c->said), "signer.hang") == NULL)
        fail_msg("%s %s: ends with %d and says nothing: %s", k->name, what, status,
                 buf_cstr(&c->said));
    if (status == EXITCODE_WRONG_PIN) {
        if (strcmp(k->name, "C_Login") != 0)
            fail_msg("%s %s: ends as if a PIN were wrong", k->name, what);
        return PIN_TOLD;
    }
    if (!is_named(buf_cstr(&c->said)))
        fail_msg("%s %s: no call is named: %s", k->name, what, buf_cstr(&c->said));
    return TOLD;
}

/* `nth` time it is made, from 0. */
static void try_one(struct campaign *c, struct call *k, const char *what, unsigned nth)
{
    struct process *p = process_blank(place_two_issuers);
    char line[128];
    int status;

    (void)snprintf(line, sizeof(line), "%s %s 1 %u\n", k->name, what, nth);
    process_order(p, line);
    status = process_provision(p, &c->said);
    process_order(p, NULL);
    k->counts[judge(c, k, what, status)]++;
    c->tried++;
    if (status != 0)
        is_not_taken_for_whole(p, line);
    status = process_provision(p, &c->said);
    if (status != 0)
        fail_msg("%sends with %d when all is well: %s", line, status, buf_cstr(&c->said));
    if (objects(p) != KEYS * OBJECTS_OF_A_KEY)
        fail_msg("%sleaves %u objects", line, objects(p));
    signs(p);
    process_free(p);
}

static void first_and_last(struct campaign *c, struct call *k, const char *what)
{
    try_one(c, k, what, 0);
    if (k->made > 1)
        try_one(c, k, what, k->made - 1);
}

static void try_values(struct campaign *c, struct call *k)
{
    CK_RV value[CAMPAIGN_VALUES_MAX];
    size_t n = campaign_values(value);

    for (size_t v = 0; v < (campaign_full() ? n : 1); v++) {
        char what[40];

        (void)snprintf(what, sizeof(what), "error 0x%lx", value[c->turn++ % n]);
        first_and_last(c, k, what);
    }
}

static void print_table(const struct campaign *c)
{
    for (size_t i = 0; i < c->n_calls; i++) {
        const struct call *k = &c->call[i];

        print_message("# %-20s %2u times", k->name, k->made);
        for (enum outcome o = 0; o < OUTCOMES; o++)
            if (k->counts[o] > 0)
                print_message("  %s %u", outcome_names[o], k->counts[o]);
        print_message("\n");
    }
    print_message("# %u combinations, each followed by a whole token\n", c->tried);
}

static void what_is_half_made_is_told_and_made_whole_by_the_next_try(void **state)
{
    static const char *const deeds[] = {"C_InitToken", "C_InitPIN", "C_Login", "C_GenerateKeyPair"};
    struct campaign *c = *state;

    learn_calls(c);
    for (size_t i = 0; i < c->n_calls; i++)
        try_values(c, &c->call[i]);
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
        first_and_last(c, call_named(c, deeds[i]), "late 0x30");
        first_and_last(c, call_named(c, deeds[i]), "late crash");
        first_and_last(c, call_named(c, deeds[i]), "crash");
    }
    /* A key pair may take two minutes to make, so a hang there is found after those. */
    try_one(c, call_named(c, "C_InitToken"), "hang", 0);
    try_one(c, call_named(c, "C_InitPIN"), "hang", 0);
    print_table(c);
}

/* ---- one more key, at work ---- */

static int ask_for_key(struct process *p, struct buf *out, struct fault *f)
{
    struct csr_request r = {.issuer = "third", .make_key = true};
    struct frame answer;
    struct buf b;
    int rc;

    memcpy(r.generation, p->place->conf->generation, sizeof(r.generation));
    buf_init(&b, 256);
    csr_request_put(&b, &r);
    rc = client_call(p->client, MSG_CA_CSR, buf_slice(&b), 15000, &answer, f);
    buf_reset(out);
    if (rc == 0)
        buf_put_slice(out, answer.body);
    buf_free(&b);
    return rc;
}

/* A request (RFC 2986) that its own key verifies. */
static void is_request(const struct buf *der)
{
    const uint8_t *at = der->p;
    X509_REQ *r = d2i_X509_REQ(NULL, &at, (long)der->n);

    assert_non_null(r);
    assert_int_equal(X509_REQ_verify(r, X509_REQ_get0_pubkey(r)), 1);
    X509_REQ_free(r);
}

/* Provisioned with two issuers; the configuration then has a third. */
static struct process *place_that_lacks_a_key(void)
{
    char issuers[2048];
    struct process *p = process_new(place_two_issuers);

    (void)snprintf(issuers, sizeof(issuers), "%s%s", place_two_issuers, a_third_issuer);
    process_reissue(p, issuers);
    return p;
}

static void a_key_at_work_is_made_once(const char *order)
{
    struct process *p = place_that_lacks_a_key();
    struct buf first, then;
    struct fault f;

    buf_init(&first, CSR_MAX);
    buf_init(&then, CSR_MAX);
    process_start(p);
    assert_non_null(p->client);
    process_order(p, order);
    if (ask_for_key(p, &first, &f) == 0)
        is_request(&first);
    else if (f.text[0] == 0)
        fail_msg("%s: refused without a reason", order);
    process_order(p, NULL);
    process_kill(p, SIGKILL);
    process_start(p);
    assert_non_null(p->client);
    if (ask_for_key(p, &then, &f) != 0)
        fail_msg("%s: still refused when all is well: %s", order, f.text);
    is_request(&then);
    if (objects(p) != (KEYS + 1) * OBJECTS_OF_A_KEY)
        fail_msg("%s: leaves %u objects", order, objects(p));
    process_kill(p, SIGKILL);
    buf_free(&first);
    buf_free(&then);
    process_free(p);
}

static void a_key_that_is_made_at_work_is_made_once(void **state)
{
    static const char *const orders[] = {
        "C_GenerateKeyPair error 0x31 1\n",  "C_GenerateKeyPair late 0x32 1\n",
        "C_GenerateKeyPair late crash 1\n",  "C_GenerateKeyPair crash 1\n",
        "C_GetAttributeValue error 0x5 1\n", "C_SignInit error 0x63 1\n",
        "C_CloseSession error 0xb3 1\n",     "C_OpenSession error 0xb1 1\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
        a_key_at_work_is_made_once(orders[i]);
}

/* ---- a key that the token keeps ---- */

/* Of what the module says of a new key nothing is right, and it keeps the key: whoever reads the
 * log knows what to destroy. */
static void a_key_that_cannot_be_destroyed_is_named(void **state)
{
    struct campaign *c = *state;
    struct process *p = process_blank(place_two_issuers);

    process_order(p, "token keeps\n");
    assert_int_not_equal(process_provision(p, &c->said), 0);
    assert_non_null(strstr(buf_cstr(&c->said), "signer.key.left"));
    assert_non_null(strstr(buf_cstr(&c->said), "pkcs11:object=root"));
    process_free(p);
}

static int begin(void **state)
{
    struct campaign *c = xcalloc(1, sizeof(*c));

    buf_init(&c->said, 1 << 16);
    *state = c;
    return 0;
}

static int end(void **state)
{
    struct campaign *c = *state;

    buf_free(&c->said);
    free(c);
    return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_half_made_is_told_and_made_whole_by_the_next_try),
        T(a_key_that_is_made_at_work_is_made_once),
        T(a_key_that_cannot_be_destroyed_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
