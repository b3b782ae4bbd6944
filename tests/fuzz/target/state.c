/* Files that our programs keep of their work, by the first octet: an agent's entry, how far a log
 * of Certificate Transparency was read, how far a scan is. */
#include <stdlib.h>
#include <string.h>

#include "agent/record.h"
#include "tests/fuzz/fuzz.h"
#include "tools/ctstate.h"
#include "tools/scanstate.h"

/* Whatever is there, there is a state to go on from. */
static void check_record(struct slice in)
{
    static struct record r;
    struct agent_cert c = {.name = "web", .state_dir = (char *)(uintptr_t)fuzz_folder()};
    struct fault f;

    (void)fuzz_file("state", in);
    FUZZ_CHECK(record_load(&c, &r, &f) == 0);
    FUZZ_CHECK(r.state >= STATE_TRACKED && r.state <= STATE_MAX && r.n_seen <= RECORD_SEEN_MAX);
    FUZZ_CHECK(memchr(r.reason, '\0', sizeof(r.reason)) != NULL);
}

static void check_log(struct slice in)
{
    static struct ct_state s;
    struct fault f;
    bool found;
    int rc;

    memset(&s, 0, sizeof(s));
    rc = ct_state_load(fuzz_file("log", in), &s, &found, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    else
        FUZZ_CHECK(found && s.tree.size <= s.size);
}

static void check_scan(struct slice in)
{
    struct scan_state s = {0};
    struct fault f;
    bool found;
    int rc = scan_state_load(fuzz_file("scan", in), &s, &found, &f);

    if (rc != 0)
        fuzz_refused(rc, &f);
}

static void run(struct slice in)
{
    unsigned what = fuzz_octet(&in) % 3;

    if (what == 0)
        check_record(in);
    else if (what == 1)
        check_log(in);
    else
        check_scan(in);
}

const struct fuzz_target fuzz_target = {.form = FUZZ_OCTETS, .run = run};
