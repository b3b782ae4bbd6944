/*
 * What agents report of their hosts:
 *
 *   POST /.well-known/cerca/report    with a client certificate of this CA
 *
 * The body is one JSON object (RFC 8259), read strictly: no key that is not below, none twice, none
 * nested deeper than REPORT_DEPTH_MAX. Times are RFC 3339 in UTC, fingerprints SHA-256 in
 * hexadecimal; both may be "". Only host, version and interval (seconds) have to be there.
 *
 *   {"host": "web1", "version": "0.9", "interval": 86400,
 *    "entries": [{"name": "web", "kind": "certificate", "state": "verified", "since": TIME,
 *                 "reason": "", "rule": "", "next": TIME, "fingerprint": HEX, "files": [PATH...],
 *                 "services": [{"recipe": "nginx", "address": "127.0.0.1:443", "served": HEX,
 *                               "verified": TIME}]}],
 *    "found": [{"path": PATH, "certificate": BASE64}]}
 *
 * Answers: 204; 503 with Retry-After when it comes too often.
 */
#ifndef ENROLL_REPORT_H
#define ENROLL_REPORT_H

#include "lib/fault.h"
#include "lib/proto_agent.h"

#define REPORT_PATH "/.well-known/cerca/report"
#define REPORT_DEPTH_MAX 8

/* Before the jail and any thread. */
void report_prepare(void);
/* Writes the message of a report: head->address and head->chain are the caller's, the rest comes
 * from the body. Rules "report.malformed", "report.size". */
int report_write(struct slice body, struct enroll_report *head, struct buf *out,
                 struct fault *f) WARN_UNUSED;

#endif
