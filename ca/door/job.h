/* A request on its way through the door: what door.c and door_steps.c share. */
#ifndef CA_DOOR_JOB_H
#define CA_DOOR_JOB_H

#include "ca/door/door.h"
#include "ca/door/door_stats.h"
#include "ca/door/strangers.h"

enum job_kind {
    JOB_REQUEST,   /* somebody asked, with a CSR */
    JOB_AUTHORITY, /* set-up: a configured issuer's own certificate */
};

/* The request's token, where it has one. */
struct job_token;
struct door_bearer;
struct approval_ask;

struct job {
    struct work work; /* first: the workers hand back this */
    struct door *door;
    enum job_kind kind;
    struct requester who;
    door_reply reply;
    void *arg;
    struct buf body;              /* the request as it came */
    struct issue_request request; /* points into body */
    struct csr csr;
    struct decision decision;
    struct authority *subject; /* JOB_AUTHORITY */
    struct slice subject_spki;
    struct authority *cross_by; /* who signs instead of the parent; NULL: the parent does */
    const struct conf_profile *profile;
    char identity[2 * IDENTITY_LEN + 1]; /* of the decision, while the store counts it */
    struct job_token *token;             /* NULL: none */
    struct door_evidence *evidence;      /* the adapter's; NULL: none */
    struct door_bearer *bearer;          /* what it proved; NULL: nothing */
    struct approval_ask *approval;       /* what an operator must say yes to; NULL: nothing */
    const struct policy_report *report;  /* explain.c: who is told; NULL: nobody */
    struct authority *delegate_of;       /* an OCSP responder of this one; NULL: none */
    struct authority *issuer;
    struct cert_ref ref;
    struct cert_ref replaces;
    struct { /* the certificate that is to be renewed, as soon as that is clear */
        bool known;
        struct cert_ref ref;
        uint8_t identity[IDENTITY_LEN];
    } meant;
    struct buf tbs;
    struct buf certificate;
    struct buf made; /* SubjectPublicKeyInfo of the key that was made for it; empty: none */
    bool again;      /* the request key was known */
    uint64_t began_us, stretch_us; /* monotonic: when it began; when its newest stretch did */
    uint32_t spent_us[STRETCHES];
    struct fault fault;
    struct store_op op;
    struct job *waiters; /* same request key, came while this one was under way */
    struct job *next;    /* in a list of waiters, or of jobs in flight, or of free ones */
    struct job *prev;
    struct job *all_next, *all_prev; /* in the door's list of all jobs */
    bool under_way;                  /* not answered yet */
};

struct door {
    struct door_parts parts;
    struct serial_source serial;
    struct loop_timer *sweep;
    struct strangers *strangers;
    struct door_stats stats;
    struct job *flight; /* jobs whose intent is recorded, by no order */
    struct job *spare;  /* to be used again */
    struct job *all;    /* these, and all others */
    size_t n_spare, in_flight, pending_ops;
    bool closed;
};

/* job.c, on the loop. A job is used again after job_done. */
struct job *job_new(struct door *d, const struct requester *who, door_reply reply, void *arg);
void job_done(struct job *j);
void job_discard(struct job *j); /* at the end of the door: frees */
/* A stretch of its way has ended just now. */
void job_passed(struct job *j, enum door_stretch stretch);
/* It was issued: all of them are counted. */
void job_counted(struct job *j);
/* Jobs with a recorded intent, so that a second request with the same key finds the first. */
void flight_add(struct job *j);
void flight_remove(struct job *j);
/* The job under way whose intent this is; NULL: none. */
struct job *flight_find(struct door *d, const struct cert_ref *ref);

#define SWEEP_MS 5000
#define STRANGERS_MS 60000
/* door_record.c: abandons intents that nobody came back for, again and again. A loop_call. */
void door_sweep(void *arg);
/* door_record.c: a strangers_record; `arg` is the door. */
void door_record_stranger(void *arg, const struct requester *who, const struct fault *f,
                          uint64_t more, int64_t since);

/* door_record.c: what is only "not now" is not a decision about the request, and may come very
 * often: logged, not audited. */
bool job_is_decided(const struct fault *f);
struct attempt;
/* door_record.c: keeps it; nobody waits. Any thread. */
void door_note_attempt(struct door *d, const struct attempt *a);
/* door_attempt.c: `f` ends it; noted, now and then, where it was to renew something. Any thread. */
void job_renewal_refused(struct job *j, const struct fault *f);

/* door_bound.c: of jobs with a token or a bearer. */
/* Is its key made by the adapter? */
bool job_key_is_made(const struct job *j);
/* `also`: a Name whose attributes may be there too; empty: none. */
int job_subject_of_names(const struct job *j, const char *rule, struct slice also,
                         struct fault *f) WARN_UNUSED;
void job_bound_key(const struct job *j, uint8_t key[32], uint8_t content[32]);

/* door_steps.c: run on a worker; each leaves the job with a fault or ready for the next step. */
int step_authorise(struct job *j, struct fault *f) WARN_UNUSED;
int step_issuer(struct job *j, struct fault *f) WARN_UNUSED; /* the last of step_authorise */
int step_decide(struct job *j, struct fault *f) WARN_UNUSED;
int step_draft(struct job *j, struct fault *f) WARN_UNUSED;
void step_fill_intent(struct job *j);
int step_verify(struct job *j, unsigned worker, struct fault *f) WARN_UNUSED;
void step_fill_finish(struct job *j);
void step_fill_refusal(struct job *j);
/* The fields of every audit event about a job. */
void job_audit(const struct job *j, enum audit_action action, struct audit_event *out);

#endif
