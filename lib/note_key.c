/* The keys of signed notes. */
#include <stdio.h>
#include <string.h>

#include "lib/key.h"
#include "lib/note.h"
#include "lib/pem.h"

/* RFC 8410 4: SubjectPublicKeyInfo of Ed25519, up to the key. */
static const uint8_t ed25519_head[12] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                         0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

static int set_name(struct note_key *k, const char *name)
{
    memset(k, 0, sizeof *k);
    if (!note_name_valid(name))
        return -1;
    memcpy(k->name, name, strlen(name));
    return 0;
}

int note_key_ed25519(const char *name, const uint8_t key[32], struct note_key *out)
{
    struct buf b;
    uint8_t hash[32];

    if (set_name(out, name) != 0)
        return -1;
    out->type = NOTE_ED25519;
    memcpy(out->spki, ed25519_head, sizeof ed25519_head);
    memcpy(out->spki + sizeof ed25519_head, key, 32);
    out->spki_n = sizeof ed25519_head + 32;
    buf_init(&b, NOTE_NAME_MAX + 64);
    buf_printf(&b, "%s\n", name);
    buf_put_u8(&b, NOTE_ED25519);
    buf_put(&b, key, 32);
    sha256(buf_slice(&b), hash);
    buf_free(&b);
    memcpy(out->id, hash, sizeof out->id);
    return 0;
}

int note_key_ecdsa(const char *name, struct slice spki, struct note_key *out)
{
    uint8_t hash[32];
    struct fault f;
    struct spki k;

    if (set_name(out, name) != 0 || spki.n > sizeof out->spki || spki_parse(spki, &k, &f) != 0 ||
        (k.type != KEY_P256 && k.type != KEY_P384 && k.type != KEY_P521))
        return -1;
    out->type = NOTE_ECDSA;
    memcpy(out->spki, spki.p, spki.n);
    out->spki_n = spki.n;
    sha256(spki, hash);
    memcpy(out->id, hash, sizeof out->id);
    return 0;
}

int note_key_spki(const char *name, enum note_type type, struct slice spki, struct note_key *out)
{
    if (type == NOTE_ECDSA)
        return note_key_ecdsa(name, spki, out);
    if (spki.n == sizeof ed25519_head + 32 &&
        memcmp(spki.p, ed25519_head, sizeof ed25519_head) == 0)
        return note_key_ed25519(name, spki.p + sizeof ed25519_head, out);
    memset(out, 0, sizeof *out);
    return -1;
}

void note_key_put(struct buf *b, const struct note_key *k)
{
    size_t skip = k->type == NOTE_ED25519 ? sizeof ed25519_head : 0;
    char id[9];
    struct buf raw;

    hex_encode(slice_of(k->id, sizeof k->id), id);
    buf_init(&raw, 1 + NOTE_KEY_MAX);
    buf_put_u8(&raw, (uint8_t)k->type);
    buf_put(&raw, k->spki + skip, k->spki_n - skip);
    buf_printf(b, "%s+%s+", k->name, id);
    base64_put(b, buf_slice(&raw), 0);
    buf_free(&raw);
}

static int key_from(const char *name, struct slice raw, struct note_key *out)
{
    if (raw.n == 33 && raw.p[0] == NOTE_ED25519)
        return note_key_ed25519(name, raw.p + 1, out);
    if (raw.n > 1 && raw.p[0] == NOTE_ECDSA)
        return note_key_ecdsa(name, slice_of(raw.p + 1, raw.n - 1), out);
    return -1;
}

int note_key_get(const char *text, struct note_key *out, struct fault *f)
{
    const char *plus = strchr(text, '+');
    char name[NOTE_NAME_MAX + 1], hex[9];
    uint8_t id[4];
    struct buf raw;
    int rc = -1;

    memset(out, 0, sizeof *out);
    buf_init(&raw, 1 + NOTE_KEY_MAX);
    if (plus != NULL && (size_t)(plus - text) < sizeof name && strnlen(plus, 10) == 10 &&
        plus[9] == '+') {
        (void)snprintf(name, sizeof name, "%.*s", (int)(plus - text), text);
        (void)snprintf(hex, sizeof hex, "%.8s", plus + 1);
        if (hex_decode(hex, id, sizeof id) == 0 && base64_get(slice_str(plus + 10), &raw) == 0 &&
            key_from(name, buf_slice(&raw), out) == 0 && memcmp(id, out->id, sizeof id) == 0)
            rc = 0;
    }
    buf_free(&raw);
    if (rc == 0)
        return 0;
    memset(out, 0, sizeof *out);
    return fault_set(f, FAULT_MALFORMED, "checkpoint.key",
                     "not a key such as name+0a1b2c3d+base64 (Ed25519 or ECDSA)");
}

static enum note_verdict verify_one(struct slice text, const struct note_signature *s,
                                    const struct note_key *k)
{
    struct pubkey *key;
    struct fault f;
    struct spki spki;
    enum sig_alg alg = k->type == NOTE_ED25519 ? SIG_ED25519 : SIG_ECDSA_SHA256;
    int rc;

    if (spki_parse(slice_of(k->spki, k->spki_n), &spki, &f) != 0)
        return NOTE_BAD;
    if (pubkey_open(&spki, &key, &f) != 0) /* any 32 octets are an Ed25519 key */
        return f.code == FAULT_UNAVAILABLE || alg == SIG_ED25519 ? NOTE_UNKNOWN : NOTE_BAD;
    rc = pubkey_verify(key, alg, text, slice_of(s->octets, s->n));
    pubkey_free(key);
    return rc == 0 ? NOTE_GOOD : rc == PUBKEY_UNKNOWN ? NOTE_UNKNOWN : NOTE_BAD;
}

enum note_verdict note_verify(const struct checkpoint *c, const struct note_key *k)
{
    enum note_verdict verdict = NOTE_NOT_SIGNED;

    for (size_t i = 0; i < c->n; i++) {
        const struct note_signature *s = &c->signature[i];

        if (strcmp(s->name, k->name) != 0 || memcmp(s->id, k->id, sizeof k->id) != 0)
            continue;
        verdict = verify_one(c->text, s, k);
        if (verdict != NOTE_GOOD)
            return verdict;
    }
    return verdict;
}
