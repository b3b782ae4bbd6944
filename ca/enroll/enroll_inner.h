/* What the files of the enroll socket share. */
#ifndef CA_ENROLL_ENROLL_INNER_H
#define CA_ENROLL_ENROLL_INNER_H

#include "ca/enroll/enroll.h"
#include "ca/enroll/evidence.h"
#include "ca/enroll/maker.h"
#include "lib/caller.h"
#include "lib/proto_enroll.h"
#include "lib/rate.h"
#include "lib/slow.h"

struct enroll {
    struct enroll_parts parts;
    struct listener *listener;
    struct callers clients;
    struct enroll_ask *asks; /* not answered yet */
    struct maker *maker;     /* of clients' keys; NULL: no label has any made */
    struct server_rate {
        uint64_t since_us;
        unsigned n;
    } server;             /* certificates for the front end itself */
    struct rate *reports; /* of each agent */
    bool has_counters;
    struct counters counters; /* of the front end */
    bool draining;
};

struct enroll_client {
    struct caller caller; /* first */
    struct enroll *owner;
    uid_t uid;
    pid_t pid;
};

/* One request, and where its answer goes. */
struct enroll_ask {
    struct work work; /* first: the readers hand back this */
    struct enroll_client *client;
    struct enroll_ask *next, *prev;
    uint64_t id;
    struct buf in;                 /* the message */
    struct enroll_request request; /* points into it */
    struct evidence evidence;
    uint16_t answer;             /* of what a reader made ... */
    struct buf out;              /* ... its body ... */
    struct fault fault;          /* ... or why not */
    struct taken_report *report; /* on its way to the store */
};

/* server.c: the request for the front end's own certificate, for its CSR. Rules "server.rate",
 * "server.csr", and those of names. */
int server_request(struct enroll *e, struct slice csr, struct buf *out,
                   struct fault *f) WARN_UNUSED;
/* cas.c, on a reader: "est.label", or nothing issued yet: FAULT_UNAVAILABLE. Certificates of one CA
 * by another, such as between generations (OldWithNew, NewWithOld), too. */
int cas_put(const struct enroll *e, const char *label, struct buf *out,
            struct fault *f) WARN_UNUSED;
/* hint.c, on a reader: when the certificate is to be renewed that an enroll_hint_request is about.
 * Rules: those of evidence_find, and "hint.unknown": there is none of the client's identity. */
int hint_put(const struct enroll *e, const struct enroll_hint_request *r, struct buf *out,
             struct fault *f) WARN_UNUSED;

/* report.c. On a reader: the report of MSG_ENROLL_REPORT, read, its sender proven, ready for the
 * store. Rules "report.often" and those of evidence.h. */
int report_take(struct enroll *e, struct slice body, struct enroll_request *who,
                struct taken_report **out, struct fault *f) WARN_UNUSED;
/* Submits it; `done` gets the operation, on the store's thread. */
void report_submit(struct enroll *e, struct taken_report *r, void (*done)(struct store_op *op),
                   void *arg);
/* Its fault, when the store refused it. */
/* Says in the log what has to be said at once of what the store took. */
void report_tell(const struct taken_report *r);
const struct fault *report_fault(const struct taken_report *r);
void report_free(struct taken_report *r);

#endif
