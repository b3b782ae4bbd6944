#include "client/cthead.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/note.h"
#include "lib/pem.h"

enum { HASH_SHA256 = 4, SIGN_RSA = 1, SIGN_ECDSA = 3 };
enum { V1 = 0, TREE_HASH = 1 };
#define NOTE_RFC6962 0x05

static int malformed(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_MALFORMED, "ct.head", "the log's head is malformed: %s", what);
}

/* DigitallySigned, whole. */
static int take_signed(struct wire_in *w, struct ct_head *out)
{
    wire_get_fixed(w, out->alg, sizeof(out->alg));
    out->n = wire_get_u16(w);
    if (out->n > sizeof(out->signature))
        return -1;
    wire_get_fixed(w, out->signature, out->n);
    return wire_in_done(w) ? 0 : -1;
}

/* ---- get-sth ---- */

static int get_base64(const json_t *o, const char *key, size_t max, struct buf *out)
{
    const char *text = json_string_value(json_object_get(o, key));

    buf_init(out, max);
    return text != NULL && base64_get(slice_str(text), out) == 0 && !buf_failed(out) ? 0 : -1;
}

static int get_number(const json_t *o, const char *key, uint64_t *out)
{
    const json_t *v = json_object_get(o, key);

    *out = (uint64_t)json_integer_value(v);
    return json_is_integer(v) && json_integer_value(v) >= 0 ? 0 : -1;
}

static int read_object(const json_t *o, struct ct_head *out, struct fault *f)
{
    struct buf root, sign;
    struct wire_in w;
    int rc = 0;

    if (get_base64(o, "sha256_root_hash", sizeof(out->root), &root) != 0 ||
        root.n != sizeof(out->root))
        rc = malformed(f, "no sha256_root_hash");
    else
        memcpy(out->root, root.p, sizeof(out->root));
    if (get_base64(o, "tree_head_signature", SIGNATURE_MAX + 4, &sign) != 0) {
        rc = malformed(f, "no tree_head_signature");
    } else {
        wire_in_init(&w, buf_slice(&sign));
        if (take_signed(&w, out) != 0)
            rc = malformed(f, "its tree_head_signature");
    }
    if (get_number(o, "tree_size", &out->size) != 0 ||
        get_number(o, "timestamp", &out->time_ms) != 0)
        rc = malformed(f, "no tree_size or timestamp");
    buf_free(&root);
    buf_free(&sign);
    return rc;
}

int ct_head_get_json(struct slice text, struct ct_head *out, struct fault *f)
{
    json_t *o = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    int rc;

    memset(out, 0, sizeof(*out));
    rc = json_is_object(o) ? read_object(o, out, f) : malformed(f, "no JSON object");
    json_decref(o);
    return rc;
}

/* ---- checkpoint ---- */

/* "the key name, a newline character, the signature type identifier byte 0x05, and the 32-byte
 * RFC 6962 LogID" */
static void key_id(const char *name, const uint8_t key_hash[32], uint8_t out[4])
{
    uint8_t hash[32];
    struct buf b;

    buf_init(&b, NOTE_NAME_MAX + 64);
    buf_printf(&b, "%s\n%c", name, NOTE_RFC6962);
    buf_put(&b, key_hash, 32);
    sha256(buf_slice(&b), hash);
    memcpy(out, hash, 4);
    buf_free(&b);
}

static int find_signature(const struct checkpoint *c, const uint8_t key_hash[32],
                          struct ct_head *out, struct fault *f)
{
    struct wire_in w;
    uint8_t id[4];

    key_id(c->origin, key_hash, id);
    for (size_t i = 0; i < c->n; i++) {
        const struct note_signature *s = &c->signature[i];

        if (strcmp(s->name, c->origin) != 0 || memcmp(s->id, id, sizeof(id)) != 0)
            continue;
        wire_in_init(&w, slice_of(s->octets, s->n));
        out->time_ms = wire_get_u64(&w);
        return take_signed(&w, out) == 0 ? 0 : malformed(f, "its signature");
    }
    return fault_set(f, FAULT_DENIED, "ct.signature", "the checkpoint is not signed by that key");
}

int ct_head_get_checkpoint(struct slice note, const uint8_t key_hash[32], struct ct_head *out,
                           struct fault *f)
{
    struct checkpoint *c = xcalloc(1, sizeof(*c));
    int rc = checkpoint_get(note, c, f);

    memset(out, 0, sizeof(*out));
    if (rc != 0) {
        rc = fault_rename(f, "ct.head");
    } else {
        out->size = c->size;
        memcpy(out->root, c->root, sizeof(out->root));
        rc = find_signature(c, key_hash, out, f);
    }
    free(c);
    return rc;
}

/* ---- the signature ---- */

int ct_head_verify(const struct ct_head *h, struct slice spki, struct fault *f)
{
    struct pubkey *key = NULL;
    struct spki k;
    struct buf b;
    enum sig_alg alg;
    int rc = spki_parse(spki, &k, f);

    if (rc == 0)
        rc = pubkey_open(&k, &key, f);
    if (rc != 0)
        return rc;
    alg = k.type == KEY_RSA ? SIG_RSA_SHA256 : SIG_ECDSA_SHA256;
    buf_init(&b, 64);
    wire_put_u8(&b, V1);
    wire_put_u8(&b, TREE_HASH);
    wire_put_u64(&b, h->time_ms);
    wire_put_u64(&b, h->size);
    wire_put_fixed(&b, h->root, sizeof(h->root));
    if (h->alg[0] != HASH_SHA256 || h->alg[1] != (k.type == KEY_RSA ? SIGN_RSA : SIGN_ECDSA) ||
        !sig_alg_fits(alg, k.type) ||
        pubkey_verify(key, alg, buf_slice(&b), slice_of(h->signature, h->n)) != 0)
        rc = fault_set(f, FAULT_DENIED, "ct.signature",
                       "the log's head does not bear the signature of that key");
    buf_free(&b);
    pubkey_free(key);
    return rc;
}

/* ---- between processes ---- */

void ct_head_put(struct buf *b, const struct ct_head *h)
{
    wire_put_u64(b, h->size);
    wire_put_u64(b, h->time_ms);
    wire_put_fixed(b, h->root, sizeof(h->root));
    wire_put_fixed(b, h->alg, sizeof(h->alg));
    wire_put_u16(b, (uint16_t)h->n);
    wire_put_fixed(b, h->signature, h->n);
}

int ct_head_get(struct slice s, struct ct_head *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, s);
    out->size = wire_get_u64(&w);
    out->time_ms = wire_get_u64(&w);
    wire_get_fixed(&w, out->root, sizeof(out->root));
    return take_signed(&w, out);
}
