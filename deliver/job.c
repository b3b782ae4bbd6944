#include "deliver/job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "watch/notify/mail.h"

#define MESSAGE_MAX ((size_t)256 << 10)

static void end(struct job *j, enum outcome_kind kind, const char *why)
{
    const char *p = why;

    j->outcome.number = j->item.notice.number;
    j->outcome.kind = kind;
    memcpy(j->outcome.channel, j->keys->target.conf->name,
           strnlen(j->keys->target.conf->name, sizeof(j->outcome.channel) - 1));
    for (size_t i = 0; *p != '\0' && i + 1 < sizeof(j->outcome.why); i++, p++)
        j->outcome.why[i] = (char)(*p >= ' ' && *p <= '~' ? *p : '?');
    j->done(j);
}

/* ---- over HTTP ---- */

static void step(struct job *j, struct transfers *t, enum talk_step s);

struct exchange {
    struct job *job;
    struct transfers *transfers;
};

static void on_answer(void *arg, const struct transfer_result *r)
{
    struct exchange *e = arg;
    struct exchange now = *e;
    const struct talk_reply reply = {
        .status = r->status, .body = r->body, .retry_after = r->retry_after};

    free(e);
    if (r->ok)
        step(now.job, now.transfers, talk_answer(&now.job->talk, &reply));
    else
        end(now.job, OUTCOME_FAILED, r->why);
}

static void step(struct job *j, struct transfers *t, enum talk_step s)
{
    struct talk *k = &j->talk;
    struct exchange *e;

    memcpy(j->outcome.ticket, k->ticket, sizeof(j->outcome.ticket));
    j->outcome.closed = k->closed;
    j->outcome.retry_after =
        k->retry_after > 0 && k->retry_after < UINT32_MAX ? (uint32_t)k->retry_after : 0;
    if (s != TALK_SEND) {
        end(j,
            s == TALK_DELIVERED ? OUTCOME_DELIVERED
            : s == TALK_FAILED  ? OUTCOME_FAILED
                                : OUTCOME_REFUSED,
            k->why);
        return;
    }
    e = xcalloc(1, sizeof(*e));
    *e = (struct exchange){j, t};
    transfer_http(t, j->keys, &k->out, on_answer, e);
}

/* ---- mail ---- */

/* The last line but a farewell, without its end. */
static void last_line(struct slice talk, char out[200])
{
    size_t end = talk.n, begin = 0;

    out[0] = '\0';
    while (end > 0) {
        while (end > 0 && talk.p[end - 1] <= ' ')
            end--;
        begin = end;
        while (begin > 0 && talk.p[begin - 1] != '\n')
            begin--;
        if (end - begin < 3 || memcmp(talk.p + begin, "221", 3) != 0)
            break;
        end = begin;
    }
    (void)snprintf(out, 200, "%.*s", (int)(end - begin), (const char *)talk.p + begin);
}

/* Others took it, so nothing fails; but whoever reads the log should know. */
static void tell_refused(const struct job *j, struct slice talk)
{
    const char *p = (const char *)talk.p, *stop = p + talk.n, *line = p;

    for (; p < stop; p++) {
        char text[200];

        if (*p != '\n')
            continue;
        (void)snprintf(text, sizeof(text), "%.*s", (int)(p - line > 0 ? p - line - 1 : 0), line);
        if (text[0] == '4' || text[0] == '5')
            log_warn("notify.recipient.refused", "channel", j->keys->target.conf->name, "server",
                     text, NULL);
        line = p + 1;
    }
}

/* RFC 5321 4.2.3: of the content or the mailbox; a login or a server in trouble may be well
 * later. */
static bool is_final(const struct transfer_result *r)
{
    return !r->login && r->status >= 550 && r->status <= 554;
}

static void on_mailed(void *arg, const struct transfer_result *r)
{
    struct job *j = arg;
    char line[200], why[WATCH_WHY_SIZE + 200];

    last_line(r->talk, line);
    if (r->ok) {
        tell_refused(j, r->talk);
        end(j, OUTCOME_DELIVERED, line);
        return;
    }
    (void)snprintf(why, sizeof(why), "%s%s%s", r->why, r->status >= 400 ? ": " : "",
                   r->status >= 400 ? line : "");
    end(j, is_final(r) ? OUTCOME_REFUSED : OUTCOME_FAILED, why);
}

static void start_mail(struct job *j, struct transfers *t)
{
    const char *to[MAIL_TO_MAX];
    size_t n = mail_recipients(&j->keys->target, &j->item.notice, to);
    struct buf message;

    if (n == 0) {
        end(j, OUTCOME_REFUSED, "nobody to send it to");
        return;
    }
    buf_init(&message, MESSAGE_MAX);
    mail_render(&j->keys->target, &j->item.notice, &message);
    transfer_mail(t, j->keys, to, n, buf_slice(&message), on_mailed, j);
    buf_free(&message);
}

/* ---- syslog ---- */

static void on_logged(void *arg, const struct transfer_result *r)
{
    end(arg, r->ok ? OUTCOME_DELIVERED : OUTCOME_FAILED, r->ok ? "sent" : r->why);
}

static void log_here(struct job *j, struct slice message)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", j->keys->target.url + strlen("unix://"));
    if (sendto(j->keys->local_fd, message.p, message.n, 0, (const struct sockaddr *)&a,
               sizeof(a)) == (ssize_t)message.n)
        end(j, OUTCOME_DELIVERED, "sent");
    else
        end(j, OUTCOME_FAILED, strerror(errno));
}

static void start_syslog(struct job *j, struct transfers *t)
{
    bool local = j->keys->local_fd >= 0;
    char host[256] = "";
    struct buf b;

    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    buf_init(&b, MESSAGE_MAX);
    syslog_render(&j->keys->target, &j->item.notice, host, local, &b);
    if (local)
        log_here(j, buf_slice(&b));
    else
        transfer_octets(t, j->keys, buf_slice(&b), on_logged, j);
    buf_free(&b);
}

/* ---- any ---- */

void job_start(struct job *j, struct transfers *t)
{
    enum channel_type type = j->keys->target.conf->type;

    if (type == CHANNEL_MAIL) {
        start_mail(j, t);
    } else if (type == CHANNEL_SYSLOG) {
        start_syslog(j, t);
    } else {
        talk_init(&j->talk, &j->keys->target, &j->item.notice, j->item.ticket, clock_now());
        step(j, t, talk_begin(&j->talk));
    }
}

void job_free(struct job *j)
{
    talk_free(&j->talk);
    free(j);
}
