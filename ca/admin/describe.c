#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void describe_tbs(struct slice tbs, struct cert_info *out)
{
    struct cert c;
    struct fault f;
    struct buf text;

    fault_clear(&f);
    if (tbs.n == 0) {
        snprintf(out->subject, sizeof(out->subject), "(lost in a restore)");
        return;
    }
    if (tbs_parse(tbs, &c, &f) != 0) {
        log_fault(LOG_LEVEL_ERROR, "store.row.unreadable", &f, NULL);
        return;
    }
    buf_init(&text, 16384);
    name_print(c.subject, &text);
    copy_text(&text, out->subject, sizeof(out->subject));
    buf_free(&text);
    describe_names(&c.sans, out->sans);
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
    describe_tbs(row->tbs, out);
}
