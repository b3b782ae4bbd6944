/* What a process with a PKCS#11 module needs beside itself. */
#ifndef TOKEN_JAIL_H
#define TOKEN_JAIL_H

#include "lib/conf.h"
#include "lib/sandbox.h"

/* The module's environment belongs to this token alone. The strings stay in use. */
void token_environment(const struct conf_token *t);
/* Code may be loaded: the module's folder, the system's libraries, and what they read; the token's
 * own paths and network. Its PIN is not among them. The module's path stays in use. */
void token_allow(struct sandbox *s, const struct conf_token *t);

#endif
