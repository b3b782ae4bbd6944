#include "ca/signer/work.h"

#include <string.h>
#include <sys/stat.h>

#include "ca/signer/cakey.h"
#include "ca/signer/greet.h"
#include "token/signop.h"
#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/step.h"

/* Answers leave together, but none waits longer than this for the others. */
#define HOLD_US 1000

static int find_issuer(const struct work *w, struct job *j, const char *issuer,
                       const uint8_t generation[8], struct fault *f)
{
    int rc = guard_generation(w->guard, generation, f);

    return rc != 0 ? rc : guard_find(w->guard, issuer, &j->by, f);
}

/* Reads and checks one request; from here on the bytes at j->tbs are settled. */
static int prepare_certificate(const struct work *w, struct job *j, struct fault *f)
{
    struct sign_request r;
    struct cert draft;
    int rc;

    if (sign_request_get(slice_of(j->body, j->n), &r) != 0)
        return fault_set(f, FAULT_MALFORMED, "signer.request", "not a request to sign");
    rc = find_issuer(w, j, r.issuer, r.generation, f);
    if (rc != 0)
        return rc;
    if (tbs_parse(r.tbs, &draft, f) != 0)
        return fault_set(f, FAULT_MALFORMED, "signer.tbs", "not a TBSCertificate");
    rc = guard_check(w->guard, j->by, &draft, clock_now(), f);
    if (rc != 0)
        return rc;
    j->tbs = r.tbs;
    memcpy(j->serial, draft.serial.p, SERIAL_LEN);
    sha256(j->tbs, j->tbs_hash);
    j->alg = draft.tbs_alg;
    if (sig_alg_hash_len(j->alg) == sizeof(j->tbs_hash))
        memcpy(j->hash, j->tbs_hash, sizeof(j->tbs_hash));
    else
        sig_alg_hash(j->alg, j->tbs, j->hash);
    return 0;
}

/* The descriptor is read once, and not again: who sent it may change the file. */
static int prepare_crl(const struct work *w, struct job *j, struct fault *f)
{
    struct crl_sign_request r;
    struct stat st;
    int rc;

    if (crl_sign_request_get(slice_of(j->body, j->n), &r) != 0 || j->fd < 0 ||
        fstat(j->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return fault_set(f, FAULT_MALFORMED, "signer.request", "not a request to sign a CRL");
    rc = find_issuer(w, j, r.issuer, r.generation, f);
    if (rc == 0) {
        struct crl_file file = {j->fd, r.start};
        const struct crl_input in = {.read = crl_file_read, .arg = &file, .size = r.octets};

        rc = guard_crl(j->by, &in, clock_now(), &j->crl, f);
    }
    if (rc != 0)
        return rc;
    j->alg = j->by->conf->alg;
    memcpy(j->hash, j->crl.hash, sizeof(j->hash));
    return 0;
}

/* Everything that can be said without the token: what is unavailable after this is the token. */
static int prepare(const struct work *w, struct job *j, struct fault *f)
{
    switch (j->type) {
    case MSG_SIGN:
        return prepare_certificate(w, j, f);
    case MSG_SIGN_CRL:
        return prepare_crl(w, j, f);
    case MSG_CA_CSR:
        return cakey_read(w, j, f);
    case MSG_CHECKPOINT:
        return checkpointer_read(w->checkpointer, slice_of(j->body, j->n), &j->checkpoint, f);
    default:
        return 0;
    }
}

static int record_all(struct work *w, struct job *list, struct fault *f)
{
    struct record_entry e[WORK_BATCH];
    size_t n = 0;

    for (struct job *j = list; j != NULL; j = j->next) {
        if (j->type != MSG_SIGN || j->rc != 0)
            continue;
        e[n].key = j->by->spki_hash;
        e[n].serial = slice_of(j->serial, SERIAL_LEN);
        memcpy(e[n].tbs_hash, j->tbs_hash, sizeof(j->tbs_hash));
        n++;
    }
    return n == 0 ? 0 : record_append(w->record, e, n, f);
}

/* CRLs come one by one, each against those before it. */
static void record_crls(struct work *w, struct job *list)
{
    for (struct job *j = list; j != NULL; j = j->next)
        if (j->type == MSG_SIGN_CRL && j->rc == 0)
            j->rc = record_append_crl(w->record, j->by->spki_hash, &j->crl, &j->fault);
}

static void answer_put(struct job *j, struct slice signature)
{
    if (j->type == MSG_SIGN_CRL)
        buf_put_slice(&j->answer, signature);
    else
        cert_assemble(&j->answer, j->tbs, j->alg, signature);
}

static int sign(struct work *w, struct job *j)
{
    struct buf signature;
    int rc;

    buf_init(&signature, SIGNATURE_MAX);
    rc = signop(w->token->call, w->session, j->by->handle, &j->by->key, j->alg, j->hash, &signature,
                &j->fault);
    if (rc == 0)
        answer_put(j, buf_slice(&signature));
    buf_free(&signature);
    if (rc == 0 && buf_failed(&j->answer))
        rc = fault_set(&j->fault, FAULT_TOO_LARGE, "signer.size", "the certificate is too large");
    return rc;
}

static int alive(struct work *w, struct fault *f)
{
    int rc = token_alive(w->token, w->session, f);

    return rc != 0 ? rc : keys_still_missing(w, f);
}

static int perform(struct work *w, struct job *j)
{
    if (j->type == MSG_HELLO)
        return greet(w, j);
    if (j->type == MSG_PING)
        return alive(w, &j->fault);
    if (j->type == MSG_CA_CSR)
        return cakey_csr(w, j);
    if (j->type == MSG_CHECKPOINT)
        return checkpointer_sign(w->checkpointer, w->session, &j->checkpoint, &j->answer,
                                 &j->fault);
    return sign(w, j);
}

static void spoil(struct job *j, int rc, const struct fault *f)
{
    if (j->rc != 0)
        return;
    j->rc = rc;
    j->fault = *f;
}

/* Hands over everything from *from up to, without, `to`. */
static void hand_over(struct work *w, struct job **from, struct job *to)
{
    struct job *list = *from, **at = &list;

    while (*at != to)
        at = &(*at)->next;
    *at = NULL;
    *from = to;
    if (list != NULL)
        w->done(w->arg, list);
}

int work_run(struct work *w, struct job *list, struct fault *f)
{
    uint64_t since = clock_mono_us();
    struct job *held = list;
    struct fault full;
    int rc, failed = 0;

    for (struct job *j = list; j != NULL; j = j->next)
        j->rc = prepare(w, j, &j->fault);
    STEP("signer.checked");
    rc = record_all(w, list, &full);
    for (struct job *j = list; rc != 0 && j != NULL; j = j->next)
        if (j->type == MSG_SIGN)
            spoil(j, rc, &full);
    record_crls(w, list);
    STEP("signer.recorded");
    for (struct job *j = list, *next; j != NULL; j = next) {
        next = j->next;
        if (failed != 0)
            spoil(j, failed, f);
        else if (j->rc == 0) {
            j->rc = perform(w, j);
            if (j->rc == -FAULT_UNAVAILABLE) {
                failed = j->rc;
                *f = j->fault;
            }
        }
        if (next != NULL && clock_mono_us() - since > HOLD_US) {
            since = clock_mono_us();
            hand_over(w, &held, next);
        }
    }
    STEP("signer.signed");
    hand_over(w, &held, NULL);
    return failed;
}

void *work_thread(void *work)
{
    struct work *w = work;
    struct job *list;
    struct fault f;

    while ((list = job_queue_take(w->queue, WORK_BATCH)) != NULL)
        if (work_run(w, list, &f) != 0) {
            w->failed(w->arg, &f);
            break;
        }
    return NULL;
}
