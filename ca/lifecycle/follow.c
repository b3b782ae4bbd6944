#include "ca/lifecycle/follow.h"

#include <string.h>

#define FOLLOWERS_MAX 8

static bool is_foreign(const struct cert_row *r)
{
    return r->source != SOURCE_ISSUED;
}

static bool lasts_longer(const struct cert_row *row, const struct cert_row *other)
{
    return other->state == CERT_GOOD && other->not_after > row->not_after;
}

static bool parse(const struct cert_row *r, struct anycert *out)
{
    struct fault ignored;

    fault_clear(&ignored);
    return (is_foreign(r) ? anycert_parse(r->der, out, &ignored)
                          : anycert_parse_tbs(r->tbs, out, &ignored)) == 0;
}

/* May the one do what the other does? Certificates of one set of names often are for two things. */
static bool same_use(const struct cert_row *a, const struct cert_row *b)
{
    struct anycert x, y;

    return parse(a, &x) && parse(b, &y) && x.ca == y.ca &&
           (!x.has_eku || !y.has_eku || (x.eku & y.eku) != 0);
}

/* Of the same names, where one of the two is not of this CA: what this CA renews keeps its
 * identity, or says what it replaces. */
static bool follows_by_name(struct store *s, const struct cert_row *row, struct cert_row *room,
                            struct cert_ref *out)
{
    struct cert_ref ref[FOLLOWERS_MAX];
    uint8_t names[SAN_IDENTITY];
    struct fault ignored;
    size_t n = 0;

    cert_row_names(row, names);
    if (store_same_names(s, names, false, ref, FOLLOWERS_MAX, &n, &ignored) != 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        if ((!is_foreign(row) && ref[i].issuer != STORE_FOREIGN) ||
            store_get(s, &ref[i], room, &ignored) != 0 ||
            memcmp(room->identity, row->identity, sizeof(row->identity)) == 0)
            continue;
        if (!lasts_longer(row, room))
            return false; /* the latest come first */
        if (same_use(row, room)) {
            *out = ref[i];
            return true;
        }
    }
    return false;
}

static bool follows(struct store *s, const struct cert_row *row, const struct cert_ref *ref,
                    struct cert_row *room, struct cert_ref *out)
{
    struct fault ignored;

    if (store_get(s, ref, room, &ignored) != 0 || !lasts_longer(row, room))
        return false;
    *out = *ref;
    return true;
}

bool line_follower(struct store *s, const struct cert_row *row, struct cert_row *room,
                   struct cert_ref *out)
{
    struct store_line line;
    struct fault ignored;

    memset(out, 0, sizeof(*out));
    if (row->has_replaced_by && follows(s, row, &row->replaced_by, room, out))
        return true;
    if (store_line(s, row->identity, false, &line, &ignored) == 0 &&
        line.not_after > row->not_after && follows(s, row, &line.newest, room, out))
        return true;
    return follows_by_name(s, row, room, out);
}
