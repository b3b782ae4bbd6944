#include "lib/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/utf8.h"

#define LINE_MAX_OCTETS 4096
#define RING 8
#define HEX_OCTETS 32

static const char *program_name = "cerca";
static enum log_level level_now = LOG_LEVEL_INFO;
static bool to_journal;

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

/* systemd.exec(5): JOURNAL_STREAM holds device and inode of the journal's
 * stream; it is ours only if standard error is still that one. */
static bool stderr_is_journal(void)
{
    const char *text = getenv("JOURNAL_STREAM");
    char here[64];
    struct stat st;

    if (text == NULL || fstat(STDERR_FILENO, &st) != 0)
        return false;
    (void)snprintf(here, sizeof(here), "%llu:%llu", (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_ino);
    return strcmp(text, here) == 0;
}

/* Whoever starts us may have closed them, and what we open next would take the number of standard
 * error: log lines would go into the store, or what is printed into a connection. Opened the wrong
 * way round, reading and writing fail as they do when closed. What we start inherits them. */
static void hold_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            _exit(EXIT_FAILURE);
}

void log_open(const char *program, enum log_level level)
{
    hold_standard();
    program_name = program;
    level_now = level;
    to_journal = stderr_is_journal();
}

enum log_level log_level_now(void)
{
    return level_now;
}

int log_level_parse(const char *text, enum log_level *out)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return 0;
        }
    }
    *out = LOG_LEVEL_INFO;
    return -1;
}

static bool needs_quotes(const char *value)
{
    if (value[0] == 0)
        return true;
    for (; *value != 0; value++) {
        if ((unsigned char)*value <= 0x20 || (unsigned char)*value >= 0x7f ||
            strchr("\"\\=", *value) != NULL)
            return true;
    }
    return false;
}

/* Octets of the control character at `at`, 0 when it is none. Terminals obey C1 too: as octets 80
 * to 9f, and as UTF-8 (c2, then those). */
static size_t control_len(const char *at, bool utf8)
{
    uint8_t c = (uint8_t)at[0];

    if (c < 0x20 || c == 0x7f || (!utf8 && c >= 0x80))
        return 1;
    return c == 0xc2 && (uint8_t)at[1] < 0xa0 ? 2 : 0;
}

static void put_quoted(struct buf *line, const char *value)
{
    bool utf8 = utf8_valid(slice_str(value));

    while (*value != 0) {
        size_t n = control_len(value, utf8);

        for (size_t i = 0; i < n; i++)
            buf_printf(line, "\\x%02x", (uint8_t)value[i]);
        if (n == 0) {
            if (*value == '"' || *value == '\\')
                buf_put_u8(line, '\\');
            buf_put_u8(line, (uint8_t)*value);
            n = 1;
        }
        value += n;
    }
}

static void put_value(struct buf *line, const char *value)
{
    if (!needs_quotes(value)) {
        buf_put_str(line, value);
        return;
    }
    buf_put_u8(line, '"');
    put_quoted(line, value);
    buf_put_u8(line, '"');
}

static void put_pair(struct buf *line, const char *key, const char *value)
{
    buf_printf(line, " %s=", key);
    put_value(line, value == NULL ? "" : value);
}

static void put_head(struct buf *line, enum log_level level, const char *event)
{
    static const int priority[] = {3, 4, 6, 7}; /* sd-daemon(3) */
    char now[CLOCK_TEXT_SIZE];

    if (to_journal) {
        buf_printf(line, "<%d>%s %s", priority[level], program_name, event);
        return;
    }
    clock_format(clock_now(), now);
    buf_printf(line, "%s %s %s %s", now, level_names[level], program_name, event);
}

static void put_fault(struct buf *line, const struct fault *f)
{
    put_pair(line, "code", fault_code_name(f->code));
    put_pair(line, "rule", f->rule);
    if (f->field[0] != 0)
        put_pair(line, "field", f->field);
    if (f->value[0] != 0)
        put_pair(line, "value", f->value);
    put_pair(line, "text", f->text);
}

/* On the stack: it is also how a process says that it has no memory left. */
static void write_line(enum log_level level, const char *event, const struct fault *f, va_list ap)
{
    uint8_t room[LINE_MAX_OCTETS + 1]; /* and the NUL that a buffer keeps */
    struct buf line = {.p = room, .cap = LINE_MAX_OCTETS, .max = LINE_MAX_OCTETS};
    const char *key;

    if (level > level_now)
        return;
    put_head(&line, level, event);
    while ((key = va_arg(ap, const char *)) != NULL)
        put_pair(&line, key, va_arg(ap, const char *));
    if (f != NULL)
        put_fault(&line, f);
    if (buf_failed(&line)) {
        /* What fitted is still worth logging; the newline replaces its last octet when full. */
        line.failed = false;
        if (line.n == line.max)
            line.n--;
    }
    buf_put_u8(&line, '\n');
    /* Nobody is left to tell when standard error is gone. */
    if (write(STDERR_FILENO, line.p, line.n) < 0) {
    }
}

void log_error(const char *event, ...)
{
    va_list ap;

    va_start(ap, event);
    write_line(LOG_LEVEL_ERROR, event, NULL, ap);
    va_end(ap);
}

void log_warn(const char *event, ...)
{
    va_list ap;

    va_start(ap, event);
    write_line(LOG_LEVEL_WARN, event, NULL, ap);
    va_end(ap);
}

void log_info(const char *event, ...)
{
    va_list ap;

    va_start(ap, event);
    write_line(LOG_LEVEL_INFO, event, NULL, ap);
    va_end(ap);
}

void log_debug(const char *event, ...)
{
    va_list ap;

    va_start(ap, event);
    write_line(LOG_LEVEL_DEBUG, event, NULL, ap);
    va_end(ap);
}

void log_fault(enum log_level level, const char *event, const struct fault *f, ...)
{
    va_list ap;

    va_start(ap, f);
    write_line(level, event, f, ap);
    va_end(ap);
}

static char *ring_next(void)
{
    static _Thread_local char ring[RING][2 * HEX_OCTETS + 1];
    static _Thread_local unsigned at;

    return ring[at++ % RING];
}

const char *log_num(int64_t v)
{
    char *out = ring_next();

    (void)snprintf(out, 2 * HEX_OCTETS + 1, "%lld", (long long)v);
    return out;
}

const char *log_hex(struct slice s)
{
    char *out = ring_next();

    hex_encode(slice_of(s.p, s.n < HEX_OCTETS ? s.n : HEX_OCTETS), out);
    return out;
}
