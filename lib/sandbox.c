#include "lib/sandbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "lib/landlock.h"
#include "lib/log.h"
#include "lib/sandbox_probe.h"
#include "lib/syscalls.h"

void sandbox_allow(struct sandbox *s, const char *path, bool write)
{
    if (s->n_paths == SANDBOX_PATHS_MAX) {
        /* Counted so that entering refuses: a path left out would fail somewhere far from here. */
        s->n_paths++;
        return;
    }
    if (s->n_paths < SANDBOX_PATHS_MAX && path && *path)
        s->path[s->n_paths++] = (struct sandbox_path){.path = path, .write = write};
}

void sandbox_allow_resolver(struct sandbox *s)
{
    static const char *const read[] = {
        "/etc/resolv.conf", "/run/systemd/resolve", "/etc/hosts",           "/etc/nsswitch.conf",
        "/etc/host.conf",   "/etc/gai.conf",        "/etc/ssl/openssl.cnf", "/etc/services",
        "/etc/protocols",   "/etc/localtime",       "/dev/urandom"};

    for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++)
        sandbox_allow(s, read[i], false);
}

void sandbox_allow_anchors(struct sandbox *s)
{
    sandbox_allow(s, "/etc/ssl/certs", false);
    sandbox_allow(s, "/usr/share/ca-certificates", false);
    sandbox_allow(s, "/usr/local/share/ca-certificates", false);
}

static int no_core_no_debugger(struct fault *f)
{
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        setrlimit(RLIMIT_CORE, &none) != 0)
        return fault_set(f, FAULT_INTERNAL, "sandbox.limits", "%s", strerror(errno));
    return 0;
}

#ifdef CERCA_TEST_HOOKS
static bool skipped(const char *program)
{
    const char *no_jail = getenv("CERCA_NO_JAIL");
    if (!no_jail || strcmp(no_jail, "1") != 0)
        return false;
    log_warn("sandbox.skipped", "program", program, "why", "CERCA_NO_JAIL is set", NULL);
    return true;
}
#else
static bool skipped(const char *program)
{
    (void)program;
    return false;
}
#endif

#ifdef __SANITIZE_ADDRESS__
/* The leak checker traces its own process, which a filter kills, our own or the one inherited from
 * cercad. Unit tests and CERCA_NO_JAIL=1 still look for leaks. The name is LeakSanitizer's. */
int __lsan_is_turned_off(void); /* NOLINT(bugprone-reserved-identifier) */
int __lsan_is_turned_off(void)
{
    return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0;
}
#endif

static int enter(const struct sandbox *s, struct fault *f)
{
    char landlock[LANDLOCK_WORDS_MAX] = "none, for children";
    unsigned calls;
    int abi = sandbox_landlock_abi(); /* asked now: inside, the call is not allowed */
    int r = no_core_no_debugger(f);
    if (r == 0 && !s->spawn)
        r = landlock_enter(s, landlock, f);
    if (r == 0)
        r = syscalls_enter(s, &calls, f);
    if (r == 0)
        log_info("sandbox.entered", "program", s->program, "landlock_abi", log_num(abi), "landlock",
                 landlock, "paths", log_num((int64_t)s->n_paths), "syscalls", log_num(calls), NULL);
    return r;
}

int sandbox_enter(const struct sandbox *s, struct fault *f)
{
    if (s->n_paths > SANDBOX_PATHS_MAX)
        return fault_set(f, FAULT_CONFIG, "sandbox.paths", "more than %d paths to allow",
                         SANDBOX_PATHS_MAX);
    if (skipped(s->program))
        return 0;
#ifdef CERCA_TEST_HOOKS
    sandbox_probe(s, enter);
#endif
    return enter(s, f);
}
