/* Identities that are meant: by selectors of their certificates, or by the filters of lists. */
#ifndef TOOLS_PICKS_H
#define TOOLS_PICKS_H

#include "lib/proto_inventory.h"
#include "tools/listargs.h"

struct pick {
    char label[128]; /* a name of it, for people */
    struct annotation now;
};
struct picks {
    size_t n, room;
    struct pick *item; /* each identity once */
    size_t *slot;      /* by hash of the identity: index + 1 */
    size_t slots;
};
void picks_free(struct picks *p);
/* A serial, fingerprint, foreign:NUMBER, "identity:HEX", the file of a certificate, or a name: of
 * all certificates with that name. */
int picks_word(struct tool *t, const char *word, struct picks *p, struct fault *f) WARN_UNUSED;
/* All that the filters find. */
int picks_filter(struct tool *t, const struct list_args *a, struct picks *p,
                 struct fault *f) WARN_UNUSED;

#endif
