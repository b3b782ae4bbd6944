/*
 * cerca-public: HTTP for anyone. Reads the public view and nothing else; opens what it needs, jails
 * itself, serves.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/httpd.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/sandbox.h"
#include "lib/server_main.h"
#include "public/nodekey.h"
#include "public/responders.h"
#include "public/site.h"

#define SWEEP_MS 500
#define DRAIN_LIMIT_US 5000000

struct server {
    const struct conf *conf;
    struct loop *loop;
    struct loop_timer *sweep;
    struct places *places;
    struct site *site;
    struct ocsp_responder *ocsp;
    struct responders *responders;
    struct httpd *httpd;
    uint64_t drain_since_us; /* 0: serving */
    bool blind;              /* the view cannot be listed, and that was said */
};

static const char usage_text[] =
    "usage: cerca-public -c CONF [--check] [--conf-fd N] [--listen-fd N] [--keep-fd N]\n"
    "\n"
    "Serves CA certificates, CRLs, OCSP and the audit log's tree over HTTP, from the public view.\n"
    "cercad starts it; alone it opens the port itself and stays in the foreground.\n"
    "\n"
    "  -c, --conf CONF   the configuration\n"
    "      --check       read the configuration, then end\n"
    "      --conf-fd N, --listen-fd N, --keep-fd N\n"
    "                    descriptors that cercad hands over\n"
    "      --help, --version\n";

static int jail(const struct conf *conf, struct fault *f)
{
    struct sandbox s = {.program = "cerca-public", .send_files = true, .unix_connect = true};

    sandbox_allow(&s, conf->view_dir, false);
    sandbox_allow(&s, "/etc/localtime", false);
    return sandbox_enter(&s, f);
}

/* ---- at work ---- */

static void on_sweep(void *arg)
{
    struct server *s = arg;
    struct fault f;
    bool blind = places_refresh(s->places, &f) != 0;

    if (blind && !s->blind)
        log_fault(LOG_LEVEL_ERROR, "view.unreadable", &f, NULL);
    s->blind = blind;
    httpd_sweep(s->httpd);
    site_watch(s->site);
    if (s->drain_since_us != 0 &&
        (httpd_busy(s->httpd) == 0 || clock_mono_us() - s->drain_since_us > DRAIN_LIMIT_US)) {
        loop_stop(s->loop);
        return;
    }
    loop_timer_set(s->sweep, s->drain_since_us != 0 ? SWEEP_MS / 10 : SWEEP_MS);
}

/* New connections wait in the listening socket, which is cercad's, for whoever comes next. */
static void on_stop(void *arg, int signo)
{
    struct server *s = arg;

    if (s->drain_since_us != 0) {
        loop_stop(s->loop);
        return;
    }
    log_info("public.stopping", "signal", strsignal(signo), "connections",
             log_num(httpd_connections(s->httpd)), NULL);
    s->drain_since_us = clock_mono_us();
    httpd_quiesce(s->httpd);
    on_sweep(s);
}

static void ignore(void *arg, int signo)
{
    (void)arg, (void)signo; /* cercad restarts us for a new configuration */
}

static unsigned thread_count(const struct conf *c)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return c->http_threads > 0 ? c->http_threads : n > 0 ? (unsigned)n : 1;
}

static int make_responder(const struct conf *c, struct ocsp_responder **out, struct fault *f)
{
    const struct ocsp_settings s = {.validity = c->ocsp_validity,
                                    .view_age_max = c->http_view_age,
                                    .http_age = c->ocsp_http_age,
                                    .archive = c->ocsp_archive,
                                    .never_issued_unauthorized = c->ocsp_unauthorized,
                                    .cache_max = (size_t)c->ocsp_cache};

    return ocsp_responder_new(&s, out, f);
}

static int serve(const struct conf *conf, int view_fd, int listen_fd, EVP_PKEY *own_key,
                 int keep_fd, struct fault *f)
{
    struct server s = {.conf = conf, .loop = loop_new(), .places = places_new(conf, view_fd)};
    struct httpd_options o = {.listen_fd = listen_fd,
                              .threads = thread_count(conf),
                              .connections = conf->http_connections,
                              .timeout_s = (unsigned)conf->http_timeout,
                              .handle = site_answer};
    int rc = places_refresh(s.places, f);

    if (rc == 0)
        rc = make_responder(conf, &s.ocsp, f);
    s.site = site_new(conf, s.places, s.ocsp);
    o.arg = s.site;
    s.sweep = loop_timer(s.loop, on_sweep, &s);
    loop_signal(s.loop, SIGTERM, on_stop, &s);
    loop_signal(s.loop, SIGINT, on_stop, &s);
    loop_signal(s.loop, SIGHUP, ignore, &s);
    /* The issuers, and the delegates that are kept, are there before the first request. */
    if (rc == 0) {
        s.responders = responders_new(s.loop, conf, s.ocsp, own_key, keep_fd);
        rc = httpd_start(&o, &s.httpd, f);
    } else {
        EVP_PKEY_free(own_key);
    }
    if (rc == 0) {
        log_info("public.ready", "version", CERCA_VERSION, "threads", log_num(o.threads), NULL);
        loop_timer_set(s.sweep, SWEEP_MS);
        loop_run(s.loop);
    }
    httpd_free(s.httpd);
    site_free(s.site);
    responders_free(s.responders);
    ocsp_responder_free(s.ocsp);
    places_free(s.places);
    loop_timer_free(s.sweep);
    loop_free(s.loop);
    return rc;
}

/* Takes the key over. */
static int start(const struct server_options *o, const struct conf *conf, EVP_PKEY *own_key,
                 struct fault *f)
{
    int view_fd = -1, listen_fd = o->listen_fd, rc = 0;

    if (listen_fd < 0)
        listen_fd = listen_tcp(conf->http_listen, conf->http_port, f);
    if (listen_fd < 0)
        rc = listen_fd;
    else if ((view_fd = open(conf->view_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        rc = fault_set(f, FAULT_UNAVAILABLE, "view.folder", "%s: %s", conf->view_dir,
                       strerror(errno));
    (void)signal(SIGPIPE, SIG_IGN);
    httpd_prepare();
    if (rc == 0)
        rc = jail(conf, f);
    if (rc == 0)
        return serve(conf, view_fd, listen_fd, own_key, o->keep_fd, f);
    EVP_PKEY_free(own_key);
    return rc;
}

static int run(const struct server_options *o, const struct conf *conf, struct fault *f)
{
    EVP_PKEY *own_key = NULL;

    if (conf->http_listen[0] == '\0')
        return fault_set(f, FAULT_CONFIG, "http.listen", "http.listen is empty: nothing to serve");
    if (conf->ocsp_key_file[0] != '\0' && nodekey_load(conf->ocsp_key_file, &own_key, f) != 0)
        return -(int)f->code;
    if (!o->check)
        return start(o, conf, own_key, f);
    EVP_PKEY_free(own_key);
    return 0;
}

int main(int argc, char **argv)
{
    return server_main(&(struct server_program){"cerca-public", usage_text, "public.ended", run},
                       argc, argv);
}
