/* What the files of the evaluation share. */
#ifndef CA_LIFECYCLE_EVALUATE_INNER_H
#define CA_LIFECYCLE_EVALUATE_INNER_H

#include <pthread.h>

#include "ca/lifecycle/counted.h"
#include "ca/lifecycle/due.h"
#include "ca/lifecycle/evaluate.h"
#include "ca/lifecycle/except.h"
#include "ca/lifecycle/keybits.h"

#define SLICE_LINES 64
#define STEPS_MAX 64
#define ASKED_MAX 64

/* Steps of alerts, submitted together. */
struct steps {
    pthread_mutex_t lock;
    pthread_cond_t done;
    size_t n, waiting;
    struct store_op op[STEPS_MAX];
    struct store_alert step[STEPS_MAX];
    struct alert seen[STEPS_MAX];
};

enum phase { PHASE_NONE, PHASE_KEYS, PHASE_LINES, PHASE_ALERTS };

struct known;

struct evaluator {
    struct evaluator_parts parts;
    struct judge *judge;
    struct due due;
    struct steps steps;
    struct excepted except;
    struct known *known; /* conditions of the CA itself that are open, or soon will be */
    size_t n_known, known_room;
    bool known_loaded;
    int64_t digest;   /* the slot that is done */
    uint64_t change;  /* of the sequence, evaluated */
    uint64_t covered; /* lines up to this one are as the newest whole evaluation sees them */
    bool begun;       /* `change` is set */
    uint64_t marked, marked_us; /* the change that was kept last, and when */
    int64_t last_now, horizon;  /* up to `horizon` all that is due is scheduled */
    int64_t full_at;            /* when the next whole evaluation begins */
    enum phase phase;
    uint8_t line[IDENTITY_LEN], alert[ALERT_KEY];
    bool behind; /* `line` or `alert` is where the phase has come to */
    bool fresh;  /* the indexes have all that was committed when the slice began */
    uint64_t so_far;
    uint64_t full_us;
    struct store_key_walk keys;
    struct keybits *shared; /* keys of several identities when all is evaluated, and all since */
    struct counted counted;
    uint64_t looked;
    _Atomic bool again;
    bool once_more; /* that was asked while all was evaluated */

    pthread_mutex_t lock; /* over what follows */
    struct evaluator_summary summary;
    uint8_t asked[ASKED_MAX][IDENTITY_LEN]; /* to be looked at, for their exceptions changed */
    size_t n_asked;
};

/* --- one line (evaluate.c), as of now --- */

int evaluator_look_at(struct evaluator *e, const uint8_t identity[IDENTITY_LEN], int64_t now,
                      struct fault *f) WARN_UNUSED;

/* --- what has changed (changes.c) --- */

/* Are so many changes to be followed that all lines anew are less work? Then they wait for that. */
bool evaluator_overtaken(const struct evaluator *e);
/* The same, and the indexes are near enough to begin. */
bool evaluator_catches_up(const struct evaluator *e);
/* Some of it; *more: there is more. */
int evaluator_follow(struct evaluator *e, int64_t now, bool *more, struct fault *f) WARN_UNUSED;

/* --- strangers (stranger.c): an alert that an exception from the finding resolves, and nothing
 * else. --- */

/* Of any certificate; nothing of one that is no stranger. */
int evaluator_stranger(struct evaluator *e, const struct cert_row *row, int64_t now,
                       struct fault *f) WARN_UNUSED;
/* Of the newest of a line. */
int evaluator_stranger_newest(struct evaluator *e, const struct judged *j, int64_t now,
                              struct fault *f) WARN_UNUSED;
bool alert_of_stranger(const struct alert *a);
/* An exception may have been made since, or have ended. */
int evaluator_stranger_again(struct evaluator *e, const struct alert *a, int64_t now,
                             struct fault *f) WARN_UNUSED;

/* --- agents (agent.c): that one is silent, and what one is stuck with --- */

/* Of the line of an agent's own certificate; nothing of one with which nobody reports. `all`: as
 * evaluator_tell. */
int evaluator_agent(struct evaluator *e, struct store_moment *m, const struct judged *line,
                    bool all, int64_t now, struct fault *f) WARN_UNUSED;
bool alert_of_agent(const struct alert *a);
/* What an agent was stuck with may be known no more. */
int evaluator_agent_again(struct evaluator *e, const struct alert *a, int64_t now,
                          struct fault *f) WARN_UNUSED;

/* --- how far it is, over restarts (mark.c) --- */

/* Sets e->change: to `newest` where nothing is known. */
int evaluator_mark_load(struct evaluator *e, uint64_t newest, struct fault *f) WARN_UNUSED;
/* Now and then. */
int evaluator_mark_keep(struct evaluator *e, int64_t now, struct fault *f) WARN_UNUSED;

/* --- alerts (step.c) --- */

void steps_init(struct steps *s);
void steps_free(struct steps *s);
/* A step of an alert, unless it would change nothing; made with steps_flush at the latest. */
int evaluator_step(struct evaluator *e, enum alert_verb verb, const struct alert *seen,
                   const uint8_t key[ALERT_KEY], int64_t now, struct fault *f) WARN_UNUSED;
int steps_flush(struct evaluator *e, struct fault *f) WARN_UNUSED;
/* Is there something of a judged line that people are told? */
bool evaluator_tells(struct evaluator *e, const struct judged *j, int64_t now);
/* What of a judged line people are told. `all`: also what they need not be told any more. */
int evaluator_tell(struct evaluator *e, const struct judged *j, bool all, int64_t now,
                   struct fault *f) WARN_UNUSED;
/* Makes the notice of a step: a struct evaluator. */
void evaluator_notice(void *arg, const struct alert_outcome *o, struct outbox_notice *out);
/* Who is told at a level of escalation. */
const char *evaluator_contact(const struct conf *c, const struct alert *a);

#endif
