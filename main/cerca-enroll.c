/*
 * cerca-enroll: HTTPS for who enrolls. Reads what clients send and passes it on to cerca-ca; has no
 * file, no store and no token; jails itself, serves.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "enroll/own_certificate.h"
#include "enroll/refusals.h"
#include "enroll/site.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/sandbox.h"
#include "lib/server_main.h"

#define SWEEP_MS 500
#define DRAIN_LIMIT_US 7000000
#define HANDSHAKE_US 1000000
#define READY_POLL_MS 20
#define READY_LIMIT_US 5000000

struct server {
    struct loop *loop;
    struct loop_timer *sweep, *ready;
    const struct httpd_options *options;
    uint64_t since_us;
    struct fault *fault;
    struct ca_link *link;
    struct httpd_tls *tls;
    struct own_certificate *own;
    struct cas *cas;
    struct refusals *refusals;
    struct site *site;
    struct httpd *httpd;
    uint64_t drain_since_us; /* 0: serving */
};

static const char usage_text[] =
    "usage: cerca-enroll -c CONF [--check] [--conf-fd N] [--listen-fd N] [--keep-fd N]\n"
    "\n"
    "Serves enrollment over HTTPS (EST), for cerca-ca.\n"
    "cercad starts it; alone it opens the port itself and stays in the foreground.\n"
    "\n"
    "  -c, --conf CONF   the configuration\n"
    "      --check       read the configuration, then end\n"
    "      --conf-fd N, --listen-fd N, --keep-fd N\n"
    "                    descriptors that cercad hands over\n"
    "      --help, --version\n";

static int jail(struct fault *f)
{
    struct sandbox s = {.program = "cerca-enroll", .unix_connect = true};

    sandbox_allow(&s, "/etc/localtime", false);
    return sandbox_enter(&s, f);
}

/* ---- at work ---- */

/* Whoever has just come is at the handshake still, and asks soon; and cerca-ca may not
 * be there to note what was refused. */
static bool is_drained(struct server *s)
{
    uint64_t since = clock_mono_us() - s->drain_since_us;

    if (httpd_busy(s->httpd) > 0)
        return since > DRAIN_LIMIT_US;
    return (refusals_flush(s->refusals) && httpd_connections(s->httpd) == 0) ||
           since > HANDSHAKE_US;
}

static void on_sweep(void *arg)
{
    struct server *s = arg;

    if (s->httpd != NULL)
        httpd_sweep(s->httpd);
    if (s->drain_since_us != 0 && is_drained(s)) {
        loop_stop(s->loop);
        return;
    }
    loop_timer_set(s->sweep, s->drain_since_us != 0 ? SWEEP_MS / 10 : SWEEP_MS);
}

/* New connections wait in the listening socket, which is cercad's, for whoever comes next. */
static void on_stop(void *arg, int signo)
{
    struct server *s = arg;

    if (s->drain_since_us != 0 || s->httpd == NULL) {
        loop_stop(s->loop);
        return;
    }
    log_info("enroll.stopping", "signal", strsignal(signo), "connections",
             log_num(httpd_connections(s->httpd)), NULL);
    s->drain_since_us = clock_mono_us();
    httpd_quiesce(s->httpd);
    on_sweep(s);
}

static void ignore(void *arg, int signo)
{
    (void)arg, (void)signo; /* cercad restarts us for a new configuration */
}

static unsigned thread_count(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n > 0 ? (unsigned)n : 1;
}

static void catch_signals(struct server *s)
{
    loop_signal(s->loop, SIGTERM, on_stop, s);
    loop_signal(s->loop, SIGINT, on_stop, s);
    loop_signal(s->loop, SIGHUP, ignore, s);
}

/* Who comes before there is anything to answer with waits in the listening socket, but not for
 * ever. */
static void on_ready(void *arg)
{
    struct server *s = arg;
    bool ready = own_certificate_ready(s->own) && cas_ready(s->cas);

    if (!ready && clock_mono_us() - s->since_us < READY_LIMIT_US) {
        loop_timer_set(s->ready, READY_POLL_MS);
        return;
    }
    if (httpd_start(s->options, &s->httpd, s->fault) != 0) {
        loop_stop(s->loop);
        return;
    }
    log_info("enroll.ready", "version", CERCA_VERSION, "threads", log_num(s->options->threads),
             NULL);
    loop_timer_set(s->sweep, SWEEP_MS);
}

/* Whoever waits gets an answer before the server ends. */
static void take_down(struct server *s)
{
    ca_link_close(s->link);
    httpd_free(s->httpd);
    own_certificate_free(s->own);
    cas_free(s->cas);
    refusals_free(s->refusals);
    site_free(s->site);
    httpd_tls_free(s->tls);
    ca_link_free(s->link);
    loop_timer_free(s->sweep);
    loop_timer_free(s->ready);
    loop_free(s->loop);
}

static int serve(const struct conf *conf, int listen_fd, int keep_fd, struct fault *f)
{
    struct server s = {
        .loop = loop_new(), .tls = httpd_tls_new(), .since_us = clock_mono_us(), .fault = f};
    struct httpd_options o = {.listen_fd = listen_fd,
                              .tls = s.tls,
                              .waits = true,
                              .threads = thread_count(),
                              .connections = conf->https_connections,
                              .timeout_s = (unsigned)conf->https_timeout,
                              .body_max = conf->https_body_max,
                              .handle = site_answer,
                              .turned_away = site_turned_away};

    catch_signals(&s);
    s.link = ca_link_new(s.loop, conf);
    s.own = own_certificate_new(s.loop, conf, s.link, s.tls, keep_fd);
    s.cas = cas_new(s.loop, conf, s.link);
    s.refusals = refusals_new(s.loop, s.link);
    s.site = site_new(conf, s.link, s.cas, s.refusals);
    o.arg = s.site;
    s.options = &o;
    s.sweep = loop_timer(s.loop, on_sweep, &s);
    s.ready = loop_timer(s.loop, on_ready, &s);
    on_ready(&s);
    loop_run(s.loop);
    take_down(&s);
    return -(int)f->code;
}

static int run(const struct server_options *o, const struct conf *conf, struct fault *f)
{
    int listen_fd = o->listen_fd, rc;

    if (!conf_enrolls(conf))
        return fault_set(f, FAULT_CONFIG, "est",
                         "https.listen is empty or est has no label: nothing to serve");
    if (o->check)
        return 0;
    if (listen_fd < 0)
        listen_fd = listen_tcp(conf->https_listen, conf->https_port, f);
    if (listen_fd < 0)
        return listen_fd;
    (void)signal(SIGPIPE, SIG_IGN);
    httpd_prepare();
    rc = jail(f);
    return rc != 0 ? rc : serve(conf, listen_fd, o->keep_fd, f);
}

int main(int argc, char **argv)
{
    return server_main(&(struct server_program){"cerca-enroll", usage_text, "enroll.ended", run},
                       argc, argv);
}
