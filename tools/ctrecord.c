#include "tools/ctrecord.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/proto.h"

#define HEAD 32 /* octets of a message in front of its items */

void ct_recorder_init(struct ct_recorder *r, struct tool *t)
{
    memset(r, 0, sizeof(*r));
    r->tool = t;
    r->size = HEAD;
    r->request = xcalloc(1, sizeof(*r->request));
    r->request->scanned = true;
    buf_init(&r->octets, FRAME_BODY_MAX);
}

void ct_recorder_free(struct ct_recorder *r)
{
    free(r->request);
    buf_free(&r->octets);
}

static void count(struct ct_recorder *r, const struct import_outcome *o)
{
    r->fresh += o->became == IMPORT_NEW;
    r->known += o->became == IMPORT_KNOWN;
    r->issued += o->became == IMPORT_ISSUED;
    r->refused += o->became == IMPORT_REFUSED;
    r->strangers += o->stranger;
}

static int take_answer(struct ct_recorder *r, struct slice body, struct fault *f)
{
    struct import_outcome o;
    struct wire_in w;
    uint32_t n;

    wire_in_init(&w, body);
    n = wire_get_count(&w, IMPORT_MAX, 1);
    for (uint32_t i = 0; i < n && n == r->request->n; i++) {
        import_outcome_get(&w, &o);
        if (!wire_failed(&w))
            count(r, &o);
    }
    return wire_in_done(&w) && n == r->request->n
               ? 0
               : fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca sent a broken answer");
}

int ct_recorder_flush(struct ct_recorder *r, struct fault *f)
{
    struct frame answer;
    struct buf body;
    int rc;

    if (r->request->n == 0)
        return 0;
    buf_init(&body, FRAME_BODY_MAX);
    import_request_put(&body, r->request);
    r->tool->started_us = clock_mono_us(); /* --timeout is for one message */
    rc = tool_call_patient(r->tool, MSG_IMPORT, buf_slice(&body), MSG_IMPORTED, &answer, f);
    buf_free(&body);
    if (rc == 0)
        rc = take_answer(r, answer.body, f);
    r->request->n = 0;
    r->size = HEAD;
    buf_reset(&r->octets);
    return rc;
}

int ct_recorder_add(struct ct_recorder *r, struct slice der, const char *origin, struct fault *f)
{
    struct import_item item = {.der = der};
    uint8_t *room;
    int rc = 0;

    (void)snprintf(item.origin, sizeof(item.origin), "%s", origin);
    if (r->request->n == IMPORT_MAX || r->size + import_item_size(&item) > FRAME_BODY_MAX)
        rc = ct_recorder_flush(r, f);
    if (rc != 0)
        return rc;
    if (r->octets.cap < FRAME_BODY_MAX) {
        room = buf_grow(&r->octets, FRAME_BODY_MAX);
        if (room == NULL)
            return fault_set(f, FAULT_INTERNAL, "memory", "there is no memory");
        buf_reset(&r->octets); /* keeps the room: what is put does not move */
    }
    r->size += import_item_size(&item);
    item.der = slice_of(r->octets.p + r->octets.n, der.n);
    buf_put_slice(&r->octets, der);
    r->request->item[r->request->n++] = item;
    return 0;
}
