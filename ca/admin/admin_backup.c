/*
 * `cerca backup`: a copy of everything that a CA needs but its token, to the descriptor that the
 * operator's command opened, on a thread of its own, one at a time.
 */
#include "ca/admin/admin_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "ca/store/pace.h"
#include "lib/backupfile.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/jobtimes.h"
#include "lib/log.h"
#include "lib/step.h"

#define PROGRESS_EVERY_US 200000
#define CHUNK 65536
/* A copy keeps pages from being used again: what is written meanwhile needs room of its own. */
#define HEADROOM_LEAST ((uint64_t)64 << 20)

struct record {
    int fd;
    uint64_t octets;
    const char *token;
};

struct backup {
    struct ask *ask;
    const struct admin_parts *parts;
    struct backup_writer writer;
    struct backup_manifest m;
    struct record *record; /* one a token */
    struct backup_done done;
    uint64_t total, told_us;
    struct pace pace;
    struct fault *f;
};

static int tell_progress(struct backup *b)
{
    uint64_t now = clock_mono_us();
    struct buf body;

    if (__atomic_load_n(&b->ask->client->admin->draining, __ATOMIC_RELAXED))
        return fault_unavailable(b->f, 5, "backup.stopped", "cerca-ca is stopping");
    if (now - b->told_us < PROGRESS_EVERY_US)
        return 0;
    b->told_us = now;
    buf_init(&body, 256);
    check_progress_put(&body, "backup", b->writer.at, b->total);
    ask_note(b->ask, MSG_BACKUP_PROGRESS, &body);
    return 0;
}

static int sink(void *arg, struct slice s, struct fault *f)
{
    struct backup *b = arg;

    if (backup_put(&b->writer, s, f) != 0)
        return -(int)f->code;
    pace_rest(&b->pace);
    return tell_progress(b);
}

/* ---- room ---- */

static int check_target(int fd, struct stat *st, struct fault *f)
{
    int flags = fcntl(fd, F_GETFL);

    if (fd < 0 || fstat(fd, st) != 0 || !S_ISREG(st->st_mode) || st->st_size != 0 || flags < 0 ||
        (flags & O_ACCMODE) == O_RDONLY || (flags & (O_APPEND | O_PATH)) != 0)
        return fault_set(f, FAULT_MALFORMED, "backup.file",
                         "a backup is written to an empty regular file");
    return 0;
}

static int check_room(struct backup *b)
{
    struct store_stats s;
    struct statvfs target;
    struct stat out, store;
    uint64_t extra;

    if (check_target(b->ask->fd, &out, b->f) != 0 || store_stats(b->parts->store, &s, b->f) != 0)
        return -(int)b->f->code;
    if (fstatvfs(b->ask->fd, &target) != 0 || stat(b->parts->conf->store_dir, &store) != 0)
        return fault_set(b->f, FAULT_INTERNAL, "backup.room", "%s", strerror(errno));
    b->total = s.durable_bytes;
    extra = s.durable_bytes / 4 > HEADROOM_LEAST ? s.durable_bytes / 4 : HEADROOM_LEAST;
    if (out.st_dev == store.st_dev)
        extra += s.durable_bytes;
    if (s.free_bytes < b->parts->conf->free_watermark + extra)
        return fault_set(b->f, FAULT_FULL, "backup.room",
                         "a backup now needs %llu MiB free on the disk of the store, there are "
                         "%llu; make room, or write it to another disk",
                         (unsigned long long)((b->parts->conf->free_watermark + extra) >> 20),
                         (unsigned long long)(s.free_bytes >> 20));
    if ((uint64_t)target.f_bavail * target.f_frsize < s.durable_bytes)
        return fault_set(b->f, FAULT_FULL, "backup.room",
                         "the backup has %llu MiB, which do not fit where it is to be written",
                         (unsigned long long)(s.durable_bytes >> 20));
    return 0;
}

/* ---- parts ---- */

static struct backup_section *section_begin(struct backup *b, enum backup_kind kind,
                                            const char *name)
{
    struct backup_section *s = &b->m.section[b->m.n];

    if (b->m.n == BACKUPFILE_SECTIONS) {
        (void)fault_set(b->f, FAULT_TOO_LARGE, "backup.sections", "too many parts for a backup");
        return NULL;
    }
    b->m.n++;
    s->kind = kind;
    s->at = b->writer.at;
    snprintf(s->name, sizeof(s->name), "%s", name);
    return s;
}

static int section_put(struct backup *b, enum backup_kind kind, const char *name, struct slice data)
{
    struct backup_section *s = section_begin(b, kind, name);

    if (s == NULL || backup_put(&b->writer, data, b->f) != 0)
        return -1;
    s->octets = data.n;
    return 0;
}

static int put_certificate(void *arg, const struct store_issuer *i)
{
    struct backup *b = arg;
    char name[80];

    snprintf(name, sizeof(name), "%.64s-%u", i->name, i->number);
    return i->certificate.n == 0 ? 0 : section_put(b, BACKUP_CERTIFICATE, name, i->certificate);
}

/* Before the store is copied: a draft is recorded in the store before its signer's entry, so that
 * every entry in the backup has its intent there. */
static int open_record(const char *path, struct record *r, struct fault *f)
{
    struct stat st;

    r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (r->fd < 0 && errno == ENOENT) /* this token has not signed yet */
        return 0;
    if (r->fd < 0 || fstat(r->fd, &st) != 0)
        return fault_set(f, FAULT_INTERNAL, "backup.record", "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return fault_set(f, FAULT_INTERNAL, "backup.record", "%s is no file", path);
    r->octets = (uint64_t)st.st_size;
    return 0;
}

static int open_records(struct backup *b)
{
    const struct conf *conf = b->parts->conf;
    struct buf path;
    int rc = 0;

    b->record = xcalloc(conf->n_tokens, sizeof(b->record[0]));
    for (size_t i = 0; i < conf->n_tokens; i++)
        b->record[i].fd = -1;
    buf_init(&path, 4096);
    for (size_t i = 0; i < conf->n_tokens && rc == 0; i++) {
        buf_reset(&path);
        buf_printf(&path, "%s/%s.record", conf->record_dir, conf->tokens[i].name);
        b->record[i].token = conf->tokens[i].name;
        rc = open_record(buf_cstr(&path), &b->record[i], b->f);
        b->total += b->record[i].octets;
    }
    buf_free(&path);
    return rc;
}

static void close_records(struct backup *b)
{
    for (size_t i = 0; i < b->parts->conf->n_tokens; i++)
        if (b->record[i].fd >= 0)
            (void)close(b->record[i].fd);
    free(b->record);
}

static int put_record(struct backup *b, const struct record *r)
{
    struct backup_section *s = section_begin(b, BACKUP_RECORD, r->token);
    uint8_t chunk[CHUNK];

    while (s != NULL && s->octets < r->octets) {
        uint64_t left = r->octets - s->octets;
        size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);

        if (backup_read(r->fd, s->octets, chunk, n, b->f) != 0 ||
            sink(b, slice_of(chunk, n), b->f) != 0)
            return -1;
        s->octets += n;
    }
    return s == NULL ? -1 : 0;
}

/* There is none before the first was signed. */
static int take_checkpoint(struct backup *b)
{
    struct buf path, text;
    struct fault none;
    int rc;

    buf_init(&path, 4096);
    buf_init(&text, 0);
    buf_printf(&path, "%s/checkpoint", ledger_dir(b->parts->ledger));
    rc = file_read(buf_cstr(&path), sizeof(b->m.checkpoint) - 1, &text, &none);
    if (rc == 0)
        memcpy(b->m.checkpoint, buf_cstr(&text), text.n);
    else if (rc == -FAULT_NOT_FOUND)
        rc = 0;
    else
        *b->f = none;
    buf_free(&path);
    buf_free(&text);
    return rc;
}

static int put_image(struct backup *b)
{
    struct store_stats s;

    if (store_copy(b->parts->store, sink, b, &s, b->f) != 0)
        return -1;
    b->m.image = b->writer.at;
    memcpy(b->m.uuid, s.uuid, sizeof(b->m.uuid));
    b->m.schema = s.schema;
    b->m.change = b->done.change = s.change;
    b->m.last_tick = s.last_tick;
    b->m.last_commit = s.last_commit;
    b->m.certificates = b->done.certificates = s.certificates;
    b->m.audit_log = s.audit_log;
    b->m.audit_size = b->done.audit_size = s.audit_size;
    memcpy(b->m.audit_root, s.audit_root, sizeof(b->m.audit_root));
    return 0;
}

static int put_all(struct backup *b)
{
    const struct conf *conf = b->parts->conf;

    b->m.time = clock_now();
    snprintf(b->m.program, sizeof(b->m.program), "%s", CERCA_VERSION);
    memcpy(b->m.generation, conf->generation, sizeof(b->m.generation));
    if (take_checkpoint(b) != 0 || put_image(b) != 0 ||
        section_put(b, BACKUP_CONFIGURATION, "cerca.conf", slice_str(conf->text)) != 0 ||
        store_issuers(b->parts->store, put_certificate, b, b->f) != 0 || b->f->code != FAULT_NONE)
        return -1;
    for (size_t i = 0; i < conf->n_tokens; i++)
        if (b->record[i].fd >= 0 && put_record(b, &b->record[i]) != 0)
            return -1;
    STEP("backup.parts");
    if (backup_end(&b->writer, &b->m, b->done.sha256, b->f) != 0)
        return -1;
    b->done.octets = b->writer.at;
    return 0;
}

/* ---- audit ---- */

static int record_backup(struct backup *b)
{
    const struct requester *who = &b->ask->client->who;
    struct store_op op = {.kind = STORE_AUDIT, .time = clock_now()};
    char hash[65];

    hex_encode(slice_of(b->done.sha256, 32), hash);
    op.audit.action = AUDIT_BACKUP;
    op.audit.time = op.time;
    memcpy(op.audit.generation, b->parts->conf->generation, sizeof(op.audit.generation));
    snprintf(op.audit.actor, sizeof(op.audit.actor), "%s", who->name);
    snprintf(op.audit.origin, sizeof(op.audit.origin), "%s", who->origin);
    snprintf(op.audit.detail, sizeof(op.audit.detail), "change %llu, %llu octets, sha256 %s",
             (unsigned long long)b->m.change, (unsigned long long)b->done.octets, hash);
    if (store_do(b->parts->store, &op) == 0)
        return 0;
    *b->f = op.fault;
    return -1;
}

/* ---- the thread ---- */

static void backup_ended(void *arg)
{
    struct backup *b = arg;
    struct ask *q = b->ask;

    end_backup(q->client->admin);
    if (q->fault.code != FAULT_NONE) {
        ask_fail(q, &q->fault);
    } else {
        backup_done_put(&q->out, &b->done);
        ask_answer(q, MSG_BACKUP_DONE, buf_slice(&q->out));
    }
    free(b);
}

static void *backup_main(void *arg)
{
    struct backup *b = arg;

    /* Issuing goes first: this thread, and the one that it starts, take what is left over. */
    pace_begin(&b->pace, b->parts->store, PACE_BACKGROUND);
    backup_begin(&b->writer, b->ask->fd);
    if (open_records(b) != 0 || put_all(b) != 0 || record_backup(b) != 0)
        log_fault(LOG_LEVEL_ERROR, "backup.failed", b->f, NULL);
    else
        log_info("backup.written", "change", log_num((int64_t)b->m.change), "octets",
                 log_num((int64_t)b->done.octets), NULL);
    job_noted(JOB_BACKUP, b->f->code == FAULT_NONE);
    backup_writer_free(&b->writer);
    close_records(b);
    loop_post(b->parts->loop, backup_ended, b);
    return NULL;
}

void start_backup(struct ask *q)
{
    struct admin *a = q->client->admin;
    struct backup *b;

    if (a->backing_up) {
        (void)fault_unavailable(&q->fault, 30, "backup.running",
                                "a backup is being written already, retry after 30 s");
        ask_fail(q, &q->fault);
        return;
    }
    b = xcalloc(1, sizeof(*b));
    b->ask = q;
    b->parts = &a->parts;
    b->f = &q->fault;
    if (check_room(b) == 0 && pthread_create(&a->backup_thread, NULL, backup_main, b) == 0) {
        a->backing_up = true;
        return;
    }
    if (q->fault.code == FAULT_NONE)
        (void)fault_unavailable(&q->fault, 10, "backup.thread", "no thread for the backup");
    ask_fail(q, &q->fault);
    free(b);
}

void end_backup(struct admin *a)
{
    if (!a->backing_up)
        return;
    pthread_join(a->backup_thread, NULL);
    a->backing_up = false;
}
