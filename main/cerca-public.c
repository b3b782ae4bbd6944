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
#include "lib/manager.h"
#include "lib/sandbox.h"
#include "lib/server_main.h"
#include "lib/server_run.h"
#include "public/nodekey.h"
#include "public/responders.h"
#include "public/site.h"

struct server {
    struct server_run run;
    struct places *places;
    struct site *site;
    struct ocsp_responder *ocsp;
    struct responders *responders;
    bool blind; /* the view cannot be listed, and that was said */
};

static const char usage_text[] =
    "usage: cerca-public -c CONF [--text FILE] [--check] [--conf-fd N] [--listen-fd N] [--keep-fd "
    "N]\n"
    "\n"
    "Serves CA certificates, CRLs, OCSP and the audit log's tree over HTTP, from the public view.\n"
    "cercad starts it; alone it opens the port itself and stays in the foreground.\n"
    "\n"
    "  -c, --conf CONF   the configuration\n"
    "      --text FILE   its text that is in force, where that is another\n"
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

static void turn(void *arg)
{
    struct server *s = arg;
    struct fault f;
    bool blind = places_refresh(s->places, &f) != 0;

    if (blind && !s->blind)
        log_fault(LOG_LEVEL_ERROR, "view.unreadable", &f, NULL);
    s->blind = blind;
    site_watch(s->site);
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
    struct server s = {
        .run = {.stopping = "public.stopping", .turn = turn, .always = true, .arg = &s},
        .places = places_new(conf, view_fd)};
    struct httpd_options o = {.listen_fd = listen_fd,
                              .threads =
                                  conf->http_threads > 0 ? conf->http_threads : server_threads(),
                              .connections = conf->http_connections,
                              .timeout_s = (unsigned)conf->http_timeout,
                              .handle = site_answer};
    int rc = places_refresh(s.places, f);

    if (rc == 0)
        rc = make_responder(conf, &s.ocsp, f);
    s.site = site_new(conf, s.places, s.ocsp);
    o.arg = s.site;
    server_run_open(&s.run);
    /* The issuers, and the delegates that are kept, are there before the first request. */
    if (rc == 0) {
        s.responders = responders_new(s.run.loop, conf, s.ocsp, own_key, keep_fd);
        rc = httpd_start(&o, &s.run.httpd, f);
    } else {
        EVP_PKEY_free(own_key);
    }
    if (rc == 0) {
        log_info("public.ready", "version", CERCA_VERSION, "threads", log_num(o.threads), NULL);
        server_run_serving(&s.run);
        loop_run(s.run.loop);
    }
    httpd_free(s.run.httpd);
    site_free(s.site);
    responders_free(s.responders);
    ocsp_responder_free(s.ocsp);
    places_free(s.places);
    server_run_close(&s.run);
    return rc;
}

/* Takes the key over. */
static int start(const struct server_options *o, const struct conf *conf, EVP_PKEY *own_key,
                 struct fault *f)
{
    int keep_fd = o->keep_fd >= 0 ? o->keep_fd : manager_memory();
    int view_fd = -1, listen_fd = o->listen_fd, rc = 0;

    if (listen_fd < 0)
        listen_fd = manager_listen(conf->http_listen, conf->http_port, f);
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
        return serve(conf, view_fd, listen_fd, own_key, keep_fd, f);
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
