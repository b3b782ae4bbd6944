#include "tests/unit/nomem_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#define OUT_MAX ((size_t)1 << 20)
#define ENDED EXIT_FAILURE /* as out_of_memory ends a process */
#define BROKEN 43          /* report->broken says what does not hold */
#define SOME 120           /* rounds, unless CERCA_CAMPAIGN=full */

/* What a child tells its parent, in memory of both. */
static struct report {
    uint64_t round;  /* the allocation that fails in it */
    uint64_t struck; /* rounds in which one did */
    uint64_t more;   /* rounds after which OpenSSL held more than before */
    bool done;
    char broken[512];
} * report;

static bool armed;
static uint64_t calls, failing; /* since the round began; the one that fails, 0: none */
static int64_t held;            /* allocations of OpenSSL's */

/* --- allocations ---------------------------------------------------------------------------- */

static bool strikes(void)
{
    return armed && ++calls == failing;
}

static void *ossl_malloc(size_t n, const char *file, int line)
{
    void *p;

    (void)file;
    (void)line;
    if (strikes())
        return NULL;
    p = malloc(n);
    held += p != NULL;
    return p;
}

static void ossl_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    held -= p != NULL;
    free(p);
}

static void *ossl_realloc(void *p, size_t n, const char *file, int line)
{
    if (p == NULL)
        return ossl_malloc(n, file, line);
    if (n == 0) {
        ossl_free(p, file, line);
        return NULL;
    }
    return strikes() ? NULL : realloc(p, n);
}

/* The names of the sanitizers' library, where it is linked. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);
/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
const char *__asan_default_options(void);

/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
const char *__asan_default_options(void)
{
    return "exitcode=44"; /* another one than ENDED */
}

static bool sanitized(void)
{
    return __lsan_do_recoverable_leak_check != NULL;
}

static bool leaks(void)
{
    return sanitized() && __lsan_do_recoverable_leak_check() != 0;
}

void nomem_begin(void)
{
    if (CRYPTO_set_mem_functions(ossl_malloc, ossl_realloc, ossl_free) != 1)
        abort();
}

void nomem_rest(void)
{
    armed = false;
}

/* --- rounds -------------------------------------------------------------------------------------
 */

static _Noreturn void broken(const char *what, const struct fault *f)
{
    (void)snprintf(report->broken, sizeof(report->broken), "allocation %llu fails: %s %s %s",
                   (unsigned long long)report->round, what, f->rule, f->text);
    _exit(BROKEN);
}

/* With allocation n failing; 0: none. Was there one? */
static bool do_round(nomem_work work, uint64_t n, struct buf *out, int *rc, struct fault *f)
{
    fault_clear(f);
    buf_init(out, OUT_MAX);
    calls = 0;
    failing = n;
    armed = true;
    *rc = work(out, f);
    armed = false;
    ERR_clear_error();
    return n != 0 && calls >= n;
}

static void judge(int rc, const struct fault *f, const struct buf *out, const struct buf *wanted)
{
    if (rc == 0 && buf_failed(out))
        broken("it succeeds with a result that is not whole", f);
    if (rc == 0 && !slice_eq(buf_slice(out), buf_slice(wanted)))
        broken("it succeeds with another result", f);
    if (rc != 0 && (f->code == FAULT_NONE || rc != -(int)f->code || f->rule[0] == '\0'))
        broken("it fails without a fault", f);
}

static void ended_by_assertion(void)
{
    static const struct fault none;

    broken("an assertion failed", &none);
}

/* OpenSSL keeps the memory of texts in its queue of errors: with all of them there, none is added.
 */
static void fill_errors(void)
{
    for (int i = 0; i < 64; i++)
        ERR_raise_data(ERR_LIB_USER, ERR_R_INTERNAL_ERROR, "%080d", i);
    ERR_clear_error();
}

/* Each failure is logged, and there are thousands; but sanitizers say there what they found. */
static void be_quiet(void)
{
    int fd = sanitized() ? -1 : open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (fd >= 0)
        (void)dup2(fd, STDERR_FILENO);
}

/* Three times, so that what is kept from one time to the next is there. How many allocations are
 * there? */
static uint64_t warm_up(nomem_work work, struct buf *wanted)
{
    struct fault f;
    int rc;

    for (int i = 0; i < 3; i++) {
        if (i > 0)
            buf_free(wanted);
        (void)do_round(work, 0, wanted, &rc, &f);
        if (rc != 0 || buf_failed(wanted))
            broken("it fails with nothing failing", &f);
    }
    fill_errors();
    return calls;
}

/* From a round to the next. */
static uint64_t stride(uint64_t all)
{
    const char *campaign = getenv("CERCA_CAMPAIGN");

    return (campaign != NULL && strcmp(campaign, "full") == 0) || all <= SOME ? 1 : all / SOME;
}

/* What we lose in one round we lose in all that fail later on; OpenSSL itself loses something in a
 * few. */
static void count_lost(int64_t before, const struct fault *f)
{
    report->more += held > before;
    if (report->more > 10 + report->struck / 10)
        broken("OpenSSL holds more again and again", f);
}

static _Noreturn void do_rounds(nomem_work work)
{
    struct buf wanted, out;
    struct fault f;
    bool struck = true;
    uint64_t step;
    int rc = 0;

    (void)atexit(ended_by_assertion);
    be_quiet();
    step = stride(warm_up(work, &wanted));
    while (struck) {
        int64_t before = held;

        report->round += report->round < SOME / 4 ? 1 : step;
        struck = do_round(work, report->round, &out, &rc, &f);
        report->struck += struck;
        judge(rc, &f, &out, &wanted);
        buf_free(&out);
        count_lost(before, &f);
    }
    if (rc != 0)
        broken("it fails with nothing left to fail", &f);
    buf_free(&wanted);
    if (leaks())
        broken("something is lost", &f);
    report->done = true;
    _exit(0);
}

void nomem_every(nomem_work work, uint64_t least)
{
    report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(report != MAP_FAILED);
    while (!report->done) {
        int status;
        pid_t child;

        (void)fflush(NULL);
        child = fork();
        assert_true(child >= 0);
        if (child == 0)
            do_rounds(work);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status) && WEXITSTATUS(status) == ENDED && report->round > 0)
            report->struck++;
        else if (report->broken[0] != '\0')
            fail_msg("%s", report->broken);
        else if (!report->done)
            fail_msg("allocation %llu fails: status %d", (unsigned long long)report->round, status);
    }
    if (report->struck < least)
        fail_msg("%llu allocations failed", (unsigned long long)report->struck);
    print_message("# %llu allocations failed, one after the other\n",
                  (unsigned long long)report->struck);
    (void)munmap(report, sizeof(*report));
}
