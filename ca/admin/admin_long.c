/* What takes long runs on a thread of its own, one of a kind at a time. */
#include "ca/admin/admin_inner.h"

int long_start(struct long_run *l, const char *what, void *(*main)(void *arg), void *arg,
               struct fault *f)
{
    if (l->running)
        return fault_unavailable(f, 10, "admin.running",
                                 "%s is under way already, retry after 10 s", what);
    if (pthread_create(&l->thread, NULL, main, arg) != 0)
        return fault_unavailable(f, 10, "admin.thread", "there is no thread for %s", what);
    l->running = true;
    return 0;
}

void long_end(struct long_run *l)
{
    if (l->running)
        pthread_join(l->thread, NULL);
    l->running = false;
}
