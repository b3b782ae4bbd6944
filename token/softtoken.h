/*
 * SoftHSM2 writes a token's own object (its name and PINs, without which its keys open for nobody)
 * anew at each login: emptied, then written in place, never synced. A signer that is killed in
 * between, or a machine that loses its power soon after, has no token left (SoftHSM 2.6). So a copy
 * is kept.
 */
#ifndef TOKEN_SOFTTOKEN_H
#define TOKEN_SOFTTOKEN_H

#include "lib/conf.h"

#define SOFTTOKEN_OBJECT "token.object"
#define SOFTTOKEN_KEPT "token.object.kept" /* beside it; SoftHSM2 reads nothing of that name */

/* For each token of SoftHSM2 in the folders `paths`: keeps a copy of its object, or puts the copy
 * in the place of one that is empty. Before a module is loaded, while nobody else has the token.
 * What fails is logged, and the module says the rest. */
void softtoken_keep(const struct conf_token *conf);

#endif
