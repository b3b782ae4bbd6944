/*
 * Frames between programs: one SOCK_SEQPACKET datagram each.
 *
 *   octet 0      version (FRAME_VERSION)
 *   octet 1      flags (none defined: zero)
 *   octets 2-3   type, big-endian (lib/proto.h)
 *   octets 4-11  frame id, big-endian: chosen by who asks, echoed in every answer
 *   then         the body, at most FRAME_BODY_MAX octets
 *
 * Anything larger travels as a file descriptor (SCM_RIGHTS, one at most).
 */
#ifndef LIB_FRAME_H
#define LIB_FRAME_H

#include "lib/buf.h"
#include "lib/fault.h"

#define FRAME_VERSION 1
#define FRAME_HEADER 12
#define FRAME_BODY_MAX 65536

struct frame {
    uint16_t type;
    uint64_t id;
    struct slice body; /* good only while the handler that got it runs */
    int fd;            /* passed along, owned by the handler; -1: none */
};

/* Writes the 12 octets of header. */
void frame_put_header(uint8_t out[FRAME_HEADER], uint16_t type, uint64_t id);
/* Splits a datagram; -1 if it is too short, of another version or with unknown flags. */
int frame_parse(struct slice datagram, struct frame *out) WARN_UNUSED;

#endif
