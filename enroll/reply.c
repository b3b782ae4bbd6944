#include "enroll/reply.h"

#include <stdio.h>
#include <string.h>

#include "est/body.h"
#include "est/certs.h"
#include "lib/cert.h"
#include "lib/pem.h"

#define RETRY_S 60 /* where the fault does not say */
#define RETRY_PENDING_S 600
#define TEXT_MAX 4096

static bool begins(const char *rule, const char *with)
{
    return strncmp(rule, with, strlen(with)) == 0;
}

static bool is_limit(const struct fault *f)
{
    return begins(f->rule, "limit.") || strcmp(f->rule, "est.slow") == 0;
}

/* Could other credentials help? */
static bool is_credential(const struct fault *f)
{
    return begins(f->rule, "est.unauthorised") || strcmp(f->rule, "token.unknown") == 0 ||
           strcmp(f->rule, "est.password") == 0 || strcmp(f->rule, "est.authorization") == 0;
}

/* Policy says so because of who asks. */
static bool is_bearers(const struct fault *f)
{
    return begins(f->rule, "authorisation.") || begins(f->rule, "bearer.") ||
           begins(f->rule, "requester.") || strcmp(f->rule, "identity.blocked") == 0;
}

unsigned reply_status(const struct fault *f, const struct conf_est *label)
{
    if (is_limit(f))
        return 429;
    switch (f->code) {
    case FAULT_MALFORMED:
        return 400;
    case FAULT_POLICY:
        return is_bearers(f) ? 403 : 400;
    case FAULT_DENIED:
        return is_credential(f) && label != NULL &&
                       (label->ways & ~(uint32_t)(WAY_CERTIFICATE | WAY_MANUFACTURER)) != 0
                   ? 401
                   : 403;
    case FAULT_NOT_FOUND:
        return 404;
    case FAULT_CONFLICT:
        return 409;
    case FAULT_TOO_LARGE:
        return 413;
    case FAULT_UNAVAILABLE:
    case FAULT_FULL:
        return 503;
    case FAULT_PENDING:
        return 202;
    default:
        return 500;
    }
}

static void add_retry(const struct fault *f, struct http_answer *out)
{
    uint32_t seconds = f->retry_after;
    char text[16];

    if (seconds == 0)
        seconds = out->status == 202 ? RETRY_PENDING_S : RETRY_S;
    (void)snprintf(text, sizeof(text), "%u", seconds);
    http_answer_field(out, "Retry-After", text);
}

void reply_fault(const struct fault *f, const struct conf_est *label, struct http_answer *out)
{
    unsigned status = reply_status(f, label);
    struct buf text;

    buf_init(&text, TEXT_MAX);
    fault_print(f, &text);
    buf_put_str(&text, "\n");
    http_answer_text(out, status, "");
    http_answer_keep(out, &text);
    if (status == 202 || status == 429 || status == 503)
        add_retry(f, out);
    if (status == 401)
        http_answer_field(out, "WWW-Authenticate", "Basic realm=\"enrollment\", charset=\"UTF-8\"");
}

bool reply_in_lines(const struct http_request *r)
{
    if (r->body.n > 0) /* base64 of DER begins with M */
        return r->body.p[0] != 'M' || memchr(r->body.p, '\n', r->body.n) != NULL;
    return http_request_field(r, "Accept") != NULL || http_request_field(r, "User-Agent") != NULL;
}

void reply_der(const char *type, struct slice der, bool lines, struct http_answer *out)
{
    struct buf body;

    buf_init(&body, 2 * der.n + 128);
    if (lines)
        est_body_put(&body, der);
    else
        base64_put(&body, der, 0);
    out->status = 200;
    out->type = type;
    out->max_age = -1;
    /* RFC 8951 3.1 does without it; older clients look for it. */
    http_answer_field(out, "Content-Transfer-Encoding", "base64");
    http_answer_keep(out, &body);
}

void reply_certificate(struct slice certificate, bool lines, struct http_answer *out)
{
    struct buf message;

    buf_init(&message, CERT_MAX + 128);
    certs_put(&message, &certificate, 1);
    reply_der(CERTS_TYPE_FULL, buf_slice(&message), lines, out);
    buf_free(&message);
}
