/*
 * What a service manager hands to a program and keeps for its next life, by the protocols of
 * sd_listen_fds(3) and sd_pid_notify_with_fds(3). Where cercad starts the programs, it hands all
 * of that over by options instead, and there is nothing here. To be called before the jail and
 * before threads.
 */
#ifndef LIB_MANAGER_H
#define LIB_MANAGER_H

#include <stdint.h>

#include "lib/fault.h"

/* The descriptor handed over under that name (FileDescriptorName=, FDNAME=), now close-on-exec;
 * -1: none. The caller's, each once. */
int manager_fd(const char *name);

/* Memory for lib/keep.h that outlives the program: what the manager kept, else new memory that it
 * keeps from now on. -1: there is no manager that would. */
int manager_memory(void);

/* A listening TCP socket at that address: the one that the manager kept, else a new one that it
 * keeps, if there is one, so that whoever connects between two lives waits. Another address's is
 * let go. Fault: as listen_tcp. */
int manager_listen(const char *address, uint16_t port, struct fault *f) WARN_UNUSED;

#endif
