#include "agent/deploy/asunit.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS 32       /* more than there are */
#define WORD_MAX 131072  /* of one argument: the kernel takes no longer one */
#define LONGER_THAN_US 2 /* seconds: who waits for the command ends it first */

bool asunit_wanted(void)
{
    const char *how = getenv("CERCA_AGENT_COMMANDS");

    return how != NULL && strcmp(how, "systemd-run") == 0;
}

int asunit_missing(const char *program)
{
    char path[PATH_MAX];
    const char *at = COMMAND_PATH;
    int n;

    if (strchr(program, '/') != NULL)
        return access(program, X_OK) == 0 ? 0 : errno;
    while (*at != '\0') {
        size_t length = strcspn(at, ":");

        n = snprintf(path, sizeof(path), "%.*s/%s", (int)length, at, program);
        if (n > 0 && (size_t)n < sizeof(path) && access(path, X_OK) == 0)
            return 0;
        at += length + (at[length] == ':');
    }
    return ENOENT;
}

/* ---- words ---- */

struct words {
    char **argv;
    size_t n;
};

static void put(struct words *w, struct buf *word)
{
    w->argv[w->n++] = xstrdup(buf_cstr(word));
    buf_free(word);
}

static void put_text(struct words *w, const char *text)
{
    w->argv[w->n++] = xstrdup(text);
}

/* Where systemd splits a value into words and at colons. */
static void put_quoted(struct buf *b, const char *path)
{
    for (; *path != '\0'; path++) {
        if (strchr(" \t\n\r\"'\\:", *path) != NULL)
            buf_put_str(b, "\\");
        buf_put(b, path, 1);
    }
}

static void put_bind(struct words *w, const char *from, const char *to)
{
    struct buf b;

    buf_init(&b, WORD_MAX);
    buf_put_str(&b, "--property=BindPaths=");
    put_quoted(&b, from);
    buf_put_str(&b, ":");
    put_quoted(&b, to);
    put(w, &b);
}

static void put_env(struct words *w, const char *name, const char *value)
{
    struct buf b;

    buf_init(&b, WORD_MAX);
    buf_printf(&b, "--setenv=%s=%s", name, value);
    put(w, &b);
}

/* In the words of a command systemd puts values of variables in place of their names. */
static void put_plain(struct words *w, const char *word)
{
    struct buf b;

    buf_init(&b, WORD_MAX);
    for (; *word != '\0'; word++)
        buf_put(&b, *word == '$' ? "$$" : word, *word == '$' ? 2 : 1);
    put(w, &b);
}

char **asunit_argv(const struct command *c)
{
    struct words w = {.n = 0};
    struct buf limit;
    size_t n = 0;

    while (c->argv[n] != NULL)
        n++;
    w.argv = xcalloc(n + c->n_env + OPTIONS, sizeof(*w.argv));
    put_text(&w, "systemd-run");
    put_text(&w, "--quiet");
    put_text(&w, "--wait"); /* its status is the command's */
    put_text(&w, "--pipe"); /* what the command prints comes here */
    put_text(&w, "--collect");
    put_text(&w, "--service-type=exec");
    buf_init(&limit, 64);
    buf_printf(&limit, "--property=RuntimeMaxSec=%" PRId64, command_limit(c) + LONGER_THAN_US);
    put(&w, &limit);
    put_text(&w, "--property=LimitCORE=0");
    if (c->bind_from != NULL)
        put_bind(&w, c->bind_from, c->bind_to);
    put_env(&w, "PATH", COMMAND_PATH);
    put_env(&w, "LANG", "C.UTF-8");
    put_env(&w, "HOME", "/");
    for (size_t i = 0; i < c->n_env; i++)
        put_env(&w, c->env[i].name, c->env[i].value);
    put_text(&w, "--");
    put_text(&w, c->argv[0]); /* a file, which it looks for itself */
    for (size_t i = 1; i < n; i++)
        put_plain(&w, c->argv[i]);
    return w.argv;
}

void asunit_free(char **argv)
{
    for (char **a = argv; argv != NULL && *a != NULL; a++)
        free(*a);
    free(argv);
}
