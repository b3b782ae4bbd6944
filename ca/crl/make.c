/* What takes time: the draft, and putting the signed list into place. On the publisher's thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/crl/slot.h"
#include "lib/clock.h"
#include "lib/step.h"

#define DRAFT_FILE "crl.draft"
#define NEW_FILE "crl.new"
#define CHANGES 256

static void write_failed(const char *what, struct fault *f)
{
    enum fault_code code = errno == ENOSPC || errno == EDQUOT ? FAULT_FULL : FAULT_INTERNAL;

    (void)fault_set(f, code, "crl.write", "%s: %s", what, strerror(errno));
}

/* ---- what there is ---- */

static bool puts_on_crl(const struct store_change *c, uint16_t issuer)
{
    return c->ref.issuer == issuer &&
           (c->state != CERT_GOOD || c->reason == REASON_REMOVE_FROM_CRL) && c->state != CERT_OPEN;
}

/* Revocations that the last CRL does not have: committed before a crash, not yet published. */
static void find_changes(struct slot *s)
{
    struct store_change c[CHANGES];
    uint64_t after = s->next.change;
    size_t n;

    do {
        if (store_changes_since(s->p->parts.store, after, c, CHANGES, &n, &s->fault) != 0)
            return;
        for (size_t i = 0; i < n && !s->behind; i++)
            s->behind = puts_on_crl(&c[i], (uint16_t)s->number);
        after = n > 0 ? c[n - 1].number : after;
    } while (n > 0 && !s->behind);
}

void crl_step_load(struct slot *s)
{
    struct fault *f = &s->fault;
    struct stat st;

    if (view_issuer_folder(s->p->parts.view, (uint16_t)s->number, &s->dirfd, f) != 0 ||
        store_crl(s->p->parts.store, (uint16_t)s->number, CRL_SCOPE_ALL, &s->next, f) != 0)
        return;
    s->missing = fstatat(s->dirfd, CRL_FILE, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
                 (uint64_t)st.st_size != s->next.octets;
    s->behind = false;
    if (s->next.published != 0)
        find_changes(s);
}

/* ---- the draft ---- */

struct source {
    struct slot *s;
    bool keep; /* nobody leaves */
    uint8_t after[SERIAL_LEN];
    struct store_revoked batch[CRL_SOURCE_BATCH];
};

/* By a clock that is or was wrong, what is valid looks expired. */
static bool keeps_all(const struct slot *s)
{
    struct fault doubt;

    return store_clock(s->p->parts.store, &doubt) != 0 ||
           s->row.scheduled > s->next.this_update + CRL_CLOCK_SLACK;
}

/* RFC 5280 3.3: until it was on one regularly scheduled CRL beyond its validity. */
static bool has_left(const struct source *q, const struct store_revoked *r)
{
    int64_t last = r->not_after > r->time ? r->not_after : r->time;

    return !q->keep && last < q->s->row.scheduled;
}

static void entry_of(const struct store_revoked *r, struct crl_entry *e)
{
    e->serial_len = SERIAL_LEN;
    memcpy(e->serial, r->serial, SERIAL_LEN);
    e->reason = r->reason;
    e->revoked = r->time;
    e->invalidity = r->invalidity;
}

/* Empty batches end the walk, so what has left is passed over here. */
static int next_entries(void *arg, struct crl_entry *out, size_t max, size_t *n, struct fault *f)
{
    struct source *q = arg;
    size_t found;

    *n = 0;
    do {
        if (store_revoked(q->s->p->parts.store, (uint16_t)q->s->number, q->after, q->batch,
                          max < CRL_SOURCE_BATCH ? max : CRL_SOURCE_BATCH, &found, f) != 0)
            return -(int)f->code;
        for (size_t i = 0; i < found; i++)
            if (!has_left(q, &q->batch[i]))
                entry_of(&q->batch[i], &out[(*n)++]);
        if (found > 0)
            memcpy(q->after, q->batch[found - 1].serial, SERIAL_LEN);
    } while (found > 0 && *n == 0);
    return 0;
}

/* The number is durable before anything is signed with it. */
static int take_number(struct slot *s, int64_t now, struct fault *f)
{
    struct store_crl_step step = {.row = {.issuer = (uint16_t)s->number, .scope = CRL_SCOPE_ALL}};
    struct store_op op = {.kind = STORE_CRL, .crl = &step, .time = now};
    struct store_stats stats;

    if (store_do(s->p->parts.store, &op) != 0) {
        *f = op.fault;
        return -(int)f->code;
    }
    if (store_stats(s->p->parts.store, &stats, f) != 0)
        return -(int)f->code;
    s->next = step.row;
    s->next.change = stats.change;
    s->next.this_update = now;
    s->next.next_update = now + s->a->conf->crl_validity;
    if (s->scheduled)
        s->next.scheduled = now;
    STEP("crl.numbered");
    return 0;
}

/* Only descriptors are left of it, so that no crash leaves a draft behind. */
static int open_draft(struct slot *s, struct fault *f)
{
    int fd =
        openat(s->dirfd, DRAFT_FILE, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd >= 0)
        s->read_fd = openat(s->dirfd, DRAFT_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    s->draft.fd = fd;
    if (fd >= 0 && s->read_fd >= 0 && unlinkat(s->dirfd, DRAFT_FILE, 0) == 0)
        return 0;
    write_failed("the draft of a CRL cannot be made", f);
    return -(int)f->code;
}

void crl_close_draft(struct slot *s)
{
    if (s->draft.fd >= 0)
        (void)close(s->draft.fd);
    if (s->read_fd >= 0)
        (void)close(s->read_fd);
    s->draft.fd = s->read_fd = -1;
}

void crl_step_draft(struct slot *s)
{
    struct source *q = xcalloc(1, sizeof(*q));
    struct crl_spec spec = {.alg = s->a->conf->alg, .issuer = buf_slice(&s->subject)};

    q->s = s;
    if (take_number(s, clock_now(), &s->fault) == 0 && open_draft(s, &s->fault) == 0) {
        q->keep = keeps_all(s);
        spec.this_update = s->next.this_update;
        spec.next_update = s->next.next_update;
        spec.number = s->next.number;
        memcpy(spec.authority_key_id, s->key_id, sizeof(spec.authority_key_id));
        if (crl_build(s->draft.fd, &spec, next_entries, q, &s->draft, &s->fault) == 0)
            s->next.entries = s->draft.entries;
    }
    if (s->fault.code != FAULT_NONE)
        crl_close_draft(s);
    free(q);
    STEP("crl.drafted");
}

/* ---- into place ---- */

int crl_open_new(struct slot *s, int *fd, struct fault *f)
{
    *fd = openat(s->dirfd, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    /* Everybody may read it, whatever the umask. */
    if (*fd >= 0 && fchmod(*fd, 0644) == 0)
        return 0;
    write_failed("the CRL cannot be made", f);
    return -(int)f->code;
}

static void fill_audit(const struct slot *s, struct audit_event *e)
{
    char from[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE];

    clock_format(s->next.this_update, from);
    clock_format(s->next.next_update, until);
    e->action = AUDIT_CRL;
    e->time = clock_now();
    e->issuer = (uint16_t)s->number;
    memcpy(e->generation, s->p->parts.conf->generation, sizeof(e->generation));
    snprintf(e->actor, sizeof(e->actor), "%s", s->who.name[0] ? s->who.name : "cerca-ca");
    snprintf(e->origin, sizeof(e->origin), "%s", s->who.origin);
    snprintf(e->detail, sizeof(e->detail),
             "issuer=%.64s number=%llu entries=%llu this_update=%s next_update=%s%s",
             s->a->conf->name, (unsigned long long)s->next.published,
             (unsigned long long)s->next.entries, from, until,
             s->install_fd >= 0 ? " installed" : "");
}

/* Recorded only when it is where others find it. */
static void record(struct slot *s)
{
    struct store_crl_step step = {.publish = true, .row = s->next};
    struct store_op op = {.kind = STORE_CRL, .crl = &step, .time = clock_now()};

    fill_audit(s, &op.audit);
    if (store_do(s->p->parts.store, &op) != 0) {
        s->fault = op.fault;
        return;
    }
    s->next = step.row;
    STEP("crl.recorded");
}

void crl_put_in_place(struct slot *s, int fd)
{
    if (fsync(fd) != 0) {
        write_failed("the CRL cannot be synced", &s->fault);
        return;
    }
    STEP("crl.written");
    if (renameat(s->dirfd, NEW_FILE, s->dirfd, CRL_FILE) != 0 || fsync(s->dirfd) != 0) {
        write_failed("the CRL cannot be put into place", &s->fault);
        return;
    }
    STEP("crl.renamed");
    record(s);
}

void crl_step_finish(struct slot *s)
{
    struct slice signature = buf_slice(&s->signature);
    struct fault *f = &s->fault;
    struct spki key;
    int fd = -1;

    s->next.published = s->next.number;
    if (spki_parse(buf_slice(&s->spki), &key, f) == 0 &&
        crl_verify(&s->draft, &key, s->a->conf->alg, signature, f) == 0 &&
        crl_open_new(s, &fd, f) == 0 &&
        crl_assemble(&s->draft, s->a->conf->alg, signature, fd, &s->next.octets, f) == 0)
        crl_put_in_place(s, fd);
    if (fd >= 0)
        (void)close(fd);
    crl_close_draft(s);
}
