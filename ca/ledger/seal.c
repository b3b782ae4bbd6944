#include "ca/ledger/seal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sealer {
    const struct conf *conf;
    struct loop *loop;
    struct signer_link *link;
    struct buf question; /* on its way to the signer */

    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop, answered;
    struct buf answer; /* MSG_CHECKPOINTED's body */
    struct fault refusal;
};

struct sealer *sealer_new(const struct conf *c, struct loop *l, struct signer_link *link)
{
    struct sealer *s = xcalloc(1, sizeof(*s));

    s->conf = c;
    s->loop = l;
    s->link = link;
    buf_init(&s->question, FRAME_BODY_MAX);
    buf_init(&s->answer, FRAME_BODY_MAX);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    return s;
}

void sealer_stop(struct sealer *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

void sealer_free(struct sealer *s)
{
    if (s == NULL)
        return;
    buf_free(&s->question);
    buf_free(&s->answer);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- the signer ---- */

static void on_answer(void *arg, struct slice body, const struct fault *f)
{
    struct sealer *s = arg;

    pthread_mutex_lock(&s->lock);
    fault_clear(&s->refusal);
    buf_reset(&s->answer);
    if (f != NULL)
        s->refusal = *f;
    else
        buf_put_slice(&s->answer, body);
    s->answered = true;
    pthread_cond_broadcast(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

static void put_question(void *arg)
{
    struct sealer *s = arg;
    struct fault f;

    if (s->link == NULL) {
        (void)fault_set(&f, FAULT_CONFIG, "audit.token", "no token signs checkpoints");
        on_answer(s, SLICE_NONE, &f);
        return;
    }
    signer_link_checkpoint(s->link, buf_slice(&s->question), on_answer, s);
}

/* The answer, once it is there, is the thread's alone. */
static int ask_signer(struct sealer *s, const struct checkpoint_request *r, struct fault *f)
{
    int rc = 0;

    buf_reset(&s->question);
    checkpoint_request_put(&s->question, r);
    pthread_mutex_lock(&s->lock);
    s->answered = false;
    loop_post(s->loop, put_question, s);
    while (!s->answered && !s->stop)
        pthread_cond_wait(&s->wake, &s->lock);
    if (!s->answered)
        rc = fault_unavailable(f, 1, "stopping", "cerca-ca is stopping, retry after 1 s");
    else if (s->refusal.code != FAULT_NONE) {
        *f = s->refusal;
        rc = -(int)f->code;
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

/* ---- verifying ---- */

static int unfit(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_INTERNAL, "checkpoint.answer", "the signer's checkpoint %s", what);
}

/* By every key that the signer says it has: at least one Ed25519, which stock verifiers know. */
static int verify_keys(const struct checkpoint *c, struct slice keys, struct fault *f)
{
    bool ed25519 = false;

    while (keys.n > 0) {
        const uint8_t *end = memchr(keys.p, '\n', keys.n);
        char text[VKEY_MAX];
        enum note_verdict verdict;
        struct note_key k;
        size_t n;

        if (end == NULL || (size_t)(end - keys.p) >= sizeof(text))
            return unfit(f, "came with keys that do not read");
        n = (size_t)(end - keys.p);
        memcpy(text, keys.p, n);
        text[n] = '\0';
        keys = slice_of(end + 1, keys.n - n - 1);
        verdict = note_key_get(text, &k, f) == 0 ? note_verify(c, &k) : NOTE_BAD;
        if (verdict == NOTE_UNKNOWN)
            return fault_unavailable(f, 1, "checkpoint.answer", "a signature cannot be verified");
        if (verdict != NOTE_GOOD)
            return unfit(f, "is not signed by a key that it names");
        ed25519 = ed25519 || k.type == NOTE_ED25519;
    }
    return ed25519 ? 0 : unfit(f, "has no Ed25519 signature");
}

static int verify(const struct checkpoint_request *r, const struct checkpointed *a, struct fault *f)
{
    struct checkpoint c;

    if (checkpoint_get(a->note, &c, f) != 0)
        return -(int)f->code;
    if (strcmp(c.origin, r->origin) != 0 || c.size != r->size || a->size != r->size ||
        memcmp(c.root, r->root, sizeof(c.root)) != 0)
        return unfit(f, "is of another log, size or root");
    return verify_keys(&c, a->keys, f);
}

int sealer_sign(struct sealer *s, const char *origin, uint64_t size, const uint8_t root[32],
                struct checkpointed *out, struct fault *f)
{
    struct checkpoint_request r = {.size = size};
    struct wire_in w;
    int rc;

    memset(out, 0, sizeof(*out));
    (void)snprintf(r.origin, sizeof(r.origin), "%s", origin);
    memcpy(r.generation, s->conf->generation, sizeof(r.generation));
    memcpy(r.root, root, sizeof(r.root));
    rc = ask_signer(s, &r, f);
    if (rc != 0)
        return rc;
    wire_in_init(&w, buf_slice(&s->answer));
    checkpointed_get(&w, out);
    return wire_in_done(&w) ? verify(&r, out, f) : unfit(f, "is malformed");
}
