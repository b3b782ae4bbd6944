/*
 * A scan run by the command: starts cerca-scan on one end of a socket pair and speaks
 * lib/proto_scan.h with it.
 */
#ifndef TOOLS_SCANRUN_H
#define TOOLS_SCANRUN_H

#include "lib/proto_scan.h"
#include "lib/scantargets.h"
#include "tools/tool.h"

struct scan_run {
    const struct scan_job *job;
    const struct scan_targets *targets;
    /* One result, and its octets as scan_result_put made them; not 0 ends the scan. */
    int (*result)(void *arg, const struct scan_result *r, struct slice body, struct fault *f);
    /* Some times a second; NULL is fine. */
    int (*progress)(void *arg, const struct scan_progress *p, struct fault *f);
    /* All that has come so far has been told. */
    int (*rest)(void *arg, struct fault *f);
    void *arg;

    /* How it ended. INT and TERM let what has begun end; a second one does not wait for it. */
    bool interrupted;
    struct scan_progress last;
};
int scan_run(struct scan_run *r, struct fault *f) WARN_UNUSED;

#endif
