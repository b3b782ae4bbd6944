#include "scan/target.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/key.h"
#include "scan/keep.h"
#include "scan/target_ask.h"

#define SOCKET_RETRY_MS 50
#define SOCKET_RETRIES 200

static void take_turn(struct target *t);
static void begin_name(struct target *t);
static void next_name(struct target *t, bool skip);

static void wait_for(struct target *t, enum target_wait wait, uint64_t us)
{
    t->wait = wait;
    loop_timer_set(t->timer, (us + 999) / 1000);
}

/* The deadline runs from here. */
static void run_deadline(struct target *t)
{
    t->since_us = clock_mono_us();
    if (t->began_us == 0)
        t->began_us = t->since_us;
    wait_for(t, TARGET_FOR_ANSWER, t->left_us);
}

static void hold_deadline(struct target *t)
{
    uint64_t used = clock_mono_us() - t->since_us;

    loop_timer_clear(t->timer);
    t->left_us -= used < t->left_us ? used : t->left_us;
}

/* --- results ------------------------------------------------------------------------ */

static const char *name_of(const struct target *t)
{
    return t->i_name < t->at.range->n_names ? t->at.range->names[t->i_name] : "";
}

static void put_address(const uint8_t address[16], char out[SCAN_ADDRESS_MAX])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (memcmp(address, mapped, sizeof(mapped)) == 0)
        (void)inet_ntop(AF_INET, address + 12, out, SCAN_ADDRESS_MAX);
    else
        (void)inet_ntop(AF_INET6, address, out, SCAN_ADDRESS_MAX);
}

static void begin_result(struct target *t)
{
    struct scan_result *r = &t->result;

    memset(r, 0, sizeof(*r));
    if (t->i_address < t->n_addresses)
        put_address(t->address[t->i_address], r->address);
    (void)snprintf(r->host, sizeof(r->host), "%s",
                   t->at.range->name != NULL ? t->at.range->name : r->address);
    (void)snprintf(r->sni, sizeof(r->sni), "%s", name_of(t));
    r->port = t->at.port.port;
    r->starttls = t->at.port.starttls;
    r->position = t->position;
    r->stage = SCAN_AT_RESOLVE;
    t->began_us = 0;
    t->left_us = (uint64_t)t->world->job.timeout_ms * 1000;
    t->retries = 0;
}

static void tell_result(struct target *t)
{
    struct scan_result *r = &t->result;

    r->time = clock_now();
    if (t->began_us != 0)
        r->duration_ms = (uint32_t)((clock_mono_us() - t->began_us) / 1000);
    t->world->result(t->world->arg, r);
}

/* Nobody answered in a way that another name would change. */
static bool hopeless(const struct scan_result *r)
{
    return r->stage != SCAN_AT_DONE && (r->stage != SCAN_AT_HANDSHAKE || r->outcome == SCAN_NO_TLS);
}

static void end_result(struct target *t)
{
    bool skip = hopeless(&t->result);

    loop_timer_clear(t->timer);
    tell_result(t);
    next_name(t, skip);
}

static void next_name(struct target *t, bool skip)
{
    t->i_name++;
    if (skip || t->i_name == t->at.range->n_names + (t->at.range->bare ? 1u : 0u)) {
        t->i_name = 0;
        t->i_address++;
        t->asked = false;
    }
    if (t->i_address < t->n_addresses)
        begin_name(t);
    else
        t->world->ended(t->world->arg, t);
}

/* --- connections ---------------------------------------------------------------------- */

static bool wants_to_ask(const struct target *t)
{
    enum scan_outcome o = t->result.outcome;

    return !t->world->job.handshake_only && !t->asked &&
           (o == SCAN_SERVED || o == SCAN_ALERT || o == SCAN_BAD_CERTIFICATE);
}

static void close_talk(struct target *t)
{
    talk_end(&t->talk);
    t->world->connected--;
}

/* What the handshake showed. `late`: it did not come to its end. */
static void take_handshake(struct target *t, bool late)
{
    talk_tell(&t->talk, &t->result);
    if (late)
        t->result.outcome = SCAN_TIMEOUT;
    scan_result_keep(&t->result, &t->octets);
    close_talk(t);
    if (!late && wants_to_ask(t) && ask_begin(t)) {
        t->asks = true;
        take_turn(t);
        return;
    }
    end_result(t);
}

static void take_answer(struct target *t)
{
    bool more = ask_answered(t, &t->talk);

    close_talk(t);
    if (more) {
        take_turn(t);
        return;
    }
    t->asks = false;
    t->asked = t->result.offered != 0;
    end_result(t);
}

static void on_talk_ended(void *arg)
{
    struct target *t = arg;

    hold_deadline(t);
    if (t->asks)
        take_answer(t);
    else
        take_handshake(t, false);
}

static void on_late(struct target *t)
{
    t->left_us = 0;
    if (t->lookup != NULL) {
        resolution_cancel(t->lookup);
        t->lookup = NULL;
        t->result.outcome = SCAN_TIMEOUT;
        end_result(t);
    } else if (t->asks) {
        close_talk(t);
        t->asks = false;
        t->asked = true; /* not again with another name */
        t->result.suites_all = false;
        end_result(t);
    } else {
        take_handshake(t, true);
    }
}

static void give_up(struct target *t)
{
    if (t->asks) {
        t->asks = false;
        t->result.suites_all = false;
    } else {
        t->result.outcome = SCAN_FAILED;
        t->result.stage = SCAN_AT_CONNECT;
        (void)snprintf(t->result.detail, sizeof(t->result.detail), "no socket could be had here");
    }
    end_result(t);
}

static void connect_now(struct target *t)
{
    struct hello hello = {
        .version = t->version, .sni = name_of(t), .suites = t->left, .n_suites = t->n_left};
    struct talk_to to = {.address = t->address[t->i_address],
                         .port = t->at.port.port,
                         .starttls = t->at.port.starttls,
                         .sni = name_of(t),
                         .hello = t->asks ? &hello : NULL};

    memcpy(hello.random, t->random, sizeof(hello.random));
    if (talk_begin(&t->talk, t->world->loop, t->world->handshakes, &to, on_talk_ended, t) ==
        TALK_NO_SOCKET) {
        if (t->retries++ < SOCKET_RETRIES)
            wait_for(t, TARGET_FOR_SOCKET, SOCKET_RETRY_MS * 1000);
        else
            give_up(t);
        return;
    }
    t->world->connected++;
    t->result.connections++;
    run_deadline(t);
}

static void take_turn_of_all(struct target *t)
{
    uint64_t us = pace_all(&t->world->pace, clock_mono_us());

    if (us > 0)
        wait_for(t, TARGET_FOR_ALL, us);
    else
        connect_now(t);
}

static void drop(struct target *t)
{
    t->dropped = true;
    loop_timer_clear(t->timer);
    t->world->ended(t->world->arg, t);
}

void target_stop(struct target *t)
{
    if (t->wait != TARGET_FOR_ANSWER)
        drop(t);
}

/* Its network first: a turn of all that is taken and then waits would be lost to others. */
static void take_turn(struct target *t)
{
    uint64_t us;

    if (t->world->stopping) {
        drop(t);
        return;
    }
    us = pace_network(&t->world->pace, t->address[t->i_address], clock_mono_us());
    if (us > 0)
        wait_for(t, TARGET_FOR_NETWORK, us);
    else
        take_turn_of_all(t);
}

static void on_timer(void *arg)
{
    struct target *t = arg;

    switch (t->wait) {
    case TARGET_FOR_NETWORK:
        take_turn_of_all(t);
        break;
    case TARGET_FOR_ALL:
    case TARGET_FOR_SOCKET:
        connect_now(t);
        break;
    case TARGET_FOR_ANSWER:
        on_late(t);
        break;
    }
}

/* --- the whole target ------------------------------------------------------------------- */

static void begin_name(struct target *t)
{
    begin_result(t);
    t->asks = false;
    take_turn(t);
}

static void on_looked_up(void *arg, const uint8_t (*address)[16], size_t n, bool here,
                         const char *why)
{
    struct target *t = arg;

    t->lookup = NULL;
    loop_timer_clear(t->timer);
    for (size_t i = 0; i < n; i++)
        if (space_excluded(&t->world->space, address[i]))
            t->world->excluded++;
        else
            memcpy(t->address[t->n_addresses++], address[i], 16);
    if (n == 0) {
        t->result.outcome = here ? SCAN_FAILED : SCAN_NOT_RESOLVED;
        (void)snprintf(t->result.detail, sizeof(t->result.detail), "%s", why);
        end_result(t);
    } else if (t->n_addresses == 0) {
        t->world->ended(t->world->arg, t);
    } else {
        begin_name(t);
    }
}

struct target *target_new(struct target_world *w, uint64_t position, const struct space_target *at)
{
    struct target *t = xcalloc(1, sizeof(*t));

    t->world = w;
    t->position = position;
    t->at = *at;
    t->talk.fd = -1;
    t->timer = loop_timer(w->loop, on_timer, t);
    buf_init(&t->octets, KEEP_OCTETS);
    random_bytes(t->random, sizeof(t->random));
    return t;
}

void target_begin(struct target *t)
{
    if (t->at.range->name == NULL) {
        memcpy(t->address[0], t->at.address, 16);
        t->n_addresses = 1;
        begin_name(t);
        return;
    }
    begin_result(t);
    run_deadline(t);
    t->lookup = resolver_ask(t->world->resolver, t->at.range->name, on_looked_up, t);
}

void target_free(struct target *t)
{
    if (t == NULL)
        return;
    if (t->lookup != NULL)
        resolution_cancel(t->lookup);
    if (t->talk.loop != NULL)
        close_talk(t);
    loop_timer_free(t->timer);
    buf_free(&t->octets);
    free(t);
}
