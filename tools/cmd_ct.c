/* Certificates for domains of ours that a Certificate Transparency log shows. */
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/ctlog.h"
#include "lib/anycert.h"
#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "lib/proto_scan.h"
#include "tools/certjson.h"
#include "tools/commands.h"
#include "tools/ctstate.h"
#include "tools/progress.h"
#include "tools/scanrecord.h"

#define KEY_FILE_MAX 16384
#define URL_MAX 2000
#define SAVE_US 5000000
#define WAIT_MAX 60    /* seconds between two attempts */
#define REQUEST_MAX 30 /* seconds of one */

struct ct_args {
    const char *key, *trust, *state;
    struct texts domains;
    bool tiles, record, from_now;
};

struct reading {
    struct tool *tool;
    const struct ct_args *args;
    char url[URL_MAX];
    struct buf spki;
    struct ct_log log;
    struct ct_head head;
    struct ct_state state;
    struct rows rows;
    struct scan_recorder recorder; /* with args->record */
    struct buf result;             /* room for what it is told */
    struct progress bar;
    uint64_t began, saved_us;
    uint64_t read, kept, unread, unrecorded;
    int64_t patience; /* seconds without an answer */
    bool broken;      /* an entry was taken in part: no second attempt */
};

/* ---- rows ---- */

static const struct column columns[] = {
    {"ENTRY", "entry", 11, COLUMN_ALWAYS, NULL},
    {"KIND", "kind", 14, COLUMN_ALWAYS, NULL},
    {"NOT AFTER", "not_after", 20, COLUMN_ALWAYS, NULL},
    {"ISSUER", "issuer", 30, COLUMN_WIDE, NULL},
    {"NAMES", "sans", 0, COLUMN_ALWAYS, NULL},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {"log",    "entry",  "logged",     "kind",      "subject", "sans",
                                   "issuer", "serial", "not_before", "not_after", "sha256",  NULL};
static const struct sheet sheet = {columns, keys};

static json_t *entry_json(const struct reading *r, uint64_t index, const struct ct_entry *e,
                          const struct anycert *c)
{
    json_t *o = json_object();
    uint8_t hash[32];
    struct buf serial;

    buf_init(&serial, (size_t)2 * ANYCERT_MAX + 2);
    anycert_serial_print(c->serial, &serial);
    cert_fingerprint(e->certificate, hash);
    json_put(o, "log", json_text(r->url));
    json_put(o, "entry", json_integer((json_int_t)index));
    json_put(o, "logged", json_time((int64_t)(e->time_ms / 1000 % UINT32_MAX)));
    json_put(o, "kind", json_string(e->precert ? "precertificate" : "certificate"));
    json_put(o, "subject", cert_name_json(c->subject));
    json_put(o, "sans", cert_names_json(&c->sans));
    json_put(o, "issuer", cert_name_json(c->issuer));
    json_put(o, "serial", json_text(buf_cstr(&serial)));
    json_put(o, "not_before", json_time(c->not_before));
    json_put(o, "not_after", json_time(c->not_after));
    json_put(o, "sha256", json_hex(hash, sizeof(hash)));
    buf_free(&serial);
    return o;
}

/* As something that was seen: the log is where, in place of a server. */
static int record(struct reading *r, uint64_t index, struct slice der, struct fault *f)
{
    struct scan_result *o;

    if (der.n > SCAN_CHAIN_OCTETS) {
        r->unrecorded++;
        return 0;
    }
    o = xcalloc(1, sizeof(*o));
    (void)snprintf(o->host, sizeof(o->host), "%.255s", r->url);
    (void)snprintf(o->address, sizeof(o->address), "entry %" PRIu64, index);
    o->outcome = SCAN_LOGGED;
    o->stage = SCAN_AT_DONE;
    o->time = clock_now();
    o->chain[0] = der;
    o->n_chain = 1;
    buf_reset(&r->result);
    scan_result_put(&r->result, o);
    free(o);
    return scan_recorder_add(&r->recorder, buf_slice(&r->result), f);
}

static int keep(struct reading *r, uint64_t index, const struct ct_entry *e, struct fault *f)
{
    struct anycert c;
    int rc = anycert_parse(e->certificate, &c, f);

    if (rc != 0)
        return rc;
    r->kept++;
    if (r->args->record && record(r, index, e->certificate, f) != 0)
        return -(int)f->code;
    progress_end(&r->bar);
    return rows_add(&r->rows, entry_json(r, index, e, &c)) == EXIT_OK
               ? 0
               : fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
}

/* ---- the tree ---- */

static int fits(const struct ct_state *s, struct fault *f)
{
    uint8_t root[32];

    merkle_root(&s->tree, root);
    return memcmp(root, s->root, sizeof(root)) == 0
               ? 0
               : fault_set(f, FAULT_CONFLICT, "ct.root",
                           "the log's entries are not those of the tree of %" PRIu64
                           " that it has signed",
                           s->size);
}

static int on_entry(void *arg, uint64_t index, const uint8_t hash[32], enum ct_what what,
                    const struct ct_entry *e, struct fault *f)
{
    struct reading *r = arg;

    merkle_add(&r->state.tree, hash);
    r->read++;
    r->unread += what == CT_UNREAD;
    r->broken = what == CT_UNDER && keep(r, index, e, f) != 0;
    return r->broken ? -(int)f->code : 0;
}

/* What is done is recorded first, so that nothing is passed over by who goes on. */
static int save(struct reading *r, struct fault *f)
{
    int rc = r->args->record ? scan_recorder_flush(&r->recorder, f) : 0;

    r->saved_us = clock_mono_us();
    if (rc != 0 || r->args->state == NULL)
        return rc;
    return ct_state_save(r->args->state, &r->state, f);
}

/* ---- asking, and asking again ---- */

/* After a failure that may pass: waits as long as the log wants, or longer and longer. False when
 * it does not pass, or not within --timeout. */
static bool worth_waiting(struct reading *r, const struct fault *f, uint64_t since,
                          unsigned attempt)
{
    int64_t wait = f->retry_after != 0 ? (int64_t)f->retry_after : 1 << (attempt < 6 ? attempt : 6);
    uint64_t end = since + (uint64_t)r->patience * 1000000;

    if (r->broken || f->code != FAULT_UNAVAILABLE ||
        clock_mono_us() + (uint64_t)wait * 1000000 > end)
        return false;
    if (f->retry_after == 0 && wait > WAIT_MAX)
        wait = WAIT_MAX;
    progress_end(&r->bar);
    tool_say(r->tool, "%s; again in %" PRId64 " s", f->text, wait);
    (void)poll(NULL, 0, (int)wait * 1000);
    return true;
}

static int get_head(struct reading *r, struct fault *f)
{
    uint64_t since = clock_mono_us();
    int rc = ct_log_head(&r->log, &r->head, f);

    for (unsigned i = 0; rc != 0 && worth_waiting(r, f, since, i); i++) {
        fault_clear(f);
        rc = ct_log_head(&r->log, &r->head, f);
    }
    return rc;
}

/* Up to the size that the state names. */
static int read_up(struct reading *r, struct fault *f)
{
    uint64_t since = clock_mono_us(), next;
    unsigned attempt = 0;
    int rc = 0;

    while (rc == 0 && r->state.tree.size < r->state.size) {
        progress_draw(&r->bar, "entries", r->state.tree.size, r->head.size);
        rc = ct_log_entries(&r->log, r->head.size, r->state.tree.size, r->state.size, on_entry, r,
                            &next, f);
        if (rc == 0) {
            since = clock_mono_us();
            attempt = 0;
            if (rows_flush(&r->rows) != EXIT_OK)
                rc = fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
            if (rc == 0 && r->state.tree.size < r->state.size &&
                clock_mono_us() - r->saved_us > SAVE_US)
                rc = save(r, f);
        } else if (worth_waiting(r, f, since, attempt)) {
            attempt++;
            fault_clear(f);
            rc = 0;
        }
    }
    return rc == 0 ? fits(&r->state, f) : rc;
}

/* ---- from where to where ---- */

static void aim(struct reading *r)
{
    r->state.size = r->head.size;
    memcpy(r->state.root, r->head.root, sizeof(r->state.root));
}

/* Against what it said before. */
static int compare_heads(const struct reading *r, struct fault *f)
{
    const struct ct_state *s = &r->state;

    if (r->head.size < s->size)
        return fault_set(f, FAULT_CONFLICT, "ct.shrunk",
                         "the log has %" PRIu64 " entries, and had %" PRIu64, r->head.size,
                         s->size);
    if (r->head.size == s->size && memcmp(r->head.root, s->root, sizeof(s->root)) != 0)
        return fault_set(f, FAULT_CONFLICT, "ct.fork",
                         "the log has signed two trees of %" PRIu64 " entries", s->size);
    return 0;
}

static int begin(struct reading *r, bool *done, struct fault *f)
{
    struct ct_state *s = &r->state;
    bool found = false;
    int rc = 0;

    *done = false;
    sha256(buf_slice(&r->spki), s->log);
    if (r->args->state != NULL)
        rc = ct_state_load(r->args->state, s, &found, f);
    if (rc == 0)
        rc = get_head(r, f);
    if (rc != 0)
        return rc;
    if (found)
        rc = compare_heads(r, f);
    if (!found && r->args->from_now) {
        aim(r);
        *done = true;
    } else if (!found) {
        s->has_tree = true; /* of none */
        merkle_root(&s->tree, s->root);
    } else if (rc == 0 && !s->has_tree) {
        *done = r->head.size == s->size;
        rc = *done ? 0 : ct_log_tree(&r->log, s->size, s->root, r->head.size, &s->tree, f);
        s->has_tree = rc == 0 && !*done;
    }
    r->began = s->tree.size;
    return rc;
}

/* An earlier head that was not reached is read up to first: so the newer tree has it in it. */
static int read_all(struct reading *r, struct fault *f)
{
    bool done;
    int rc = begin(r, &done, f);

    if (rc == 0 && !done)
        rc = read_up(r, f);
    if (rc == 0 && !done && r->state.size < r->head.size) {
        aim(r);
        rc = read_up(r, f);
    }
    return rc == 0 ? save(r, f) : rc;
}

/* ---- what is asked for ---- */

static int read_key(struct reading *r, struct fault *f)
{
    static const char *const labels[] = {"PUBLIC KEY", NULL};
    struct spki k;
    struct buf file;
    int rc;

    buf_init(&file, KEY_FILE_MAX);
    rc = file_read(r->args->key, KEY_FILE_MAX, &file, f);
    if (rc == 0)
        rc = pem_or_der(buf_slice(&file), labels, &r->spki, f);
    if (rc == 0)
        rc = spki_parse(buf_slice(&r->spki), &k, f);
    buf_free(&file);
    return rc;
}

static int check(struct reading *r)
{
    const struct ct_args *a = r->args;
    size_t n = strlen(r->tool->words[0]);
    struct fault f = {0};

    if (a->key == NULL || a->domains.n == 0)
        return tool_usage(r->tool, "--key and --domain are needed");
    if (a->from_now && a->state == NULL)
        return tool_usage(r->tool, "--from-now needs --state, to go on from there");
    for (size_t i = 0; i < a->domains.n; i++) {
        const struct san s = {SAN_DNS, slice_str(a->domains.item[i])};

        if (a->domains.item[i][0] == '*' || san_check(&s, &f) != 0)
            return tool_usage(r->tool, "--domain: \"%.100s\" is no domain", a->domains.item[i]);
    }
    if (n >= sizeof(r->url))
        return tool_usage(r->tool, "LOG: an address has at most %zu octets", sizeof(r->url) - 1);
    memcpy(r->url, r->tool->words[0], n + 1);
    while (n > 0 && r->url[n - 1] == '/')
        r->url[--n] = '\0';
    if (a->record && n >= SCAN_HOST_MAX)
        return tool_usage(r->tool, "--record: the log's address has at most %d octets",
                          SCAN_HOST_MAX - 1);
    return EXIT_OK;
}

static void tell(const struct reading *r)
{
    tool_say(r->tool,
             "%" PRIu64 " entries read, from %" PRIu64 " on, of %" PRIu64 "; %" PRIu64
             " under the domains, %" PRIu64 " that cannot be read",
             r->read, r->began, r->head.size, r->kept, r->unread);
    if (r->args->record)
        scan_recorder_tell(&r->recorder);
    if (r->unrecorded > 0)
        tool_say(r->tool, "%" PRIu64 " not recorded: of more than %d octets", r->unrecorded,
                 SCAN_CHAIN_OCTETS);
}

static int fetch(struct reading *r)
{
    struct fault f = {0};
    int rc = read_key(r, &f), shown;

    if (rc == 0 && r->args->record)
        rc = tool_connect(r->tool, &f);
    if (rc != 0)
        return tool_fail(r->tool, &f);
    r->patience = r->tool->timeout;
    r->saved_us = clock_mono_us();
    r->log = (struct ct_log){.url = r->url,
                             .trust = r->args->trust,
                             .tiles = r->args->tiles,
                             .spki = buf_slice(&r->spki),
                             .timeout_ms = r->patience < REQUEST_MAX ? (int)r->patience * 1000
                                                                     : REQUEST_MAX * 1000,
                             .domains = &r->args->domains};
    rows_begin_lines(&r->rows, r->tool, &sheet);
    rc = read_all(r, &f);
    progress_end(&r->bar);
    if (rc != 0) {
        rows_drop(&r->rows);
        return tool_fail(r->tool, &f);
    }
    shown = rows_end(&r->rows);
    tell(r);
    return shown == EXIT_OK && (r->unrecorded > 0 || r->recorder.strangers > 0) ? EXIT_FAILED
                                                                                : shown;
}

static int run(struct tool *t, void *args)
{
    struct reading *r = xcalloc(1, sizeof(*r));
    int rc;

    r->tool = t;
    r->args = args;
    buf_init(&r->spki, KEY_FILE_MAX);
    buf_init(&r->result, FRAME_BODY_MAX);
    scan_recorder_init(&r->recorder, t);
    rc = check(r);
    if (rc == EXIT_OK)
        rc = fetch(r);
    scan_recorder_free(&r->recorder);
    buf_free(&r->result);
    buf_free(&r->spki);
    free(r);
    return rc;
}

#define AT(field) offsetof(struct ct_args, field)
static const struct opt opts[] = {
    {"key", OPT_TEXT, AT(key), "FILE", "the log's public key, PEM or DER", 'k'},
    {"domain", OPT_TEXTS, AT(domains), "DOMAIN",
     "keep certificates for names under it; may be given many times", 'd'},
    {"static", OPT_FLAG, AT(tiles), NULL, "a log of the static API (tiles), not of RFC 6962", 0},
    {"trust", OPT_TEXT, AT(trust), "FILE", "the only trust anchors of https, PEM", 0},
    {"state", OPT_TEXT, AT(state), "FILE",
     "keep there how far it was read and what the log has signed; go on from there", 0},
    {"from-now", OPT_FLAG, AT(from_now), NULL,
     "at the first time read nothing, and go on from here with the next", 0},
    {"record", OPT_FLAG, AT(record), NULL, "tell the CA (cerca observations list)", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_ct_fetch = {
    .name = "ct fetch",
    .help = "find certificates for domains in a Certificate Transparency log",
    .arguments = "LOG-URL --key FILE --domain DOMAIN... [options]",
    .examples = "  cerca ct fetch https://ct.example.net/2026 --key log.pem --domain example.com\n"
                "  cerca ct fetch https://mon.example.net/2026 --static --key log.pem \\\n"
                "      --domain example.com --state log.state --from-now --record\n",
    .opts = opts,
    .args_size = sizeof(struct ct_args),
    .min = 1,
    .max = 1,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run,
};
