/* One request, one answer. */
#include "ocsp/answer.h"

#include <string.h>

#include "lib/counters.h"
#include "lib/crl.h"
#include "lib/log.h"

static void count(uint64_t *what)
{
    __atomic_add_fetch(what, 1, __ATOMIC_RELAXED);
}

static void answer_error(struct ocsp_responder *r, enum ocsp_status s, struct ocsp_answer *out)
{
    static const enum counter counters[] = {[OCSP_MALFORMED_REQUEST] = COUNT_OCSP_MALFORMED,
                                            [OCSP_INTERNAL_ERROR] = COUNT_OCSP_INTERNAL,
                                            [OCSP_TRY_LATER] = COUNT_OCSP_TRY_LATER,
                                            [OCSP_UNAUTHORIZED] = COUNT_OCSP_UNAUTHORIZED};

    count(&r->errors);
    counter_add(counters[s]);
    out->status = s;
    buf_put_slice(&out->body, ocsp_error(s));
}

static bool is_of(const struct ocsp_issuer *i, const struct ocsp_cert_id *id)
{
    return ocsp_cert_id_matches(id, &i->id[id->hash]);
}

static struct ocsp_issuer *issuer_of(const struct ocsp_responder *r, const struct ocsp_cert_id *id)
{
    size_t n = __atomic_load_n(&r->n, __ATOMIC_ACQUIRE);

    for (size_t i = 0; i < n; i++)
        if (is_of(r->issuer[i], id))
            return r->issuer[i];
    return NULL;
}

/* Leaves of the CertIDs those of one issuer, that of the first of ours. NULL: none is. */
static struct ocsp_issuer *choose(const struct ocsp_responder *r, struct ocsp_request *q)
{
    struct ocsp_issuer *found = NULL;
    size_t kept = 0;

    for (size_t n = 0; n < q->n; n++) {
        if (found == NULL)
            found = issuer_of(r, &q->id[n]);
        if (found != NULL && is_of(found, &q->id[n]))
            q->id[kept++] = q->id[n];
    }
    q->n = kept;
    return found;
}

static struct ocsp_cache_key key_of(const struct ocsp_issuer *i, const struct ocsp_cert_id *id)
{
    struct ocsp_cache_key k = {.issuer = i->index,
                               .variant = (uint8_t)(2 * id->hash + (id->null_parameters ? 1 : 0))};

    memcpy(k.serial, id->serial.p, SERIAL_LEN);
    return k;
}

/* One answer being made. */
struct making {
    struct ocsp_responder *r;
    struct ocsp_issuer *issuer;
    const struct ocsp_request *q;
    int64_t now;
    struct ocsp_look look;
    int64_t next_update;
};

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A serial that was never issued may be issued in a moment. */
static int64_t next_update(const struct making *m)
{
    int64_t t = m->look.all_issued ? m->look.this_update + m->r->settings.validity
                                   : m->now + OCSP_UNKNOWN_LIFE;

    return earlier(t, m->look.delegate->not_after);
}

/* What was said of each certificate, and how. */
static void count_said(const struct making *m, enum counter made)
{
    counter_add(made);
    for (size_t n = 0; n < m->q->n; n++)
        counter_add(m->look.row[n].status == 0               ? COUNT_OCSP_UNKNOWN
                    : m->look.row[n].status == VIEWFILE_GOOD ? COUNT_OCSP_GOOD
                                                             : COUNT_OCSP_REVOKED);
}

static void set_single(const struct making *m, size_t n, int64_t produced_at,
                       struct ocsp_single *out)
{
    const struct viewfile_row *row = &m->look.row[n];

    *out = (struct ocsp_single){.cert_id = m->q->id[n].der,
                                .status = OCSP_UNKNOWN,
                                .this_update = m->look.this_update,
                                .next_update = m->next_update};
    if (row->status == 0)
        return;
    out->status = row->status == VIEWFILE_GOOD ? OCSP_GOOD : OCSP_REVOKED;
    out->revoked_at = row->revoked_at;
    out->reason = row->status == VIEWFILE_HELD ? REASON_CERTIFICATE_HOLD : row->reason;
    if (m->r->settings.archive > 0)
        out->archive_cutoff = produced_at - m->r->settings.archive;
}

/* Appends what stands before the certificates; false: said, and answered as an error. */
static bool sign(const struct making *m, enum sig_alg alg, struct buf *part,
                 struct ocsp_answer *out)
{
    struct ocsp_single single[OCSP_CERTS_MAX];
    struct ocsp_data d = {.produced_at = m->now, .single = single, .n = m->q->n};
    struct buf data, signature;
    struct fault f;
    int rc;

    buf_init(&data, OCSP_RESPONSE_MAX);
    buf_init(&signature, SIGNATURE_MAX);
    if (d.produced_at < m->look.this_update)
        d.produced_at = m->look.this_update;
    for (size_t n = 0; n < m->q->n; n++)
        set_single(m, n, d.produced_at, &single[n]);
    memcpy(d.key_id, m->look.delegate->key_id, sizeof(d.key_id));
    d.nonce = m->q->nonce;
    ocsp_data_put(&data, &d);
    rc = buf_failed(&data)
             ? fault_set(&f, FAULT_INTERNAL, "ocsp.sign", "an answer that cannot be written")
             : ocsp_delegate_sign(m->look.delegate, alg, buf_slice(&data), &signature, &f);
    if (rc == 0) {
        ocsp_signed_put(part, buf_slice(&data), alg, buf_slice(&signature));
        count(&m->r->signed_answers);
        count_said(m, COUNT_OCSP_SIGNED);
    } else {
        log_fault(LOG_LEVEL_ERROR, "ocsp.sign_failed", &f, "issuer", m->issuer->folder, NULL);
        answer_error(m->r, OCSP_INTERNAL_ERROR, out);
    }
    buf_free(&signature);
    buf_free(&data);
    return rc == 0;
}

static void set_etag(const struct buf *body, uint8_t etag[OCSP_ETAG_LEN])
{
    uint8_t hash[32];

    sha256(buf_slice(body), hash);
    memcpy(etag, hash, OCSP_ETAG_LEN);
}

static void set_http(const struct making *m, const struct ocsp_cached *about,
                     struct ocsp_answer *out)
{
    /* RFC 9110 8.8.2.1: never later than the Date. */
    out->last_modified = about->this_update < m->now ? about->this_update : m->now;
    out->max_age = earlier(m->r->settings.http_age, about->next_update - m->now);
    memcpy(out->etag, about->etag, sizeof(out->etag));
}

/* Signed for this request alone; whatever is cached is not to say less afterwards. */
static void answer_live(const struct making *m, enum sig_alg alg, struct ocsp_answer *out)
{
    struct buf part;
    bool is_signed;

    buf_init(&part, OCSP_RESPONSE_MAX);
    is_signed = sign(m, alg, &part, out);
    if (is_signed)
        ocsp_response_put(&out->body, buf_slice(&part), m->look.delegate->certificate);
    buf_free(&part);
    for (size_t n = 0; is_signed && n < m->q->n; n++)
        if (m->look.row[n].status != 0) {
            struct ocsp_cache_key k = key_of(m->issuer, &m->q->id[n]);

            ocsp_cache_outdate(m->r->cache, &k, m->look.this_update);
        }
}

/* What is cached comes straight into the answer. */
static bool answer_again(const struct making *m, const struct ocsp_cache_key *k,
                         struct ocsp_cached *about, struct ocsp_answer *out)
{
    struct ocsp_response_mark mark = ocsp_response_open(&out->body);

    if (!ocsp_cache_get(m->r->cache, k, m->now, about, &out->body)) {
        buf_reset(&out->body);
        return false;
    }
    ocsp_response_close(&out->body, mark, m->look.delegate->certificate);
    set_http(m, about, out);
    return true;
}

static void answer_cached(const struct making *m, struct ocsp_answer *out)
{
    struct ocsp_cache_key k = key_of(m->issuer, &m->q->id[0]);
    struct ocsp_cached about = {.change = m->look.row[0].change, .delegate = m->look.delegate->id};
    struct buf part;

    if (answer_again(m, &k, &about, out)) {
        count_said(m, COUNT_OCSP_CACHED);
        return;
    }
    buf_init(&part, OCSP_RESPONSE_MAX);
    if (sign(m, m->look.delegate->alg, &part, out)) {
        ocsp_response_put(&out->body, buf_slice(&part), m->look.delegate->certificate);
        about.this_update = m->look.this_update;
        about.next_update = m->next_update;
        about.renew_at = m->now + (m->next_update - m->now) / 2;
        set_etag(&out->body, about.etag);
        ocsp_cache_put(m->r->cache, &k, &about, buf_slice(&part), &m->issuer->newest);
        set_http(m, &about, out);
    }
    buf_free(&part);
}

static void answer(struct making *m, struct ocsp_answer *out)
{
    const struct ocsp_delegate *d = m->look.delegate;
    enum sig_alg alg = ocsp_delegate_alg(d, m->q->preferred, m->q->n_preferred);

    if (!m->look.all_issued && m->r->settings.never_issued_unauthorized) {
        answer_error(m->r, OCSP_UNAUTHORIZED, out);
        return;
    }
    m->next_update = next_update(m);
    if (m->next_update <= m->now) {
        answer_error(m->r, OCSP_TRY_LATER, out);
        return;
    }
    if (m->q->n == 1 && m->q->nonce.n == 0 && m->look.all_issued && alg == d->alg)
        answer_cached(m, out);
    else
        answer_live(m, alg, out);
}

void ocsp_answer(struct ocsp_responder *r, struct slice request, int64_t now,
                 struct ocsp_answer *out)
{
    struct ocsp_request q;
    struct making m = {.r = r, .q = &q, .now = now};
    struct fault f;

    buf_reset(&out->body);
    out->status = OCSP_SUCCESSFUL;
    out->max_age = out->last_modified = 0;
    memset(out->etag, 0, sizeof(out->etag));
    if (ocsp_request_parse(request, &q, &f) < 0) {
        answer_error(r, OCSP_MALFORMED_REQUEST, out);
        return;
    }
    m.issuer = choose(r, &q);
    if (m.issuer == NULL) {
        answer_error(
            r, __atomic_load_n(&r->all_seen, __ATOMIC_ACQUIRE) ? OCSP_UNAUTHORIZED : OCSP_TRY_LATER,
            out);
    } else if (!ocsp_issuer_look(m.issuer, &q, r->settings.view_age_max, now, &m.look)) {
        answer_error(r, OCSP_TRY_LATER, out);
    } else {
        answer(&m, out);
        ocsp_delegate_free(m.look.delegate);
    }
}
