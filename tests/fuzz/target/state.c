/* What our programs keep of their work, by the first octet: an agent's entry, how far a log of
 * Certificate Transparency was read, how far a scan is, which keys in a token are ours, keys in the
 * memory that outlives a program. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/keyledger.h"
#include "agent/record.h"
#include "lib/keep.h"
#include "lib/key.h"
#include "tests/fuzz/fuzz.h"
#include "tools/ctstate.h"
#include "tools/scanstate.h"

/* Whatever is there, there is a state to go on from. */
static void check_record(struct slice in)
{
    static struct record r;
    struct agent_cert c = {.name = "web", .state_dir = (char *)(uintptr_t)fuzz_folder()};
    struct fault f;

    (void)fuzz_file("state", in);
    FUZZ_CHECK(record_load(&c, &r, &f) == 0);
    FUZZ_CHECK(r.state >= STATE_TRACKED && r.state <= STATE_MAX && r.n_seen <= RECORD_SEEN_MAX);
    FUZZ_CHECK(memchr(r.reason, '\0', sizeof(r.reason)) != NULL);
}

static void check_log(struct slice in)
{
    static struct ct_state s;
    struct fault f;
    bool found;
    int rc;

    memset(&s, 0, sizeof(s));
    rc = ct_state_load(fuzz_file("log", in), &s, &found, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    else
        FUZZ_CHECK(found && s.tree.size <= s.size);
}

static void check_scan(struct slice in)
{
    struct scan_state s = {0};
    struct fault f;
    bool found;
    int rc = scan_state_load(fuzz_file("scan", in), &s, &found, &f);

    if (rc != 0)
        fuzz_refused(rc, &f);
}

/* What is written is read as the same. */
static void check_ledger(struct slice in)
{
    static struct keyledger l, again;
    struct agent_cert c = {.name = "web", .state_dir = (char *)(uintptr_t)fuzz_folder()};
    struct fault f;
    int rc;

    (void)fuzz_file("keys", in);
    rc = keyledger_load(&c, &l, &f);
    if (rc != 0) {
        fuzz_refused(rc, &f);
        return;
    }
    FUZZ_CHECK(l.n <= KEYLEDGER_MAX);
    FUZZ_CHECK(keyledger_save(&c, &l, &f) == 0 && keyledger_load(&c, &again, &f) == 0);
    FUZZ_CHECK(again.n == l.n);
    for (size_t i = 0; i < l.n; i++)
        FUZZ_CHECK(again.line[i].version == l.line[i].version &&
                   memcmp(again.line[i].id, l.line[i].id, KEYLEDGER_ID) == 0);
}

static void kept(void *arg, const struct kept *k)
{
    size_t *octets = arg;

    *octets += sizeof(k->owner) + k->key.n + k->certificate.n;
}

/* Behind its length and hash, which a crash leaves right or wrong; and as it is. */
static void check_keep(struct slice in, bool right)
{
    int fd = memfd_create("keep", MFD_CLOEXEC);
    uint8_t head[40] = {0};
    size_t octets = 0;

    FUZZ_CHECK(fd >= 0);
    for (size_t i = 0; i < 8; i++)
        head[i] = (uint8_t)((uint64_t)in.n >> (56 - 8 * i));
    sha256(in, head + 8);
    if (right)
        FUZZ_CHECK(write(fd, head, sizeof(head)) == (ssize_t)sizeof(head));
    FUZZ_CHECK(write(fd, in.p, in.n) == (ssize_t)in.n);
    keep_read(fd, kept, &octets);
    FUZZ_CHECK(octets <= in.n);
    (void)close(fd);
}

static void run(struct slice in)
{
    uint8_t what = fuzz_octet(&in);

    if (what >= 0xf0)
        what % 2 == 0 ? check_ledger(in) : check_keep(in, what < 0xf8);
    else if (what % 3 == 0)
        check_record(in);
    else if (what % 3 == 1)
        check_log(in);
    else
        check_scan(in);
}

static bool seed(size_t i, struct buf *out)
{
    uint8_t kept_one[3 * 4 + 32 + 3 + 5] = {0, 0, 0, 32};

    if (i == 0) {
        buf_put_u8(out, 0xf0);
        buf_put_str(out, "3 00112233445566778899aabbccddeeff00112233\n"
                         "4 ffeeddccbbaa99887766554433221100ffeeddcc\n");
    } else if (i == 1) {
        kept_one[4 + 32 + 3] = 3;
        kept_one[4 + 32 + 4 + 3 + 3] = 5;
        buf_put_u8(out, 0xf1);
        buf_put(out, kept_one, sizeof(kept_one));
    }
    return i < 2;
}

const struct fuzz_target fuzz_target = {.form = FUZZ_OCTETS, .run = run, .seed = seed};
