/* Keys and rows of the table D_OUTBOX (ca/store/outbox.h). Inside ca/store. */
#ifndef CA_STORE_OUTBOX_ROWS_H
#define CA_STORE_OUTBOX_ROWS_H

#include "ca/store/outbox.h"
#include "ca/store/store_lmdb.h"

#define OUTBOX_KEY_MAX 80

enum {
    OUTBOX_NEWEST = 'N',
    OUTBOX_NOTICE = 'E',
    OUTBOX_DELIVERY = 'D',
    OUTBOX_LINE = 'L',
    OUTBOX_WHEN = 'W',
    OUTBOX_CHANNEL = 'C',
    OUTBOX_TICKET = 'T',
};

struct outbox_key {
    uint8_t p[OUTBOX_KEY_MAX];
    size_t n;
};
struct outbox_key outbox_key_notice(uint64_t number);
/* All of a number where channel is NULL. */
struct outbox_key outbox_key_delivery(uint64_t number, const char *channel);
struct outbox_key outbox_key_line(const char *channel, const uint8_t line[NOTICE_KEY],
                                  uint64_t number);
/* Of a whole line; of all that a channel waits for. */
struct outbox_key outbox_key_in_line(const char *channel, const uint8_t line[NOTICE_KEY]);
struct outbox_key outbox_key_when(const char *channel, int64_t next, uint64_t number);
struct outbox_key outbox_key_due(const char *channel);
struct outbox_key outbox_key_channel(const char *channel);
struct outbox_key outbox_key_ticket(const char *channel, const uint8_t key[NOTICE_KEY]);
bool outbox_key_begins(const struct outbox_key *k, const struct outbox_key *prefix);

void outbox_delivery_put(struct buf *b, const struct outbox_delivery *d);
/* Number and channel are the key. */
int outbox_delivery_get(struct slice key, struct slice row,
                        struct outbox_delivery *out) WARN_UNUSED;
void outbox_channel_put(struct buf *b, const struct outbox_channel *c);
int outbox_channel_get(struct slice key, struct slice row, struct outbox_channel *out) WARN_UNUSED;
int outbox_notice_get(struct slice row, struct notice *out) WARN_UNUSED;
/* When and number of an OUTBOX_WHEN, number of an OUTBOX_LINE: the last 8 octets. */
uint64_t outbox_key_number(const struct outbox_key *k);
int64_t outbox_key_next(const struct outbox_key *k);

#endif
