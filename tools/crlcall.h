/* Asking cerca-ca about one issuer's CRLs; `list` is one of crl_name_print. */
#ifndef TOOLS_CRLCALL_H
#define TOOLS_CRLCALL_H

#include "lib/proto.h"
#include "tools/tool.h"

/* A new one now. */
int crl_publish(struct tool *t, const char *issuer, const char *list, struct crl_row *out,
                struct fault *f) WARN_UNUSED;
/* The one in force; *fd, the caller's, reads its DER. */
int crl_open(struct tool *t, const char *issuer, const char *list, struct crl_row *out, int *fd,
             struct fault *f) WARN_UNUSED;
/* What cerca-ca answers about one CRL. */
int crl_row_read(const struct frame *answer, struct crl_row *out, struct fault *f) WARN_UNUSED;

#endif
