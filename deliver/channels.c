#include "deliver/channels.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_CAS "/etc/ssl/certs/ca-certificates.crt"

static int refuse(const struct conf_channel *c, const char *rule, const char *path, const char *why,
                  struct fault *f)
{
    return fault_set(f, FAULT_CONFIG, rule, "channel %s: %s: %s", c->name, path, why);
}

static int read_all(int fd, struct buf *out)
{
    uint8_t *room = buf_grow(out, CHANNEL_SECRET_MAX + 1);
    ssize_t got = 1;
    size_t n = 0;

    while (room != NULL && got > 0 && n <= CHANNEL_SECRET_MAX) {
        got = read(fd, room + n, CHANNEL_SECRET_MAX + 1 - n);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            n += (size_t)got;
    }
    if (room == NULL || got < 0)
        return -1;
    while (n > 0 && (room[n - 1] == '\n' || room[n - 1] == '\r'))
        n--;
    out->n = n;
    return 0;
}

/* One line, of a file that nobody else may read. */
static int read_secret(const struct conf_channel *c, const char *path, struct buf *out,
                       struct fault *f)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc = 0;
    struct stat st;

    if (fd < 0)
        return refuse(c, "channel.secret", path, strerror(errno), f);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = refuse(c, "channel.secret", path, "is no regular file", f);
    else if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        rc =
            refuse(c, "channel.secret", path, "others than its owner may read it; chmod 600 it", f);
    else if (read_all(fd, out) != 0)
        rc = refuse(c, "channel.secret", path, "cannot be read", f);
    else if (out->n == 0 || out->n > CHANNEL_SECRET_MAX)
        rc = refuse(c, "channel.secret", path, "is empty, or too long", f);
    else if (memchr(out->p, '\0', out->n) != NULL || memchr(out->p, '\n', out->n) != NULL)
        rc = refuse(c, "channel.secret", path, "has more than one line", f);
    (void)close(fd);
    return rc;
}

static int load_url(const struct conf_channel *c, struct channel_keys *k, struct fault *f)
{
    struct fault why;
    int rc = 0;

    if (c->url_file[0] == '\0')
        buf_put_str(&k->url, c->url);
    else
        rc = read_secret(c, c->url_file, &k->url, f);
    if (rc != 0)
        return rc;
    fault_clear(&why);
    if (conf_channel_url(c, buf_cstr(&k->url), &why) != 0) /* the URL is not said: a secret */
        return refuse(c, "channel.url", c->url_file, why.text, f);
    return 0;
}

static int load_one(const struct conf *conf, const struct conf_channel *c, struct channel_keys *k,
                    struct fault *f)
{
    const char *host = strstr(conf->base_url, "://");
    int rc;

    buf_init(&k->url, 8192);
    buf_init(&k->secret, 8192);
    k->local_fd = -1;
    rc = load_url(c, k, f);
    if (rc == 0 && c->secret_file[0] != '\0')
        rc = read_secret(c, c->secret_file, &k->secret, f);
    if (rc != 0)
        return rc;
    k->target = (struct notify_target){
        .conf = c, .url = buf_cstr(&k->url), .source = host == NULL ? conf->base_url : host + 3};
    k->secret_text = buf_cstr(&k->secret);
    k->target.secret = buf_slice(&k->secret);
    k->ca_file = c->ca_file[0] != '\0' ? c->ca_file : SYSTEM_CAS;
    if (c->ca_file[0] != '\0' && access(c->ca_file, R_OK) != 0)
        return refuse(c, "channel.ca", c->ca_file, strerror(errno), f);
    if (strncmp(k->target.url, "unix://", 7) != 0)
        return 0;
    k->local_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return k->local_fd >= 0 ? 0
                            : fault_set(f, FAULT_INTERNAL, "channel.socket", "%s", strerror(errno));
}

int channels_load(const struct conf *conf, struct channel_keys **out, struct fault *f)
{
    struct channel_keys *k = xcalloc(conf->n_channels, sizeof(*k));
    int rc = 0;

    *out = NULL;
    for (size_t i = 0; i < conf->n_channels; i++)
        k[i].local_fd = -1;
    for (size_t i = 0; i < conf->n_channels && rc == 0; i++)
        rc = load_one(conf, &conf->channels[i], &k[i], f);
    if (rc != 0)
        channels_free(conf, k);
    else
        *out = k;
    return rc;
}

void channels_free(const struct conf *conf, struct channel_keys *k)
{
    for (size_t i = 0; k != NULL && i < conf->n_channels; i++) {
        buf_free(&k[i].url);
        buf_free(&k[i].secret);
        if (k[i].local_fd >= 0)
            (void)close(k[i].local_fd);
    }
    free(k);
}
