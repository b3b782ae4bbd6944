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

static void write_failed(const char *what, struct fault *f)
{
    enum fault_code code = errno == ENOSPC || errno == EDQUOT ? FAULT_FULL : FAULT_INTERNAL;

    (void)fault_set(f, code, "crl.write", "%s: %s", what, strerror(errno));
}

/* ---- the draft ---- */

/* The number is durable before anything is signed with it. */
static int take_number(struct slot *s, int64_t now, struct fault *f)
{
    struct store_crl_step step = {
        .row = {.issuer = (uint16_t)s->number, .scope = crl_name_scope(&s->name)}};
    struct store_op op = {.kind = STORE_CRL, .crl = &step, .time = now};
    const struct conf_issuer *conf = s->a->conf;
    bool delta = s->name.kind == CRL_DELTA;
    struct store_stats stats;

    if (store_do(s->p->parts.store, &op) != 0) {
        *f = op.fault;
        return -(int)f->code;
    }
    if (store_stats(s->p->parts.store, &stats, f) != 0)
        return -(int)f->code;
    if (!delta)
        s->next = step.row;
    s->next.number = step.row.number;
    s->next.change = stats.change;
    s->next.this_update = now;
    s->next.next_update = now + (delta ? conf->crl_delta_validity : conf->crl_validity);
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
    struct crl_spec spec = {.alg = s->a->conf->alg, .issuer = buf_slice(&s->subject)};
    struct crl_content *content = NULL;

    if (take_number(s, clock_now(), &s->fault) == 0 && open_draft(s, &s->fault) == 0 &&
        crl_content_new(s, &content, &spec, &s->fault) == 0) {
        spec.this_update = s->next.this_update;
        spec.next_update = s->next.next_update;
        spec.number = s->next.number;
        memcpy(spec.authority_key_id, s->key_id, sizeof(spec.authority_key_id));
        if (crl_build(s->draft.fd, &spec, crl_content_next, content, &s->draft, &s->fault) == 0)
            s->next.entries = s->draft.entries;
    }
    if (s->fault.code != FAULT_NONE)
        crl_close_draft(s);
    crl_content_free(content);
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
    char from[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE], list[CRL_NAME_MAX], base[32] = "";

    crl_name_print(&s->name, list);
    if (s->next.base != 0)
        (void)snprintf(base, sizeof(base), " base=%llu", (unsigned long long)s->next.base);
    clock_format(s->next.this_update, from);
    clock_format(s->next.next_update, until);
    e->action = AUDIT_CRL;
    e->time = clock_now();
    e->issuer = (uint16_t)s->number;
    memcpy(e->generation, s->p->parts.conf->generation, sizeof(e->generation));
    snprintf(e->actor, sizeof(e->actor), "%s", s->who.name[0] ? s->who.name : "cerca-ca");
    snprintf(e->origin, sizeof(e->origin), "%s", s->who.origin);
    snprintf(e->detail, sizeof(e->detail),
             "issuer=%.64s list=%s number=%llu%s entries=%llu this_update=%s next_update=%s%s",
             s->a->conf->name, list, (unsigned long long)s->next.published, base,
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
    char file[CRL_FILE_MAX];

    crl_name_file(&s->name, file);
    if (fsync(fd) != 0) {
        write_failed("the CRL cannot be synced", &s->fault);
        return;
    }
    STEP("crl.written");
    if (renameat(s->dirfd, NEW_FILE, s->dirfd, file) != 0 || fsync(s->dirfd) != 0) {
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
