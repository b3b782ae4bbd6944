/* Where a line's certificates are, held against what is recorded (watch/rules/compare.h). */
#ifndef CA_LIFECYCLE_PLACES_H
#define CA_LIFECYCLE_PLACES_H

#include "ca/store/installations.h"
#include "watch/rules/compare.h"

/* What is the same for all places of a line. */
struct places_line {
    const struct cert_row *newest;
    bool followed;          /* by a line of the same names ... */
    int64_t followed_since; /* ... whose newest there is since then */
    int64_t retired;        /* 0: not */
};
/* The bits of one place. Of a certificate that is not the newest its row is read. */
int places_compare(struct store *s, const struct places_line *l, const struct store_place *p,
                   int64_t now, uint32_t *out, struct fault *f) WARN_UNUSED;
/* "web1: /etc/ssl/web.pem", "192.0.2.1:443 (www.example.com)", "ct:https://ct.example/a entry 7" */
void place_text(const struct store_place *p, char *out, size_t cap);
void observation_text(const struct observation *o, char *out, size_t cap);
/* "superseded weak-protocol"; "matches" */
void compare_text(uint32_t found, char *out, size_t cap);

#endif
