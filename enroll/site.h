/*
 * EST over HTTP (RFC 7030, 8951): reads what clients sent, passes it on to cerca-ca, and answers
 * when that has answered. Nothing is decided here.
 */
#ifndef ENROLL_SITE_H
#define ENROLL_SITE_H

#include "enroll/cas.h"
#include "lib/httpd.h"

struct site;

struct refusals;

/* All outlive it. */
struct site *site_new(const struct conf *c, struct ca_link *k, struct cas *cas,
                      struct refusals *refusals);
void site_free(struct site *s);
/* An http_handler; `site` is the struct site. */
void site_answer(void *site, const struct http_request *r, struct http_answer *out);
/* An httpd_turned_away; `site` is the struct site. */
void site_turned_away(void *site, const char *address, enum httpd_why why);

#endif
