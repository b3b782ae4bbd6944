#include "agent/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/conf/window.h"
#include "agent/deploy/deploy.h"
#include "agent/due.h"
#include "agent/identity.h"
#include "agent/keystep.h"
#include "agent/names.h"
#include "agent/nextfile.h"
#include "agent/remote.h"
#include "agent/wanted.h"
#include "lib/anycert.h"
#include "lib/clock.h"
#include "lib/key.h"
#include "lib/log.h"
#include "lib/p11uri.h"
#include "lib/text.h"

#define KEY_MAX 65536
#define SPKI_MAX 4096
#define CHAIN_MAX (8 * (size_t)ANYCERT_MAX)
#define HINT_EVERY 21600  /* seconds between two questions for a hint */
#define HINT_LEAST 60     /* ... at least */
#define ASK_AGAIN 60      /* seconds until an approval is asked for again, unless told */
#define LEAST_PART 20     /* of a life, between two renewals */
#define LOCAL_FAILED 3600 /* a hint that could not be had is asked for again then */

/* ---- facts ---- */

static void copy_text(char *out, size_t size, const char *text)
{
    struct buf cut;

    buf_init(&cut, size);
    text_cut(slice_str(text), size - 1, &cut);
    (void)snprintf(out, size, "%.*s", (int)(size - 1), buf_failed(&cut) ? "" : buf_cstr(&cut));
    buf_free(&cut);
}

int step_facts(struct work *w, unsigned version, struct fault *f)
{
    uint8_t hash[32];
    struct anycert c;
    struct buf der;
    int rc;

    buf_init(&der, ANYCERT_MAX);
    rc = deploy_leaf(w->c, version, &der, f);
    if (rc == 0)
        rc = anycert_parse(buf_slice(&der), &c, f);
    if (rc == 0) {
        w->r.not_before = c.not_before;
        w->r.not_after = c.not_after;
        sha256(buf_slice(&der), hash);
        hex_encode(slice_of(hash, sizeof(hash)), w->r.fingerprint);
    }
    buf_free(&der);
    return rc;
}

int64_t step_due(const struct agent_cert *c, const struct record *r)
{
    const struct due_times t = {.not_before = r->not_before,
                                .not_after = r->not_after,
                                .renew_at = c->renew_at,
                                .hint_start = r->hint_start,
                                .hint_end = r->hint_end};

    return due_at(&t, due_seed(c->name, r->fingerprint));
}

/* ---- what a renewal has to change ---- */

#define NAMES_TOLD_MAX 16384

/* A CA that certifies other names than it is asked for is not asked for ever: only a configuration
 * that is another since is a reason to renew. */
static bool is_changed(const struct work *w)
{
    struct wanted change = wanted_changes(w->c);
    char wanted[65];

    wanted_hash(w->c, wanted);
    return strcmp(wanted, w->r.wanted) != 0 && (change.names || change.subject);
}

/* Files that are configured otherwise, or are gone, are written with the next certificate, which is
 * got now. What an older agent has written down says nothing of them: they are as they are to be.
 */
static bool is_elsewhere(struct work *w)
{
    char files[65];
    bool known = w->r.files[0] != '\0', same;

    if (w->r.version == 0)
        return false; /* what was taken over */
    wanted_files_hash(w->c, files);
    same = strcmp(files, w->r.files) == 0;
    if (!known)
        memcpy(w->r.files, files, sizeof(files));
    return (known && !same) || deploy_missing(w->c);
}

static bool has_way(const struct agent_cert *c)
{
    return c->token_file[0] != '\0' || c->cert[0] != '\0' || c->user[0] != '\0';
}

/* ---- the CA ---- */

struct call {
    struct remote_ask ask;
    struct remote_answer answer;
    struct identity own;
    struct buf key, uri, request;
};

static void call_free(struct call *k)
{
    remote_answer_free(&k->answer);
    identity_free(&k->own);
    buf_free(&k->key);
    buf_free(&k->uri);
    buf_free(&k->request);
}

/* One that was taken over may be anybody's: then it begins as a first one does, if it can. */
static void set_renew(struct work *w, struct call *k, bool has_own, bool anew)
{
    unsigned version = 0;
    struct fault f;

    if (has_own && deploy_current(w->c, &version, &f) != 0)
        version = 0;
    k->ask.renew = has_own && !anew && !(version == 0 && has_way(w->c));
    if (k->ask.renew) {
        struct wanted change = wanted_changes(w->c);

        k->ask.new_names = change.names;
        k->ask.new_subject = change.subject;
    }
}

static const char *given(struct buf *b)
{
    return b->n > 0 ? buf_cstr(b) : NULL;
}

/* The keys, in files or in the token: that of the certificate in force and that of the attempt. */
static int set_keys(struct work *w, struct call *k, bool *has_own, struct fault *f)
{
    struct fault none;

    *has_own = identity_find(w->c, &k->own, &none) == 0;
    k->ask.own = *has_own ? buf_cstr(&k->own.cert) : NULL;
    k->ask.own_key = *has_own ? given(&k->own.key) : NULL;
    k->ask.own_uri = *has_own ? given(&k->own.uri) : NULL;
    next_path(w->c, NEXT_KEY, &k->key);
    next_path(w->c, NEXT_REQUEST, &k->request);
    k->ask.key = buf_cstr(&k->key);
    buf_init(&k->uri, P11URI_MAX);
    if (!agent_key_in_token(w->c) || k->ask.what == REMOTE_HINT)
        return 0;
    k->ask.key = NULL;
    if (next_get(w->c, NEXT_URI, P11URI_MAX, &k->uri, f) != 0)
        return -(int)f->code;
    k->ask.key_uri = buf_cstr(&k->uri);
    return 0;
}

/* `anew`: as for a first certificate, whatever is in force. */
static int call_ca(struct work *w, struct call *k, enum remote_what what, bool anew,
                   struct fault *f)
{
    bool has_own;
    int rc;

    memset(k, 0, sizeof(*k));
    k->ask.what = what;
    k->ask.cert = w->c;
    k->ask.timeout = w->order.timeout;
    rc = set_keys(w, k, &has_own, f);
    if (rc != 0)
        return rc;
    if (what == REMOTE_ENROLL && !w->r.linking && !anew)
        k->ask.request = buf_cstr(&k->request);
    set_renew(w, k, has_own, anew);
    if (what != REMOTE_HINT && !k->ask.renew && !has_way(w->c))
        return fault_set(f, FAULT_CONFIG, "agent.begin",
                         "there is no certificate to renew, and no token_file, cert or user to get "
                         "the first one with");
    rc = remote_do(&k->ask, &k->answer, f);
    w->retry_after = k->answer.retry_after;
    return rc;
}

/* ---- the steps ---- */

static int look(struct work *w, struct fault *f)
{
    unsigned version;
    int rc = w->c->take_over ? deploy_take_over(w->c, f) : 0;

    if (rc == 0)
        rc = deploy_current(w->c, &version, f);
    if (rc == -FAULT_NOT_FOUND)
        return deploy_may_begin(w->c, f); /* before a token is spent for nothing */
    if (rc == 0)
        rc = step_facts(w, version, f);
    if (rc != 0)
        return rc;
    w->r.version = version;
    w->to = version == 0 ? STATE_VERIFIED : STATE_INSTALLED;
    return 0;
}

/* What the CA suggests, kept until it is asked again. Whether it knows of hints or not, its silence
 * stops nothing. */
static void ask_hint(struct work *w)
{
    int64_t now = clock_now(), life = w->r.not_after - w->r.not_before;
    struct call k;
    struct fault f;
    int rc = call_ca(w, &k, REMOTE_HINT, false, &f);
    int64_t after = rc == 0 ? k.answer.retry_after : LOCAL_FAILED;

    if (rc == 0) {
        w->r.hint_start = k.answer.start;
        w->r.hint_end = k.answer.end;
        copy_text(w->r.hint, sizeof(w->r.hint), k.answer.text);
    } else {
        log_fault(LOG_LEVEL_DEBUG, "agent.hint", &f, "entry", w->c->name, NULL);
    }
    if (after < HINT_LEAST)
        after = HINT_EVERY;
    if (after > life / 20)
        after = life / 20;
    w->r.hint_next = now + (after < HINT_LEAST ? HINT_LEAST : after);
    w->retry_after = 0;
    call_free(&k);
}

/* One that is due when it comes, as where this host's clock is far ahead of the CA's, is not
 * renewed again before a twentieth of its life has passed here. */
static int64_t due_again(struct work *w)
{
    int64_t due = step_due(w->c, &w->r);
    int64_t least = w->r.verified + (w->r.not_after - w->r.not_before) / LEAST_PART;

    if (w->r.version == 0 || due >= least)
        return due;
    log_warn("agent.due", "entry", w->c->name, "text",
             "the new certificate is due already: is the clock of this host right?", NULL);
    return least;
}

static int wait_due(struct work *w, struct fault *f)
{
    int64_t now = clock_now(), due = due_again(w);

    (void)f;
    if (w->order.now || is_changed(w) || is_elsewhere(w) || now >= due)
        return 0;
    if (now >= w->r.hint_next) {
        ask_hint(w);
        due = due_again(w);
    }
    if (now >= due)
        return 0;
    w->r.next = due < w->r.hint_next ? due : w->r.hint_next;
    return STEP_WAITS;
}

static int make_key(struct work *w, struct fault *f)
{
    int rc = next_begin(w->c, f);

    if (rc == 0)
        rc = deploy_next(w->c, &w->r.version, f);
    return rc == 0 ? keystep_make(w->c, w->r.version, w->r.fresh_key, f) : rc;
}

static int make_request(struct work *w, struct fault *f)
{
    struct call k;
    int rc = call_ca(w, &k, REMOTE_REQUEST, false, f);

    if (rc == 0)
        rc = next_put(w->c, NEXT_REQUEST, buf_slice(&k.answer.request), f);
    w->r.linking = k.answer.linking;
    call_free(&k);
    return rc;
}

static int nothing(struct work *w, struct fault *f)
{
    (void)w, (void)f;
    return 0;
}

static int take_certificate(struct work *w, const struct remote_answer *a, struct fault *f)
{
    int rc = a->leaf.n == 0 ? fault_set(f, FAULT_MALFORMED, "est.certificate",
                                        "the server has sent no certificate")
                            : next_put(w->c, NEXT_CHAIN, buf_slice(&a->chain), f);

    return rc == 0 ? next_put(w->c, NEXT_LEAF, buf_slice(&a->leaf), f) : rc;
}

/* When the server wants it, but as any other waiting no longer than what is in force allows. */
static int64_t ask_again(const struct record *r, int64_t retry_after, int64_t now)
{
    return now + backoff(1, r->not_after == 0 ? 0 : r->not_after - now,
                         retry_after > 0 ? retry_after : ASK_AGAIN, 0);
}

static int send_request(struct work *w, struct fault *f)
{
    struct call k;
    int rc = call_ca(w, &k, REMOTE_ENROLL, false, f);

    /* Some servers renew what is over for a while; the others want it proved again. */
    if (rc == -FAULT_DENIED && k.ask.renew && w->r.not_after <= clock_now() && has_way(w->c)) {
        call_free(&k);
        rc = call_ca(w, &k, REMOTE_ENROLL, true, f);
    }
    if (rc == 0)
        rc = take_certificate(w, &k.answer, f);
    if (rc == 0 && !k.ask.renew && w->c->token_file[0] != '\0')
        log_info("agent.token", "entry", w->c->name, "file", w->c->token_file, "text",
                 "it has done its work: renewals go by the certificate, the file can be removed",
                 NULL);
    call_free(&k);
    if (rc != -FAULT_PENDING)
        return rc;
    w->to = STATE_AWAITING_APPROVAL;
    w->r.next = ask_again(&w->r, w->retry_after, clock_now());
    copy_text(w->r.reason, sizeof(w->r.reason), f->text);
    return w->r.state == STATE_AWAITING_APPROVAL ? STEP_WAITS : 0;
}

/* The CA decides what it certifies, which may be more than was asked for; that is in it, so it is
 * served, and people are told. */
static void tell_further(const struct work *w, struct slice leaf)
{
    struct anycert c;
    struct buf names;
    struct fault f;

    buf_init(&names, NAMES_TOLD_MAX);
    if (anycert_parse(leaf, &c, &f) == 0)
        names_further(w->c, &c, &names);
    if (names.n > 0)
        log_warn("agent.names", "entry", w->c->name, "further", buf_cstr(&names), "text",
                 "the CA has certified names that this entry does not ask for", NULL);
    buf_free(&names);
}

/* The key itself, or what it shows in the token. */
static int get_key(struct work *w, struct buf *key, struct buf *uri, struct buf *spki,
                   struct fault *f)
{
    return agent_key_in_token(w->c) ? keystep_show(w->c, uri, spki, f)
                                    : next_get(w->c, NEXT_KEY, KEY_MAX, key, f);
}

static int stage(struct work *w, struct fault *f)
{
    struct buf key, uri, spki, leaf, chain;
    int rc;

    buf_init(&key, KEY_MAX);
    buf_init(&uri, P11URI_MAX);
    buf_init(&spki, SPKI_MAX);
    buf_init(&leaf, ANYCERT_MAX);
    buf_init(&chain, CHAIN_MAX);
    rc = get_key(w, &key, &uri, &spki, f);
    if (rc == 0)
        rc = next_get(w->c, NEXT_LEAF, ANYCERT_MAX, &leaf, f);
    if (rc == 0)
        rc = next_get(w->c, NEXT_CHAIN, CHAIN_MAX, &chain, f);
    if (rc == 0) {
        const struct deploy_material m = {.key = buf_slice(&key),
                                          .uri = buf_slice(&uri),
                                          .spki = buf_slice(&spki),
                                          .leaf = buf_slice(&leaf),
                                          .chain = buf_slice(&chain)};

        rc = deploy_stage(w->c, &m, w->r.version, f);
    }
    if (rc == 0)
        tell_further(w, buf_slice(&leaf));
    buf_free(&key);
    buf_free(&uri);
    buf_free(&spki);
    buf_free(&leaf);
    buf_free(&chain);
    return rc;
}

/* When services may be touched: a window, unless what is in force ends before. */
static int64_t may_touch(const struct work *w, int64_t now)
{
    struct window windows[64];
    int64_t opens, last = w->r.not_after - (w->r.not_after - w->r.not_before) / 20;
    struct fault f;
    size_t n = 0;

    if (w->order.no_window || w->r.not_after == 0)
        return now;
    for (size_t i = 0; i < w->c->n_windows && n < sizeof(windows) / sizeof(windows[0]); i++)
        n += window_parse(w->c->windows[i], &windows[n], &f) == 0;
    opens = window_next(windows, n, now);
    if (opens > last)
        opens = last > now ? last : now;
    return opens;
}

static int install(struct work *w, struct fault *f)
{
    int64_t now = clock_now(), when = may_touch(w, now);
    unsigned visible = 0;
    struct fault none;
    int rc;

    if (when > now) {
        w->r.next = when;
        return STEP_WAITS;
    }
    rc = deploy_test(w->c, w->r.version, f);
    if (rc == 0)
        rc = deploy_hook(w->c, DEPLOY_BEFORE, NULL, f);
    if (rc != 0)
        return rc;
    rc = deploy_install(w->c, w->r.version, f);
    if (rc != 0 && deploy_current(w->c, &visible, &none) == 0 && visible == w->r.version)
        w->bad = STATE_ROLLED_BACK;
    return rc;
}

static int reload(struct work *w, struct fault *f)
{
    return deploy_reload(w->c, f);
}

static void keep_seen(struct record *r, const struct deploy_view *view)
{
    r->n_seen = view->n < RECORD_SEEN_MAX ? view->n : RECORD_SEEN_MAX;
    for (size_t i = 0; i < r->n_seen; i++) {
        struct record_seen *s = &r->seen[i];
        const struct deploy_seen *v = &view->item[i];

        (void)snprintf(s->service, sizeof(s->service), "%.32s", v->service);
        (void)snprintf(s->address, sizeof(s->address), "%.127s", v->address);
        (void)snprintf(s->served, sizeof(s->served), "%.64s", v->served);
        s->at = v->at;
    }
}

static void done(struct work *w)
{
    struct fault f = {0};

    w->r.verified = clock_now();
    wanted_hash(w->c, w->r.wanted);
    wanted_files_hash(w->c, w->r.files);
    w->r.fresh_key = false;
    w->r.failures = 0;
    w->r.rule[0] = w->r.reason[0] = w->r.hint[0] = '\0';
    w->r.hint_start = w->r.hint_end = 0;
    w->r.hint_next = 0;
    next_wipe(w->c);
    keystep_tidy(w->c);
    if (deploy_hook(w->c, DEPLOY_AFTER, NULL, &f) == 0)
        return;
    log_fault(LOG_LEVEL_ERROR, "agent.hook", &f, "entry", w->c->name, NULL);
    copy_text(w->r.rule, sizeof(w->r.rule), f.rule);
    copy_text(w->r.reason, sizeof(w->r.reason), f.text);
}

static int verify(struct work *w, struct fault *f)
{
    struct deploy_view *view = xcalloc(1, sizeof(*view));
    int rc = deploy_verify(w->c, w->r.version, view, f);

    keep_seen(&w->r, view);
    free(view);
    if (rc == 0)
        rc = step_facts(w, w->r.version, f);
    if (rc == 0)
        done(w);
    return rc;
}

static void tell_failed(struct work *w, const struct fault *why)
{
    struct fault f = {0};

    if (deploy_hook(w->c, DEPLOY_FAILED, why, &f) != 0)
        log_fault(LOG_LEVEL_ERROR, "agent.hook", &f, "entry", w->c->name, NULL);
}

/* Who orders a new key does not want what an earlier attempt has made. */
static void begin_anew(struct work *w)
{
    if (w->order.fresh_key)
        w->to = STATE_DUE;
}

/* First the old files come back; then it waits; then the new ones are tried again, as long as they
 * are any good. */
static int roll_back(struct work *w, struct fault *f)
{
    struct fault why = {.code = FAULT_INTERNAL};
    struct deploy_view *view;
    int rc;

    if (!w->r.rolling) {
        struct record now = w->r;

        if (step_facts(w, now.version, f) != 0 || w->r.not_after <= clock_now())
            w->to = STATE_DUE;
        w->r = now;
        begin_anew(w);
        return 0;
    }
    view = xcalloc(1, sizeof(*view));
    rc = deploy_rollback(w->c, view, f);
    keep_seen(&w->r, view);
    free(view);
    if (rc != 0 && strcmp(f->rule, "deploy.previous") != 0) {
        tell_failed(w, f); /* the worst: services may have neither */
        return rc;
    }
    w->r.rolling = false;
    (void)snprintf(why.rule, sizeof(why.rule), "%s", w->r.rule);
    (void)snprintf(why.text, sizeof(why.text), "%s", w->r.reason);
    tell_failed(w, &why);
    begin_anew(w);
    return w->order.now ? 0 : STEP_WAITS;
}

static int resume(struct work *w, struct fault *f)
{
    (void)f;
    w->to = w->r.resume >= STATE_TRACKED && w->r.resume < STATE_STUCK ? w->r.resume : STATE_DUE;
    begin_anew(w);
    return 0;
}

int step_do(struct work *w, struct fault *f)
{
    static int (*const steps[])(struct work * w, struct fault * f) = {
        [STATE_TRACKED] = look,           [STATE_DUE] = make_key,
        [STATE_KEY] = make_request,       [STATE_CSR] = nothing,
        [STATE_SUBMITTED] = send_request, [STATE_AWAITING_APPROVAL] = send_request,
        [STATE_ISSUED] = stage,           [STATE_STAGED] = install,
        [STATE_INSTALLED] = reload,       [STATE_RELOADED] = verify,
        [STATE_VERIFIED] = wait_due,      [STATE_ROLLED_BACK] = roll_back,
        [STATE_STUCK] = resume,
    };

    w->to = state_row(w->r.state)->then;
    w->bad = state_row(w->r.state)->failed;
    w->retry_after = 0;
    return steps[w->r.state](w, f);
}
