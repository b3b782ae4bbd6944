#include "lib/scanresult.h"

#include <string.h>

#include "lib/key.h"

static const char *const starttls_words[STARTTLS_KINDS] = {"none", "smtp",     "imap", "pop3",
                                                           "ldap", "postgres", "mysql"};

static const char *const outcome_words[SCAN_OUTCOME_MAX + 1] = {
    "",        "served",       "alert",  "bad_certificate", "no_tls",  "no_starttls",
    "garbage", "too_large",    "closed", "reset",           "refused", "unreachable",
    "timeout", "not_resolved", "failed", "logged"};

const char *scan_starttls_word(enum scan_starttls s)
{
    return starttls_words[s];
}

int scan_starttls_of(const char *word, enum scan_starttls *out)
{
    for (unsigned i = 0; i < STARTTLS_KINDS; i++)
        if (strcmp(word, starttls_words[i]) == 0) {
            *out = (enum scan_starttls)i;
            return 0;
        }
    *out = STARTTLS_NONE;
    return -1;
}

enum scan_starttls scan_starttls_of_port(uint16_t port)
{
    switch (port) {
    case 25:
    case 587:
        return STARTTLS_SMTP;
    case 110:
        return STARTTLS_POP3;
    case 143:
        return STARTTLS_IMAP;
    case 389:
        return STARTTLS_LDAP;
    case 3306:
        return STARTTLS_MYSQL;
    case 5432:
        return STARTTLS_POSTGRES;
    default:
        return STARTTLS_NONE;
    }
}

const char *scan_outcome_word(enum scan_outcome o)
{
    return outcome_words[o];
}

int scan_outcome_of(const char *word, enum scan_outcome *out)
{
    for (unsigned i = SCAN_SERVED; i <= SCAN_OUTCOME_MAX; i++)
        if (strcmp(word, outcome_words[i]) == 0) {
            *out = (enum scan_outcome)i;
            return 0;
        }
    return -1;
}

const char *scan_stage_word(enum scan_stage s)
{
    static const char *const words[SCAN_AT_DONE + 1] = {"",         "resolve",   "connect",
                                                        "starttls", "handshake", "done"};

    return words[s];
}

bool scan_result_fingerprint(const struct scan_result *r, uint8_t out[32])
{
    memset(out, 0, 32);
    if (r->n_chain == 0)
        return false;
    sha256(r->chain[0], out);
    return true;
}

const char *scan_alert_name(uint8_t alert)
{
    static const struct {
        uint8_t alert;
        const char *name;
    } names[] = {
        /* RFC 8446 B.2 and those of before */
        {0, "close_notify"},
        {10, "unexpected_message"},
        {20, "bad_record_mac"},
        {21, "decryption_failed"},
        {22, "record_overflow"},
        {30, "decompression_failure"},
        {40, "handshake_failure"},
        {41, "no_certificate"},
        {42, "bad_certificate"},
        {43, "unsupported_certificate"},
        {44, "certificate_revoked"},
        {45, "certificate_expired"},
        {46, "certificate_unknown"},
        {47, "illegal_parameter"},
        {48, "unknown_ca"},
        {49, "access_denied"},
        {50, "decode_error"},
        {51, "decrypt_error"},
        {60, "export_restriction"},
        {70, "protocol_version"},
        {71, "insufficient_security"},
        {80, "internal_error"},
        {86, "inappropriate_fallback"},
        {90, "user_canceled"},
        {100, "no_renegotiation"},
        {109, "missing_extension"},
        {110, "unsupported_extension"},
        {112, "unrecognized_name"},
        {113, "bad_certificate_status_response"},
        {115, "unknown_psk_identity"},
        {116, "certificate_required"},
        {120, "no_application_protocol"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].alert == alert)
            return names[i].name;
    return "unknown";
}
