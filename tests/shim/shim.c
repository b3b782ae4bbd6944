/*
 * A PKCS #11 module that forwards to another one, SoftHSM2, and fails when a
 * test orders it to (tests/shim/control.h). CERCA_SHIM_MODULE names the module behind it.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/shim/control.h"

#define DEFAULT_MODULE "/usr/lib/softhsm/libsofthsm2.so"

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST list;
static CK_RV loaded = CKR_LIBRARY_LOAD_FAILED;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* What a call on a session or slot gets: an order for it, or the token is away. */
static CK_RV before(const char *function)
{
    CK_RV rv = control_call(function);

    if (rv == CKR_OK && control_token("vanish"))
        rv = CKR_TOKEN_NOT_PRESENT;
    return rv;
}

static CK_RV shim_GetSlotList(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *n)
{
    CK_RV rv = control_call("C_GetSlotList");

    if (rv != CKR_OK)
        return rv;
    if (control_token("vanish")) {
        *n = 0;
        return CKR_OK;
    }
    return real->C_GetSlotList(present, slots, n);
}

static CK_RV shim_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    CK_RV rv = before("C_GetSlotInfo");

    return rv != CKR_OK ? rv : real->C_GetSlotInfo(slot, info);
}

static CK_RV shim_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    CK_RV rv = before("C_GetTokenInfo");

    if (rv == CKR_OK)
        rv = real->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK && control_token("final-try"))
        info->flags |= CKF_USER_PIN_FINAL_TRY;
    if (rv == CKR_OK && control_token("pin-locked"))
        info->flags |= CKF_USER_PIN_LOCKED;
    return rv;
}

static CK_RV shim_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                              CK_SESSION_HANDLE *session)
{
    CK_RV rv = before("C_OpenSession");

    return rv != CKR_OK ? rv : real->C_OpenSession(slot, flags, application, notify, session);
}

static CK_RV shim_GetSessionInfo(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
    CK_RV rv = before("C_GetSessionInfo");

    return rv != CKR_OK ? rv : real->C_GetSessionInfo(session, info);
}

static CK_RV shim_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG n)
{
    CK_RV rv = before("C_Login");

    return rv != CKR_OK ? rv : real->C_Login(session, user, pin, n);
}

static CK_RV shim_FindObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG n)
{
    CK_RV rv = before("C_FindObjectsInit");

    return rv != CKR_OK ? rv : real->C_FindObjectsInit(session, template, n);
}

static CK_RV shim_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                                    CK_ATTRIBUTE *template, CK_ULONG n)
{
    CK_RV rv = before("C_GetAttributeValue");

    return rv != CKR_OK ? rv : real->C_GetAttributeValue(session, object, template, n);
}

static CK_RV shim_GenerateKeyPair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                                  CK_ATTRIBUTE *public_template, CK_ULONG n_public,
                                  CK_ATTRIBUTE *private_template, CK_ULONG n_private,
                                  CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
    CK_RV rv = before("C_GenerateKeyPair");

    return rv != CKR_OK
               ? rv
               : real->C_GenerateKeyPair(session, mechanism, public_template, n_public,
                                         private_template, n_private, public_key, private_key);
}

static CK_RV shim_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CK_RV rv = before("C_SignInit");

    return rv != CKR_OK ? rv : real->C_SignInit(session, mechanism, key);
}

static CK_RV shim_Sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG n, CK_BYTE *signature,
                       CK_ULONG *signature_n)
{
    CK_RV rv = before("C_Sign");

    return rv != CKR_OK ? rv : real->C_Sign(session, data, n, signature, signature_n);
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
    list.C_GetSlotList = shim_GetSlotList;
    list.C_GetSlotInfo = shim_GetSlotInfo;
    list.C_GetTokenInfo = shim_GetTokenInfo;
    list.C_OpenSession = shim_OpenSession;
    list.C_GetSessionInfo = shim_GetSessionInfo;
    list.C_Login = shim_Login;
    list.C_FindObjectsInit = shim_FindObjectsInit;
    list.C_GetAttributeValue = shim_GetAttributeValue;
    list.C_GenerateKeyPair = shim_GenerateKeyPair;
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
