/*
 * What the tests order the shim to do wrong: one line in the file that
 * CERCA_SHIM_CONTROL names, read at every call; no file: nothing.
 *
 *   C_Sign error CKR_DEVICE_ERROR [COUNT]    the call returns that instead
 *   C_Sign delay MILLISECONDS [COUNT]        the call takes longer
 *   C_Sign hang [COUNT]                      the call never returns
 *   C_Sign crash [COUNT]                     the process dies in the call
 *   token vanish                             no slot has a token, no session works
 *   token final-try, token pin-locked        the flags of C_GetTokenInfo say so
 *
 * Without COUNT an order stands until the file goes. With it, each time costs one, across
 * processes, and the last removes the file first.
 *
 * CERCA_SHIM_LOG names a file that gets the name of each intercepted call, a line each.
 */
#ifndef TESTS_SHIM_CONTROL_H
#define TESTS_SHIM_CONTROL_H

#include <stdbool.h>
#include <p11-kit/pkcs11.h>

/* Notes the call and obeys what is ordered for it. CKR_OK: forward it. */
CK_RV control_call(const char *function);
/* Is the order for the token this word? */
bool control_token(const char *word);

#endif
