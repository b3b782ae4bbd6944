/*
 * Exports of the public view for other hosts: a thread that makes one every view.export_every and
 * when asked, has the signer seal it, and puts it into view.export_dir. An export's number is the
 * time, or one more than the last; the signer refuses a smaller one than it has sealed.
 */
#ifndef CA_EXPORT_EXPORTER_H
#define CA_EXPORT_EXPORTER_H

#include "ca/door/signer_link.h"

struct exporter;

struct exporter_parts {
    const struct conf *conf;
    struct loop *loop;
    struct signer_link *link; /* of conf_audit_token; NULL: there is none */
};

/* Starts the thread. */
int exporter_open(const struct exporter_parts *parts, struct exporter **out,
                  struct fault *f) WARN_UNUSED;
/* Ends the thread: before the signers' links. NULL is fine. */
void exporter_stop(struct exporter *e);
/* After both. NULL is fine. */
void exporter_free(struct exporter *e);

typedef void (*exporter_reply)(void *arg, const struct view_exported *made, const struct fault *f);
/* An export of all that was published before the call. On the loop, as is the reply. `e` may be
 * NULL: refused, rule "view.export_dir". */
void exporter_run(struct exporter *e, exporter_reply reply, void *arg);
/* From any thread. */
void exporter_status(struct exporter *e, struct status_item *out);

#endif
