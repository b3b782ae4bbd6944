/*
 * cerca-watch: delivers notices. Reads the channels' secrets, jails itself, asks cerca-ca what is
 * due and connects outward; nobody can connect to it.
 */
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deliver/courier.h"
#include "deliver/transfer.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/sandbox.h"
#include "lib/server_main.h"
#include "lib/step.h"

#define DRAIN_POLL_MS 50
#define DRAIN_LIMIT_US 4000000

struct watcher {
    struct loop *loop;
    struct loop_timer *drain;
    struct courier *courier;
    uint64_t drain_since_us; /* 0: at work */
};

static const char usage_text[] =
    "usage: cerca-watch -c CONF [--text FILE] [--check] [--conf-fd N]\n"
    "\n"
    "Delivers notices to the channels of the configuration, for cerca-ca.\n"
    "cercad starts it; alone it stays in the foreground.\n"
    "\n"
    "  -c, --conf CONF   the configuration\n"
    "      --text FILE   its text that is in force, where that is another\n"
    "      --check       read the configuration and the channels' files, then end\n"
    "      --conf-fd N   a descriptor that cercad hands over\n"
    "      --help, --version\n";

/* What libcurl and the resolver read. A network's own name service (a module of NSS beyond files
 * and dns) cannot be loaded, and is passed over. */
static int jail(const struct conf *conf, const struct channel_keys *keys, struct fault *f)
{
    struct sandbox s = {.program = "cerca-watch", .unix_connect = true, .net_connect = true};
    const char *seen = "";

    sandbox_allow_resolver(&s);
    sandbox_allow_anchors(&s);
    sandbox_allow(&s, "/dev/null", false);
    for (size_t i = 0; i < conf->n_channels; i++) {
        if (strcmp(keys[i].ca_file, seen) != 0)
            sandbox_allow(&s, keys[i].ca_file, false);
        seen = keys[i].ca_file;
    }
    return sandbox_enter(&s, f);
}

static void on_drain(void *arg)
{
    struct watcher *w = arg;

    if (courier_busy(w->courier) == 0 || clock_mono_us() - w->drain_since_us > DRAIN_LIMIT_US)
        loop_stop(w->loop);
    else
        loop_timer_set(w->drain, DRAIN_POLL_MS);
}

static void on_stop(void *arg, int signo)
{
    struct watcher *w = arg;

    if (w->drain_since_us != 0) {
        loop_stop(w->loop);
        return;
    }
    log_info("watch.stopping", "signal", strsignal(signo), NULL);
    w->drain_since_us = clock_mono_us();
    courier_drain(w->courier);
    on_drain(w);
}

static void ignore(void *arg, int signo)
{
    (void)arg, (void)signo; /* cercad restarts us for a new configuration */
}

static int serve(const struct conf *conf, const struct channel_keys *keys, struct fault *f)
{
    struct watcher w = {.loop = loop_new()};
    int rc;

    loop_signal(w.loop, SIGTERM, on_stop, &w);
    loop_signal(w.loop, SIGINT, on_stop, &w);
    loop_signal(w.loop, SIGHUP, ignore, &w);
    w.drain = loop_timer(w.loop, on_drain, &w);
    rc = courier_new(w.loop, conf, keys, &w.courier, f);
    if (rc == 0) {
        log_info("watch.ready", "version", CERCA_VERSION, "channels",
                 log_num((int64_t)conf->n_channels), NULL);
        loop_run(w.loop);
    }
    courier_free(w.courier);
    loop_timer_free(w.drain);
    loop_free(w.loop);
    return rc;
}

/* What libraries read or load once they do before the jail. */
static int warm_up(struct fault *f)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;

    if (transfers_prepare(f) != 0)
        return -(int)f->code;
    if (getaddrinfo("localhost", "25", &hints, &found) == 0)
        freeaddrinfo(found);
    return 0;
}

static int run(const struct server_options *o, const struct conf *conf, struct fault *f)
{
    struct channel_keys *keys;
    int rc;

    if (conf->n_channels == 0)
        return fault_set(f, FAULT_CONFIG, "channels", "there are no channels: nothing to deliver");
    rc = channels_load(conf, &keys, f);
    if (rc == 0 && !o->check) {
        (void)signal(SIGPIPE, SIG_IGN);
        rc = warm_up(f);
        if (rc == 0)
            rc = jail(conf, keys, f);
        if (rc == 0)
            rc = serve(conf, keys, f);
        transfers_forget();
    }
    channels_free(conf, keys);
    return rc;
}

int main(int argc, char **argv)
{
    STEP_INIT("cerca-watch");
    return server_main(&(struct server_program){"cerca-watch", usage_text, "watch.ended", run},
                       argc, argv);
}
