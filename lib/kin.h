/*
 * Which processes are programs of this CA, as cercad tells.
 *
 * Where all of them run as one user, that user tells nobody apart: who took cerca-public over could
 * connect to the sockets of cerca-enroll, or of operators. The kernel says which process it is that
 * connects, and a jailed program can start no other. So a socket that is for one program, or for
 * people, is closed to all other programs of ours (listener_for, lib/conn.h).
 *
 * On the loop of the process alone.
 */
#ifndef LIB_KIN_H
#define LIB_KIN_H

#include <stdbool.h>
#include <sys/types.h>

/* `program` (and `token`, "" for all but signers) runs as this process; 0: it does not run. */
void kin_tell(const char *program, const char *token, pid_t pid);
/* The name of the program that runs as this process; NULL: none of ours. */
const char *kin_name(pid_t pid);

#endif
