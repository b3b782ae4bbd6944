/*
 * cerca-admin: metrics over HTTP. Asks cerca-ca for them; has no file, no store and no token; jails
 * itself, serves.
 */
#include <signal.h>
#include <stdio.h>

#include "admin/site.h"
#include "lib/log.h"
#include "lib/manager.h"
#include "lib/proto.h"
#include "lib/sandbox.h"
#include "lib/server_main.h"
#include "lib/server_run.h"

#define CONNECTIONS 64
#define TIMEOUT_S 10

static const char usage_text[] =
    "usage: cerca-admin -c CONF [--text FILE] [--check] [--conf-fd N] [--listen-fd N]\n"
    "\n"
    "Serves metrics for Prometheus over HTTP, for cerca-ca.\n"
    "cercad starts it; alone it opens the port itself and stays in the foreground.\n"
    "\n"
    "  -c, --conf CONF   the configuration\n"
    "      --text FILE   its text that is in force, where that is another\n"
    "      --check       read the configuration, then end\n"
    "      --conf-fd N, --listen-fd N\n"
    "                    descriptors that cercad hands over\n"
    "      --help, --version\n";

static int jail(struct fault *f)
{
    struct sandbox s = {.program = "cerca-admin", .unix_connect = true};

    sandbox_allow(&s, "/etc/localtime", false);
    return sandbox_enter(&s, f);
}

static int serve(const struct conf *conf, int listen_fd, struct fault *f)
{
    static const uint16_t answers[] = {MSG_METRICS_ARE};
    struct server_run run = {.stopping = "admin.stopping"};
    struct httpd_options o = {.listen_fd = listen_fd,
                              .waits = true,
                              .threads = 1,
                              .connections = CONNECTIONS,
                              .timeout_s = TIMEOUT_S,
                              .handle = site_answer};
    struct ca_link *link;
    struct site *site;

    server_run_open(&run);
    link = ca_link_new(run.loop, &(struct ca_link_options){.conf = conf,
                                                           .socket = conf_metrics_socket,
                                                           .answers = answers,
                                                           .n_answers = 1});
    site = site_new(link);
    o.arg = site;
    if (httpd_start(&o, &run.httpd, f) == 0) {
        log_info("admin.ready", "version", CERCA_VERSION, NULL);
        server_run_serving(&run);
        loop_run(run.loop);
    }
    ca_link_close(link);
    httpd_free(run.httpd);
    site_free(site);
    ca_link_free(link);
    server_run_close(&run);
    return -(int)f->code;
}

static int run(const struct server_options *o, const struct conf *conf, struct fault *f)
{
    int listen_fd = o->listen_fd, rc;

    if (conf->metrics_listen[0] == '\0')
        return fault_set(f, FAULT_CONFIG, "metrics.listen",
                         "metrics.listen is empty: nothing to serve");
    if (o->check)
        return 0;
    if (listen_fd < 0)
        listen_fd = manager_listen(conf->metrics_listen, conf->metrics_port, f);
    if (listen_fd < 0)
        return listen_fd;
    (void)signal(SIGPIPE, SIG_IGN);
    httpd_prepare();
    rc = jail(f);
    return rc != 0 ? rc : serve(conf, listen_fd, f);
}

int main(int argc, char **argv)
{
    return server_main(&(struct server_program){"cerca-admin", usage_text, "admin.ended", run},
                       argc, argv);
}
