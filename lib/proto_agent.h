/*
 * Messages about agents (`cerca-agent`): what one reports of its host, and what is known of that.
 * As in lib/proto.h. Cursors are identities.
 *
 *   MSG_ENROLL_REPORT  enroll_report, then that many agent_entry, then that many agent_found
 *                      (enroll socket); MSG_ENROLL_REPORTED: empty
 *   MSG_AGENT_LIST     agent_query; MSG_AGENT_LISTED: page_head (lib/proto_alert.h), then
 * agent_info MSG_AGENT_SHOW     agent_show; MSG_AGENT_SHOWN: flag "there are more", a count, then
 *                      installed_info, by their names
 *   MSG_PLACE_LIST     fixed 16, an identity; MSG_PLACE_LISTED: flag "there are more than told", a
 *                      count, then place_info
 */
#ifndef LIB_PROTO_AGENT_H
#define LIB_PROTO_AGENT_H

#include "lib/agentstate.h"
#include "lib/proto.h"

/* ---- what an agent says ---- */

#define AGENT_ENTRIES_MAX 64 /* of one report */
#define AGENT_FOUND_MAX 32   /* likewise */
#define AGENT_FILES_MAX 16
#define AGENT_SERVICES_MAX 16
#define AGENT_PATH_SIZE 256
#define AGENT_NAME_SIZE 64

struct agent_service {
    char recipe[32];
    char address[160]; /* "127.0.0.1:443" */
    bool has_served;
    uint8_t served[32]; /* SHA-256 of the certificate that was last seen there */
    int64_t verified;   /* when that was; 0: never */
};
struct agent_entry {
    char name[AGENT_NAME_SIZE]; /* what the agent calls it; not empty */
    enum agent_kind kind;
    enum agent_state state;
    int64_t since;    /* in that state */
    int64_t next;     /* when something happens next; 0: not known */
    char reason[256]; /* for people: why it is stuck ... */
    char rule[64];    /* ... by which rule */
    bool has_fingerprint;
    uint8_t fingerprint[32]; /* SHA-256 of the certificate on the disk */
    uint32_t n_files;
    char files[AGENT_FILES_MAX][AGENT_PATH_SIZE];
    uint32_t n_services;
    struct agent_service service[AGENT_SERVICES_MAX];
};
void agent_entry_put(struct buf *b, const struct agent_entry *e);
/* Reads one from w; the error sticks to w. As the others below. */
void agent_entry_get(struct wire_in *w, struct agent_entry *out);

/* A certificate that lies somewhere on the host. */
struct agent_found {
    char path[AGENT_PATH_SIZE];
    struct slice der;
};
void agent_found_put(struct buf *b, const struct agent_found *f);
void agent_found_get(struct wire_in *w, struct agent_found *out);

/* ---- MSG_ENROLL_REPORT ---- */

#define AGENT_INTERVAL_MIN 60
#define AGENT_INTERVAL_MAX (31 * 86400)
struct enroll_report {
    char address[48];           /* the client's, as text */
    struct slice chain;         /* of the TLS client: its certificate, DER */
    char host[AGENT_HOST_SIZE]; /* what it calls itself; not empty */
    char version[32];
    uint32_t interval; /* seconds until the next report, AGENT_INTERVAL_MIN to _MAX */
    uint32_t n, n_found;
};
void enroll_report_put(struct buf *b, const struct enroll_report *r);
/* `w` is where the entries begin; at their end the caller asks wire_in_done. */
int enroll_report_get(struct slice body, struct enroll_report *out, struct wire_in *w) WARN_UNUSED;

/* ---- what is known of agents ---- */

#define AGENT_PAGE_MAX 48
struct agent_query {
    char host[AGENT_HOST_SIZE]; /* of this host, or of this name of the certificate; "": any */
    bool silent, failing;       /* only those */
    bool further;               /* from behind `after` */
    uint8_t after[16];
};
void agent_query_put(struct buf *b, const struct agent_query *q);
int agent_query_get(struct slice body, struct agent_query *out) WARN_UNUSED;

#define AGENT_SHOWN_MAX 6
struct agent_show {
    uint8_t identity[16];
    char after[AGENT_NAME_SIZE]; /* from behind this entry; "": from the first one */
};
void agent_show_put(struct buf *b, const struct agent_show *q);
int agent_show_get(struct slice body, struct agent_show *out) WARN_UNUSED;

/* One entry, as last reported. */
struct installed_info {
    int64_t reported;
    bool has_identity; /* of the certificate on the disk, where that is known here */
    uint8_t identity[16];
    struct agent_entry entry;
};
void installed_info_put(struct buf *b, const struct installed_info *i);
void installed_info_get(struct wire_in *w, struct installed_info *out);

#define AGENT_KNOWN_MAX 256 /* entries kept of one agent */
struct agent_info {
    uint8_t identity[16];       /* of the certificate that it reports with */
    char name[160];             /* of that */
    char host[AGENT_HOST_SIZE]; /* as it says itself */
    char version[32], address[48];
    uint32_t interval;
    int64_t first, last; /* reports */
    bool silent;         /* for three intervals */
    uint32_t entries, failing, found;
};
void agent_info_put(struct buf *b, const struct agent_info *i);
void agent_info_get(struct wire_in *w, struct agent_info *out);
/* After how many intervals without a report it is silent. */
#define AGENT_SILENT_AFTER 3

/* ---- where a certificate is ---- */

#define PLACES_TOLD_MAX 24
enum place_kind {
    PLACE_INSTALLED = 1, /* an agent looks after it */
    PLACE_FOUND = 2,     /* an agent found it lying there */
    PLACE_SERVED = 3,    /* a scan met it */
    PLACE_LOGGED = 4,    /* a log of Certificate Transparency shows it; not kept as such */
};
const char *place_kind_word(enum place_kind k); /* "installed" */
struct place_info {
    enum place_kind kind;
    uint8_t fingerprint[32];    /* of the certificate that is there */
    char where[320];            /* "web1: /etc/ssl/web.pem", "192.0.2.1:443 (web.example)" */
    char host[AGENT_HOST_SIZE]; /* the agent's, or the target's */
    char name[AGENT_NAME_SIZE]; /* of an installed one: what the agent calls it */
    char state[24];             /* likewise; of a served one: what the comparison says */
    char text[256];             /* what stands in the way, or is not as it should be */
    int64_t seen;               /* when that was last told or looked at */
    int64_t verified;           /* when it was last seen in use; 0: never */
};
void place_info_put(struct buf *b, const struct place_info *i);
void place_info_get(struct wire_in *w, struct place_info *out);

#endif
