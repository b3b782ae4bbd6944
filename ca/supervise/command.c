#include "ca/supervise/command.h"

#include <stdio.h>
#include <unistd.h>

#include "ca/supervise/launch.h"

struct line {
    struct launch launch;
    size_t n_args;
    int next_fd; /* the next free number in the program */
    int pin_fd;
    char number[LAUNCH_FDS_MAX][12];
};

static void add(struct line *l, const char *arg)
{
    l->launch.argv[l->n_args++] = arg;
    l->launch.argv[l->n_args] = NULL;
}

static void place(struct line *l, int from, int to)
{
    l->launch.fd[l->launch.n_fds].from = from;
    l->launch.fd[l->launch.n_fds].to = to;
    l->launch.n_fds++;
}

static void add_descriptor(struct line *l, const char *option, int from)
{
    if (l->next_fd == l->pin_fd)
        l->next_fd++;
    char *text = l->number[l->launch.n_fds];
    snprintf(text, sizeof l->number[0], "%d", l->next_fd);
    add(l, option);
    add(l, text);
    place(l, from, l->next_fd++);
}

static int add_pin(struct line *l, struct pins *pins, struct fault *f)
{
    if (l->pin_fd < 0)
        return 0;
    int from;
    int r = pins_get(pins, l->pin_fd, &from, f);
    if (r == 0)
        place(l, from, l->pin_fd);
    return r;
}

pid_t command_start(struct command *k, const struct generation *g, const struct program *p,
                    int control, bool check, struct fault *f)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", k->folder, p->name);
    if (n < 0 || (size_t)n >= sizeof path)
        return fault_set(f, FAULT_CONFIG, "program.path", "the path of %s is too long", p->name);
    struct line l = {.launch = {.path = path,
                                .environment = p->environment,
                                .has_user = p->has_user,
                                .user = p->user,
                                .group = p->group},
                     .next_fd = STDERR_FILENO + 1,
                     .pin_fd = p->pin_fd};
    add(&l, path);
    add(&l, "-c");
    add(&l, k->conf_path);
    add_descriptor(&l, "--conf-fd", g->sealed);
    if (*p->token != '\0') {
        add(&l, "--token");
        add(&l, p->token);
    }
    for (size_t i = 0; i < p->n_sockets; i++)
        if (p->socket[i].fd >= 0) /* a check needs none */
            add_descriptor(&l, p->socket[i].option, p->socket[i].fd);
    if (!check && k->memory[p->memory] >= 0)
        add_descriptor(&l, "--keep-fd", k->memory[p->memory]);
    if (control >= 0)
        add_descriptor(&l, "--control-fd", control);
    if (check)
        add(&l, "--check");
    int r = add_pin(&l, &k->pins, f);
    return r != 0 ? r : launch(&l.launch, f);
}
