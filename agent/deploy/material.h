/* A certificate with its key and chain: checked before anything is written, and in every form. */
#ifndef AGENT_DEPLOY_MATERIAL_H
#define AGENT_DEPLOY_MATERIAL_H

#include "agent/deploy/deploy.h"

#define MATERIAL_CHAIN_MAX 16 /* certificates above the leaf */

/* The anchors that the chain must end below: a PEM file; "": those of the system. */
const char *material_anchors(const struct agent_cert *c);

/* Rules: "deploy.certificate" (cannot be read), "deploy.key", "deploy.expired" (or not valid yet),
 * "deploy.names", "deploy.chain". */
int material_check(const struct agent_cert *c, const struct deploy_material *m,
                   struct fault *f) WARN_UNUSED;

/* Appends the octets of a file. Rules: "deploy.key" (it is in no file), "deploy.password",
 * "deploy.certificate". */
int material_put(const struct agent_cert *c, const struct agent_file *file,
                 const struct deploy_material *m, struct buf *out, struct fault *f) WARN_UNUSED;
/* identity.pem */
int material_identity(const struct deploy_material *m, struct buf *out,
                      struct fault *f) WARN_UNUSED;
/* Or the way to one: its URI may have a PIN beside it. */
bool material_has_key(enum agent_format format);

#endif
