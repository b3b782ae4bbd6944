/* The schema: profiles, which say what is issued. */
#include "lib/conf_table.h"

#include "lib/tbs.h"

static const struct conf_word hashes[] = {
    {"issuer", 0}, {"sha256", 32}, {"sha384", 48}, {"sha512", 64}, {NULL, 0}};

static const struct conf_word sids[] = {{"none", SID_NONE},
                                        {"extension", SID_EXTENSION},
                                        {"uri", SID_URI},
                                        {"both", SID_BOTH},
                                        {NULL, 0}};

static const struct conf_word drops[] = {
    {"subject", DROP_SUBJECT}, {"san", DROP_SAN}, {"extensions", DROP_EXTENSIONS}, {NULL, 0}};

static const struct conf_word key_reuses[] = {{"forbid", KEY_REUSE_FORBID},
                                              {"same-identity", KEY_REUSE_SAME_IDENTITY},
                                              {"allow", KEY_REUSE_ALLOW},
                                              {NULL, 0}};

static const struct conf_word approvals[] = {{"none", 0}, {"one", 1}, {"two", 2}, {NULL, 0}};

/* A key is a few lines here, its help the last. */
/* clang-format off */

#define IN(field) .at = offsetof(struct conf_profile, field)
#define LIST(field) IN(field), .at_too = offsetof(struct conf_profile, n_##field), .max = LIST_MAX

static const struct conf_key profile_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_name,
     .example = "internal-server",
     .help = "How requesters call this profile. The name of a built-in profile changes that one, "
             "key by key."},
    {.name = "issuer", .type = CONF_TEXT, IN(issuer), .check = conf_check_name,
     .fallback = "issuing",
     .help = "Issuer that signs."},
    {.name = "eku", .type = CONF_BITS32, IN(eku), .words = conf_purposes, .max = LIST_MAX,
     .fallback = "", .example = "serverAuth",
     .help = "Extended key usages, all of which are written: serverAuth, clientAuth, codeSigning, "
             "emailProtection, timeStamping, OCSPSigning, ipsecIKE, ipsecIKEIntermediate, "
             "eapOverLAN, msSmartcardLogin, pkInitClientAuth, pkInitKDC, documentSigning, "
             "cmKGA. Only profiles of CAs may do without."},
    {.name = "eku_critical", .type = CONF_BOOL, IN(eku_critical), .fallback = "false",
     .help = "Whether the extended key usage is critical; timeStamping needs it."},
    {.name = "ku_rsa", .type = CONF_BITS16, IN(ku_rsa), .words = conf_key_usages, .min = 1,
     .max = LIST_MAX, .fallback = "digitalSignature",
     .help = "Key usages for RSA keys."},
    {.name = "ku_ec", .type = CONF_BITS16, IN(ku_ec), .words = conf_key_usages, .min = 1,
     .max = LIST_MAX, .fallback = "digitalSignature",
     .help = "Key usages for EC and Ed25519 keys; keyAgreement is left out for Ed25519."},
    {.name = "ca", .type = CONF_BOOL, IN(ca), .fallback = "false",
     .help = "Whether it makes CA certificates. Its issuer must have signs_cas; key usages are "
             "keyCertSign and cRLSign."},
    {.name = "path_len", .type = CONF_PATH_LEN, IN(path_len), .max = 16, .fallback = "0",
     .help = "With ca: pathLenConstraint, or none."},
    {.name = "permitted", .type = CONF_TEXTS, LIST(permitted), .fallback = "",
     .check = conf_check_constraint,
     .help = "With ca: name constraints, as those of an issuer."},
    {.name = "excluded", .type = CONF_TEXTS, LIST(excluded), .fallback = "",
     .check = conf_check_constraint,
     .help = "With ca: names that must not be below it."},
    {.name = "key_types", .type = CONF_TEXTS, LIST(key_types), .min = 1,
     .fallback = "p256 p384 ed25519 rsa2048 rsa3072 rsa4096", .check = conf_check_key_type,
     .help = "Keys accepted, sizes exact: p256, p384, p521, ed25519, rsa2048, rsa3072, rsa4096."},
    {.name = "hash", .type = CONF_WORD, IN(hash), .words = hashes, .fallback = "issuer",
     .help = "Hash of the signature: sha256, sha384, sha512, or issuer for that of its alg."},
    {.name = "validity", .type = CONF_SPAN, IN(validity), .min = 60, .max = 50 * YEAR,
     .fallback = "90d",
     .help = "How long a certificate is valid when the request does not say. Not beyond the "
             "issuer's own end."},
    {.name = "validity_max", .type = CONF_SPAN, IN(validity_max), .min = 60, .max = 50 * YEAR,
     .fallback = "397d",
     .help = "The longest validity that a request may ask for. When not set, cut to the issuer's "
             "leaf_validity_max."},
    {.name = "backdate", .type = CONF_SPAN, IN(backdate), .min = 1, .max = DAY, .fallback = "5m",
     .help = "notBefore lies this far in the past, for hosts whose clock is behind."},
    {.name = "no_expiry", .type = CONF_BOOL, IN(no_expiry), .fallback = "false",
     .help = "Whether a request that names no end gets notAfter 99991231235959Z, which means no "
             "known end (RFC 5280 4.1.2.5), whatever validity_max and the issuer's "
             "leaf_validity_max say. For devices that nobody can reach later (IEEE 802.1AR)."},
    {.name = "san_kinds", .type = CONF_BITS32, IN(san_kinds), .words = conf_san_kinds, .max = LIST_MAX,
     .fallback = "dns", .example = "dns",
     .help = "Kinds of subject alternative names accepted: dns, ip, email, uri, upn. A upn is "
             "taken only from an authorisation, never from a CSR."},
    {.name = "san_max", .type = CONF_COUNT, IN(san_max), .min = 1, .max = SAN_MAX,
     .fallback = "100",
     .help = "Subject alternative names in one certificate, at most."},
    {.name = "dns", .type = CONF_TEXTS, LIST(dns), .fallback = "", .check = conf_check_dns,
     .example = ".internal.example.com",
     .help = "DNS names accepted: \".example.com\" any name below, \"example.com\" that name. "
             "None given: any."},
    {.name = "ip", .type = CONF_TEXTS, LIST(ip), .fallback = "", .check = conf_check_cidr,
     .help = "IP addresses accepted, as ranges: \"10.0.0.0/8\", \"fd00::/8\". None given: any."},
    {.name = "email", .type = CONF_TEXTS, LIST(email), .fallback = "", .check = conf_check_email,
     .help = "Domains of mail addresses accepted. None given: any."},
    {.name = "uri", .type = CONF_TEXTS, LIST(uri), .fallback = "", .check = conf_check_uri_prefix,
     .help = "Prefixes of URIs accepted: \"spiffe://example.com/\". None given: any."},
    {.name = "upn", .type = CONF_TEXTS, LIST(upn), .fallback = "", .check = conf_check_dns,
     .help = "Suffixes of user principal names accepted, as those of dns. None given: any."},
    {.name = "sid", .type = CONF_WORD, IN(sid), .words = sids, .fallback = "none",
     .help = "How the Microsoft security identifier of an authorisation is written: none (refused), "
             "extension (1.3.6.1.4.1.311.25.2), uri (tag:microsoft.com,2022-09-14:sid:...), both."},
    {.name = "wildcards", .type = CONF_BOOL, IN(wildcards), .fallback = "false",
     .help = "Whether DNS names may start with \"*.\"."},
    {.name = "san_required", .type = CONF_BOOL, IN(san_required), .fallback = "true",
     .help = "Whether a request without any subject alternative name is refused."},
    {.name = "san_required_kinds", .type = CONF_BITS32, IN(san_required_kinds),
     .words = conf_san_kinds, .max = LIST_MAX, .fallback = "",
     .help = "Kinds of which a request must have a name each."},
    {.name = "cn_must_be_san", .type = CONF_BOOL, IN(cn_must_be_san), .fallback = "true",
     .help = "Whether a common name must also be a subject alternative name."},
    {.name = "subject", .type = CONF_TEXT, IN(subject), .fallback = "",
     .check = conf_check_subject_template,
     .help = "Subject of every certificate, as RFC 4514 text in which {cn}, {o}, {ou}, {c}, {st}, "
             "{l}, {dc}, {uid} and {serialNumber} stand for what was asked, {dns}, {email} and "
             "{upn} for the first name of that kind: \"CN={cn},O=Example\". What was asked beyond "
             "that is refused. \"\": the subject asked for."},
    {.name = "subject_required", .type = CONF_BITS32, IN(subject_required),
     .words = conf_attributes, .max = LIST_MAX, .fallback = "",
     .help = "Attributes that a subject must have."},
    {.name = "drop", .type = CONF_BITS32, IN(drop), .words = drops, .max = LIST_MAX,
     .fallback = "",
     .help = "What is left out instead of refused when a CSR asks for more than is allowed: subject "
             "(attributes), san (names), extensions (key usages, purposes, others)."},
    {.name = "must_staple", .type = CONF_BOOL, IN(must_staple), .fallback = "false",
     .help = "Whether servers must staple an OCSP answer (RFC 7633). Needs the issuer's ocsp_url."},
    {.name = "no_rev_avail", .type = CONF_SPAN, IN(no_rev_avail), .max = 30 * DAY,
     .fallback = "none",
     .help = "Certificates valid for at most this long in all say that they are never revoked, and "
             "have no OCSP or CRL address (RFC 9608); none: no certificate does."},
    {.name = "ocsp_no_check", .type = CONF_BOOL, IN(ocsp_no_check), .fallback = "false",
     .help = "Whether OCSP responders are trusted for their whole validity (RFC 6960 4.2.2.2.1). "
             "With eku OCSPSigning only."},
    {.name = "owner_required", .type = CONF_BOOL, IN(owner_required), .fallback = "false",
     .help = "Whether a request must name an owner."},
    {.name = "inventory_required", .type = CONF_BITS32, IN(inventory_required),
     .words = conf_annotations, .max = LIST_MAX, .fallback = "",
     .help = "What has to be written about its certificates, besides inventory.required."},
    {.name = "key_reuse", .type = CONF_WORD, IN(key_reuse), .words = key_reuses,
     .fallback = "same-identity",
     .help = "Whether a key that has a certificate may get another one: forbid, same-identity "
             "(same names only), allow."},
    {.name = "role", .type = CONF_WORD, IN(role), .words = conf_roles, .fallback = "operator",
     .help = "The least role that may ask for it on the admin socket."},
    {.name = "limit", .type = CONF_TEXT, IN(limit), .fallback = "", .check = conf_check_limit,
     .help = "Certificates of this profile in a time, such as \"100/1h\", counted over restarts; "
             "\"\": no limit."},
    {.name = "identity_limit", .type = CONF_TEXT, IN(identity_limit), .fallback = "",
     .check = conf_check_limit,
     .help = "The same for one identity, a subject with its names, whoever asks: of a client that "
             "renews all the time only so many are issued, and no other one suffers. \"\": no "
             "limit."},
    {.name = "operators", .type = CONF_TEXTS, LIST(operators), .fallback = "",
     .check = conf_check_name,
     .help = "Operators who may ask for it. None given: whoever has the role."},
    {.name = "approval", .type = CONF_WORD, IN(approvals), .words = approvals, .fallback = "none",
     .help = "How many operators must approve a request (cerca request approve) before its "
             "certificate is issued to who asks again: none, one, two. None of them may be who asked."},
    {.name = "approve_renewals", .type = CONF_BOOL, IN(approve_renewals), .fallback = "false",
     .help = "Whether renewals need approval too. Else a client of EST that keeps profile, subject "
             "and names needs none, nor an operator who renews a certificate with the key it has."},
    {.name = "approvers", .type = CONF_TEXTS, LIST(approvers), .fallback = "",
     .check = conf_check_name,
     .help = "Operators who may approve. None given: whoever has the role."},
};

const struct conf_section conf_profiles = {
    .name = "profiles", KEYS(profile_keys), ELEMENTS(conf_profile, profiles, 256), .examples = 1,
    .help = "What is issued, to whom. Built in are tls-server, tls-client, mtls, vpn-server, "
    "vpn-client, wifi-client, radius-server, device, code-signing, smime, "
    "ocsp-responder, key-maker and " CONF_CA_PROFILE ". That makes CAs, by default of the issuer "
    "\"root\", and is in force only where an entry of profiles or signings names it.",
};

/* clang-format on */
