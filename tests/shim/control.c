#include "tests/shim/control.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

struct order {
    char what[32]; /* the function, or "token" */
    char verb[16];
    char arg[40]; /* of "error", "late", "delay" and "limit" */
    long count;   /* 0: stands */
    long after;   /* calls that are left alone first */
};

static const struct {
    const char *name;
    CK_RV rv;
} errors[] = {
    {"CKR_HOST_MEMORY", CKR_HOST_MEMORY},
    {"CKR_GENERAL_ERROR", CKR_GENERAL_ERROR},
    {"CKR_FUNCTION_FAILED", CKR_FUNCTION_FAILED},
    {"CKR_DEVICE_ERROR", CKR_DEVICE_ERROR},
    {"CKR_DEVICE_REMOVED", CKR_DEVICE_REMOVED},
    {"CKR_KEY_HANDLE_INVALID", CKR_KEY_HANDLE_INVALID},
    {"CKR_PIN_INCORRECT", CKR_PIN_INCORRECT},
    {"CKR_PIN_LOCKED", CKR_PIN_LOCKED},
    {"CKR_SESSION_CLOSED", CKR_SESSION_CLOSED},
    {"CKR_SESSION_HANDLE_INVALID", CKR_SESSION_HANDLE_INVALID},
    {"CKR_TOKEN_NOT_PRESENT", CKR_TOKEN_NOT_PRESENT},
    {"CKR_USER_NOT_LOGGED_IN", CKR_USER_NOT_LOGGED_IN},
};

/* A test that misspells its order must not pass. */
static _Noreturn void bad(const char *text)
{
    (void)fprintf(stderr, "shim: no such order: %s\n", text);
    abort();
}

/* By its name above, or by its number, 0x and so on. */
static CK_RV error_named(const char *name)
{
    char *end;
    CK_RV rv = strtoul(name, &end, 16);

    if (strncmp(name, "0x", 2) == 0 && *end == 0)
        return rv;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (strcmp(errors[i].name, name) == 0)
            return errors[i].rv;
    bad(name);
}

/* The next word of *line into out; false: there is none. */
static bool word(char **line, char *out, size_t cap)
{
    char *w;

    do
        w = strsep(line, " ");
    while (w != NULL && *w == 0);
    if (w == NULL)
        return false;
    if (strlen(w) >= cap)
        bad(w);
    memcpy(out, w, strlen(w) + 1);
    return true;
}

static void order_parse(char *line, struct order *o)
{
    char number[16];
    bool has_arg;

    memset(o, 0, sizeof(*o));
    if (!word(&line, o->what, sizeof(o->what)) || !word(&line, o->verb, sizeof(o->verb)))
        bad("an order without function and verb");
    has_arg = strcmp(o->verb, "error") == 0 || strcmp(o->verb, "late") == 0 ||
              strcmp(o->verb, "delay") == 0 || strcmp(o->verb, "limit") == 0;
    if (has_arg && !word(&line, o->arg, sizeof(o->arg)))
        bad("error, late, delay and limit need a value");
    if (word(&line, number, sizeof(number)))
        o->count = strtol(number, NULL, 10);
    if (word(&line, number, sizeof(number)))
        o->after = strtol(number, NULL, 10);
}

static bool order_read(int fd, struct order *o)
{
    char line[160];
    ssize_t n = pread(fd, line, sizeof(line) - 1, 0);

    if (n <= 0)
        return false;
    line[n] = 0;
    line[strcspn(line, "\n")] = 0;
    if (line[0] == 0)
        return false;
    order_parse(line, o);
    return true;
}

static void order_write(int fd, const struct order *o)
{
    char line[160];
    int n = snprintf(line, sizeof(line), "%s %s %s%s%ld %ld\n", o->what, o->verb, o->arg,
                     o->arg[0] != 0 ? " " : "", o->count, o->after);

    if (ftruncate(fd, 0) != 0 || pwrite(fd, line, (size_t)n, 0) != n)
        bad(line);
}

/* One call less: of those to leave alone (false), else of those that get it. */
static bool order_spend(int fd, const char *path, struct order *o)
{
    if (o->after > 0) {
        o->after--;
        order_write(fd, o);
        return false;
    }
    if (o->count == 1 && unlink(path) != 0)
        bad("a counted order in a file that cannot be removed");
    if (o->count > 1) {
        o->count--;
        order_write(fd, o);
    }
    return true;
}

/* The order for `what`, one time paid for; false: none. */
static bool order_take(const char *what, struct order *o)
{
    const char *path = getenv("CERCA_SHIM_CONTROL");
    bool mine;
    int fd;

    if (path == NULL)
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    mine = order_read(fd, o) && strcmp(o->what, what) == 0;
    (void)close(fd);
    if (!mine || (o->count == 0 && o->after == 0))
        return mine;
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    (void)flock(fd, LOCK_EX);
    mine = order_read(fd, o) && strcmp(o->what, what) == 0;
    if (mine)
        mine = order_spend(fd, path, o);
    (void)close(fd);
    return mine;
}

static void note(const char *function)
{
    const char *path = getenv("CERCA_SHIM_LOG");
    char line[64];
    int n, fd;

    if (path == NULL)
        return;
    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        bad("a log that cannot be written");
    n = snprintf(line, sizeof(line), "%s\n", function);
    if (write(fd, line, (size_t)n) != n)
        bad("a log that cannot be written");
    (void)close(fd);
}

static void rest_ms(long ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&t, NULL);
}

/* What is done to the call's result: whoever forwards the call sees to it. */
static enum control_bend bend_named(const char *verb, const char *arg, long *limit)
{
    static const char *const bends[] = {
        [BEND_SHORT] = "short", [BEND_LONG] = "long",   [BEND_HUGE] = "huge",
        [BEND_ZERO] = "zero",   [BEND_WRONG] = "wrong", [BEND_LIMIT] = "limit"};

    for (size_t i = 1; i < sizeof(bends) / sizeof(bends[0]); i++)
        if (strcmp(bends[i], verb) == 0) {
            *limit = strtol(arg, NULL, 10);
            return (enum control_bend)i;
        }
    bad(verb);
}

CK_RV control_call(const char *function, struct control_result *result)
{
    struct order o;

    *result = (struct control_result){.bend = BEND_NONE};
    note(function);
    if (!order_take(function, &o))
        return CKR_OK;
    if (strcmp(o.verb, "error") == 0)
        return error_named(o.arg);
    if (strcmp(o.verb, "delay") == 0)
        rest_ms(strtol(o.arg, NULL, 10));
    else if (strcmp(o.verb, "hold") == 0)
        while (order_take(function, &o) && strcmp(o.verb, "hold") == 0)
            rest_ms(20);
    else if (strcmp(o.verb, "hang") == 0)
        for (;;)
            rest_ms(1000);
    else if (strcmp(o.verb, "crash") == 0)
        __builtin_trap();
    else if (strcmp(o.verb, "late") == 0 && strcmp(o.arg, "crash") == 0)
        result->late_crash = true;
    else if (strcmp(o.verb, "late") == 0)
        result->late = error_named(o.arg);
    else
        result->bend = bend_named(o.verb, o.arg, &result->limit);
    return CKR_OK;
}

CK_RV control_late(const struct control_result *result, CK_RV rv)
{
    if (rv == CKR_OK && result->late_crash)
        __builtin_trap();
    return rv == CKR_OK ? result->late : rv;
}

bool control_token(const char *word)
{
    struct order o;

    return order_take("token", &o) && strcmp(o.verb, word) == 0;
}
