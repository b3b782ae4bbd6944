/* What the files of the admin socket share. */
#ifndef CA_ADMIN_ADMIN_INNER_H
#define CA_ADMIN_ADMIN_INNER_H

#include <pthread.h>

#include "ca/admin/admin.h"
#include "ca/approval/approval.h"
#include "ca/inventory/import.h"
#include "ca/observe/recorder.h"
#include "lib/caller.h"
#include "lib/slow.h"

struct issuer_names {
    size_t n;
    char (*name)[64]; /* by number */
};

#define ADMIN_KINDS_MAX 16
#define ADMIN_FRONTS_MAX 8

/* admin_long.c: what takes long has a thread, one of a kind at a time. */
struct long_run {
    pthread_t thread;
    bool running;
};
/* 0, or "admin.running" ("a store check is under way already"), "admin.thread". */
int long_start(struct long_run *l, const char *what, void *(*main)(void *arg), void *arg,
               struct fault *f) WARN_UNUSED;
/* Waits for its end; on the loop. */
void long_end(struct long_run *l);

struct admin {
    struct admin_parts parts;
    struct listener *listener;
    struct callers clients;
    struct ask *asks; /* not answered yet */
    struct issuer_names names;
    struct approval *approval;
    struct importer *importer;
    struct recorder *recorder;
    struct slow *slow;                                      /* who came with wrong tokens, by uid */
    const struct approval_kind *kinds[ADMIN_KINDS_MAX + 1]; /* of the messages; NULL-ended */
    size_t busy;
    bool draining;
    struct child_status
        front[ADMIN_FRONTS_MAX]; /* programs that face the network, as cercad told */
    size_t n_fronts;
    struct long_run check, preview;
    bool backing_up;
    pthread_t backup_thread;
};

/* A message that the admin socket takes. One with a kind is carried out after a second operator's
 * yes where the configuration asks for that: its body is recorded, and `handle` gets it then, from
 * the approver. A body of at most REQUEST_CONTENT_MAX octets, no descriptor. The kind is
 *     const struct approval_kind kind_NAME = {"NAME", TWO_NAME, repeatable, harmless, describe,
 *                                             run_message};
 * beside the handler, with the admin as the `arg` of describe. */
struct admin_message {
    uint16_t type;
    enum conf_role role;
    void (*handle)(struct ask *q);
    const struct approval_kind *kind; /* NULL: none */
};
const struct admin_message *admin_message_of(const struct approval_kind *kind);

struct admin_client {
    struct caller caller; /* first */
    struct admin *admin;
    struct requester who;
};

/* One request: whom to answer, and under which frame id. */
struct ask {
    struct work work; /* first: the workers hand back this */
    struct admin_client *client;
    uint64_t id;
    int fd;          /* passed along with it; -1: none */
    struct buf in;   /* the request's body, copied */
    struct buf out;  /* the answer's body */
    uint16_t answer; /* its type; MSG_FAULT when `fault` is set */
    struct fault fault;
    struct approval_run *run; /* it was approved: told the outcome */
    struct ask *next, *prev;
    void (*read)(struct ask *q); /* run on a worker: fills out or fault */
};

/* How an operator is called in the records, and what he may. */
void admin_operator(const struct conf_operator *o, struct requester *out);
/* Without a connection, and gone with its last ask. */
struct admin_client *admin_client_new(struct admin *a, const struct requester *who);
struct ask *ask_new(struct admin_client *c, const struct frame *frame);
void ask_answer(struct ask *q, uint16_t type, struct slice body); /* and frees it */
/* The same with a descriptor, which stays the caller's. */
void ask_answer_fd(struct ask *q, uint16_t type, struct slice body, int fd);
void ask_fail(struct ask *q, const struct fault *f); /* and frees it */
/* From any thread, before the answer: one more frame. Takes the body over. */
void ask_note(struct ask *q, uint16_t type, struct buf *body);
/* Runs q->read on a worker, then answers. */
void ask_read(struct ask *q, uint16_t answer, void (*read)(struct ask *q));

/* admin_read.c, run on workers. */
void read_list(struct ask *q);
void read_list_lines(struct ask *q);
void read_show(struct ask *q);
/* admin_audit.c, run on workers; audit_sign on the loop. */
void read_audit(struct ask *q);
void read_checkpoints(struct ask *q);
void read_tile(struct ask *q);
void audit_sign(struct ask *q);
/* admin_status.c, on the loop. */
void tell_status(struct ask *q);
void tell_authorities(struct ask *q);
/* admin_check.c */
void start_check(struct ask *q);
/* admin_preview.c */
void start_preview(struct ask *q);
/* admin_revoke.c, on the loop. */
void start_revoke(struct ask *q);

/* admin_import.c */
void start_import(struct ask *q);

/* admin_inventory.c */
void annotate(struct ask *q);
void save_filter(struct ask *q);
void list_filters(struct ask *q);
/* admin_block.c */
void list_blocks(struct ask *q);
void unblock(struct ask *q);

/* admin_token.c */
void create_token(struct ask *q);
void list_tokens(struct ask *q);
void revoke_token(struct ask *q);
/* Handles a MSG_ISSUE with a token; false: it has none. */
bool token_issue(struct ask *q);

/* admin_request.c */
void list_requests(struct ask *q);
void show_request(struct ask *q);
void approve_request(struct ask *q);
void deny_request(struct ask *q);
void ask_second(struct ask *q, const struct approval_kind *kind);
/* admin_approval.c: a request for a certificate as it is told; its decision, false: it is none. */
struct approval_row;
struct request_info;
struct request_choice;
void describe_approval(const struct approval_row *r, struct request_info *out);
bool decide_approval(struct ask *q, const struct request_choice *c, enum request_verb verb);
/* The `run` of every kind of message. */
void run_message(void *arg, const struct approval_kind *kind, const struct requester *by,
                 struct slice content, struct approval_run *run);
/* admin_backup.c */
void start_backup(struct ask *q);
void end_backup(struct admin *a);
/* admin_ca.c */
extern const struct approval_kind kind_ca_install;
void show_key(struct ask *q);
void create_authority(struct ask *q);
void install_authority(struct ask *q);
/* admin_cross.c */
extern const struct approval_kind kind_ca_cross_sign;
void cross_sign(struct ask *q);
/* admin_crl.c */
void list_crls(struct ask *q);
void show_crl(struct ask *q);
void publish_crl(struct ask *q);
void install_crl(struct ask *q);
/* admin_notify.c */
void test_channel(struct ask *q);
void list_notices(struct ask *q);
void show_notice(struct ask *q);
void decide_notices(struct ask *q);
/* admin_view.c */
void export_view(struct ask *q);
/* admin_alert.c */
void list_alerts(struct ask *q);
void show_alert(struct ask *q);
void acknowledge_alert(struct ask *q);
/* admin_finding.c */
void list_findings(struct ask *q);
void count_findings(struct ask *q);
void explain_lines(struct ask *q);
/* admin_agent.c */
void list_agents(struct ask *q);
void show_agent(struct ask *q);
void list_places(struct ask *q);
/* admin_observe.c */
void record_scan(struct ask *q);
void list_observations(struct ask *q);
/* admin_scan.c */
void list_scans(struct ask *q);
void change_scan(struct ask *q);
/* admin_campaign.c */
void list_campaigns(struct ask *q);
void count_campaign(struct ask *q);
void change_campaign(struct ask *q);
/* admin_except.c */
extern const struct approval_kind kind_exception;
void list_exceptions(struct ask *q);
void except_finding(struct ask *q);
/* admin_gate.c */
extern const struct approval_kind kind_open;
void open_gate(struct ask *q);
void close_gate(struct ask *q);
void gate_item(const struct store_gate *g, struct status_item *out);

/* describe.c: a stored row as the operator sees it. */
void describe_row(const struct admin *a, const struct cert_row *row, int64_t now,
                  struct cert_info *out);
void issuer_names_load(struct admin *a);
const char *issuer_name(const struct admin *a, uint16_t number);

#endif
