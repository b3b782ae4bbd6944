/*
 * Keys that are known to be weak or stolen, as a file: one SHA-256 of a SubjectPublicKeyInfo a
 * line in hexadecimal, in any order; empty lines and what follows a '#' do not count. Lists such
 * as those of the Debian keys of 2008 (CVE-2008-0166) are brought into this form.
 *
 * Loaded once, then only read: any thread may ask.
 */
#ifndef LIB_KEY_BLOCKLIST_H
#define LIB_KEY_BLOCKLIST_H

#include "lib/buf.h"
#include "lib/fault.h"

#define KEY_BLOCKLIST_MAX 2000000 /* keys, of 32 octets each in memory */

struct key_blocklist;

/* "": no list, *out is NULL. Rules: "key.blocklist.file" (cannot be read), "key.blocklist.syntax"
 * (with file:line), "key.blocklist.size". */
int key_blocklist_load(const char *path, struct key_blocklist **out, struct fault *f) WARN_UNUSED;
void key_blocklist_free(struct key_blocklist *l);
/* False when l is NULL. */
bool key_blocklist_has(const struct key_blocklist *l, const uint8_t spki_hash[32]);
size_t key_blocklist_count(const struct key_blocklist *l);

#endif
