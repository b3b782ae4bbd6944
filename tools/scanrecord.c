#include "tools/scanrecord.h"

#include <inttypes.h>
#include <string.h>

#include "tools/certjson.h"

#define HEAD 16 /* octets of a message in front of its results */
#define ROOM (FRAME_BODY_MAX - HEAD)
#define RESULT_HEAD 4u /* of each of them */

void scan_recorder_init(struct scan_recorder *r, struct tool *t)
{
    memset(r, 0, sizeof(*r));
    r->tool = t;
    buf_init(&r->octets, ROOM);
}

void scan_recorder_free(struct scan_recorder *r)
{
    buf_free(&r->octets);
}

static int send_body(struct scan_recorder *r, struct slice body, struct fault *f)
{
    struct scan_recorded what;
    struct frame answer;
    int rc = tool_call_patient(r->tool, MSG_SCAN_RECORD, body, MSG_SCAN_RECORDED, &answer, f);

    if (rc != 0)
        return rc;
    if (scan_recorded_get(answer.body, &what) != 0)
        return tool_broken_answer(f);
    r->taken += what.taken;
    r->fresh += what.fresh;
    r->strangers += what.strangers;
    return 0;
}

int scan_recorder_flush(struct scan_recorder *r, struct fault *f)
{
    struct scan_record record = {.n = r->n};
    size_t from = 0;
    struct buf body;
    int rc;

    if (r->n == 0)
        return 0;
    for (size_t i = 0; i < r->n; i++) {
        record.result[i] = slice_of(r->octets.p + from, r->end[i] - from);
        from = r->end[i];
    }
    buf_init(&body, FRAME_BODY_MAX);
    scan_record_put(&body, &record);
    rc = buf_failed(&body) ? fault_set(f, FAULT_INTERNAL, "scan.record", "a message is too long")
                           : send_body(r, buf_slice(&body), f);
    buf_free(&body);
    buf_reset(&r->octets);
    r->n = 0;
    return rc;
}

int scan_recorder_add(struct scan_recorder *r, struct slice result, struct fault *f)
{
    int rc = 0;

    if (r->n == SCAN_RECORD_MAX || r->octets.n + result.n + (r->n + 1) * RESULT_HEAD > ROOM)
        rc = scan_recorder_flush(r, f);
    if (rc != 0)
        return rc;
    buf_put_slice(&r->octets, result);
    r->end[r->n++] = r->octets.n;
    return buf_failed(&r->octets)
               ? fault_set(f, FAULT_INTERNAL, "scan.record", "a result is too long")
               : 0;
}

void scan_recorder_tell(const struct scan_recorder *r)
{
    tool_say(r->tool, "%" PRIu64 " results recorded, %" PRIu64 " certificates new", r->taken,
             r->fresh);
    if (r->strangers > 0)
        tool_say(r->tool, "ATTENTION: %" PRIu64 " " STRANGER_TEXT, r->strangers);
}
