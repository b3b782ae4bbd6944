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

static void put_hash(struct buf *all, char out[65])
{
    uint8_t hash[32];

    sha256(buf_slice(all), hash);
    hex_encode(slice_of(hash, sizeof(hash)), out);
    buf_free(all);
}

void wanted_hash(const struct agent_cert *c, char out[65])
{
    struct buf all;

    buf_init(&all, WANTED_MAX);
    buf_put_str(&all, c->subject);
    for (size_t i = 0; i < c->n_names; i++) {
        buf_put_u8(&all, 0);
        buf_put_str(&all, c->names[i]);
    }
    put_hash(&all, out);
}

static void put_word(struct buf *all, const char *text)
{
    buf_put_str(all, text == NULL ? "" : text);
    buf_put_u8(all, 0);
}

void wanted_files_hash(const struct agent_cert *c, char out[65])
{
    struct buf all;

    buf_init(&all, CONF_MAX);
    put_word(&all, c->folder);
    for (size_t i = 0; i < c->n_files; i++) {
        const struct agent_file *file = &c->files[i];

        put_word(&all, file->path);
        put_word(&all, file->owner);
        put_word(&all, file->group);
        put_word(&all, file->password_file);
        put_word(&all, file->text);
        buf_printf(&all, "%d %o %d %d;", (int)file->format, file->mode, (int)file->legacy,
                   (int)file->order);
    }
    put_hash(&all, out);
}
