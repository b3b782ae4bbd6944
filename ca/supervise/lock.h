/* One cercad a folder of sockets. */
#ifndef CA_SUPERVISE_LOCK_H
#define CA_SUPERVISE_LOCK_H

#include "lib/fault.h"

/* Makes the folder if it is absent, and locks cercad.lock in it until `out` is closed.
 * -FAULT_CONFLICT, with the other's pid in the text, while another cercad holds it. What is left of
 * one that is dead is waited for, some seconds. */
int lock_folder(const char *folder, int *out, struct fault *f) WARN_UNUSED;

#endif
