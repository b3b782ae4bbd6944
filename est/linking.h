/*
 * What EST reads out of certification requests beyond names and keys: the value that links who is
 * at the other end of TLS with who signed the request (RFC 7030 3.5), and the names that a
 * re-enrollment asks for instead of its present ones (4.2.2). No input or output.
 */
#ifndef EST_LINKING_H
#define EST_LINKING_H

#include "lib/csr.h"

/* Octets of a channel binding: tls-unique (RFC 5929 3.1) is a Finished message, 12 octets with
 * every usual cipher suite of TLS 1.2; tls-exporter (RFC 9266) has 32. */
#define BINDING_MAX 64
#define BINDING_EXPORTER_LEN 32
#define BINDING_EXPORTER_LABEL "EXPORTER-Channel-Binding"

enum link {
    LINK_ABSENT, /* no challengePassword */
    LINK_RIGHT,  /* it is the binding of this channel */
    LINK_WRONG,  /* it is that of another channel */
    LINK_OTHER,  /* it is no binding: not base64 of 12 octets or of as many as this channel's */
};

/* Compares the request's challengePassword with the binding of the channel that it came through,
 * in time that depends on lengths only. An empty binding (the channel has none: TLS 1.2 without
 * extended master secret) is never right. */
enum link link_check(const struct csr *c, struct slice binding);
/* The challengePassword for a binding: its base64, in one line. */
void link_put(struct buf *out, struct slice binding);

/* ChangeSubjectName (RFC 6402 2.8): what the next certificate should have. */
struct name_change {
    bool has_subject, has_sans;
    struct slice subject; /* Name, whole; passed name_check */
    struct san_list sans; /* each passed san_check */
};

/* 0 and *there false when the request asks for none. Rules: "est.change.der", and those of
 * name_check, san_list_get and san_check. */
int name_change_get(const struct csr *c, struct name_change *out, bool *there,
                    struct fault *f) WARN_UNUSED;
/* The contents of the attribute's SET; what is not there is left out. */
void name_change_put(struct buf *out, const struct name_change *n);

#endif
