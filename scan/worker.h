/*
 * The other side of lib/proto_scan.h: takes a job over a descriptor, runs it on an engine, tells
 * results and how far it is.
 */
#ifndef SCAN_WORKER_H
#define SCAN_WORKER_H

#include "lib/loop.h"

struct worker;
/* Takes over fd, a connected SOCK_SEQPACKET, and says MSG_SCAN_READY. When it is closed, `gone` is
 * called from the loop. */
struct worker *worker_new(struct loop *l, int fd, loop_call gone, void *arg);
void worker_free(struct worker *w); /* NULL is fine */

#endif
