#include "lib/caller.h"

#include <stdlib.h>

static void drop_if_gone(struct caller *c)
{
    if (c->conn != NULL || c->asks > 0)
        return;
    *(c->prev != NULL ? &c->prev->next : &c->all->first) = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    free(c);
}

void *caller_new(struct callers *all, size_t size)
{
    struct caller *c = xcalloc(1, size);

    c->all = all;
    c->next = all->first;
    if (c->next != NULL)
        c->next->prev = c;
    all->first = c;
    return c;
}

void caller_connect(struct caller *c, struct loop *l, int fd, const struct conn_callbacks *cb)
{
    c->conn = conn_new(l, fd, cb, c);
}

void caller_closed(struct conn *conn, void *owner)
{
    struct caller *c = owner;

    (void)conn;
    c->conn = NULL;
    drop_if_gone(c);
}

void caller_hold(struct caller *c)
{
    c->asks++;
}

void caller_let_go(struct caller *c)
{
    c->asks--;
    drop_if_gone(c);
}

void caller_send(const struct caller *c, uint16_t type, uint64_t id, struct slice body, int fd)
{
    if (c->conn != NULL)
        conn_send(c->conn, type, id, body, fd);
}

void caller_send_fault(const struct caller *c, uint64_t id, const struct fault *f)
{
    if (c->conn != NULL)
        conn_send_fault(c->conn, id, f);
}

void callers_free(struct callers *all)
{
    for (struct caller *c = all->first, *next; c != NULL; c = next) {
        next = c->next;
        conn_close(c->conn);
        free(c);
    }
    all->first = NULL;
}
