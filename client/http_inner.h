/* What single requests and sessions share. */
#ifndef CLIENT_HTTP_INNER_H
#define CLIENT_HTTP_INNER_H

#include <curl/curl.h>

#include "client/http.h"

int http_check_url(const char *url, struct fault *f) WARN_UNUSED;
/* The caller frees it. */
struct curl_slist *http_headers(const struct http_request *r);
/* Everything that does not depend on whom it goes to. */
void http_set_request(CURL *c, const struct http_request *r, struct curl_slist *list,
                      struct buf *body, char why[CURL_ERROR_SIZE]);
/* Says what went wrong. */
int http_failed(const struct http_request *r, const struct buf *body, CURLcode code,
                const char *why, struct fault *f);

#endif
