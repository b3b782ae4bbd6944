/* PINs that cercad inherited on a descriptor, kept for every start of their signer.
 * What was inherited may be a pipe, which can be read once, so its octets move into
 * a sealed memory file; cercad looks at none of them. */
#ifndef CA_SUPERVISE_PINS_H
#define CA_SUPERVISE_PINS_H

#include "lib/fault.h"

#define PIN_FD_MAX 256

struct pins {
    bool inherited[PIN_FD_MAX]; /* this number was open when we started */
    int kept[PIN_FD_MAX];       /* its memory file; 0: not read yet */
};

/* Before anything is opened: later, a number may be a descriptor of our own. */
void pins_init(struct pins *p);

/* The memory file of what was inherited as `number`, rewound. */
int pins_get(struct pins *p, int number, int *out, struct fault *f) WARN_UNUSED;

#endif
