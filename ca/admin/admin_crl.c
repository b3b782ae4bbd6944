/* `cerca crl`: what is published, and asking for the next one. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/admin/admin_inner.h"

static void malformed(struct ask *q)
{
    (void)fault_set(&q->fault, FAULT_MALFORMED, "request.body", "the request is malformed");
    ask_fail(q, &q->fault);
}

/* As many as the frame takes; few configurations have a tenth of that. */
void list_crls(struct ask *q)
{
    const struct admin_parts *parts = &q->client->admin->parts;
    struct crl_row *row = xcalloc(CRL_ROWS_MAX, sizeof(*row));
    size_t n = 0;

    for (size_t i = 0; i < parts->authorities->n; i++)
        n += crl_rows(parts->crls, i, row + n, CRL_ROWS_MAX - n);
    wire_put_u32(&q->out, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        crl_row_put(&q->out, &row[i]);
    free(row);
    ask_answer(q, MSG_CRL_LISTED, buf_slice(&q->out));
}

void show_crl(struct ask *q)
{
    struct crl_request r;
    struct crl_row row;
    int fd;

    if (crl_request_get(buf_slice(&q->in), &r) != 0) {
        malformed(q);
        return;
    }
    if (crl_open(q->client->admin->parts.crls, r.issuer, r.list, &row, &fd, &q->fault) != 0) {
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
    struct crl_request r;

    if (crl_request_get(buf_slice(&q->in), &r) != 0)
        malformed(q);
    else
        crl_publish(q->client->admin->parts.crls, r.issuer, r.list, &q->client->who, published, q);
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
