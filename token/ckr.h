/* PKCS #11 return values (v2.40, section 5.1) as people and logs know them. */
#ifndef TOKEN_CKR_H
#define TOKEN_CKR_H

#include <p11-kit/pkcs11.h>

#include "lib/fault.h"

/* "CKR_DEVICE_ERROR"; a value without a name as "CKR_0x80000001", in a buffer
 * of this thread that is good until its next call. */
const char *ckr_name(CK_RV rv);

/* All that have a name, CKR_OK first. */
size_t ckr_count(void);
CK_RV ckr_at(size_t i);
/* Does the standard know it? */
bool ckr_is_known(CK_RV rv);

/* The module failed: FAULT_UNAVAILABLE, rule "signer.token", which ends the process
 * and lets it be started again. Returns -FAULT_UNAVAILABLE. */
int ckr_fault(struct fault *f, const char *call, CK_RV rv);

#define TOKEN_RETRY_AFTER 2 /* seconds: a restart and a login take less */

#endif
