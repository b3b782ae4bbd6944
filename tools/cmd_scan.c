/* Asks servers what certificates they serve. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/key.h"
#include "tools/commands.h"
#include "tools/progress.h"
#include "tools/scanjson.h"
#include "tools/scanrecord.h"
#include "tools/scanrun.h"
#include "tools/scanstate.h"

#define WORDS_MAX 4096
#define SAVE_US 1000000

struct scan_args {
    const char *ports, *resume;
    struct texts exclude, sni;
    bool names_only, handshake_only, record;
    int64_t deadline;
    uint32_t rate, per_network, connections, prefix4, prefix6;
};

struct scanning {
    struct tool *tool;
    const struct scan_args *args;
    struct scan_targets targets;
    struct scan_job job;
    struct scan_state state;
    struct rows rows;
    struct scan_recorder recorder; /* with args->record */
    struct progress bar;
    uint64_t saved_us;
    uint64_t outcome[SCAN_OUTCOME_MAX + 1];
};

static int on_result(void *arg, const struct scan_result *r, struct slice body, struct fault *f)
{
    struct scanning *s = arg;

    s->outcome[r->outcome]++;
    if (s->args->record && scan_recorder_add(&s->recorder, body, f) != 0)
        return -(int)f->code;
    progress_end(&s->bar);
    return rows_add(&s->rows, s->tool->format == FORMAT_CSV ? scan_json_flat(r) : scan_json(r)) ==
                   EXIT_OK
               ? 0
               : fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
}

/* What is done is recorded first, so that nothing is passed over by who goes on. */
static int save(struct scanning *s, const struct scan_progress *p, struct fault *f)
{
    if (s->args->record && scan_recorder_flush(&s->recorder, f) != 0)
        return -(int)f->code;
    if (s->args->resume == NULL || p->finished == s->state.position)
        return 0;
    s->state.position = p->finished;
    s->saved_us = clock_mono_us();
    return scan_state_save(s->args->resume, &s->state, f);
}

static int on_progress(void *arg, const struct scan_progress *p, struct fault *f)
{
    struct scanning *s = arg;

    progress_draw(&s->bar, "scanning", s->job.position + p->done, p->total);
    return clock_mono_us() - s->saved_us < SAVE_US ? 0 : save(s, p, f);
}

static int on_rest(void *arg, struct fault *f)
{
    struct scanning *s = arg;

    return rows_flush(&s->rows) == EXIT_OK
               ? 0
               : fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
}

/* --- what is asked for -------------------------------------------------------------------- */

static int read_targets(struct scanning *s, struct fault *f)
{
    const struct scan_args *a = s->args;
    struct scan_targets *t = &s->targets;
    int rc = a->ports != NULL ? scan_targets_ports(t, a->ports, f) : 0;

    t->names = a->sni.item;
    t->n_names = a->sni.n;
    t->names_only = a->names_only;
    for (size_t i = 0; rc == 0 && i < a->exclude.n; i++)
        rc = scan_targets_exclude(t, a->exclude.item[i], f);
    for (int i = 0; rc == 0 && i < s->tool->n_words; i++)
        rc = scan_targets_add(t, s->tool->words[i], f);
    if (rc == 0 && t->count == 0)
        rc = fault_set(f, FAULT_MALFORMED, "scan.targets", "no target is named, in no file either");
    return rc;
}

static int fill_job(struct scanning *s, struct fault *f)
{
    const struct scan_args *a = s->args;

    if (a->deadline <= 0 || a->deadline * 1000 > SCAN_TIMEOUT_MAX_MS)
        return fault_set(f, FAULT_MALFORMED, "scan.deadline", "--deadline: 1s to 10m");
    if (a->connections == 0 || a->connections > SCAN_CONNECTIONS_MAX)
        return fault_set(f, FAULT_MALFORMED, "scan.connections", "--connections: 1 to %d",
                         SCAN_CONNECTIONS_MAX);
    if (a->prefix4 == 0 || a->prefix4 > 32 || a->prefix6 == 0 || a->prefix6 > 128)
        return fault_set(f, FAULT_MALFORMED, "scan.prefix",
                         "--prefix4: 1 to 32, --prefix6: 1 to 128");
    s->job = (struct scan_job){.timeout_ms = (uint32_t)a->deadline * 1000,
                               .connections = a->connections,
                               .rate = a->rate,
                               .per_network = a->per_network,
                               .prefix4 = (uint8_t)a->prefix4,
                               .prefix6 = (uint8_t)a->prefix6,
                               .handshake_only = a->handshake_only};
    return 0;
}

/* A new order, or where the last one was left. */
static int begin_state(struct scanning *s, struct fault *f)
{
    bool found = false;
    int rc = 0;

    sha256(buf_slice(&s->targets.ranges), s->state.targets);
    random_bytes(&s->state.seed, sizeof(s->state.seed));
    s->state.seed >>= 1; /* JSON's integers have a sign */
    if (s->args->resume != NULL)
        rc = scan_state_load(s->args->resume, &s->state, &found, f);
    s->job.seed = s->state.seed;
    s->job.position = s->state.position;
    return rc;
}

/* --- how it ended ---------------------------------------------------------------------------- */

static void tell(const struct scanning *s, const struct scan_run *run)
{
    struct buf text;
    const char *between = "";

    buf_init(&text, 4096);
    for (unsigned i = SCAN_SERVED; i <= SCAN_OUTCOME_MAX; i++)
        if (s->outcome[i] > 0) {
            buf_printf(&text, "%s%" PRIu64 " %s", between, s->outcome[i],
                       scan_outcome_word((enum scan_outcome)i));
            between = ", ";
        }
    if (s->args->record)
        scan_recorder_tell(&s->recorder);
    tool_say(s->tool, "%" PRIu64 " of %" PRIu64 " targets, %" PRIu64 " excluded: %s",
             s->job.position + run->last.done, run->last.total, run->last.excluded,
             text.n > 0 ? buf_cstr(&text) : "no result");
    buf_free(&text);
}

static int end(struct scanning *s, const struct scan_run *run, struct fault *f)
{
    bool whole = !run->interrupted || run->last.finished == run->last.total;

    if (save(s, &run->last, f) != 0)
        return tool_fail(s->tool, f);
    tell(s, run);
    if (s->args->resume != NULL && whole)
        (void)unlink(s->args->resume);
    if (whole)
        return EXIT_OK;
    if (s->args->resume != NULL)
        tool_say(s->tool, "interrupted; the same command goes on where it was");
    else
        tool_say(s->tool, "interrupted; with --resume FILE it could go on");
    return EXIT_PENDING;
}

static int scan(struct scanning *s, struct fault *f)
{
    struct scan_run run = {.job = &s->job,
                           .targets = &s->targets,
                           .result = on_result,
                           .progress = on_progress,
                           .rest = on_rest,
                           .arg = s};
    int rc, shown;

    rows_begin_lines(&s->rows, s->tool, &scan_sheet);
    rc = scan_run(&run, f);
    progress_end(&s->bar);
    if (rc != 0) {
        rows_drop(&s->rows);
        return tool_fail(s->tool, f);
    }
    shown = rows_end(&s->rows);
    rc = end(s, &run, f);
    return shown != EXIT_OK ? shown : rc;
}

static int refuse(struct tool *t, const struct fault *f)
{
    struct buf text;
    int rc;

    buf_init(&text, 4096);
    fault_print(f, &text);
    rc = tool_usage(t, "%s", buf_cstr(&text));
    buf_free(&text);
    return rc;
}

static int run(struct tool *t, void *args)
{
    struct scanning s = {.tool = t, .args = args};
    struct fault f = {0};
    int rc;

    scan_targets_init(&s.targets);
    scan_recorder_init(&s.recorder, t);
    rc = read_targets(&s, &f);
    if (rc == 0)
        rc = fill_job(&s, &f);
    if (rc != 0)
        rc = refuse(t, &f);
    else if (begin_state(&s, &f) != 0 || (s.args->record && tool_connect(t, &f) != 0))
        rc = tool_fail(t, &f);
    else
        rc = scan(&s, &f);
    scan_recorder_free(&s.recorder);
    scan_targets_free(&s.targets);
    return rc;
}

static const struct scan_args defaults = {.deadline = SCAN_TIMEOUT_MS / 1000,
                                          .rate = 1000,
                                          .per_network = 100,
                                          .connections = SCAN_CONNECTIONS,
                                          .prefix4 = SCAN_PREFIX4,
                                          .prefix6 = SCAN_PREFIX6};

#define AT(field) offsetof(struct scan_args, field)
static const struct opt opts[] = {
    {"ports", OPT_TEXT, AT(ports), "PORTS", "of targets that name none (default 443)", 'p'},
    {"exclude", OPT_TEXTS, AT(exclude), "WHAT",
     "addresses not to connect to: as targets are, or a file of them; may be given many times", 0},
    {"sni", OPT_TEXTS, AT(sni), "NAME",
     "ask everywhere with this name too; may be given many times", 0},
    {"names-only", OPT_FLAG, AT(names_only), NULL, "not without a name where one is known", 0},
    {"handshake-only", OPT_FLAG, AT(handshake_only), NULL,
     "one handshake; do not ask for versions and cipher suites", 0},
    {"rate", OPT_COUNT, AT(rate), "N", "new connections a second (default 1000; 0: no cap)", 0},
    {"per-network", OPT_COUNT, AT(per_network), "N",
     "of them to one network (default 100; 0: no cap)", 0},
    {"prefix4", OPT_COUNT, AT(prefix4), "BITS", "what a network of IPv4 is (default 24)", 0},
    {"prefix6", OPT_COUNT, AT(prefix6), "BITS", "what a network of IPv6 is (default 64)", 0},
    {"connections", OPT_COUNT, AT(connections), "N", "at one time (default 1000)", 0},
    {"deadline", OPT_WAIT, AT(deadline), "SPAN", "of one target (default 10s)", 0},
    {"record", OPT_FLAG, AT(record), NULL, "tell the CA what is seen (cerca observations list)", 0},
    {"resume", OPT_TEXT, AT(resume), "FILE",
     "keep there how far it is, and go on from there; gone when all is done", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_scan = {
    .name = "scan",
    .help = "ask servers what certificates, versions and cipher suites they serve",
    .arguments = "[options] (HOST | ADDRESS | FIRST-LAST | CIDR | FILE)[:PORTS]...",
    .examples = "  cerca scan www.example.com\n"
                "  cerca scan 192.0.2.0/24:443,8443,25 --exclude 192.0.2.10-19\n"
                "  cerca scan -o json --resume night.state --rate 200 hosts.txt >found.jsonl\n"
                "  cerca scan --record 192.0.2.0/24:443,5432,389\n"
                "  cerca scan '[2001:db8::5]:5432' db.example.com:6432/postgres\n",
    .opts = opts,
    .args_size = sizeof(struct scan_args),
    .defaults = &defaults,
    .min = 1,
    .max = WORDS_MAX,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run,
};
