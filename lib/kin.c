#include "lib/kin.h"

#include <stdio.h>
#include <string.h>

#define KIN_MAX 64 /* programs of one configuration, tokens and all */

struct kin {
    char program[32], token[64];
    pid_t pid;
};

static struct kin all[KIN_MAX];
static size_t n_all;

static struct kin *find(const char *program, const char *token)
{
    for (size_t i = 0; i < n_all; i++)
        if (strcmp(all[i].program, program) == 0 && strcmp(all[i].token, token) == 0)
            return &all[i];
    return NULL;
}

void kin_tell(const char *program, const char *token, pid_t pid)
{
    struct kin *k = find(program, token);

    if (k == NULL && n_all < KIN_MAX) {
        k = &all[n_all++];
        (void)snprintf(k->program, sizeof(k->program), "%s", program);
        (void)snprintf(k->token, sizeof(k->token), "%s", token);
    }
    if (k != NULL)
        k->pid = pid;
}

const char *kin_name(pid_t pid)
{
    for (size_t i = 0; i < n_all && pid > 0; i++)
        if (all[i].pid == pid)
            return all[i].program;
    return NULL;
}
