/* HTTPS and EST in the configuration: looking up, and what one key alone cannot show. */
#include <stdio.h>
#include <string.h>

#include "lib/conf_schema.h"
#include "lib/tbs.h"

bool conf_enrolls(const struct conf *c)
{
    return c->https_listen[0] != '\0' && c->n_est > 0;
}

const struct conf_est *conf_est(const struct conf *c, const char *label)
{
    if (label[0] == '\0')
        label = EST_DEFAULT;
    for (size_t i = 0; i < c->n_est; i++)
        if (strcmp(c->est[i].name, label) == 0)
            return &c->est[i];
    return NULL;
}

const struct conf_est_user *conf_est_user(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_est_users; i++)
        if (strcmp(c->est_users[i].name, name) == 0)
            return &c->est_users[i];
    return NULL;
}

/* ---- names of the server ---- */

static int add_name(const char *text, struct san_list *out, uint8_t *arena, size_t *used,
                    struct fault *f)
{
    struct san s;

    if (san_parse(text, &s, arena, HTTPS_ARENA, used, f) != 0 || san_check(&s, f) != 0)
        return -(int)f->code;
    return san_list_add(out, &s, f);
}

static bool is_any(const char *address)
{
    return strspn(address, "0.:") == strlen(address);
}

static bool is_own_host(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

int conf_https_names(const struct conf *c, struct san_list *out, uint8_t arena[HTTPS_ARENA],
                     struct fault *f)
{
    size_t used = 0;
    int rc = 0;

    out->n = 0;
    for (size_t i = 0; i < c->n_https_names && rc == 0; i++)
        rc = add_name(c->https_names[i], out, arena, &used, f);
    if (c->n_https_names > 0)
        return rc;
    if (is_own_host(c->https_listen))
        rc = add_name("localhost", out, arena, &used, f);
    return rc == 0 ? add_name(c->https_listen, out, arena, &used, f) : rc;
}

int conf_check_server_name(const char *text, struct fault *f)
{
    uint8_t arena[16];
    size_t used = 0;
    struct san s;

    if (san_parse(text, &s, arena, sizeof(arena), &used, f) == 0 && san_check(&s, f) == 0 &&
        (s.kind == SAN_DNS || s.kind == SAN_IP))
        return 0;
    return fault_set(f, FAULT_CONFIG, "conf.value", "must be a DNS name or an IP address");
}

/* Whether it makes a name of a device is for that device to say. */
int conf_check_device_name(const char *text, struct fault *f)
{
    bool known = strncmp(text, "dns:", 4) == 0 || strncmp(text, "email:", 6) == 0 ||
                 strncmp(text, "uri:", 4) == 0;

    for (const char *at = strchr(text, '{'); at != NULL && known; at = strchr(at + 1, '{'))
        known = strncmp(at, "{cn}", 4) == 0 || strncmp(at, "{serialNumber}", 14) == 0;
    if (known && strchr(text, '{') != NULL)
        return 0;
    return fault_set(f, FAULT_CONFIG, "conf.value",
                     "must be dns:, email: or uri: and a name with {cn} or {serialNumber}");
}

/* What stands in braces becomes letters, digits, hyphens and underscores. */
int conf_check_rename(const char *text, struct fault *f)
{
    static const char *const known[] = {"{cn}", "{serialNumber}"};
    struct buf filled;
    int rc;

    buf_init(&filled, SAN_VALUE_MAX);
    while (*text != '\0') {
        size_t n = 0;

        for (size_t i = 0; i < 2 && n == 0; i++)
            if (strncmp(text, known[i], strlen(known[i])) == 0)
                n = strlen(known[i]);
        buf_put_u8(&filled, n > 0 ? 'x' : (uint8_t)*text);
        text += n > 0 ? n : 1;
    }
    rc = buf_failed(&filled) ? fault_set(f, FAULT_CONFIG, "conf.value", "is too long")
                             : conf_check_kind_pattern(buf_cstr(&filled), f);
    buf_free(&filled);
    return rc;
}

/* ---- checks ---- */

static int check_profile(const struct conf_reader *r, const struct conf_est *e, const char *key,
                         const char *name, struct fault *f)
{
    const struct conf_profile *p = conf_profile(r->conf, name);
    char field[32];

    (void)snprintf(field, sizeof(field), "est.%s", key);
    if (p == NULL)
        return conf_refuse(r, conf_line(r, "est", e->name, key), "conf.reference", field, f,
                           "label \"%s\": %s: there is no profile \"%s\"", e->name, key, name);
    if (p->ca || (p->eku & (EKU_OCSP_SIGNING | EKU_CM_KGA)) != 0)
        return conf_refuse(r, conf_line(r, "est", e->name, key), "conf.value", field, f,
                           "label \"%s\": %s: \"%s\" makes CAs, OCSP responders or makers of keys, "
                           "which enroll elsewhere",
                           e->name, key, name);
    return 0;
}

/* Nothing else could be certified. */
static int check_server_keys(const struct conf_reader *r, const struct conf_est *e, struct fault *f)
{
    const struct conf_profile *p = conf_profile(r->conf, e->profile);
    unsigned line = conf_line(r, "est", e->name, "server_keys");

    for (size_t i = 0; i < e->n_server_keys; i++) {
        bool has = false;

        for (size_t k = 0; k < p->n_key_types; k++)
            has = has || strcmp(p->key_types[k], e->server_keys[i]) == 0;
        if (!has)
            return conf_refuse(r, line, "conf.value", "est.server_keys", f,
                               "label \"%s\": server_keys: \"%s\" is not among the key_types of "
                               "profile \"%s\"",
                               e->name, e->server_keys[i], p->name);
    }
    if (e->n_server_keys > 0 && conf_profile(r->conf, KEY_MAKER_PROFILE) == NULL)
        return conf_refuse(r, line, "conf.reference", "est.server_keys", f,
                           "label \"%s\": server_keys: there is no profile \"" KEY_MAKER_PROFILE
                           "\" for who makes them",
                           e->name);
    return 0;
}

static int check_label(const struct conf_reader *r, const struct conf_est *e, struct fault *f)
{
    int rc = check_profile(r, e, "profile", e->profile, f);

    for (size_t i = 0; i < e->n_from && rc == 0; i++)
        rc = check_profile(r, e, "from", e->from[i], f);
    if (rc == 0 && (e->ways & (WAY_MANUFACTURER | WAY_MANUFACTURER_TOKEN)) != 0 &&
        e->n_anchors == 0)
        return conf_refuse(r, conf_line(r, "est", e->name, "ways"), "conf.missing", "est.anchors",
                           f, "label \"%s\": anchors: manufacturer needs some", e->name);
    return rc == 0 ? check_server_keys(r, e, f) : rc;
}

static int check_user(const struct conf_reader *r, const struct conf_est_user *u, struct fault *f)
{
    for (size_t i = 0; i < u->n_labels; i++)
        if (conf_est(r->conf, u->labels[i]) == NULL)
            return conf_refuse(r, conf_line(r, "est_users", u->name, "labels"), "conf.reference",
                               "est_users.labels", f,
                               "user \"%s\": labels: there is no label \"%s\" in est", u->name,
                               u->labels[i]);
    return 0;
}

/* Else the server would have no certificate, and nobody could connect. */
static int check_https_names(const struct conf_reader *r, struct fault *f)
{
    const struct conf *c = r->conf;
    const struct conf_profile *p = conf_profile(c, c->https_profile);
    struct san_list names = {.n = 0};
    uint8_t arena[HTTPS_ARENA];

    if (conf_https_names(c, &names, arena, f) != 0)
        return -(int)f->code;
    for (size_t i = 0; i < names.n; i++)
        if ((p->san_kinds & 1u << names.item[i].kind) == 0)
            return conf_refuse(r, conf_line(r, "https", NULL, "profile"), "conf.value",
                               "https.profile", f,
                               "https: profile: \"%s\" has no %s among its san_kinds, and the "
                               "server needs such a name",
                               p->name, san_kind_name(names.item[i].kind));
    return 0;
}

int conf_check_enroll(const struct conf_reader *r, struct fault *f)
{
    const struct conf *c = r->conf;
    int rc = 0;

    for (size_t i = 0; i < c->n_est_users && rc == 0; i++)
        rc = check_user(r, &c->est_users[i], f);

    for (size_t i = 0; i < c->n_est && rc == 0; i++)
        rc = check_label(r, &c->est[i], f);
    if (rc != 0 || !conf_enrolls(c))
        return rc;
    if (conf_profile(c, c->https_profile) == NULL)
        return conf_refuse(r, conf_line(r, "https", NULL, "profile"), "conf.reference",
                           "https.profile", f, "https: profile: there is no profile \"%s\"",
                           c->https_profile);
    if (c->n_https_names == 0 && is_any(c->https_listen))
        return conf_refuse(r, conf_line(r, "https", NULL, "listen"), "conf.missing", "https.names",
                           f, "https: names: say under which names clients reach it");
    return check_https_names(r, f);
}
