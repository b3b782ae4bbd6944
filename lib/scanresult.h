/*
 * What a scan found at one target: one record for each address, port and name that was asked for
 * there, whatever the outcome. Made by scan/, sent by lib/proto_scan.h, kept by cerca-ca, printed
 * by the command line.
 */
#ifndef LIB_SCANRESULT_H
#define LIB_SCANRESULT_H

#include "lib/buf.h"
#include "lib/tls_suite.h"

#define SCAN_HOST_MAX 256       /* octets of a DNS name or an address as text, with NUL */
#define SCAN_ADDRESS_MAX 46     /* of an address as text, with NUL */
#define SCAN_SUITES_MAX 192     /* of one version */
#define SCAN_CHAIN_MAX 16       /* certificates of a chain */
#define SCAN_CHAIN_OCTETS 45056 /* of all of them; with the rest it fits a frame */
#define SCAN_OCSP_MAX 12288     /* octets of a stapled response */
#define SCAN_DETAIL_MAX 128     /* octets, with NUL */

/* What has to be said before TLS. The words are those of scan_starttls_word. */
enum scan_starttls {
    STARTTLS_NONE = 0,
    STARTTLS_SMTP = 1,     /* RFC 3207 */
    STARTTLS_IMAP = 2,     /* RFC 9051 6.2.1 */
    STARTTLS_POP3 = 3,     /* RFC 2595 4 */
    STARTTLS_LDAP = 4,     /* RFC 4511 4.14 */
    STARTTLS_POSTGRES = 5, /* SSLRequest */
    STARTTLS_MYSQL = 6,    /* SSLRequest of the connection phase */
};
#define STARTTLS_KINDS 7
/* "none", "smtp", "imap", "pop3", "ldap", "postgres", "mysql". */
const char *scan_starttls_word(enum scan_starttls s);
/* 0, or -1 for any other word. */
int scan_starttls_of(const char *word, enum scan_starttls *out) WARN_UNUSED;
/* What a port is used with, where nobody says: 25 and 587 smtp, 143 imap, 110 pop3, 389 ldap,
 * 5432 postgres, 3306 mysql, every other none. */
enum scan_starttls scan_starttls_of_port(uint16_t port);

/* How it ended. The words are those of scan_outcome_word. */
enum scan_outcome {
    SCAN_SERVED = 1,          /* "served": a handshake; the chain is what it serves */
    SCAN_ALERT = 2,           /* "alert": it ended the handshake with `alert` */
    SCAN_BAD_CERTIFICATE = 3, /* "bad_certificate": one of the chain does not parse */
    SCAN_NO_TLS = 4,          /* "no_tls": it answers with something else than TLS */
    SCAN_NO_STARTTLS = 5,     /* "no_starttls": its protocol refuses to begin TLS, or is another */
    SCAN_GARBAGE = 6,         /* "garbage": TLS that is malformed */
    SCAN_TOO_LARGE = 7,       /* "too_large": past a bound of octets or certificates */
    SCAN_CLOSED = 8,          /* "closed": connected, then closed without an answer */
    SCAN_RESET = 9,           /* "reset" */
    SCAN_REFUSED = 10,        /* "refused": nothing listens */
    SCAN_UNREACHABLE = 11,    /* "unreachable": no way to the address */
    SCAN_TIMEOUT = 12,        /* "timeout": not done at the target's deadline */
    SCAN_NOT_RESOLVED = 13,   /* "not_resolved": the name has no address */
    SCAN_FAILED = 14,         /* "failed": not tried to its end, for want of something here */
    SCAN_LOGGED = 15,         /* "logged": no server was asked. A log of Certificate Transparency
                                 shows chain[0]: host is the log's URL, address "entry 12", port 0 */
};
#define SCAN_OUTCOME_MAX SCAN_LOGGED
const char *scan_outcome_word(enum scan_outcome o);
int scan_outcome_of(const char *word, enum scan_outcome *out) WARN_UNUSED;

/* Where it ended: "resolve", "connect", "starttls", "handshake", "done". */
enum scan_stage {
    SCAN_AT_RESOLVE = 1,
    SCAN_AT_CONNECT = 2,
    SCAN_AT_STARTTLS = 3,
    SCAN_AT_HANDSHAKE = 4,
    SCAN_AT_DONE = 5,
};
const char *scan_stage_word(enum scan_stage s);

/* The suites that a server chose, one after the other, from those that it had not chosen yet: so
 * in its order if it has one of its own. */
struct scan_suites {
    uint16_t n;
    uint16_t suite[SCAN_SUITES_MAX];
};

struct scan_result {
    char host[SCAN_HOST_MAX];       /* as it was asked for: a name or an address */
    char address[SCAN_ADDRESS_MAX]; /* where it was found; "": not resolved */
    uint16_t port;
    enum scan_starttls starttls;
    char sni[SCAN_HOST_MAX]; /* the name sent; "": none was */
    uint64_t position;       /* of the target in its scan's order, from 0 */
    int64_t time;            /* when it ended, seconds */
    uint32_t duration_ms;    /* from its first connection to its last */
    uint32_t connections;    /* how many that took */
    enum scan_outcome outcome;
    enum scan_stage stage;
    char detail[SCAN_DETAIL_MAX]; /* for people: what exactly; printable ASCII, may be "" */
    bool has_alert;
    uint8_t alert; /* AlertDescription (RFC 8446 6), with has_alert */

    /* Of the handshake. */
    bool has_chosen;
    enum tls_version version; /* with has_chosen, as are the next two */
    uint16_t suite;
    bool demands_client; /* it asked for a client certificate ... */
    uint16_t client_cas; /* ... of so many CAs by name */
    uint8_t n_chain;
    bool proved; /* it has shown that it has the key of chain[0], by a signature in the handshake or
                    by the end of that; without it anybody may show anybody's */
    struct slice
        chain[SCAN_CHAIN_MAX]; /* DER as served and in that order; [0] claims to be its own */
    struct slice ocsp;         /* OCSPResponse (RFC 6960) stapled; empty: none */

    /* Of the connections that ask for versions and suites. Bit 1 << enum tls_version. */
    uint8_t asked;   /* versions that were asked for, to an answer that decides */
    uint8_t offered; /* of those: that the server takes */
    bool suites_all; /* the lists below are whole: nothing was cut by deadline or bound */
    struct scan_suites suites[TLS_VERSIONS];
};

/* Of chain[0], SHA-256. false: there is no certificate. */
bool scan_result_fingerprint(const struct scan_result *r, uint8_t out[32]);
/* The name of an alert, "handshake_failure"; "unknown". */
const char *scan_alert_name(uint8_t alert);

#endif
