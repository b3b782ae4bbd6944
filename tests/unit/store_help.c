#include "tests/unit/store_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ftw.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cert.h"
#include "lib/clock.h"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void remove_tree(const char *dir)
{
    (void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void fixture_path(const struct fixture *x, const char *name, char out[128])
{
    (void)snprintf(out, 128, "%s/%s", x->dir, name);
}

int fixture_reopen(struct fixture *x)
{
    fault_clear(&x->f);
    x->o.dir = x->dir;
    return store_open(&x->o, &x->s, &x->f);
}

/* Shared with the children that a test forks: a tick is used once. */
static _Atomic uint64_t *ticks;

static void ticks_init(void)
{
    if (ticks)
        return;
    ticks = mmap(NULL, sizeof(*ticks), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(ticks != MAP_FAILED);
}

void fixture_open(struct fixture *x, bool sync)
{
    static const uint8_t hash[32] = {7};
    ticks_init();
    memset(x, 0, sizeof(*x));
    (void)snprintf(x->dir, sizeof(x->dir), "/tmp/cerca-store-XXXXXX");
    assert_non_null(mkdtemp(x->dir));
    x->o = (struct store_options){
        .quota = 1ULL << 40, .request_key_life = 600, .intent_grace = 60, .no_sync = !sync};
    if (fixture_reopen(x) != 0)
        fail_msg("%s", x->f.text);
    assert_int_equal(store_issuer_add(x->s, "issuing", hash, &x->issuer, &x->f), 0);
}

void fixture_close(struct fixture *x)
{
    store_close(x->s);
    x->s = NULL;
}

void fixture_wait_indexes(struct fixture *x)
{
    struct store_stats st;
    for (int i = 0; i < 2000; i++) {
        struct timespec ms = {0, 5000000};
        assert_int_equal(store_stats(x->s, &st, &x->f), 0);
        if (!st.rebuilding)
            return;
        nanosleep(&ms, NULL);
    }
    fail_msg("the indexes were not rebuilt");
}

void fixture_remove(struct fixture *x)
{
    fixture_close(x);
    remove_tree(x->dir);
}

/* RFC 5480 2: id-ecPublicKey, prime256v1, an uncompressed point. */
static const uint8_t spki_head[27] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

static void serial_next(uint8_t serial[SERIAL_LEN])
{
    uint64_t tick = (uint64_t)TEST_NOW * CLOCK_TICKS_PER_SECOND + ++*ticks;
    random_bytes(serial, SERIAL_LEN);
    for (size_t i = 6; i-- > 0; tick >>= 8)
        serial[i] = (uint8_t)(tick & 0xff);
    serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40);
}

void request_draft(struct request *r, const char *name)
{
    struct san_list *sans = xcalloc(1, sizeof(*sans));
    struct buf cn;
    struct fault f;
    struct store_intent *i = &r->op.intent;
    (void)snprintf(r->name, sizeof(r->name), "%s", name);
    buf_init(&cn, 1024);
    assert_int_equal(name_from_cn(slice_str(r->name), &cn, &f), 0);
    sans->n = 1;
    sans->item[0] = (struct san){SAN_DNS, slice_str(r->name)};
    struct tbs_spec spec = {.alg = SIG_ECDSA_SHA256,
                            .issuer = buf_slice(&cn),
                            .subject = buf_slice(&cn),
                            .not_before = i->not_before,
                            .not_after = i->not_after,
                            .spki = slice_of(r->spki, sizeof(r->spki)),
                            .key_usage = KU_DIGITAL_SIGNATURE,
                            .eku = EKU_SERVER_AUTH,
                            .path_len = -1,
                            .sans = sans};
    memcpy(spec.serial, r->op.ref.serial, SERIAL_LEN);
    buf_reset(&r->tbs);
    tbs_put(&r->tbs, &spec);
    assert_false(buf_failed(&r->tbs));
    i->tbs = buf_slice(&r->tbs);
    i->alg = spec.alg;
    sha256(slice_of(r->spki, sizeof(r->spki)), i->spki_hash);
    buf_free(&cn);
    free(sans);
}

void request_init(struct request *r, const struct fixture *x, const char *name)
{
    memset(r, 0, sizeof(*r));
    buf_init(&r->tbs, TBS_MAX);
    memcpy(r->spki, spki_head, sizeof(spki_head));
    random_bytes(r->spki + sizeof(spki_head), sizeof(r->spki) - sizeof(spki_head));
    serial_next(r->op.ref.serial);
    r->op.ref.issuer = x->issuer;
    r->op.time = TEST_NOW;
    r->op.intent = (struct store_intent){.profile = "tls-server",
                                         .requester = "operator:alice",
                                         .owner = "web",
                                         .not_before = TEST_NOW,
                                         .not_after = TEST_NOW + 90 * 86400,
                                         .has_request_key = true};
    random_bytes(r->op.intent.request_key, 32);
    random_bytes(r->op.intent.content, 32);
    random_bytes(r->op.intent.identity, 16);
    request_draft(r, name);
}

void request_free(struct request *r)
{
    buf_free(&r->tbs);
}

static int act(struct fixture *x, struct request *r, enum store_op_kind kind,
               enum audit_action action)
{
    r->op.kind = kind;
    r->op.audit.action = action;
    r->op.audit.time = r->op.time;
    r->op.audit.has_serial = true;
    memcpy(r->op.audit.serial, r->op.ref.serial, SERIAL_LEN);
    r->op.audit.issuer = r->op.ref.issuer;
    return store_do(x->s, &r->op);
}

int do_reserve(struct fixture *x, struct request *r)
{
    return act(x, r, STORE_RESERVE, AUDIT_INTENT);
}

int do_finish(struct fixture *x, struct request *r)
{
    struct buf der;
    random_bytes(r->signature, sizeof(r->signature));
    r->op.signature = slice_of(r->signature, sizeof(r->signature));
    buf_init(&der, CERT_MAX);
    cert_assemble(&der, buf_slice(&r->tbs), r->op.intent.alg, r->op.signature);
    cert_fingerprint(buf_slice(&der), r->op.fingerprint);
    buf_free(&der);
    return act(x, r, STORE_FINISH, AUDIT_FINISH);
}

int do_abandon(struct fixture *x, struct request *r)
{
    return act(x, r, STORE_ABANDON, AUDIT_ABANDON);
}

int do_revoke(struct fixture *x, struct request *r, uint8_t reason)
{
    r->op.reason = reason;
    return act(x, r, STORE_REVOKE, AUDIT_REVOKE);
}

int do_release(struct fixture *x, struct request *r)
{
    return act(x, r, STORE_RELEASE, AUDIT_RELEASE);
}

int do_block(struct fixture *x, struct request *r, bool block)
{
    return act(x, r, block ? STORE_BLOCK : STORE_UNBLOCK,
               block ? AUDIT_IDENTITY_BLOCK : AUDIT_IDENTITY_UNBLOCK);
}

void issue(struct fixture *x, struct request *r)
{
    assert_int_equal(do_reserve(x, r), 0);
    assert_int_equal(r->op.outcome, STORE_DONE);
    assert_int_equal(do_finish(x, r), 0);
    assert_int_equal(r->op.outcome, STORE_DONE);
}

void foreign_make(const struct fixture *x, const char *name, int64_t not_after, struct buf *der)
{
    struct request r;
    uint8_t signature[70];

    request_init(&r, x, name);
    r.op.intent.not_after = not_after;
    request_draft(&r, name);
    random_bytes(signature, sizeof(signature));
    buf_init(der, CERT_MAX);
    cert_assemble(der, buf_slice(&r.tbs), SIG_ECDSA_SHA256, slice_of(signature, sizeof(signature)));
    assert_false(buf_failed(der));
    request_free(&r);
}

void must_get(struct fixture *x, const struct cert_ref *ref, struct cert_row *row)
{
    cert_row_init(row);
    assert_int_equal(store_get(x->s, ref, row, &x->f), 0);
}

static void keep_rule(void *arg, const char *rule, const char *text)
{
    char *rules = arg;
    size_t n = strlen(rules);
    (void)text;
    if (n + strlen(rule) + 2 < 1024)
        (void)snprintf(rules + n, 1024 - n, "%s,", rule);
}

uint64_t check_store(struct fixture *x, char rules[1024])
{
    struct store_check_report r = {.arg = rules, .finding = keep_rule};
    uint64_t findings = 0;
    rules[0] = 0;
    assert_int_equal(store_check(x->s, &r, &findings, &x->f), 0);
    return findings;
}

void assert_clean(struct fixture *x)
{
    char rules[1024];
    (void)check_store(x, rules);
    assert_string_equal(rules, "");
}

static int keep_action(void *arg, uint64_t index, struct slice salt, struct slice record)
{
    static const char letter[] = {
        [AUDIT_START] = 's',  [AUDIT_INTENT] = 'i', [AUDIT_FINISH] = 'f', [AUDIT_ABANDON] = 'a',
        [AUDIT_REFUSE] = 'r', [AUDIT_REVOKE] = 'v', [AUDIT_DROP] = 'd',   [AUDIT_ALERT] = 'A'};
    struct audit_event e;
    (void)index;
    assert_int_equal(salt.n, AUDIT_SALT);
    assert_int_equal(audit_get(record, &e), 0);
    assert_true(e.action < sizeof(letter) && letter[e.action] != 0);
    buf_put_u8(arg, (uint8_t)letter[e.action]);
    return 0;
}

void audit_actions(struct fixture *x, struct buf *out)
{
    buf_init(out, 65536);
    assert_int_equal(store_audit(x->s, STORE_LOG_NOW, 0, 65536, keep_action, out, &x->f), 0);
}
