/* The operations of EST and their paths (RFC 7030 3.2.2). No input or output. */
#ifndef EST_PATH_H
#define EST_PATH_H

#include "lib/buf.h"

#define EST_ROOT "/.well-known/est/"
#define EST_LABEL_MAX 32 /* as names of profiles */

enum est_op {
    EST_CACERTS = 1,
    EST_SIMPLEENROLL,
    EST_SIMPLEREENROLL,
    EST_FULLCMC,
    EST_SERVERKEYGEN,
    EST_CSRATTRS,
};

/* RFC 7030 3.2.2, 3.2.4, 4. */
struct est_operation {
    enum est_op op;
    const char *name;    /* last segment of the path */
    const char *method;  /* "GET" or "POST" */
    const char *request; /* media type of what is posted; "" for GET */
    const char *answer;  /* media type of a successful answer */
    bool offered;        /* false: known, but not done here */
    bool authenticated;  /* only for clients who say who they are */
};

/* Ended by an entry with name NULL. */
extern const struct est_operation est_operations[];
const struct est_operation *est_operation(enum est_op op);

struct est_path {
    const struct est_operation *operation;
    char label[EST_LABEL_MAX + 1]; /* "": none */
};

/* Reads a request's target: EST_ROOT, a label or none, an operation. A label is letters, digits,
 * ".", "_" and "-", begins with a letter or digit, and names no operation. 0, or -1: another path;
 * an encoded slash divides nothing and so is one. */
int est_path_parse(const char *target, struct est_path *out) WARN_UNUSED;
bool est_label_valid(const char *label);

#endif
