/* Installing the certificate of a configured issuer while everything runs. */
#ifndef CA_DOOR_INSTALL_H
#define CA_DOOR_INSTALL_H

#include "ca/door/authority.h"
#include "ca/view/view.h"

/* Checks it as authority_set_certificate does, writes the issuer's files, then records it in the
 * store, shows it in the view, and uses it. Durable when it returns; killed at any place, the next
 * start finds the file and does the rest. On the loop. */
int authority_install(struct authorities *all, struct authority *a, struct store *s, struct view *v,
                      struct slice der, struct fault *f) WARN_UNUSED;

#endif
