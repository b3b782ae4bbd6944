/* `cerca ca cross-sign`: an issuer's name and key, certified by another issuer. */
#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/proto_ca.h"

struct cross {
    struct authority *subject, *by;
    struct ca_cross request;
};

static int find_one(struct admin *a, const char *name, struct authority **out, struct fault *f)
{
    *out = authority_named(a->parts.authorities, name);
    if (*out == NULL)
        return fault_set(f, FAULT_NOT_FOUND, "issuer.unknown",
                         "the configuration has no issuer \"%s\"", name);
    if ((*out)->certificate.n == 0)
        return fault_set(f, FAULT_CONFLICT, "issuer.certificate",
                         "the issuer \"%s\" has no certificate yet", name);
    return 0;
}

static bool allowed(const struct conf_issuer *subject, const char *by)
{
    for (size_t i = 0; i < subject->n_cross; i++)
        if (strcmp(subject->cross[i], by) == 0)
            return true;
    return false;
}

static int read_cross(struct admin *a, struct slice content, struct cross *c, struct fault *f)
{
    if (ca_cross_get(content, &c->request) != 0)
        return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
    if (find_one(a, c->request.subject, &c->subject, f) != 0 ||
        find_one(a, c->request.by, &c->by, f) != 0)
        return -(int)f->code;
    if (allowed(c->subject->conf, c->request.by))
        return 0;
    return fault_set(f, FAULT_POLICY, "issuer.cross",
                     "the configuration does not let \"%s\" certify \"%s\": name it in cross of "
                     "that issuer, check the file and send HUP to cercad",
                     c->request.by, c->request.subject);
}

static void answer_crossed(struct ask *q, const char *name, struct slice der)
{
    struct ca_done d = {.certificate = der};
    struct fault f;
    struct cert c;

    fault_clear(&f);
    if (der.n > 0 && cert_parse(der, &c, &f) == 0) {
        d.not_after = c.not_after;
        cert_fingerprint(der, d.fingerprint);
    }
    snprintf(d.name, sizeof(d.name), "%.63s", name);
    ca_done_put(&q->out, &d);
    ask_answer(q, MSG_CA_CROSSED, buf_slice(&q->out));
}

static void crossed(void *arg, const struct issued *issued, const struct fault *f)
{
    struct ask *q = arg;
    struct ca_cross r;

    if (f != NULL || ca_cross_get(buf_slice(&q->in), &r) != 0)
        ask_fail(q, f != NULL ? f : &q->fault);
    else
        answer_crossed(q, r.subject, issued->certificate);
}

void cross_sign(struct ask *q)
{
    const struct admin_client *client = q->client;
    struct cross c;
    struct fault f;

    fault_clear(&f);
    if (read_cross(client->admin, buf_slice(&q->in), &c, &f) != 0)
        door_refuse(client->admin->parts.door, &client->who, &f, crossed, q);
    else if (c.request.dry_run)
        answer_crossed(q, c.request.subject, SLICE_NONE);
    else
        door_cross_sign(client->admin->parts.door, &client->who, c.subject, c.by, crossed, q);
}

static bool cross_harmless(struct slice content)
{
    struct ca_cross r;

    return ca_cross_get(content, &r) == 0 && r.dry_run;
}

static int describe_cross(void *arg, struct slice content, char out[APPROVAL_TEXT_MAX],
                          struct fault *f)
{
    char hex[65];
    struct cross c;

    if (read_cross(arg, content, &c, f) != 0)
        return -(int)f->code;
    hex_encode(slice_of(c.subject->spki_hash, 32), hex);
    snprintf(out, APPROVAL_TEXT_MAX, "let \"%.48s\" certify \"%.48s\", key SHA-256 %s",
             c.request.by, c.request.subject, hex);
    return 0;
}

const struct approval_kind kind_ca_cross_sign = {
    .name = "ca-cross-sign",
    .two = TWO_CA_CROSS_SIGN,
    .repeatable = true,
    .harmless = cross_harmless,
    .describe = describe_cross,
    .run = run_message,
};
