#include "ca/signer/guard_crl.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/crlname.h"
#include "lib/ext.h"

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
    int64_t most = i->delta ? by->conf->crl_delta_validity : by->conf->crl_validity;
    char allowed[96], span[CLOCK_TEXT_SIZE];

    if (i->this_update >= now - DRAFT_AGE && i->this_update <= now + CLOCK_SLACK &&
        i->next_update > i->this_update && i->next_update - i->this_update <= most)
        return 0;
    clock_format_span(most, span);
    (void)snprintf(allowed, sizeof(allowed), "at most %s (%s), from now", span,
                   i->delta ? "crl_delta_validity" : "crl_validity");
    return fault_refuse(f, "signer.validity", "nextUpdate", SLICE_NONE, allowed);
}

static int check_head(const struct guard_issuer *by, const struct crl_info *i, struct fault *f)
{
    if (!slice_eq(i->issuer, buf_slice(&by->subject)))
        return fault_refuse(f, "signer.issuer-name", "issuer", SLICE_NONE, by->conf->subject);
    if (i->alg != by->conf->alg)
        return fault_refuse(f, "signer.algorithm", "signature", slice_str(sig_alg_name(i->alg)),
                            sig_alg_name(by->conf->alg));
    return 0;
}

/* Written again it must be the same; in order; for a serial of ours; and not in the future. */
static bool entry_right(const struct crl_entry *e, const struct crl_entry *last,
                        struct slice octets, int64_t now, struct buf *again)
{
    buf_reset(again);
    crl_entry_put(again, e);
    return slice_eq(buf_slice(again), octets) && e->serial_len == SERIAL_LEN &&
           (e->serial[0] & 0xc0) == 0x40 && e->revoked <= now + CLOCK_SLACK &&
           slice_cmp(slice_of(last->serial, last->serial_len), slice_of(e->serial, e->serial_len)) <
               0;
}

/* *removes: one is removeFromCRL. */
static int check_entries(struct crl_reader *r, int64_t now, bool *removes, struct fault *f)
{
    struct crl_entry e, last = {.serial_len = 0};
    struct slice octets;
    struct buf again;
    int rc;

    *removes = false;
    buf_init(&again, CRL_ENTRY_MAX);
    while ((rc = crl_read_entry(r, &e, &octets, f)) == 1) {
        if (!entry_right(&e, &last, octets, now, &again)) {
            rc = fault_refuse(f, "signer.entry", "revokedCertificates",
                              slice_of(e.serial, e.serial_len),
                              "what this version writes, each serial of ours once and in order");
            break;
        }
        *removes = *removes || e.reason == CRL_REMOVE_FROM_CRL;
        last = e;
    }
    buf_free(&again);
    return rc;
}

/* The extensions of one of this key's CRLs, as the configuration has them. */
struct kind {
    struct crl_spec spec;
    struct buf idp, freshest;
};

static void kind_init(struct kind *k, const struct guard_issuer *by, const struct crl_info *i)
{
    memset(k, 0, sizeof(*k));
    buf_init(&k->idp, CRL_URL_MAX);
    buf_init(&k->freshest, CRL_URL_MAX);
    k->spec = (struct crl_spec){.alg = by->conf->alg,
                                .issuer = buf_slice(&by->subject),
                                .this_update = i->this_update,
                                .next_update = i->next_update,
                                .number = i->number,
                                .delta = i->delta,
                                .base = i->base};
    memcpy(k->spec.authority_key_id, by->key_id, sizeof(k->spec.authority_key_id));
}

static void kind_free(struct kind *k)
{
    buf_free(&k->idp);
    buf_free(&k->freshest);
}

/* Where another CRL of this issuer is found. */
static void put_url(const struct guard_issuer *by, const struct crl_name *name, struct buf *url)
{
    buf_init(url, CRL_URL_MAX);
    crl_name_url(name, by->conf->crl_url, url);
}

/* RFC 5280 5.2.5, 5.2.6 */
static bool expect_shard(const struct guard_issuer *by, const struct crl_info *i,
                         struct guard_crl *out, struct kind *k)
{
    struct crl_name name;
    struct buf url;

    if (i->delta || !crl_idp_shard(i->idp, by->conf->crl_url, &name))
        return false;
    out->scope = crl_name_scope(&name);
    out->earlier = name.shards != by->conf->crl_shards;
    put_url(by, &name, &url);
    crl_idp_put(&k->idp, buf_cstr(&url));
    buf_free(&url);
    k->spec.idp = buf_slice(&k->idp);
    return true;
}

static void expect_full(const struct guard_issuer *by, struct kind *k)
{
    const struct crl_name delta = {.kind = CRL_DELTA};
    struct buf url;

    if (by->conf->crl_delta == 0)
        return;
    put_url(by, &delta, &url);
    ext_points_put(&k->freshest, buf_cstr(&url));
    buf_free(&url);
    k->spec.freshest = buf_slice(&k->freshest);
}

static bool expect(const struct guard_issuer *by, const struct crl_info *i, struct guard_crl *out,
                   struct kind *k)
{
    if (!i->has_number)
        return false;
    if (i->idp.n > 0)
        return expect_shard(by, i, out, k);
    if (i->delta) /* 5.2.4: the CRL that it is over has a lower number of the same sequence */
        return by->conf->crl_delta > 0 && i->base > 0 && i->base < i->number;
    expect_full(by, k);
    return true;
}

/* Everything around the entries, written again and compared: so there is nothing else in it. */
static bool form_right(const struct kind *k, const struct crl_info *i)
{
    struct buf head, tail;
    bool same;

    buf_init(&head, CRL_SURROUND_MAX);
    buf_init(&tail, CRL_SURROUND_MAX);
    crl_head_put(&head, &k->spec, i->entries_len);
    crl_tail_put(&tail, &k->spec);
    same = slice_eq(buf_slice(&head), i->head) && slice_eq(buf_slice(&tail), i->tail);
    buf_free(&head);
    buf_free(&tail);
    return same;
}

static int check_form(const struct guard_issuer *by, const struct crl_info *i,
                      struct guard_crl *out, struct fault *f)
{
    struct kind k;
    int rc = 0;

    kind_init(&k, by, i);
    if (!expect(by, i, out, &k))
        rc = fault_refuse(f, "signer.extension", "crlExtensions", SLICE_NONE,
                          "authorityKeyIdentifier, cRLNumber, and what crl_delta and crl_shards "
                          "allow for this key");
    else if (!form_right(&k, i))
        rc = fault_refuse(f, "signer.form", "tbsCertList", SLICE_NONE,
                          "what this version writes, with this issuer's key identifier and URLs");
    kind_free(&k);
    return rc;
}

/* What can be told only at its end. RFC 5280 5.3.1: removeFromCRL is for deltas. */
static int check_end(const struct guard_issuer *by, const struct crl_info *i, int64_t now,
                     bool removes, struct guard_crl *out, struct fault *f)
{
    int rc = check_form(by, i, out, f);

    if (rc == 0 && removes && !i->delta)
        rc = fault_refuse(f, "signer.entry", "revokedCertificates", slice_str("removeFromCRL"),
                          "removeFromCRL in deltas only");
    out->number = i->number;
    return rc == 0 ? check_validity(by, i, now, f) : rc;
}

static int check_all(const struct guard_issuer *by, const struct crl_input *in, int64_t now,
                     struct guard_crl *out, struct fault *f)
{
    struct crl_reader *r;
    bool removes = false;
    int rc = crl_read_begin(in, &r, f);

    if (rc != 0)
        return fault_rename(f, "signer.crl");
    rc = check_head(by, crl_read_info(r), f);
    if (rc == 0)
        rc = check_entries(r, now, &removes, f);
    if (rc == 0)
        rc = crl_read_end(r, f);
    if (rc == 0)
        rc = check_end(by, crl_read_info(r), now, removes, out, f);
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
    rc = check_all(by, &in, now, out, f);
    digest_end(h.sha256, out->tbs_hash);
    memcpy(out->hash, out->tbs_hash, sizeof(out->tbs_hash));
    digest_end(h.longer, out->hash);
    return rc;
}
