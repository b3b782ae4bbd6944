#include "lib/conn.h"
#include "lib/proto.h"

void conn_send_fault(struct conn *c, uint64_t id, const struct fault *f)
{
    struct buf b;

    buf_init(&b, FRAME_BODY_MAX);
    fault_put(&b, f);
    conn_send(c, MSG_FAULT, id, buf_slice(&b), -1);
    buf_free(&b);
}
