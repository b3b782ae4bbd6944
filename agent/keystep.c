#include "agent/keystep.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/deploy/place.h"
#include "agent/identity.h"
#include "agent/keychild.h"
#include "agent/keyledger.h"
#include "agent/nextfile.h"
#include "client/signkey.h"
#include "lib/log.h"
#include "lib/p11uri.h"
#include "lib/step.h"

#define KEY_MAX 65536

static const char *const all[KEYCHILD_ONLY] = {NULL, NULL};

/* ---- in a file ---- */

static int make_file(const struct agent_cert *c, struct identity *own, struct fault *f)
{
    EVP_PKEY *key = NULL;
    struct buf pem;
    int rc = own != NULL ? signkey_read(buf_cstr(&own->key), &key, f)
                         : signkey_make(c->key_type, &key, f);

    buf_init(&pem, KEY_MAX);
    if (rc == 0)
        rc = signkey_pem(key, &pem, f);
    if (rc == 0)
        rc = next_put(c, NEXT_KEY, buf_slice(&pem), f);
    EVP_PKEY_free(key);
    buf_free(&pem);
    return rc;
}

/* ---- in the token ---- */

/* Where a key of ours is: the configured token, our id; the label is for people. */
static int put_uri(const struct agent_cert *c, unsigned version, const uint8_t id[KEYLEDGER_ID],
                   struct buf *out, struct fault *f)
{
    struct p11uri u;
    int rc = p11uri_parse(c->token.uri, &u, f);

    if (rc != 0)
        return rc;
    u.type = P11URI_PRIVATE;
    u.id.set = true;
    u.id.n = KEYLEDGER_ID;
    memcpy(u.id.p, id, KEYLEDGER_ID);
    if (version > 0) {
        u.object.set = true;
        u.object.n = (size_t)snprintf((char *)u.object.p, sizeof(u.object.p), "%.64s-%u",
                                      c->key_label, version);
    }
    buf_reset(out);
    p11uri_print(&u, out);
    return buf_failed(out) ? fault_set(f, FAULT_TOO_LARGE, "agent.key", "the key's URI is too long")
                           : 0;
}

/* Noted that it is ours, before it is there. */
static int note(const struct agent_cert *c, unsigned version, const uint8_t id[KEYLEDGER_ID],
                struct fault *f)
{
    struct keyledger *l = xcalloc(1, sizeof(*l));
    int rc = keyledger_load(c, l, f);

    if (rc == 0)
        rc = keyledger_add(l, version, id, f);
    if (rc == 0)
        rc = keyledger_save(c, l, f);
    free(l);
    return rc;
}

static int id_of(struct slice uri, uint8_t id[KEYLEDGER_ID], struct fault *f)
{
    char text[P11URI_MAX + 1];
    struct p11uri u;
    int rc;

    (void)snprintf(text, sizeof(text), "%.*s", (int)uri.n, (const char *)uri.p);
    rc = p11uri_parse(text, &u, f);
    if (rc == 0 && (!u.id.set || u.id.n != KEYLEDGER_ID))
        rc = fault_set(f, FAULT_MALFORMED, "agent.key", "the URI is none of ours");
    if (rc == 0)
        memcpy(id, u.id.p, KEYLEDGER_ID);
    return rc;
}

static int make_new(const struct agent_cert *c, unsigned version, struct buf *uri, struct fault *f)
{
    uint8_t id[KEYLEDGER_ID];
    struct keychild *k = NULL;
    int rc;

    random_bytes(id, sizeof(id));
    rc = put_uri(c, version, id, uri, f);
    if (rc == 0)
        rc = keychild_open(c, all, &k, f);
    if (rc == 0)
        rc = note(c, version, id, f);
    STEP("agent-key-noted");
    if (rc == 0)
        rc = keychild_make(k, buf_cstr(uri), c->key_type, f);
    STEP("agent-key-made");
    keychild_close(k);
    if (rc == 0)
        log_info("agent.key-made", "entry", c->name, "key", buf_cstr(uri), NULL);
    return rc;
}

static int make_token(const struct agent_cert *c, struct identity *own, unsigned version,
                      struct fault *f)
{
    uint8_t id[KEYLEDGER_ID];
    struct buf uri;
    int rc;

    keystep_tidy(c);
    buf_init(&uri, P11URI_MAX);
    if (own != NULL) {
        buf_put_slice(&uri, buf_slice(&own->uri));
        rc = id_of(buf_slice(&uri), id, f);
        if (rc == 0)
            rc = note(c, version, id, f);
    } else {
        rc = make_new(c, version, &uri, f);
    }
    if (rc == 0)
        rc = next_put(c, NEXT_URI, buf_slice(&uri), f);
    buf_free(&uri);
    return rc;
}

int keystep_make(const struct agent_cert *c, unsigned version, bool fresh, struct fault *f)
{
    bool token = agent_key_in_token(c);
    struct identity own;
    struct fault none;
    bool same =
        identity_find(c, &own, &none) == 0 && c->reuse_key && !fresh && token == (own.uri.n > 0);
    int rc =
        token ? make_token(c, same ? &own : NULL, version, f) : make_file(c, same ? &own : NULL, f);

    identity_free(&own);
    return rc;
}

int keystep_show(const struct agent_cert *c, struct buf *uri, struct buf *spki, struct fault *f)
{
    const char *only[KEYCHILD_ONLY] = {NULL, NULL};
    struct keychild *k = NULL;
    int rc = next_get(c, NEXT_URI, P11URI_MAX, uri, f);

    if (rc == 0) {
        only[0] = buf_cstr(uri);
        rc = keychild_open(c, only, &k, f);
    }
    if (rc == 0)
        rc = keychild_show(k, buf_cstr(uri), spki, f);
    keychild_close(k);
    return rc;
}

/* ---- what nobody needs any more ---- */

static bool has_version(const struct agent_cert *c, unsigned version)
{
    char path[PATH_MAX];
    struct fault f;

    return place_version(c, version, path, &f) == 0 && place_exists(path);
}

/* Some version has it, maybe a later one that took it again. */
static bool in_use(const struct agent_cert *c, const struct keyledger *l,
                   const uint8_t id[KEYLEDGER_ID])
{
    for (size_t i = 0; i < l->n; i++)
        if (memcmp(l->line[i].id, id, KEYLEDGER_ID) == 0 && has_version(c, l->line[i].version))
            return true;
    return false;
}

static int destroy(const struct agent_cert *c, struct keychild **k, const uint8_t id[KEYLEDGER_ID],
                   struct fault *f)
{
    struct buf uri;
    int rc;

    buf_init(&uri, P11URI_MAX);
    rc = put_uri(c, 0, id, &uri, f);
    if (rc == 0 && *k == NULL)
        rc = keychild_open(c, all, k, f);
    if (rc == 0)
        rc = keychild_destroy(*k, buf_cstr(&uri), f);
    STEP("agent-key-destroyed");
    if (rc == 0)
        log_info("agent.key-destroyed", "entry", c->name, "key", buf_cstr(&uri), NULL);
    buf_free(&uri);
    return rc;
}

static int tidy(const struct agent_cert *c, struct keyledger *l, struct fault *f)
{
    struct keychild *k = NULL;
    bool changed = false;
    int rc = keyledger_load(c, l, f);

    for (size_t i = 0; rc == 0 && i < l->n;) {
        if (has_version(c, l->line[i].version)) {
            i++;
            continue;
        }
        if (!in_use(c, l, l->line[i].id))
            rc = destroy(c, &k, l->line[i].id, f);
        if (rc == 0) {
            keyledger_drop(l, i);
            changed = true;
        }
    }
    keychild_close(k);
    if (changed) {
        struct fault also;
        int saved = keyledger_save(c, l, rc == 0 ? f : &also);

        rc = rc == 0 ? saved : rc;
    }
    return rc;
}

void keystep_tidy(const struct agent_cert *c)
{
    struct keyledger *l = xcalloc(1, sizeof(*l));
    struct fault f;

    if (agent_key_in_token(c) && tidy(c, l, &f) != 0)
        log_fault(LOG_LEVEL_WARN, "agent.key-not-destroyed", &f, "entry", c->name, NULL);
    free(l);
}
