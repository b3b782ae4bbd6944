/*
 * OCSP responders on validation nodes (view.nodes): each node has a key of its own, and a
 * certification request for it among the CA's files. For each of these keys and each issuer that
 * delegates, the issuer's folder in the view has the certificate of a responder (RFC 6960 4.2.2.2),
 * as RESPONDER_FILE, issued through the one door for DELEGATE_LIFE at most and anew at half its
 * life; the node gets it with the view. Belongs to the loop.
 */
#ifndef CA_DELEGATE_NODES_H
#define CA_DELEGATE_NODES_H

#include "ca/delegate/delegate.h"

struct nodes;

/* Do the requests read? Rule "view.nodes". Before a configuration is taken. */
int nodes_check(const struct conf *c, struct fault *f) WARN_UNUSED;
/* Reads them, and removes from the view what other nodes had. */
int nodes_new(const struct delegate_parts *parts, struct nodes **out, struct fault *f) WARN_UNUSED;
/* How a node's certificates are; false: there are not so many nodes. `n` may be NULL: none. */
bool nodes_status(const struct nodes *n, size_t node, struct status_item *out);
/* Asks for nothing more. */
void nodes_drain(struct nodes *n);
/* After the door. NULL is fine. */
void nodes_free(struct nodes *n);

#endif
