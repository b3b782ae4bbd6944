/* Objects of a token: found by template, attributes read with every bound checked. */
#ifndef TOKEN_OBJECT_H
#define TOKEN_OBJECT_H

#include "token/token.h"

#define OBJECT_ATTRIBUTE_MAX 65536

/* How many objects of the class have this label and id (either may be
 * SLICE_NONE: any), counted up to 2; `*out` is the first. */
int object_find(struct token *t, CK_OBJECT_CLASS class, struct slice label, struct slice id,
                CK_OBJECT_HANDLE *out, unsigned *count, struct fault *f) WARN_UNUSED;

/* Reads an attribute of any length into out (initialised, emptied first).
 * An attribute that the object does not have, or does not show, is empty. */
int object_bytes(struct token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, struct buf *out,
                 struct fault *f) WARN_UNUSED;
/* The same for a number; CK_UNAVAILABLE_INFORMATION when it has none. */
int object_ulong(struct token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, CK_ULONG *out,
                 struct fault *f) WARN_UNUSED;
/* Is the attribute there and equal to `want`? */
int object_is(struct token *t, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, bool want,
              bool *out, struct fault *f) WARN_UNUSED;
int object_destroy(struct token *t, CK_OBJECT_HANDLE object, struct fault *f) WARN_UNUSED;

#endif
