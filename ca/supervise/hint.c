#include "ca/supervise/hint.h"

#include <string.h>
#include <unistd.h>

/* The part of `path` below the current folder, if it is there. */
static const char *from_here(const char *path)
{
    char here[4096];
    if (!getcwd(here, sizeof here))
        return path;
    size_t n = strlen(here);
    return strncmp(path, here, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}

void hint_text(const struct conf *c, const char *folder, const char *conf_path, struct buf *out)
{
    struct buf socket;
    buf_init(&socket, 4096);
    conf_admin_socket(c, &socket);
    const char *f = from_here(folder);
    buf_printf(out, "\nCerca serves.\n  admin socket  %s\n  base URL      %s\n\n",
               buf_cstr(&socket), c->base_url);
    buf_printf(out,
               "Try next:\n"
               "  %s/cerca issue -c %s --profile tls-server --san dns:app.example.test"
               " --key-out app.key --out app.pem\n"
               "  %s/cerca list -c %s\n"
               "  %s/cerca status -c %s\n\n",
               f, conf_path, f, conf_path, f, conf_path);
    buf_free(&socket);
}
