/*
 * PEM (RFC 7468), tolerant when reading: text around the blocks, CRLF, long or
 * short lines; strict when writing (64 columns).
 */
#ifndef LIB_PEM_H
#define LIB_PEM_H

#include "lib/buf.h"
#include "lib/fault.h"

/* Finds the next block with one of the labels (NULL-ended list) in *text,
 * decodes it into out and moves *text behind it. 0, 1 when there is none, or
 * a negative fault code for a broken block. *label (may be NULL) gets the index of the label found.
 */
int pem_next(struct slice *text, const char *const *labels, size_t *label, struct buf *out,
             struct fault *f) WARN_UNUSED;
void pem_put(struct buf *b, const char *label, struct slice der);
/* A CSR or certificate file of either form: DER as it is, or the first PEM block with a label. */
int pem_or_der(struct slice file, const char *const *labels, struct buf *out,
               struct fault *f) WARN_UNUSED;

void base64_put(struct buf *b, struct slice s,
                size_t columns); /* 0 columns: one line, no newline */
/* White space is skipped; anything else outside the alphabet, or wrong padding, fails. */
int base64_get(struct slice text, struct buf *out) WARN_UNUSED;

#endif
