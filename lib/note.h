/*
 * Checkpoints of the audit log: signed notes (c2sp.org/signed-note) whose text is that of a
 * c2sp.org/tlog-checkpoint:
 *
 *     cerca.example/audit
 *     1042
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 *
 *     — cerca.example/audit Az3grlgt...
 *
 * Two kinds of keys sign: Ed25519 (type 0x01; key id: SHA-256 over name, newline, type and key)
 * and ECDSA over the SHA-256 of the text (type 0x02; key id: SHA-256 over the
 * SubjectPublicKeyInfo), each cut to four octets. Pure.
 */
#ifndef LIB_NOTE_H
#define LIB_NOTE_H

#include "lib/buf.h"
#include "lib/fault.h"

#define NOTE_MAX 16384 /* octets of a whole note */
#define NOTE_NAME_MAX 200
#define NOTE_KEY_MAX 160 /* octets of a SubjectPublicKeyInfo (P-521: 158) */
#define NOTE_SIGNATURES_MAX 16
#define NOTE_SIGNATURE_OCTETS                                                                      \
    528              /* of a log's RSA key of 4096 bits, with what stands before it                \
                      */
#define VKEY_MAX 512 /* octets of a key as text */

enum note_type { NOTE_ED25519 = 0x01, NOTE_ECDSA = 0x02 };

struct note_key {
    char name[NOTE_NAME_MAX + 1];
    uint8_t id[4];
    enum note_type type;
    uint8_t spki[NOTE_KEY_MAX]; /* SubjectPublicKeyInfo, DER */
    size_t spki_n;
};

struct note_signature {
    char name[NOTE_NAME_MAX + 1];
    uint8_t id[4];
    uint8_t octets[NOTE_SIGNATURE_OCTETS];
    size_t n; /* 0: longer than any of a kind that we know */
};

struct checkpoint {
    char origin[NOTE_NAME_MAX + 1];
    uint64_t size;
    uint8_t root[32];
    struct slice text; /* what is signed; points into the note */
    struct note_signature signature[NOTE_SIGNATURES_MAX];
    size_t n;
};

/* Printable ASCII without space and plus, 1 to NOTE_NAME_MAX octets: a name both of log and key. */
bool note_name_valid(const char *name);

void checkpoint_text_put(struct buf *b, const char *origin, uint64_t size, const uint8_t root[32]);
/* Behind the text: the empty line before the first signature is the caller's. */
void note_signature_put(struct buf *b, const struct note_key *k, struct slice signature);
/* Reads a whole note; rule "checkpoint.form". Extension lines are allowed and signed, not read. */
int checkpoint_get(struct slice note, struct checkpoint *out, struct fault *f) WARN_UNUSED;

/* Keys; -1 when the name or the key does not do. */
int note_key_ed25519(const char *name, const uint8_t key[32], struct note_key *out) WARN_UNUSED;
int note_key_ecdsa(const char *name, struct slice spki, struct note_key *out) WARN_UNUSED;
/* From a SubjectPublicKeyInfo of that type. */
int note_key_spki(const char *name, enum note_type type, struct slice spki,
                  struct note_key *out) WARN_UNUSED;
/* As text, "name+0a1b2c3d+base64": what verifiers call a vkey. */
void note_key_put(struct buf *b, const struct note_key *k);
int note_key_get(const char *text, struct note_key *out, struct fault *f) WARN_UNUSED;

enum note_verdict { NOTE_GOOD, NOTE_BAD, NOTE_NOT_SIGNED, NOTE_UNKNOWN };
/* Did this key sign it? NOTE_NOT_SIGNED: no signature names the key. NOTE_UNKNOWN: it could not be
 * found out, for want of memory or of that algorithm in this OpenSSL. */
enum note_verdict note_verify(const struct checkpoint *c, const struct note_key *k);

#endif
