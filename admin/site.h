/*
 * What cerca-admin serves: /metrics, in the Prometheus text format, made anew for each request of
 * what cerca-ca tells on the metrics socket; and / that says so. A scrape while one is under way
 * gets that one's text.
 */
#ifndef ADMIN_SITE_H
#define ADMIN_SITE_H

#include "lib/ca_link.h"
#include "lib/httpd.h"

struct site;

/* `k` stays the caller's. */
struct site *site_new(struct ca_link *k);
/* Closed link, no server: nobody waits any more. NULL is fine. */
void site_free(struct site *s);
/* An http_handler. */
void site_answer(void *site, const struct http_request *r, struct http_answer *out);

#endif
