/*
 * Stored records (ca/store): the first octet says which, then a key (fuzz_piece), then the row.
 * What is read is written again, and that is read as the same.
 */
#include <string.h>

#include "ca/audit/audit.h"
#include "ca/store/approval_rows.h"
#include "ca/store/installation_rows.h"
#include "ca/store/outbox_rows.h"
#include "ca/store/row_codec.h"
#include "lib/signrecord.h"
#include "tests/fuzz/fuzz.h"

typedef int (*again)(struct slice key, struct slice row, struct buf *out);

#define ROW(name, type)                                                                            \
    static int name##_again(struct slice key, struct slice row, struct buf *out)                   \
    {                                                                                              \
        static type value;                                                                         \
                                                                                                   \
        (void)key;                                                                                 \
        memset(&value, 0, sizeof(value));                                                          \
        if (name##_get(row, &value) != 0)                                                          \
            return -1;                                                                             \
        name##_put(out, &value);                                                                   \
        return 0;                                                                                  \
    }
#define EACH_ROW(_)                                                                                \
    _(row_sig, struct row_sig)                                                                     \
    _(row_status, struct row_status)                                                               \
    _(row_open, struct row_open)                                                                   \
    _(row_foreign, struct row_foreign)                                                             \
    _(row_seen, struct row_seen)                                                                   \
    _(row_change, struct store_change)                                                             \
    _(row_ref, struct cert_ref)                                                                    \
    _(row_state, struct row_state)                                                                 \
    _(row_gate, struct store_gate)                                                                 \
    _(row_crl, struct store_crl)                                                                   \
    _(row_checkpoint, struct store_checkpoint)                                                     \
    _(row_place, struct row_place)                                                                 \
    _(row_installed, struct installed)                                                             \
    _(row_found, struct found_file)                                                                \
    _(audit, struct audit_event)

EACH_ROW(ROW)

/* One with nothing in it, to begin with. */
#define BLANK(name, type)                                                                          \
    static void name##_blank(struct buf *out)                                                      \
    {                                                                                              \
        static const type value;                                                                   \
                                                                                                   \
        name##_put(out, &value);                                                                   \
    }
EACH_ROW(BLANK)

/* ---- those with a key in them ---- */

static int approval_again(struct slice key, struct slice row, struct buf *out)
{
    static struct approval_row value;

    (void)key;
    if (approval_row_get(1, row, &value) != 0)
        return -1;
    approval_row_put(out, &value);
    return 0;
}

static int reporter_again(struct slice key, struct slice row, struct buf *out)
{
    static struct reporter value;

    if (row_reporter_get(key, row, &value) != 0)
        return -1;
    row_reporter_put(out, &value);
    return 0;
}

static int delivery_again(struct slice key, struct slice row, struct buf *out)
{
    static struct outbox_delivery value;

    if (outbox_delivery_get(key, row, &value) != 0)
        return -1;
    outbox_delivery_put(out, &value);
    return 0;
}

static int channel_again(struct slice key, struct slice row, struct buf *out)
{
    static struct outbox_channel value;

    if (outbox_channel_get(key, row, &value) != 0)
        return -1;
    outbox_channel_put(out, &value);
    return 0;
}

#define EACH_KEYED(_) _(approval) _(reporter) _(delivery) _(channel)

/* ---- those that are only read here ---- */

static void read_others(struct slice key, struct slice row)
{
    static struct row_cert cert;
    static struct observation observation;
    static struct notice notice;
    struct slice salt, record;

    if (row_cert_get(row, &cert) == 0)
        FUZZ_CHECK(fuzz_inside(cert.tbs, row));
    (void)!row_observation_get(row, &observation);
    (void)!outbox_notice_get(row, &notice);
    (void)alert_row_sound(key, row);
    (void)annotation_row_sound(key, row);
    (void)attempt_row_sound(key, row);
    (void)campaign_row_sound(key, row);
    (void)exception_row_sound(key, row);
    (void)filter_row_sound(key, row);
    (void)limit_row_sound(key, row);
    (void)observation_row_sound(key, row);
    (void)installation_row_sound(key, row);
    (void)request_row_sound(key, row);
    (void)scan_job_row_sound(key, row);
    (void)token_row_sound(key, row);
    if (audit_row_get(row, &salt, &record))
        FUZZ_CHECK(fuzz_inside(salt, row) && fuzz_inside(record, row));
}

static void read_issuer(struct slice row)
{
    struct store_issuer issuer = {0};

    if (row_issuer_get(row, &issuer) == 0)
        FUZZ_CHECK(strlen(issuer.name) < STORE_NAME_MAX);
    buf_free(&issuer.bytes);
}

static void read_signrecord(struct slice row)
{
    struct signrecord_entry entry;
    struct buf out;
    uint64_t number;
    uint32_t scope;

    if (row.n < SIGNRECORD_ENTRY)
        return;
    signrecord_get(row.p, &entry);
    (void)signrecord_crl_get(entry.serial, &scope, &number);
    buf_init(&out, SIGNRECORD_ENTRY);
    signrecord_put(&out, &entry);
    FUZZ_CHECK(slice_eq(buf_slice(&out), slice_of(row.p, SIGNRECORD_ENTRY)));
    buf_free(&out);
}

#define NAME(name, type) name##_again,
#define KEYED(name) name##_again,
/* New ones go to the end, so that the corpus keeps its meaning. */
static const again rows[] = {EACH_ROW(NAME) EACH_KEYED(KEYED)};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

#define BLANK_ROW(name, type) name##_blank,
static void (*const blanks[])(struct buf *out) = {EACH_ROW(BLANK_ROW)};

static bool seed(size_t i, struct buf *out)
{
    if (i >= sizeof(blanks) / sizeof(blanks[0]))
        return false;
    buf_put_u8(out, (uint8_t)i);
    buf_put(out, "\0", 2); /* no key */
    blanks[i](out);
    return true;
}

/* Rows of older versions are read too, and written as new ones. */
static void check_again(again fn, struct slice key, struct slice row)
{
    struct buf once, twice;

    buf_init(&once, (size_t)1 << 20);
    buf_init(&twice, (size_t)1 << 20);
    if (fn(key, row, &once) == 0) {
        FUZZ_CHECK(!buf_failed(&once));
        FUZZ_CHECK(fn(key, buf_slice(&once), &twice) == 0);
        FUZZ_CHECK(slice_eq(buf_slice(&once), buf_slice(&twice)));
    }
    buf_free(&once);
    buf_free(&twice);
}

static void run(struct slice in)
{
    unsigned what = fuzz_octet(&in) % (N_ROWS + 3);
    struct slice key = fuzz_piece(&in);

    if (what < N_ROWS)
        check_again(rows[what], key, in);
    else if (what == N_ROWS)
        read_others(key, in);
    else if (what == N_ROWS + 1)
        read_issuer(in);
    else
        read_signrecord(in);
}

const struct fuzz_target fuzz_target = {.form = FUZZ_OCTETS, .run = run, .seed = seed};
