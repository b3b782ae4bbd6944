/* The filters of lists as options, shared by whatever takes certificates by their properties. */
#ifndef TOOLS_LISTARGS_H
#define TOOLS_LISTARGS_H

#include "lib/proto.h"
#include "tools/tool.h"

/* The first member of a command's struct. */
struct list_args {
    const char *status, *owner, *profile, *name, *issuer, *requester;
    struct texts sources;
    const char *identity, *contact, *application, *environment, *tag, *criticality, *method;
    const char *installed_on;
    struct texts installed;
    int64_t expires_within;
    const char *filter; /* begins with a saved one */
};

/* `shared` of struct command. */
extern const struct opt list_args_opts[];
/* Is anything asked for? */
bool list_args_any(const struct list_args *a);
/* The request; for a saved filter the CA is asked. Wrong usage has the rule "usage". */
int list_args_fill(struct tool *t, const struct list_args *a, struct list_request *r,
                   int64_t *expires_within, struct fault *f) WARN_UNUSED;
/* Turns the span into a time. */
void list_args_now(struct list_request *r, int64_t expires_within);

#endif
