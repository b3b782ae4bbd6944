/* Words of a command that a person is asked to type. */
#ifndef LIB_SHELLWORD_H
#define LIB_SHELLWORD_H

#include "lib/buf.h"

/* `text` as one word of a POSIX shell (Shell Command Language 2.2.2): as it is where nothing in it
 * means anything to the shell, else in single quotes. */
void shellword_put(struct buf *out, const char *text);

#endif
