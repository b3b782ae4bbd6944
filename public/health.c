#include "public/health.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/viewfile.h"
#include "public/document.h"

#define TEXT_MAX 65536
#define AGAIN_US 1000000
#define WATCH_US 5000000

struct health {
    const struct conf *conf;
    struct places *places;
    struct ocsp_responder *ocsp;
    pthread_mutex_t lock; /* over all below */
    uint64_t looked_us;
    struct buf text;
    bool well;
    bool stale; /* and that was logged */
};

struct health *health_new(const struct conf *c, struct places *places, struct ocsp_responder *ocsp)
{
    struct health *h = xcalloc(1, sizeof *h);

    *h = (struct health){.conf = c, .places = places, .ocsp = ocsp};
    pthread_mutex_init(&h->lock, NULL);
    buf_init(&h->text, TEXT_MAX);
    return h;
}

void health_free(struct health *h)
{
    if (h == NULL)
        return;
    pthread_mutex_destroy(&h->lock);
    buf_free(&h->text);
    free(h);
}

/* When the issuer's files were last known to hold everything; 0: unknown. */
static int64_t stamp_of(struct places *p, size_t issuer)
{
    struct viewfile_log log = VIEWFILE_LOG_NONE;
    uint64_t generation, stamp = 0;
    struct fault f;
    int fd = place_open_folder(p, issuer);

    if (fd < 0)
        return 0;
    if (viewfile_current(fd, &generation, &f) == 0 &&
        viewfile_log_open(fd, generation, false, &log, &f) == 0) {
        /* It may be changing just now. */
        for (unsigned i = 0; i < 64 && viewfile_pair_get(log.live->stamp, &stamp) != 0; i++)
            stamp = 0;
        viewfile_log_close(&log);
    }
    (void)close(fd);
    return (int64_t)stamp;
}

static const char *state_until(int64_t end, int64_t now)
{
    return end == 0 ? "none" : end <= now ? "expired" : "current";
}

static void put_time(struct buf *b, const char *name, int64_t t)
{
    char text[CLOCK_TEXT_SIZE];

    clock_format(t, text);
    buf_printf(b, t != 0 ? ",\"%s\":\"%s\"" : ",\"%s\":null", name, text);
}

static void put_crl(struct health *h, size_t issuer, int64_t now, struct buf *b)
{
    int64_t this_update = 0, next_update = 0;
    struct stat st;
    int fd = place_open(h->places, issuer, "crl.der", &st);

    if (fd >= 0) {
        document_crl_times(fd, (uint64_t)st.st_size, &this_update, &next_update);
        (void)close(fd);
    }
    buf_printf(b, ",\"crl\":{\"state\":\"%s\"", state_until(next_update, now));
    put_time(b, "this_update", this_update);
    put_time(b, "next_update", next_update);
    buf_put_str(b, "}");
}

static void put_ocsp(const struct ocsp_issuer_state *i, int64_t now, struct buf *b)
{
    buf_printf(b, ",\"ocsp\":{\"state\":\"%s\"", state_until(i->delegate_not_after, now));
    put_time(b, "until", i->delegate_not_after);
    put_time(b, "next", i->delegate_next);
    buf_put_str(b, "}");
}

static const struct ocsp_issuer_state *responder_of(const struct ocsp_issuer_state *all, size_t n,
                                                    const char *folder)
{
    static const struct ocsp_issuer_state none;

    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].folder, folder) == 0)
            return &all[i];
    return &none;
}

/* A view without any issuer yet is no news. */
static void tell(struct health *h, int64_t oldest)
{
    char time[CLOCK_TEXT_SIZE];

    if (oldest == INT64_MAX || h->stale != h->well)
        return;
    h->stale = !h->well;
    clock_format(oldest, time);
    if (h->stale)
        log_error("view.stale", "stamp", time, "ocsp", "try later", NULL);
    else
        log_info("view.fresh", "stamp", time, NULL);
}

/* Issuers without a certificate yet are not in the view, and no fault of it. */
static void look(struct health *h)
{
    struct ocsp_issuer_state *all = xcalloc(OCSP_ISSUERS_MAX, sizeof *all);
    size_t n = ocsp_responder_issuers(h->ocsp, all, OCSP_ISSUERS_MAX);
    int64_t now = clock_now(), oldest = INT64_MAX;
    char folder[PLACE_NAME_MAX], time[CLOCK_TEXT_SIZE];
    struct buf list;

    n = n < OCSP_ISSUERS_MAX ? n : OCSP_ISSUERS_MAX;
    buf_init(&list, TEXT_MAX);
    for (size_t i = 0; i < h->conf->n_issuers; i++) {
        int64_t stamp;

        if (!place_of(h->places, i, folder))
            continue;
        stamp = stamp_of(h->places, i);
        if (stamp < oldest)
            oldest = stamp;
        clock_format(stamp, time);
        buf_printf(&list, "%s{\"name\":\"%s\",\"stamp\":\"%s\",\"age\":%" PRId64,
                   list.n > 0 ? "," : "", h->conf->issuers[i].name, time, now - stamp);
        put_crl(h, i, now, &list);
        put_ocsp(responder_of(all, n, folder), now, &list);
        buf_put_str(&list, "}");
    }
    free(all);
    h->well = oldest != INT64_MAX && now - oldest <= h->conf->http_view_age;
    buf_reset(&h->text);
    buf_printf(&h->text, "{\"status\":\"%s\",\"issuers\":[%s]}\n", h->well ? "ok" : "stale",
               buf_cstr(&list));
    buf_free(&list);
    tell(h, oldest);
}

static void look_again(struct health *h, uint64_t after_us)
{
    if (h->looked_us != 0 && clock_mono_us() - h->looked_us <= after_us)
        return;
    look(h);
    h->looked_us = clock_mono_us();
}

void health_watch(struct health *h)
{
    pthread_mutex_lock(&h->lock);
    look_again(h, WATCH_US);
    pthread_mutex_unlock(&h->lock);
}

void health_answer(struct health *h, struct http_answer *out)
{
    struct buf copy;

    buf_init(&copy, TEXT_MAX + 64);
    pthread_mutex_lock(&h->lock);
    look_again(h, AGAIN_US);
    out->status = h->well ? 200 : 503;
    buf_put_slice(&copy, buf_slice(&h->text));
    pthread_mutex_unlock(&h->lock);
    out->type = "application/json";
    http_answer_keep(out, &copy);
}
