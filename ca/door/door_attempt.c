/* A renewal that was refused is noted with the identity that it was for (ca/store/attempts.h), so
 * that whoever looks at that, and not at the log, learns why it is not renewed. */
#include "ca/door/job.h"

#include <stdlib.h>
#include <string.h>

#include "ca/door/token.h"
#include "ca/store/attempts.h"
#include "lib/clock.h"
#include "lib/notice.h"

/* An operator names the certificate by its serial number; a bearer has shown it. */
static bool find_meant(struct job *j)
{
    struct store *s = j->door->parts.store;
    struct cert_row row;
    struct fault ignored;
    size_t n = 0;

    if (j->meant.known || !j->request.has_replaces)
        return j->meant.known;
    cert_row_init(&row);
    fault_clear(&ignored);
    if (store_find_serial(s, j->request.replaces, &j->meant.ref, 1, &n, &ignored) == 0 && n == 1 &&
        store_get(s, &j->meant.ref, &row, &ignored) == 0 && row.source == SOURCE_ISSUED) {
        memcpy(j->meant.identity, row.identity, sizeof(j->meant.identity));
        j->meant.known = true;
    }
    cert_row_free(&row);
    return j->meant.known;
}

/* Who still has one that was followed long ago hides nothing that is known of its successor. */
static bool is_newest(struct store *s, const struct attempt *a)
{
    struct store_line line;
    struct fault ignored;

    fault_clear(&ignored);
    return store_line(s, a->identity, false, &line, &ignored) != 0 ||
           attempt_counts(a, &line.newest);
}

void job_renewal_refused(struct job *j, const struct fault *f)
{
    struct store *s = j->door->parts.store;
    struct attempt a = {.last = clock_now()}, was;
    struct fault ignored;
    bool known;

    if (j->kind != JOB_REQUEST || j->request.dry_run || !job_is_decided(f) || !find_meant(j))
        return;
    a.ref = j->meant.ref;
    memcpy(a.identity, j->meant.identity, sizeof(a.identity));
    notice_set(a.by, sizeof(a.by), j->token != NULL ? j->token->requester : j->who.name);
    notice_set(a.origin, sizeof(a.origin), j->who.origin);
    notice_set(a.rule, sizeof(a.rule), f->rule);
    notice_set(a.text, sizeof(a.text), f->text);
    if (is_newest(s, &a) && store_attempt(s, a.identity, &was, &known, &ignored) == 0 &&
        !(known && attempt_too_soon(&was, &a)))
        door_note_attempt(j->door, &a);
}
