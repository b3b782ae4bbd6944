#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/conf/probe.h"
#include "agent/deploy/service.h"
#include "client/jail.h"
#include "lib/clock.h"
#include "scan/probe.h"

#define ROUND 3           /* times in a row: behind one address there may be several processes */
#define TIMEOUT_MS 5000   /* of one look */
#define AGAIN_US 250000   /* after a wrong one */
#define IN_A_ROW_US 50000 /* after a right one */
#define ADDRESSES_MAX 16  /* of a service */
#define JAIL_MARGIN 10    /* seconds beyond what the looks may take */

struct work {
    struct probe probe[ADDRESSES_MAX];
    const char *text[ADDRESSES_MAX];
    size_t n;
    const uint8_t *fingerprint;
    int64_t seconds;
};

/* What comes back of each address. */
struct sight {
    char served[65];
    char why[128];
    uint8_t right;
    int64_t at;
};

/* ---- in the jail ---- */

static void judge(const struct scan_probed *got, const uint8_t *wanted, struct sight *out)
{
    const struct scan_result *r = &got->result;

    if (got->has_leaf)
        hex_encode(slice_of(got->fingerprint, sizeof(got->fingerprint)), out->served);
    /* A certificate shown is none served: who does not have its key goes no further than that. Who
     * wants one of ours goes no further either, but has proved his. */
    if (!got->has_leaf || !(r->proved || r->outcome == SCAN_SERVED))
        snprintf(out->why, sizeof(out->why), "%s: %s%s%.80s",
                 got->has_leaf ? "no handshake" : "no certificate", scan_outcome_word(r->outcome),
                 r->detail[0] == '\0' ? "" : ", ", r->detail);
    else
        out->right =
            wanted == NULL || memcmp(got->fingerprint, wanted, sizeof(got->fingerprint)) == 0;
}

static void look_once(const struct probe *p, const uint8_t *wanted, struct sight *out)
{
    struct scan_probe ask = {.host = p->host,
                             .port = p->port,
                             .starttls = p->starttls,
                             .sni = p->has_sni ? p->sni : NULL,
                             .timeout_ms = TIMEOUT_MS};
    struct scan_probed got;
    struct fault f;
    int rc = scan_probe(&ask, &got, &f);

    memset(out, 0, sizeof(*out));
    out->at = clock_now();
    if (rc < 0)
        snprintf(out->why, sizeof(out->why), "%.127s", f.text);
    else
        judge(&got, wanted, out);
    scan_probed_free(&got);
}

static void look_until(const struct probe *p, const struct work *w, uint64_t end, struct sight *out)
{
    int row = 0;

    for (;;) {
        look_once(p, w->fingerprint, out);
        row = out->right ? row + 1 : 0;
        if (row == ROUND || w->seconds == 0)
            return;
        if (clock_mono_us() >= end) {
            out->right = false;
            if (row > 0)
                snprintf(out->why, sizeof(out->why), "the new certificate only now and then");
            return;
        }
        usleep(out->right ? IN_A_ROW_US : AGAIN_US);
    }
}

static int look_at_all(void *arg, struct buf *out, struct fault *f)
{
    const struct work *w = arg;
    uint64_t end = clock_mono_us() + (uint64_t)w->seconds * 1000000;

    (void)f;
    for (size_t i = 0; i < w->n; i++) {
        struct sight s;

        look_until(&w->probe[i], w, end, &s);
        buf_put(out, &s, sizeof(s));
    }
    return 0;
}

/* ---- outside of it ---- */

/* Whether it is right, also of what there is no room to tell of. */
static bool note(const struct agent_service *service, const char *address, const struct sight *s,
                 const char *wanted, struct deploy_view *seen)
{
    struct deploy_seen one = {.service = service->name, .at = s->at};

    snprintf(one.address, sizeof(one.address), "%s", address);
    snprintf(one.served, sizeof(one.served), "%.64s", s->served);
    snprintf(one.why, sizeof(one.why), "%.127s", s->why);
    one.right = s->right != 0 && (wanted == NULL || strcmp(one.served, wanted) == 0);
    if (seen->n < DEPLOY_SEEN_MAX)
        seen->item[seen->n++] = one;
    return one.right;
}

static int prepare(const struct agent_service *s, struct work *w, struct fault *f)
{
    const struct deploy_recipe *r = NULL;
    int rc = service_recipe(s, &r, f);

    if (rc < 0)
        return rc;
    if (s->n_probes > ADDRESSES_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "deploy.probe", "%.60s has too many addresses",
                         s->name);
    for (size_t i = 0; i < s->n_probes && rc == 0; i++) {
        w->text[w->n] = s->probes[i];
        rc = probe_parse(s->probes[i], &w->probe[w->n++], f);
    }
    if (rc == 0 && w->n == 0 && r != NULL && r->probe != NULL && r->probe[0] != '\0') {
        w->text[0] = r->probe;
        rc = probe_parse(r->probe, &w->probe[w->n++], f);
    }
    return rc;
}

int service_look(const struct agent_service *s, const uint8_t *fingerprint, int64_t seconds,
                 struct deploy_view *seen, struct fault *f)
{
    struct jail jail = {.name = "cerca-agent-probe"};
    struct work *w = xcalloc(1, sizeof(*w));
    char wanted[65];
    struct buf out;
    bool right = true;
    int rc = prepare(s, w, f);

    if (fingerprint != NULL)
        hex_encode(slice_of(fingerprint, sizeof(wanted) / 2), wanted);
    w->fingerprint = fingerprint;
    w->seconds = seconds;
    jail.limit = seconds + (int64_t)w->n * (TIMEOUT_MS / 1000) + JAIL_MARGIN;
    buf_init(&out, ADDRESSES_MAX * sizeof(struct sight));
    if (rc == 0 && w->n > 0)
        rc = jail_run(&jail, look_at_all, w, &out, f);
    if (rc == 0 && out.n != w->n * sizeof(struct sight))
        rc = fault_set(f, FAULT_INTERNAL, "deploy.probe", "the looks are not whole");
    for (size_t i = 0; i < w->n && rc == 0; i++) {
        struct sight sight;

        memcpy(&sight, out.p + i * sizeof(sight), sizeof(sight));
        if (!note(s, w->text[i], &sight, fingerprint == NULL ? NULL : wanted, seen))
            right = false;
    }
    buf_free(&out);
    free(w);
    return rc == 0 ? !right : rc;
}
