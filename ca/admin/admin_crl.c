/* `cerca crl`: what is published, and asking for the next one. */
#include <string.h>
#include <unistd.h>

#include "ca/admin/admin_inner.h"

static void malformed(struct ask *q)
{
    (void)fault_set(&q->fault, FAULT_MALFORMED, "request.body", "the request is malformed");
    ask_fail(q, &q->fault);
}

void list_crls(struct ask *q)
{
    const struct admin_parts *parts = &q->client->admin->parts;
    struct crl_row row;
    struct buf rows;
    uint32_t n = 0;

    buf_init(&rows, FRAME_BODY_MAX);
    for (size_t i = 0; i < parts->authorities->n; i++)
        if (crl_row_of(parts->crls, i, &row)) {
            crl_row_put(&rows, &row);
            n++;
        }
    wire_put_u32(&q->out, n);
    buf_put_slice(&q->out, buf_slice(&rows));
    buf_free(&rows);
    ask_answer(q, MSG_CRL_LISTED, buf_slice(&q->out));
}

void show_crl(struct ask *q)
{
    struct crl_row row;
    char issuer[64];
    int fd;

    if (issuer_request_get(buf_slice(&q->in), issuer) != 0) {
        malformed(q);
        return;
    }
    if (crl_open(q->client->admin->parts.crls, issuer, &row, &fd, &q->fault) != 0) {
        ask_fail(q, &q->fault);
        return;
    }
    crl_row_put(&q->out, &row);
    ask_answer_fd(q, MSG_CRL_SHOWN, buf_slice(&q->out), fd);
    (void)close(fd);
}

static void published(void *arg, const struct crl_row *row, const struct fault *f)
{
    struct ask *q = arg;

    if (f != NULL) {
        ask_fail(q, f);
        return;
    }
    crl_row_put(&q->out, row);
    ask_answer(q, MSG_CRL_PUBLISHED, buf_slice(&q->out));
}

void publish_crl(struct ask *q)
{
    char issuer[64];

    if (issuer_request_get(buf_slice(&q->in), issuer) != 0)
        malformed(q);
    else
        crl_publish(q->client->admin->parts.crls, issuer, &q->client->who, published, q);
}

void install_crl(struct ask *q)
{
    int fd = q->fd;

    if (fd < 0) {
        malformed(q);
        return;
    }
    q->fd = -1;
    crl_install(q->client->admin->parts.crls, fd, &q->client->who, published, q);
}
