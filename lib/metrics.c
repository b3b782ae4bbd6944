#include "lib/metrics.h"

#include <inttypes.h>
#include <string.h>

#include "lib/utf8.h"

/* Upper bounds; their texts are what is served. */
static const struct {
    uint64_t us;
    const char *text;
} bound[METRIC_BUCKETS] = {
    {100, "0.0001"},  {250, "0.00025"}, {500, "0.0005"},  {1000, "0.001"},
    {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"},  {25000, "0.025"},
    {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"},
    {1000000, "1"},   {2500000, "2.5"}, {10000000, "10"}, {30000000, "30"},
};

void metric_family(struct buf *out, const char *name, enum metric_type type, const char *help)
{
    static const char *const word[] = {
        [METRIC_GAUGE] = "gauge", [METRIC_COUNTER] = "counter", [METRIC_HISTOGRAM] = "histogram"};

    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, word[type]);
}

/* Octets of the character at p; 0: that is none. */
static size_t character(const char *p)
{
    size_t most = strnlen(p, 4);

    for (size_t n = 1; n <= most; n++)
        if (utf8_valid(slice_of(p, n)))
            return n;
    return 0;
}

/* The next character of a label's value, escaped; how many octets of it. What is not UTF-8, and
 * control characters, become a question mark: no scraper takes the whole page otherwise. */
static size_t escape(const char *p, char out[8], size_t *n)
{
    size_t len = character(p);

    *n = 1;
    if (len == 0 || (unsigned char)*p < 0x20 || (unsigned char)*p == 0x7f) {
        memcpy(out, *p == '\n' ? "\\n" : "?", *p == '\n' ? 2 : 1);
        return *p == '\n' ? 2 : 1;
    }
    *n = len;
    if (*p == '"' || *p == '\\') {
        out[0] = '\\';
        out[1] = *p;
        return 2;
    }
    memcpy(out, p, len);
    return len;
}

void metric_label(struct metric_labels *l, const char *name, const char *value)
{
    size_t head = strlen(name) + 3; /* a comma, =" */
    char c[8];

    if (l->n + head + 2 > sizeof l->text)
        return;
    if (l->n > 0)
        l->text[l->n++] = ',';
    memcpy(l->text + l->n, name, strlen(name));
    l->n += strlen(name);
    l->text[l->n++] = '=';
    l->text[l->n++] = '"';
    while (*value != '\0') {
        size_t taken, len = escape(value, c, &taken);

        if (l->n + len + 2 > sizeof l->text)
            break;
        memcpy(l->text + l->n, c, len);
        l->n += len;
        value += taken;
    }
    l->text[l->n++] = '"';
    l->text[l->n] = '\0';
}

static void put_name(struct buf *out, const char *name, const char *suffix,
                     const struct metric_labels *labels, const char *le)
{
    bool has = labels != NULL && labels->n > 0;

    buf_printf(out, "%s%s", name, suffix);
    if (!has && le == NULL)
        return;
    buf_printf(out, "{%s", has ? labels->text : "");
    if (le != NULL)
        buf_printf(out, "%sle=\"%s\"", has ? "," : "", le);
    buf_put_str(out, "}");
}

void metric_sample(struct buf *out, const char *name, const struct metric_labels *labels,
                   int64_t value)
{
    put_name(out, name, "", labels, NULL);
    buf_printf(out, " %" PRId64 "\n", value);
}

void metric_observe(struct metric_histogram *h, uint64_t us)
{
    size_t i = 0;

    while (i < METRIC_BUCKETS && us > bound[i].us)
        i++;
    h->bucket[i]++;
    h->sum_us += us;
}

void metric_histogram_put(struct buf *out, const char *name, const struct metric_labels *labels,
                          const struct metric_histogram *h)
{
    uint64_t sum = 0;

    for (size_t i = 0; i <= METRIC_BUCKETS; i++) {
        sum += h->bucket[i];
        put_name(out, name, "_bucket", labels, i < METRIC_BUCKETS ? bound[i].text : "+Inf");
        buf_printf(out, " %" PRIu64 "\n", sum);
    }
    put_name(out, name, "_sum", labels, NULL);
    buf_printf(out, " %" PRIu64 ".%06" PRIu64 "\n", h->sum_us / 1000000, h->sum_us % 1000000);
    put_name(out, name, "_count", labels, NULL);
    buf_printf(out, " %" PRIu64 "\n", sum);
}
