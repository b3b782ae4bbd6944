/* The certificate of cerca-enroll's own HTTPS: names of the configuration, none of the request's.
 */
#include <stdio.h>

#include "ca/enroll/enroll_inner.h"
#include "lib/clock.h"

#define LIFE (7 * 86400)
#define RATE 12
#define WINDOW_S 600

static int check_rate(struct server_rate *r, struct fault *f)
{
    uint64_t now = clock_mono_us();

    if (r->n == 0 || now - r->since_us > (uint64_t)WINDOW_S * 1000000)
        *r = (struct server_rate){.since_us = now};
    if (r->n < RATE) {
        r->n++;
        return 0;
    }
    return fault_unavailable(f, 60, "server.rate", "%u certificates in %u s are enough", RATE,
                             WINDOW_S);
}

static int check_csr(struct slice der, struct fault *f)
{
    struct csr csr;

    if (csr_parse(der, &csr, f) != 0)
        return -(int)f->code;
    if (csr.sans.n == 0 && name_empty(csr.subject))
        return 0;
    return fault_set(f, FAULT_POLICY, "server.csr", "the names are the configuration's to say");
}

static void set_subject(struct issue_request *r)
{
    for (size_t i = 0; i < r->sans.n; i++)
        if (r->sans.item[i].kind == SAN_DNS && r->subject[0] == '\0' &&
            r->sans.item[i].value.n <= 64)
            (void)snprintf(r->subject, sizeof(r->subject), "CN=%.*s", (int)r->sans.item[i].value.n,
                           (const char *)r->sans.item[i].value.p);
}

int server_request(struct enroll *e, struct slice csr, struct buf *out, struct fault *f)
{
    const struct conf *c = e->parts.conf;
    const struct conf_profile *p = conf_profile(c, c->https_profile);
    struct issue_request r = {.csr = csr, .validity = LIFE};
    uint8_t arena[HTTPS_ARENA];

    if (check_csr(csr, f) != 0 || check_rate(&e->server, f) != 0 ||
        conf_https_names(c, &r.sans, arena, f) != 0)
        return -(int)f->code;
    if (p->validity_max < r.validity)
        r.validity = p->validity_max;
    (void)snprintf(r.profile, sizeof(r.profile), "%s", p->name);
    set_subject(&r);
    issue_request_put(out, &r);
    return 0;
}
