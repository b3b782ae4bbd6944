#include "ca/supervise/environment.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PASSED_MAX 64

/* JOURNAL_STREAM: lib/log.c writes without times to the journal. */
static const char *const passed_always[] = {"PATH=", "LANG=", "JOURNAL_STREAM="};

#ifdef CERCA_TEST_HOOKS
static const char *const passed_in_tests[] = {
    "CERCA_", "LD_PRELOAD=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS=", "TSAN_OPTIONS="};
#endif

static bool begins(const char *text, const char *const *with, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strncmp(text, with[i], strlen(with[i])) == 0)
            return true;
    return false;
}

static bool passed(const char *entry, bool credential)
{
    if (credential && strncmp(entry, "CREDENTIALS_DIRECTORY=", 22) == 0)
        return true;
#ifdef CERCA_TEST_HOOKS
    if (begins(entry, passed_in_tests, sizeof passed_in_tests / sizeof passed_in_tests[0]))
        return true;
#endif
    return begins(entry, passed_always, sizeof passed_always / sizeof passed_always[0]);
}

char **environment_for(const struct conf_token *token)
{
    size_t own = token ? token->n_environment : 0, n = 0;
    bool credential = token && *token->pin_credential != '\0';
    char **out = xcalloc(own + PASSED_MAX + 1, sizeof *out);
    for (char **e = environ; *e && n < PASSED_MAX; e++)
        if (passed(*e, credential))
            out[n++] = xstrdup(*e);
    for (size_t i = 0; i < own; i++)
        out[n++] = xstrdup(token->environment[i]);
    return out;
}

void environment_free(char **environment)
{
    if (!environment)
        return;
    for (char **e = environment; *e; e++)
        free(*e);
    free(environment);
}
