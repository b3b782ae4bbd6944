#include "ca/signer/record.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/signrecord.h"

#define SYNC_EVERY_US 1000000
/* After a power loss whole pages of the last second may be missing; more than
 * this cannot be explained by one. */
#define CUT_MAX (16u << 20)

struct record {
    int fd;
    uint64_t count; /* entries in the file */
    bool dirty;     /* written since the last sync */
    bool closing;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    pthread_mutex_t crl_lock; /* before `lock`; over what follows */
    bool crls_read;
    struct signrecord_entry *crls; /* the newest of each key and scope */
    size_t n_crls;
};

static uint64_t entry_number(const uint8_t e[RECORD_ENTRY])
{
    uint64_t v = 0;

    for (size_t i = 0; i < 8; i++)
        v = v << 8 | e[i];
    return v;
}

static void number_put(uint8_t out[8], uint64_t number)
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(number >> (56 - 8 * i));
}

static void entry_put(uint8_t out[RECORD_ENTRY], uint64_t number, const struct record_entry *e)
{
    number_put(out, number);
    memcpy(out + 8, e->key, RECORD_KEY_LEN);
    memcpy(out + 16, e->serial.p, SERIAL_LEN);
    memcpy(out + 32, e->tbs_hash, 32);
}

/* Looks back from the end for the last entry that knows its own place. */
static int find_end(int fd, uint64_t size, uint64_t *end)
{
    uint8_t e[RECORD_ENTRY];

    for (*end = size - size % RECORD_ENTRY; *end > 0; *end -= RECORD_ENTRY) {
        if (size - *end > CUT_MAX ||
            pread(fd, e, sizeof(e), (off_t)(*end - RECORD_ENTRY)) != (ssize_t)sizeof(e))
            return -1;
        if (entry_number(e) == *end / RECORD_ENTRY)
            return 0;
    }
    return size > CUT_MAX ? -1 : 0;
}

static bool is_hole(const uint8_t e[RECORD_ENTRY])
{
    static const uint8_t zeros[RECORD_ENTRY];

    return memcmp(e, zeros, RECORD_ENTRY) == 0;
}

/* Later pages may have reached the disk and earlier ones not. What they had is lost, and what came
 * behind stays: an entry of nothing but its number stands for each. `fd` must not be O_APPEND. */
static int fill_holes(int fd, uint64_t end, uint64_t *filled)
{
    uint8_t space[256 * RECORD_ENTRY], e[RECORD_ENTRY];
    uint64_t at = end > CUT_MAX ? end - CUT_MAX : 0;

    for (*filled = 0; at < end; at += sizeof(space)) {
        size_t n = end - at < sizeof(space) ? (size_t)(end - at) : sizeof(space);

        if (pread(fd, space, n, (off_t)at) != (ssize_t)n)
            return -1;
        for (size_t i = 0; i < n; i += RECORD_ENTRY) {
            if (!is_hole(space + i))
                continue;
            memset(e, 0, sizeof(e));
            number_put(e, (at + i) / RECORD_ENTRY + 1);
            if (pwrite(fd, e, sizeof(e), (off_t)(at + i)) != (ssize_t)sizeof(e))
                return -1;
            ++*filled;
        }
    }
    return *filled > 0 ? fdatasync(fd) : 0;
}

static int repair_holes(const char *path, uint64_t end, struct fault *f)
{
    uint64_t filled = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    int rc = fd < 0 || fill_holes(fd, end, &filled) != 0
                 ? fault_set(f, FAULT_INTERNAL, "signer.record", "%s: %s", path, strerror(errno))
                 : 0;

    if (fd >= 0)
        (void)close(fd);
    if (filled > 0)
        log_warn("signer.record.holes", "file", path, "lost_entries", log_num((int64_t)filled),
                 NULL);
    return rc;
}

static int repair(struct record *r, const char *path, struct fault *f)
{
    struct stat st;
    uint64_t end;

    if (fstat(r->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return fault_set(f, FAULT_CONFIG, "signer.record", "%s: not a regular file", path);
    if (find_end(r->fd, (uint64_t)st.st_size, &end) != 0)
        return fault_set(f, FAULT_CONFIG, "signer.record.damaged",
                         "%s: its end is no record; keep it, and move it away", path);
    if (end != (uint64_t)st.st_size) {
        log_warn("signer.record.repaired", "file", path, "cut_octets",
                 log_num((int64_t)((uint64_t)st.st_size - end)), NULL);
        if (ftruncate(r->fd, (off_t)end) != 0)
            return fault_set(f, FAULT_INTERNAL, "signer.record", "%s: %s", path, strerror(errno));
    }
    r->count = end / RECORD_ENTRY;
    return repair_holes(path, end, f);
}

static void rest(struct record *r)
{
    uint64_t until = clock_mono_us() + SYNC_EVERY_US;
    const struct timespec t = {.tv_sec = (time_t)(until / 1000000),
                               .tv_nsec = (long)(until % 1000000) * 1000};

    while (!r->closing &&
           pthread_cond_clockwait(&r->wake, &r->lock, CLOCK_MONOTONIC, &t) != ETIMEDOUT)
        ;
}

/* Waits until something was written, syncs it, rests for a second. */
static void *sync_run(void *arg)
{
    struct record *r = arg;

    (void)pthread_mutex_lock(&r->lock);
    while (!r->closing) {
        if (!r->dirty) {
            (void)pthread_cond_wait(&r->wake, &r->lock);
            continue;
        }
        r->dirty = false;
        (void)pthread_mutex_unlock(&r->lock);
        if (fdatasync(r->fd) != 0)
            log_error("signer.record.sync-failed", "why", strerror(errno), NULL);
        (void)pthread_mutex_lock(&r->lock);
        rest(r);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return NULL;
}

int record_open(const char *path, struct record **out, struct fault *f)
{
    struct record *r = xcalloc(1, sizeof(*r));
    int rc;

    *out = NULL;
    r->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (r->fd < 0)
        rc = file_refused(f, "signer.record", path);
    /* For the group of a folder that others may not enter: cerca store check compares the record
     * with the store. */
    else if (fchmod(r->fd, 0640) != 0)
        rc = file_refused(f, "signer.record", path);
    else if (flock(r->fd, LOCK_EX | LOCK_NB) != 0)
        rc = fault_unavailable(f, 1, "signer.record.busy", "%s: another signer has it", path);
    else
        rc = repair(r, path, f);
    if (rc == 0) {
        (void)pthread_mutex_init(&r->lock, NULL);
        (void)pthread_mutex_init(&r->crl_lock, NULL);
        (void)pthread_cond_init(&r->wake, NULL);
        if (pthread_create(&r->thread, NULL, sync_run, r) != 0)
            rc = fault_set(f, FAULT_INTERNAL, "signer.record", "no thread to sync it");
    }
    if (rc != 0) {
        if (r->fd >= 0)
            (void)close(r->fd);
        free(r);
        return rc;
    }
    *out = r;
    return 0;
}

void record_close(struct record *r)
{
    if (r == NULL)
        return;
    (void)pthread_mutex_lock(&r->lock);
    r->closing = true;
    (void)pthread_cond_signal(&r->wake);
    (void)pthread_mutex_unlock(&r->lock);
    (void)pthread_join(r->thread, NULL);
    if (fdatasync(r->fd) != 0)
        log_error("signer.record.sync-failed", "why", strerror(errno), NULL);
    (void)close(r->fd);
    (void)pthread_mutex_destroy(&r->lock);
    (void)pthread_mutex_destroy(&r->crl_lock);
    free(r->crls);
    (void)pthread_cond_destroy(&r->wake);
    free(r);
}

static int write_entries(struct record *r, const uint8_t *p, size_t n, struct fault *f)
{
    ssize_t done;

    do
        done = write(r->fd, p, n);
    while (done < 0 && errno == EINTR);
    if (done == (ssize_t)n)
        return 0;
    /* Full disk: half an entry would hide all that follow. */
    if (done > 0 && ftruncate(r->fd, (off_t)(r->count * RECORD_ENTRY)) != 0) {
        log_error("signer.record.torn", NULL);
        exit(EXIT_FAILURE);
    }
    (void)fault_set(f, FAULT_FULL, "signer.record.full", "the signer's record cannot grow: %s",
                    done < 0 ? strerror(errno) : "disk full");
    f->retry_after = 10;
    return -FAULT_FULL;
}

int record_append(struct record *r, const struct record_entry *e, size_t n, struct fault *f)
{
    uint8_t out[RECORD_BATCH * RECORD_ENTRY];
    int rc;

    if (n > RECORD_BATCH)
        return fault_set(f, FAULT_TOO_LARGE, "signer.record", "%zu entries at once", n);
    (void)pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < n; i++)
        entry_put(out + i * RECORD_ENTRY, r->count + 1 + i, &e[i]);
    rc = write_entries(r, out, n * RECORD_ENTRY, f);
    if (rc == 0) {
        r->count += n;
        if (!r->dirty)
            (void)pthread_cond_signal(&r->wake);
        r->dirty = true;
    }
    (void)pthread_mutex_unlock(&r->lock);
    return rc;
}

uint64_t record_count(struct record *r)
{
    uint64_t n;

    (void)pthread_mutex_lock(&r->lock);
    n = r->count;
    (void)pthread_mutex_unlock(&r->lock);
    return n;
}

/* --- CRLs ------------------------------------------------------------------------------------ */

/* The newest of the same key and scope; NULL: none. */
static struct signrecord_entry *crl_find(struct record *r, const uint8_t *key, uint32_t scope)
{
    uint32_t other;
    uint64_t number;

    for (size_t i = 0; i < r->n_crls; i++)
        if (memcmp(r->crls[i].key, key, RECORD_KEY_LEN) == 0 &&
            signrecord_crl_get(r->crls[i].serial, &other, &number) && other == scope)
            return &r->crls[i];
    return NULL;
}

static void crl_note(struct record *r, const struct signrecord_entry *e)
{
    struct signrecord_entry *last;
    uint32_t scope;
    uint64_t number;

    if (!signrecord_crl_get(e->serial, &scope, &number))
        return;
    last = crl_find(r, e->key, scope);
    if (last == NULL) {
        r->crls = xreallocarray(r->crls, r->n_crls + 1, sizeof(*r->crls));
        last = &r->crls[r->n_crls++];
    }
    *last = *e;
}

/* What is in the file never changes, so nobody who signs certificates waits for this. */
static int crls_read(struct record *r, struct fault *f)
{
    uint8_t space[256 * RECORD_ENTRY];
    struct signrecord_entry e;
    uint64_t count = record_count(r);

    for (uint64_t at = 0; at < count;) {
        size_t n = count - at < 256 ? (size_t)(count - at) : 256;

        if (pread(r->fd, space, n * RECORD_ENTRY, (off_t)(at * RECORD_ENTRY)) !=
            (ssize_t)(n * RECORD_ENTRY))
            return fault_set(f, FAULT_INTERNAL, "signer.record", "the record cannot be read");
        for (size_t i = 0; i < n; i++) {
            signrecord_get(space + i * RECORD_ENTRY, &e);
            crl_note(r, &e);
        }
        at += n;
    }
    r->crls_read = true;
    return 0;
}

static int number_rises(const struct signrecord_entry *last, uint64_t number,
                        const uint8_t tbs_hash[32], bool *again, struct fault *f)
{
    uint64_t newest = 0;
    uint32_t scope;
    char allowed[64];

    *again = false;
    if (last == NULL || !signrecord_crl_get(last->serial, &scope, &newest) || number > newest)
        return 0;
    *again = number == newest && memcmp(last->tbs_hash, tbs_hash, 32) == 0;
    if (*again)
        return 0;
    (void)snprintf(allowed, sizeof(allowed), "greater than %llu, which is signed already",
                   (unsigned long long)newest);
    return fault_refuse(f, "signer.number", "cRLNumber", SLICE_NONE, allowed);
}

static int was_signed(const struct signrecord_entry *last, struct fault *f)
{
    return last != NULL ? 0
                        : fault_refuse(f, "signer.extension", "issuingDistributionPoint",
                                       SLICE_NONE, "a part of crl_shards, or of what it once was");
}

int record_append_crl(struct record *r, const uint8_t *key, const struct guard_crl *crl,
                      struct fault *f)
{
    struct signrecord_entry e = {.number = 0}, *last;
    struct record_entry out = {.key = key, .serial = slice_of(e.serial, SERIAL_LEN)};
    bool again = false;
    int rc;

    memcpy(e.key, key, RECORD_KEY_LEN);
    memcpy(e.tbs_hash, crl->tbs_hash, sizeof(e.tbs_hash));
    memcpy(out.tbs_hash, crl->tbs_hash, sizeof(out.tbs_hash));
    signrecord_crl_put(crl->scope, crl->number, e.serial);
    (void)pthread_mutex_lock(&r->crl_lock);
    rc = r->crls_read ? 0 : crls_read(r, f);
    last = crl_find(r, key, crl->scope);
    if (rc == 0 && crl->earlier)
        rc = was_signed(last, f);
    if (rc == 0)
        rc = number_rises(last, crl->number, crl->tbs_hash, &again, f);
    if (rc == 0 && !again)
        rc = record_append(r, &out, 1, f);
    if (rc == 0)
        crl_note(r, &e);
    (void)pthread_mutex_unlock(&r->crl_lock);
    return rc;
}
