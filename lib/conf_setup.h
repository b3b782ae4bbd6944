/* What `cerca init` writes for a CA that is meant to be relied on: a whole configuration. */
#ifndef LIB_CONF_SETUP_H
#define LIB_CONF_SETUP_H

#include "lib/conf.h"

struct conf_setup_operator {
    const char *name, *uid, *role;
};

struct conf_setup {
    uint16_t http_port, https_port;
    const char *base_url; /* plain HTTP, no slash at its end */
    const char *root_subject, *issuing_subject;
    const char *root_key, *issuing_key; /* "p384" */
    bool offline_root;
    const char *module, *uri;
    const char *pin_file, *pin_credential; /* one of them; NULL: not */
    const char *init_reserved;             /* NULL: nothing */
    bool softhsm;                          /* the token is made, beside the configuration */
    const char *const *paths;              /* of the module, NULL-ended */
    const char *const *environment;
    bool network;
    const struct conf_setup_operator *operators;
    size_t n_operators;
};

void conf_setup_text(const struct conf_setup *s, struct buf *out);
/* What `cerca view node` prints: a validation node of a CA. */
struct conf_node {
    const char *import_key; /* lib/viewexport.h */
    const char *dir;        /* of its files; NULL: that of the configuration */
    const char *listen;     /* NULL: as the CA does */
    uint16_t port;          /* 0: likewise */
};
void conf_node_text(const struct conf *c, const struct conf_node *n, struct buf *out);
/* A text in quotes, as libconfig reads it. */
void conf_quote(const char *text, struct buf *out);

#endif
