/* A notice in words. */
#ifndef WATCH_NOTIFY_TEXT_H
#define WATCH_NOTIFY_TEXT_H

#include "lib/notice.h"

/* Puts text (UTF-8) with "?" for control characters and those that turn its direction (a line's
 * end is kept where `lines`), cut behind `max` octets at a character's end, with "..." then. */
void text_clean(struct buf *out, const char *text, bool lines, size_t max);

/* "warning: web.example.com ends in 7 days", "resolved: ...": one line. */
#define TEXT_TITLE_SIZE 320
void text_title(const struct notice *n, char out[TEXT_TITLE_SIZE]);

/* What is known, in order, the notice's own facts last; values are cleaned. */
#define TEXT_FACTS_MAX (NOTICE_FACTS_MAX + 8)
size_t text_facts(const struct notice *n, struct notice_fact out[TEXT_FACTS_MAX]);

/* The whole of it as plain text, lines ended by "\n": summary, text, facts, who tells. */
void text_body(const struct notice *n, const char *source, struct buf *out);

/* The key of the condition, else the notice's id: 32 hexadecimal digits. */
void text_key(const struct notice *n, char out[NOTICE_ID_SIZE]);

#endif
