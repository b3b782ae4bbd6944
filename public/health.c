#include "public/health.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/viewfile.h"

#define TEXT_MAX 65536
#define AGAIN_US 1000000

struct health {
    const struct conf *conf;
    struct places *places;
    pthread_mutex_t lock; /* over all below */
    uint64_t looked_us;
    struct buf text;
    bool well;
};

struct health *health_new(const struct conf *c, struct places *places)
{
    struct health *h = xcalloc(1, sizeof *h);

    *h = (struct health){.conf = c, .places = places};
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

/* Issuers without a certificate yet are not in the view, and no fault of it. */
static void look(struct health *h)
{
    int64_t now = clock_now(), oldest = INT64_MAX;
    char folder[PLACE_NAME_MAX], time[CLOCK_TEXT_SIZE];
    struct buf list;

    buf_init(&list, TEXT_MAX);
    for (size_t i = 0; i < h->conf->n_issuers; i++) {
        int64_t stamp;

        if (!place_of(h->places, i, folder))
            continue;
        stamp = stamp_of(h->places, i);
        if (stamp < oldest)
            oldest = stamp;
        clock_format(stamp, time);
        buf_printf(&list, "%s{\"name\":\"%s\",\"stamp\":\"%s\",\"age\":%" PRId64 "}",
                   list.n > 0 ? "," : "", h->conf->issuers[i].name, time, now - stamp);
    }
    h->well = oldest != INT64_MAX && now - oldest <= h->conf->http_view_age;
    buf_reset(&h->text);
    buf_printf(&h->text, "{\"status\":\"%s\",\"issuers\":[%s]}\n", h->well ? "ok" : "stale",
               buf_cstr(&list));
    buf_free(&list);
}

void health_answer(struct health *h, struct http_answer *out)
{
    struct buf copy;

    buf_init(&copy, TEXT_MAX + 64);
    pthread_mutex_lock(&h->lock);
    if (h->looked_us == 0 || clock_mono_us() - h->looked_us > AGAIN_US) {
        look(h);
        h->looked_us = clock_mono_us();
    }
    out->status = h->well ? 200 : 503;
    buf_put_slice(&copy, buf_slice(&h->text));
    pthread_mutex_unlock(&h->lock);
    out->type = "application/json";
    http_answer_keep(out, &copy);
}
