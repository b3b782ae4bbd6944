/*
 * /health: how old the public view is, as JSON. 200 while every issuer in it is younger than
 * http.view_age and there is one, else 503.
 */
#ifndef PUBLIC_HEALTH_H
#define PUBLIC_HEALTH_H

#include "lib/httpd.h"
#include "public/place.h"

struct health;

struct health *health_new(const struct conf *c, struct places *places);
void health_free(struct health *h);
/* From any thread. Looks once a second at most. */
void health_answer(struct health *h, struct http_answer *out);

#endif
