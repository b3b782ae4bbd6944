/* Certificates that a key of ours signed and nobody here issued: what people are told of them. */
#include "ca/lifecycle/evaluate_inner.h"

#include <stdio.h>
#include <string.h>

static const char *rule(void)
{
    return finding_rules[FINDING_STRANGER].id;
}

/* To who looks after security at once, whoever owns what it names. */
static void describe(const struct evaluator *e, const struct cert_row *row, struct alert *a)
{
    const char *contact = e->parts.judge.conf->alert_security;
    char hex[65], text[256];

    memset(a, 0, sizeof(*a));
    notice_set(a->rule, sizeof(a->rule), rule());
    hex_encode(slice_of(row->identity, sizeof(row->identity)), a->subject);
    judge_name(row, a->name, sizeof(a->name));
    a->has_identity = true;
    memcpy(a->identity, row->identity, sizeof(a->identity));
    a->severity = SEVERITY_CRITICAL;
    a->told = 1;
    notice_set(a->contact, sizeof(a->contact), contact == NULL ? "" : contact);
    hex_encode(slice_of(row->fingerprint, sizeof(row->fingerprint)), hex);
    (void)snprintf(
        text, sizeof(text),
        "the key of an issuer of this CA signed it, and it was not issued here: somebody "
        "else has the use of that key (SHA-256 %s)",
        hex);
    notice_set(a->summary, sizeof(a->summary), text);
}

/* It never ceases to be true by itself: an operator says that it is known. */
static int tell(struct evaluator *e, const struct alert *a, int64_t now, struct fault *f)
{
    uint8_t key[ALERT_KEY];
    bool known = excepted_find(&e->except, FINDING_STRANGER, a->identity, now) != NULL;

    alert_key(a->rule, a->subject, key);
    return evaluator_step(e, known ? ALERT_GONE : ALERT_SEEN, known ? NULL : a, key, now, f);
}

int evaluator_stranger(struct evaluator *e, const struct cert_row *row, int64_t now,
                       struct fault *f)
{
    struct alert a;

    if (!row->stranger)
        return 0;
    describe(e, row, &a);
    return tell(e, &a, now, f);
}

int evaluator_stranger_newest(struct evaluator *e, const struct judged *j, int64_t now,
                              struct fault *f)
{
    struct cert_row row;
    int rc;

    if (!j->stranger)
        return 0;
    cert_row_init(&row);
    rc = store_get(e->parts.judge.store, &j->newest, &row, f);
    if (rc == 0)
        rc = evaluator_stranger(e, &row, now, f);
    cert_row_free(&row);
    return rc;
}

bool alert_of_stranger(const struct alert *a)
{
    return strcmp(a->rule, rule()) == 0;
}

int evaluator_stranger_again(struct evaluator *e, const struct alert *a, int64_t now,
                             struct fault *f)
{
    return tell(e, a, now, f);
}
