/*
 * One target on its way: looked up, then for each address and each name a handshake and, once, the
 * questions for versions and suites; a result for each. Its deadline counts while it is looked up
 * or connected, not while it waits for its turn (scan/pace.h).
 */
#ifndef SCAN_TARGET_H
#define SCAN_TARGET_H

#include "scan/pace.h"
#include "scan/resolve.h"
#include "scan/space.h"
#include "scan/talk.h"

struct target;
/* What all targets of a scan share. */
struct target_world {
    struct loop *loop;
    struct handshakes *handshakes;
    struct resolver *resolver;
    struct pace pace;
    struct space space;
    struct scan_job job;
    uint32_t connected; /* open connections */
    bool stopping;      /* no more connections */
    uint64_t excluded;
    void (*result)(void *arg, const struct scan_result *r);
    void (*ended)(void *arg, struct target *t); /* may free it */
    void *arg;
};

/* How a target waits. */
enum target_wait {
    TARGET_FOR_NETWORK = 1, /* for a turn of its network */
    TARGET_FOR_ALL = 2,     /* for a turn of all */
    TARGET_FOR_SOCKET = 3,  /* there was none */
    TARGET_FOR_ANSWER = 4,  /* connected or looked up: the deadline runs */
};

struct target {
    struct target *next, *prev; /* the engine's, by position */
    struct target_world *world;
    uint64_t position;
    struct space_target at;
    struct resolution *lookup;
    uint8_t address[RESOLVE_ADDRESSES_MAX][16];
    size_t n_addresses, i_address;
    unsigned i_name;  /* behind the last name: without one, if it is asked so */
    unsigned retries; /* for a socket */
    bool dropped;     /* ended without all of its results: to be asked again another time */
    struct loop_timer *timer;
    enum target_wait wait;
    uint64_t began_us, since_us, left_us; /* of the deadline, while it does not run */

    bool asks;     /* for versions and suites, now */
    bool asked;    /* has done so at this address */
    bool confirms; /* asks once more for what it was given, after it was turned away silently */
    enum tls_version version;
    uint8_t random[32];
    uint16_t left[SCAN_SUITES_MAX]; /* suites to offer next */
    size_t n_left;
    struct talk talk;
    struct scan_result result;
    struct buf octets; /* that the result points to */
};

struct target *target_new(struct target_world *w, uint64_t position, const struct space_target *at);
void target_begin(struct target *t);
/* Ends it if it only waits for its turn; once the world is stopping. */
void target_stop(struct target *t);
void target_free(struct target *t);

#endif
