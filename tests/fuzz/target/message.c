/*
 * Frames, and every message between programs (lib/proto*.h). The first octet says which message
 * the rest is a body of; 0: the rest is a whole datagram. What is read is written again: that is
 * read as the same, octet for octet.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/counters.h"
#include "lib/notice.h"
#include "lib/proto_agent.h"
#include "lib/proto_alert.h"
#include "lib/proto_audit.h"
#include "lib/proto_ca.h"
#include "lib/proto_campaign.h"
#include "lib/proto_enroll.h"
#include "lib/proto_import.h"
#include "lib/proto_inventory.h"
#include "lib/proto_metrics.h"
#include "lib/proto_observe.h"
#include "lib/proto_policy.h"
#include "lib/proto_preview.h"
#include "lib/proto_request.h"
#include "lib/proto_scan.h"
#include "lib/proto_token.h"
#include "lib/proto_watch.h"
#include "tests/fuzz/fuzz.h"

/* Reads `in` and writes it again; -1: it is malformed. */
typedef int (*again)(struct slice in, struct buf *out);
/* Writes one with nothing in it. */
typedef void (*blank)(struct buf *out);

#define BLANK(name, type)                                                                          \
    static void name##_blank(struct buf *out)                                                      \
    {                                                                                              \
        static const type value;                                                                   \
                                                                                                   \
        name##_put(out, &value);                                                                   \
    }

/* A whole body: NAME_get(body, &value), NAME_put(buf, &value). */
#define BODY(name, type)                                                                           \
    static int name##_again(struct slice in, struct buf *out)                                      \
    {                                                                                              \
        static type value;                                                                         \
                                                                                                   \
        memset(&value, 0, sizeof(value));                                                          \
        if (name##_get(in, &value) != 0)                                                           \
            return -1;                                                                             \
        name##_put(out, &value);                                                                   \
        return 0;                                                                                  \
    }
/* One of several in a body: NAME_get(&wire, &value). */
#define PART(name, type)                                                                           \
    static int name##_again(struct slice in, struct buf *out)                                      \
    {                                                                                              \
        static type value;                                                                         \
        struct wire_in w;                                                                          \
                                                                                                   \
        memset(&value, 0, sizeof(value));                                                          \
        wire_in_init(&w, in);                                                                      \
        name##_get(&w, &value);                                                                    \
        if (!wire_in_done(&w))                                                                     \
            return -1;                                                                             \
        name##_put(out, &value);                                                                   \
        return 0;                                                                                  \
    }

#define EACH_BODY(_)                                                                               \
    _(fault, struct fault)                                                                         \
    _(issue_request, struct issue_request)                                                         \
    _(issued, struct issued)                                                                       \
    _(list_request, struct list_request)                                                           \
    _(show_request, struct show_request)                                                           \
    _(revoke_request, struct revoke_request)                                                       \
    _(block_query, struct block_query)                                                             \
    _(view_exported, struct view_exported)                                                         \
    _(gate_request, struct gate_request)                                                           \
    _(backup_done, struct backup_done)                                                             \
    _(sign_request, struct sign_request)                                                           \
    _(csr_request, struct csr_request)                                                             \
    _(crl_sign_request, struct crl_sign_request)                                                   \
    _(delegate_request, struct delegate_request)                                                   \
    _(child_status, struct child_status)                                                           \
    _(agent_query, struct agent_query)                                                             \
    _(agent_show, struct agent_show)                                                               \
    _(alert_query, struct alert_query)                                                             \
    _(alert_ack, struct alert_ack)                                                                 \
    _(finding_query, struct finding_query)                                                         \
    _(checkpoint_request, struct checkpoint_request)                                               \
    _(audit_read, struct audit_read)                                                               \
    _(tile_request, struct tile)                                                                   \
    _(ca_name, struct ca_name)                                                                     \
    _(ca_cross, struct ca_cross)                                                                   \
    _(ca_install, struct ca_install)                                                               \
    _(campaign_count, struct campaign_count)                                                       \
    _(campaign_counted, struct campaign_counted)                                                   \
    _(enroll_request, struct enroll_request)                                                       \
    _(enroll_refusal, struct enroll_refusal)                                                       \
    _(enroll_keyed, struct enroll_keyed)                                                           \
    _(enroll_hint_request, struct enroll_hint_request)                                             \
    _(enroll_hint, struct enroll_hint)                                                             \
    _(import_request, struct import_request)                                                       \
    _(filter_query, struct filter_query)                                                           \
    _(metrics_part, struct metrics_part)                                                           \
    _(scan_record, struct scan_record)                                                             \
    _(observation_query, struct observation_query)                                                 \
    _(job_change, struct job_change)                                                               \
    _(explained, struct explained)                                                                 \
    _(policy_previewed, struct policy_previewed)                                                   \
    _(request_query, struct request_query)                                                         \
    _(request_choice, struct request_choice)                                                       \
    _(scan_result, struct scan_result)                                                             \
    _(scan_job, struct scan_job)                                                                   \
    _(scan_progress, struct scan_progress)                                                         \
    _(token_request, struct token_request)                                                         \
    _(token_created, struct token_created)                                                         \
    _(token_query, struct token_query)                                                             \
    _(due_request, struct due_request)                                                             \
    _(outcome, struct outcome)                                                                     \
    _(tested, struct tested)                                                                       \
    _(notify_query, struct notify_query)                                                           \
    _(notify_decision, struct notify_decision)                                                     \
    _(counters, struct counters)

#define EACH_PART(_)                                                                               \
    _(cert_info, struct cert_info)                                                                 \
    _(shown, struct shown)                                                                         \
    _(revoke_outcome, struct revoke_outcome)                                                       \
    _(block_info, struct block_info)                                                               \
    _(ca_info, struct ca_info)                                                                     \
    _(status_item, struct status_item)                                                             \
    _(crl_row, struct crl_row)                                                                     \
    _(signer_key, struct signer_key)                                                               \
    _(agent_entry, struct agent_entry)                                                             \
    _(agent_found, struct agent_found)                                                             \
    _(installed_info, struct installed_info)                                                       \
    _(agent_info, struct agent_info)                                                               \
    _(place_info, struct place_info)                                                               \
    _(alert_info, struct alert_info)                                                               \
    _(finding_info, struct finding_info)                                                           \
    _(finding_count, struct finding_count)                                                         \
    _(exception_info, struct exception_info)                                                       \
    _(line_info, struct line_info)                                                                 \
    _(checkpointed, struct checkpointed)                                                           \
    _(audit_leaf, struct audit_leaf)                                                               \
    _(ca_done, struct ca_done)                                                                     \
    _(campaign_info, struct campaign_info)                                                         \
    _(import_status, struct import_status)                                                         \
    _(import_outcome, struct import_outcome)                                                       \
    _(annotate_outcome, struct annotate_outcome)                                                   \
    _(saved_filter, struct saved_filter)                                                           \
    _(observation_info, struct observation_info)                                                   \
    _(job_info, struct job_info)                                                                   \
    _(policy_refused, struct policy_refused)                                                       \
    _(request_info, struct request_info)                                                           \
    _(scan_range, struct scan_range)                                                               \
    _(token_info, struct token_info)                                                               \
    _(notify_row, struct notify_row)                                                               \
    _(annotation, struct annotation)                                                               \
    _(annotation_filter, struct annotation_filter)                                                 \
    _(notice, struct notice)

EACH_BODY(BODY)
EACH_PART(PART)
EACH_BODY(BLANK)
EACH_PART(BLANK)

/* ---- those that are read and written otherwise ---- */

static int annotate_request_again(struct slice in, struct buf *out)
{
    struct annotate_request r;

    if (annotate_request_get(in, &r) != 0)
        return -1;
    annotate_request_put(out, &r);
    free(r.item);
    return 0;
}

static int hello_again(struct slice in, struct buf *out)
{
    uint8_t generation[8];

    if (hello_get(in, generation) != 0)
        return -1;
    hello_put(out, generation);
    return 0;
}

static int unblock_again(struct slice in, struct buf *out)
{
    uint8_t identity[BLOCK_IDENTITY];

    if (unblock_get(in, identity) != 0)
        return -1;
    unblock_put(out, identity);
    return 0;
}

static int crl_request_again(struct slice in, struct buf *out)
{
    struct crl_request r;

    if (crl_request_get(in, &r) != 0)
        return -1;
    crl_request_put(out, r.issuer, r.list);
    return 0;
}

static int check_progress_again(struct slice in, struct buf *out)
{
    uint64_t done, total;
    char what[64];

    if (check_progress_get(in, what, &done, &total) != 0)
        return -1;
    check_progress_put(out, what, done, total);
    return 0;
}

static int check_finding_again(struct slice in, struct buf *out)
{
    char rule[64], text[512];

    if (check_finding_get(in, rule, text) != 0)
        return -1;
    check_finding_put(out, rule, text);
    return 0;
}

static int check_done_again(struct slice in, struct buf *out)
{
    uint64_t findings;

    if (check_done_get(in, &findings) != 0)
        return -1;
    check_done_put(out, findings);
    return 0;
}

static int delegate_states_again(struct slice in, struct buf *out)
{
    static struct delegate_state states[DELEGATE_STATES_MAX];
    uint32_t n;

    if (delegate_states_get(in, states, &n) != 0)
        return -1;
    delegate_states_put(out, states, n);
    return 0;
}

static int enroll_label_again(struct slice in, struct buf *out)
{
    char label[ENROLL_LABEL_SIZE];

    if (enroll_label_get(in, label) != 0)
        return -1;
    enroll_label_put(out, label);
    return 0;
}

static int metrics_ask_again(struct slice in, struct buf *out)
{
    uint32_t part;

    if (metrics_ask_get(in, &part) != 0)
        return -1;
    metrics_ask_put(out, part);
    return 0;
}

static int token_choice_again(struct slice in, struct buf *out)
{
    uint64_t id;

    if (token_choice_get(in, &id) != 0)
        return -1;
    token_choice_put(out, id);
    return 0;
}

static int notify_channel_again(struct slice in, struct buf *out)
{
    char channel[WATCH_NAME_SIZE];

    if (notify_channel_get(in, channel) != 0)
        return -1;
    notify_channel_put(out, channel);
    return 0;
}

static int notify_number_again(struct slice in, struct buf *out)
{
    uint64_t number;

    if (notify_number_get(in, &number) != 0)
        return -1;
    notify_number_put(out, number);
    return 0;
}

static int due_item_again(struct slice in, struct buf *out)
{
    static struct due_item value;
    struct wire_in w;

    wire_in_init(&w, in);
    due_item_get(&w, &value);
    if (!wire_in_done(&w))
        return -1;
    due_item_put(out, value.tries, value.ticket, &value.notice);
    return 0;
}

/* Pages: what is in front of the rows, and the rows. */
static int list_page_again(struct slice in, struct buf *out)
{
    struct list_page page;
    struct cert_info info;
    struct buf rows;

    if (list_page_get(in, &page) != 0)
        return -1;
    buf_init(&rows, FRAME_BODY_MAX);
    for (uint32_t i = 0; i < page.n && !wire_failed(&page.rows); i++) {
        cert_info_get(&page.rows, &info);
        cert_info_put(&rows, &info);
    }
    if (wire_in_done(&page.rows))
        list_page_put(out, page.cursor, page.n, buf_slice(&rows));
    buf_free(&rows);
    return wire_in_done(&page.rows) ? 0 : -1;
}

static int audit_page_again(struct slice in, struct buf *out)
{
    struct audit_page page;

    if (audit_page_get(in, &page) != 0)
        return -1;
    audit_page_put(out, &page, page.leaves.rest);
    return 0;
}

static int page_head_again(struct slice in, struct buf *out)
{
    struct page_head head;
    struct wire_in w;

    wire_in_init(&w, in);
    page_head_get(&w, FINDING_PAGE_MAX, &head);
    if (wire_failed(&w))
        return -1;
    page_head_put(out, &head);
    buf_put_slice(out, w.rest);
    return 0;
}

static int enroll_report_again(struct slice in, struct buf *out)
{
    static struct agent_entry entry;
    struct enroll_report report;
    struct agent_found found;
    struct wire_in w;

    if (enroll_report_get(in, &report, &w) != 0)
        return -1;
    enroll_report_put(out, &report);
    for (uint32_t i = 0; i < report.n && !wire_failed(&w); i++) {
        agent_entry_get(&w, &entry);
        agent_entry_put(out, &entry);
    }
    for (uint32_t i = 0; i < report.n_found && !wire_failed(&w); i++) {
        agent_found_get(&w, &found);
        agent_found_put(out, &found);
    }
    return wire_in_done(&w) ? 0 : -1;
}

static int explain_step_again(struct slice in, struct buf *out)
{
    struct explain_step step;

    if (explain_step_get(&in, &step) != 0 || in.n != 0)
        return -1;
    explain_step_put(out, &step);
    return 0;
}

#define OTHERS(_)                                                                                  \
    _(hello, other)                                                                                \
    _(unblock, other)                                                                              \
    _(crl_request, other)                                                                          \
    _(check_progress, other)                                                                       \
    _(check_finding, other)                                                                        \
    _(check_done, other)                                                                           \
    _(delegate_states, other)                                                                      \
    _(enroll_label, other)                                                                         \
    _(metrics_ask, other)                                                                          \
    _(token_choice, other)                                                                         \
    _(notify_channel, other)                                                                       \
    _(notify_number, other)                                                                        \
    _(due_item, other)                                                                             \
    _(list_page, other)                                                                            \
    _(audit_page, other)                                                                           \
    _(page_head, other)                                                                            \
    _(enroll_report, other)                                                                        \
    _(explain_step, other)                                                                         \
    _(annotate_request, other)
#define ROW(name, type) name##_again,

/* New ones go to the end, so that the corpus keeps its meaning. */
static const again messages[] = {NULL, EACH_BODY(ROW) EACH_PART(ROW) OTHERS(ROW)};
#define N_MESSAGES (sizeof(messages) / sizeof(messages[0]))

#define BLANK_ROW(name, type) name##_blank,
static const blank blanks[] = {EACH_BODY(BLANK_ROW) EACH_PART(BLANK_ROW)};

static bool seed(size_t i, struct buf *out)
{
    if (i >= sizeof(blanks) / sizeof(blanks[0]))
        return false;
    buf_put_u8(out, (uint8_t)(i + 1));
    blanks[i](out);
    return true;
}

static void check_frame(struct slice in)
{
    struct frame frame;
    uint8_t header[FRAME_HEADER];

    if (frame_parse(in, &frame) != 0)
        return;
    FUZZ_CHECK(fuzz_inside(frame.body, in) && frame.body.n <= FRAME_BODY_MAX);
    frame_put_header(header, frame.type, frame.id);
    FUZZ_CHECK(in.n == FRAME_HEADER + frame.body.n && memcmp(header, in.p, FRAME_HEADER) == 0);
}

static void run(struct slice in)
{
    again read = messages[fuzz_octet(&in) % N_MESSAGES];
    struct buf out;

    if (read == NULL) {
        check_frame(in);
        return;
    }
    buf_init(&out, (size_t)4 * FRAME_BODY_MAX);
    if (in.n <= FRAME_BODY_MAX && read(in, &out) == 0)
        FUZZ_CHECK(slice_eq(buf_slice(&out), in));
    buf_free(&out);
}

const struct fuzz_target fuzz_target = {.form = FUZZ_OCTETS, .run = run, .seed = seed};
