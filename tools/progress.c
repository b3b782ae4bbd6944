#include "tools/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/text.h"

#define INTERVAL_US 100000
#define BAR 30

void progress_draw(struct progress *p, const char *what, uint64_t done, uint64_t total)
{
    static const char full[BAR + 1] = "##############################";
    uint64_t now = clock_mono_us();
    struct buf safe;
    int filled;

    if (!isatty(STDERR_FILENO) || (p->shown && now - p->last_us < INTERVAL_US && done != total))
        return;
    p->shown = true;
    p->last_us = now;
    buf_init(&safe, 1024);
    text_safe(slice_str(what), false, &safe);
    filled = done >= total ? BAR : (int)((double)done / (double)total * BAR);
    if (total == 0)
        (void)fprintf(stderr, "\r\033[K%.30s %" PRIu64, buf_cstr(&safe), done);
    else
        (void)fprintf(stderr, "\r\033[K%.30s [%-*.*s] %" PRIu64 "/%" PRIu64, buf_cstr(&safe), BAR,
                      filled, full, done, total);
    buf_free(&safe);
}

void progress_end(struct progress *p)
{
    if (p->shown)
        (void)fputs("\r\033[K", stderr);
    p->shown = false;
}
