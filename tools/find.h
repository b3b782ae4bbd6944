/* Recorded certificates by what people have at hand: a serial, a fingerprint, a name, a file. */
#ifndef TOOLS_FIND_H
#define TOOLS_FIND_H

#include "lib/proto.h"
#include "tools/tool.h"

struct found {
    struct shown best; /* the newest valid one, else the newest; slices as of tool_call */
    uint32_t n;        /* matches in the answer */
    bool more;         /* there are more than those */
};

/* A name without its kind, as lists print it: "dns:a" is found as "a", as is "CN=a". */
const char *find_name(const char *text);
/* What is typed or pasted as the core wants it: a serial or fingerprint without colons, spaces,
 * "0x" or "serial=" and in lower case; anything else as it is. */
int find_selector(const char *text, struct show_request *out, struct fault *f) WARN_UNUSED;
/* What is known as neither may be the path of a file. */
int find_shown(struct tool *t, const char *selector, struct found *out,
               struct fault *f) WARN_UNUSED;
/* 0 when the best one was issued here, else FAULT_CONFLICT, rule "serial.foreign". */
int find_is_ours(const struct found *found, struct fault *f) WARN_UNUSED;
/* The certificate in a file, PEM or DER. */
int find_shown_file(struct tool *t, const char *path, struct found *out,
                    struct fault *f) WARN_UNUSED;

#endif
