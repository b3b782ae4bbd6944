#include "ca/signer/guard_crl.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"

#define CLOCK_SLACK 60 /* between cerca-ca's look at the clock and ours */
#define DRAFT_AGE 3600 /* a long list takes its time, and may wait for the token */

struct hashes {
    struct digest *sha256;
    struct digest *longer; /* when the algorithm uses another one */
};

static void add(void *arg, struct slice octets)
{
    struct hashes *h = arg;

    digest_add(h->sha256, octets);
    if (h->longer != NULL)
        digest_add(h->longer, octets);
}

static int check_validity(const struct guard_issuer *by, const struct crl_info *i, int64_t now,
                          struct fault *f)
{
    char allowed[96], span[CLOCK_TEXT_SIZE];

    if (i->this_update >= now - DRAFT_AGE && i->this_update <= now + CLOCK_SLACK &&
        i->next_update > i->this_update &&
        i->next_update - i->this_update <= by->conf->crl_validity)
        return 0;
    clock_format_span(by->conf->crl_validity, span);
    (void)snprintf(allowed, sizeof(allowed), "at most %s (crl_validity), from now", span);
    return fault_refuse(f, "signer.validity", "nextUpdate", SLICE_NONE, allowed);
}

static int check_head(const struct guard_issuer *by, const struct crl_info *i, int64_t now,
                      struct fault *f)
{
    if (!slice_eq(i->issuer, buf_slice(&by->subject)))
        return fault_refuse(f, "signer.issuer-name", "issuer", SLICE_NONE, by->conf->subject);
    if (i->alg != by->conf->alg)
        return fault_refuse(f, "signer.algorithm", "signature", slice_str(sig_alg_name(i->alg)),
                            sig_alg_name(by->conf->alg));
    return check_validity(by, i, now, f);
}

/* Written again it must be the same; in order; for a serial of ours; for a reason that a full CRL
 * can have (RFC 5280 5.3.1); and not in the future. */
static bool entry_right(const struct crl_entry *e, const struct crl_entry *last,
                        struct slice octets, int64_t now, struct buf *again)
{
    buf_reset(again);
    crl_entry_put(again, e);
    return slice_eq(buf_slice(again), octets) && e->serial_len == SERIAL_LEN &&
           (e->serial[0] & 0xc0) == 0x40 && e->reason != 8 && e->revoked <= now + CLOCK_SLACK &&
           slice_cmp(slice_of(last->serial, last->serial_len), slice_of(e->serial, e->serial_len)) <
               0;
}

static int check_entries(struct crl_reader *r, int64_t now, struct fault *f)
{
    struct crl_entry e, last = {.serial_len = 0};
    struct slice octets;
    struct buf again;
    int rc;

    buf_init(&again, CRL_ENTRY_MAX);
    while ((rc = crl_read_entry(r, &e, &octets, f)) == 1) {
        if (!entry_right(&e, &last, octets, now, &again)) {
            rc = fault_refuse(f, "signer.entry", "revokedCertificates",
                              slice_of(e.serial, e.serial_len),
                              "what this version writes, each serial of ours once and in order");
            break;
        }
        last = e;
    }
    buf_free(&again);
    return rc;
}

/* Everything around the entries, written again and compared: so there is nothing else in it. */
static int check_form(const struct guard_issuer *by, const struct crl_info *i, struct fault *f)
{
    struct crl_spec spec = {.alg = by->conf->alg,
                            .issuer = buf_slice(&by->subject),
                            .this_update = i->this_update,
                            .next_update = i->next_update,
                            .number = i->number};
    struct buf head, tail;
    bool same;

    if (!i->has_number || i->delta || i->idp.n > 0)
        return fault_refuse(f, "signer.extension", "crlExtensions", SLICE_NONE,
                            "authorityKeyIdentifier and cRLNumber");
    memcpy(spec.authority_key_id, by->key_id, sizeof(spec.authority_key_id));
    buf_init(&head, CRL_SURROUND_MAX);
    buf_init(&tail, CRL_SURROUND_MAX);
    crl_head_put(&head, &spec, i->entries_len);
    crl_tail_put(&tail, &spec);
    same = slice_eq(buf_slice(&head), i->head) && slice_eq(buf_slice(&tail), i->tail);
    buf_free(&head);
    buf_free(&tail);
    return same ? 0
                : fault_refuse(f, "signer.form", "tbsCertList", SLICE_NONE,
                               "what this version writes, with this issuer's key identifier");
}

static int check_all(const struct guard_issuer *by, const struct crl_input *in, int64_t now,
                     uint64_t *number, struct fault *f)
{
    struct crl_reader *r;
    int rc = crl_read_begin(in, &r, f);

    if (rc != 0)
        return fault_rename(f, "signer.crl");
    rc = check_head(by, crl_read_info(r), now, f);
    if (rc == 0)
        rc = check_entries(r, now, f);
    if (rc == 0)
        rc = crl_read_end(r, f);
    if (rc == 0)
        rc = check_form(by, crl_read_info(r), f);
    *number = crl_read_info(r)->number;
    crl_reader_free(r);
    return rc;
}

int guard_crl(const struct guard_issuer *by, const struct crl_input *draft, int64_t now,
              struct guard_crl *out, struct fault *f)
{
    size_t n = sig_alg_hash_len(by->conf->alg);
    struct crl_input in = *draft;
    struct hashes h = {digest_begin(32), n == 32 ? NULL : digest_begin(n)};
    int rc;

    memset(out, 0, sizeof(*out));
    in.draft = true;
    in.tap = add;
    in.tap_arg = &h;
    rc = check_all(by, &in, now, &out->number, f);
    digest_end(h.sha256, out->tbs_hash);
    memcpy(out->hash, out->tbs_hash, sizeof(out->tbs_hash));
    digest_end(h.longer, out->hash);
    return rc;
}
