/* What follows a certificate: another that does the same for longer. Threads: any. */
#ifndef CA_LIFECYCLE_FOLLOW_H
#define CA_LIFECYCLE_FOLLOW_H

#include "ca/store/inventory.h"

/* Of the same line, or recorded as what replaces it, or, where one of the two is not of this CA, of
 * the same names and for the same use; valid, and it ends later. `room` is the caller's, and holds
 * anything afterwards. What cannot be read follows nothing. */
bool line_follower(struct store *s, const struct cert_row *row, struct cert_row *room,
                   struct cert_ref *out);

#endif
