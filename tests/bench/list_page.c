/*
 * How long a page of 100 rows takes, asked over the admin socket (so a little more
 * than in the core alone).
 *
 *   list_page CONF FILTER VALUE REPEATS
 *
 * FILTER is one of status, expires-within, owner, profile, name, issuer, requester.
 * Prints: rows p50_us p99_us. Each repeat asks for the next page; at the end it starts over.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/conn.h"
#include "lib/log.h"
#include "lib/proto.h"

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "list_page: %s\n", what);
    exit(1);
}

static void set_filter(struct list_request *r, const char *filter, const char *value)
{
    struct {
        const char *name;
        char *at;
        size_t cap;
    } fields[] = {
        {"status", r->status, sizeof(r->status)},
        {"owner", r->owner, sizeof(r->owner)},
        {"profile", r->profile, sizeof(r->profile)},
        {"name", r->name, sizeof(r->name)},
        {"issuer", r->issuer, sizeof(r->issuer)},
        {"requester", r->requester, sizeof(r->requester)},
    };
    int64_t span;

    if (strcmp(filter, "expires-within") == 0 && clock_parse_span(value, &span) == 0) {
        r->expires_before = clock_now() + span;
        return;
    }
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strcmp(filter, fields[i].name) == 0) {
            snprintf(fields[i].at, fields[i].cap, "%s", value);
            return;
        }
    }
    die("unknown filter");
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static size_t one_page(struct client *c, struct list_request *r, uint8_t cursor[LIST_CURSOR_MAX],
                       uint64_t *took)
{
    struct frame answer;
    struct list_page page;
    struct fault f;
    struct buf b;
    uint64_t start;

    fault_clear(&f);
    buf_init(&b, FRAME_BODY_MAX);
    list_request_put(&b, r);
    start = clock_mono_us();
    if (client_call(c, MSG_LIST, buf_slice(&b), 10000, &answer, &f) != 0)
        die(f.text);
    *took = clock_mono_us() - start;
    if (list_page_get(answer.body, &page) != 0)
        die("a malformed page");
    if (page.cursor.n > 0)
        memcpy(cursor, page.cursor.p, page.cursor.n);
    r->cursor = slice_of(cursor, page.cursor.n);
    buf_free(&b);
    return page.n;
}

int main(int argc, char **argv)
{
    struct list_request r = {.limit = 100};
    uint8_t cursor[LIST_CURSOR_MAX];
    struct client *client;
    struct conf *conf;
    struct fault f;
    struct buf path;
    uint64_t *took;
    size_t n, rows = 0;

    fault_clear(&f);
    log_open("list_page", LOG_LEVEL_WARN);
    if (argc != 5 || (n = strtoul(argv[4], NULL, 10)) == 0)
        die("usage: list_page CONF FILTER VALUE REPEATS");
    if (conf_load(argv[1], &conf, &f) != 0)
        die(f.text);
    buf_init(&path, 4096);
    conf_admin_socket(conf, &path);
    if (client_open(buf_cstr(&path), &client, &f) != 0)
        die(f.text);
    set_filter(&r, argv[2], argv[3]);
    took = xcalloc(n, sizeof(*took));
    for (size_t i = 0; i < n; i++) {
        size_t got = one_page(client, &r, cursor, &took[i]);

        rows = got > rows ? got : rows;
    }
    qsort(took, n, sizeof(*took), by_value);
    printf("%zu %llu %llu\n", rows, (unsigned long long)took[n / 2],
           (unsigned long long)took[n * 99 / 100]);
    free(took);
    client_free(client);
    buf_free(&path);
    conf_free(conf);
    return 0;
}
