/*
 * A library for LD_PRELOAD in which one call of a kind fails: the Nth that all processes of one
 * program make together. CERCA_FAULT names a file of one struct fault_order, which tests/faults/run
 * writes (and reads: `calls` counts on behind the failure). Every process of other programs goes on
 * unharmed.
 */
#ifndef TESTS_FAULTS_LIBRARY_H
#define TESTS_FAULTS_LIBRARY_H

#include <stdint.h>

enum fault_kind {
    FAULT_MEMORY, /* malloc and friends: ENOMEM */
    FAULT_OPEN,   /* open, socket, accept, pipe and friends: EMFILE */
    FAULT_WRITE,  /* write and friends to regular files, and what makes them longer: ENOSPC */
    FAULT_SYNC,   /* fsync, fdatasync, msync: EIO */
    FAULT_NAME,   /* rename, link, unlink, mkdir: EIO */
    FAULT_READ,   /* read and pread of regular files: EIO */
    FAULT_THREAD, /* pthread_create: EAGAIN */
};

struct fault_order {
    char program[32];  /* its name, as in /proc/PID/comm, NUL at the end */
    uint32_t kind;     /* enum fault_kind */
    uint32_t failed;   /* how often: 1 once it has */
    uint64_t at;       /* the call that fails, from 1 on; 0: none */
    uint64_t calls;    /* of this kind until now */
    char ended_in[64]; /* the file name of the object in which a process got SIGSEGV or aborted */
    char caller[64];   /* ... and of the one whose call failed */
};

#endif
