/*
 * What the tests order the shim to do wrong: one line in the file that
 * CERCA_SHIM_CONTROL names, read at every call; no file: nothing.
 *
 * - C_Sign error CKR_DEVICE_ERROR [COUNT [AFTER]]: the call returns that instead; any code as 0x...
 * - C_Sign delay MILLISECONDS [COUNT [AFTER]]: the call takes longer
 * - C_Sign hold: it waits until the order goes
 * - C_Sign hang [COUNT [AFTER]]: the call never returns
 * - C_Sign crash [COUNT [AFTER]]: the process dies in the call
 * - C_Sign short, long, huge, zero, wrong [COUNT [AFTER]]: it succeeds, and what it gives is one
 *   octet too short or too long, says to be of a length that nothing has, is empty, or has a bit
 *   flipped; so C_GetAttributeValue. C_SignInit wrong: with another key of the token. C_FindObjects
 *   zero, huge: none, or more than asked for. C_GetTokenInfo zero, C_GetSessionInfo zero: nothing
 *   is filled in
 * - C_OpenSession limit N: CKR_SESSION_COUNT once N are open
 * - C_InitToken late CODE [COUNT [AFTER]]: the call is made and what it did stays, but it returns
 *   that; "late crash": the process dies then. So C_InitPIN, C_Login, C_GenerateKeyPair and
 *   C_DestroyObject
 * - token keeps: no key says that it was never extractable, and none can be destroyed
 * - token vanish: no slot has a token, no session works
 * - token final-try, token pin-locked: the flags of C_GetTokenInfo say so
 *
 * COUNT 0, or none: an order stands until the file goes. With it, each time costs one, across
 * processes, and the last removes the file first. AFTER calls are left alone before.
 *
 * CERCA_SHIM_LOG names a file that gets the name of each intercepted call, a line each.
 */
#ifndef TESTS_SHIM_CONTROL_H
#define TESTS_SHIM_CONTROL_H

#include <stdbool.h>
#include <p11-kit/pkcs11.h>

enum control_bend {
    BEND_NONE,
    BEND_SHORT,
    BEND_LONG,
    BEND_HUGE,
    BEND_ZERO,
    BEND_WRONG,
    BEND_LIMIT
};

struct control_result {
    enum control_bend bend;
    long limit; /* of BEND_LIMIT */
    CK_RV late; /* what control_late returns for success */
    bool late_crash;
};

/* Notes the call and obeys what is ordered for it. CKR_OK: forward it, then bend its result. */
CK_RV control_call(const char *function, struct control_result *result);
/* After the call, for those that may be late: what it returned, or what was ordered instead. */
CK_RV control_late(const struct control_result *result, CK_RV rv);
/* Is the order for the token this word? */
bool control_token(const char *word);

#endif
