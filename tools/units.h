/*
 * What systemd says of the programs of a CA that it runs (conf/systemd): what cercad tells cerca-ca
 * of them where it runs them itself.
 */
#ifndef TOOLS_UNITS_H
#define TOOLS_UNITS_H

#include "lib/conf.h"
#include "lib/proto.h"

/* An item of `cerca status` for each loaded unit of a program, in no order; at most `max`. 0 where
 * units do not run this CA, or systemd does not answer. */
size_t units_status(const struct conf *c, struct status_item *out, size_t max);
/* The same of what `systemctl show` printed. */
size_t units_parse(struct slice text, struct status_item *out, size_t max);

#endif
