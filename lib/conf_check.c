/*
 * What one key alone cannot show: references, order and uniqueness. Every
 * refusal names the line of the key to change.
 */
#include "lib/conf_schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "lib/clock.h"
#include "lib/name.h"
#include "lib/p11uri.h"

#define REFERENCE "conf.reference"
#define UNIQUE "conf.unique"
#define ORDER "conf.order"

static int check_pin(const struct conf_reader *r, const struct conf_token *t, struct fault *f)
{
    int sources =
        (t->pin_file[0] != '\0') + (t->pin_credential[0] != '\0') + (t->pin_fd[0] != '\0');

    if (sources == 1)
        return 0;
    return conf_refuse(r, conf_line(r, "tokens", t->name, NULL), "conf.pin", "tokens.pin_file", f,
                       "token \"%s\": exactly one of pin_file, pin_credential and pin_fd must be "
                       "set, not %s",
                       t->name, sources == 0 ? "none" : "several");
}

/* The path of a socket has a fixed room (unix(7)). */
static int check_socket(const struct conf_reader *r, const struct conf_token *t, struct fault *f)
{
    struct sockaddr_un addr;
    struct buf path;
    int rc = 0;

    buf_init(&path, 2 * CONF_VALUE_MAX);
    conf_signer_socket(r->conf, t->name, &path);
    if (buf_failed(&path) || path.n >= sizeof(addr.sun_path))
        rc = conf_refuse(r, conf_line(r, "tokens", t->name, "name"), "conf.value", "sockets.dir", f,
                         "token \"%s\": the path of its socket has over %zu octets; choose a "
                         "shorter sockets.dir",
                         t->name, sizeof(addr.sun_path) - 1);
    buf_free(&path);
    return rc;
}

/* URIs were checked one by one already, so that they parse. */
static void parsed(const char *text, struct p11uri *out)
{
    struct fault ignored;

    if (p11uri_parse(text, out, &ignored) < 0)
        memset(out, 0, sizeof(*out));
}

/* Two signers of one token would each believe that they know all it signed. */
static int check_token_twice(const struct conf_reader *r, size_t at, struct fault *f)
{
    const struct conf_token *t = &r->conf->tokens[at];

    for (size_t i = 0; i < at; i++) {
        const struct conf_token *other = &r->conf->tokens[i];

        if (strcmp(other->module, t->module) == 0 && strcmp(other->uri, t->uri) == 0)
            return conf_refuse(r, conf_line(r, "tokens", t->name, "uri"), UNIQUE, "tokens.uri", f,
                               "token \"%s\": is the same token as \"%s\"", t->name, other->name);
    }
    return 0;
}

static int check_tokens(const struct conf_reader *r, struct fault *f)
{
    int rc = 0;

    for (size_t i = 0; i < r->conf->n_tokens && rc == 0; i++) {
        rc = check_pin(r, &r->conf->tokens[i], f);
        if (rc == 0)
            rc = check_socket(r, &r->conf->tokens[i], f);
        if (rc == 0)
            rc = check_token_twice(r, i, f);
    }
    return rc;
}

static int issuer_refuse(const struct conf_reader *r, const struct conf_issuer *i, const char *key,
                         const char *rule, struct fault *f, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

static int issuer_refuse(const struct conf_reader *r, const struct conf_issuer *i, const char *key,
                         const char *rule, struct fault *f, const char *fmt, ...)
{
    char text[200], field[64];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    snprintf(field, sizeof(field), "issuers.%s", key);
    return conf_refuse(r, conf_line(r, "issuers", i->name, key), rule, field, f,
                       "issuer \"%s\": %s: %s", i->name, key, text);
}

static int check_issuer_key(const struct conf_reader *r, const struct conf_issuer *i,
                            struct fault *f)
{
    const struct conf_token *t = conf_token(r->conf, i->token);
    struct p11uri key, token;

    if (i->offline && (i->token[0] != '\0' || i->key[0] != '\0'))
        return issuer_refuse(r, i, "offline", ORDER, f,
                             "an offline issuer has neither token nor key here");
    if (!i->offline && (i->token[0] == '\0' || i->key[0] == '\0'))
        return issuer_refuse(r, i, i->token[0] == '\0' ? "token" : "key", "conf.missing", f,
                             "is missing: it says where the key is");
    if (!i->offline && t == NULL)
        return issuer_refuse(r, i, "token", REFERENCE, f, "there is no token \"%s\"", i->token);
    parsed(i->key, &key);
    if (!i->offline)
        parsed(t->uri, &token);
    if (!i->offline && !p11uri_same_token(&key, &token))
        return issuer_refuse(r, i, "key", REFERENCE, f, "names another token than \"%s\" does",
                             t->name);
    /* libp11 0.4.12 has no Ed25519. */
    if (i->key_type == KEY_ED25519)
        return issuer_refuse(r, i, "key_type", "conf.value", f,
                             "keys in tokens are p256, p384, p521, rsa2048, rsa3072 or rsa4096");
    if (!sig_alg_fits(i->alg, i->key_type))
        return issuer_refuse(r, i, "alg", ORDER, f, "%s does not go with the key_type",
                             sig_alg_name(i->alg));
    return 0;
}

static int check_issuer_parent(const struct conf_reader *r, const struct conf_issuer *i,
                               struct fault *f)
{
    const struct conf_issuer *parent = conf_issuer(r->conf, i->parent);

    if (parent == NULL)
        return issuer_refuse(r, i, "parent", REFERENCE, f, "there is no issuer \"%s\"", i->parent);
    if (!parent->signs_cas)
        return issuer_refuse(r, i, "parent", REFERENCE, f, "\"%s\" has no signs_cas = true",
                             parent->name);
    if (i->validity > parent->validity)
        return issuer_refuse(r, i, "validity", ORDER, f, "is longer than that of its parent \"%s\"",
                             parent->name);
    if (!i->signs_leaves && !i->signs_cas)
        return issuer_refuse(r, i, "signs_leaves", ORDER, f,
                             "set it or signs_cas: this issuer signs nothing");
    return 0;
}

/* Up to the root: no cycle, and no ancestor's path length is exceeded: an
 * ancestor k steps up has k CAs of ours below it (RFC 5280 4.2.1.9). */
static int check_issuer_path(const struct conf_reader *r, const struct conf_issuer *i,
                             struct fault *f)
{
    const struct conf_issuer *at = i;

    for (size_t steps = 1; strcmp(at->parent, at->name) != 0; steps++) {
        at = conf_issuer(r->conf, at->parent);
        if (at == NULL)
            return 0; /* reported at that issuer */
        if (steps > r->conf->n_issuers)
            return issuer_refuse(r, i, "parent", REFERENCE, f, "leads to no root: a circle");
        if (at->path_len >= 0 && (size_t)at->path_len < steps)
            return issuer_refuse(r, at, "path_len", ORDER, f,
                                 "%d is too short for issuer \"%s\" below it", at->path_len,
                                 i->name);
    }
    return 0;
}

/* RFC 5280 5.1.2.5: the next CRL is there before nextUpdate. */
static int check_issuer_crl(const struct conf_reader *r, const struct conf_issuer *i,
                            struct fault *f)
{
    if (i->crl_every + i->crl_delay < i->crl_validity)
        return 0;
    return issuer_refuse(r, i, "crl_validity", ORDER, f,
                         "is not longer than crl_every and crl_delay together");
}

/* Deltas and parts lie beside the full CRL (lib/crlname.h). */
static int check_issuer_crl_parts(const struct conf_reader *r, const struct conf_issuer *i,
                                  struct fault *f)
{
    const char *key = i->crl_delta > 0 ? "crl_delta" : "crl_shards";

    if (i->crl_delta == 0 && i->crl_shards == 0)
        return 0;
    if (i->offline)
        return issuer_refuse(r, i, key, ORDER, f, "its key is not here: there is a full CRL only");
    if (i->crl_url[0] == '\0' || strpbrk(i->crl_url, "?#") != NULL)
        return issuer_refuse(r, i, key, ORDER, f, "needs a crl_url, without a query");
    if (i->crl_delta == 0)
        return 0;
    if (i->crl_delta >= i->crl_every)
        return issuer_refuse(r, i, key, ORDER, f, "is not shorter than crl_every");
    if (i->crl_delta + i->crl_delay >= i->crl_delta_validity)
        return issuer_refuse(r, i, "crl_delta_validity", ORDER, f,
                             "is not longer than crl_delta and crl_delay together");
    return 0;
}

/* Compared as they will be in certificates: "CN=a" is "cn=a" and "CN=\\61". */
static bool same_subject(const struct conf_issuer *a, const struct conf_issuer *b)
{
    struct buf x, y;
    struct fault ignored;
    bool same;

    buf_init(&x, NAME_DER_MAX);
    buf_init(&y, NAME_DER_MAX);
    same = name_parse(a->subject, &x, &ignored) == 0 && name_parse(b->subject, &y, &ignored) == 0 &&
           slice_eq(buf_slice(&x), buf_slice(&y));
    buf_free(&x);
    buf_free(&y);
    return same;
}

static bool same_key(const struct conf_issuer *a, const struct conf_issuer *b)
{
    struct p11uri x, y;

    if (a->offline || b->offline)
        return false;
    parsed(a->key, &x);
    parsed(b->key, &y);
    return strcmp(a->token, b->token) == 0 && p11uri_same_object(&x, &y);
}

static int check_issuer_unique(const struct conf_reader *r, size_t at, struct fault *f)
{
    const struct conf_issuer *i = &r->conf->issuers[at];

    for (size_t n = 0; n < at; n++) {
        const struct conf_issuer *other = &r->conf->issuers[n];

        if (same_subject(i, other))
            return issuer_refuse(r, i, "subject", UNIQUE, f, "is also that of \"%s\"", other->name);
        if (same_key(i, other))
            return issuer_refuse(r, i, "key", UNIQUE, f, "is also that of \"%s\"", other->name);
        if (strcmp(i->certificate, other->certificate) == 0)
            return issuer_refuse(r, i, "certificate", UNIQUE, f, "is also that of \"%s\"",
                                 other->name);
    }
    return 0;
}

/* Generations lead back to a first one. */
static int check_issuer_replaces(const struct conf_reader *r, size_t at, struct fault *f)
{
    const struct conf_issuer *i = &r->conf->issuers[at], *old = i;

    if (i->replaces[0] == '\0')
        return 0;
    for (size_t steps = 0; old != NULL && old->replaces[0] != '\0'; steps++) {
        if (steps > r->conf->n_issuers)
            return issuer_refuse(r, i, "replaces", REFERENCE, f, "leads back to itself");
        old = conf_issuer(r->conf, old->replaces);
    }
    if (conf_issuer(r->conf, i->replaces) == NULL)
        return issuer_refuse(r, i, "replaces", REFERENCE, f, "there is no issuer \"%s\"",
                             i->replaces);
    for (size_t n = 0; n < at; n++)
        if (strcmp(r->conf->issuers[n].replaces, i->replaces) == 0)
            return issuer_refuse(r, i, "replaces", UNIQUE, f, "\"%s\" is replaced by \"%s\"",
                                 i->replaces, r->conf->issuers[n].name);
    return 0;
}

static int check_issuer_cross(const struct conf_reader *r, const struct conf_issuer *i,
                              struct fault *f)
{
    for (size_t n = 0; n < i->n_cross; n++) {
        const struct conf_issuer *by = conf_issuer(r->conf, i->cross[n]);

        if (by == NULL || by == i || strcmp(i->parent, i->cross[n]) == 0)
            return issuer_refuse(r, i, "cross", REFERENCE, f,
                                 "\"%s\" is no other issuer than itself and its parent",
                                 i->cross[n]);
        if (by->offline || !by->signs_cas)
            return issuer_refuse(r, i, "cross", REFERENCE, f,
                                 "\"%s\" signs no CA certificates here", by->name);
        /* RFC 5280 4.2.1.9: this one and all below it count. */
        if (by->path_len >= 0 && (i->path_len < 0 || i->path_len >= by->path_len))
            return issuer_refuse(r, i, "cross", ORDER, f,
                                 "the path_len of \"%s\" leaves no room for it and those below",
                                 by->name);
    }
    return 0;
}

static int check_issuers(const struct conf_reader *r, struct fault *f)
{
    int rc = 0;

    for (size_t i = 0; i < r->conf->n_issuers && rc == 0; i++) {
        const struct conf_issuer *issuer = &r->conf->issuers[i];

        rc = check_issuer_key(r, issuer, f);
        if (rc == 0)
            rc = check_issuer_parent(r, issuer, f);
        if (rc == 0)
            rc = check_issuer_path(r, issuer, f);
        if (rc == 0)
            rc = check_issuer_crl(r, issuer, f);
        if (rc == 0)
            rc = check_issuer_crl_parts(r, issuer, f);
        if (rc == 0)
            rc = check_issuer_unique(r, i, f);
        if (rc == 0)
            rc = check_issuer_replaces(r, i, f);
        if (rc == 0)
            rc = check_issuer_cross(r, issuer, f);
    }
    return rc;
}

static int check_operators(const struct conf_reader *r, struct fault *f)
{
    for (size_t i = 0; i < r->conf->n_operators; i++) {
        const struct conf_operator *o = &r->conf->operators[i];
        const struct conf_operator *first = conf_operator(r->conf, o->uid);

        if (first != o)
            return conf_refuse(r, conf_line(r, "operators", o->name, "uid"), UNIQUE,
                               "operators.uid", f, "operator \"%s\": uid: is also that of \"%s\"",
                               o->name, first->name);
    }
    return 0;
}

/* A key that signs certificates must not sign anything that is not one. */
static int check_audit(const struct conf_reader *r, struct fault *f)
{
    const struct conf_token *t = conf_audit_token(r->conf);
    const struct conf_issuer audit = {.token = t == NULL ? r->conf->audit_token : t->name,
                                      .key = r->conf->audit_key};

    if (t == NULL && r->conf->audit_token[0] == '\0')
        return 0;
    if (t == NULL)
        return conf_refuse(r, conf_line(r, "audit", NULL, "token"), REFERENCE, "audit.token", f,
                           "audit: token: there is no token \"%s\"", r->conf->audit_token);
    for (size_t i = 0; i < r->conf->n_issuers; i++)
        if (same_key(&audit, &r->conf->issuers[i]))
            return conf_refuse(r, conf_line(r, "issuers", r->conf->issuers[i].name, "key"), UNIQUE,
                               "audit.key", f, "audit: key: is also that of issuer \"%s\"",
                               r->conf->issuers[i].name);
    return 0;
}

static int check_signings(const struct conf_reader *r, struct fault *f)
{
    for (size_t i = 0; i < r->conf->n_signings; i++) {
        const struct conf_signing *s = &r->conf->signings[i];

        if (conf_profile(r->conf, s->profile) == NULL)
            return conf_refuse(
                r, conf_line(r, "signings", s->name, "profile"), REFERENCE, "signings.profile", f,
                "signing \"%s\": profile: there is no profile \"%s\"", s->name, s->profile);
        if (conf_issuer(r->conf, s->name) != NULL)
            return conf_refuse(r, conf_line(r, "signings", s->name, NULL), UNIQUE, "signings.name",
                               f, "signing \"%s\": name: is also that of an issuer", s->name);
    }
    return 0;
}

struct listener {
    const char *section, *address;
    uint16_t port;
    bool open;
};

static bool is_any(const char *address)
{
    return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

static bool overlap(const struct listener *a, const struct listener *b)
{
    bool alike = (strchr(a->address, ':') == NULL) == (strchr(b->address, ':') == NULL);

    return a->open && b->open && a->port == b->port && alike &&
           (strcmp(a->address, b->address) == 0 || is_any(a->address) || is_any(b->address));
}

/* The programs are apart: one of the two would find its port taken at each start. */
static int check_listeners(const struct conf_reader *r, struct fault *f)
{
    const struct conf *c = r->conf;
    const struct listener l[] = {
        {"http", c->http_listen, c->http_port, c->http_listen[0] != '\0'},
        {"https", c->https_listen, c->https_port, conf_enrolls(c)},
        {"metrics", c->metrics_listen, c->metrics_port, c->metrics_listen[0] != '\0'},
    };

    for (size_t i = 1; i < sizeof(l) / sizeof(l[0]); i++)
        for (size_t k = 0; k < i; k++)
            if (overlap(&l[i], &l[k]))
                return conf_refuse(r, conf_line(r, l[i].section, NULL, "port"), UNIQUE, "port", f,
                                   "%s: port: %u is also that of %s", l[i].section, l[i].port,
                                   l[k].section);
    return 0;
}

int conf_cross_check(const struct conf_reader *r, struct fault *f)
{
    int rc = check_tokens(r, f);

    if (rc == 0)
        rc = check_issuers(r, f);
    if (rc == 0)
        rc = check_listeners(r, f);
    if (rc == 0)
        rc = check_audit(r, f);
    if (rc == 0)
        rc = conf_check_profiles(r, f);
    if (rc == 0)
        rc = conf_check_enroll(r, f);
    if (rc == 0)
        rc = conf_check_channels(r, f);
    if (rc == 0)
        rc = conf_check_scans(r, f);
    if (rc == 0)
        rc = check_operators(r, f);
    if (rc == 0)
        rc = conf_check_alerts(r, f);
    return rc == 0 ? check_signings(r, f) : rc;
}
