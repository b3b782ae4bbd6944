/* What is done with services: their commands, and how they are looked at. Deploying only. */
#ifndef AGENT_DEPLOY_SERVICE_H
#define AGENT_DEPLOY_SERVICE_H

#include "agent/deploy/deploy.h"
#include "agent/deploy/recipes.h"

#define SERVICE_ARGV_MAX 32

/* NULL: it has none. Rule "deploy.recipe". */
int service_recipe(const struct agent_service *s, const struct deploy_recipe **out,
                   struct fault *f) WARN_UNUSED;

enum service_command { SERVICE_TEST = 0, SERVICE_RELOAD, SERVICE_VERIFY };
/* Its own command or its recipe's; nothing when there is neither. With `bind_from` it sees that
 * folder in the place of `bind_to` (NULL: none). */
int service_run(const struct agent_cert *c, const struct agent_service *s,
                enum service_command which, const char *bind_from, const char *bind_to,
                struct fault *f) WARN_UNUSED;

/*
 * The addresses of a service are looked at by a process of its own, which can do nothing but
 * connect: until each has served the certificate of that SHA-256 several times in a row, or
 * `seconds` are over. 0 seconds: one look. Fingerprint NULL: any certificate will do. What each
 * served at last is added to `seen`. 1 when one of them does not serve it.
 */
int service_look(const struct agent_service *s, const uint8_t *fingerprint, int64_t seconds,
                 struct deploy_view *seen, struct fault *f) WARN_UNUSED;

#endif
