/*
 * A key made on this machine, its certification request, and the file that the
 * key goes to: PKCS#8 PEM, mode 0600, on the disk before the request is sent, so that no
 * certificate exists whose key was lost.
 */
#ifndef CLIENT_NEWKEY_H
#define CLIENT_NEWKEY_H

#include "lib/key.h"

/* `type`: "p256", "rsa2048" ... (key_type_parse). `subject`: a whole Name, may be the empty one. */
int newkey_make(const char *type, struct slice subject, struct buf *pem, struct buf *csr,
                struct fault *f) WARN_UNUSED;

/* The request alone, for a key that is in a file (signkey_read). */
int newkey_request(const char *path, struct slice subject, struct buf *csr,
                   struct fault *f) WARN_UNUSED;

/* A key file on its way. Where a file stands already it is replaced only on keyfile_keep, so
 * that a service keeps its old key for as long as it has its old certificate. */
struct keyfile {
    char *path;
    char *written; /* path, or path.new while the old one stands; NULL: nothing was written */
};
/* May a file be written in that folder? Better known before anything is asked for. NULL: there is
 * no file. Rule "out.file". */
int outfile_check(const char *path, struct fault *f) WARN_UNUSED;
/* Is nothing there that would be replaced? */
int keyfile_free_to_write(const char *path, struct fault *f) WARN_UNUSED;
/* Never replaces a file without `force`; never what an earlier run left in path.new. */
int keyfile_write(struct keyfile *k, const char *path, bool force, struct slice pem,
                  struct fault *f) WARN_UNUSED;
/* At once, whole or not at all, and durable; PATH.new, the half of an earlier try, is replaced. */
int keyfile_whole(const char *path, struct slice pem, struct fault *f) WARN_UNUSED;
int keyfile_keep(struct keyfile *k, struct fault *f) WARN_UNUSED;
/* Removes what was written: the request was refused, nobody has a certificate for it. */
void keyfile_drop(struct keyfile *k);
void keyfile_free(struct keyfile *k);

#endif
