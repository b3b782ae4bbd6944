#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/store/inventory.h"
#include "lib/anycert.h"
#include "lib/cert.h"
#include "lib/log.h"

static int note_issuer(void *arg, const struct store_issuer *i)
{
    struct issuer_names *names = arg;

    if (i->number >= names->n) {
        size_t n = (size_t)i->number + 1;
        char(*grown)[64] = xcalloc(n, sizeof(*grown));

        if (names->n > 0)
            memcpy(grown, names->name, names->n * sizeof(*grown));
        free(names->name);
        names->name = grown;
        names->n = n;
    }
    snprintf(names->name[i->number], sizeof(names->name[0]), "%.63s", i->name);
    return 0;
}

void issuer_names_load(struct admin *a)
{
    struct fault f;

    fault_clear(&f);
    authorities_change(a->parts.authorities);
    if (store_issuers(a->parts.store, note_issuer, &a->names, &f) != 0)
        log_fault(LOG_LEVEL_ERROR, "admin.issuers.failed", &f, NULL);
    authorities_done(a->parts.authorities);
}

const char *issuer_name(const struct admin *a, uint16_t number)
{
    return number < a->names.n ? a->names.name[number] : "";
}

static const char *status_word(const struct cert_row *row, int64_t now)
{
    switch (row->state) {
    case CERT_OPEN:
        return "open";
    case CERT_HELD:
        return "held";
    case CERT_REVOKED:
        return "revoked";
    case CERT_ABANDONED:
        return "abandoned";
    default:
        return row->not_after < now ? "expired" : "valid";
    }
}

static void copy_text(struct buf *from, char *out, size_t cap)
{
    size_t n = from->n < cap - 1 ? from->n : cap - 1;

    /* Not in the middle of a UTF-8 sequence. */
    while (n > 0 && n < from->n && (from->p[n] & 0xc0) == 0x80)
        n--;
    memcpy(out, buf_cstr(from), n);
    out[n] = '\0';
}

static void describe_names(const struct san_list *sans, char out[CERT_INFO_NAMES_MAX])
{
    struct buf all, one;
    size_t at = 0;

    buf_init(&all, CERT_INFO_NAMES_MAX - 1);
    buf_init(&one, 4 * SAN_VALUE_MAX + 16);
    for (size_t i = 0; i < sans->n; i++) {
        buf_reset(&one);
        san_print(&sans->item[i], &one);
        if (at + one.n + 1 >= CERT_INFO_NAMES_MAX)
            break;
        buf_put_str(&all, at > 0 ? " " : "");
        buf_put_slice(&all, buf_slice(&one));
        at = all.n;
    }
    copy_text(&all, out, CERT_INFO_NAMES_MAX);
    buf_free(&all);
    buf_free(&one);
}

static void describe_name(struct slice name, char *out, size_t cap)
{
    struct buf text;

    buf_init(&text, 16384);
    name_print(name, &text);
    copy_text(&text, out, cap);
    buf_free(&text);
}

static void describe_algorithms(const struct anycert *c, struct cert_info *out)
{
    struct anycert_key key;
    struct anycert_alg alg;

    anycert_key(c->spki, &key);
    anycert_alg(c->sig_alg, &alg);
    snprintf(out->key, sizeof(out->key), "%s", key.name);
    snprintf(out->signature, sizeof(out->signature), "%s", alg.name);
}

static void describe_foreign(const struct cert_row *row, struct cert_info *out)
{
    struct anycert c;
    struct fault f;

    fault_clear(&f);
    out->number = foreign_number(&row->ref);
    snprintf(out->origin, sizeof(out->origin), "%s", row->origin);
    out->told = row->told;
    out->stranger = row->stranger;
    if (anycert_parse(row->der, &c, &f) != 0) {
        log_fault(LOG_LEVEL_ERROR, "store.row.unreadable", &f, NULL);
        return;
    }
    if (c.serial.n > 1 && c.serial.p[0] == 0) /* which DER puts before a high bit */
        c.serial = slice_of(c.serial.p + 1, c.serial.n - 1);
    if (c.serial.n > sizeof(out->other_serial) / 2 - 1)
        c.serial.n = sizeof(out->other_serial) / 2 - 1;
    hex_encode(c.serial, out->other_serial);
    describe_name(c.issuer, out->issuer, sizeof(out->issuer));
    describe_name(c.subject, out->subject, sizeof(out->subject));
    describe_names(&c.sans, out->sans);
    describe_algorithms(&c, out);
}

static void describe_tbs(struct slice tbs, struct cert_info *out)
{
    struct cert c;
    struct fault f;
    char key[24];

    fault_clear(&f);
    if (tbs.n == 0) {
        snprintf(out->subject, sizeof(out->subject), "(lost in a restore)");
        return;
    }
    if (tbs_parse(tbs, &c, &f) != 0) {
        log_fault(LOG_LEVEL_ERROR, "store.row.unreadable", &f, NULL);
        return;
    }
    describe_name(c.subject, out->subject, sizeof(out->subject));
    describe_names(&c.sans, out->sans);
    key_describe(c.key.type, c.key.bits, key);
    snprintf(out->key, sizeof(out->key), "%s", key);
    snprintf(out->signature, sizeof(out->signature), "%s", sig_alg_name(c.tbs_alg));
}

/* What operators wrote about its identity; the owner in force is theirs. */
static void describe_identity(const struct admin *a, const struct cert_row *row,
                              struct cert_info *out)
{
    struct fault f;
    bool known;

    fault_clear(&f);
    if (store_annotation(a->parts.store, row->identity, &out->annotation, &known, &f) != 0)
        log_fault(LOG_LEVEL_ERROR, "store.annotation.unreadable", &f, NULL);
    if (out->annotation.owner[0] != '\0')
        snprintf(out->owner, sizeof(out->owner), "%s", out->annotation.owner);
}

void describe_row(const struct admin *a, const struct cert_row *row, int64_t now,
                  struct cert_info *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->serial, row->ref.serial, SERIAL_LEN);
    memcpy(out->fingerprint, row->fingerprint, sizeof(out->fingerprint));
    snprintf(out->issuer, sizeof(out->issuer), "%s", issuer_name(a, row->ref.issuer));
    snprintf(out->status, sizeof(out->status), "%s", status_word(row, now));
    snprintf(out->profile, sizeof(out->profile), "%.63s", row->profile);
    snprintf(out->owner, sizeof(out->owner), "%s", row->owner);
    snprintf(out->requester, sizeof(out->requester), "%s", row->requester);
    out->not_before = row->not_before;
    out->not_after = row->not_after;
    out->issued_at = row->finished;
    out->revoked_at = row->revoked_at;
    out->reason = row->reason;
    out->has_replaces = row->has_replaces;
    out->has_replaced_by = row->has_replaced_by;
    memcpy(out->replaces, row->replaces.serial, SERIAL_LEN);
    memcpy(out->replaced_by, row->replaced_by.serial, SERIAL_LEN);
    out->source = row->source;
    out->last_seen = row->last_seen;
    if (row->source == SOURCE_ISSUED)
        describe_tbs(row->tbs, out);
    else
        describe_foreign(row, out);
    describe_identity(a, row, out);
}
