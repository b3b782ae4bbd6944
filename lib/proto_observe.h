/*
 * Messages about what scans have seen (admin socket). As in lib/proto.h.
 *
 *   MSG_SCAN_RECORD       scan_record; MSG_SCAN_RECORDED: scan_recorded
 *   MSG_OBSERVATION_LIST  observation_query; MSG_OBSERVATION_LISTED: page_head
 *                         (lib/proto_alert.h), then observation_info
 */
#ifndef LIB_PROTO_OBSERVE_H
#define LIB_PROTO_OBSERVE_H

#include "lib/proto.h"
#include "lib/scanresult.h"

#define SCAN_RECORD_MAX 64 /* results of one message */
struct scan_record {
    char job[64]; /* "": by hand */
    uint32_t n;
    struct slice result[SCAN_RECORD_MAX]; /* each as lib/proto_scan.h writes it */
};
void scan_record_put(struct buf *b, const struct scan_record *r);
int scan_record_get(struct slice body, struct scan_record *out) WARN_UNUSED;

struct scan_recorded {
    uint32_t taken;     /* results */
    uint32_t fresh;     /* certificates of them that are new to the inventory ... */
    uint32_t strangers; /* ... and bear a signature of ours, but were not issued here */
};
void scan_recorded_put(struct buf *b, const struct scan_recorded *r);
int scan_recorded_get(struct slice body, struct scan_recorded *out) WARN_UNUSED;

#define OBSERVATION_PAGE_MAX 24
struct observation_query {
    char host[SCAN_HOST_MAX]; /* as it was asked for, its address or the name asked with */
    char compare[32];         /* a word of the comparison, or of the outcome; "": any */
    bool further;
    uint8_t after[16];
};
void observation_query_put(struct buf *b, const struct observation_query *q);
int observation_query_get(struct slice body, struct observation_query *out) WARN_UNUSED;

struct observation_info {
    uint8_t key[16];
    char host[SCAN_HOST_MAX], address[SCAN_ADDRESS_MAX], sni[SCAN_HOST_MAX];
    uint16_t port;
    char starttls[16];
    char outcome[24], stage[16], detail[SCAN_DETAIL_MAX];
    char compare[256]; /* words, a space between: "superseded weak-protocol"; "matches"; "": there
                          is no certificate to compare */
    char version[16], suite[64]; /* chosen; "": none */
    uint8_t offered;             /* a bit 1 << enum tls_version each */
    bool demands_client, stapled;
    uint8_t n_chain;
    bool proved;          /* whoever showed it in that look has its key */
    bool has_certificate; /* that was last served there, or shown */
    uint8_t fingerprint[32], identity[16];
    char name[160];      /* of that */
    char source[16];     /* issued, imported, scanned */
    int64_t not_after;   /* of that */
    int64_t served;      /* when that was */
    int64_t first, last; /* looks */
    char by[64];
};
void observation_info_put(struct buf *b, const struct observation_info *i);
void observation_info_get(struct wire_in *w, struct observation_info *out);

/* MSG_JOB_LIST: empty; MSG_JOB_LISTED: a count, then job_info. MSG_JOB_CHANGE: job_change;
 * MSG_JOB_CHANGED: job_info, as it is then. */
#define JOBS_MAX 64
struct job_info {
    char name[64];
    char state[16]; /* running, stopping, paused, interrupted, waiting */
    int64_t every;
    int64_t started, finished; /* the last one; 0: never */
    int64_t next;              /* when it is due; 0: not before it is resumed */
    uint64_t position, total, results;
};
void job_info_put(struct buf *b, const struct job_info *i);
void job_info_get(struct wire_in *w, struct job_info *out);

enum job_verb { JOB_PAUSE = 1, JOB_RESUME, JOB_RUN };
struct job_change {
    char name[64];
    enum job_verb verb;
};
void job_change_put(struct buf *b, const struct job_change *c);
int job_change_get(struct slice body, struct job_change *out) WARN_UNUSED;

#endif
