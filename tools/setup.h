/*
 * `cerca init` without --dev: a CA that is meant to be relied on. What the options do not say is
 * asked on the terminal; everything lies in one folder (tools/devca.h).
 */
#ifndef TOOLS_SETUP_H
#define TOOLS_SETUP_H

#include "tools/tool.h"

struct setup_args {
    uint16_t http_port, https_port;
    const char *dir, *base_url, *org, *root_subject, *issuing_subject, *root_key, *issuing_key;
    const char *module, *token, *token_init, *pin_file, *pin_credential;
    struct texts token_paths, token_env, operators;
    bool token_network, offline_root, yes, dry_run;
    const char *operator_name; /* of the caller; never NULL */
};

/* An exit code; all said. */
int setup_run(struct tool *t, const struct setup_args *a) WARN_UNUSED;

#endif
