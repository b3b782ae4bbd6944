#include "token/jail.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

void token_environment(const struct conf_token *t)
{
    for (size_t i = 0; i < t->n_environment; i++)
        (void)putenv(t->environment[i]);
}

static void allow_libraries(struct sandbox *s, const char *module)
{
    static char folder[PATH_MAX];
    const char *slash = strrchr(module, '/');
    static const char *const paths[] = {"/usr/lib",
                                        "/lib",
                                        "/lib64",
                                        "/usr/local/lib",
                                        "/usr/lib64",
                                        "/etc/ld.so.cache",
                                        "/etc/ssl/openssl.cnf",
                                        "/etc/ssl/certs",
                                        "/etc/pki/tls/openssl.cnf",
                                        "/etc/localtime",
                                        "/usr/share/zoneinfo"};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        sandbox_allow(s, paths[i], false);
    if (slash != NULL && slash != module && (size_t)(slash - module) < sizeof(folder)) {
        memcpy(folder, module, (size_t)(slash - module));
        sandbox_allow(s, folder, false);
    }
}

void token_allow(struct sandbox *s, const struct conf_token *t)
{
    s->load_modules = true;
    s->net_connect = t->network;
    allow_libraries(s, t->module);
    for (size_t i = 0; i < t->n_paths; i++)
        sandbox_allow(s, t->paths[i], true);
    for (size_t i = 0; i < t->n_read_paths; i++)
        sandbox_allow(s, t->read_paths[i], false);
}
