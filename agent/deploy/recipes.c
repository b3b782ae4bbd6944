#include "agent/deploy/recipes.h"

#include <string.h>

/* Commands, users and paths are those of Debian's packages. tests/flow/agent-recipes.t and its
 * like hold each row against the server itself, docs/agent-recipes.md shows the lines of its
 * configuration. */
#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define FILES(...)                                                                                 \
    .files = (const struct deploy_recipe_file[]){__VA_ARGS__},                                     \
    .n_files = sizeof((const struct deploy_recipe_file[]){__VA_ARGS__}) /                          \
               sizeof(struct deploy_recipe_file)
#define PUBLIC(format)                                                                             \
    {                                                                                              \
        (format), "", "", 0644                                                                     \
    }
#define SECRET(format, owner)                                                                      \
    {                                                                                              \
        (format), (owner), "", 0600                                                                \
    }

static const struct deploy_recipe recipes[] = {
    {
        .name = "nginx",
        .test = ARGV("nginx", "-t", "-q"),
        .reload = ARGV("systemctl", "reload-or-restart", "nginx"),
        .probe = "127.0.0.1:443",
        FILES(PUBLIC(AGENT_FULLCHAIN), SECRET(AGENT_KEY, "")),
        .text = "New workers take the new pair; old ones finish the requests they have, and close "
                "idle connections.",
    },
    {
        .name = "apache2",
        .test = ARGV("apachectl", "configtest"),
        .reload = ARGV("systemctl", "reload-or-restart", "apache2"),
        .probe = "127.0.0.1:443",
        FILES(PUBLIC(AGENT_FULLCHAIN), SECRET(AGENT_KEY, "")),
        .text = "A graceful restart: requests under way are answered. The test does not read "
                "certificates, "
                "and what it cannot read then ends it: it is started with the old ones. The agent "
                "loads the pair with the same OpenSSL before.",
    },
    {
        .name = "haproxy",
        .test = ARGV("haproxy", "-c", "-q", "-f", "/etc/haproxy/haproxy.cfg"),
        .reload = ARGV("systemctl", "reload-or-restart", "haproxy"),
        .probe = "127.0.0.1:443",
        FILES(SECRET(AGENT_COMBINED, "")),
        .text = "A new worker takes the listening sockets; the old one ends with its last "
                "connection.",
    },
    {
        .name = "postfix",
        .test = ARGV("postfix", "check"),
        .reload = ARGV("systemctl", "reload-or-restart", "postfix"),
        .probe = "127.0.0.1:25 starttls=smtp",
        FILES(PUBLIC(AGENT_FULLCHAIN), SECRET(AGENT_KEY, "")),
        .text = "Each smtpd finishes its session. The test does not read certificates; an smtpd "
                "that cannot read them goes on without TLS, which the probe finds.",
    },
    {
        .name = "dovecot",
        .test = ARGV("doveconf", "-n"),
        .reload = ARGV("systemctl", "reload-or-restart", "dovecot"),
        .probe = "127.0.0.1:143 starttls=imap",
        FILES(PUBLIC(AGENT_FULLCHAIN), SECRET(AGENT_KEY, "")),
        .text = "New sessions get the new pair. The test wants the files to be there, no more.",
    },
    {
        .name = "slapd",
        .test = ARGV("slaptest", "-u", "-Q"),
        .reload = ARGV("ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", "ldapi:///", "-f",
                       "/etc/ldap/cerca-agent.ldif"),
        .probe = "127.0.0.1:389 starttls=ldap",
        FILES(PUBLIC(AGENT_FULLCHAIN), SECRET(AGENT_KEY, "openldap")),
        .text = "cn=config is given the same paths again, upon which the running slapd reads them, "
                "or refuses and keeps what it has. No restart.",
    },
    {
        .name = "postgresql",
        .reload = ARGV("systemctl", "reload-or-restart", "postgresql"),
        .probe = "127.0.0.1:5432 starttls=postgres",
        FILES(PUBLIC(AGENT_FULLCHAIN), SECRET(AGENT_KEY, "postgres")),
        .text =
            "New connections get the new pair, others stay. A pair that cannot be read is logged "
            "and the old one served on, which the probe finds.",
    },
    {
        .name = "mosquitto",
        .reload = ARGV("systemctl", "reload-or-restart", "mosquitto"),
        .probe = "127.0.0.1:8883",
        FILES(PUBLIC(AGENT_FULLCHAIN), SECRET(AGENT_KEY, "mosquitto")),
        .text = "New connections get the new pair, others stay.",
    },
    {
        .name = "freeradius",
        .test = ARGV("freeradius", "-C", "-lstdout"),
        .reload = ARGV("systemctl", "restart", "freeradius"),
        .verify = ARGV("systemctl", "is-active", "--quiet", "freeradius"),
        .probe = "",
        FILES(PUBLIC(AGENT_FULLCHAIN), SECRET(AGENT_KEY, "freerad")),
        .text =
            "It reads certificates only when it starts, so it is restarted: logins under way are "
            "tried again by their access points. No port tells what it serves.",
    },
    {
        .name = "openvpn",
        .reload = ARGV("systemctl", "restart", "openvpn-server@server"),
        .verify = ARGV("systemctl", "is-active", "--quiet", "openvpn-server@server"),
        .probe = "",
        FILES(PUBLIC(AGENT_FULLCHAIN), SECRET(AGENT_KEY, "")),
        .text = "It reads certificates only when it starts, so it is restarted: clients connect "
                "again. Give it a window. No port tells what it serves.",
    },
    {
        .name = "strongswan",
        .reload = ARGV("systemctl", "reload-or-restart", "strongswan"),
        .verify = ARGV("systemctl", "is-active", "--quiet", "strongswan"),
        .probe = "",
        FILES(PUBLIC(AGENT_CERT), PUBLIC(AGENT_CHAIN), SECRET(AGENT_KEY, "")),
        .text = "swanctl loads credentials and connections again; tunnels stay until they are "
                "authenticated anew. No port tells what it serves.",
    },
};

const struct deploy_recipe *deploy_recipes(size_t i)
{
    return i < sizeof(recipes) / sizeof(recipes[0]) ? &recipes[i] : NULL;
}

const struct deploy_recipe *deploy_recipe(const char *name)
{
    const struct deploy_recipe *r;

    for (size_t i = 0; (r = deploy_recipes(i)) != NULL; i++)
        if (strcmp(r->name, name) == 0)
            return r;
    return NULL;
}
