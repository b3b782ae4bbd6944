#include "token/object.h"

#include <string.h>

#include "token/ckr.h"
#include "token/watch.h"

static CK_RV find_all(struct token *t, CK_ATTRIBUTE *template, CK_ULONG n,
                      CK_OBJECT_HANDLE found[2], CK_ULONG *count, const char **call)
{
    CK_RV rv;

    *call = "C_FindObjectsInit";
    watch_enter(*call);
    rv = t->call->C_FindObjectsInit(t->session, template, n);
    watch_leave();
    if (rv != CKR_OK)
        return rv;
    *call = "C_FindObjects";
    watch_enter(*call);
    rv = t->call->C_FindObjects(t->session, found, 2, count);
    (void)t->call->C_FindObjectsFinal(t->session);
    watch_leave();
    return rv;
}

int object_find(struct token *t, CK_OBJECT_CLASS class, struct slice label, struct slice id,
                CK_OBJECT_HANDLE *out, unsigned *count, struct fault *f)
{
    CK_ATTRIBUTE template[3] = {{CKA_CLASS, &class, sizeof(class)}};
    CK_OBJECT_HANDLE found[2] = {0, 0};
    CK_ULONG n = 1, have = 0;
    const char *call;
    CK_RV rv;

    *out = 0;
    *count = 0;
    if (label.p != NULL)
        template[n++] = (CK_ATTRIBUTE){CKA_LABEL, (void *)(uintptr_t)label.p, label.n};
    if (id.p != NULL)
        template[n++] = (CK_ATTRIBUTE){CKA_ID, (void *)(uintptr_t)id.p, id.n};
    rv = find_all(t, template, n, found, &have, &call);
    if (rv != CKR_OK)
        return ckr_fault(f, call, rv);
    *out = found[0];
    *count = (unsigned)have;
    return 0;
}

static CK_RV get_attribute(struct token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *a)
{
    CK_RV rv;

    watch_enter("C_GetAttributeValue");
    rv = t->call->C_GetAttributeValue(t->session, object, a, 1);
    watch_leave();
    return rv;
}

static bool not_there(CK_RV rv, const CK_ATTRIBUTE *a)
{
    return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE ||
           (rv == CKR_OK && a->ulValueLen == CK_UNAVAILABLE_INFORMATION);
}

int object_bytes(struct token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, struct buf *out,
                 struct fault *f)
{
    CK_ATTRIBUTE a = {type, NULL, 0};
    CK_RV rv = get_attribute(t, object, &a);

    buf_reset(out);
    if (not_there(rv, &a) || (rv == CKR_OK && a.ulValueLen == 0))
        return 0;
    if (rv == CKR_OK && a.ulValueLen > OBJECT_ATTRIBUTE_MAX)
        rv = CKR_DEVICE_ERROR;
    if (rv == CKR_OK) {
        a.pValue = buf_grow(out, a.ulValueLen);
        if (a.pValue == NULL)
            return fault_set(f, FAULT_TOO_LARGE, "signer.token.attribute",
                             "an attribute of %lu octets", a.ulValueLen);
        rv = get_attribute(t, object, &a);
    }
    if (rv == CKR_OK && a.ulValueLen != out->n)
        rv = CKR_DEVICE_ERROR;
    if (rv != CKR_OK) {
        buf_reset(out);
        return ckr_fault(f, "C_GetAttributeValue", rv);
    }
    return 0;
}

/* Of a size that is known. 1: it is there, 0: it is not, or a fault. */
static int get_value(struct token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *value,
                     CK_ULONG size, struct fault *f)
{
    CK_ATTRIBUTE a = {type, value, size};
    CK_RV rv = get_attribute(t, object, &a);

    if (not_there(rv, &a))
        return 0;
    if (rv == CKR_OK && a.ulValueLen == size)
        return 1;
    return ckr_fault(f, "C_GetAttributeValue", rv != CKR_OK ? rv : CKR_DEVICE_ERROR);
}

int object_ulong(struct token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, CK_ULONG *out,
                 struct fault *f)
{
    CK_ULONG value = CK_UNAVAILABLE_INFORMATION;
    int rc = get_value(t, object, type, &value, sizeof(value), f);

    *out = rc == 1 ? value : CK_UNAVAILABLE_INFORMATION;
    return rc < 0 ? rc : 0;
}

int object_is(struct token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool want,
              bool *out, struct fault *f)
{
    CK_BBOOL value = CK_FALSE;
    int rc = get_value(t, object, type, &value, sizeof(value), f);

    *out = rc == 1 && (value != CK_FALSE) == want;
    return rc < 0 ? rc : 0;
}

int object_destroy(struct token *t, CK_OBJECT_HANDLE object, struct fault *f)
{
    CK_RV rv;

    watch_enter("C_DestroyObject");
    rv = t->call->C_DestroyObject(t->session, object);
    watch_leave();
    return rv != CKR_OK ? ckr_fault(f, "C_DestroyObject", rv) : 0;
}
