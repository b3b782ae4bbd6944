/* What is printed as JSON. */
#ifndef TOOLS_JSON_H
#define TOOLS_JSON_H

#include <jansson.h>

#include "tools/tool.h"

/* One line or more; what is not ASCII is escaped, so that no terminal is driven by it. */
#define JSON_FLAGS (JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII)

/* Text as a JSON string; what is not valid UTF-8 as \xNN. "" for NULL. */
json_t *json_text(const char *s);
json_t *json_number(uint64_t n);
json_t *json_time(int64_t t);                             /* RFC 3339, UTC */
json_t *json_hex(const uint8_t *p, size_t n);             /* lower case; at most 32 octets */
const char *json_str(const json_t *row, const char *key); /* "" when absent */
/* As plain text: the items of an array with spaces between, null as nothing. */
void json_plain(const json_t *v, struct buf *out);
/* Takes a reference that the caller gives up. Out of memory ends the process. */
void json_put(json_t *object, const char *key, json_t *value);
/* Prints and frees it. */
int json_print(const struct tool *t, json_t *value) WARN_UNUSED;

#endif
