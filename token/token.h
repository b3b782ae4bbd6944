/*
 * One token behind a PKCS #11 module: loading, finding, logging in, sessions.
 *
 * libp11 loads and initialises the module and lists its slots. Objects,
 * sessions and signatures go to the module directly: each return value is known by name,
 * every call is watched, each thread has a session of its own, and libp11
 * keeps no copy of the PIN, as it would after a login of its own.
 *
 * Faults: FAULT_CONFIG (cannot work as configured), FAULT_DENIED (the PIN is
 * wrong or must not be tried), FAULT_UNAVAILABLE (module or token failed; a restart may help).
 */
#ifndef TOKEN_TOKEN_H
#define TOKEN_TOKEN_H

#include <libp11.h>
#include <p11-kit/pkcs11.h>

#include "token/pin.h"
#include "lib/conf.h"
#include "lib/fault.h"
#include "lib/p11uri.h"

struct token {
    const struct conf_token *conf;
    struct p11uri uri;
    PKCS11_CTX *ctx;
    bool loaded; /* ctx has its module */
    PKCS11_SLOT *slots;
    unsigned n_slots;
    CK_FUNCTION_LIST *call; /* the module's own functions */
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session; /* of the thread that opened the token; 0: none */
};

/* Loads the module; no slot is chosen yet. */
int token_load(const struct conf_token *conf, struct token *out, struct fault *f) WARN_UNUSED;
/* Chooses the one slot whose token fits the URI; -FAULT_UNAVAILABLE when there is none. */
int token_find(struct token *t, struct fault *f) WARN_UNUSED;
/* The first slot with a token that is not initialised; -FAULT_CONFIG when there is none. */
int token_find_blank(struct token *t, struct fault *f) WARN_UNUSED;
/* Reads the list of slots again. */
int token_refresh(struct token *t, struct fault *f) WARN_UNUSED;
int token_flags(struct token *t, CK_FLAGS *out, struct fault *f) WARN_UNUSED;

/* A session with the token; `write` for making objects. */
int token_session(struct token *t, bool write, CK_SESSION_HANDLE *out, struct fault *f) WARN_UNUSED;
/* Opens t->session and logs the user in: one attempt a process, and none when
 * the token says that one more wrong PIN would lock it. */
int token_login(struct token *t, bool write, struct fault *f) WARN_UNUSED;
/* Asks the token for something only a present token knows. */
int token_alive(struct token *t, CK_SESSION_HANDLE session, struct fault *f) WARN_UNUSED;

/* Makes the blank token of t->slot one with the URI's label and the PINs of the configuration. */
int token_init(struct token *t, struct fault *f) WARN_UNUSED;
/* Sets the user PIN where it is missing. */
int token_init_pin(struct token *t, struct fault *f) WARN_UNUSED;

/* Unloads the module. */
void token_close(struct token *t);

#endif
