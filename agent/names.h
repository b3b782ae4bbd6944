/* The names of a certificate, held against those that an entry asks for. */
#ifndef AGENT_NAMES_H
#define AGENT_NAMES_H

#include "agent/conf/conf.h"
#include "lib/anycert.h"

/* The same set of names: one that is configured twice, or in capitals, is in it once. Any set is,
 * for an entry that asks for none. */
bool names_same(const struct agent_cert *c, const struct anycert *present);
/* Appends those that the entry does not ask for, "dns:a.example, dns:b.example"; nothing where it
 * asks for none. */
void names_further(const struct agent_cert *c, const struct anycert *present, struct buf *out);

#endif
