/*
 * The configuration: libconfig syntax, one schema table (lib/conf_schema*.c),
 * read once, checked whole, then constant.
 *
 * Scalars are quoted strings with units ("90d", "64KiB") or true/false. An
 * unknown key, a duplicate or a bad value is refused with file:line. Relative
 * paths count from the folder of the configuration file; in struct conf all
 * paths are absolute. In `environment` %d is that folder.
 *
 * Promised to callers: names are letters, digits, ".", "_" and "-", at most 32, and
 * unique; every token, parent and issuer that is named exists; every profile's
 * issuer signs leaves (built-in profiles without an issuer are left out, unless
 * the file mentions them); URIs parse (lib/p11uri.h); no secret is in here.
 */
#ifndef LIB_CONF_H
#define LIB_CONF_H

#include <sys/types.h>

#include "lib/fault.h"
#include "lib/key.h"
#include "lib/san.h"

#define CONF_MAX 1048576 /* octets of text */

enum conf_role { ROLE_NONE = 0, ROLE_AUDITOR = 1, ROLE_OPERATOR = 2, ROLE_ADMIN = 3 };

/* What destroys trust when it is done wrong. The word in the file is the name of an approval_kind
 * (ca/approval/approval.h). */
enum conf_two {
    TWO_CA_INSTALL = 1 << 0,
    TWO_OPEN = 1 << 1,
    TWO_CA_CROSS_SIGN = 1 << 2,
    TWO_EXCEPTION = 1 << 8,
    TWO_RESTORE = 1 << 3, /* no kind: who restored is one of the two, who opens the other */
};

struct conf_token {
    char *name;           /* "default" */
    char *module;         /* path of the PKCS#11 module */
    char *uri;            /* RFC 7512: "pkcs11:token=cerca-dev" */
    char *pin_file;       /* one of the three; "" otherwise */
    char *pin_credential; /* name below $CREDENTIALS_DIRECTORY */
    char *pin_fd;         /* a descriptor's number, inherited by cercad */
    char *init_reserved;  /* for C_Initialize; "" or NULL: nothing */
    char **environment;
    size_t n_environment; /* "NAME=VALUE" for this signer alone */
    char **paths;
    size_t n_paths; /* what the module must read and write, beyond itself */
    char **read_paths;
    size_t n_read_paths;   /* ... and only read */
    bool network;          /* the module talks to its token over TCP */
    unsigned threads;      /* that sign at once */
    int64_t call_limit_ms; /* one module call; the key is call_limit = "10s" */
    uid_t user;
    bool has_user; /* the signer's uid, when it is not cercad's own */
};

/* crl-only: it signs no new certificate, but CRLs and OCSP responders for those it has signed. */
enum issuer_state { ISSUER_ACTIVE = 0, ISSUER_CRL_ONLY = 1 };

struct conf_issuer {
    char *name;    /* "root", "issuing" */
    char *subject; /* RFC 4514 text */
    char *token;   /* name of a token */
    char *key;     /* RFC 7512 URI of the private key: "pkcs11:object=issuing" */
    enum key_type key_type;
    unsigned key_bits; /* made in the token when absent, else must match */
    enum sig_alg alg;
    char *certificate; /* PEM file, written when the certificate is made */
    char *parent;      /* name of an issuer; its own name: self-signed root */
    bool offline;      /* its key is not here (an offline root): token and key are "" */
    enum issuer_state state;
    char **cross; /* issuers that may certify it too, beside its parent */
    size_t n_cross;
    char *replaces;               /* the issuer whose next generation this is; "": none */
    bool signs_leaves;            /* may issue end-entity certificates */
    bool signs_cas;               /* may issue CA certificates */
    int path_len;                 /* of its own certificate; -1: none */
    char **permitted, **excluded; /* name constraints of its own certificate (lib/constraints.h) */
    size_t n_permitted, n_excluded;
    int64_t validity;                      /* of its own certificate, seconds */
    int64_t leaf_validity_max;             /* the signer's own cap on what it signs, seconds */
    int64_t crl_every, crl_validity;       /* of its CRLs, seconds */
    int64_t crl_delay;                     /* from a revocation to the CRL that has it, seconds */
    int64_t crl_delta, crl_delta_validity; /* of delta CRLs; crl_delta 0: there are none */
    unsigned crl_shards;                   /* parts of its CRL, lib/crlname.h; 0: none */
    char *ocsp_url, *issuer_url, *crl_url; /* put into what it issues; "" : none */
};

enum key_reuse { KEY_REUSE_FORBID = 0, KEY_REUSE_SAME_IDENTITY = 1, KEY_REUSE_ALLOW = 2 };

/* How an authorised Microsoft security identifier is written. */
enum conf_sid { SID_NONE = 0, SID_EXTENSION = 1, SID_URI = 2, SID_BOTH = 3 };

/* What a request may have in it that the certificate will not. */
#define DROP_SUBJECT (1u << 0)
#define DROP_SAN (1u << 1)
#define DROP_EXTENSIONS (1u << 2)

struct conf_profile {
    char *name;
    char *issuer; /* name of an issuer */
    uint32_t eku; /* EKU_* */
    bool eku_critical;
    uint16_t ku_rsa; /* key usage by kind of key */
    uint16_t ku_ec;
    bool ca;      /* makes CA certificates */
    int path_len; /* of those; -1: none */
    char **permitted, **excluded;
    size_t n_permitted, n_excluded; /* name constraints of those (lib/constraints.h) */
    char **key_types;
    size_t n_key_types; /* "p256", "p384", "p521", "ed25519", "rsa2048" ...: exact sizes */
    unsigned hash;      /* octets of the signature's hash; 0: as the issuer's alg */
    int64_t validity, validity_max, backdate; /* seconds */
    bool no_expiry;     /* without an asked end: 99991231235959Z (RFC 5280 4.1.2.5) */
    uint32_t san_kinds; /* bit (1 << SAN_DNS) ... */
    size_t san_max;
    char **dns;
    size_t n_dns; /* patterns; empty: any. ".example.com" any name below, "example.com" that name */
    char **ip;
    size_t n_ip; /* CIDR ranges; empty: any */
    char **email;
    size_t n_email; /* domains; empty: any */
    char **uri;
    size_t n_uri; /* prefixes; empty: any */
    char **upn;
    size_t n_upn; /* suffixes as those of dns; empty: any. UPNs come from authorisations only */
    bool wildcards;
    enum conf_sid sid;
    bool san_required, cn_must_be_san, owner_required;
    uint32_t inventory_required; /* ANNOTATION_* (lib/annotation.h), besides those of all */
    uint32_t san_required_kinds; /* bit (1 << SAN_DNS) ...: one of each */
    char *subject;               /* template (lib/subject.h); "": as asked */
    uint32_t subject_required;   /* bit (1 << ATTR_CN) ... */
    uint32_t drop;               /* DROP_* */
    bool must_staple;
    int64_t no_rev_avail; /* seconds of whole validity up to which RFC 9608 applies; 0: never */
    bool ocsp_no_check;
    enum key_reuse key_reuse;
    enum conf_role role;  /* the least role that may ask over the admin socket */
    char *limit;          /* certificates in a time: conf_limit; "": no limit */
    char *identity_limit; /* the same, of one subject with its names */
    char **operators;
    size_t n_operators; /* the only ones who may ask; empty: whoever has the role */
    unsigned approvals; /* operators who must say yes: 0, 1 or 2 */
    bool approve_renewals;
    char **approvers;
    size_t n_approvers; /* the only ones who may say yes; empty: whoever has the role */
};

/* A part of what the profiles allow, for one operator. Who has grants has nothing else. */
struct conf_grant {
    char *name;
    char *operator; /* name of an operator */
    char **profiles;
    size_t n_profiles; /* empty: all */
    char **dns, **ip, **email, **uri, **upn;
    size_t n_dns, n_ip, n_email, n_uri, n_upn; /* all empty: what the profile allows, no UPN */
    bool sid;                                  /* may say a security identifier */
};

/* What a ceremony signs. */
struct conf_signing {
    char *name;    /* of the file that is made: NAME.pem */
    char *profile; /* name of a profile */
    char *csr;     /* file */
    char *sha256;  /* of that file, 64 digits; "": not said */
};

/* How a client of EST says who it is. */
enum conf_way {
    WAY_TOKEN = 1 << 0,       /* a token (cerca token), as password of HTTP Basic or as Bearer */
    WAY_CERTIFICATE = 1 << 1, /* a certificate of this CA, in TLS */
    WAY_PASSWORD = 1 << 2,    /* of one of est_users, in HTTP Basic */
    WAY_CERTIFICATE_TOKEN = 1 << 3,
    WAY_CERTIFICATE_PASSWORD = 1 << 4,
    WAY_MANUFACTURER = 1 << 5, /* a certificate below one of the label's anchors, in TLS */
    WAY_MANUFACTURER_TOKEN = 1 << 6,
};

/* Must a request be linked to the channel that it comes through (RFC 7030 3.5)? */
enum conf_linking { LINKING_OPTIONAL = 0, LINKING_REQUIRED, LINKING_IGNORED };

/* What EST offers under one label. */
struct conf_est {
    char *name;    /* the label; EST_DEFAULT: also without one */
    char *profile; /* name of a profile */
    uint32_t ways; /* enum conf_way: each is enough */
    char **from;   /* profiles whose certificates count; empty: its own */
    size_t n_from;
    char **anchors;
    size_t n_anchors; /* PEM files */
    char **device_names;
    size_t n_device_names; /* "dns:{serialNumber}.example.com", of a certificate below an anchor */
    enum conf_linking linking;
    int64_t grace; /* seconds after its end that a certificate may still be renewed */
    char **rename; /* templates of patterns that a renewal may change names to; none: it may not */
    size_t n_rename;
    char **server_keys;
    size_t n_server_keys;    /* types of keys that are made here for clients; empty: none are */
    bool server_keys_sealed; /* ... and leave in an envelope only */
};
#define EST_DEFAULT "default"
#define KEY_MAKER_PROFILE "key-maker" /* of who signs the envelopes of server_keys */
#define EST_DEVICE_NAMES_MAX 4

/* Who may enroll by password; the hash is in password_file. */
struct conf_est_user {
    char *name;
    char **names;
    size_t n_names; /* patterns: "dns:.example.com" */
    char **labels;
    size_t n_labels; /* empty: all that take passwords */
    char *owner;     /* of the certificates; "": none */
};

/* Who is told of an owner's certificates: addresses, "" is as in alerts. */
struct conf_owner {
    char *name; /* as certificates and annotations say it: any text */
    char *contact, *team, *security;
};

/* A scan that goes by itself. */
#define CONF_SCANS_MAX 64
struct conf_scan {
    char *name;
    char **targets;
    size_t n_targets;
    char *ports;
    char **exclude;
    size_t n_exclude;
    char **sni;
    size_t n_sni;
    int64_t every, timeout;
    unsigned rate, per_network;
    bool handshake_only;
};

/* Cryptography in use and when it was looked at, for reports. */
struct conf_review {
    char *name; /* "TLS 1.3": as the report has it, or something that Cerca does not know of */
    char *use, *where;
    char *reviewed; /* a day, as clock_parse reads it */
    char *by;
};

/* Where notices go (lib/notice.h). */
enum channel_type {
    CHANNEL_MAIL = 1,
    CHANNEL_WEBHOOK,
    CHANNEL_SLACK,
    CHANNEL_TEAMS,
    CHANNEL_PAGERDUTY,
    CHANNEL_SERVICENOW,
    CHANNEL_JIRA,
    CHANNEL_SYSLOG,
};
enum channel_tls { CHANNEL_TLS_REQUIRED = 0, CHANNEL_TLS_NONE = 1 };
enum channel_format { CHANNEL_RFC5424 = 0, CHANNEL_CEF = 1 };

#define CONF_CHANNELS_MAX 32
struct conf_channel {
    char *name;
    enum channel_type type;
    char *url, *url_file; /* one of them; url_file where the URL is a secret */
    char *secret_file;    /* password, token or HMAC key; "": none */
    char *user;           /* who logs in; "": nobody, or by the secret alone */
    enum channel_tls tls;
    char *ca_file; /* PEM; "": the system's */
    char *from;
    char **to;
    size_t n_to;
    bool to_owner; /* mail to the owner's address too */
    char *project; /* of Jira */
    char *issue_type;
    char *table; /* of ServiceNow */
    char *close_state, *close_code;
    enum channel_format format; /* of syslog */
    unsigned facility;          /* RFC 5424 6.2.1 */
    unsigned severity;          /* enum severity: the least */
    uint32_t kinds;             /* 1 << enum notice_kind */
    char **owners;
    size_t n_owners; /* empty: any */
    char **rules;
    size_t n_rules;           /* empty: any; "crl.*" any that begins so */
    bool heartbeat;           /* gets one every alert_heartbeat */
    int64_t timeout, give_up; /* seconds: of one attempt; of all */
};
/* Does it open tickets that are closed later? */
bool conf_channel_tickets(const struct conf_channel *c);
/* Is this a URL for such a channel: its scheme, a host, no user and no fragment? */
int conf_channel_url(const struct conf_channel *c, const char *url, struct fault *f) WARN_UNUSED;

struct conf_operator {
    char *name;
    uid_t uid;
    enum conf_role role;
    char *limit; /* as of a profile; "": the default for requesters */
};

struct conf {
    char *path;             /* of the file, absolute */
    char *dir;              /* its folder */
    char *text;             /* as it was read */
    uint8_t generation[32]; /* SHA-256 of the text */
    char *log_level;
    char *sock_dir, *store_dir, *view_dir, *record_dir;
    char *view_export_dir;     /* gets exports of the view (lib/viewexport.h); "": none */
    int64_t view_export_every; /* seconds */
    bool view_export_audit;    /* with the audit log's tree */
    char **view_nodes;         /* CSR files of validation nodes' OCSP keys */
    size_t n_view_nodes;
    char *view_import_dir; /* a validation node's: where exports arrive; "": this is none */
    char *view_import_key; /* ... and the key that seals them, as text (lib/note.h) */
    char *http_listen, *https_listen;
    uint16_t http_port, https_port;
    char *base_url;
    unsigned http_threads;                              /* 0: as many as processors */
    unsigned http_connections;                          /* at once */
    int64_t http_timeout;                               /* seconds, for each part of a request */
    int64_t http_view_age;                              /* seconds: an older view is stale */
    int64_t ocsp_validity, ocsp_http_age, ocsp_archive; /* seconds */
    uint64_t ocsp_cache;                                /* octets */
    char *ocsp_key_file;    /* of the responder, for all issuers; "": keys in memory */
    bool ocsp_unauthorized; /* what was never issued is unauthorized, not unknown */
    uid_t http_user;
    bool has_http_user;
    char **https_names;
    size_t n_https_names;       /* "dns:ca.example.com", "192.0.2.1"; empty: conf_https_names */
    char *https_profile;        /* of the server's own certificate */
    unsigned https_connections; /* at once */
    int64_t https_timeout;      /* seconds, for each part of a request */
    uint64_t https_body_max;    /* octets of a request's body */
    char *https_address_limit;  /* conf_limit of requests; "": none */
    uid_t https_user;
    bool has_https_user;
    char *metrics_listen;
    uint16_t metrics_port;
    char **metrics_names; /* as a filter of lists has them */
    size_t n_metrics_names;
    uid_t metrics_user;
    bool has_metrics_user;
    struct conf_est *est;
    size_t n_est;
    struct conf_est_user *est_users;
    size_t n_est_users;
    char *password_file;         /* ca/enroll/passwords.h; "": none */
    uint64_t store_quota;        /* octets of the durable environment */
    uint64_t free_watermark;     /* octets free on the disk below which issuing stops */
    int64_t intent_grace;        /* seconds until an open intent is abandoned */
    int64_t request_key_life;    /* seconds after the finish */
    int64_t sign_timeout;        /* seconds that a request may wait for the token */
    unsigned workers;            /* verifying threads of cerca-ca */
    uint32_t two_operators;      /* TWO_*: what takes a second operator's yes */
    uint32_t inventory_required; /* ANNOTATION_*: of everything; see conf_inventory_required */
    int64_t scan_forgotten;      /* seconds after the last look; 0: never */
    int64_t scan_expected;       /* seconds until what is issued should be seen; 0: never */
    char *requester_limit; /* conf_limit for each requester without one of their own; "": none */
    int64_t request_life;  /* seconds that such a request waits */
    int64_t request_retry; /* seconds after which a client asks again whether it is approved */
    unsigned requests_waiting; /* for approval, at once ... */
    unsigned requests_each;    /* ... of one requester */
    char *key_blocklist;       /* file of lib/key_blocklist.h; "": none */
    char *audit_origin;        /* of checkpoints */
    char *audit_token;         /* whose signer signs them; "": the first */
    char *audit_key;           /* RFC 7512 URI of the key in it */
    char *audit_secret;        /* file of the signer's Ed25519 key */
    char *audit_export_dir;    /* gets every checkpoint; "": none */
    int64_t checkpoint_every;  /* seconds */
    int64_t audit_keep;        /* seconds that the details of a record live */
    /* What people are told of, and when (watch/rules/times.h) */
    char **alert_days, **alert_fractions;
    size_t n_alert_days, n_alert_fractions;
    int64_t alert_short_life, alert_least_life, alert_forget;
    unsigned renewal_opens, renewal_late; /* percent of the life that is over */
    char **alert_skip;                    /* profiles of which nobody is told */
    size_t n_alert_skip;
    int64_t alert_after; /* seconds that something about the CA has to last */
    int64_t alert_backup_age;
    int64_t alert_repeat, alert_repeat_critical;
    int64_t alert_team_after, alert_security_after;
    int64_t alert_team_after_critical, alert_security_after_critical;
    char *alert_quiet_from, *alert_quiet_until, *alert_digest_at; /* "HH:MM", UTC; "": none */
    int64_t alert_heartbeat;
    char *alert_contact, *alert_team, *alert_security; /* addresses */
    char **alert_distrusted;
    size_t n_alert_distrusted; /* issuers by name, a part of it is enough */
    struct conf_owner *owners;
    size_t n_owners;
    struct conf_review *reviews;
    size_t n_reviews;
    uid_t ca_user;
    bool has_ca_user;
    struct conf_token *tokens;
    size_t n_tokens;
    struct conf_issuer *issuers;
    size_t n_issuers;
    struct conf_profile *profiles;
    size_t n_profiles; /* built-in ones first, changed by the file */
    char *profile_off; /* why the built-in one that makes CAs is not among them; NULL: no issuer,
                          or it is */
    struct conf_operator *operators;
    size_t n_operators;
    struct conf_grant *grants;
    size_t n_grants;
    char *ceremony_dir; /* what a ceremony makes goes here */
    struct conf_signing *signings;
    size_t n_signings;
    struct conf_channel *channels;
    size_t n_channels;
    uid_t watch_user;
    bool has_watch_user;
    struct conf_scan *scans;
    size_t n_scans;
    uid_t scan_user;
    bool has_scan_user;
};

/* Reads, checks and completes. The fault's text starts with file:line. Rules: conf.syntax,
 * conf.include, conf.unknown, conf.duplicate, conf.missing, conf.type, conf.value, conf.pin,
 * conf.reference, conf.order, conf.unique, conf.path, conf.size, conf.seal, p11uri.*, and those of
 * lib/name.h for a subject. */
int conf_load(const char *path, struct conf **out, struct fault *f) WARN_UNUSED;
/* The same from text already read (a sealed memfd); `path` for messages and relative paths. */
int conf_load_fd(int fd, const char *path, struct conf **out, struct fault *f) WARN_UNUSED;
int conf_load_text(const char *text, const char *path, struct conf **out,
                   struct fault *f) WARN_UNUSED;
void conf_free(struct conf *c);

/* The file's text as a sealed memfd (no writes, no resize), for handing on. */
int conf_seal(const char *path, int *out, struct fault *f) WARN_UNUSED;

const struct conf_token *conf_token(const struct conf *c, const char *name);
const struct conf_issuer *conf_issuer(const struct conf *c, const char *name);
/* The issuer that replaces this one; NULL: none. */
const struct conf_issuer *conf_successor(const struct conf *c, const struct conf_issuer *i);
/* The token whose signer signs checkpoints of the audit log; NULL when there is no token. */
const struct conf_token *conf_audit_token(const struct conf *c);
const struct conf_profile *conf_profile(const struct conf *c, const char *name);
/* Is it the built-in one that makes CAs, which is off because the file does not name it? */
bool conf_profile_is_off(const struct conf *c, const char *name);
const struct conf_operator *conf_operator(const struct conf *c, uid_t uid);
/* Is there anything to enroll for, and an address? */
bool conf_enrolls(const struct conf *c);
/* The label; "" is EST_DEFAULT. NULL: there is none. */
const struct conf_est *conf_est(const struct conf *c, const char *label);
/* NULL: there is none. */
const struct conf_channel *conf_channel(const struct conf *c, const char *name);
/* NULL: there is none. */
const struct conf_est_user *conf_est_user(const struct conf *c, const char *name);
/* Of the HTTPS server's certificate: those of the configuration, else its address, and localhost
 * when that is one of this host alone. Addresses lie in `arena`. */
#define HTTPS_NAMES_MAX 16
#define HTTPS_ARENA ((size_t)16 * HTTPS_NAMES_MAX)
int conf_https_names(const struct conf *c, struct san_list *out, uint8_t arena[HTTPS_ARENA],
                     struct fault *f) WARN_UNUSED;
const char *conf_role_name(enum conf_role r);
/* NULL: none of that name. */
const struct conf_owner *conf_owner(const struct conf *c, const char *name);
/* Which annotations a certificate of this profile has to have; of one that no profile made (any
 * other name) those of everything. */
unsigned conf_inventory_required(const struct conf *c, const char *profile);
/* "100/1h": a number and a span. False: "", there is no limit. The text was checked. */
bool conf_limit(const char *text, uint32_t *n, int64_t *per);
/* The limit of a requester, "operator:alice": their own, else the default for requesters. */
const char *conf_requester_limit(const struct conf *c, const char *requester);
/* A pattern of names as profiles have them (`dns`, `ip`, `email`, `uri`); for mail one mailbox
 * too. */
int conf_check_pattern(enum san_kind kind, const char *text, struct fault *f) WARN_UNUSED;

/* The same with its kind in front: "dns:.example.com". */
int conf_check_kind_pattern(const char *text, struct fault *f);

/* Sets of KU_* and EKU_* as the configuration's words, with ", " between. */
void conf_print_usages(uint16_t key_usage, struct buf *out);
void conf_print_purposes(uint32_t eku, struct buf *out);
void conf_print_attributes(uint32_t attributes, struct buf *out); /* 1 << ATTR_* */
/* One profile as `conf_print` has it. */
void conf_print_profile(const struct conf *c, const struct conf_profile *p, struct buf *out);
/* The same as a JSON object. */
void conf_print_profile_json(const struct conf_profile *p, struct buf *out);

/* Socket paths: sock_dir/admin.sock, sock_dir/signer-TOKEN.sock, sock_dir/public.sock,
 * sock_dir/enroll.sock, sock_dir/watch.sock, sock_dir/scan.sock. */
void conf_admin_socket(const struct conf *c, struct buf *out);
void conf_signer_socket(const struct conf *c, const char *token, struct buf *out);
void conf_delegate_socket(const struct conf *c, struct buf *out);
void conf_metrics_socket(const struct conf *c, struct buf *out);
void conf_enroll_socket(const struct conf *c, struct buf *out);
void conf_watch_socket(const struct conf *c, struct buf *out);
void conf_scan_socket(const struct conf *c, struct buf *out);

/* `cerca conf show`: every key with its effective value, and whether it is the default. */
void conf_print(const struct conf *c, struct buf *out);
/* The effective values as a JSON object (RFC 8259): texts, switches and lists as in the file. */
void conf_print_json(const struct conf *c, struct buf *out);
/* `cerca conf example`: a commented file made from the schema table. */
void conf_example(struct buf *out);
/* The schema as mdoc list items, for cerca.conf(5). */
void conf_manual(struct buf *out);

/* What `cerca init --dev` writes: a whole configuration. */
struct conf_dev {
    uint16_t http_port, https_port;
    uid_t uid;
    const char *operator_name;
    const char *module; /* of SoftHSM2 */
};
void conf_dev_text(const struct conf_dev *d, struct buf *out);

#endif
