/*
 * Configuration of cerca-agent: agent.conf, and one file an entry in the folder conf.d beside it,
 * NAME.conf for the entry NAME. Syntax, units and messages are those of lib/conf.h; the schema is
 * one table (agent/conf/schema.c). Read once, checked whole, then constant.
 *
 * Promised to callers: names are as conf_check_name has them; all paths are absolute; what an
 * entry does not say is filled in from agent.conf; a way to enroll is there, or existing
 * files are taken over.
 */
#ifndef AGENT_CONF_CONF_H
#define AGENT_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/conf.h"
#include "lib/fault.h"

#define AGENT_ENTRIES_MAX 1024

enum agent_format {
    AGENT_KEY = 1,   /* PKCS#8, PEM */
    AGENT_CERT,      /* the certificate alone, PEM */
    AGENT_CHAIN,     /* the CA certificates between it and the root */
    AGENT_FULLCHAIN, /* both, the certificate first */
    AGENT_COMBINED,  /* key and full chain in one file, as `order` says */
    AGENT_PKCS12,
    AGENT_CA,      /* what clients should trust: the anchors of the entry */
    AGENT_KEY_URI, /* where the key is, in a token */
};

const char *agent_format_word(enum agent_format format); /* "key" ... */

enum agent_order {
    AGENT_KEY_FIRST = 0, /* of AGENT_COMBINED */
    AGENT_KEY_LAST,
    AGENT_TOP_FIRST, /* of AGENT_CHAIN: from its top down */
};

#define AGENT_TEXT_URI "{uri}"

struct agent_file {
    char *path; /* first: where a service reads it; a name alone stays in the entry's folder */
    enum agent_format format;
    char *owner, *group; /* names or numbers; "": who runs the agent */
    unsigned mode;       /* 0640; 0: 0600 where a key is in it, else 0644 */
    char *password_file; /* of PKCS#12 */
    bool legacy;         /* PKCS#12 for old programs (client/p12.h) */
    enum agent_order order;
    char *text; /* of AGENT_KEY_URI: with "{uri}" in it; "": the URI and a newline */
};

struct agent_service {
    char *name;   /* first */
    char *recipe; /* agent/deploy/recipes.h; "": none, all is said here */
    char **test;
    size_t n_test; /* its own test of its configuration; argv, no shell. Empty: the recipe's */
    char **reload;
    size_t n_reload;
    char **verify;
    size_t n_verify; /* argv; 0 when it uses the new one, for services that no probe can ask */
    char **probes;
    size_t n_probes;    /* "127.0.0.1:443 sni=web.example.com starttls=smtp"; empty: the recipe's */
    int64_t time_limit; /* seconds: of one command */
    int64_t probe_for;  /* seconds until the new certificate must be served */
};

/* A Secret of type kubernetes.io/tls, which has the key and the full chain. */
struct agent_secret {
    char *name; /* first */
    char *namespace;
    char *server;     /* https://HOST[:PORT] of the cluster's API */
    char *token_file; /* bearer token; read anew each time, since clusters replace it */
    char *ca_file;    /* PEM: whom to trust as that server */
    int64_t time_limit;
};

/* How the files become the new ones. */
enum agent_method {
    AGENT_SYMLINK = 0, /* paths are symlinks into `current`, which one rename exchanges */
    AGENT_EXCHANGE,    /* a whole folder is exchanged, for services that follow no symlinks */
};

/* A certificate that is kept. */
struct agent_cert {
    char *name;              /* of its file, without .conf */
    char *path;              /* of that file */
    char *state_dir;         /* STATE/NAME */
    uint8_t digest[32];      /* of what the configuration says of it: another one, another digest */
    char *url;               /* of the EST server */
    char *label;             /* ""; none */
    char *trust;             /* PEM: whom to trust as server; "": the system's */
    char *chain_trust;       /* PEM: anchors that a chain must end below; "": as trust */
    char *key_type;          /* "p256" ... */
    bool reuse_key;          /* the same key in each renewal */
    struct conf_token token; /* where its keys are made and stay; module "": in files */
    char *key_label;         /* of those keys, with "-" and the version behind it */
    char *subject;           /* RFC 4514; "": made from the first DNS name */
    char **names;            /* "dns:web.example.com", "ip:192.0.2.1" ... */
    size_t n_names;          /* none: those of the certificate that is taken over */
    char *token_file;        /* first enrollment: a token, or ... */
    char *cert, *cert_key; /* ... a certificate that the server knows (a manufacturer's), or ... */
    char *user, *password_file; /* ... a password; "" each where it is not the way */
    bool take_over;             /* files that are there are the first version */
    unsigned renew_at;          /* percent of the life that is over */
    enum agent_method method;
    char *folder;   /* AGENT_EXCHANGE: the folder that the service reads */
    char **windows; /* agent/conf/window.h: "sat 02:00-04:00"; none: any time */
    size_t n_windows;
    unsigned keep; /* versions before the current one */
    struct agent_file *files;
    size_t n_files;
    struct agent_service *services;
    size_t n_services;
    struct agent_secret *secrets;
    size_t n_secrets;
    char **before, **after, **failed; /* hooks; argv, no shell */
    size_t n_before, n_after, n_failed;
    int64_t hook_limit; /* seconds */
};

/* A file of conf.d or trust.d that cannot be used; the others go on. */
struct agent_bad {
    char *name; /* of the entry that it would be */
    struct fault why;
};

struct agent_conf {
    char *dir;       /* folder of agent.conf; conf.d is below it */
    char *state_dir; /* /var/lib/cerca-agent */
    char *log_level;
    char *url, *trust; /* of entries that say none */
    char *host;        /* name in reports; "": the host's */
    bool report;       /* whether the CA is told */
    char *report_as;   /* entry whose certificate speaks; "": the first */
    int64_t report_every;
    char **scan; /* folders and files in which certificates are looked for at each report */
    size_t n_scan;
    char *scan_password_file; /* of PKCS#12 there; "": none */
    unsigned workers;         /* entries that are worked on at once */
    int64_t timeout;          /* seconds, of one exchange with the server */
    struct agent_cert *certs; /* by name */
    size_t n_certs;
    struct agent_trust *trusts; /* agent/conf/trust.h, by name */
    size_t n_trusts;
    struct agent_bad *bad;
    size_t n_bad;
};

#define AGENT_CONF_DIR "/etc/cerca-agent"

/* Reads DIR/agent.conf, which may be absent, DIR/conf.d and DIR/trust.d. `state_dir` wins over the
 * file's; NULL: the file's. Rules: those of conf_load; "agent.files" (others could write to the
 * configuration, which names commands); of entries "conf.duplicate", too: two have one path. */
int agent_conf_load(const char *dir, const char *state_dir, struct agent_conf **out,
                    struct fault *f) WARN_UNUSED;
/* One file alone, as it would be NAME.conf there. */
int agent_conf_read_cert(const struct agent_conf *c, const char *name, const char *text,
                         struct agent_cert *out, struct fault *f) WARN_UNUSED;
/* Of one that is to be added: none of its paths is another entry's ("conf.duplicate"). */
int agent_conf_paths_free(const struct agent_conf *c, const struct agent_cert *e,
                          struct fault *f) WARN_UNUSED;
void agent_cert_free(struct agent_cert *c);
/* Are its keys in a token? */
bool agent_key_in_token(const struct agent_cert *c);
/* The example file of agent.conf (and of an entry), and the manual page's list. */
void agent_conf_example(bool entry, struct buf *out);
void agent_conf_manual(bool entry, struct buf *out);
void agent_conf_free(struct agent_conf *c);
/* NULL: there is none of that name. */
const struct agent_cert *agent_conf_cert(const struct agent_conf *c, const char *name);

#endif
