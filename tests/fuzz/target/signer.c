/*
 * What the signer reads of cerca-ca and of its own disk, by the first octet: drafts of certificates
 * and CRLs by its guard (ca/signer/guard.h, guard_crl.h), its record of checkpoints and its record
 * of signatures. What is admitted is of the issuer that was asked, a leaf where it signs leaves,
 * and free of lint; a record that is taken goes on, and is the same when it is read again.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ca/signer/checklog.h"
#include "ca/signer/record.h"
#include "crl/build.h"
#include "lib/file.h"
#include "lib/name.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/issuer.h"
#include "tests/unit/signer_place.h"

#define NOW 1800000000
#define DAY 86400
#define ORIGIN "cerca.example/audit"

enum { BY_ISSUING, BY_ROOT, CRL, CHECKLOG, RECORD, WHATS };

static struct place *place;
static struct guard guard;
static const struct guard_issuer *root, *issuing;

static void end(void)
{
    guard_free(&guard);
    place_free(place);
}

static void begin(void)
{
    struct buf spki;
    struct fault f;

    place = place_new(NULL, NULL, place_two_issuers);
    FUZZ_CHECK(guard_new(place->conf, &guard, &f) == 0 && guard.n == 2);
    root = &guard.issuer[0];
    issuing = &guard.issuer[1];
    buf_init(&spki, 256);
    for (uint8_t i = 0; i < 2; i++) {
        fuzz_spki((uint8_t)(i + 1), &spki);
        FUZZ_CHECK(guard_set_key(&guard.issuer[i], buf_slice(&spki), i + 1UL, &f) == 0);
        buf_reset(&spki);
    }
    buf_free(&spki);
    (void)atexit(end);
}

/* ---- drafts ---- */

static void check_draft(const struct guard_issuer *by, struct slice in)
{
    static struct cert c;
    struct fault f;
    int rc = tbs_parse(in, &c, &f);

    if (rc == 0)
        rc = guard_check(&guard, by, &c, NOW, &f);
    if (rc != 0) {
        fuzz_refused(rc, &f);
        return;
    }
    FUZZ_CHECK(slice_eq(c.issuer, buf_slice(&by->subject)));
    FUZZ_CHECK(c.not_after > NOW && c.not_before <= NOW + DAY);
    if (by == issuing) {
        FUZZ_CHECK(!c.ca && (c.key_usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) == 0);
        FUZZ_CHECK(c.not_after - c.not_before <= (int64_t)400 * DAY);
        FUZZ_CHECK((c.eku & ~(uint32_t)EKU_SERVER_AUTH) == 0);
    } else {
        FUZZ_CHECK(c.ca);
    }
}

static void check_crl(struct slice in)
{
    struct slice memory = in;
    const struct crl_input draft = {
        .read = crl_memory_read, .arg = &memory, .size = in.n, .draft = true};
    struct guard_crl out;
    struct fault f;
    int rc = guard_crl(issuing, &draft, NOW, &out, &f);

    if (rc != 0)
        fuzz_refused(rc, &f);
    else
        FUZZ_CHECK(out.number > 0);
}

/* ---- records ---- */

static void check_checklog(struct slice in)
{
    static const uint8_t hash[32] = {1};
    const char *path = fuzz_file("checkpoints", in);
    struct checklog *l = NULL;
    struct fault f;
    int rc = checklog_open(path, &l, &f);

    if (rc != 0) {
        fuzz_refused(rc, &f);
        return;
    }
    /* What it has said once it does not take back, over a restart too. */
    rc = checklog_admit(l, ORIGIN, 1000, hash, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    checklog_close(l);
    FUZZ_CHECK(checklog_open(path, &l, &f) == 0);
    FUZZ_CHECK((checklog_admit(l, ORIGIN, 1000, hash, &f) == 0) == (rc == 0));
    if (rc == 0)
        FUZZ_CHECK(checklog_admit(l, ORIGIN, 999, hash, &f) == -FAULT_CONFLICT);
    checklog_close(l);
}

static void check_record(struct slice in)
{
    static const uint8_t key[RECORD_KEY_LEN] = {7};
    const char *path = fuzz_file("record", in);
    const struct guard_crl crl = {.scope = 1, .number = 1000};
    struct record *r = NULL;
    uint64_t entries;
    struct fault f;
    int rc = record_open(path, &r, &f);

    if (rc != 0) {
        fuzz_refused(rc, &f);
        return;
    }
    rc = record_append_crl(r, key, &crl, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    entries = record_count(r);
    record_close(r);
    FUZZ_CHECK(record_open(path, &r, &f) == 0);
    FUZZ_CHECK(record_count(r) == entries);
    FUZZ_CHECK((record_append_crl(r, key, &crl, &f) == 0) == (rc == 0));
    record_close(r);
}

static void run(struct slice in)
{
    switch (fuzz_octet(&in) % WHATS) {
    case BY_ISSUING:
        check_draft(issuing, in);
        break;
    case BY_ROOT:
        check_draft(root, in);
        break;
    case CRL:
        check_crl(in);
        break;
    case CHECKLOG:
        check_checklog(in);
        break;
    default:
        check_record(in);
        break;
    }
}

/* ---- what there is to begin with ---- */

static void put_draft(const struct guard_issuer *by, struct buf *out)
{
    static struct draft d;

    draft_init(&d, by->conf, by->key_id);
    d.spec.not_before = NOW - 300;
    d.spec.not_after = NOW + 30 * DAY;
    if (by == root) {
        struct fault f;

        buf_reset(&d.subject);
        FUZZ_CHECK(name_parse("CN=Test Issuing", &d.subject, &f) == 0);
        d.spec.ca = true;
        d.spec.path_len = 0;
        d.spec.key_usage = KU_KEY_CERT_SIGN | KU_CRL_SIGN;
        d.spec.eku = 0;
        d.spec.sans = NULL;
        d.spec.ocsp_url = d.spec.crl_url = NULL;
        d.spec.not_after = NOW + 1000 * (int64_t)DAY;
        buf_reset(&d.spki);
        fuzz_spki(2, &d.spki);
        memcpy(d.spec.subject_key_id, issuing->key_id, 20);
    }
    buf_put_slice(out, draft_tbs(&d));
    draft_free(&d);
}

static int next_entry(void *arg, struct crl_entry *out, size_t max, size_t *n, struct fault *f)
{
    uint8_t *serial = arg;

    (void)max;
    (void)f;
    *n = *serial < 4;
    *out = (struct crl_entry){.serial_len = SERIAL_LEN, .revoked = NOW - 10, .reason = 1};
    memset(out->serial, 0x40, SERIAL_LEN);
    out->serial[SERIAL_LEN - 1] = (*serial)++;
    return 0;
}

static void put_crl(struct buf *out)
{
    struct crl_spec spec = {.alg = SIG_ECDSA_SHA256,
                            .issuer = buf_slice(&issuing->subject),
                            .this_update = NOW,
                            .next_update = NOW + (int64_t)7 * DAY,
                            .number = 1000};
    int fd = memfd_create("crl", MFD_CLOEXEC);
    struct crl_draft d;
    uint8_t serial = 1, *p;
    struct fault f;

    memcpy(spec.authority_key_id, issuing->key_id, sizeof(spec.authority_key_id));
    FUZZ_CHECK(fd >= 0 && crl_build(fd, &spec, next_entry, &serial, &d, &f) == 0);
    p = buf_grow(out, d.octets);
    FUZZ_CHECK(p != NULL && pread(fd, p, d.octets, (off_t)d.start) == (ssize_t)d.octets);
    (void)close(fd);
}

/* Entries as ca/signer/checklog.h and record.h lay them out. */
static void put_entries(size_t n, size_t size, struct buf *out)
{
    for (size_t i = 1; i <= n; i++) {
        uint8_t *p = buf_grow(out, size);

        FUZZ_CHECK(p != NULL);
        memset(p, (int)i, size);
        memset(p, 0, 8);
        p[7] = (uint8_t)i;
    }
}

static bool seed(size_t i, struct buf *out)
{
    buf_put_u8(out, (uint8_t)i);
    if (i == BY_ISSUING)
        put_draft(issuing, out);
    else if (i == BY_ROOT)
        put_draft(root, out);
    else if (i == CRL)
        put_crl(out);
    else if (i == CHECKLOG)
        put_entries(4, CHECKLOG_ENTRY, out);
    else if (i == RECORD)
        put_entries(4, RECORD_ENTRY, out);
    return i < WHATS;
}

const struct fuzz_target fuzz_target = {
    .form = FUZZ_TAGGED_DER, .begin = begin, .run = run, .seed = seed};
