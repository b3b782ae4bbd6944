#include "ca/admin/record_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/store/crls.h"
#include "lib/key.h"
#include "lib/signrecord.h"

#define READ_ENTRIES 1024

struct walk {
    struct store *store;
    const struct store_check_report *report;
    const char *token;
    struct cert_row row;
    uint64_t position, findings; /* position: entries seen */
};

static void find(struct walk *w, const char *rule, const struct signrecord_entry *e,
                 const char *what)
{
    char serial[2 * SERIAL_LEN + 1], text[256];

    hex_encode(slice_of(e->serial, SERIAL_LEN), serial);
    snprintf(text, sizeof(text), "entry %llu of the record of token \"%.64s\", serial %s: %s",
             (unsigned long long)w->position, w->token, serial, what);
    w->findings++;
    w->report->finding(w->report->arg, rule, text);
}

/* The store's number of the issuer whose key begins like that; 0: none. */
struct wanted {
    const uint8_t *key;
    uint16_t number;
};

static int match_issuer(void *arg, const struct store_issuer *i)
{
    struct wanted *w = arg;

    if (memcmp(i->spki_hash, w->key, SIGNRECORD_KEY_LEN) == 0)
        w->number = i->number;
    return w->number != 0;
}

/* A CRL's number is taken in the store before it is signed. */
static int check_crl(struct walk *w, const struct signrecord_entry *e, uint32_t scope,
                     uint64_t number, struct fault *f)
{
    struct wanted issuer = {.key = e->key};
    struct store_crl row = {.number = 0};

    if (store_issuers(w->store, match_issuer, &issuer, f) != 0)
        return -(int)f->code;
    if (issuer.number != 0 && store_crl(w->store, issuer.number, scope, &row, f) != 0)
        return -(int)f->code;
    if (number > row.number)
        find(w, "record.crl", e, "a CRL was signed whose number was never taken");
    return 0;
}

/* The TBS of one of the certificates with that serial must be what was signed. */
static int check_entry(struct walk *w, const struct signrecord_entry *e, struct fault *f)
{
    static const uint8_t no_serial[SERIAL_LEN] = {0};
    struct cert_ref refs[4];
    uint8_t hash[32];
    uint64_t number;
    uint32_t scope;
    size_t n;

    if (e->number != w->position)
        find(w, "record.number", e, "an entry is missing or out of place");
    if (memcmp(e->serial, no_serial, SERIAL_LEN) == 0) /* a request, which binds nobody */
        return 0;
    if (signrecord_crl_get(e->serial, &scope, &number))
        return check_crl(w, e, scope, number, f);
    int rc = store_find_serial(w->store, e->serial, refs, 4, &n, f);

    if (rc != 0 && rc != -FAULT_NOT_FOUND)
        return rc;
    if (n == 0) {
        fault_clear(f); /* a finding: the walk goes on */
        find(w, "record.intent", e, "signed, but no intent is recorded");
    }
    for (size_t i = 0; i < n; i++) {
        if (store_get(w->store, &refs[i], &w->row, f) != 0)
            return -(int)f->code;
        sha256(w->row.tbs, hash);
        if (w->row.tbs.n == 0) /* lost in a restore: only its serial is known */
            return 0;
        if (memcmp(hash, e->tbs_hash, sizeof(hash)) == 0)
            return 0;
    }
    if (n > 0)
        find(w, "record.tbs", e, "what was signed is not what was recorded");
    return 0;
}

static int check_file(struct walk *w, int fd, uint64_t total, struct fault *f)
{
    uint8_t space[READ_ENTRIES * SIGNRECORD_ENTRY];
    struct signrecord_entry e;

    while (w->position < total) {
        uint64_t left = total - w->position;
        size_t want = (left < READ_ENTRIES ? (size_t)left : READ_ENTRIES) * SIGNRECORD_ENTRY;

        errno = EIO; /* what a short read means */
        if (pread(fd, space, want, (off_t)(w->position * SIGNRECORD_ENTRY)) != (ssize_t)want)
            return fault_set(f, FAULT_INTERNAL, "record.read", "the record of token \"%s\": %s",
                             w->token, strerror(errno));
        for (size_t at = 0; at < want; at += SIGNRECORD_ENTRY) {
            signrecord_get(space + at, &e);
            w->position++;
            if (check_entry(w, &e, f) != 0)
                return -(int)f->code;
        }
        if (!w->report->progress(w->report->arg, "signer's record", w->position, total))
            return fault_unavailable(f, 1, "check.stopped", "the check was stopped");
    }
    return 0;
}

static int check_token(const struct conf *conf, struct walk *w, struct fault *f)
{
    struct buf path;
    struct stat st;
    int fd, rc = 0;

    buf_init(&path, 4096);
    buf_printf(&path, "%s/%s.record", conf->record_dir, w->token);
    fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &st) == 0)
        rc = S_ISREG(st.st_mode)
                 ? check_file(w, fd, (uint64_t)st.st_size / SIGNRECORD_ENTRY, f)
                 : fault_set(f, FAULT_INTERNAL, "record.read", "%s is no file", buf_cstr(&path));
    else if (fd >= 0 || errno != ENOENT)
        rc =
            fault_set(f, FAULT_INTERNAL, "record.read", "%s: %s", buf_cstr(&path), strerror(errno));
    if (fd >= 0)
        close(fd);
    buf_free(&path);
    return rc;
}

int record_check(const struct conf *conf, struct store *s, const struct store_check_report *r,
                 uint64_t *findings, struct fault *f)
{
    int rc = 0;

    for (size_t i = 0; i < conf->n_tokens && rc == 0; i++) {
        struct walk w = {.store = s, .report = r, .token = conf->tokens[i].name};

        cert_row_init(&w.row);
        rc = check_token(conf, &w, f);
        cert_row_free(&w.row);
        *findings += w.findings;
    }
    return rc;
}
