#include "tools/crlcall.h"

#include <unistd.h>

int crl_row_read(const struct frame *answer, struct crl_row *out, struct fault *f)
{
    struct wire_in w;

    wire_in_init(&w, answer->body);
    crl_row_get(&w, out);
    return wire_in_done(&w) ? 0 : tool_broken_answer(f);
}

int crl_publish(struct tool *t, const char *issuer, const char *list, struct crl_row *out,
                struct fault *f)
{
    struct frame answer;
    struct buf body;
    int rc;

    buf_init(&body, 4096);
    crl_request_put(&body, issuer, list);
    rc = tool_call(t, MSG_CRL_PUBLISH, buf_slice(&body), MSG_CRL_PUBLISHED, &answer, f);
    buf_free(&body);
    return rc == 0 ? crl_row_read(&answer, out, f) : rc;
}

int crl_open(struct tool *t, const char *issuer, const char *list, struct crl_row *out, int *fd,
             struct fault *f)
{
    struct frame answer;
    struct buf body;
    int rc = tool_connect(t, f);

    *fd = -1;
    buf_init(&body, 4096);
    crl_request_put(&body, issuer, list);
    if (rc == 0)
        rc = client_call(t->client, MSG_CRL_SHOW, buf_slice(&body), tool_time_left_ms(t), &answer,
                         f);
    buf_free(&body);
    if (rc != 0)
        return rc;
    if (answer.type == MSG_CRL_SHOWN && answer.fd >= 0 && crl_row_read(&answer, out, f) == 0) {
        *fd = answer.fd;
        return 0;
    }
    if (answer.fd >= 0)
        (void)close(answer.fd);
    return tool_broken_answer(f);
}
