/*
 * One identity, judged: its newest certificate, what was written about it, what follows it, what
 * stands in the way of its renewal, and what is wrong with it. Reads the store and the
 * configuration; changes nothing. A judge belongs to one thread.
 */
#ifndef CA_LIFECYCLE_JUDGE_H
#define CA_LIFECYCLE_JUDGE_H

#include "ca/door/authority.h"
#include "ca/store/alerts.h"
#include "ca/store/attempts.h"
#include "ca/store/inventory.h"
#include "watch/rules/finding.h"
#include "watch/rules/line.h"

struct keybits;
struct judge_parts {
    const struct conf *conf;
    struct store *store;
    struct authorities *authorities; /* NULL: nothing is asked of policy (tests) */
    bool reading;                    /* the caller holds authorities_read */
    const struct keybits *shared;    /* with JUDGE_SHARED */
};
struct judge;
struct judge *judge_new(const struct judge_parts *parts);
void judge_free(struct judge *j);
const struct watch_times *judge_times(const struct judge *j);
/* Why nothing is issued at all just now; "" or NULL: it is. */
void judge_closed(struct judge *j, const char *why);

/* Reads the campaigns that run: until then none pulls. */
int judge_campaigns(struct judge *j, struct fault *f) WARN_UNUSED;

#define JUDGE_FINDINGS 1u /* look for them, too */
#define JUDGE_TEXTS 2u    /* for people: names, and what is found in words */
#define JUDGE_SHARED 4u   /* a key that parts.shared does not have is of one identity alone */

struct judged {
    bool stranger; /* the newest: a key of ours signed it, and it was not issued here */
    uint8_t identity[16];
    struct cert_ref newest;
    struct line_facts facts;
    struct line_verdict verdict;
    uint64_t found; /* a FINDING_BIT each */
    char name[160]; /* with JUDGE_TEXTS or when people are to be told */
    char owner[STORE_NAME_MAX], contact[ANNOTATION_TEXT_MAX];
    char profile[STORE_NAME_MAX], requester[STORE_NAME_MAX];
    bool in_the_way;          /* facts.stuck says what is, not what was refused */
    bool refused;             /* a renewal was once; it counts with facts.failed */
    struct attempt attempt;   /* with `refused` */
    struct cert_ref follower; /* with facts.followed */
    void (*why)(void *arg, enum finding rule, const char *text); /* in; NULL: not asked */
    void *arg;
};
/* Its first name, or its subject, cut to fit. */
void judge_name(const struct cert_row *row, char *out, size_t cap);
/* `m`: reads as of it; NULL: as of now. -FAULT_NOT_FOUND when the newest certificate is not there.
 */
int judge_line(struct judge *j, struct store_moment *m, const struct store_line *line, int64_t now,
               unsigned want, struct judged *out, struct fault *f) WARN_UNUSED;

#endif
