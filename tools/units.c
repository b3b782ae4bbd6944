#include "tools/units.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/child.h"
#include "lib/text.h"

#define SOCKETS "/run/cerca" /* of the units: conf/systemd */
#define SYSTEMCTL "/usr/bin/systemctl"
#define SHOWN_MAX 16384

struct unit {
    char id[128], active[32], sub[32], result[32], pid[16], restarts[16];
};

/* "cerca-public.service" is "public", "cerca-signer@hsm.service" is "signer.hsm"; 0: a program. */
static int program_of(const char *id, char out[64])
{
    static const char *const plain[] = {"ca", "public", "enroll", "admin", "watch", "scan"};
    char name[64];
    size_t n;

    if (strncmp(id, "cerca-", 6) != 0)
        return -1;
    id += 6;
    n = strlen(id);
    if (n <= 8 || n - 8 >= sizeof(name) || strcmp(id + n - 8, ".service") != 0)
        return -1;
    snprintf(name, sizeof(name), "%.*s", (int)(n - 8), id);
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (strcmp(name, plain[i]) == 0) {
            memcpy(out, name, strlen(name) + 1);
            return 0;
        }
    if (strncmp(name, "signer@", 7) != 0)
        return -1;
    snprintf(out, 64, "signer.%.56s", name + 7);
    return 0;
}

/* Asked for by name, a unit that is not loaded is told of too: it was never wanted. */
static bool shown(const struct unit *u)
{
    return strcmp(u->active, "inactive") != 0 && u->active[0] != '\0';
}

static size_t put_unit(const struct unit *u, struct status_item *out, size_t n, size_t max)
{
    struct status_item i = {.ok = strcmp(u->active, "active") == 0};
    bool again = strcmp(u->sub, "auto-restart") == 0;

    if (n >= max || !shown(u) || program_of(u->id, i.name) != 0)
        return n;
    snprintf(i.state, sizeof(i.state), "%s", i.ok ? "running" : again ? "restarting" : u->active);
    if (i.ok)
        snprintf(i.text, sizeof(i.text), "pid %s, restarted %s times", u->pid, u->restarts);
    else
        snprintf(i.text, sizeof(i.text), "%s, restarted %s times: journalctl -u %s", u->result,
                 u->restarts, u->id);
    i.retry_after = again ? 1 : 0;
    out[n] = i;
    return n + 1;
}

static void take_line(struct unit *u, const char *line)
{
    const struct {
        const char *name;
        char *to;
        size_t size;
    } known[] = {
        {"Id=", u->id, sizeof(u->id)},         {"ActiveState=", u->active, sizeof(u->active)},
        {"SubState=", u->sub, sizeof(u->sub)}, {"Result=", u->result, sizeof(u->result)},
        {"MainPID=", u->pid, sizeof(u->pid)},  {"NRestarts=", u->restarts, sizeof(u->restarts)}};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strncmp(line, known[i].name, strlen(known[i].name)) == 0)
            snprintf(known[i].to, known[i].size, "%s", line + strlen(known[i].name));
}

size_t units_parse(struct slice text, struct status_item *out, size_t max)
{
    struct unit u = {.id = ""};
    char line[512];
    size_t n = 0;

    while (text_next_line(&text, line, sizeof(line))) {
        take_line(&u, line);
        if (line[0] != '\0')
            continue;
        n = put_unit(&u, out, n, max);
        memset(&u, 0, sizeof(u));
    }
    return put_unit(&u, out, n, max);
}

size_t units_status(const struct conf *c, struct status_item *out, size_t max)
{
    static const char *const argv[] = {
        "show", "--property=Id,ActiveState,SubState,Result,MainPID,NRestarts", "cerca-*.service",
        NULL};
    struct child child;
    struct fault f;
    struct buf text;
    size_t n = 0;

    if (strcmp(c->sock_dir, SOCKETS) != 0 || access("/run/systemd/system", F_OK) != 0 ||
        child_start(&child, SYSTEMCTL, argv, &f) != 0)
        return 0;
    buf_init(&text, SHOWN_MAX);
    if (child_wait(&child, &f) == 0) {
        child_output(&child, &text);
        n = units_parse(buf_slice(&text), out, max);
    }
    buf_free(&text);
    child_free(&child);
    return n;
}
