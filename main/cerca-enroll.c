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
#include "enroll/report.h"
#include "enroll/site.h"
#include "enroll/telling.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/manager.h"
#include "lib/proto.h"
#include "lib/sandbox.h"
#include "lib/server_main.h"
#include "lib/server_run.h"

#define READY_POLL_MS 20
#define READY_LIMIT_US 5000000

struct server {
    struct server_run run;
    struct loop_timer *ready;
    const struct httpd_options *options;
    uint64_t since_us;
    struct fault *fault;
    struct ca_link *link;
    struct httpd_tls *tls;
    struct own_certificate *own;
    struct cas *cas;
    struct refusals *refusals;
    struct telling *telling;
    struct site *site;
};

static const char usage_text[] =
    "usage: cerca-enroll -c CONF [--text FILE] [--check] [--conf-fd N] [--listen-fd N] [--keep-fd "
    "N]\n"
    "\n"
    "Serves enrollment over HTTPS (EST), for cerca-ca.\n"
    "cercad starts it; alone it opens the port itself and stays in the foreground.\n"
    "\n"
    "  -c, --conf CONF   the configuration\n"
    "      --text FILE   its text that is in force, where that is another\n"
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

/* cerca-ca may not be there to note what was refused. */
static bool flushed(void *arg)
{
    struct server *s = arg;

    return refusals_flush(s->refusals);
}

static void turn(void *arg)
{
    struct server *s = arg;

    telling_news(s->telling);
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
    if (httpd_start(s->options, &s->run.httpd, s->fault) != 0) {
        loop_stop(s->run.loop);
        return;
    }
    log_info("enroll.ready", "version", CERCA_VERSION, "threads", log_num(s->options->threads),
             NULL);
    server_run_serving(&s->run);
}

/* Whoever waits gets an answer before the server ends. */
static void take_down(struct server *s)
{
    ca_link_close(s->link);
    httpd_free(s->run.httpd);
    own_certificate_free(s->own);
    cas_free(s->cas);
    refusals_free(s->refusals);
    telling_free(s->telling);
    site_free(s->site);
    httpd_tls_free(s->tls);
    ca_link_free(s->link);
    loop_timer_free(s->ready);
    server_run_close(&s->run);
}

static int serve(const struct conf *conf, int listen_fd, int keep_fd, struct fault *f)
{
    static const uint16_t answers[] = {MSG_ISSUED,       MSG_ENROLL_KEYED,  MSG_ENROLL_CAS_ARE,
                                       MSG_ENROLL_NOTED, MSG_ENROLL_HINTED, MSG_ENROLL_REPORTED};
    struct server s = {.run = {.stopping = "enroll.stopping",
                               .turn = turn,
                               .flushed = flushed,
                               .tls = true,
                               .arg = &s},
                       .tls = httpd_tls_new(),
                       .since_us = clock_mono_us(),
                       .fault = f};
    struct httpd_options o = {.listen_fd = listen_fd,
                              .tls = s.tls,
                              .waits = true,
                              .threads = server_threads(),
                              .connections = conf->https_connections,
                              .timeout_s = (unsigned)conf->https_timeout,
                              .body_max = conf->https_body_max,
                              .handle = site_answer,
                              .turned_away = site_turned_away};

    server_run_open(&s.run);
    s.link = ca_link_new(
        s.run.loop, &(struct ca_link_options){.conf = conf,
                                              .socket = conf_enroll_socket,
                                              .answers = answers,
                                              .n_answers = sizeof answers / sizeof answers[0]});
    s.own = own_certificate_new(s.run.loop, conf, s.link, s.tls, keep_fd);
    s.cas = cas_new(s.run.loop, conf, s.link);
    s.refusals = refusals_new(s.run.loop, s.link);
    s.telling = telling_new(s.run.loop, s.link);
    s.site = site_new(conf, s.link, s.cas, s.refusals);
    o.arg = s.site;
    s.options = &o;
    s.ready = loop_timer(s.run.loop, on_ready, &s);
    on_ready(&s);
    loop_run(s.run.loop);
    take_down(&s);
    return -(int)f->code;
}

static int run(const struct server_options *o, const struct conf *conf, struct fault *f)
{
    int listen_fd = o->listen_fd, keep_fd = o->keep_fd, rc;

    if (!conf_enrolls(conf))
        return fault_set(f, FAULT_CONFIG, "est",
                         "https.listen is empty or est has no label: nothing to serve");
    if (o->check)
        return 0;
    if (listen_fd < 0)
        listen_fd = manager_listen(conf->https_listen, conf->https_port, f);
    if (listen_fd < 0)
        return listen_fd;
    if (keep_fd < 0)
        keep_fd = manager_memory();
    (void)signal(SIGPIPE, SIG_IGN);
    httpd_prepare();
    report_prepare();
    rc = jail(f);
    return rc != 0 ? rc : serve(conf, listen_fd, keep_fd, f);
}

int main(int argc, char **argv)
{
    return server_main(&(struct server_program){"cerca-enroll", usage_text, "enroll.ended", run},
                       argc, argv);
}
