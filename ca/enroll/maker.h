/*
 * Keys for clients of EST (RFC 7030 4.4): made here, kept nowhere; and who signs the envelopes in
 * which they leave (4.4.2): a key of our own in memory, with a certificate by KEY_MAKER_PROFILE,
 * both made at the start and anew at half of its life.
 */
#ifndef CA_ENROLL_MAKER_H
#define CA_ENROLL_MAKER_H

#include "ca/enroll/enroll.h"
#include "est/keygen.h"

struct maker;

/* NULL where no label has server_keys. On the loop, as all but what says otherwise. */
struct maker *maker_new(const struct enroll_parts *parts);
/* Asks for no more certificates. NULL is fine. */
void maker_drain(struct maker *m);
/* After the door. NULL is fine. */
void maker_free(struct maker *m);

/* Any thread: a key of that type ("p256", "rsa2048"), as PKCS#8 into `key`, which its owner wipes,
 * and its SubjectPublicKeyInfo into `spki`. Rules "key.make"; "est.keygen.busy": RSA keys take
 * their time, and half of the workers are busy with some. */
int maker_make(struct maker *m, const char *type, struct buf *key, struct buf *spki,
               struct fault *f) WARN_UNUSED;
/* Any thread: keygen_seal. Rules of that; "est.keygen.signer": there is no certificate yet. */
int maker_seal(struct maker *m, struct slice key, struct slice recipient,
               const struct keygen_wish *wish, struct buf *out, struct fault *f) WARN_UNUSED;

#endif
