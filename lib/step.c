#include "lib/step.h"

#ifdef CERCA_TEST_HOOKS

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/log.h"

/* The one order of this process, parsed before threads start; `step` is NULL
 * without an order, so that passing a step costs a load and a branch. */
static struct {
    char *step;
    const char *file; /* NULL: without condition */
    long left;
} order;

static _Noreturn void order_bad(const char *text)
{
    log_error("step.order-malformed", "order", text, NULL);
    exit(EXIT_FAILURE);
}

void step_init(const char *program)
{
    const char *text = getenv("CERCA_STEP_KILL");
    size_t n = strlen(program);
    char *colon;
    char *end;

    if (text == NULL || strncmp(text, program, n) != 0 || text[n] != ':')
        return;
    order.step = xstrdup(text + n + 1);
    colon = strchr(order.step, ':');
    if (colon == NULL)
        order_bad(text);
    *colon = 0;
    order.left = strtol(colon + 1, &end, 10);
    if (end == colon + 1 || order.left < 1 || (*end != 0 && *end != '@'))
        order_bad(text);
    order.file = *end == '@' ? end + 1 : NULL;
}

/* A jail that forbids the removal would let the test pass without its kill. */
static bool armed(void)
{
    if (order.file == NULL || unlink(order.file) == 0)
        return true;
    if (errno != ENOENT) {
        log_error("step.file-not-removable", "file", order.file, "errno", log_num(errno), NULL);
        abort();
    }
    return false;
}

void step_pass(const char *step)
{
    long left;

    if (order.step == NULL || strcmp(order.step, step + strlen("step:")) != 0)
        return;
    left = __atomic_sub_fetch(&order.left, 1, __ATOMIC_SEQ_CST);
    if (left > 0 || (left < 0 && order.file == NULL) || !armed())
        return;
    (void)kill(getpid(), SIGKILL);
    __builtin_trap(); /* where a jail forbids kill */
}

#endif
