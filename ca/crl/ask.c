/* Who asks for a CRL: a new one, the one in force, one to be installed. On the loop. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "ca/crl/slot.h"
#include "lib/clock.h"
#include "lib/log.h"

static struct slot *issuer_named(struct crl_publisher *p, const char *issuer, struct fault *f)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct authority *a = p->slot[i].a;

        if (a->certificate.n > 0 && strcmp(a->conf->name, issuer) == 0)
            return &p->slot[i];
    }
    (void)fault_set(f, FAULT_NOT_FOUND, "crl.issuer",
                    "there is no issuer \"%.64s\" with a certificate", issuer);
    return NULL;
}

static struct slot *part_of(struct slot *full, const struct crl_name *name)
{
    struct parts *parts = crl_parts_find(full, name->shards);

    return parts != NULL ? &parts->slot[name->shard] : NULL;
}

static struct slot *slot_named(struct crl_publisher *p, const char *issuer, const char *list,
                               struct fault *f)
{
    struct slot *full = issuer_named(p, issuer, f), *s = full;
    struct crl_name name;

    if (full == NULL)
        return NULL;
    if (!crl_name_parse(list, &name))
        s = NULL;
    else if (name.kind == CRL_DELTA)
        s = full->delta;
    else if (name.kind == CRL_SHARD)
        s = part_of(full, &name);
    if (s == NULL)
        (void)fault_set(f, FAULT_NOT_FOUND, "crl.list", "issuer \"%.64s\" has no CRL \"%.24s\"",
                        issuer, list);
    return s;
}

/* ---- a new one ---- */

void crl_publish(struct crl_publisher *p, const char *issuer, const char *list,
                 const struct requester *who, crl_reply reply, void *arg)
{
    struct fault f;
    struct slot *s = slot_named(p, issuer, list, &f);
    struct waiter *w;

    if (s != NULL && crl_slot_offline(s)) {
        (void)fault_set(&f, FAULT_CONFLICT, "crl.offline",
                        "the key of issuer \"%.64s\" is not here: cerca crl install", issuer);
        s = NULL;
    }
    if (s == NULL) {
        reply(arg, NULL, &f);
        return;
    }
    w = xcalloc(1, sizeof(*w));
    w->who = *who;
    w->reply = reply;
    w->arg = arg;
    w->next = s->waiting;
    s->waiting = w;
    crl_look(p);
}

/* ---- the one in force ---- */

int crl_open(struct crl_publisher *p, const char *issuer, const char *list, struct crl_row *row,
             int *fd, struct fault *f)
{
    struct slot *s = slot_named(p, issuer, list, f);
    char file[CRL_FILE_MAX];

    *fd = -1;
    if (s == NULL)
        return -(int)f->code;
    if (!s->loaded) {
        crl_look(p);
        return fault_unavailable(f, 1, "crl.loading",
                                 "the CRL of issuer \"%.64s\" is being looked at, retry after 1 s",
                                 issuer);
    }
    crl_slot_row(s, clock_now(), row);
    crl_name_file(&s->name, file);
    *fd = openat(s->dirfd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0)
        return fault_set(f, FAULT_NOT_FOUND, "crl.none", "issuer \"%.64s\" has no such CRL yet",
                         issuer);
    return 0;
}

/* ---- installing ---- */

void crl_install_free(struct slot *s)
{
    struct slot **at = &s->p->install;

    while (*at != s)
        at = &(*at)->next_install;
    *at = s->next_install;
    crl_slot_clear(s);
    free(s);
}

/* The issuer's own slot learns of it; if it is making one right now, that one has a greater
 * number, or finds out in the store. */
static void installed(struct slot *s)
{
    struct slot *own = NULL;
    struct crl_row row;

    for (size_t i = 0; i < s->p->n && s->fault.code == FAULT_NONE; i++)
        if (s->p->slot[i].a == s->a)
            own = &s->p->slot[i];
    if (own != NULL) {
        own->row = s->next;
        own->missing = false;
        crl_slot_row(own, clock_now(), &row);
        log_info("crl.installed", "issuer", s->a->conf->name, "number",
                 log_num((int64_t)s->next.published), NULL);
    }
    s->reply(s->arg, own != NULL ? &row : NULL, own != NULL ? NULL : &s->fault);
    crl_install_free(s);
}

void crl_install(struct crl_publisher *p, int fd, const struct requester *who, crl_reply reply,
                 void *arg)
{
    const struct crl_name full = {.kind = CRL_FULL};
    struct slot *s = xcalloc(1, sizeof(*s));

    crl_slot_init(s, p, s, full);
    s->install_fd = fd;
    s->who = *who;
    s->reply = reply;
    s->arg = arg;
    s->next_install = p->install;
    p->install = s;
    crl_push(s, crl_step_install, installed);
}
