/*
 * PINs come from a file, a systemd credential or a descriptor, never from argv
 * or the environment. They live in one locked page and only as long as the
 * login takes.
 */
#ifndef TOKEN_PIN_H
#define TOKEN_PIN_H

#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/fault.h"

#define PIN_MAX 255

struct pin {
    size_t n;
    uint8_t p[PIN_MAX + 2]; /* one more to see that it is too long, and a newline */
};

/* From the token's configured source. A file that group or others may read is
 * refused (rule "signer.pin.mode"); one newline at the end is dropped.
 * Faults are FAULT_CONFIG. `*out` is locked in memory; free it with pin_free. */
int pin_read(const struct conf_token *t, struct pin **out, struct fault *f) WARN_UNUSED;
int pin_read_file(const char *path, struct pin **out, struct fault *f) WARN_UNUSED;
/* Wipes, unlocks, frees. NULL is fine. */
void pin_free(struct pin *p);

/* The SO PIN, only for provisioning: the file NAME.so-pin beside pin_file. */
int pin_so_path(const struct conf_token *t, struct buf *out, struct fault *f) WARN_UNUSED;

/* The file behind the credential: $CREDENTIALS_DIRECTORY/NAME. */
int pin_credential_path(const struct conf_token *t, struct buf *out, struct fault *f) WARN_UNUSED;

#endif
