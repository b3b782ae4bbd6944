/*
 * The file of a backup: written once, from its beginning to its end.
 *
 *   image      the durable environment of the store, as LMDB copies it: first, so that a reader
 *              opens it where it lies
 *   sections   one behind the other
 *   manifest   what this is and where everything lies (lib/wire.h)
 *   footer     48 octets: magic "CERCABK1", length of the manifest (8, big-endian), SHA-256 of all
 *              that stands before the hash
 *
 * A copy that was cut off has no footer; one in which any octet changed has another hash. There are
 * no keys and no PINs in it: tokens are backed up by their own means.
 */
#ifndef LIB_BACKUPFILE_H
#define LIB_BACKUPFILE_H

#include "lib/buf.h"
#include "lib/fault.h"
#include "lib/hasher.h"

#define BACKUPFILE_VERSION 1
#define BACKUPFILE_FOOTER 48
#define BACKUPFILE_SECTIONS 160
#define BACKUPFILE_MANIFEST_MAX 65536

enum backup_kind {
    BACKUP_CONFIGURATION = 1,
    BACKUP_CERTIFICATE = 2, /* of an issuer, DER; the name is the issuer's and its number */
    BACKUP_RECORD = 3,      /* of a signer; the name is the token's */
};

struct backup_section {
    enum backup_kind kind;
    char name[80];
    uint64_t at, octets;
};

struct backup_manifest {
    int64_t time;
    char program[32]; /* version that wrote it */
    uint8_t uuid[16]; /* of the store */
    uint32_t schema;
    uint64_t change, last_tick, certificates;
    int64_t last_commit;
    int64_t audit_log; /* as in the store: 0, or when it was begun */
    uint64_t audit_size;
    uint8_t audit_root[32];
    uint8_t generation[8]; /* of the configuration */
    char checkpoint[2048]; /* newest one of the audit log, as it is; "" none */
    uint64_t image;        /* octets */
    uint32_t n;
    struct backup_section section[BACKUPFILE_SECTIONS];
};

/* --- writing: a stream to a regular file --------------------------------------- */

/* Past the page cache where the file system can (O_DIRECT, set on the descriptor and taken back at
 * the end): that costs half of the processor's time, and leaves no commit waiting for what
 * would have to be written out before it. Elsewhere it is written out as it goes. */
struct backup_writer {
    int fd;
    uint64_t at;      /* octets put */
    uint64_t written; /* of them */
    uint64_t synced;  /* up to here the kernel was asked to write them out */
    bool direct;
    uint8_t *piece; /* put and not yet written */
    size_t n;
    struct hasher *hash;
};
void backup_begin(struct backup_writer *w, int fd);
/* FAULT_FULL when there is no room, which may also be said when more is put, or at the end. What
 * comes first costs least in large pieces that lie at PAGE_ALIGN and are multiples of it. */
int backup_put(struct backup_writer *w, struct slice s, struct fault *f) WARN_UNUSED;
/* Manifest and footer, then fsync. */
int backup_end(struct backup_writer *w, const struct backup_manifest *m, uint8_t sha256[32],
               struct fault *f) WARN_UNUSED;
void backup_writer_free(struct backup_writer *w);

/* --- reading ---------------------------------------------------------------------- */

/* Footer and manifest; every offset lies within the file. FAULT_MALFORMED, rule "backup.footer"
 * (cut off, or no backup), "backup.manifest", "backup.version". `sha256` as the footer has it. */
int backup_open(int fd, struct backup_manifest *out, uint8_t sha256[32],
                struct fault *f) WARN_UNUSED;
/* Reads everything. FAULT_MALFORMED, rule "backup.hash". */
int backup_hash(int fd, const uint8_t sha256[32],
                void (*progress)(void *arg, uint64_t done, uint64_t total), void *arg,
                struct fault *f) WARN_UNUSED;
/* Exactly n octets from there. */
int backup_read(int fd, uint64_t at, void *p, size_t n, struct fault *f) WARN_UNUSED;

#endif
