/*
 * A PKCS #11 module that forwards to another one, SoftHSM2, and fails when a
 * test orders it to (tests/shim/control.h). CERCA_SHIM_MODULE names the module behind it.
 */
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tests/shim/control.h"

#define DEFAULT_MODULE "/usr/lib/softhsm/libsofthsm2.so"

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST list;
static CK_RV loaded = CKR_LIBRARY_LOAD_FAILED;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static atomic_ulong sessions; /* that are open */

/* What a call on a session or slot gets: an order for it, or the token is away. */
static CK_RV before(const char *function, struct control_result *result)
{
    CK_RV rv = control_call(function, result);

    if (rv == CKR_OK && control_token("vanish"))
        rv = CKR_TOKEN_NOT_PRESENT;
    return rv;
}

/* The same for calls of whose result nothing can be bent. */
static CK_RV just_before(const char *function)
{
    struct control_result result;

    return before(function, &result);
}

static CK_RV shim_Initialize(void *args)
{
    struct control_result result;
    CK_RV rv = control_call("C_Initialize", &result);

    return rv != CKR_OK ? rv : real->C_Initialize(args);
}

static CK_RV shim_Finalize(void *reserved)
{
    struct control_result result;
    CK_RV rv = control_call("C_Finalize", &result);

    return rv != CKR_OK ? rv : real->C_Finalize(reserved);
}

static CK_RV shim_GetInfo(CK_INFO *info)
{
    struct control_result result;
    CK_RV rv = control_call("C_GetInfo", &result);

    return rv != CKR_OK ? rv : real->C_GetInfo(info);
}

static CK_RV shim_GetSlotList(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *n)
{
    struct control_result result;
    CK_RV rv = control_call("C_GetSlotList", &result);

    if (rv != CKR_OK)
        return rv;
    if (result.bend == BEND_ZERO || control_token("vanish")) {
        *n = 0;
        return CKR_OK;
    }
    return real->C_GetSlotList(present, slots, n);
}

static CK_RV shim_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    CK_RV rv = just_before("C_GetSlotInfo");

    return rv != CKR_OK ? rv : real->C_GetSlotInfo(slot, info);
}

static CK_RV shim_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    struct control_result result;
    CK_RV rv = before("C_GetTokenInfo", &result);

    if (rv == CKR_OK && result.bend == BEND_ZERO)
        return CKR_OK;
    if (rv == CKR_OK)
        rv = real->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK && control_token("final-try"))
        info->flags |= CKF_USER_PIN_FINAL_TRY;
    if (rv == CKR_OK && control_token("pin-locked"))
        info->flags |= CKF_USER_PIN_LOCKED;
    return rv;
}

static CK_RV shim_InitToken(CK_SLOT_ID slot, CK_UTF8CHAR *pin, CK_ULONG n, CK_UTF8CHAR *label)
{
    struct control_result result;
    CK_RV rv = before("C_InitToken", &result);

    return rv != CKR_OK ? rv : control_late(&result, real->C_InitToken(slot, pin, n, label));
}

static CK_RV shim_InitPIN(CK_SESSION_HANDLE session, CK_UTF8CHAR *pin, CK_ULONG n)
{
    struct control_result result;
    CK_RV rv = before("C_InitPIN", &result);

    return rv != CKR_OK ? rv : control_late(&result, real->C_InitPIN(session, pin, n));
}

static CK_RV shim_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                              CK_SESSION_HANDLE *session)
{
    struct control_result result;
    CK_RV rv = before("C_OpenSession", &result);

    if (rv == CKR_OK && result.bend == BEND_LIMIT &&
        atomic_load(&sessions) >= (unsigned long)result.limit)
        rv = CKR_SESSION_COUNT;
    if (rv == CKR_OK)
        rv = real->C_OpenSession(slot, flags, application, notify, session);
    if (rv == CKR_OK)
        atomic_fetch_add(&sessions, 1);
    return rv;
}

static CK_RV shim_CloseSession(CK_SESSION_HANDLE session)
{
    CK_RV rv = just_before("C_CloseSession");

    if (rv == CKR_OK)
        rv = real->C_CloseSession(session);
    if (rv == CKR_OK)
        atomic_fetch_sub(&sessions, 1);
    return rv;
}

static CK_RV shim_CloseAllSessions(CK_SLOT_ID slot)
{
    CK_RV rv = just_before("C_CloseAllSessions");

    return rv != CKR_OK ? rv : real->C_CloseAllSessions(slot);
}

static CK_RV shim_GetSessionInfo(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
    struct control_result result;
    CK_RV rv = before("C_GetSessionInfo", &result);

    if (rv != CKR_OK || result.bend == BEND_ZERO)
        return rv;
    return real->C_GetSessionInfo(session, info);
}

static CK_RV shim_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG n)
{
    struct control_result result;
    CK_RV rv = before("C_Login", &result);

    return rv != CKR_OK ? rv : control_late(&result, real->C_Login(session, user, pin, n));
}

static CK_RV shim_Logout(CK_SESSION_HANDLE session)
{
    CK_RV rv = just_before("C_Logout");

    return rv != CKR_OK ? rv : real->C_Logout(session);
}

static CK_RV shim_FindObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG n)
{
    CK_RV rv = just_before("C_FindObjectsInit");

    return rv != CKR_OK ? rv : real->C_FindObjectsInit(session, template, n);
}

static CK_RV shim_FindObjects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *found, CK_ULONG max,
                              CK_ULONG *n)
{
    struct control_result result;
    CK_RV rv = before("C_FindObjects", &result);

    if (rv == CKR_OK)
        rv = real->C_FindObjects(session, found, max, n);
    if (rv == CKR_OK && result.bend == BEND_ZERO)
        *n = 0;
    if (rv == CKR_OK && result.bend == BEND_HUGE)
        *n = ULONG_MAX - 1;
    return rv;
}

static CK_RV shim_FindObjectsFinal(CK_SESSION_HANDLE session)
{
    CK_RV rv = just_before("C_FindObjectsFinal");

    return rv != CKR_OK ? rv : real->C_FindObjectsFinal(session);
}

/* `p` (NULL: only the length is asked for) has room for `cap` octets. */
static void bend_octets(enum control_bend bend, CK_BYTE *p, CK_ULONG cap, CK_ULONG *n)
{
    switch (bend) {
    case BEND_SHORT:
        *n -= *n > 0;
        break;
    case BEND_LONG:
        if (p != NULL && *n < cap)
            p[*n] = 0x5a;
        *n += 1;
        break;
    case BEND_HUGE:
        *n = ULONG_MAX - 1;
        break;
    case BEND_ZERO:
        *n = 0;
        break;
    case BEND_WRONG:
        if (p != NULL && *n > 0)
            p[*n - 1] ^= 0x01;
        break;
    default:
        break;
    }
}

static CK_RV shim_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                                    CK_ATTRIBUTE *template, CK_ULONG n)
{
    struct control_result result;
    CK_ULONG cap = n > 0 ? template[0].ulValueLen : 0;
    CK_RV rv = before("C_GetAttributeValue", &result);

    if (rv == CKR_OK)
        rv = real->C_GetAttributeValue(session, object, template, n);
    if (rv == CKR_OK && n > 0)
        bend_octets(result.bend, template[0].pValue, cap, &template[0].ulValueLen);
    if (rv == CKR_OK && n == 1 && template[0].type == CKA_NEVER_EXTRACTABLE &&
        cap == sizeof(CK_BBOOL) && control_token("keeps"))
        *(CK_BBOOL *)template[0].pValue = CK_FALSE;
    return rv;
}

static CK_RV shim_GenerateKeyPair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                                  CK_ATTRIBUTE *public_template, CK_ULONG n_public,
                                  CK_ATTRIBUTE *private_template, CK_ULONG n_private,
                                  CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
    struct control_result result;
    CK_RV rv = before("C_GenerateKeyPair", &result);

    if (rv == CKR_OK)
        rv = real->C_GenerateKeyPair(session, mechanism, public_template, n_public,
                                     private_template, n_private, public_key, private_key);
    return control_late(&result, rv);
}

static CK_RV shim_DestroyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    struct control_result result;
    CK_RV rv = before("C_DestroyObject", &result);

    if (rv == CKR_OK && control_token("keeps"))
        rv = CKR_TOKEN_WRITE_PROTECTED;

    return rv != CKR_OK ? rv : control_late(&result, real->C_DestroyObject(session, object));
}

/* A private key of the token that is not this one. */
static CK_OBJECT_HANDLE other_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof(class)};
    CK_OBJECT_HANDLE found[2] = {key, key};
    CK_ULONG n = 0;

    if (real->C_FindObjectsInit(session, &template, 1) != CKR_OK)
        return key;
    (void)real->C_FindObjects(session, found, 2, &n);
    (void)real->C_FindObjectsFinal(session);
    return n > 1 && found[0] == key ? found[1] : found[0];
}

static CK_RV shim_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    struct control_result result;
    CK_RV rv = before("C_SignInit", &result);

    if (rv == CKR_OK && result.bend == BEND_WRONG)
        key = other_key(session, key);
    return rv != CKR_OK ? rv : real->C_SignInit(session, mechanism, key);
}

static CK_RV shim_Sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG n, CK_BYTE *signature,
                       CK_ULONG *signature_n)
{
    struct control_result result;
    CK_ULONG cap = *signature_n;
    CK_RV rv = before("C_Sign", &result);

    if (rv == CKR_OK)
        rv = real->C_Sign(session, data, n, signature, signature_n);
    if (rv == CKR_OK)
        bend_octets(result.bend, signature, cap, signature_n);
    return rv;
}

static CK_RV shim_GetFunctionList(CK_FUNCTION_LIST **out)
{
    return C_GetFunctionList(out);
}

/* Everything is the real module's, save what can be ordered to fail. */
static void load(void)
{
    const char *path = getenv("CERCA_SHIM_MODULE");
    void *handle = dlopen(path != NULL ? path : DEFAULT_MODULE, RTLD_NOW | RTLD_LOCAL);
    CK_C_GetFunctionList get;

    if (handle == NULL)
        return;
    *(void **)&get = dlsym(handle, "C_GetFunctionList");
    if (get == NULL)
        return;
    loaded = get(&real);
    if (loaded != CKR_OK)
        return;
    list = *real;
    list.C_GetFunctionList = shim_GetFunctionList;
    list.C_Initialize = shim_Initialize;
    list.C_Finalize = shim_Finalize;
    list.C_GetInfo = shim_GetInfo;
    list.C_GetSlotList = shim_GetSlotList;
    list.C_GetSlotInfo = shim_GetSlotInfo;
    list.C_GetTokenInfo = shim_GetTokenInfo;
    list.C_InitToken = shim_InitToken;
    list.C_InitPIN = shim_InitPIN;
    list.C_OpenSession = shim_OpenSession;
    list.C_CloseSession = shim_CloseSession;
    list.C_CloseAllSessions = shim_CloseAllSessions;
    list.C_GetSessionInfo = shim_GetSessionInfo;
    list.C_Login = shim_Login;
    list.C_Logout = shim_Logout;
    list.C_FindObjectsInit = shim_FindObjectsInit;
    list.C_FindObjects = shim_FindObjects;
    list.C_FindObjectsFinal = shim_FindObjectsFinal;
    list.C_GetAttributeValue = shim_GetAttributeValue;
    list.C_GenerateKeyPair = shim_GenerateKeyPair;
    list.C_DestroyObject = shim_DestroyObject;
    list.C_SignInit = shim_SignInit;
    list.C_Sign = shim_Sign;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    *out = NULL;
    (void)pthread_once(&once, load);
    if (loaded != CKR_OK)
        return loaded;
    *out = &list;
    return CKR_OK;
}
