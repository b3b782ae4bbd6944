#include "ca/supervise/hint.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/shellword.h"

#define PATH_SIZE 4096

/* The part of `path` below the current folder, if it is there. */
static const char *from_here(const char *path)
{
    char here[PATH_SIZE];
    if (!getcwd(here, sizeof here))
        return path;
    size_t n = strlen(here);
    return strncmp(path, here, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}

/* Built, the command lies beside us; installed, it is where the shell looks. */
static void put_cerca(const char *folder, struct buf *out)
{
    char path[PATH_SIZE];
    int n = snprintf(path, sizeof path, "%s/cerca", folder);
    if (n > 0 && (size_t)n < sizeof path && access(path, X_OK) == 0)
        shellword_put(out, from_here(path));
    else
        buf_put_str(out, "cerca");
}

/* The start of each command: the program, its name, the configuration. */
static void put_command(const char *folder, const char *name, const char *conf_path,
                        struct buf *out)
{
    buf_put_str(out, "  ");
    put_cerca(folder, out);
    buf_printf(out, " %s -c ", name);
    shellword_put(out, conf_path);
}

/* " OPTION FILE", the file beside the configuration. */
static void put_file(const char *option, const char *conf_path, const char *name, struct buf *out)
{
    const char *slash = strrchr(conf_path, '/');
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%.*s%s", slash ? (int)(slash - conf_path + 1) : 0, conf_path,
                   name);
    buf_printf(out, " %s ", option);
    shellword_put(out, path);
}

static void put_endpoints(const struct conf *c, struct buf *out)
{
    struct buf socket;
    buf_init(&socket, PATH_SIZE);
    conf_admin_socket(c, &socket);
    buf_printf(out, "\nCerca serves. ^C stops it.\n  admin socket  %s\n",
               from_here(buf_cstr(&socket)));
    buf_free(&socket);
    for (size_t i = 0; i < c->n_issuers; i++)
        if (strcmp(c->issuers[i].parent, c->issuers[i].name) == 0)
            buf_printf(out, "  trust anchor  %s\n", from_here(c->issuers[i].certificate));
    if (*c->http_listen != '\0')
        buf_printf(out, "  HTTP          %s (CA certificates, CRLs, OCSP)\n", c->base_url);
    buf_put_str(out, "\n");
}

void hint_text(const struct conf *c, const char *folder, const char *conf_path, struct buf *out)
{
    put_endpoints(c, out);
    buf_put_str(out, "Try next, in another terminal:\n");
    put_command(folder, "status", conf_path, out);
    buf_put_str(out, "\n");
    put_command(folder, "issue", conf_path, out);
    buf_put_str(out, " --profile tls-server --san dns:app.example.com");
    put_file("--key-out", conf_path, "app.key", out);
    put_file("--out", conf_path, "app.pem", out);
    buf_put_str(out, "\n");
    put_command(folder, "list", conf_path, out);
    buf_put_str(out, "\n\n");
}
