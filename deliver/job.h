/* One delivery, whatever its channel. */
#ifndef DELIVER_JOB_H
#define DELIVER_JOB_H

#include "deliver/transfer.h"
#include "lib/proto_watch.h"
#include "watch/notify/talk.h"

struct job {
    const struct channel_keys *keys;
    struct due_item item;
    struct talk talk;       /* of channels over HTTP */
    struct outcome outcome; /* from job_done on */
    void (*done)(struct job *j);
    void *owner;
    struct job *next;
    bool settling; /* done, and not yet noted by cerca-ca */
};

/* Begins; `done` is called once, from the loop or before this returns. */
void job_start(struct job *j, struct transfers *t);
void job_free(struct job *j);

#endif
