#include "ca/core/core_inner.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "ca/core/takeover.h"
#include "ca/observe/forget.h"
#include "ca/observe/jobs.h"
#include "ca/view/issuer.h"
#include "lib/clock.h"
#include "lib/jobtimes.h"
#include "lib/kin.h"
#include "lib/log.h"
#include "lib/sandbox.h"
#include "lib/step.h"

#define KEEP_EVERY_S 10
#define DRAIN_POLL_MS 20
#define DRAIN_LIMIT_US 8000000

/* ---- jail ---- */

/* What set-up makes must be there before the jail is; why it is not, its user will say. */
static void make_folders(const struct conf *conf)
{
    (void)!mkdir(conf->store_dir, 0700);
    (void)!view_folder(conf->view_dir);
}

/* Certificates are written, and what lies beside them; but of the configuration's own folder,
 * where the PINs may be, only at set-up. */
static void allow_certificates(struct sandbox *s, const struct conf *conf, bool set_up,
                               char **folder)
{
    for (size_t i = 0; i < conf->n_issuers; i++) {
        bool write;

        folder[i] = xstrdup(conf->issuers[i].certificate);
        *strrchr(folder[i], '/') = '\0';
        write = set_up || strcmp(folder[i], conf->dir) != 0;
        if (write)
            (void)mkdir(folder[i], 0755);
        sandbox_allow(s, write ? folder[i] : conf->issuers[i].certificate, write);
    }
}

int core_jail(const struct conf *conf, bool set_up, const char *const *more, struct fault *f)
{
    struct sandbox s = {.program = more != NULL ? "cerca-ca-restore"
                                   : set_up     ? "cerca-ca-setup"
                                                : "cerca-ca",
                        .unix_connect = true};
    char **folder = xcalloc(conf->n_issuers, sizeof(folder[0]));
    int rc;

    if (set_up)
        make_folders(conf);
    sandbox_allow(&s, conf->store_dir, true);
    sandbox_allow(&s, conf->view_dir, true);
    sandbox_allow(&s, conf->record_dir, false);
    if (conf->audit_export_dir[0] != '\0')
        sandbox_allow(&s, conf->audit_export_dir, true);
    if (conf->view_export_dir[0] != '\0')
        sandbox_allow(&s, conf->view_export_dir, true);
    for (size_t i = 0; i < conf->n_view_nodes; i++)
        sandbox_allow(&s, conf->view_nodes[i], false);
    sandbox_allow(&s, "/etc/localtime", false);
    sandbox_allow(&s, "/proc/sys/kernel/random/boot_id", false);
    for (; more != NULL && *more != NULL; more++)
        sandbox_allow(&s, *more, false);
    allow_certificates(&s, conf, set_up, folder);
    rc = sandbox_enter(&s, f);
    for (size_t i = 0; i < conf->n_issuers; i++)
        free(folder[i]);
    free(folder);
    return rc;
}

/* ---- housekeeping ---- */

static void *keeper_main(void *arg)
{
    struct core *c = arg;
    struct fault f;

    pthread_mutex_lock(&c->lock);
    while (!c->stop) {
        struct timespec until = {
            .tv_sec = (time_t)(clock_mono_us() / 1000000) + KEEP_EVERY_S,
        };

        if (pthread_cond_timedwait(&c->wake, &c->lock, &until) != ETIMEDOUT)
            continue;
        pthread_mutex_unlock(&c->lock);
        fault_clear(&f);
        if (view_maintain(c->view, &f) != 0)
            log_fault(LOG_LEVEL_ERROR, "view.maintain.failed", &f, NULL);
        job_noted(JOB_VIEW, f.code == FAULT_NONE);
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static int start_keeper(struct core *c, struct fault *f)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&c->keeper, NULL, keeper_main, c) != 0)
        return fault_set(f, FAULT_INTERNAL, "core.thread", "no thread for housekeeping");
    c->has_keeper = true;
    return 0;
}

static void stop_keeper(struct core *c)
{
    if (!c->has_keeper)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->keeper, NULL);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
}

/* ---- cercad ---- */

static void on_child_state(struct conn *conn, void *owner, const struct frame *frame)
{
    struct core *c = owner;
    struct child_status st;

    (void)conn;
    if (child_status_get(frame->body, &st) != 0) {
        log_warn("control.malformed", NULL);
        return;
    }
    kin_tell(st.program, st.token, st.state == CHILD_RUNNING ? (pid_t)st.pid : 0);
    if (c->admin != NULL && st.token[0] == '\0' && strcmp(st.program, "cerca-ca") != 0)
        admin_front(c->admin, &st);
    for (size_t i = 0; i < c->n_links; i++)
        if (strcmp(signer_link_token(c->links[i]), st.token) == 0)
            signer_link_child(c->links[i], &st);
}

static const struct permit control_permits[] = {{MSG_CHILD_STATE, 1024, on_child_state}};

/* cercad is gone: without it nothing would be started again, so end. */
static void on_control_closed(struct conn *conn, void *owner)
{
    struct core *c = owner;

    (void)conn;
    c->control = NULL;
    log_error("control.closed", NULL);
    loop_stop(c->loop);
}

static const struct conn_callbacks control_callbacks = {
    .permits = control_permits,
    .n_permits = 1,
    .closed = on_control_closed,
};

/* ---- stopping ---- */

static void on_drain(void *arg)
{
    struct core *c = arg;
    size_t busy = admin_busy(c->admin) + door_in_flight(c->door);

    if (busy == 0 || clock_mono_us() - c->drain_since_us > DRAIN_LIMIT_US)
        loop_stop(c->loop);
    else
        loop_timer_set(c->drain, DRAIN_POLL_MS);
}

static void on_stop(void *arg, int signo)
{
    struct core *c = arg;

    if (c->admin == NULL || c->drain_since_us != 0) {
        loop_stop(c->loop);
        return;
    }
    log_info("core.stopping", "signal", strsignal(signo), NULL);
    c->drain_since_us = clock_mono_us();
    admin_drain(c->admin);
    delegates_drain(c->delegates);
    enroll_drain(c->enroll);
    nodes_drain(c->nodes);
    watch_drain(c->watch);
    jobs_drain(c->jobs);
    forgetter_drain(c->forgetter);
    on_drain(c);
}

static void ignore(void *arg, int signo)
{
    (void)arg;
    (void)signo;
}

/* ---- construction ---- */

static int on_hello(void *arg, const struct signer_key *keys, size_t n, struct fault *f)
{
    struct core *c = arg;

    if (authorities_check_keys(c->authorities, keys, n, f) != 0)
        return -(int)f->code;
    if (c->bootstrap != NULL)
        bootstrap_keys(c->bootstrap, keys, n);
    return 0;
}

static void link_signers(struct core *c)
{
    c->n_links = c->conf->n_tokens;
    c->links = xcalloc(c->n_links, sizeof(struct signer_link *));
    for (size_t i = 0; i < c->n_links; i++)
        c->links[i] = signer_link_new(c->loop, c->conf, &c->conf->tokens[i], on_hello, c);
    for (size_t i = 0; i < c->authorities->n; i++)
        for (size_t t = 0; t < c->n_links; t++)
            if (strcmp(c->authorities->item[i].conf->token, c->conf->tokens[t].name) == 0)
                c->authorities->item[i].link = c->links[t];
}

static int open_store(struct core *c, struct fault *f)
{
    struct store_options o = {
        .dir = c->conf->store_dir,
        .quota = c->conf->store_quota,
        .free_watermark = c->conf->free_watermark,
        .request_key_life = c->conf->request_key_life,
        .intent_grace = c->conf->intent_grace,
    };

    return store_open(&o, &c->store, f);
}

static int skip_past_views(struct core *c, struct fault *f)
{
    struct store_op op = {.kind = STORE_SKIP, .time = clock_now()};
    struct store_stats stats;
    uint64_t newest;

    if (takeover_newest(c->conf, c->store, &newest, f) != 0 ||
        store_stats(c->store, &stats, f) != 0)
        return -(int)f->code;
    if (newest <= stats.change)
        return 0;
    op.skip_to = newest + TAKEOVER_MARGIN;
    op.audit.action = AUDIT_RESTORE;
    op.audit.time = op.time;
    memcpy(op.audit.generation, c->conf->generation, sizeof(op.audit.generation));
    snprintf(op.audit.actor, sizeof(op.audit.actor), "cerca-ca");
    snprintf(op.audit.detail, sizeof(op.audit.detail), "a view with change %llu has turned up",
             (unsigned long long)newest);
    if (store_do(c->store, &op) == 0)
        return 0;
    *f = op.fault;
    return -(int)f->code;
}

/* A view that came back after the restore may know more. */
static int take_over(struct core *c, struct fault *f)
{
    struct takeover t = {.conf = c->conf, .store = c->store};
    struct store_gate *g = xcalloc(1, sizeof(*g));
    int rc = store_gate(c->store, g, f);

    if (rc == 0 && g->closed && g->restored && g->n_restores > 0) {
        t.after = g->restore[g->n_restores - 1].change;
        rc = skip_past_views(c, f);
        if (rc == 0)
            rc = takeover_views(&t, f);
    }
    free(g);
    return rc;
}

/* A store_publish. CRLs follow the view, on their own thread. */
static int publish(void *arg, const struct store_change *changes, size_t n, struct fault *f)
{
    struct core *c = arg;
    int rc = view_publish(c->view, changes, n, f);

    if (c->crls != NULL)
        crl_publisher_changed(c->crls, changes, n);
    return rc;
}

static void publish_crls(struct core *c)
{
    const struct crl_parts parts = {
        .conf = c->conf,
        .loop = c->loop,
        .store = c->store,
        .view = c->view,
        .authorities = c->authorities,
    };

    c->crls = crl_publisher_new(&parts);
}

static int open_view(struct core *c, struct fault *f)
{
    if (take_over(c, f) != 0)
        return -(int)f->code;
    if (view_open(c->conf->view_dir, c->store, &c->view, f) != 0)
        return -(int)f->code;
    store_on_publish(c->store, publish, c);
    for (size_t i = 0; i < c->authorities->n; i++) {
        const struct authority *a = &c->authorities->item[i];

        if (a->certificate.n > 0 &&
            view_issuer(c->view, a->number, a->conf->name, buf_slice(&a->certificate), f) != 0)
            return -(int)f->code;
    }
    return 0;
}

static void record_start(struct core *c)
{
    struct store_op op = {.kind = STORE_AUDIT, .time = clock_now()};

    op.audit.action = AUDIT_START;
    op.audit.time = op.time;
    memcpy(op.audit.generation, c->conf->generation, sizeof(op.audit.generation));
    snprintf(op.audit.actor, sizeof(op.audit.actor), "cerca-ca");
    snprintf(op.audit.detail, sizeof(op.audit.detail), "version %s", CERCA_VERSION);
    if (store_do(c->store, &op) != 0)
        log_fault(LOG_LEVEL_ERROR, "audit.start.failed", &op.fault, NULL);
}

static struct signer_link *audit_link(const struct core *c)
{
    const struct conf_token *t = conf_audit_token(c->conf);

    for (size_t i = 0; i < c->n_links; i++)
        if (t != NULL && strcmp(signer_link_token(c->links[i]), t->name) == 0)
            return c->links[i];
    return NULL;
}

static int open_ledger(struct core *c, struct fault *f)
{
    const struct ledger_parts parts = {
        .conf = c->conf, .loop = c->loop, .store = c->store, .link = audit_link(c)};

    return ledger_open(&parts, &c->ledger, f);
}

static int open_exporter(struct core *c, struct fault *f)
{
    const struct exporter_parts parts = {.conf = c->conf, .loop = c->loop, .link = audit_link(c)};

    return c->conf->view_export_dir[0] == '\0' ? 0 : exporter_open(&parts, &c->exporter, f);
}

static void open_admin(struct core *c, int listen_fd)
{
    struct admin_parts parts = {
        .conf = c->conf,
        .loop = c->loop,
        .store = c->store,
        .view = c->view,
        .authorities = c->authorities,
        .readers = c->readers,
        .door = c->door,
        .crls = c->crls,
        .nodes = c->nodes,
        .delegates = c->delegates,
        .ledger = c->ledger,
        .exporter = c->exporter,
        .lifecycle = c->lifecycle,
        .watch = c->watch,
        .jobs = c->jobs,
        .links = c->links,
        .n_links = c->n_links,
    };

    c->admin = admin_new(&parts, listen_fd);
}

static void collect_status(void *arg, lifecycle_item fn, void *to)
{
    struct core *c = arg;

    admin_status_each(c->admin, fn, to);
}

static void route(void *arg, struct outbox_notice *o)
{
    const struct core *c = arg;

    watch_route(c->conf, o);
}

static int open_lifecycle(struct core *c, struct fault *f)
{
    const struct lifecycle_parts parts = {
        .judge = {.conf = c->conf, .store = c->store, .authorities = c->authorities},
        .loop = c->loop,
        .route = route,
        .route_arg = c,
    };

    return lifecycle_open(&parts, &c->lifecycle, f);
}

static void open_delegates(struct core *c, int listen_fd)
{
    const struct delegate_parts parts = {
        .conf = c->conf, .loop = c->loop, .authorities = c->authorities, .door = c->door};

    c->delegates = delegates_new(&parts, listen_fd);
}

static void open_enroll(struct core *c, const struct core_options *o)
{
    const struct enroll_parts parts = {.conf = c->conf,
                                       .loop = c->loop,
                                       .store = c->store,
                                       .authorities = c->authorities,
                                       .readers = c->readers,
                                       .door = c->door,
                                       .passwords = o->passwords,
                                       .anchors = o->anchors};

    c->enroll = enroll_new(&parts, o->enroll_fd);
}

static void open_metrics(struct core *c, int listen_fd)
{
    const struct metrics_parts parts = {.conf = c->conf,
                                        .loop = c->loop,
                                        .store = c->store,
                                        .view = c->view,
                                        .authorities = c->authorities,
                                        .readers = c->readers,
                                        .door = c->door,
                                        .crls = c->crls,
                                        .admin = c->admin,
                                        .lifecycle = c->lifecycle,
                                        .delegates = c->delegates,
                                        .enroll = c->enroll,
                                        .links = c->links,
                                        .n_links = c->n_links};

    c->metrics = metrics_new(&parts, listen_fd);
}

static void open_watch(struct core *c, int listen_fd)
{
    const struct watch_parts parts = {.conf = c->conf, .loop = c->loop, .store = c->store};

    c->watch = watch_new(&parts, listen_fd);
}

static int open_jobs(struct core *c, int listen_fd, struct fault *f)
{
    const struct jobs_parts parts = {.conf = c->conf,
                                     .loop = c->loop,
                                     .store = c->store,
                                     .authorities = c->authorities,
                                     .workers = c->readers};

    c->forgetter = forgetter_new(c->conf, c->loop, c->store);
    return listen_fd < 0 ? 0 : jobs_new(&parts, listen_fd, &c->jobs, f);
}

static int open_nodes(struct core *c, struct fault *f)
{
    const struct delegate_parts parts = {
        .conf = c->conf, .loop = c->loop, .authorities = c->authorities, .door = c->door};

    return nodes_new(&parts, &c->nodes, f);
}

static void catch_signals(struct core *c)
{
    loop_signal(c->loop, SIGTERM, on_stop, c);
    loop_signal(c->loop, SIGINT, on_stop, c);
    loop_signal(c->loop, SIGHUP, ignore, c); /* cercad restarts us for a new configuration */
}

int core_new(const struct core_options *o, struct core **out, struct fault *f)
{
    struct core *c = xcalloc(1, sizeof(*c));
    struct door_parts parts;

    *out = NULL;
    c->conf = o->conf;
    c->loop = loop_new();
    c->drain = loop_timer(c->loop, on_drain, c);
    catch_signals(c);
    if (open_store(c, f) != 0 ||
        authorities_load(c->conf, c->store, c->conf->workers, &c->authorities, f) != 0 ||
        open_view(c, f) != 0 || start_keeper(c, f) != 0) {
        core_free(c);
        return -(int)f->code;
    }
    c->authorities->own.blocklist = o->blocklist;
    record_start(c);
    link_signers(c);
    c->workers = workers_new(c->conf->workers);
    c->readers = workers_new(1);
    parts = (struct door_parts){c->conf, c->loop, c->store, c->view, c->authorities, c->workers};
    c->door = door_new(&parts);
    for (size_t i = 0; i < c->n_links; i++)
        signer_link_on_late(c->links[i], door_late, c->door);
    if (o->delegate_fd >= 0)
        open_delegates(c, o->delegate_fd);
    if (o->listen_fd >= 0) {
        if (open_ledger(c, f) != 0 || open_exporter(c, f) != 0 || open_nodes(c, f) != 0 ||
            open_lifecycle(c, f) != 0 || open_jobs(c, o->scan_fd, f) != 0) {
            core_free(c);
            return -(int)f->code;
        }
        publish_crls(c);
        open_watch(c, o->watch_fd);
        open_admin(c, o->listen_fd);
        lifecycle_collect(c->lifecycle, collect_status, c);
    }
    if (o->enroll_fd >= 0)
        open_enroll(c, o);
    if (o->metrics_fd >= 0 && c->admin != NULL)
        open_metrics(c, o->metrics_fd);
    if (o->control_fd >= 0) {
        c->control = conn_new(c->loop, o->control_fd, &control_callbacks, c);
        conn_send(c->control, MSG_READY, 0, SLICE_NONE, -1);
    }
    *out = c;
    return 0;
}

void core_serve(struct core *c)
{
    log_info("core.ready", "version", CERCA_VERSION, "generation",
             log_hex(slice_of(c->conf->generation, 8)), NULL);
    loop_run(c->loop);
}

/* Requests may be under way still. What could come back with one ends first: the workers, the
 * signers' links, the store's writer. Then the door answers whoever is left, through the admin
 * socket. The store is closed before the view that it publishes to. */
void core_free(struct core *c)
{
    if (c == NULL)
        return;
    admin_end_check(c->admin);
    ledger_stop(c->ledger);
    exporter_stop(c->exporter);
    lifecycle_stop(c->lifecycle);
    workers_free(c->readers);
    workers_free(c->workers);
    crl_publisher_stop(c->crls);
    for (size_t i = 0; i < c->n_links; i++)
        signer_link_free(c->links[i]);
    store_stop(c->store);
    door_free(c->door);
    crl_publisher_free(c->crls);
    metrics_free(c->metrics);
    admin_free(c->admin);
    delegates_free(c->delegates);
    enroll_free(c->enroll);
    nodes_free(c->nodes);
    watch_free(c->watch);
    jobs_free(c->jobs);
    forgetter_free(c->forgetter);
    exporter_free(c->exporter);
    lifecycle_free(c->lifecycle);
    ledger_free(c->ledger);
    bootstrap_free(c->bootstrap);
    free(c->links);
    conn_close(c->control);
    stop_keeper(c);
    store_close(c->store);
    view_close(c->view);
    authorities_free(c->authorities);
    loop_timer_free(c->drain);
    loop_free(c->loop);
    free(c);
}
