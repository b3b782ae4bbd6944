#include "token/token.h"

#include <dlfcn.h>
#include <string.h>

#include "token/ckr.h"
#include "token/softtoken.h"
#include "token/watch.h"
#include "lib/log.h"

/* libp11 leaves the module's return value in OpenSSL's error queue. */
static int libp11_fault(struct fault *f, const char *call)
{
    unsigned long e = ERR_peek_last_error();
    int rc;

    if (ERR_GET_LIB(e) == ERR_get_CKR_code())
        rc = ckr_fault(f, call, (CK_RV)ERR_GET_REASON(e));
    else
        rc = fault_unavailable(f, TOKEN_RETRY_AFTER, "signer.token",
                               "HSM unavailable, retry after %d s (%s: %s)", TOKEN_RETRY_AFTER,
                               call, e == 0 ? "failed" : ERR_reason_error_string(e));
    ERR_clear_error();
    return rc;
}

/* libp11 has loaded the module; asking the loader again finds the same one. */
static int function_list(struct token *t, struct fault *f)
{
    void *handle = dlopen(t->conf->module, RTLD_NOW | RTLD_NOLOAD);
    CK_C_GetFunctionList get;
    CK_RV rv;

    if (handle == NULL)
        return fault_set(f, FAULT_CONFIG, "signer.module", "%s: %s", t->conf->module, dlerror());
    *(void **)&get = dlsym(handle, "C_GetFunctionList");
    rv = get == NULL ? CKR_LIBRARY_LOAD_FAILED : get(&t->call);
    (void)dlclose(handle);
    if (rv != CKR_OK || t->call == NULL)
        return ckr_fault(f, "C_GetFunctionList", rv);
    return 0;
}

/* libp11 says only that loading failed; the loader says why. */
static int load_fault(const char *path, struct fault *f)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (handle == NULL)
        return fault_set(f, FAULT_CONFIG, "signer.module", "%s", dlerror());
    (void)dlclose(handle);
    return libp11_fault(f, "C_Initialize");
}

int token_load(const struct conf_token *conf, struct token *out, struct fault *f)
{
    int rc;

    memset(out, 0, sizeof(*out));
    out->conf = conf;
    rc = p11uri_parse(conf->uri, &out->uri, f);
    if (rc != 0)
        return rc;
    if (!p11uri_names_token(&out->uri))
        return fault_set(f, FAULT_CONFIG, "signer.token.uri", "token %s: its uri names no token",
                         conf->name);
    out->ctx = PKCS11_CTX_new();
    if (out->ctx == NULL)
        return fault_set(f, FAULT_INTERNAL, "signer.module", "libp11 has no memory");
    if (conf->init_reserved != NULL && conf->init_reserved[0] != 0)
        PKCS11_CTX_init_args(out->ctx, conf->init_reserved);
    softtoken_keep(conf);
    watch_enter("C_Initialize");
    rc = PKCS11_CTX_load(out->ctx, conf->module);
    watch_leave();
    out->loaded = rc == 0;
    rc = rc != 0 ? load_fault(conf->module, f) : function_list(out, f);
    if (rc == 0)
        rc = token_refresh(out, f);
    if (rc != 0)
        token_close(out);
    return rc;
}

#ifdef __SANITIZE_ADDRESS__
/* A slot that cannot be asked (C_GetSlotInfo) is lost by libp11 0.4.12, in allocations of its own;
 * the process ends then. The name is LeakSanitizer's. */
const char *__lsan_default_suppressions(void); /* NOLINT(bugprone-reserved-identifier) */
const char *__lsan_default_suppressions(void)
{
    return "leak:libp11.so\n";
}
#endif

int token_refresh(struct token *t, struct fault *f)
{
    int rc;

    if (t->slots != NULL)
        PKCS11_release_all_slots(t->ctx, t->slots, t->n_slots);
    t->slots = NULL;
    t->n_slots = 0;
    watch_enter("C_GetSlotList");
    rc = PKCS11_enumerate_slots(t->ctx, &t->slots, &t->n_slots);
    watch_leave();
    /* libp11 fails without an error when there are no slots: nothing is wrong, nothing is there. */
    if (rc != 0 && ERR_peek_last_error() != 0)
        return libp11_fault(f, "C_GetSlotList");
    return 0;
}

static bool field_fits(const struct p11uri_attr *want, const char *have)
{
    return p11uri_matches(want, (const uint8_t *)have, have == NULL ? 0 : strlen(have));
}

static bool slot_fits(const struct p11uri *u, PKCS11_SLOT *s)
{
    const PKCS11_TOKEN *k = s->token;

    return k != NULL && k->initialized && field_fits(&u->token, k->label) &&
           field_fits(&u->manufacturer, k->manufacturer) && field_fits(&u->model, k->model) &&
           field_fits(&u->serial, k->serialnr) &&
           (!u->has_slot_id || u->slot_id == PKCS11_get_slotid_from_slot(s));
}

int token_find(struct token *t, struct fault *f)
{
    unsigned found = 0;

    for (unsigned i = 0; i < t->n_slots; i++)
        if (slot_fits(&t->uri, &t->slots[i])) {
            t->slot = PKCS11_get_slotid_from_slot(&t->slots[i]);
            found++;
        }
    if (found == 0)
        return fault_unavailable(f, TOKEN_RETRY_AFTER, "signer.token.absent",
                                 "no slot of %s has the token %s", t->conf->module, t->conf->uri);
    if (found > 1)
        return fault_set(f, FAULT_CONFIG, "signer.token.ambiguous",
                         "%u tokens fit %s; add serial to it", found, t->conf->uri);
    return 0;
}

int token_find_blank(struct token *t, struct fault *f)
{
    for (unsigned i = 0; i < t->n_slots; i++)
        if (t->slots[i].token != NULL && !t->slots[i].token->initialized) {
            t->slot = PKCS11_get_slotid_from_slot(&t->slots[i]);
            return 0;
        }
    return fault_set(f, FAULT_CONFIG, "signer.token.absent",
                     "%s has neither the token %s nor one that is not initialised", t->conf->module,
                     t->conf->uri);
}

int token_flags(struct token *t, CK_FLAGS *out, struct fault *f)
{
    CK_TOKEN_INFO info;
    CK_RV rv;

    *out = 0;
    memset(&info, 0, sizeof(info));
    watch_enter("C_GetTokenInfo");
    rv = t->call->C_GetTokenInfo(t->slot, &info);
    watch_leave();
    if (rv != CKR_OK)
        return ckr_fault(f, "C_GetTokenInfo", rv);
    *out = info.flags;
    return 0;
}

int token_session(struct token *t, bool write, CK_SESSION_HANDLE *out, struct fault *f)
{
    CK_FLAGS flags = CKF_SERIAL_SESSION | (write ? CKF_RW_SESSION : 0);
    CK_RV rv;

    *out = 0;
    watch_enter("C_OpenSession");
    rv = t->call->C_OpenSession(t->slot, flags, NULL, NULL, out);
    watch_leave();
    return rv != CKR_OK ? ckr_fault(f, "C_OpenSession", rv) : 0;
}

/* A wrong PIN tried again and again locks the token (PKCS #11 2.40, 3.2, the CKF_USER_PIN flags).
 */
static int may_try_pin(struct token *t, struct fault *f)
{
    CK_FLAGS flags;
    int rc = token_flags(t, &flags, f);

    if (rc != 0)
        return rc;
    if ((flags & CKF_USER_PIN_LOCKED) != 0)
        return fault_set(f, FAULT_DENIED, "signer.pin.locked", "token %s: its user PIN is locked",
                         t->conf->name);
    if ((flags & CKF_USER_PIN_FINAL_TRY) != 0)
        return fault_set(f, FAULT_DENIED, "signer.pin.final-try",
                         "token %s: one more wrong PIN would lock it, so none is tried; log in "
                         "once by hand",
                         t->conf->name);
    if ((flags & CKF_USER_PIN_INITIALIZED) == 0)
        return fault_unavailable(f, TOKEN_RETRY_AFTER, "signer.pin.unset",
                                 "token %s: it has no user PIN yet", t->conf->name);
    if ((flags & CKF_USER_PIN_COUNT_LOW) != 0)
        log_warn("signer.pin.count-low", "token", t->conf->name, NULL);
    return 0;
}

/* May a PIN have been counted as wrong? What the standard says of other things may be tried again;
 * of what no standard knows, the worst is assumed. */
static bool about_pin(CK_RV rv)
{
    switch (rv) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_EXPIRED:
    case CKR_PIN_LOCKED:
    case CKR_USER_PIN_NOT_INITIALIZED:
    case CKR_NEW_PIN_MODE:
    case CKR_NEXT_OTP:
        return true;
    default:
        return !ckr_is_known(rv);
    }
}

static int login_fault(struct token *t, CK_RV rv, struct fault *f)
{
    if (!about_pin(rv))
        return ckr_fault(f, "C_Login", rv);
    return fault_set(f, FAULT_DENIED, "signer.pin.wrong",
                     "token %s refuses its PIN: %s; it is not tried again before a reload",
                     t->conf->name, ckr_name(rv));
}

static int login_as(struct token *t, CK_USER_TYPE user, struct pin *pin, struct fault *f)
{
    CK_RV rv;

    watch_enter("C_Login");
    rv = t->call->C_Login(t->session, user, pin->p, pin->n);
    watch_leave();
    return rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN ? login_fault(t, rv, f) : 0;
}

static int session_is_users(struct token *t, CK_SESSION_HANDLE session, struct fault *f)
{
    CK_SESSION_INFO info;
    CK_RV rv;

    memset(&info, 0, sizeof(info));
    watch_enter("C_GetSessionInfo");
    rv = t->call->C_GetSessionInfo(session, &info);
    watch_leave();
    if (rv != CKR_OK)
        return ckr_fault(f, "C_GetSessionInfo", rv);
    if (info.state != CKS_RO_USER_FUNCTIONS && info.state != CKS_RW_USER_FUNCTIONS)
        return ckr_fault(f, "C_GetSessionInfo", CKR_USER_NOT_LOGGED_IN);
    return 0;
}

int token_login(struct token *t, bool write, struct fault *f)
{
    struct pin *pin;
    int rc = may_try_pin(t, f);

    if (rc == 0)
        rc = token_session(t, write, &t->session, f);
    if (rc != 0)
        return rc;
    rc = pin_read(t->conf, &pin, f);
    if (rc == 0)
        rc = login_as(t, CKU_USER, pin, f);
    pin_free(pin);
    /* A module may say that somebody is logged in already, and nobody is: no key would be seen. */
    return rc != 0 ? rc : session_is_users(t, t->session, f);
}

int token_alive(struct token *t, CK_SESSION_HANDLE session, struct fault *f)
{
    CK_FLAGS flags;
    int rc = token_flags(t, &flags, f);

    return rc != 0 ? rc : session_is_users(t, session, f);
}

static void end_session(struct token *t)
{
    watch_enter("C_CloseSession");
    (void)t->call->C_CloseSession(t->session);
    watch_leave();
    t->session = 0;
}

static int so_pin(struct token *t, struct pin **out, struct fault *f)
{
    struct buf path;
    int rc;

    *out = NULL;
    buf_init(&path, 4096);
    rc = pin_so_path(t->conf, &path, f);
    if (rc == 0)
        rc = pin_read_file(buf_cstr(&path), out, f);
    buf_free(&path);
    return rc;
}

int token_init(struct token *t, struct fault *f)
{
    CK_UTF8CHAR label[32];
    struct pin *so;
    CK_RV rv;
    int rc;

    if (!t->uri.token.set || t->uri.token.n > sizeof(label))
        return fault_set(f, FAULT_CONFIG, "signer.token.uri",
                         "token %s: its uri gives no label to make one with", t->conf->name);
    rc = so_pin(t, &so, f);
    if (rc != 0)
        return rc;
    memset(label, ' ', sizeof(label));
    memcpy(label, t->uri.token.p, t->uri.token.n);
    watch_enter("C_InitToken");
    rv = t->call->C_InitToken(t->slot, so->p, so->n, label);
    watch_leave();
    pin_free(so);
    return rv != CKR_OK ? ckr_fault(f, "C_InitToken", rv) : 0;
}

static int set_user_pin(struct token *t, struct pin *so, struct pin *user, struct fault *f)
{
    CK_RV rv;
    int rc = login_as(t, CKU_SO, so, f);

    if (rc != 0)
        return rc;
    watch_enter("C_InitPIN");
    rv = t->call->C_InitPIN(t->session, user->p, user->n);
    watch_leave();
    if (rv != CKR_OK)
        return ckr_fault(f, "C_InitPIN", rv);
    watch_enter("C_Logout");
    rv = t->call->C_Logout(t->session);
    watch_leave();
    return rv != CKR_OK ? ckr_fault(f, "C_Logout", rv) : 0;
}

int token_init_pin(struct token *t, struct fault *f)
{
    struct pin *so = NULL, *user = NULL;
    int rc = token_session(t, true, &t->session, f);

    if (rc == 0)
        rc = so_pin(t, &so, f);
    if (rc == 0)
        rc = pin_read(t->conf, &user, f);
    if (rc == 0)
        rc = set_user_pin(t, so, user, f);
    pin_free(so);
    pin_free(user);
    if (t->session != 0)
        end_session(t);
    return rc;
}

void token_close(struct token *t)
{
    if (t->slots != NULL)
        PKCS11_release_all_slots(t->ctx, t->slots, t->n_slots);
    if (t->loaded) {
        watch_enter("C_Finalize");
        PKCS11_CTX_unload(t->ctx);
        watch_leave();
    }
    if (t->ctx != NULL)
        PKCS11_CTX_free(t->ctx);
    memset(t, 0, sizeof(*t));
}
