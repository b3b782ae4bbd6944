#include "ca/signer/checkpointer.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ca/signer/checklog.h"
#include "token/ckr.h"
#include "ca/signer/edkey.h"
#include "ca/signer/issuerkey.h"
#include "token/signop.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/step.h"
#include "lib/viewexport.h"

#define ALG SIG_ECDSA_SHA256

struct checkpointer {
    const struct conf *conf;
    struct token *token;
    struct conf_issuer as; /* how the token's key is found: no issuer has it */
    struct keyobj object;
    struct spki key; /* points into object */
    struct edkey *edkey;
    uint8_t public[32]; /* of edkey */
    struct checklog *log;
    struct fault missing; /* why it cannot sign; code FAULT_NONE: it can */
    pthread_mutex_t lock; /* one checkpoint at a time */
};

static struct conf_issuer key_of(const struct conf *conf, const struct conf_token *t)
{
    static char name[] = "audit";

    return (struct conf_issuer){.name = name,
                                .token = t->name,
                                .key = conf->audit_key,
                                .key_type = KEY_P256,
                                .key_bits = 256,
                                .alg = ALG};
}

bool checkpointer_here(const struct conf *conf, const struct conf_token *t)
{
    return strcmp(conf_audit_token(conf)->name, t->name) == 0;
}

int checkpointer_provision(const struct conf *conf, struct token *t,
                           void (*report)(const struct conf_issuer *as, struct slice spki,
                                          bool made),
                           struct fault *f)
{
    const struct conf_issuer as = key_of(conf, t->conf);
    bool made = false, made_file;
    struct keyobj k;
    int rc = issuerkey_find(t, &as, &k, f);

    if (rc == -FAULT_NOT_FOUND) {
        made = true;
        rc = issuerkey_generate(t, &as, f);
        if (rc == 0)
            rc = issuerkey_find(t, &as, &k, f);
    }
    if (rc != 0)
        return rc;
    report(&as, buf_slice(&k.spki), made);
    keyobj_free(&k);
    return edkey_make(conf->audit_secret, &made_file, f);
}

/* ---- opening ---- */

static int find_keys(struct checkpointer *c, struct fault *f)
{
    int rc = issuerkey_find(c->token, &c->as, &c->object, f);

    if (rc == 0)
        rc = spki_parse(buf_slice(&c->object.spki), &c->key, f);
    if (rc == 0)
        rc = edkey_open(c->conf->audit_secret, &c->edkey, f);
    if (rc != 0)
        return rc;
    edkey_public(c->edkey, c->public);
    return 0;
}

static int open_log(struct checkpointer *c, struct fault *f)
{
    struct buf path;
    int rc;

    buf_init(&path, PATH_MAX);
    buf_printf(&path, "%s/%s.checkpoints", c->conf->record_dir, c->token->conf->name);
    rc = checklog_open(buf_cstr(&path), &c->log, f);
    buf_free(&path);
    return rc;
}

int checkpointer_open(const struct conf *conf, struct token *t, struct checkpointer **out,
                      struct fault *f)
{
    struct checkpointer *c;
    int rc;

    *out = NULL;
    if (!checkpointer_here(conf, t->conf))
        return 0;
    c = xcalloc(1, sizeof(*c));
    c->conf = conf;
    c->token = t;
    c->as = key_of(conf, t->conf);
    (void)pthread_mutex_init(&c->lock, NULL);
    rc = find_keys(c, &c->missing);
    if (rc == -FAULT_UNAVAILABLE)
        *f = c->missing;
    else if (rc != 0)
        log_fault(LOG_LEVEL_ERROR, "signer.checkpoint.no-key", &c->missing, "do",
                  "cerca-signer --provision", NULL);
    if (rc != -FAULT_UNAVAILABLE)
        rc = open_log(c, f);
    if (rc != 0) {
        checkpointer_close(c);
        return rc;
    }
    *out = c;
    return 0;
}

int checkpointer_still_missing(const struct checkpointer *c, struct token *t, struct fault *f)
{
    struct keyobj k;
    int rc;

    if (c->object.spki.n > 0)
        return 0;
    rc = issuerkey_find(t, &c->as, &k, f);
    if (rc != 0)
        return rc == -FAULT_UNAVAILABLE ? rc : 0;
    keyobj_free(&k);
    return fault_unavailable(f, TOKEN_RETRY_AFTER, "signer.key.changed",
                             "the key of the audit log is there now; its signer starts anew, "
                             "retry after %d s",
                             TOKEN_RETRY_AFTER);
}

void checkpointer_close(struct checkpointer *c)
{
    if (c == NULL)
        return;
    checklog_close(c->log);
    edkey_free(c->edkey);
    keyobj_free(&c->object);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

/* ---- signing ---- */

/* The configured one; or, of the logs that restores began, that and their number behind it; or, of
 * the view's exports, that and "view". */
static bool origin_is_ours(const char *ours, const char *origin)
{
    char view[NOTE_NAME_MAX + 1];
    size_t n = strlen(ours);

    if (viewexport_origin(ours, view) == 0 && strcmp(view, origin) == 0)
        return true;

    if (strncmp(ours, origin, n) != 0 || (origin[n] != '/' && origin[n] != '\0'))
        return false;
    origin += n + (origin[n] == '/');
    n = strlen(origin);
    return n <= 19 && strspn(origin, "0123456789") == n;
}

int checkpointer_read(const struct checkpointer *c, struct slice body, struct checkpoint_request *r,
                      struct fault *f)
{
    if (c == NULL)
        return fault_set(f, FAULT_NOT_FOUND, "signer.checkpoint.here",
                         "another token's signer signs checkpoints (audit.token)");
    if (checkpoint_request_get(body, r) != 0)
        return fault_set(f, FAULT_MALFORMED, "signer.request", "not a checkpoint to sign");
    if (memcmp(r->generation, c->conf->generation, sizeof(r->generation)) != 0)
        return fault_unavailable(f, 1, "signer.generation",
                                 "the request was made under another configuration");
    if (!origin_is_ours(c->conf->audit_origin, r->origin))
        return fault_set(f, FAULT_DENIED, "signer.checkpoint.origin",
                         "a checkpoint of another log than %.100s", c->conf->audit_origin);
    if (c->missing.code != FAULT_NONE) {
        *f = c->missing;
        return -(int)f->code;
    }
    return 0;
}

static int name_keys(const struct checkpointer *c, const char *origin, struct note_key by[2],
                     struct fault *f)
{
    if (note_key_ed25519(origin, c->public, &by[0]) == 0 &&
        note_key_ecdsa(origin, buf_slice(&c->object.spki), &by[1]) == 0)
        return 0;
    return fault_set(f, FAULT_MALFORMED, "signer.checkpoint.origin", "no name of a log");
}

static int put_signatures(struct checkpointer *c, CK_SESSION_HANDLE session, struct slice text,
                          const struct note_key by[2], struct buf *note, struct fault *f)
{
    uint8_t ed[64], hash[64];
    struct buf ec;
    int rc = edkey_sign(c->edkey, text, ed, f);

    if (rc != 0)
        return rc;
    buf_init(&ec, SIGNATURE_MAX);
    sig_alg_hash(ALG, text, hash);
    rc = signop(c->token->call, session, c->object.handle, &c->key, ALG, hash, &ec, f);
    if (rc == 0) {
        buf_put_slice(note, text);
        buf_put_str(note, "\n");
        note_signature_put(note, &by[0], slice_of(ed, sizeof(ed)));
        note_signature_put(note, &by[1], buf_slice(&ec));
    }
    buf_free(&ec);
    return rc;
}

static void put_answer(uint64_t size, struct slice note, const struct note_key by[2],
                       struct buf *answer)
{
    struct checkpointed out = {.size = size, .time = clock_now(), .note = note};
    struct buf keys;

    buf_init(&keys, 2 * (VKEY_MAX + 1));
    for (size_t i = 0; i < 2; i++) {
        note_key_put(&keys, &by[i]);
        buf_put_str(&keys, "\n");
    }
    out.keys = buf_slice(&keys);
    checkpointed_put(answer, &out);
    buf_free(&keys);
}

int checkpointer_sign(struct checkpointer *c, CK_SESSION_HANDLE session,
                      const struct checkpoint_request *r, struct buf *answer, struct fault *f)
{
    struct note_key by[2];
    struct buf text, note;
    int rc = name_keys(c, r->origin, by, f);

    if (rc != 0)
        return rc;
    buf_init(&text, NOTE_MAX);
    buf_init(&note, NOTE_MAX);
    checkpoint_text_put(&text, r->origin, r->size, r->root);
    (void)pthread_mutex_lock(&c->lock);
    STEP("checkpoint.checked");
    rc = checklog_admit(c->log, r->origin, r->size, r->root, f);
    STEP("checkpoint.recorded");
    if (rc == 0)
        rc = put_signatures(c, session, buf_slice(&text), by, &note, f);
    (void)pthread_mutex_unlock(&c->lock);
    STEP("checkpoint.signed");
    if (rc == 0)
        put_answer(r->size, buf_slice(&note), by, answer);
    buf_free(&text);
    buf_free(&note);
    return rc;
}
