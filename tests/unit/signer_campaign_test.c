/*
 * The campaign: every return value of PKCS #11, one that no standard knows, hangs, crashes and
 * results that lie, at every call that cerca-signer makes of its module, at the first, a middle and
 * the last time that it is made while the signer starts, and while it signs.
 *
 * Whatever is done, who asks for a signature gets a right one or is refused within the limit, no
 * PIN is tried twice in one life, and once the module is well again the signer signs: the same
 * process, or the next one, which cercad starts unless the end says that only a reload may help.
 * That end is kept for PINs.
 *
 * A part of the values at each call by default, together all of them; with CERCA_CAMPAIGN=full
 * (make hsm-campaign) each value at each call. Prints a table of calls and outcomes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/exitcode.h"
#include "lib/file.h"
#include "lib/key.h"
#include "lib/signrecord.h"
#include "tests/unit/signer_campaign.h"
#include "tests/unit/signer_process.h"

#define CALLS_MAX 32
#define PATIENCE_US 20000000
#define SAMPLE 4 /* values at each call and phase unless all are asked for */

enum phase { AT_FIRST, IN_THE_MIDDLE, AT_LAST, WHEN_SIGNING, PHASES };
static const char *const phase_names[] = {"load, first", "load, middle", "load, last", "signing"};

enum outcome { SERVED, TOLD_ENDED, TOLD_LIVES, PIN_ENDED, CRASHED, OUTCOMES };
static const char *const outcome_names[] = {"served", "refused, ended", "refused, lives", "PIN",
                                            "crashed"};

struct call {
    char name[32];
    unsigned loading, signing; /* how often it is made */
    unsigned counts[PHASES][OUTCOMES];
};

struct campaign {
    struct process *p;
    struct buf spki, answer;
    struct draft d;
    EVP_PKEY *key;
    uint64_t signatures;
    struct call call[CALLS_MAX];
    size_t n_calls, turn;
    bool full;
    unsigned tried;
};

/* ---- one signer ---- */

static void next_serial(struct campaign *c)
{
    for (size_t i = SERIAL_LEN; i-- > SERIAL_LEN - 4;)
        if (++c->d.spec.serial[i] != 0)
            return;
}

/* The newest entry of the signer's record is that of the draft. */
static bool draft_is_recorded(struct campaign *c)
{
    int fd = open(place_path(c->p->place, "signer/default.record"), O_RDONLY | O_CLOEXEC);
    uint8_t last[SIGNRECORD_ENTRY], hash[32];
    struct signrecord_entry e;
    bool whole;

    assert_true(fd >= 0);
    whole = lseek(fd, -(off_t)sizeof(last), SEEK_END) >= 0 &&
            read(fd, last, sizeof(last)) == (ssize_t)sizeof(last);
    (void)close(fd);
    if (!whole)
        return false;
    signrecord_get(last, &e);
    sha256(buf_slice(&c->d.tbs), hash);
    return memcmp(e.serial, c->d.spec.serial, SERIAL_LEN) == 0 &&
           memcmp(e.tbs_hash, hash, sizeof(hash)) == 0;
}

/* 0: signed, rightly. A certificate that is wrong is for cerca-ca to refuse: lies are counted as
 * refusals where `lies` says that the module was ordered to lie. */
static int sign(struct campaign *c, bool lies, struct fault *f)
{
    uint64_t since = clock_mono_us();
    int rc;

    next_serial(c);
    rc = process_sign(c->p, "issuing", draft_tbs(&c->d), &c->answer, f);
    assert_true(clock_mono_us() - since < PATIENCE_US);
    if (rc != 0)
        return rc;
    if (!draft_is_recorded(c))
        fail_msg("a signature without its entry in the record");
    if (campaign_right(buf_slice(&c->answer), buf_slice(&c->d.tbs), c->key)) {
        c->signatures++;
        return 0;
    }
    if (!lies)
        fail_msg("a wrong certificate");
    return fault_set(f, FAULT_INTERNAL, "campaign.lie", "its signature does not verify");
}

static bool has_ended(const struct process *p)
{
    siginfo_t i;

    memset(&i, 0, sizeof(i));
    return waitid(P_PID, (id_t)p->pid, &i, WEXITED | WNOHANG | WNOWAIT) == 0 && i.si_pid == p->pid;
}

/* An end follows a refusal within moments: the last words of the signer come before it. */
static bool ends_soon(const struct process *p)
{
    for (unsigned i = 0; i < 400 && !has_ended(p); i++)
        (void)usleep(2000);
    return has_ended(p);
}

static void stop(struct campaign *c)
{
    if (c->p->pid != 0)
        process_kill(c->p, SIGKILL);
}

/* ---- what a signer calls ---- */

static struct call *call_named(struct campaign *c, const char *name)
{
    for (size_t i = 0; i < c->n_calls; i++)
        if (strcmp(c->call[i].name, name) == 0)
            return &c->call[i];
    assert_true(c->n_calls < CALLS_MAX);
    assert_true(strlen(name) < sizeof(c->call[0].name));
    memcpy(c->call[c->n_calls].name, name, strlen(name) + 1);
    return &c->call[c->n_calls++];
}

/* Counts the lines of the shim's log behind the first `skip`; returns how many there are. */
static size_t count_calls(struct campaign *c, size_t skip, bool loading)
{
    struct fault f;
    struct buf b;
    size_t n = 0;

    buf_init(&b, 1 << 20);
    assert_int_equal(file_read(place_path(c->p->place, "signer/shim.log"), 1 << 20, &b, &f), 0);
    for (char *s = (char *)(uintptr_t)buf_cstr(&b), *line; (line = strsep(&s, "\n")) != NULL;)
        if (*line != 0 && n++ >= skip) {
            struct call *k = call_named(c, line);

            *(loading ? &k->loading : &k->signing) += 1;
        }
    buf_free(&b);
    return n;
}

static void learn_calls(struct campaign *c)
{
    static const char *const known[] = {"C_Initialize",
                                        "C_GetInfo",
                                        "C_GetSlotList",
                                        "C_GetSlotInfo",
                                        "C_GetTokenInfo",
                                        "C_OpenSession",
                                        "C_Login",
                                        "C_FindObjectsInit",
                                        "C_FindObjects",
                                        "C_FindObjectsFinal",
                                        "C_GetAttributeValue",
                                        "C_SignInit",
                                        "C_Sign",
                                        "C_GetSessionInfo"};
    uint8_t key_id[20];
    size_t loaded;
    struct fault f;

    process_start(c->p);
    assert_non_null(c->p->client);
    process_key(c->p, "issuing", &c->spki, key_id);
    loaded = count_calls(c, 0, true);
    draft_init(&c->d, conf_issuer(c->p->place->conf, "issuing"), key_id);
    c->key = d2i_PUBKEY(NULL, &(const uint8_t *){c->spki.p}, (long)c->spki.n);
    assert_non_null(c->key);
    assert_int_equal(sign(c, false, &f), 0);
    assert_int_equal(process_ping(c->p, &f), 0);
    (void)count_calls(c, loaded, false);
    stop(c);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct call *k = call_named(c, known[i]);

        if (k->loading + k->signing == 0)
            fail_msg("%s is never called: the shim does not see it", known[i]);
    }
}

/* ---- one combination ---- */

static void order(struct campaign *c, const struct call *k, const char *what, enum phase phase)
{
    unsigned after = phase == IN_THE_MIDDLE ? k->loading / 2
                     : phase == AT_LAST     ? k->loading - 1
                                            : 0;
    char line[128];

    (void)snprintf(line, sizeof(line), "%s %s 0 %u\n", k->name, what, after);
    process_order(c->p, line);
}

static enum outcome end_of(struct campaign *c, const struct call *k, const char *what)
{
    int status = process_end(c->p);

    if (status < 0) {
        if (strcmp(what, "crash") != 0)
            fail_msg("%s %s: killed by signal %d", k->name, what, -status);
        return CRASHED;
    }
    if (status == EXITCODE_WRONG_PIN) {
        if (strcmp(k->name, "C_Login") != 0)
            fail_msg("%s %s: ends as if the PIN were wrong", k->name, what);
        return PIN_ENDED;
    }
    if (status != EXITCODE_TOKEN)
        fail_msg("%s %s: ends with status %d, not to be started again", k->name, what, status);
    return TOLD_ENDED;
}

static enum outcome suffer(struct campaign *c, const struct call *k, const char *what,
                           enum phase phase)
{
    bool lies = strncmp(what, "error", 5) != 0;
    struct fault f;
    int rc, alive;

    fault_clear(&f);
    if (phase != WHEN_SIGNING)
        order(c, k, what, phase);
    process_start(c->p);
    if (phase == WHEN_SIGNING) {
        assert_non_null(c->p->client);
        assert_int_equal(process_ping(c->p, &f), 0);
        order(c, k, what, phase);
    }
    if (c->p->client == NULL)
        return end_of(c, k, what);
    rc = sign(c, lies, &f);
    alive = rc == 0 ? process_ping(c->p, &f) : rc;
    if (alive == 0)
        return SERVED;
    if (f.text[0] == 0)
        fail_msg("%s %s: refused without a reason", k->name, what);
    return ends_soon(c->p) ? end_of(c, k, what) : TOLD_LIVES;
}

/* The module is well: this process signs, or it ends and the next one does. cerca-ca greets a
 * signer that lacks keys, or has wrong ones, and pings one with which it is content. */
static void recovers(struct campaign *c, const struct call *k, const char *what, enum phase phase)
{
    uint64_t until = clock_mono_us() + PATIENCE_US;
    struct fault f;

    fault_clear(&f);
    process_order(c->p, NULL);
    for (;;) {
        if (c->p->pid != 0 && has_ended(c->p))
            (void)end_of(c, k, what);
        if (c->p->pid == 0)
            process_start(c->p);
        if (c->p->client != NULL && process_greet(c->p, &f) == 0 && sign(c, false, &f) == 0)
            break;
        if (clock_mono_us() > until)
            fail_msg("%s %s (%s): still refused when all is well: %s", k->name, what,
                     phase_names[phase], f.text);
        (void)usleep(20000);
    }
    stop(c);
}

static void try_one(struct campaign *c, struct call *k, const char *what, enum phase phase)
{
    enum outcome o = suffer(c, k, what, phase);

    if (process_calls(c->p, "C_Login") > 1)
        fail_msg("%s %s: more than one login in one life", k->name, what);
    k->counts[phase][o]++;
    c->tried++;
    if (c->full)
        print_message("%s\t%s\t%s\t%s\n", k->name, phase_names[phase], what, outcome_names[o]);
    recovers(c, k, what, phase);
}

static bool is_made(const struct call *k, enum phase phase)
{
    switch (phase) {
    case AT_FIRST:
        return k->loading > 0;
    case IN_THE_MIDDLE:
        return k->loading > 2;
    case AT_LAST:
        return k->loading > 1;
    default:
        return k->signing > 0;
    }
}

/* ---- the table ---- */

static void every_call_may_return_anything(struct campaign *c)
{
    CK_RV value[CAMPAIGN_VALUES_MAX];
    size_t n = campaign_values(value), each = c->full ? n : SAMPLE;

    for (size_t i = 0; i < c->n_calls; i++)
        for (enum phase phase = 0; phase < PHASES; phase++)
            for (size_t v = 0; v < each && is_made(&c->call[i], phase); v++) {
                char what[40];

                (void)snprintf(what, sizeof(what), "error 0x%lx", value[c->turn++ % n]);
                try_one(c, &c->call[i], what, phase);
            }
    /* The part that is tried by default has each value once, at least. */
    assert_true(c->turn >= n);
}

static void try_at(struct campaign *c, const char *call, const char *what, enum phase phase)
{
    struct call *k = call_named(c, call);

    assert_true(is_made(k, phase));
    try_one(c, k, what, phase);
}

static void every_call_may_hang_or_crash(struct campaign *c)
{
    static const char *const some[] = {"C_Initialize", "C_Login", "C_GetAttributeValue"};

    if (!c->full) {
        for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
            try_at(c, some[i], "hang", AT_FIRST);
            try_at(c, some[i], "crash", AT_FIRST);
        }
        try_at(c, "C_GetTokenInfo", "hang", WHEN_SIGNING);
        return;
    }
    for (size_t i = 0; i < c->n_calls; i++)
        for (enum phase phase = 0; phase < PHASES; phase++)
            if (is_made(&c->call[i], phase)) {
                try_one(c, &c->call[i], "hang", phase);
                try_one(c, &c->call[i], "crash", phase);
            }
}

static void every_result_may_lie(struct campaign *c)
{
    static const char *const bends[] = {"short", "long", "huge", "zero", "wrong"};

    for (size_t i = 0; i < sizeof(bends) / sizeof(bends[0]); i++) {
        try_at(c, "C_Sign", bends[i], WHEN_SIGNING);
        for (enum phase phase = 0; phase < WHEN_SIGNING; phase++)
            try_at(c, "C_GetAttributeValue", bends[i], phase);
    }
    try_at(c, "C_SignInit", "wrong", WHEN_SIGNING);
    for (enum phase phase = 0; phase < WHEN_SIGNING; phase++) {
        try_at(c, "C_FindObjects", "zero", phase);
        try_at(c, "C_FindObjects", "huge", phase);
    }
    try_at(c, "C_GetSlotList", "zero", AT_FIRST);
    try_at(c, "C_GetTokenInfo", "zero", AT_FIRST);
    try_at(c, "C_GetTokenInfo", "zero", AT_LAST);
    try_at(c, "C_GetSessionInfo", "zero", WHEN_SIGNING);
    try_at(c, "C_OpenSession", "limit 0", AT_FIRST);
    try_at(c, "C_OpenSession", "limit 1", AT_FIRST);
}

static void print_table(const struct campaign *c)
{
    for (size_t i = 0; i < c->n_calls; i++)
        for (enum phase phase = 0; phase < PHASES; phase++) {
            const struct call *k = &c->call[i];

            if (!is_made(k, phase))
                continue;
            print_message("# %-20s %-13s", k->name, phase_names[phase]);
            for (enum outcome o = 0; o < OUTCOMES; o++)
                if (k->counts[phase][o] > 0)
                    print_message("  %s %u", outcome_names[o], k->counts[phase][o]);
            print_message("\n");
        }
    print_message("# %u combinations, %llu right certificates, none wrong\n", c->tried,
                  (unsigned long long)c->signatures);
}

static void whatever_the_module_does_nothing_wrong_is_signed_and_it_comes_back(void **state)
{
    struct campaign *c = *state;

    c->full = campaign_full();
    buf_init(&c->spki, CERT_MAX);
    buf_init(&c->answer, FRAME_BODY_MAX);
    learn_calls(c);
    every_call_may_return_anything(c);
    every_call_may_hang_or_crash(c);
    every_result_may_lie(c);
    print_table(c);
    EVP_PKEY_free(c->key);
    draft_free(&c->d);
    buf_free(&c->spki);
    buf_free(&c->answer);
}

/* What failed must not leave a signer behind. */
static int end_signer(void **state)
{
    struct campaign *c = *state;

    process_free(c->p);
    free(c);
    return 0;
}

static int begin(void **state)
{
    struct campaign *c = xcalloc(1, sizeof(*c));

    c->p = process_new(place_two_issuers);
    *state = c;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            whatever_the_module_does_nothing_wrong_is_signed_and_it_comes_back, begin, end_signer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
