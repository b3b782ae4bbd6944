/*
 * The admin socket: a thin adapter. It knows who is there (SO_PEERCRED and the
 * configuration's operators), checks the role that each message needs, and hands on: issuing
 * to the door, reading to the workers. Every function belongs to the loop.
 */
#ifndef CA_ADMIN_ADMIN_H
#define CA_ADMIN_ADMIN_H

#include "ca/crl/publisher.h"
#include "ca/door/door.h"
#include "ca/export/exporter.h"
#include "ca/lifecycle/lifecycle.h"
#include "ca/ledger/ledger.h"
#include "ca/view/view.h"
#include "ca/watch/watch.h"

struct admin;

struct admin_parts {
    const struct conf *conf;
    struct loop *loop;
    struct store *store;
    struct view *view;
    struct authorities *authorities;
    struct workers *readers; /* not the door's: lists answer under any load of issuing */
    struct door *door;
    struct crl_publisher *crls;
    struct nodes *nodes;         /* NULL: none */
    struct delegates *delegates; /* NULL: nobody asks for responders here */
    struct ledger *ledger;
    struct exporter *exporter; /* NULL: no exports */
    struct lifecycle *lifecycle;
    struct watch *watch;        /* notices */
    struct jobs *jobs;          /* scans; NULL: none are configured */
    struct signer_link **links; /* one a token */
    size_t n_links;
};

/* Serves on a listening descriptor, which it takes over. */
struct admin *admin_new(const struct admin_parts *parts, int listen_fd);
/* No new connections, requests told to retry; the present ones get their answers. */
void admin_drain(struct admin *a);
/* What cercad says of a program that is no signer. */
void admin_front(struct admin *a, const struct child_status *st);
/* Calls fn for every program that cercad has told of. On the loop. */
void admin_programs_each(const struct admin *a, void (*fn)(void *arg, const struct child_status *c),
                         void *arg);
/* Calls fn for every item of the status. On the loop. */
void admin_status_each(const struct admin *a, lifecycle_item fn, void *arg);
/* Requests not answered yet. */
size_t admin_busy(const struct admin *a);
/* Ends a store check and a backup that are running. Before the store is closed. NULL is fine. */
void admin_end_check(struct admin *a);
/* After the door: nothing is asked there any more. */
void admin_free(struct admin *a);

#endif
