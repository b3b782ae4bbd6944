/*
 * Passwords of who enrolls, as a file: NAME:HASH a line, as crypt(3) has it, by yescrypt, scrypt,
 * bcrypt or SHA-512 ($y$, $gy$, $7$, $2b$, $6$); empty lines and those that begin with '#' do not
 * count. Only its owner's user and group may read it.
 *
 * Loaded once, then only read: any thread may ask.
 */
#ifndef CA_ENROLL_PASSWORDS_H
#define CA_ENROLL_PASSWORDS_H

#include "lib/fault.h"

#define PASSWORDS_MAX 100000 /* users */

struct passwords;

/* "": no file, *out is NULL. Rules: "password.file" (cannot be read, others may), "password.syntax"
 * (with file:line). */
int passwords_load(const char *path, struct passwords **out, struct fault *f) WARN_UNUSED;
/* NULL is fine. */
void passwords_free(struct passwords *p);
size_t passwords_count(const struct passwords *p);
/* Is this the user's? Takes its time, which is the same for who is not there. False when p is
 * NULL. */
bool passwords_right(const struct passwords *p, const char *user, struct slice secret);

#endif
