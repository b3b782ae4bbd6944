/* Rows and keys of requests that wait for approval: what the files of lmdb_approval*.c share. */
#ifndef CA_STORE_APPROVAL_ROWS_H
#define CA_STORE_APPROVAL_ROWS_H

#include "ca/store/approvals.h"
#include "ca/store/store_lmdb.h"

/*
 * They lie in the table of requests behind all others, whose keys begin with a number:
 *
 *   ff 'a' id            -> the row
 *   ff 'e' expires id    -> nothing: in which order they expire
 *   ff 'k' key           -> id
 *   ff 'n'               -> newest id, how many wait
 *   ff 'r' SHA-256(name) -> how many of this requester wait
 */
enum {
    APPROVAL_ROW = 'a',
    APPROVAL_EXPIRY = 'e',
    APPROVAL_KEY = 'k',
    APPROVAL_TOTAL = 'n',
    APPROVAL_REQUESTER = 'r'
};
#define APPROVAL_KEY_MAX 34
#define APPROVALS_FORGOTTEN 1000 /* expired ones, for each that comes */

struct approval_key {
    size_t n;
    uint8_t at[APPROVAL_KEY_MAX];
};
struct approval_key approval_key(uint8_t tag, const void *p, size_t n);
struct approval_key approval_key_row(uint64_t id);

void approval_row_put(struct buf *b, const struct approval_row *r);
int approval_row_get(uint64_t id, struct slice s, struct approval_row *out) WARN_UNUSED;

#endif
