/* One decision under way: what the files of policy share. */
#ifndef CA_POLICY_POLICY_RUN_H
#define CA_POLICY_POLICY_RUN_H

#include "ca/policy/policy.h"

struct policy_run {
    const struct policy_input *in;
    struct decision *d;
    struct fault *first; /* refusal; code FAULT_NONE: none so far */
    const char *step;    /* under way */
    bool refused;        /* something in it */
};

/* Takes note of a refusal. True when the decision goes on all the same, to find more of them; then
 * the fault is cleared. */
bool policy_goes_on(struct policy_run *r, struct fault *f);

/* policy_report.c: tells a refusal, the step that went well, what was made besides. */
void policy_report_refusal(const struct policy_run *r, const struct fault *f);
void policy_report_step(const struct policy_run *r);
void policy_report_made(const struct policy_run *r);

/* The steps. Each returns 0 or the negative code of its fault, after which nothing else of it is
 * looked at. */
int policy_requester(struct policy_run *r, struct fault *f);  /* policy_grant.c */
int policy_extensions(struct policy_run *r, struct fault *f); /* policy_csr.c */
int policy_sans(struct policy_run *r, struct fault *f);       /* policy_sans.c */
int policy_subject(struct policy_run *r, struct fault *f);    /* policy_subject.c */

/* policy_grant.c: may this requester have this name? "grant.name". */
int policy_grant_name(const struct policy_input *in, const struct san *s, struct fault *f);
/* May he vouch for this UPN, or for a security identifier (the URI form)? */
bool policy_grant_vouches(const struct policy_input *in, const struct san *s);
/* Is he bound to certain names, so that a CN must be one of them? */
bool policy_names_bound(const struct policy_input *in);
/* A refusal about a name (policy_names.c). */
int policy_refuse_name(const char *rule, const struct san *s, const char *allowed, struct fault *f);

#endif
