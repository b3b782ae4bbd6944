#include "tools/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/text.h"

#define INTERVAL_US 100000
#define BAR 30
#define TELL_AFTER_US 3e6

/* Seconds that are left; -1: too early to say. */
static int64_t seconds_left(struct progress *p, uint64_t done, uint64_t total, uint64_t now)
{
    double took;

    if (p->first_us == 0 || total != p->total || done < p->first) {
        p->first_us = now;
        p->first = done;
        p->total = total;
    }
    took = (double)(now - p->first_us);
    if (took < TELL_AFTER_US || done == p->first || done >= total)
        return -1;
    took = took / 1e6 * (double)(total - done) / (double)(done - p->first);
    return took < 120 ? (int64_t)took + 1 : (int64_t)took / 60 * 60;
}

void progress_draw(struct progress *p, const char *what, uint64_t done, uint64_t total)
{
    static const char full[BAR + 1] = "##############################";
    uint64_t now = clock_mono_us();
    int64_t left = seconds_left(p, done, total, now);
    char span[CLOCK_TEXT_SIZE] = "";
    struct buf safe;
    int filled;

    if (!isatty(STDERR_FILENO) || (p->shown && now - p->last_us < INTERVAL_US && done != total))
        return;
    p->shown = true;
    p->last_us = now;
    buf_init(&safe, 1024);
    text_safe(slice_str(what), false, &safe);
    filled = done >= total ? BAR : (int)((double)done / (double)total * BAR);
    if (left >= 0)
        clock_format_span(left, span);
    if (total == 0)
        (void)fprintf(stderr, "\r\033[K%.30s %" PRIu64, buf_cstr(&safe), done);
    else
        (void)fprintf(stderr, "\r\033[K%.30s [%-*.*s] %" PRIu64 "/%" PRIu64 "%s%s", buf_cstr(&safe),
                      BAR, filled, full, done, total, left >= 0 ? ", left: " : "", span);
    buf_free(&safe);
}

void progress_end(struct progress *p)
{
    if (p->shown)
        (void)fputs("\r\033[K", stderr);
    p->shown = false;
}
