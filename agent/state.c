#include "agent/state.h"

#include <string.h>

#include "agent/due.h"

/* What services refused is staged again, by the entry as it is then: its mistake may be mended. */
static const struct state_row rows[] = {
    [STATE_TRACKED] = {STATE_DUE, STATE_STUCK, STATE_TRACKED, false, "looks at what is there"},
    [STATE_DUE] = {STATE_KEY, STATE_STUCK, STATE_DUE, false, "makes a key"},
    [STATE_KEY] = {STATE_CSR, STATE_STUCK, STATE_DUE, true, "makes a request"},
    [STATE_CSR] = {STATE_SUBMITTED, STATE_STUCK, STATE_DUE, false, "begins to send the request"},
    [STATE_SUBMITTED] = {STATE_ISSUED, STATE_STUCK, STATE_DUE, true, "sends the request"},
    [STATE_AWAITING_APPROVAL] = {STATE_ISSUED, STATE_STUCK, STATE_DUE, true,
                                 "asks whether it is approved"},
    [STATE_ISSUED] = {STATE_STAGED, STATE_STUCK, STATE_ISSUED, false,
                      "checks and writes the files"},
    [STATE_STAGED] = {STATE_INSTALLED, STATE_STUCK, STATE_ISSUED, false,
                      "tests the files and makes them visible"},
    [STATE_INSTALLED] = {STATE_RELOADED, STATE_ROLLED_BACK, STATE_ISSUED, false,
                         "reloads services"},
    [STATE_RELOADED] = {STATE_VERIFIED, STATE_ROLLED_BACK, STATE_ISSUED, false,
                        "looks at what services serve"},
    [STATE_VERIFIED] = {STATE_DUE, STATE_VERIFIED, STATE_VERIFIED, true, "waits until it is due"},
    [STATE_ROLLED_BACK] = {STATE_ISSUED, STATE_ROLLED_BACK, STATE_ISSUED, false,
                           "brings the old files back"},
    [STATE_STUCK] = {STATE_DUE, STATE_STUCK, STATE_DUE, false, "waits to try again"},
};

const struct state_row *state_row(enum agent_state s)
{
    return s >= STATE_TRACKED && s <= STATE_STUCK ? &rows[s] : &rows[STATE_TRACKED];
}

/* Not now: the CA is away or busy, and the same may succeed later. */
static bool passes(const struct fault *f)
{
    return f->code == FAULT_UNAVAILABLE || f->code == FAULT_FULL || f->code == FAULT_PENDING;
}

/* The certificate itself is not what it should be; anything else may be mended on this host, and a
 * token is not spent for nothing. */
static bool useless(const struct fault *f)
{
    static const char *const rules[] = {"deploy.key", "deploy.chain", "deploy.names",
                                        "deploy.expired", "deploy.certificate"};

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (strcmp(f->rule, rules[i]) == 0)
            return true;
    return false;
}

struct state_failure state_fail(const struct record *r, const struct fault *f, int64_t retry_after,
                                int64_t now, uint64_t random)
{
    const struct state_row *row = state_row(r->state);
    int64_t remaining = r->not_after == 0 ? 0 : r->not_after - now;
    struct state_failure out = {.state = row->failed, .resume = row->again, .loud = true};

    if (r->state == STATE_ISSUED && useless(f))
        out.resume = STATE_DUE;
    out.next = now + backoff(r->failures + 1, remaining, retry_after, random);
    if (!row->remote || !passes(f))
        return out;
    if (due_late(r->not_before, r->not_after, now, r->failures + 1)) {
        out.resume = r->state; /* the same request, once the CA is back */
        return out;
    }
    out.state = r->state;
    out.loud = false;
    return out;
}
