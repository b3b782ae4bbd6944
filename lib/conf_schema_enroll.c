/* The schema: HTTPS, and what is enrolled for there. */
#include "lib/conf_table.h"

static const struct conf_word ways[] = {{"token", WAY_TOKEN},
                                        {"certificate", WAY_CERTIFICATE},
                                        {"password", WAY_PASSWORD},
                                        {"certificate+token", WAY_CERTIFICATE_TOKEN},
                                        {"certificate+password", WAY_CERTIFICATE_PASSWORD},
                                        {"manufacturer", WAY_MANUFACTURER},
                                        {"manufacturer+token", WAY_MANUFACTURER_TOKEN},
                                        {NULL, 0}};

static const struct conf_word linkings[] = {{"optional", LINKING_OPTIONAL},
                                            {"required", LINKING_REQUIRED},
                                            {"ignored", LINKING_IGNORED},
                                            {NULL, 0}};

/* A key is a few lines here, its help the last. */
/* clang-format off */

#define IN(field) .at = offsetof(struct conf, field)

static const struct conf_key https_keys[] = {
    {.name = "listen", .type = CONF_TEXT, IN(https_listen), .fallback = "127.0.0.1",
     .check = conf_check_listen,
     .help = "IP address for HTTPS (enrollment); \"\" turns it off. Nothing listens there unless "
             "est has a label."},
    {.name = "port", .type = CONF_PORT, IN(https_port), .min = 1, .max = 65535, .fallback = "8443",
     .help = "TCP port for HTTPS."},
    {.name = "names", .type = CONF_TEXTS, IN(https_names),
     .at_too = offsetof(struct conf, n_https_names), .max = HTTPS_NAMES_MAX, .fallback = "",
     .check = conf_check_server_name, .example = "ca.example.com",
     .help = "Names under which clients reach it, DNS names or IP addresses: those of the server's "
             "certificate, which this CA issues. None given: the address that it listens on, and "
             "localhost when only this host reaches that."},
    {.name = "profile", .type = CONF_TEXT, IN(https_profile), .check = conf_check_name,
     .fallback = "tls-server",
     .help = "Profile of the server's certificate."},
    {.name = "connections", .type = CONF_NUMBER, IN(https_connections), .min = 64, .max = 100000,
     .fallback = "2000",
     .help = "HTTPS connections at once; further ones wait. When seven of eight are there, who sends "
             "nothing for two seconds is let go."},
    {.name = "timeout", .type = CONF_SPAN, IN(https_timeout), .min = 1, .max = 600,
     .fallback = "30s",
     .help = "As http.timeout; the handshake counts too."},
    {.name = "body_max", .type = CONF_SIZE, IN(https_body_max), .min = 16 * KIB, .max = MIB,
     .fallback = "64KiB",
     .help = "The largest body of a request. A certification request may have 52 KiB, base64 makes "
             "72 of that; the default has room for all but the largest signatures of SLH-DSA."},
    {.name = "address_limit", .type = CONF_TEXT, IN(https_address_limit), .fallback = "",
     .check = conf_check_limit,
     .help = "Requests that one client's address, of IPv6 a /64, may send in a time, such as "
             "\"600/1m\": so many at once, then in even steps. All clients behind one NAT or "
             "balancer count as one. \"\": no limit; who tries passwords is slowed down anyway."},
    {.name = "user", .type = CONF_USER, IN(https_user),
     .at_too = offsetof(struct conf, has_https_user), .fallback = "",
     .help = "User that cerca-enroll runs as, by name or number; \"\": the one that started "
             "cercad. It reads no file at all."},
};

const struct conf_section conf_https = {
    .name = "https", KEYS(https_keys), .help = "Enrollment over TLS.",
};

#undef IN
#define IN(field) .at = offsetof(struct conf_est, field)

static const struct conf_key est_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_name, .example = "default",
     .help = "The label in the path, /.well-known/est/LABEL/simpleenroll. \"default\" is what is "
             "asked for without a label too."},
    {.name = "profile", .type = CONF_TEXT, IN(profile), .check = conf_check_name,
     .example = "tls-client",
     .help = "Profile that is enrolled for."},
    {.name = "ways", .type = CONF_BITS32, IN(ways), .words = ways, .min = 1, .max = LIST_MAX,
     .fallback = "token certificate",
     .help = "How clients may say who they are; each is enough. token: one of cerca token for this "
             "profile, as the password of HTTP Basic or as Bearer. certificate: one that this CA "
             "issued, in TLS; it may have its own names and no others, and renew itself. password: "
             "that of one of est_users, in HTTP Basic. certificate+token, certificate+password: "
             "both, for the names of the second. manufacturer: a certificate below one of anchors, "
             "for device_names. manufacturer+token: such a certificate and a token, for the token's "
             "names."},
    {.name = "from", .type = CONF_TEXTS, IN(from), .at_too = offsetof(struct conf_est, n_from),
     .max = LIST_MAX, .fallback = "", .check = conf_check_name,
     .help = "Profiles whose certificates count. None given: the label's own."},
    {.name = "anchors", .type = CONF_PATHS, IN(anchors),
     .at_too = offsetof(struct conf_est, n_anchors), .max = LIST_MAX, .fallback = "",
     .help = "Files of CA certificates, PEM, whose devices may enroll: manufacturers of IDevIDs "
             "(IEEE 802.1AR). Whether they revoked one is not asked. Read at start and at each "
             "reload."},
    {.name = "device_names", .type = CONF_TEXTS, IN(device_names),
     .at_too = offsetof(struct conf_est, n_device_names), .max = EST_DEVICE_NAMES_MAX,
     .fallback = "", .check = conf_check_device_name, .example = "dns:{serialNumber}.devices.example.com",
     .help = "Names that such a device may have, with their kind, made of its certificate's "
             "subject: {cn}, {serialNumber}. It may keep its subject too."},
    {.name = "linking", .type = CONF_WORD, IN(linking), .words = linkings, .fallback = "optional",
     .help = "Whether a request must have been signed by who is at the other end of TLS, shown by "
             "a challengePassword made of the channel (tls-exporter in TLS 1.3, tls-unique with "
             "extended master secret in 1.2): required; optional, when it is there it must be "
             "right; or ignored."},
    {.name = "grace", .type = CONF_SPAN, IN(grace), .max = 10 * YEAR, .fallback = "none",
     .help = "For this long after its end a certificate may still be renewed; none: no longer."},
    {.name = "rename", .type = CONF_TEXTS, IN(rename),
     .at_too = offsetof(struct conf_est, n_rename), .max = LIST_MAX, .fallback = "",
     .check = conf_check_rename, .example = "dns:{serialNumber}.devices.example.com",
     .help = "Names that a renewal may change to (ChangeSubjectName of RFC 6402), as names of "
             "est_users; {cn} and {serialNumber} are those of the present certificate's subject. "
             "Without them any client of the label may take any name that fits; with "
             "certificate+password it must be its user's too. A CN must be one of the names, all "
             "else of the subject is the present one's. None given: names stay."},
    {.name = "server_keys", .type = CONF_TEXTS, IN(server_keys),
     .at_too = offsetof(struct conf_est, n_server_keys), .max = LIST_MAX, .fallback = "",
     .check = conf_check_key_type,
     .help = "Keys that clients may have made for them (serverkeygen), of the profile's key_types: "
             "that of the request's own key if it is among them, else the first. They are made in "
             "cerca-ca, kept nowhere, and who asks again gets another key. None given: none are "
             "made."},
    {.name = "server_keys_sealed", .type = CONF_BOOL, IN(server_keys_sealed), .fallback = "false",
     .help = "Whether such a key leaves only in an envelope for the certificate that the client "
             "shows in TLS, which must be for keyAgreement (EC) or keyEncipherment (RSA)."},
};

const struct conf_section conf_est_labels = {
    .name = "est", KEYS(est_keys), ELEMENTS(conf_est, est, 256), .examples = 1,
    .help = "What is enrolled for over EST (RFC 7030), under which label, and by whom.",
};

#undef IN
#define IN(field) .at = offsetof(struct conf_est_user, field)

static const struct conf_key est_user_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_name, .example = "printers",
     .help = "User name in HTTP Basic, and in password_file."},
    {.name = "names", .type = CONF_TEXTS, IN(names),
     .at_too = offsetof(struct conf_est_user, n_names), .min = 1, .max = LIST_MAX,
     .check = conf_check_kind_pattern, .example = "dns:.printers.example.com",
     .help = "Names that this user may enroll, with their kind: \"dns:.example.com\" any below, "
             "\"dns:a.example.com\" that name, \"ip:10.0.0.0/8\", \"email:example.com\", "
             "\"uri:spiffe://example.com/\"."},
    {.name = "labels", .type = CONF_TEXTS, IN(labels),
     .at_too = offsetof(struct conf_est_user, n_labels), .max = LIST_MAX, .fallback = "",
     .check = conf_check_name,
     .help = "Labels of est that take this password. None given: all that take any."},
    {.name = "owner", .type = CONF_TEXT, IN(owner), .fallback = "",
     .help = "Owner of the certificates."},
};

const struct conf_section conf_est_people = {
    .name = "est_users", KEYS(est_user_keys), ELEMENTS(conf_est_user, est_users, 4096),
    .examples = 1, .help = "Who may enroll by password.",
};

/* clang-format on */
