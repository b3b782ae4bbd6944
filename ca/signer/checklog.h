/*
 * The signer's own record of the checkpoints that it signed (record_dir/TOKEN.checkpoints): what
 * it has said once about a log it never takes back, whatever it is asked. Entries of CHECKLOG_ENTRY
 * octets, integers big-endian, each synced before the signature is made:
 *
 *   0-7    number of the entry, from 1: its place in the file
 *   8-15   tree size
 *   16-47  root hash
 *   48-79  SHA-256 of the origin
 */
#ifndef CA_SIGNER_CHECKLOG_H
#define CA_SIGNER_CHECKLOG_H

#include "lib/buf.h"
#include "lib/fault.h"

#define CHECKLOG_ENTRY 80

struct checklog;

/* Creates what is absent; an entry cut short by a crash is dropped (it was never signed). */
int checklog_open(const char *path, struct checklog **out, struct fault *f) WARN_UNUSED;
void checklog_close(struct checklog *l);
/* May this be signed? Then it is recorded, durably. Rules "checkpoint.shrinks" (the log is smaller
 * than one signed before), "checkpoint.forks" (the same size had another root). */
int checklog_admit(struct checklog *l, const char *origin, uint64_t size, const uint8_t root[32],
                   struct fault *f) WARN_UNUSED;

#endif
