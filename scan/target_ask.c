#include "scan/target_ask.h"

#include <string.h>

static uint8_t bit(enum tls_version v)
{
    return (uint8_t)(1u << v);
}

static void drop_suite(struct target *t, size_t i)
{
    memmove(&t->left[i], &t->left[i + 1], (t->n_left - i - 1) * sizeof(t->left[0]));
    t->n_left--;
}

/* The server takes this one of those that are left; false: it was not offered to it. */
static bool taken(struct target *t, uint16_t suite)
{
    struct scan_suites *to = &t->result.suites[t->version];

    for (size_t i = 0; i < t->n_left; i++)
        if (t->left[i] == suite) {
            drop_suite(t, i);
            to->suite[to->n++] = suite;
            t->result.asked |= bit(t->version);
            t->result.offered |= bit(t->version);
            return true;
        }
    return false;
}

static void begin_version(struct target *t, enum tls_version v)
{
    const struct tls_suite *s;

    t->version = v;
    t->confirms = false;
    t->n_left = 0;
    for (size_t i = 0; (s = tls_suite_at(i)) != NULL && t->n_left < SCAN_SUITES_MAX; i++)
        if (s->least <= v && v <= s->most)
            t->left[t->n_left++] = s->code;
    /* One is known from the handshake. */
    if (t->result.has_chosen && t->result.version == v)
        (void)taken(t, t->result.suite);
}

bool ask_begin(struct target *t)
{
    t->result.suites_all = true;
    begin_version(t, TLS_1_3);
    return true;
}

static bool next_version(struct target *t)
{
    if (t->version == TLS_1_0)
        return false;
    begin_version(t, (enum tls_version)(t->version - 1));
    return true;
}

/* Whether there is something left in this version. */
static bool take_hello(struct target *t, const struct answer *a)
{
    if (a->wire_version != tls_version_wire(t->version)) { /* it would rather have another */
        t->result.asked |= bit(t->version);
        return false;
    }
    if (!taken(t, a->suite)) {
        t->result.suites_all = false;
        return false;
    }
    return t->n_left > 0;
}

/* Some say no to the last suites by closing, others because they have been asked too often: who
 * still takes what he took before is one of the former. */
static bool confirm(struct target *t)
{
    t->confirms = true;
    t->left[0] = t->result.suites[t->version].suite[0];
    t->n_left = 1;
    return true;
}

static bool confirmed(const struct target *t, const struct talk *talk)
{
    return talk->outcome == SCAN_SERVED && talk->answer.suite == t->left[0];
}

bool ask_answered(struct target *t, const struct talk *talk)
{
    bool found = (t->result.offered & bit(t->version)) != 0;

    if (talk->stage != SCAN_AT_HANDSHAKE) { /* did not get as far as the question */
        t->result.suites_all = false;
        return false;
    }
    if (t->confirms) {
        t->result.suites_all = t->result.suites_all && confirmed(t, talk);
        return next_version(t);
    }
    switch (talk->outcome) {
    case SCAN_SERVED:
        if (take_hello(t, &talk->answer))
            return true;
        break;
    case SCAN_ALERT:
        t->result.asked |= bit(t->version);
        break;
    case SCAN_CLOSED: /* so do some that do not know a version; later it may be anything */
    case SCAN_RESET:
        t->result.asked |= bit(t->version);
        if (found)
            return confirm(t);
        break;
    default:
        t->result.suites_all = false;
        break;
    }
    return next_version(t);
}
