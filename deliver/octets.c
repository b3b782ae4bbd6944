/* A message over a connection of its own: libcurl resolves, connects and does TLS, and the octets
 * go through it. Of UDP it only resolves. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deliver/transfer_inner.h"

/* A syslog server says nothing. For so long it may still refuse: a reset, an alert of TLS. */
#define LINGER_MS 300

/* ---- TCP and TLS ---- */

static void on_linger(void *arg)
{
    transfer_end(arg, CURLE_OK);
}

static void on_readable(void *arg, unsigned ready)
{
    struct transfer *x = arg;
    char octets[256];
    size_t n = 0;
    CURLcode code = curl_easy_recv(x->curl, octets, sizeof(octets), &n);

    (void)ready;
    if (code == CURLE_AGAIN || (code == CURLE_OK && n > 0))
        return;
    if (code == CURLE_OK) /* it has closed, as it may */
        transfer_end(x, CURLE_OK);
    else
        transfer_fail(x, "the server refused the connection after it was made");
}

static void on_writable(void *arg, unsigned ready)
{
    struct transfer *x = arg;
    size_t n = 0;
    CURLcode code = CURLE_OK;

    (void)ready;
    while (code == CURLE_OK && x->sent < x->out.n) {
        code = curl_easy_send(x->curl, x->out.p + x->sent, x->out.n - x->sent, &n);
        x->sent += code == CURLE_OK ? n : 0;
    }
    if (code == CURLE_AGAIN)
        return;
    if (code != CURLE_OK) {
        transfer_fail(x, "the connection was lost");
        return;
    }
    loop_unwatch(x->watch);
    x->watch = NULL;
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(x->curl, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK && fd != CURL_SOCKET_BAD)
        x->watch = loop_watch(x->owner->loop, fd, LOOP_READ, on_readable, x);
    x->linger = loop_timer(x->owner->loop, on_linger, x);
    loop_timer_set(x->linger, LINGER_MS);
}

static void send_connected(struct transfer *x, CURLcode code)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (code == CURLE_OK)
        (void)curl_easy_getinfo(x->curl, CURLINFO_ACTIVESOCKET, &fd);
    if (fd == CURL_SOCKET_BAD) {
        transfer_end(x, code == CURLE_OK ? CURLE_COULDNT_CONNECT : code);
        return;
    }
    x->connected = NULL;
    x->watch = loop_watch(x->owner->loop, fd, LOOP_WRITE, on_writable, x);
}

/* ---- UDP ---- */

/* The first address is enough; no socket is made. */
static curl_socket_t take_address(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct transfer *x = arg;

    (void)purpose;
    if (!x->has_address && a->addrlen <= sizeof(x->address)) {
        memcpy(&x->address, &a->addr, a->addrlen);
        x->address_len = a->addrlen;
        x->has_address = true;
    }
    return CURL_SOCKET_BAD;
}

static void send_datagram(struct transfer *x, CURLcode code)
{
    char why[128] = "";
    int fd;

    if (!x->has_address) {
        transfer_end(x, code == CURLE_OK ? CURLE_COULDNT_RESOLVE_HOST : code);
        return;
    }
    fd = socket(x->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, x->out.p, x->out.n, 0, (const struct sockaddr *)&x->address,
                         x->address_len) != (ssize_t)x->out.n)
        (void)snprintf(why, sizeof(why), "sending: %s", strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    if (why[0] == '\0')
        transfer_end(x, CURLE_OK);
    else
        transfer_fail(x, why);
}

void transfer_octets(struct transfers *t, const struct channel_keys *k, struct slice message,
                     transfer_done done, void *arg)
{
    const char *url = k->target.url, *rest = strstr(url, "://") + 3;
    bool tls = strncmp(url, "tls://", 6) == 0, udp = strncmp(url, "udp://", 6) == 0;
    const char *scheme = tls ? "https" : "http";
    struct transfer *x;
    struct buf b;

    buf_init(&b, 4096);
    buf_printf(&b, "%s://%s/", scheme, rest);
    x = transfer_new(t, k, buf_cstr(&b), scheme, done, arg);
    buf_free(&b);
    if (!udp) /* RFC 6587 3.4.1, RFC 5425 4.3: octets are counted */
        buf_printf(&x->out, "%zu ", message.n);
    buf_put_slice(&x->out, message);
    x->connected = udp ? send_datagram : send_connected;
    if (x->curl != NULL) {
        transfer_set(x, CURLOPT_CONNECT_ONLY, 1L);
        transfer_set(x, CURLOPT_FORBID_REUSE, 0L); /* else it is closed at once */
        transfer_set(x, CURLOPT_SSL_ENABLE_ALPN, 0L);
    }
    if (x->curl != NULL && udp) {
        transfer_set(x, CURLOPT_OPENSOCKETFUNCTION, take_address);
        transfer_set(x, CURLOPT_OPENSOCKETDATA, x);
    }
    transfer_go(x);
}
