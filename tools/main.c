/* A command line: finds the command by its words, reads its options, runs it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/step.h"
#include "tools/memory.h"
#include "tools/tool.h"

#define HELP_MAX 65536

static int help_all(const struct tool *t)
{
    struct buf out;
    int rc;

    buf_init(&out, HELP_MAX);
    buf_printf(&out, "usage: %s %s\n\n", program.name, program.usage);
    for (const struct command *const *c = commands; *c != NULL; c++)
        buf_printf(&out, "  %-16s %s\n", (*c)->name, (*c)->help);
    buf_printf(&out, "\n%s COMMAND --help tells the options of one; %s is the manual.\n%s",
               program.name, program.manual, program.exits);
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

static int help_one(const struct tool *t, const struct command *c)
{
    struct buf out;
    int rc;

    buf_init(&out, HELP_MAX);
    command_usage(c, &out);
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

/* How many of the words name this command: one, two, or 0 when they name another. */
static int words_match(const struct command *c, int n, char **words)
{
    const char *space = strchr(c->name, ' ');
    size_t first = space == NULL ? strlen(c->name) : (size_t)(space - c->name);

    if (n < 1 || strlen(words[0]) != first || strncmp(words[0], c->name, first) != 0)
        return 0;
    if (space == NULL)
        return 1;
    return n >= 2 && strcmp(words[1], space + 1) == 0 ? 2 : 0;
}

static const struct command *find_command(int n, char **words, int *taken)
{
    for (const struct command *const *c = commands; *c != NULL; c++) {
        *taken = words_match(*c, n, words);
        if (*taken > 0)
            return *c;
    }
    return NULL;
}

/* "show, ack or unack": the second words of the commands that begin with this one. */
static void put_seconds(const char *word, struct buf *out)
{
    size_t n = strlen(word);
    const char *last = NULL;

    for (const struct command *const *c = commands; *c != NULL; c++) {
        if (strncmp((*c)->name, word, n) != 0 || (*c)->name[n] != ' ')
            continue;
        if (last != NULL)
            buf_printf(out, "%s%s", out->n > 0 ? ", " : "", last);
        last = (*c)->name + n + 1;
    }
    if (last != NULL)
        buf_printf(out, "%s%s", out->n > 0 ? " or " : "", last);
}

static int no_such_command(const struct tool *t, int n, char **words)
{
    struct buf seconds;
    int rc;

    buf_init(&seconds, HELP_MAX);
    put_seconds(words[0], &seconds);
    if (seconds.n == 0)
        rc = tool_usage(t, "there is no command \"%s\"", words[0]);
    else if (n == 1)
        rc = tool_usage(t, "\"%s\" needs a second word: %s", words[0], buf_cstr(&seconds));
    else
        rc = tool_usage(t, "there is no command \"%s %s\": %s is followed by %s", words[0],
                        words[1], words[0], buf_cstr(&seconds));
    buf_free(&seconds);
    return rc;
}

static int choose_format(struct tool *t)
{
    struct buf allowed;
    int rc = EXIT_OK;

    t->format = t->command->format;
    if (t->format_text == NULL)
        return EXIT_OK;
    t->format = format_parse(t->format_text);
    if (t->format != 0 && (t->command->formats & (unsigned)t->format) != 0)
        return EXIT_OK;
    buf_init(&allowed, 64);
    formats_print(t->command->formats, "|", &allowed);
    rc = tool_usage(t, "-o: \"%s\" should be %s", t->format_text,
                    allowed.n > 0 ? buf_cstr(&allowed) : "left out");
    buf_free(&allowed);
    return rc;
}

/* The first of the words that a command takes, as its usage names it. */
static int word_missing(const struct tool *t, const char *arguments)
{
    static const char any[] = "[options] ";
    size_t n;

    if (strncmp(arguments, any, strlen(any)) == 0)
        arguments += strlen(any);
    n = arguments[0] == '(' ? strcspn(arguments, ")") + 1 : strcspn(arguments, " ");
    return tool_usage(t, "%.*s is missing", (int)n, arguments);
}

static int run_command(struct tool *t, int argc, char **argv)
{
    const struct command *c = t->command;
    void *args = xcalloc(1, c->args_size + 1);
    int rc;

    if (c->defaults != NULL)
        memcpy(args, c->defaults, c->args_size);
    rc = options_read(t, c->opts, c->shared, args, argc, argv, false);
    if (rc == EXIT_OK && t->help)
        rc = help_one(t, c);
    else if (rc == EXIT_OK && t->n_words < c->min)
        rc = word_missing(t, c->arguments);
    else if (rc == EXIT_OK && t->n_words > c->max)
        rc = tool_usage(t, "\"%s\" is too much", t->words[c->max]);
    else if (rc == EXIT_OK && (rc = choose_format(t)) == EXIT_OK)
        rc = c->run(t, args);
    free(args);
    return rc;
}

static int find_and_run(struct tool *t)
{
    char **words = t->words;
    int n = t->n_words;
    bool help = t->help;
    int taken;

    if (n > 0 && strcmp(words[0], "help") == 0) {
        help = true;
        words++;
        n--;
    }
    if (n == 0 && help)
        return help_all(t);
    if (n == 0)
        return tool_usage(t, "which command?");
    t->command = find_command(n, words, &taken);
    if (t->command == NULL)
        return no_such_command(t, n, words);
    if (help)
        return help_one(t, t->command);
    /* getopt looks at argv from index 1: the command's last word stands for the program. */
    return run_command(t, n - taken + 1, words + taken - 1);
}

static int say_version(const struct tool *t)
{
    struct buf out;
    int rc;

    buf_init(&out, 128);
    buf_printf(&out, "%s %s\n", program.name, CERCA_VERSION);
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

int tool_main(int argc, char **argv)
{
    struct tool t = {.timeout = 60, .started_us = clock_mono_us()};
    int rc;

    log_open(program.name, LOG_LEVEL_ERROR);
    memory_or_end();
    STEP_INIT(program.name);
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return say_version(&t);
    rc = options_read(&t, NULL, NULL, NULL, argc, argv, true);
    if (rc == EXIT_OK)
        rc = find_and_run(&t);
    client_free(t.client);
    conf_free(t.conf);
    return rc;
}
