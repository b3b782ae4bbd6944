#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deliver/transfer_inner.h"
#include "lib/log.h"

/* libcurl knows the time limit too, and says better what took so long; but once it had no memory
 * for something it may wait for ever, and of octets it only makes the connection. */
#define SPARE_MS 1000

/* ---- libcurl on the loop ---- */

struct watched {
    struct transfers *owner;
    struct loop_watch *watch;
    curl_socket_t fd;
    struct watched *next, *prev;
};

static struct transfer *transfer_of(CURL *curl)
{
    char *x = NULL;

    return curl_easy_getinfo(curl, CURLINFO_PRIVATE, &x) == CURLE_OK ? (struct transfer *)(void *)x
                                                                     : NULL;
}

static void collect(struct transfers *t)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(t->multi, &left)) != NULL) {
        struct transfer *x = m->msg == CURLMSG_DONE ? transfer_of(m->easy_handle) : NULL;
        CURLcode code = m->data.result; /* the message goes with the handle */

        if (x != NULL && x->connected != NULL)
            x->connected(x, code);
        else if (x != NULL)
            transfer_end(x, code);
    }
}

static void act(struct transfers *t, curl_socket_t fd, int mask)
{
    int running;

    (void)curl_multi_socket_action(t->multi, fd, mask, &running);
    collect(t);
}

static void on_ready(void *arg, unsigned ready)
{
    struct watched *w = arg;
    int mask = 0;

    if ((ready & LOOP_READ) != 0)
        mask |= CURL_CSELECT_IN;
    if ((ready & LOOP_WRITE) != 0)
        mask |= CURL_CSELECT_OUT;
    act(w->owner, w->fd, mask);
}

static void watched_free(struct watched *w)
{
    *(w->prev != NULL ? &w->prev->next : &w->owner->watches) = w->next;
    if (w->next != NULL)
        w->next->prev = w->prev;
    loop_unwatch(w->watch);
    free(w);
}

static struct watched *watched_new(struct transfers *t, curl_socket_t fd)
{
    struct watched *w = xcalloc(1, sizeof(*w));

    *w = (struct watched){.owner = t, .fd = fd, .next = t->watches};
    if (w->next != NULL)
        w->next->prev = w;
    t->watches = w;
    w->watch = loop_watch(t->loop, fd, 0, on_ready, w);
    return w;
}

static struct watched *watched_find(const struct transfers *t, curl_socket_t fd)
{
    struct watched *w = t->watches;

    while (w != NULL && w->fd != fd)
        w = w->next;
    return w;
}

/* There are a few sockets: libcurl need not remember ours, for which it may have no memory. */
static int on_socket(CURL *curl, curl_socket_t fd, int what, void *arg, void *mine)
{
    struct watched *w = watched_find(arg, fd);
    unsigned want = 0;

    (void)curl, (void)mine;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL)
            watched_free(w);
        return 0;
    }
    if (w == NULL)
        w = watched_new(arg, fd);
    want |= (what & CURL_POLL_IN) != 0 ? LOOP_READ : 0;
    want |= (what & CURL_POLL_OUT) != 0 ? LOOP_WRITE : 0;
    loop_watch_want(w->watch, want);
    return 0;
}

static int on_timer_wanted(CURLM *multi, long ms, void *arg)
{
    struct transfers *t = arg;

    (void)multi;
    if (ms < 0)
        loop_timer_clear(t->timer);
    else
        loop_timer_set(t->timer, (uint64_t)ms);
    return 0;
}

static void on_timer(void *arg)
{
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

int transfers_prepare(struct fault *f)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        return 0;
    return fault_set(f, FAULT_INTERNAL, "transfer", "libcurl cannot be set up");
}

void transfers_forget(void)
{
    curl_global_cleanup();
}

struct transfers *transfers_new(struct loop *l, struct fault *f)
{
    struct transfers *t = xcalloc(1, sizeof(*t));

    t->loop = l;
    t->timer = loop_timer(l, on_timer, t);
    t->multi = curl_multi_init();
    if (t->multi == NULL ||
        curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
        curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t) != CURLM_OK ||
        curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted) != CURLM_OK ||
        curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t) != CURLM_OK) {
        (void)fault_set(f, FAULT_INTERNAL, "transfer", "libcurl cannot be set up");
        transfers_free(t);
        return NULL;
    }
    return t;
}

/* ---- one transfer ---- */

static void transfer_free(struct transfer *x)
{
    *(x->prev != NULL ? &x->prev->next : &x->owner->all) = x->next;
    if (x->next != NULL)
        x->next->prev = x->prev;
    if (x->watch != NULL)
        loop_unwatch(x->watch);
    loop_timer_free(x->linger);
    loop_timer_free(x->limit);
    if (x->curl != NULL) {
        (void)curl_multi_remove_handle(x->owner->multi, x->curl);
        curl_easy_cleanup(x->curl);
    }
    curl_slist_free_all(x->list);
    buf_free(&x->out);
    buf_free(&x->body);
    buf_free(&x->talk);
    free(x);
}

void transfers_free(struct transfers *t)
{
    if (t == NULL)
        return;
    for (struct transfer *x = t->all, *next; x != NULL; x = next) {
        next = x->next;
        transfer_free(x);
    }
    if (t->multi != NULL)
        (void)curl_multi_cleanup(t->multi);
    for (struct watched *w = t->watches, *next; w != NULL; w = next) {
        next = w->next;
        watched_free(w);
    }
    loop_timer_free(t->timer);
    free(t);
}

/* More than is wanted ends the transfer: what is there says enough. */
static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *x = arg;
    size_t have = x->body.n, all = size * n;
    size_t take = all < TALK_ANSWER_MAX - have ? all : TALK_ANSWER_MAX - have;

    buf_put(&x->body, p, take);
    x->cut = take < all;
    return take;
}

/* Lines of SMTP come here; of HTTP's head nothing is kept. */
static size_t on_line(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *x = arg;
    size_t all = size * n;

    if (x->talk.n + all <= TRANSFER_TALK_MAX)
        buf_put(&x->talk, p, all);
    return all;
}

static size_t on_more(char *to, size_t size, size_t n, void *arg)
{
    struct transfer *x = arg;
    size_t left = x->out.n - x->sent, room = size * n;
    size_t take = left < room ? left : room;

    memcpy(to, x->out.p + x->sent, take);
    x->sent += take;
    return take;
}

static void set_up(struct transfer *x, const struct channel_keys *k, const char *url,
                   const char *schemes)
{
    const struct conf_channel *c = k->target.conf;
    long ms = (long)c->timeout * 1000;

    transfer_set(x, CURLOPT_PRIVATE, (char *)x);
    transfer_set(x, CURLOPT_URL, url);
    if (curl_easy_setopt(x->curl, CURLOPT_PROTOCOLS_STR, schemes) != CURLE_OK) {
        log_error("watch.libcurl.scheme", "scheme", schemes, NULL);
        x->out.failed = true;
    }
    transfer_set(x, CURLOPT_FOLLOWLOCATION, 0L);
    transfer_set(x, CURLOPT_PROXY, "");
    transfer_set(x, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    transfer_set(x, CURLOPT_NOSIGNAL, 1L);
    transfer_set(x, CURLOPT_TIMEOUT_MS, ms);
    transfer_set(x, CURLOPT_CONNECTTIMEOUT_MS, ms);
    transfer_set(x, CURLOPT_FRESH_CONNECT, 1L);
    transfer_set(x, CURLOPT_FORBID_REUSE, 1L);
    transfer_set(x, CURLOPT_SSL_VERIFYPEER, 1L);
    transfer_set(x, CURLOPT_SSL_VERIFYHOST, 2L);
    transfer_set(x, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    transfer_set(x, CURLOPT_CAINFO, k->ca_file);
    transfer_set(x, CURLOPT_CAPATH, NULL);
    transfer_set(x, CURLOPT_ERRORBUFFER, x->why);
    transfer_set(x, CURLOPT_WRITEFUNCTION, on_body);
    transfer_set(x, CURLOPT_WRITEDATA, x);
}

static void on_limit(void *arg)
{
    transfer_fail(arg, "the server took too long");
}

struct transfer *transfer_new(struct transfers *t, const struct channel_keys *k, const char *url,
                              const char *schemes, transfer_done done, void *arg)
{
    struct transfer *x = xcalloc(1, sizeof(*x));

    x->owner = t;
    x->done = done;
    x->arg = arg;
    buf_init(&x->out, TALK_BODY_MAX);
    buf_init(&x->body, TALK_ANSWER_MAX);
    buf_init(&x->talk, TRANSFER_TALK_MAX);
    x->next = t->all;
    if (x->next != NULL)
        x->next->prev = x;
    t->all = x;
    x->limit = loop_timer(t->loop, on_limit, x);
    loop_timer_set(x->limit, (uint64_t)k->target.conf->timeout * 1000 + SPARE_MS);
    x->curl = curl_easy_init();
    if (x->curl != NULL)
        set_up(x, k, url, schemes);
    return x;
}

static void never_began(void *arg)
{
    transfer_fail(arg, "libcurl cannot be set up");
}

void transfer_go(struct transfer *x)
{
    if (x->curl == NULL || buf_failed(&x->out) ||
        curl_multi_add_handle(x->owner->multi, x->curl) != CURLM_OK)
        loop_post(x->owner->loop, never_began, x);
}

static bool is_login(CURLcode code)
{
    return code == CURLE_LOGIN_DENIED;
}

void transfer_end(struct transfer *x, CURLcode code)
{
    struct transfer_result r = {.ok = code == CURLE_OK, .login = is_login(code)};
    curl_off_t retry = 0;

    (void)curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &r.status);
    if (curl_easy_getinfo(x->curl, CURLINFO_RETRY_AFTER, &retry) == CURLE_OK)
        r.retry_after = (int64_t)retry;
    r.body = buf_slice(&x->body);
    r.talk = buf_slice(&x->talk);
    if (code == CURLE_WRITE_ERROR && x->cut)
        r.ok = true; /* its status came, and more of a body than anybody needs */
    r.why = r.ok ? "" : x->why[0] != '\0' ? x->why : curl_easy_strerror(code);
    x->done(x->arg, &r);
    transfer_free(x);
}

void transfer_fail(struct transfer *x, const char *why)
{
    struct transfer_result r = {.why = why};

    x->done(x->arg, &r);
    transfer_free(x);
}

/* ---- HTTP ---- */

static void add_line(struct transfer *x, const char *line)
{
    struct curl_slist *more = curl_slist_append(x->list, line);

    if (more != NULL)
        x->list = more;
    else
        x->out.failed = true;
}

static void set_body(struct transfer *x, const struct talk_request *q)
{
    char line[128];

    (void)snprintf(line, sizeof(line), "Content-Type: %.100s", q->content_type);
    add_line(x, line);
    buf_put_slice(&x->out, buf_slice(&q->body));
    transfer_set(x, CURLOPT_POST, 1L);
    transfer_set(x, CURLOPT_POSTFIELDSIZE, (long)x->out.n);
    transfer_set(x, CURLOPT_POSTFIELDS, x->out.p);
}

void transfer_http(struct transfers *t, const struct channel_keys *k, struct talk_request *q,
                   transfer_done done, void *arg)
{
    const char *text = buf_cstr(&q->url);
    bool plain = k->target.conf->tls == CHANNEL_TLS_NONE && strncmp(text, "http://", 7) == 0;
    struct transfer *x = transfer_new(t, k, text, plain ? "http" : "https", done, arg);

    if (x->curl == NULL) {
        transfer_go(x);
        return;
    }
    for (size_t i = 0; i < q->n_headers; i++)
        add_line(x, buf_cstr(&q->header[i]));
    add_line(x, "Expect:"); /* no waiting for 100 */
    if (q->content_type != NULL)
        set_body(x, q);
    transfer_set(x, CURLOPT_CUSTOMREQUEST, q->method);
    transfer_set(x, CURLOPT_HTTPHEADER, x->list);
    transfer_set(x, CURLOPT_USERAGENT, "cerca/" CERCA_VERSION);
    transfer_set(x, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    transfer_go(x);
}

/* ---- SMTP ---- */

static void set_login(struct transfer *x, const struct channel_keys *k)
{
    if (k->target.conf->user[0] == '\0')
        return;
    transfer_set(x, CURLOPT_USERNAME, k->target.conf->user);
    transfer_set(x, CURLOPT_PASSWORD, k->secret_text);
}

void transfer_mail(struct transfers *t, const struct channel_keys *k, const char *const *to,
                   size_t n_to, struct slice message, transfer_done done, void *arg)
{
    bool tls = k->target.conf->tls == CHANNEL_TLS_REQUIRED;
    struct transfer *x = transfer_new(t, k, k->target.url, "smtp,smtps", done, arg);

    if (x->curl == NULL) {
        transfer_go(x);
        return;
    }
    for (size_t i = 0; i < n_to; i++)
        add_line(x, to[i]);
    buf_put_slice(&x->out, message);
    set_login(x, k);
    transfer_set(x, CURLOPT_USE_SSL, (long)(tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    transfer_set(x, CURLOPT_MAIL_FROM, k->target.conf->from);
    transfer_set(x, CURLOPT_MAIL_RCPT, x->list);
    /* One mailbox that is gone does not keep the others from hearing. */
    transfer_set(x, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    transfer_set(x, CURLOPT_UPLOAD, 1L);
    transfer_set(x, CURLOPT_READFUNCTION, on_more);
    transfer_set(x, CURLOPT_READDATA, x);
    transfer_set(x, CURLOPT_INFILESIZE_LARGE, (curl_off_t)message.n);
    transfer_set(x, CURLOPT_HEADERFUNCTION, on_line);
    transfer_set(x, CURLOPT_HEADERDATA, x);
    transfer_go(x);
}
