/*
 * What the commands of `cerca` share. A command is a struct command in a file of
 * its own (tools/cmd_NAME.c) and an entry in the table of tools/cerca.c. Its
 * options are a table too: they are read, checked and put into the command's own
 * struct before its function runs, so that the function never sees argv, and the
 * usage text and the shell completion come from the same place.
 *
 * A run function returns an exit code: 0 done, 1 refused or failed, 2 usage, 3 pending.
 * Results go to standard output, everything else to standard error.
 */
#ifndef TOOLS_TOOL_H
#define TOOLS_TOOL_H

#include <stdio.h>

#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/conn.h"
#include "lib/fault.h"
#include "lib/san.h"

/* Pending: recorded, and waits for another operator's yes. Unknown: what was to be verified could
 * not be, or there was no memory. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_PENDING = 3, EXIT_UNKNOWN = 4 };

/* Values of -o. */
enum format {
    FORMAT_TEXT = 1,
    FORMAT_TABLE = 2,
    FORMAT_PEM = 4,
    FORMAT_JSON = 8,
    FORMAT_CSV = 16,
    FORMAT_DER = 32,
    FORMAT_P7B = 64,
    FORMAT_JKS = 128,
    FORMAT_HTML = 256,
};

enum opt_kind {
    OPT_FLAG,  /* bool */
    OPT_TEXT,  /* const char *, points into argv */
    OPT_MATCH, /* the same, for what has to match: never empty, which would match everything */
    OPT_TEXTS, /* struct texts: may be given many times */
    OPT_SPAN,  /* int64_t seconds: "90d" */
    OPT_WAIT,  /* the same; a number alone is seconds */
    OPT_TIME,  /* int64_t seconds since 1970: RFC 3339 or a date */
    OPT_COUNT, /* uint32_t */
    OPT_PORT,  /* uint16_t, 1 to 65535 */
};

struct opt {
    const char *name; /* long option without dashes; NULL ends the table */
    enum opt_kind kind;
    size_t at;       /* offset in the command's struct */
    const char *arg; /* "FILE": how the usage text calls the value; NULL for a flag */
    const char *help;
    char letter; /* 0: the long form only */
};

struct tool;

struct command {
    const char *name;      /* one word or two: "issue", "ca list" */
    const char *help;      /* one line */
    const char *arguments; /* of the usage line: "--dev DIR [--http-port N]"; may be "" */
    const char *examples;  /* whole lines, indented by two */
    const struct opt *opts;
    const struct opt *shared; /* more, which other commands have too; NULL: none */
    size_t args_size;         /* of the struct that both fill */
    const void *defaults;     /* what it holds before; NULL: zeros */
    int min, max;             /* how many words may follow the options */
    unsigned formats;         /* of enum format; 0: -o is refused */
    enum format format;       /* the default of -o */
    int (*run)(struct tool *t, void *args);
};

struct tool {
    const struct command *command;
    const char *conf_path;   /* -c, or NULL */
    const char *format_text; /* -o, or NULL */
    enum format format;      /* the same, or the default */
    bool help;               /* --help */
    int64_t timeout;         /* --timeout in seconds, 60 unless given */
    uint64_t started_us;     /* clock_mono_us at the start */
    unsigned tries;          /* of the last tool_call_patient */
    int n_words;             /* words behind the options */
    char **words;
    struct conf *conf;     /* after tool_conf; freed by the main */
    struct client *client; /* after tool_connect; freed by the main */
    FILE *out;             /* where tool_print prints; NULL: standard output */
};

/* What a program of commands is made of; each says all three (tools/cerca.c). */
struct program {
    const char *name;   /* "cerca" */
    const char *manual; /* "cerca(1)" */
    const char *usage;  /* behind the name */
    const char *exits;  /* lines on its exit status */
};
extern const struct program program;
extern const struct command *const commands[]; /* NULL-ended */
extern const struct opt common_opts[];         /* by offset in struct tool */
/* The options that all such programs have, and the end of common_opts. */
#define COMMON_OPTS                                                                                \
    {"output", OPT_TEXT, offsetof(struct tool, format_text), "FORMAT", "how to print the result",  \
     'o'},                                                                                         \
        {"timeout",                                                                                \
         OPT_WAIT,                                                                                 \
         offsetof(struct tool, timeout),                                                           \
         "SPAN",                                                                                   \
         "give up after this time (default 60s)",                                                  \
         0},                                                                                       \
        {"help", OPT_FLAG, offsetof(struct tool, help), NULL, "show what the command takes", 'h'}, \
    {                                                                                              \
        NULL, OPT_FLAG, 0, NULL, NULL, 0                                                           \
    }

/* main() of such a program; the exit status. */
int tool_main(int argc, char **argv);

/* Which file: -c, else $CERCA_CONF, else ./cerca.conf, else /etc/cerca/cerca.conf. The
 * fault says what was tried. */
int tool_conf_path(const struct tool *t, const char **path, struct fault *f) WARN_UNUSED;
/* Loads the configuration once. */
int tool_conf(struct tool *t, struct fault *f) WARN_UNUSED;
/* Loads it, then connects to the admin socket unless that is done. */
int tool_connect(struct tool *t, struct fault *f) WARN_UNUSED;
/* Asks cerca-ca one thing and checks the answer's type. The body of *answer is good until the
 * next call. */
int tool_call(struct tool *t, uint16_t type, struct slice body, uint16_t answer_type,
              struct frame *answer, struct fault *f) WARN_UNUSED;
/* The same, but while the answer is "try again later", or the connection was lost after it had
 * stood, waits, says on standard error for what, and asks again, until --timeout. For requests
 * that may be repeated only. */
int tool_call_patient(struct tool *t, uint16_t type, struct slice body, uint16_t answer_type,
                      struct frame *answer, struct fault *f) WARN_UNUSED;
/* The fault of an answer that does not decode. */
int tool_broken_answer(struct fault *f);
int tool_time_left_ms(const struct tool *t); /* never below 1 */

/* "cerca issue: ..." to standard error; control characters are shown as \xNN. */
void tool_say(const struct tool *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Says it; EXIT_FAILED. FAULT_PENDING is no failure: EXIT_PENDING, and with -o json the request's
 * number on standard output. */
int tool_fail(const struct tool *t, const struct fault *f);
/* The same for what verifies: EXIT_UNKNOWN when nothing is wrong with what was looked at as far as
 * is known, and it could not be looked at (FAULT_UNAVAILABLE, FAULT_FULL, FAULT_INTERNAL,
 * FAULT_DENIED). */
int tool_fail_to_verify(const struct tool *t, const struct fault *f);
/* Says it, and where help is; EXIT_USAGE. */
int tool_usage(const struct tool *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Copies an argument into a field of a message (NULL: as ""); -FAULT_TOO_LARGE, naming it, when
 * it does not fit. */
int tool_field(char *out, size_t cap, const char *name, const char *text,
               struct fault *f) WARN_UNUSED;
/* All of out to standard output, or t->out; EXIT_FAILED (said) when that cannot take it. */
int tool_print(const struct tool *t, struct slice out);

/* tools/options.c: reads argv[1...] into t and args. `first` stops at the first word. EXIT_OK
 * or EXIT_USAGE (said). The words left are t->words. */
int options_read(struct tool *t, const struct opt *opts, const struct opt *shared, void *args,
                 int argc, char **argv, bool first) WARN_UNUSED;
enum format format_parse(const char *text); /* 0: no such format */
/* "text|json", with "|" between */
void formats_print(unsigned formats, const char *between, struct buf *out);
void command_usage(const struct command *c, struct buf *out);

#endif
