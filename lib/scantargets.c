#include "lib/scantargets.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/file.h"

#define FILE_MAX (64u << 20)
#define RANGES_OCTETS (256u << 20)
#define WORD_MAX 1024

void scan_targets_init(struct scan_targets *t)
{
    memset(t, 0, sizeof(*t));
    buf_init(&t->ranges, RANGES_OCTETS);
    t->port[0] = (struct scan_port){.port = 443};
    t->n_ports = 1;
}

void scan_targets_free(struct scan_targets *t)
{
    buf_free(&t->ranges);
    free(t->end);
}

/* --- ports ---------------------------------------------------------------------------- */

static bool number(const char *text, size_t n, unsigned long most, unsigned long *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9' || *out > most)
            return false;
        *out = *out * 10 + (unsigned long)(text[i] - '0');
    }
    return n > 0 && *out <= most;
}

struct ports {
    struct scan_port port[SCAN_PORTS_MAX];
    uint8_t n;
};

static int add_port(struct ports *p, unsigned long port, const char *kind, struct fault *f)
{
    struct scan_port *to = &p->port[p->n];

    if (p->n == SCAN_PORTS_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "scan.port", "more than %d ports of one target",
                         SCAN_PORTS_MAX);
    to->port = (uint16_t)port;
    to->starttls = scan_starttls_of_port(to->port);
    if (kind[0] != 0 && strcmp(kind, "tls") == 0)
        to->starttls = STARTTLS_NONE;
    else if (kind[0] != 0 && scan_starttls_of(kind, &to->starttls) != 0)
        return fault_refuse(f, "scan.starttls", "port", slice_str(kind),
                            "tls, smtp, imap, pop3, ldap, postgres, mysql");
    p->n++;
    return 0;
}

/* "443", "8000-8010", "2525/smtp" */
static int read_port(struct ports *p, const char *text, size_t n, struct fault *f)
{
    const char *slash = memchr(text, '/', n);
    size_t n_port = slash != NULL ? (size_t)(slash - text) : n;
    const char *dash = memchr(text, '-', n_port);
    size_t n_first = dash != NULL ? (size_t)(dash - text) : n_port;
    unsigned long first, last;
    char kind[16] = "";
    int rc = 0;

    if (slash != NULL)
        (void)snprintf(kind, sizeof(kind), "%.*s", (int)(n - n_port - 1), slash + 1);
    if (!number(text, n_first, 65535, &first) || first == 0)
        return fault_refuse(f, "scan.port", "port", slice_of(text, n), "1 to 65535, or FIRST-LAST");
    last = first;
    if (dash != NULL && (!number(dash + 1, n_port - n_first - 1, 65535, &last) || last < first))
        return fault_refuse(f, "scan.port", "port", slice_of(text, n), "1 to 65535, or FIRST-LAST");
    for (unsigned long i = first; rc == 0 && i <= last; i++)
        rc = add_port(p, i, kind, f);
    return rc;
}

static int read_ports(struct ports *p, const char *text, struct fault *f)
{
    int rc = 0;

    p->n = 0;
    while (rc == 0) {
        size_t n = strcspn(text, ",");

        rc = read_port(p, text, n, f);
        if (text[n] == 0)
            break;
        text += n + 1;
    }
    return rc;
}

int scan_targets_ports(struct scan_targets *t, const char *ports, struct fault *f)
{
    struct ports p;
    int rc = read_ports(&p, ports, f);

    if (rc != 0)
        return rc;
    memcpy(t->port, p.port, sizeof(t->port));
    t->n_ports = p.n;
    return 0;
}

/* --- addresses -------------------------------------------------------------------------- */

static bool read_address(const char *text, uint8_t out[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    memcpy(out, mapped, sizeof(mapped));
    return inet_pton(AF_INET, text, out + 12) == 1 || inet_pton(AF_INET6, text, out) == 1;
}

static bool is_four(const uint8_t address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(address, mapped, sizeof(mapped)) == 0;
}

static void set_bits(uint8_t address[16], unsigned from, bool one)
{
    for (unsigned i = from; i < 128; i++) {
        uint8_t bit = (uint8_t)(0x80 >> i % 8);

        if (one)
            address[i / 8] |= bit;
        else
            address[i / 8] &= (uint8_t)~bit;
    }
}

/* The network that the address lies in. */
static bool read_cidr(const char *address, const char *bits, struct scan_range *r)
{
    unsigned long n;

    if (!read_address(address, r->first) ||
        !number(bits, strlen(bits), is_four(r->first) ? 32 : 128, &n))
        return false;
    n += is_four(r->first) ? 96 : 0;
    memcpy(r->last, r->first, sizeof(r->last));
    set_bits(r->first, (unsigned)n, false);
    set_bits(r->last, (unsigned)n, true);
    return true;
}

/* "10.0.0.5-10.0.0.20", "10.0.0.5-20" */
static bool read_span(const char *first, const char *last, struct scan_range *r)
{
    unsigned long octet;

    if (!read_address(first, r->first))
        return false;
    if (is_four(r->first) && number(last, strlen(last), 255, &octet)) {
        memcpy(r->last, r->first, sizeof(r->last));
        r->last[15] = (uint8_t)octet;
    } else if (!read_address(last, r->last)) {
        return false;
    }
    return is_four(r->first) == is_four(r->last) && memcmp(r->first, r->last, 16) <= 0;
}

static bool read_addresses(const char *text, struct scan_range *r)
{
    char copy[WORD_MAX], *at;

    if (strlen(text) >= sizeof(copy))
        return false;
    memcpy(copy, text, strlen(text) + 1);
    at = strpbrk(copy, "/-");
    if (at == NULL) {
        if (!read_address(copy, r->first))
            return false;
        memcpy(r->last, r->first, sizeof(r->last));
        return true;
    }
    if (*at == '/') {
        *at = 0;
        return read_cidr(copy, at + 1, r);
    }
    *at = 0;
    return read_span(copy, at + 1, r);
}

/* Letters, digits, "-", "_" and dots between, and no number: that would be half an address. */
static bool read_name(const char *text, struct scan_range *r)
{
    size_t n = strlen(text);

    if (n == 0 || n > 253 || strspn(text, "0123456789.-") == n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!letter && c != '_' && ((c != '.' && c != '-') || i == 0 || text[i - 1] == '.'))
            return false;
    }
    memset(r->first, 0, sizeof(r->first)); /* what was tried as an address */
    memset(r->last, 0, sizeof(r->last));
    memcpy(r->name, text, n + 1);
    return true;
}

/* --- ranges ------------------------------------------------------------------------------- */

static int refuse_target(const char *word, struct fault *f)
{
    return fault_refuse(f, "scan.target", "target", slice_str(word),
                        "a name, an address, FIRST-LAST, ADDRESS/BITS or a file, with :PORTS");
}

static void add_name(struct scan_range *r, struct slice name)
{
    for (size_t i = 0; i < r->n_names; i++)
        if (slice_eq(r->names[i], name))
            return;
    if (r->n_names < SCAN_NAMES_MAX && name.n > 0)
        r->names[r->n_names++] = name;
}

static uint64_t low_half(const uint8_t address[16])
{
    uint64_t n = 0;

    for (size_t i = 8; i < 16; i++)
        n = n << 8 | address[i];
    return n;
}

/* At most SCAN_TARGETS_MAX. */
static uint64_t count_of(const struct scan_range *r)
{
    uint64_t n = low_half(r->last) - low_half(r->first);

    if (r->name[0] != 0)
        return 1;
    return memcmp(r->first, r->last, 8) != 0 || n >= SCAN_TARGETS_MAX ? SCAN_TARGETS_MAX : n + 1;
}

static int put_range(struct scan_targets *t, const struct scan_range *r, struct fault *f)
{
    if (t->n == SCAN_RANGES_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "scan.ranges",
                         "more than %u names and ranges of addresses in one scan",
                         (unsigned)SCAN_RANGES_MAX);
    if (t->n == t->cap) {
        t->cap = t->cap == 0 ? 64 : 2 * t->cap;
        t->end = xreallocarray(t->end, t->cap, sizeof(*t->end));
    }
    scan_range_put(&t->ranges, r);
    t->end[t->n++] = t->ranges.n;
    t->count += r->exclude ? 0 : count_of(r) * r->n_ports;
    return 0;
}

/* `sni`: more names with commas between; "": none. */
static int put_target(struct scan_targets *t, struct scan_range *r, const char *ports,
                      const char *sni, struct fault *f)
{
    struct ports own;
    int rc = 0;

    memcpy(own.port, t->port, sizeof(own.port));
    own.n = t->n_ports;
    if (ports != NULL)
        rc = read_ports(&own, ports, f);
    if (rc != 0)
        return rc;
    memcpy(r->port, own.port, sizeof(r->port));
    r->n_ports = own.n;
    add_name(r, slice_str(r->name));
    for (size_t n; *sni != 0; sni += n + (sni[n] == ',' ? 1 : 0)) {
        n = strcspn(sni, ",");
        add_name(r, slice_of(sni, n));
    }
    for (size_t i = 0; i < t->n_names; i++)
        add_name(r, slice_str(t->names[i]));
    r->bare = !t->names_only || r->n_names == 0;
    return put_range(t, r, f);
}

/* Splits "[ADDRESS]:PORTS", "TARGET:PORTS" in place; more than one colon without brackets is an
 * address of IPv6. */
static int split(char *word, char **target, const char **ports, struct fault *f)
{
    char *end, *colon = strchr(word, ':');

    *target = word;
    *ports = NULL;
    if (word[0] == '[') {
        end = strchr(word, ']');
        if (end == NULL || (end[1] != 0 && end[1] != ':'))
            return refuse_target(word, f);
        *ports = end[1] == ':' ? end + 2 : NULL;
        *end = 0;
        *target = word + 1;
    } else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
        *ports = colon + 1;
        *colon = 0;
    }
    return 0;
}

static int read_target(struct scan_targets *t, const char *word, const char *sni, struct fault *f)
{
    struct scan_range r;
    char copy[WORD_MAX], *target;
    const char *ports;
    int rc;

    memset(&r, 0, sizeof(r));
    if (strlen(word) >= sizeof(copy))
        return refuse_target(word, f);
    memcpy(copy, word, strlen(word) + 1);
    rc = split(copy, &target, &ports, f);
    if (rc != 0)
        return rc;
    if (!read_addresses(target, &r) && !read_name(target, &r))
        return refuse_target(word, f);
    return put_target(t, &r, ports, sni, f);
}

/* --- files ---------------------------------------------------------------------------------- */

#define BOM "\xef\xbb\xbf" /* what some editors put in front of UTF-8 */

typedef int (*line_reader)(struct scan_targets *t, char *line, struct fault *f);

/* What stands behind the end of a line as we see it would be passed over without a word. */
static int end_line(char *line, struct fault *f)
{
    size_t n = strlen(line);

    if (n > 0 && line[n - 1] == '\r')
        line[--n] = 0;
    if (strchr(line, '\r') != NULL)
        return fault_set(f, FAULT_MALFORMED, "scan.target",
                         "lines end with a line feed, not with a carriage return alone");
    line[strcspn(line, "#")] = 0;
    return 0;
}

static int read_text(const char *path, struct buf *text, struct fault *f)
{
    int rc = file_read(path, FILE_MAX, text, f);

    if (rc == 0 && text->n > 0 && memchr(text->p, 0, text->n) != NULL)
        rc = fault_set(f, FAULT_MALFORMED, "scan.target", "%.150s is no text", path);
    return rc;
}

static int read_lines(struct scan_targets *t, const char *path, line_reader read, struct fault *f)
{
    struct buf text;
    unsigned number_of = 0;
    int rc;

    buf_init(&text, FILE_MAX);
    rc = read_text(path, &text, f);
    /* Of nothing, the text is a constant. */
    for (char *line = rc == 0 && text.n > 0 ? (char *)(uintptr_t)buf_cstr(&text) : NULL, *next;
         rc == 0 && line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = 0;
        if (number_of++ == 0 && strncmp(line, BOM, sizeof(BOM) - 1) == 0)
            line += sizeof(BOM) - 1;
        rc = end_line(line, f);
        if (rc == 0)
            rc = read(t, line + strspn(line, " \t"), f);
    }
    if (rc != 0 && number_of > 0) {
        char at[64];

        (void)snprintf(at, sizeof(at), "line %u", number_of);
        (void)snprintf(f->field, sizeof(f->field), "%s", at);
    }
    buf_free(&text);
    return rc;
}

/* Ends the first word; what stands behind it. */
static char *first_word(char *line)
{
    char *rest = line + strcspn(line, " \t");

    if (*rest != 0)
        *rest++ = 0;
    return rest + strspn(rest, " \t");
}

/* "TARGET[:PORTS] [sni=NAME,NAME]" */
static int target_line(struct scan_targets *t, char *line, struct fault *f)
{
    char *rest = first_word(line), *more = first_word(rest);
    const char *sni = "";

    if (*line == 0)
        return 0;
    if (*more != 0)
        return refuse_target(more, f);
    if (strncmp(rest, "sni=", 4) == 0)
        sni = rest + 4;
    else if (*rest != 0)
        return refuse_target(rest, f);
    return read_target(t, line, sni, f);
}

static bool is_file(const struct scan_targets *t, const char *path)
{
    struct stat st;

    if (t->no_files)
        return false;
    return strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISDIR(st.st_mode));
}

/* "FILE:PORTS" */
static int read_file_with_ports(struct scan_targets *t, const char *word, const char *ports,
                                struct fault *f)
{
    struct scan_targets before = *t;
    char path[WORD_MAX];
    int rc;

    (void)snprintf(path, sizeof(path), "%.*s", (int)(ports - word - 1), word);
    rc = scan_targets_ports(t, ports, f);
    if (rc == 0)
        rc = read_lines(t, path, target_line, f);
    memcpy(t->port, before.port, sizeof(t->port));
    t->n_ports = before.n_ports;
    return rc;
}

int scan_targets_add(struct scan_targets *t, const char *word, struct fault *f)
{
    const char *colon = strrchr(word, ':');
    struct scan_range ignored;
    char path[WORD_MAX];

    if (strlen(word) >= sizeof(path))
        return refuse_target(word, f);
    if (read_addresses(word, &ignored) || word[0] == '[')
        return read_target(t, word, "", f);
    if (is_file(t, word))
        return read_lines(t, word, target_line, f);
    (void)snprintf(path, sizeof(path), "%.*s", colon == NULL ? 0 : (int)(colon - word), word);
    if (path[0] != 0 && is_file(t, path))
        return read_file_with_ports(t, word, colon + 1, f);
    return read_target(t, word, "", f);
}

static int exclude_line(struct scan_targets *t, char *line, struct fault *f)
{
    struct scan_range r;
    char *more = first_word(line);

    if (*line == 0)
        return 0;
    memset(&r, 0, sizeof(r));
    r.exclude = true;
    if (*more != 0 || !read_addresses(line, &r))
        return fault_refuse(f, "scan.target", "exclude", slice_str(*more != 0 ? more : line),
                            "an address, FIRST-LAST, ADDRESS/BITS or a file of those");
    return put_range(t, &r, f);
}

int scan_targets_exclude(struct scan_targets *t, const char *word, struct fault *f)
{
    char copy[WORD_MAX];

    if (is_file(t, word))
        return read_lines(t, word, exclude_line, f);
    if (strlen(word) >= sizeof(copy))
        return refuse_target(word, f);
    memcpy(copy, word, strlen(word) + 1);
    return exclude_line(t, copy, f);
}
