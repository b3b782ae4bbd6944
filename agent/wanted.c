#include "agent/wanted.h"

#include <string.h>

#include "agent/deploy/deploy.h"
#include "agent/names.h"
#include "lib/anycert.h"
#include "lib/key.h"
#include "lib/name.h"

#define WANTED_MAX 65536 /* octets of names and subject */

static bool has_subject(const struct agent_cert *c, const struct anycert *present)
{
    struct buf name;
    struct fault f;
    bool same;

    if (c->subject[0] == '\0')
        return true;
    buf_init(&name, NAME_DER_MAX);
    same = name_parse(c->subject, &name, &f) == 0 && slice_eq(buf_slice(&name), present->subject);
    buf_free(&name);
    return same;
}

struct wanted wanted_changes(const struct agent_cert *c)
{
    struct wanted out = {false, false};
    struct anycert present;
    unsigned version;
    struct fault f;
    struct buf der;

    buf_init(&der, ANYCERT_MAX);
    if (deploy_current(c, &version, &f) == 0 && deploy_leaf(c, version, &der, &f) == 0 &&
        anycert_parse(buf_slice(&der), &present, &f) == 0) {
        out.names = !names_same(c, &present);
        out.subject = !has_subject(c, &present);
    }
    buf_free(&der);
    return out;
}

void wanted_hash(const struct agent_cert *c, char out[65])
{
    uint8_t hash[32];
    struct buf all;

    buf_init(&all, WANTED_MAX);
    buf_put_str(&all, c->subject);
    for (size_t i = 0; i < c->n_names; i++) {
        buf_put_u8(&all, 0);
        buf_put_str(&all, c->names[i]);
    }
    sha256(buf_slice(&all), hash);
    hex_encode(slice_of(hash, sizeof(hash)), out);
    buf_free(&all);
}
