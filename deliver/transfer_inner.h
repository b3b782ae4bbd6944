/* What the files of transfers share. */
#ifndef DELIVER_TRANSFER_INNER_H
#define DELIVER_TRANSFER_INNER_H

#include <curl/curl.h>
#include <netinet/in.h>

#include "deliver/transfer.h"

struct transfers {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer;
    struct transfer *all;
    struct watched *watches;
};

struct transfer {
    struct transfers *owner;
    CURL *curl;
    struct curl_slist *list; /* headers, or recipients */
    struct buf out;          /* to send */
    size_t sent;
    struct buf body, talk;
    bool cut; /* there was more of the body */
    char why[CURL_ERROR_SIZE];
    /* Over a connection of its own, once it stands. NULL: HTTP and SMTP. */
    void (*connected)(struct transfer *x, CURLcode code);
    struct loop_watch *watch;
    struct loop_timer *linger;
    struct loop_timer *limit; /* of all of it */
    bool has_address;
    struct sockaddr_storage address; /* of UDP */
    socklen_t address_len;
    transfer_done done;
    void *arg;
    struct transfer *next, *prev;
};

/* What is not set, for want of memory, may be what verifies the server: nothing is sent then. */
#define transfer_set(x, option, value)                                                             \
    ((x)->out.failed |= curl_easy_setopt((x)->curl, option, value) != CURLE_OK)

/* With the options that all have; `schemes` is all that is spoken. */
struct transfer *transfer_new(struct transfers *t, const struct channel_keys *k, const char *url,
                              const char *schemes, transfer_done done, void *arg);
void transfer_go(struct transfer *x);
/* Tells, and frees it. */
void transfer_end(struct transfer *x, CURLcode code);
/* Failed by itself. */
void transfer_fail(struct transfer *x, const char *why);

#endif
