/*
 * Tokens as the door's evidence (door_token.c). A request with a token may be made by anybody; it
 * gets the token's profile, owner, subject, SID and UPN, and names that match its patterns, and
 * nothing else. Rules: token.unknown, token.profile, token.owner, token.subject, token.replaces,
 * token.name, token.maker here; those of ca/store/tokens.h with the intent.
 */
#ifndef CA_DOOR_TOKEN_H
#define CA_DOOR_TOKEN_H

#include "ca/policy/policy.h"
#include "ca/store/tokens.h"

struct job;

#define TOKEN_SECRET 32 /* octets */

struct job_token {
    struct token_row row;
    struct san_list names; /* asked for, and matching */
    char requester[64];    /* "token:7", the requester on record */
};

/* The text that is handed out, once. A secret. */
void token_text(uint64_t id, const uint8_t secret[TOKEN_SECRET], char out[TOKEN_TEXT_MAX]);

/* Finds the token of the request (j->token) and fixes what it fixes. */
int token_authorise(struct job *j, struct fault *f) WARN_UNUSED;
/* Its maker is still an operator who may ask for the profile. */
int token_maker(const struct job *j, struct fault *f) WARN_UNUSED;
/* After the CSR was parsed: every name that is asked for matches; *out points into the job. */
int token_names(struct job *j, struct policy_authorisation *out, struct fault *f) WARN_UNUSED;
/* After the decision: the subject says no more than the names and the profile do. */
int token_subject(const struct job *j, struct fault *f) WARN_UNUSED;
/* Frees. */
void token_drop(struct job *j);

#endif
