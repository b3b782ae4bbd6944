/*
 * Trust anchors of the labels that take certificates of others: manufacturers, whose devices were
 * born with one (IEEE 802.1AR IDevIDs). Loaded once, then only read: any thread may ask.
 */
#ifndef CA_ENROLL_ANCHORS_H
#define CA_ENROLL_ANCHORS_H

#include "lib/conf.h"

struct anchors;

/* Reads the PEM files of every label. Rule "est.anchors". */
int anchors_load(const struct conf *c, struct anchors **out, struct fault *f) WARN_UNUSED;
/* NULL is fine. */
void anchors_free(struct anchors *a);
/* Does the chain, concatenated DER, the leaf first, lead to an anchor of that label at `now`
 * (RFC 5280 6)? Whether somebody else revoked one of it is not asked. Appends the leaf's subject, a
 * Name, to `subject`. Rule "est.manufacturer", -FAULT_DENIED. */
int anchors_verify(const struct anchors *a, const struct conf_est *label, struct slice chain,
                   int64_t now, struct buf *subject, struct fault *f) WARN_UNUSED;

#endif
