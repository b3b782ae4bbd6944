/*
 * Revokes certificates over the admin socket and measures what a message takes.
 *
 *   revoke_load CONF FILE FROM COUNT EACH
 *
 * FILE has a serial a line; those from line FROM on (the first is 0) are revoked, COUNT of them,
 * EACH in one message; the next message goes out when the last one is answered.
 * Prints: rate p50_us p99_us; the rate is of certificates, the times of messages.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/conn.h"
#include "lib/log.h"
#include "lib/proto.h"
#include "lib/wire.h"

#define REASON_SUPERSEDED 4

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "revoke_load: %s\n", what);
    exit(1);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void next_serial(FILE *in, uint8_t out[SERIAL_LEN])
{
    char line[2 * SERIAL_LEN + 2];

    if (fgets(line, sizeof(line), in) == NULL)
        die("the file is too short");
    line[strcspn(line, "\n")] = '\0';
    if (hex_decode(line, out, SERIAL_LEN) != 0)
        die("not a serial");
}

static void check(struct slice body, uint32_t n)
{
    struct wire_in w;
    struct revoke_outcome o;

    wire_in_init(&w, body);
    if (wire_get_u32(&w) != n)
        die("a malformed answer");
    for (uint32_t i = 0; i < n; i++) {
        revoke_outcome_get(&w, &o);
        if (o.code != FAULT_NONE)
            die(o.text);
    }
    if (!wire_in_done(&w))
        die("a malformed answer");
}

static uint64_t one_message(struct client *c, FILE *in, struct revoke_request *r)
{
    struct frame answer;
    struct fault f;
    struct buf b;
    uint64_t since;

    for (uint32_t i = 0; i < r->n; i++)
        next_serial(in, r->serial[i]);
    fault_clear(&f);
    buf_init(&b, FRAME_BODY_MAX);
    revoke_request_put(&b, r);
    since = clock_mono_us();
    if (client_call(c, MSG_REVOKE, buf_slice(&b), 60000, &answer, &f) != 0)
        die(f.text);
    since = clock_mono_us() - since;
    check(answer.body, r->n);
    buf_free(&b);
    return since;
}

static struct client *connect_admin(const char *conf_file)
{
    struct client *c;
    struct conf *conf;
    struct fault f;
    struct buf path;

    fault_clear(&f);
    buf_init(&path, 4096);
    if (conf_load(conf_file, &conf, &f) != 0)
        die(f.text);
    conf_admin_socket(conf, &path);
    if (client_open(buf_cstr(&path), &c, &f) != 0)
        die(f.text);
    buf_free(&path);
    conf_free(conf);
    return c;
}

static void measure(struct client *c, FILE *in, size_t count, uint32_t each)
{
    struct revoke_request *r = xcalloc(1, sizeof(*r));
    size_t messages = count / each;
    uint64_t *took = xcalloc(messages, sizeof(*took)), all = 0;

    r->reason = REASON_SUPERSEDED;
    r->n = each;
    for (size_t i = 0; i < messages; i++) {
        took[i] = one_message(c, in, r);
        all += took[i];
    }
    qsort(took, messages, sizeof(*took), by_value);
    printf("%.0f %llu %llu\n", (double)(messages * each) * 1e6 / (double)all,
           (unsigned long long)took[messages / 2], (unsigned long long)took[messages * 99 / 100]);
    free(took);
    free(r);
}

int main(int argc, char **argv)
{
    size_t from, count, each;
    uint8_t serial[SERIAL_LEN];
    struct client *c;
    FILE *in;

    log_open("revoke_load", LOG_LEVEL_WARN);
    if (argc != 6 || (in = fopen(argv[2], "r")) == NULL)
        die("usage: revoke_load CONF FILE FROM COUNT EACH");
    from = strtoul(argv[3], NULL, 10);
    count = strtoul(argv[4], NULL, 10);
    each = strtoul(argv[5], NULL, 10);
    if (each == 0 || each > REVOKE_MAX || count < each)
        die("a message holds 1 to 256 serials");
    for (size_t i = 0; i < from; i++)
        next_serial(in, serial);
    c = connect_admin(argv[1]);
    measure(c, in, count, (uint32_t)each);
    client_free(c);
    (void)fclose(in);
    return 0;
}
