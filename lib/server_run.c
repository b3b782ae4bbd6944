#include "lib/server_run.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"

#define SWEEP_MS 500
#define DRAIN_LIMIT_US 7000000
#define SOON_US 1000000

static bool is_drained(const struct server_run *s)
{
    uint64_t since = clock_mono_us() - s->drain_since_us;

    if (httpd_busy(s->httpd) > 0)
        return since > DRAIN_LIMIT_US;
    if (since > SOON_US)
        return true;
    return (s->flushed == NULL || s->flushed(s->arg)) &&
           (!s->tls || httpd_connections(s->httpd) == 0);
}

static void sweep_in(struct server_run *s, uint64_t ms)
{
    s->sweeping = true;
    loop_timer_set(s->sweep, ms);
}

/* Once more after the last has gone. */
static void on_sweep(void *arg)
{
    struct server_run *s = arg;
    bool alone = httpd_connections(s->httpd) == 0;

    s->sweeping = false;

    if (s->turn != NULL)
        s->turn(s->arg);
    httpd_sweep(s->httpd);
    if (s->drain_since_us != 0 && is_drained(s)) {
        loop_stop(s->loop);
        return;
    }
    if (s->drain_since_us != 0)
        sweep_in(s, SWEEP_MS / 10);
    else if (s->always || !alone)
        sweep_in(s, SWEEP_MS);
}

/* Whoever comes and goes, alone each time, does not put off the turn that is to come. */
static void on_first(void *arg)
{
    struct server_run *s = arg;

    if (!s->sweeping)
        sweep_in(s, SWEEP_MS);
}

static void post_first(void *arg)
{
    struct server_run *s = arg;

    loop_post(s->loop, on_first, s);
}

static void on_stop(void *arg, int signo)
{
    struct server_run *s = arg;

    if (s->drain_since_us != 0 || s->httpd == NULL) {
        loop_stop(s->loop);
        return;
    }
    log_info(s->stopping, "signal", strsignal(signo), "connections",
             log_num(httpd_connections(s->httpd)), NULL);
    s->drain_since_us = clock_mono_us();
    httpd_quiesce(s->httpd);
    on_sweep(s);
}

static void ignore(void *arg, int signo)
{
    (void)arg, (void)signo; /* cercad restarts us for a new configuration */
}

void server_run_open(struct server_run *s)
{
    s->loop = loop_new();
    s->sweep = loop_timer(s->loop, on_sweep, s);
    loop_signal(s->loop, SIGTERM, on_stop, s);
    loop_signal(s->loop, SIGINT, on_stop, s);
    loop_signal(s->loop, SIGHUP, ignore, s);
}

void server_run_serving(struct server_run *s)
{
    httpd_on_first(s->httpd, post_first, s);
    on_first(s);
}

void server_run_close(struct server_run *s)
{
    loop_timer_free(s->sweep);
    loop_free(s->loop);
}

unsigned server_threads(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n > 0 ? (unsigned)n : 1;
}
