/*
 * Messages about alerts, findings and single identities (`cerca alerts`, `findings`, `explain`). As
 * in lib/proto.h. A cursor is 16 octets: the last alert's key, the last identity.
 *
 *   MSG_ALERT_LIST      alert_query; MSG_ALERT_LISTED: page_head, then that many alert_info
 *   MSG_ALERT_SHOW      fixed 16, a key; MSG_ALERT_SHOWN: one alert_info
 *   MSG_ALERT_ACK       alert_ack; MSG_ALERT_ACKED: one alert_info, as it is now
 *   MSG_FINDING_LIST    finding_query; MSG_FINDING_LISTED: page_head, then finding_info
 *   MSG_FINDING_COUNT   empty; MSG_FINDING_COUNTED: i64 when, a count, then finding_count
 *   MSG_FINDING_EXCEPT  exception_info (until 0: taken back); MSG_FINDING_EXCEPTED: empty
 *   MSG_EXCEPTION_LIST  exception_query; MSG_EXCEPTION_LISTED: a flag "there are more", a count,
 * then exception_info, in order of rule and subject MSG_LINE_EXPLAIN    text, a name or an
 * identity; MSG_LINE_EXPLAINED: a count, then line_info
 */
#ifndef LIB_PROTO_ALERT_H
#define LIB_PROTO_ALERT_H

#include "lib/notice.h"
#include "lib/proto.h"

#define ALERT_CURSOR 16
#define ALERT_PAGE_MAX 30   /* rows of one page */
#define FINDING_PAGE_MAX 60 /* likewise */
#define EXPLAIN_MAX 8       /* identities of one name */
#define EXPLAIN_LINES 24    /* findings and alerts of one */

/* Of a page: is there more, and from behind what. A page may be empty and there be more. */
struct page_head {
    bool more;
    uint8_t at[ALERT_CURSOR];
    uint32_t n;
};
void page_head_put(struct buf *b, const struct page_head *h);
void page_head_get(struct wire_in *w, uint32_t max, struct page_head *out);

struct alert_query {
    bool all;                                 /* resolved ones too */
    uint8_t severity;                         /* the least; 0: any */
    char owner[128], rule[64], contains[128]; /* "": any; contains: in name or subject */
    bool further;
    uint8_t after[ALERT_CURSOR];
};
void alert_query_put(struct buf *b, const struct alert_query *q);
int alert_query_get(struct slice body, struct alert_query *out) WARN_UNUSED;

struct alert_info {
    uint8_t key[ALERT_CURSOR];
    char rule[64], subject[160], name[160];
    char state[16]; /* raised, acknowledged, resolved */
    uint8_t severity;
    char level[16]; /* owner, team, security */
    char owner[128], contact[256], summary[256];
    char by[64], note[256];
    uint32_t times;
    int64_t first_seen, last_seen, resolved, acknowledged, deadline, next; /* 0: not */
};
void alert_info_put(struct buf *b, const struct alert_info *i);
void alert_info_get(struct wire_in *w, struct alert_info *out);

struct alert_ack {
    uint8_t key[ALERT_CURSOR];
    bool back; /* it is taken back */
    char note[256];
};
void alert_ack_put(struct buf *b, const struct alert_ack *a);
int alert_ack_get(struct slice body, struct alert_ack *out) WARN_UNUSED;

struct finding_query {
    uint8_t severity;
    char owner[128], rule[64];
    bool excepted; /* those with an exception too */
    bool further;
    uint8_t after[ALERT_CURSOR];
};
void finding_query_put(struct buf *b, const struct finding_query *q);
int finding_query_get(struct slice body, struct finding_query *out) WARN_UNUSED;

struct finding_info {
    uint8_t identity[ALERT_CURSOR];
    char rule[64];
    uint8_t severity;
    char name[160], owner[128], text[256];
    uint8_t serial[SERIAL_LEN];
    char issuer[64];
    int64_t not_after;
    int64_t until; /* of its exception; 0: none */
};
void finding_info_put(struct buf *b, const struct finding_info *i);
void finding_info_get(struct wire_in *w, struct finding_info *out);

struct finding_count {
    char rule[64];
    uint8_t severity;
    uint64_t found, excepted;
    char text[128];
};
void finding_count_put(struct buf *b, const struct finding_count *c);
void finding_count_get(struct wire_in *w, struct finding_count *out);

struct exception_info {
    char rule[64], subject[160];
    int64_t created, until;
    char by[64], approver[64], reason[256];
};
void exception_info_put(struct buf *b, const struct exception_info *e);
void exception_info_get(struct wire_in *w, struct exception_info *out);

#define EXCEPTION_PAGE_MAX 80
struct exception_query { /* from behind that one; "": from the first */
    char rule[64], subject[160];
};
void exception_query_put(struct buf *b, const struct exception_query *q);
int exception_query_get(struct slice body, struct exception_query *out) WARN_UNUSED;

struct line_info {
    uint8_t identity[ALERT_CURSOR];
    char name[160], profile[128], owner[128], contact[256], requester[128];
    char state[16], method[16];
    char action[256], stuck[256];
    uint8_t serial[SERIAL_LEN]; /* of the newest certificate */
    char issuer[64];
    uint32_t members;
    int64_t not_before, not_after, opens, late;
    bool followed;
    uint8_t follower[SERIAL_LEN];
    /* The last renewal that was refused; at 0: none. `counts`: nothing has followed since. */
    struct line_refused {
        int64_t at, first;
        uint32_t times;
        bool counts;
        char by[64], origin[64], rule[64], text[256];
    } refused;
    uint32_t n;
    struct line_note {
        char kind[16]; /* finding, alert */
        char rule[64];
        uint8_t severity;
        char text[256];
    } note[EXPLAIN_LINES];
};
void line_info_put(struct buf *b, const struct line_info *i);
void line_info_get(struct wire_in *w, struct line_info *out);

#endif
