#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "tools/tool.h"

#define OPTIONS_MAX 64
#define FIRST_VAL 256 /* above every letter */

struct reader {
    struct tool *tool;
    void *args;
    size_t n;
    const struct opt *opt[OPTIONS_MAX]; /* by val - FIRST_VAL */
    bool common[OPTIONS_MAX];
    bool seen[OPTIONS_MAX];
    struct option longs[OPTIONS_MAX + 1];
    char shorts[2 * OPTIONS_MAX + 4];
};

static void reader_add(struct reader *r, const struct opt *opts, bool common)
{
    for (const struct opt *o = opts; o != NULL && o->name != NULL && r->n < OPTIONS_MAX; o++) {
        size_t at = strlen(r->shorts);

        r->opt[r->n] = o;
        r->common[r->n] = common;
        r->longs[r->n] = (struct option){
            .name = o->name,
            .has_arg = o->arg == NULL ? no_argument : required_argument,
            .val = FIRST_VAL + (int)r->n,
        };
        r->n++;
        if (o->letter == 0)
            continue;
        r->shorts[at] = o->letter;
        r->shorts[at + 1] = o->arg == NULL ? 0 : ':';
    }
}

static size_t reader_find(const struct reader *r, int val)
{
    for (size_t i = 0; i < r->n; i++)
        if (val == FIRST_VAL + (int)i || (r->opt[i]->letter != 0 && val == r->opt[i]->letter))
            return i;
    return r->n;
}

static int read_number(const char *text, unsigned long max, unsigned long *out)
{
    char *end;

    *out = 0;
    if (text[0] < '0' || text[0] > '9')
        return -1;
    errno = 0;
    *out = strtoul(text, &end, 10);
    return errno != 0 || *end != 0 || *out > max ? -1 : 0;
}

static int read_wait(const char *text, int64_t *out)
{
    unsigned long seconds;

    if (read_number(text, INT32_MAX, &seconds) == 0 && seconds > 0) {
        *out = (int64_t)seconds;
        return 0;
    }
    return clock_parse_span(text, out);
}

static int add_text(struct texts *l, const char *value)
{
    if (l->n == SAN_MAX)
        return -1;
    l->item[l->n++] = value;
    return 0;
}

/* NULL, or what the value should have been. */
static const char *take(const struct opt *o, void *to, const char *value)
{
    unsigned long number;

    switch (o->kind) {
    case OPT_FLAG:
        *(bool *)to = true;
        return NULL;
    case OPT_TEXT:
        *(const char **)to = value;
        return NULL;
    case OPT_MATCH: /* a script whose variable is not set must not mean every certificate */
        *(const char **)to = value;
        return value[strspn(value, " .")] != 0 ? NULL : "left out to mean everything";
    case OPT_TEXTS:
        return add_text(to, value) == 0 ? NULL : "given at most 100 times";
    case OPT_SPAN:
        return clock_parse_span(value, to) == 0 ? NULL : "a span such as 90d, 12h or 30m";
    case OPT_WAIT:
        return read_wait(value, to) == 0 ? NULL : "seconds, or a span such as 90s or 2m";
    case OPT_TIME:
        return clock_parse(value, to) == 0 ? NULL : "a time such as 2027-01-31T12:00:00Z";
    case OPT_COUNT:
        if (read_number(value, UINT32_MAX, &number) != 0)
            return "a number";
        *(uint32_t *)to = (uint32_t)number;
        return NULL;
    case OPT_PORT:
        if (read_number(value, UINT16_MAX, &number) != 0 || number == 0)
            return "a port from 1 to 65535";
        *(uint16_t *)to = (uint16_t)number;
        return NULL;
    }
    return "something else";
}

static int read_one(struct reader *r, size_t i, const char *value)
{
    const struct opt *o = r->opt[i];
    uint8_t *base = r->common[i] ? (uint8_t *)r->tool : (uint8_t *)r->args;
    const char *wanted;

    if (r->seen[i] && o->kind != OPT_TEXTS)
        return tool_usage(r->tool, "--%s is given twice", o->name);
    r->seen[i] = true;
    wanted = take(o, base + o->at, value);
    if (wanted != NULL)
        return tool_usage(r->tool, "--%s: \"%s\" should be %s", o->name, value, wanted);
    return EXIT_OK;
}

static int bad_option(const struct tool *t, int c, char **argv)
{
    const char *what = argv[optind - 1];

    if (optopt != 0 && optopt < FIRST_VAL)
        return tool_usage(t, c == ':' ? "-%c needs a value" : "there is no option -%c", optopt);
    return tool_usage(t, c == ':' ? "%s needs a value" : "there is no option %s", what);
}

int options_read(struct tool *t, const struct opt *opts, const struct opt *shared, void *args,
                 int argc, char **argv, bool first)
{
    struct reader r = {.tool = t, .args = args};
    int rc = EXIT_OK;
    int c;

    /* A colon first: a missing value is told apart from an unknown option, and getopt is silent. */
    memcpy(r.shorts, first ? "+:" : ":", first ? 3 : 2);
    reader_add(&r, opts, false);
    reader_add(&r, shared, false);
    reader_add(&r, common_opts, true);
    optind = 0;
    while (rc == EXIT_OK && (c = getopt_long(argc, argv, r.shorts, r.longs, NULL)) != -1) {
        size_t i = c == '?' || c == ':' ? r.n : reader_find(&r, c);

        rc = i < r.n ? read_one(&r, i, optarg) : bad_option(t, c, argv);
    }
    t->n_words = argc - optind;
    t->words = argv + optind;
    return rc;
}
