/*
 * A bounded pool of threads for what costs time: proofs of possession,
 * signatures to verify, lists to read. Work that finishes something goes before
 * work that starts something.
 */
#ifndef CA_DOOR_WORKERS_H
#define CA_DOOR_WORKERS_H

enum work_class { WORK_FINISH = 0, WORK_START = 1 };
#define WORK_CLASSES 2

/* Embedded in what the work is about; owned by the submitter until `run` returns. */
struct work {
    void (*run)(struct work *w, unsigned worker); /* worker: 0 to n-1, which thread this is */
    struct work *next;
};

struct workers;

struct workers *workers_new(unsigned n);
/* Runs what is queued, then ends the threads. */
void workers_free(struct workers *w);
/* From any thread. */
void workers_push(struct workers *w, enum work_class c, struct work *item);
unsigned workers_count(const struct workers *w);

#endif
