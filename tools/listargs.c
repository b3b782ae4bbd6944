#include "tools/listargs.h"

#include <stdlib.h>
#include <string.h>

#include "lib/agentstate.h"
#include "lib/clock.h"
#include "tools/filters.h"
#include "tools/find.h"

/* A mistyped one would give an empty list, which reads as good news. */
static int known_status(const char *status, struct fault *f)
{
    static const char *const known[] = {"valid", "expired", "revoked", "held", "open"};

    for (size_t i = 0; status != NULL && i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(status, known[i]) == 0)
            return 0;
    if (status == NULL)
        return 0;
    return fault_set(f, FAULT_MALFORMED, "usage",
                     "--status: \"%s\" should be valid, expired, revoked, held or open", status);
}

/* What is not given stays as a saved filter has it. */
static int text(char *out, size_t cap, const char *name, const char *value, struct fault *f)
{
    return value == NULL ? 0 : tool_field(out, cap, name, value, f);
}

static int fill_certificate(const struct list_args *a, struct list_request *r, struct fault *f)
{
    int rc = known_status(a->status, f);

    if (rc == 0)
        rc = text(r->status, sizeof(r->status), "--status", a->status, f);
    if (rc == 0)
        rc = text(r->owner, sizeof(r->owner), "--owner", a->owner, f);
    if (rc == 0)
        rc = text(r->profile, sizeof(r->profile), "--profile", a->profile, f);
    if (rc == 0)
        rc = text(r->name, sizeof(r->name), "--name", a->name == NULL ? NULL : find_name(a->name),
                  f);
    if (rc == 0)
        rc = text(r->issuer, sizeof(r->issuer), "--issuer", a->issuer, f);
    if (rc == 0)
        rc = text(r->requester, sizeof(r->requester), "--requester", a->requester, f);
    return rc;
}

static int fill_sources(const struct list_args *a, struct list_request *r, struct fault *f)
{
    if (a->sources.n > 0)
        r->sources = 0;
    for (size_t i = 0; i < a->sources.n; i++) {
        enum store_source s;

        if (source_parse(a->sources.item[i], &s) != 0)
            return fault_set(f, FAULT_MALFORMED, "usage",
                             "--source: \"%s\" should be issued, imported or scanned",
                             a->sources.item[i]);
        r->sources |= (uint8_t)(1u << s);
    }
    return 0;
}

static int fill_annotation(const struct list_args *a, struct list_request *r, struct fault *f)
{
    struct annotation_filter *q = &r->annotation;
    int rc = text(q->contact, sizeof(q->contact), "--contact", a->contact, f);

    if (rc == 0)
        rc = text(q->application, sizeof(q->application), "--application", a->application, f);
    if (rc == 0)
        rc = text(q->environment, sizeof(q->environment), "--environment", a->environment, f);
    if (rc == 0)
        rc = text(q->tag, sizeof(q->tag), "--tag", a->tag, f);
    if (rc == 0 && a->criticality != NULL &&
        (criticality_parse(a->criticality, &q->criticality) != 0 || a->criticality[0] == 0))
        rc = fault_set(f, FAULT_MALFORMED, "usage",
                       "--criticality: \"%s\" should be low, medium, high or critical",
                       a->criticality);
    if (rc == 0 && a->method != NULL &&
        (method_parse(a->method, &q->method) != 0 || a->method[0] == 0))
        rc = fault_set(f, FAULT_MALFORMED, "usage",
                       "--method: \"%s\" should be agent, est, acme or manual", a->method);
    return rc;
}

static int fill_identity(const struct list_args *a, struct list_request *r, struct fault *f)
{
    if (a->identity == NULL)
        return 0;
    if (hex_decode(a->identity, r->identity, sizeof(r->identity)) != 0)
        return fault_set(f, FAULT_MALFORMED, "usage",
                         "--identity: \"%s\" should be 32 hexadecimal digits, as cerca list -o "
                         "json has them",
                         a->identity);
    r->has_identity = true;
    return 0;
}

static int fill_installed(const struct list_args *a, struct list_request *r, struct fault *f)
{
    enum agent_state state;
    int rc = text(r->installed_on, sizeof(r->installed_on), "--installed-on", a->installed_on, f);

    if (a->installed.n > 0)
        r->installed = 0;
    for (size_t i = 0; rc == 0 && i < a->installed.n; i++) {
        const char *word = a->installed.item[i];

        if (strcmp(word, "unverified") == 0)
            r->installed |= AGENT_STATES_ALL & ~(1u << STATE_VERIFIED | 1u << STATE_REMOVED);
        else if (agent_state_parse(word, &state))
            r->installed |= (uint16_t)(1u << state);
        else
            rc = fault_set(f, FAULT_MALFORMED, "usage",
                           "--installed: \"%s\" should be unverified, or a state of cerca-agent: "
                           "verified, stuck, rolled_back, awaiting_approval ...",
                           word);
    }
    return rc;
}

bool list_args_any(const struct list_args *a)
{
    return a->status || a->owner || a->profile || a->name || a->issuer || a->requester ||
           a->sources.n > 0 || a->identity || a->contact || a->application || a->environment ||
           a->tag || a->criticality || a->method || a->installed_on || a->installed.n > 0 ||
           a->expires_within != 0 || a->filter;
}

static int begin(struct tool *t, const struct list_args *a, struct saved_filter *out,
                 struct fault *f)
{
    memset(out, 0, sizeof(*out));
    out->request.limit = 1;
    return a->filter == NULL ? 0 : filters_get(t, a->filter, out, f);
}

int list_args_fill(struct tool *t, const struct list_args *a, struct list_request *r,
                   int64_t *expires_within, struct fault *f)
{
    struct saved_filter *s = xcalloc(1, sizeof(*s));
    int rc = begin(t, a, s, f);

    *r = s->request;
    *expires_within = a->expires_within != 0 ? a->expires_within : s->expires_within;
    free(s);
    if (rc == 0)
        rc = fill_certificate(a, r, f);
    if (rc == 0)
        rc = fill_sources(a, r, f);
    if (rc == 0)
        rc = fill_annotation(a, r, f);
    if (rc == 0)
        rc = fill_identity(a, r, f);
    if (rc == 0)
        rc = fill_installed(a, r, f);
    /* What ended long ago is not what somebody who asks this is looking for. */
    if (rc == 0 && *expires_within != 0 && r->status[0] == 0)
        rc = tool_field(r->status, sizeof(r->status), "--status", "valid", f);
    return rc;
}

void list_args_now(struct list_request *r, int64_t expires_within)
{
    r->expires_before = expires_within != 0 ? clock_now() + expires_within : 0;
}

#define AT(field) offsetof(struct list_args, field)
const struct opt list_args_opts[] = {
    {"status", OPT_MATCH, AT(status), "STATUS", "valid, expired, revoked, held or open", 's'},
    {"expires-within", OPT_SPAN, AT(expires_within), "SPAN",
     "valid ones that end before that, such as 30d", 0},
    {"name", OPT_MATCH, AT(name), "NAME", "a name it is for; .example.com: all names below", 0},
    {"owner", OPT_MATCH, AT(owner), "NAME", "who owns it", 0},
    {"profile", OPT_MATCH, AT(profile), "NAME", "made by this profile", 'p'},
    {"issuer", OPT_MATCH, AT(issuer), "NAME", "made by this issuer (cerca ca list)", 0},
    {"requester", OPT_MATCH, AT(requester), "NAME", "who asked for it", 0},
    {"source", OPT_TEXTS, AT(sources), "SOURCE", "issued, imported or scanned", 0},
    {"identity", OPT_MATCH, AT(identity), "HEX", "certificates of this identity", 0},
    {"application", OPT_MATCH, AT(application), "NAME", "what it is used for", 0},
    {"environment", OPT_MATCH, AT(environment), "NAME", "where that runs", 0},
    {"contact", OPT_MATCH, AT(contact), "TEXT", "whom to ask", 0},
    {"tag", OPT_MATCH, AT(tag), "TAG", "one of its tags", 0},
    {"criticality", OPT_MATCH, AT(criticality), "LEVEL", "low, medium, high or critical", 0},
    {"method", OPT_MATCH, AT(method), "METHOD", "renewed by agent, est, acme or manual", 0},
    {"installed-on", OPT_MATCH, AT(installed_on), "HOST", "agents have told of it on this host", 0},
    {"installed", OPT_TEXTS, AT(installed), "STATE",
     "an agent has it and is verified, stuck, rolled_back ... with it; or unverified", 0},
    {"filter", OPT_MATCH, AT(filter), "NAME", "begin with a saved filter (cerca filter list)", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};
