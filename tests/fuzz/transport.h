/*
 * HTTP without a network, instead of client/http*.c and client/jail.c: every request gets the next
 * answer of the input. So what client/ and agent/ make of a server's answers runs as it is.
 *
 * An answer: an octet for the status, one for the media type, one for Retry-After, one for a
 * redirection, then the body (fuzz_piece). At the end of the input there is no answer any more.
 */
#ifndef TESTS_FUZZ_TRANSPORT_H
#define TESTS_FUZZ_TRANSPORT_H

#include "tests/fuzz/fuzz.h"

void transport_feed(struct slice answers);
/* From now on jailed children (client/jail.h) do nothing, and this is what each hands back. */
void transport_lie(struct slice said);

#endif
