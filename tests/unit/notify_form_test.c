/* The forms of notices: what stands in one stays data, in each form, and whoever parses it gets it
 * back; ids stay the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/hmac.h>

#include "lib/pem.h"
#include "watch/notify/mail.h"
#include "watch/notify/text.h"

#define ID "0123456789abcdef0123456789abcdef"
/* Line ends, controls, markup of every kind, a turn of direction, quotes, a formula. */
#define HOSTILE                                                                                    \
    "=cmd|' /C calc'!A0 \r\nBcc: eve@example.com\r\n\r\n\x1b[2J <script>alert(1)</script> "        \
    "<!channel> {noformat}h1. x *b* [l](http://e/) | \\ ] \" \xe2\x80\xae"                         \
    "evil \xc2\x85 \xc3\xa9"

static struct conf_channel channel;
static struct notify_target target;

static void set_up(enum channel_type type)
{
    static char *to[] = {"team@example.com", "second@example.com"};

    memset(&channel, 0, sizeof(channel));
    channel.type = type;
    channel.name = "c";
    channel.user = "";
    channel.from = "pki@example.com";
    channel.to = to;
    channel.n_to = 2;
    channel.to_owner = true;
    channel.project = "OPS";
    channel.issue_type = "Task";
    channel.table = "incident";
    channel.close_state = "6";
    channel.close_code = "Solution provided";
    channel.facility = 13;
    target = (struct notify_target){&channel, "https://hooks.example.com/x", slice_str("a secret"),
                                    "ca.example.com"};
}

static const struct notice *notice_of(enum notice_kind kind, const char *text)
{
    static struct notice n;

    memset(&n, 0, sizeof(n));
    n.kind = kind;
    n.severity = SEVERITY_WARNING;
    n.has_key = true;
    memset(n.key, 0xab, sizeof(n.key));
    n.time = 1763718600; /* 2025-11-21T09:50:00Z */
    n.deadline = 1763718600 + 7 * 86400;
    notice_set(n.id, sizeof(n.id), ID);
    notice_set(n.rule, sizeof(n.rule), text);
    notice_set(n.subject, sizeof(n.subject), text);
    notice_set(n.owner, sizeof(n.owner), text);
    notice_set(n.contact, sizeof(n.contact), text);
    notice_set(n.summary, sizeof(n.summary), text);
    notice_set(n.text, sizeof(n.text), text);
    notice_fact(&n, text, text);
    return &n;
}

/* No control but a line's end, no turn of direction. */
static void assert_clean_text(const char *s)
{
    for (const char *p = s; *p != '\0'; p++)
        assert_true((uint8_t)*p >= ' ' || *p == '\n');
    assert_null(strstr(s, "\x7f"));
    assert_null(strstr(s, "\xe2\x80\xae"));
    assert_null(strstr(s, "\xc2\x85"));
}

static void assert_clean_json(const json_t *v)
{
    const char *key;
    json_t *item;
    size_t i;

    if (json_is_string(v))
        assert_clean_text(json_string_value(v));
    json_array_foreach(v, i, item)
    {
        assert_clean_json(item);
    }
    json_object_foreach((json_t *)(uintptr_t)v, key, item)
    {
        assert_clean_text(key);
        assert_clean_json(item);
    }
}

static json_t *body_of(const struct talk *t)
{
    json_t *v = json_loadb((const char *)t->out.body.p, t->out.body.n, 0, NULL);

    assert_non_null(v);
    return v;
}

static const char *text_at(const json_t *v, const char *key)
{
    const char *s = json_string_value(json_object_get(v, key));

    assert_non_null(s);
    return s;
}

static struct buf *mail_of(const struct notice *n)
{
    static struct buf b;

    buf_free(&b);
    buf_init(&b, 1 << 18);
    mail_render(&target, n, &b);
    assert_false(buf_failed(&b));
    return &b;
}

static void a_title_says_what_it_is(void **state)
{
    char title[TEXT_TITLE_SIZE];
    (void)state;

    text_title(notice_of(NOTICE_RAISED, "web.example.com ends in 7 days"), title);
    assert_string_equal(title, "warning: web.example.com ends in 7 days");
    text_title(notice_of(NOTICE_RESOLVED, "it was renewed"), title);
    assert_string_equal(title, "resolved: it was renewed");
}

static void a_mail_cannot_be_given_headers_or_recipients(void **state)
{
    const char *m, *end;
    (void)state;

    set_up(CHANNEL_MAIL);
    m = buf_cstr(mail_of(notice_of(NOTICE_RAISED, HOSTILE)));
    end = strstr(m, "\r\n\r\n");
    assert_non_null(end);
    assert_true(strstr(m, "\nBcc:") == NULL || strstr(m, "\nBcc:") > end); /* its text has lines */
    assert_non_null(strstr(m, "\r\nMessage-ID: <" ID "@example.com>\r\n"));
    assert_non_null(
        strstr(m, "\r\nReferences: <abababababababababababababababab.condition@example.com>\r\n"));
    assert_non_null(strstr(m, "To: team@example.com,\r\n second@example.com\r\n"));
    assert_non_null(strstr(m, "Date: Fri, 21 Nov 2025 09:50:00 +0000\r\n"));
    assert_non_null(strstr(m, "Auto-Submitted: auto-generated\r\n"));
    /* ASCII, each line ended by CRLF, none longer than RFC 5322 2.1.1 wants. */
    for (const char *line = m; *line != '\0';) {
        const char *stop = strstr(line, "\r\n");

        assert_non_null(stop);
        assert_true(stop - line <= 78);
        for (const char *p = line; p < stop; p++)
            assert_true(*p >= ' ' && *p <= '~');
        line = stop + 2;
    }
}

static void a_subject_of_any_letters_is_folded_between_them(void **state)
{
    char text[256] = "";
    struct buf got;
    const char *m;
    (void)state;

    for (size_t at = 0; at + 5 < 155; at += 5)
        memcpy(text + at, "\xc3\xa9\xe2\x82\xac", 5);
    set_up(CHANNEL_MAIL);
    m = strstr(buf_cstr(mail_of(notice_of(NOTICE_RAISED, text))), "Subject: ");
    assert_non_null(m);
    buf_init(&got, 4096);
    m += strlen("Subject: ");
    for (int words = 0; strncmp(m, "=?UTF-8?B?", 10) == 0; words++) {
        const char *stop = strstr(m, "?=");
        struct buf word;

        assert_non_null(stop);
        assert_true(stop + 2 - m <= 75);
        buf_init(&word, 256);
        assert_int_equal(base64_get(slice_of(m + 10, (size_t)(stop - m - 10)), &word), 0);
        assert_true(((uint8_t)word.p[0] & 0xc0) != 0x80); /* begins with a character */
        buf_put_slice(&got, buf_slice(&word));
        buf_free(&word);
        m = stop + 2;
        m += strncmp(m, "\r\n ", 3) == 0 ? 3 : 0;
    }
    assert_memory_equal(buf_cstr(&got), "warning: ", 9);
    assert_memory_equal(buf_cstr(&got) + 9, text, 150);
    buf_free(&got);
}

static void the_owner_gets_a_mail_only_at_an_address(void **state)
{
    const char *to[MAIL_TO_MAX];
    struct notice *n;
    (void)state;

    set_up(CHANNEL_MAIL);
    n = (struct notice *)(uintptr_t)notice_of(NOTICE_RAISED, "x");
    notice_set(n->contact, sizeof(n->contact), "alice@example.com");
    assert_int_equal(mail_recipients(&target, n, to), 3);
    assert_string_equal(to[2], "alice@example.com");
    notice_set(n->contact, sizeof(n->contact), "Team@Example.com");
    assert_int_equal(mail_recipients(&target, n, to), 2);
    notice_set(n->contact, sizeof(n->contact), "a@example.com>\r\nRCPT TO:<b@example.com");
    assert_int_equal(mail_recipients(&target, n, to), 2);
    channel.to_owner = false;
    notice_set(n->contact, sizeof(n->contact), "alice@example.com");
    assert_int_equal(mail_recipients(&target, n, to), 2);
}

static void a_webhook_is_a_signed_cloud_event(void **state)
{
    const struct notice *n = notice_of(NOTICE_RAISED, HOSTILE);
    struct buf signed_text, expected;
    uint8_t mac[32];
    unsigned size;
    struct talk t;
    json_t *event;
    (void)state;

    set_up(CHANNEL_WEBHOOK);
    talk_init(&t, &target, n, "", 1763718601);
    assert_int_equal(talk_begin(&t), TALK_SEND);
    assert_string_equal(t.out.content_type, "application/cloudevents+json; charset=UTF-8");
    event = body_of(&t);
    assert_string_equal(text_at(event, "specversion"), "1.0");
    assert_string_equal(text_at(event, "id"), ID);
    assert_string_equal(text_at(event, "source"), "//ca.example.com");
    assert_string_equal(text_at(event, "type"), "cerca.notice.raised");
    assert_string_equal(text_at(event, "time"), "2025-11-21T09:50:00Z");
    assert_string_equal(text_at(json_object_get(event, "data"), "summary"), n->summary);
    json_decref(event);

    buf_init(&signed_text, 1 << 17);
    buf_init(&expected, 1024);
    buf_put_str(&signed_text, ID ".1763718601.");
    buf_put_slice(&signed_text, buf_slice(&t.out.body));
    assert_non_null(HMAC(EVP_sha256(), "a secret", 8, signed_text.p, signed_text.n, mac, &size));
    buf_put_str(&expected, "webhook-signature: v1,");
    base64_put(&expected, slice_of(mac, 32), 0);
    assert_string_equal(buf_cstr(&t.out.header[0]), "webhook-id: " ID);
    assert_string_equal(buf_cstr(&t.out.header[1]), "webhook-timestamp: 1763718601");
    assert_string_equal(buf_cstr(&t.out.header[2]), buf_cstr(&expected));
    buf_free(&signed_text);
    buf_free(&expected);
    talk_free(&t);
}

static void the_key_of_a_webhook_may_be_base64(void **state)
{
    struct talk plain, coded;
    (void)state;

    set_up(CHANNEL_WEBHOOK);
    talk_init(&plain, &target, notice_of(NOTICE_RAISED, "x"), "", 1);
    assert_int_equal(talk_begin(&plain), TALK_SEND);
    target.secret = slice_str("whsec_YSBzZWNyZXQ=");
    talk_init(&coded, &target, notice_of(NOTICE_RAISED, "x"), "", 1);
    assert_int_equal(talk_begin(&coded), TALK_SEND);
    assert_string_equal(buf_cstr(&plain.out.header[2]), buf_cstr(&coded.out.header[2]));
    target.secret = slice_str("whsec_?");
    assert_int_equal(talk_begin(&coded), TALK_FAILED);
    talk_free(&plain);
    talk_free(&coded);
}

static void slack_reads_no_markup_of_others(void **state)
{
    struct talk t;
    json_t *body;
    (void)state;

    set_up(CHANNEL_SLACK);
    talk_init(&t, &target, notice_of(NOTICE_RAISED, HOSTILE), "", 1);
    assert_int_equal(talk_begin(&t), TALK_SEND);
    body = body_of(&t);
    assert_clean_json(body);
    assert_null(strchr(text_at(body, "text"), '<'));
    assert_non_null(strstr(text_at(body, "text"), "&lt;!channel&gt;"));
    for (size_t i = 0; i < 2; i++) {
        json_t *block = json_array_get(json_object_get(body, "blocks"), i);
        json_t *text = json_object_get(block, "text");

        assert_string_equal(text_at(text, "type"), "plain_text");
        assert_null(strchr(text_at(text, "text"), '<'));
    }
    json_decref(body);
    talk_free(&t);
}

static void teams_gets_a_card_of_runs_without_markdown(void **state)
{
    struct talk t;
    json_t *body, *card, *block, *one;
    size_t i, k;
    (void)state;

    set_up(CHANNEL_TEAMS);
    talk_init(&t, &target, notice_of(NOTICE_RAISED, HOSTILE), "", 1);
    assert_int_equal(talk_begin(&t), TALK_SEND);
    assert_true(t.out.body.n < 28000);
    body = body_of(&t);
    assert_clean_json(body);
    assert_string_equal(text_at(body, "type"), "message");
    one = json_array_get(json_object_get(body, "attachments"), 0);
    assert_string_equal(text_at(one, "contentType"), "application/vnd.microsoft.card.adaptive");
    card = json_object_get(one, "content");
    assert_string_equal(text_at(card, "type"), "AdaptiveCard");
    assert_true(json_array_size(json_object_get(card, "body")) > 3);
    json_array_foreach(json_object_get(card, "body"), i, block)
    {
        assert_string_equal(text_at(block, "type"), "RichTextBlock");
        json_array_foreach(json_object_get(block, "inlines"), k, one)
        {
            assert_string_equal(text_at(one, "type"), "TextRun");
        }
    }
    json_decref(body);
    talk_free(&t);
}

static void a_line_of_syslog_is_one_line_with_its_data(void **state)
{
    struct buf b;
    const char *s;
    (void)state;

    set_up(CHANNEL_SYSLOG);
    buf_init(&b, 65536);
    syslog_render(&target, notice_of(NOTICE_RAISED, HOSTILE), "host name", false, &b);
    s = buf_cstr(&b);
    assert_clean_text(s);
    assert_null(strchr(s, '\n'));
    /* 13 * 8 + 4 */
    assert_memory_equal(
        s, "<108>1 2025-11-21T09:50:00Z host?name cerca - raised [cerca@32473 id=\"", 69);
    assert_non_null(strstr(s, "\\]"));
    assert_non_null(strstr(s, "\\\""));
    assert_non_null(strstr(s, "] \xef\xbb\xbfwarning: "));
    buf_reset(&b);
    syslog_render(&target, notice_of(NOTICE_RAISED, "x"), "", true, &b);
    assert_string_equal(buf_cstr(&b), "<108>cerca: warning: x (" ID ")");
    buf_free(&b);
}

static void cef_escapes_what_divides_it(void **state)
{
    struct buf b;
    const char *s;
    size_t pipes = 0;
    (void)state;

    set_up(CHANNEL_SYSLOG);
    channel.format = CHANNEL_CEF;
    buf_init(&b, 65536);
    syslog_render(&target, notice_of(NOTICE_RAISED, "a|b\\c=d"), "h", false, &b);
    s = strstr(buf_cstr(&b), "CEF:0|");
    assert_non_null(s);
    assert_non_null(strstr(s, "|a\\|b\\\\c=d|warning: a\\|b\\\\c=d|6|rt=1763718600000 "));
    assert_non_null(strstr(s, " externalId=" ID " "));
    assert_non_null(strstr(s, " cs1Label=subject cs1=a|b\\\\c\\=d "));
    for (const char *p = s; *p != '\0' && pipes < 7; p++)
        pipes += *p == '|' && p[-1] != '\\';
    assert_int_equal(pipes, 7);
    buf_free(&b);
}

/* The longest of everything still goes. */
static void a_large_notice_fits_each_form(void **state)
{
    static char text[NOTICE_TEXT_SIZE];
    struct talk t;
    (void)state;

    for (size_t i = 0; i + 3 < sizeof(text); i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3);
    for (enum channel_type type = CHANNEL_WEBHOOK; type <= CHANNEL_JIRA; type++) {
        set_up(type);
        talk_init(&t, &target, notice_of(NOTICE_RAISED, text), "", 1);
        assert_int_equal(talk_begin(&t), TALK_SEND);
        talk_free(&t);
    }
    set_up(CHANNEL_MAIL);
    assert_true(mail_of(notice_of(NOTICE_RAISED, text))->n > 3000);
}

#define T(fn) cmocka_unit_test(fn)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_title_says_what_it_is),
        T(a_mail_cannot_be_given_headers_or_recipients),
        T(a_subject_of_any_letters_is_folded_between_them),
        T(the_owner_gets_a_mail_only_at_an_address),
        T(a_webhook_is_a_signed_cloud_event),
        T(the_key_of_a_webhook_may_be_base64),
        T(slack_reads_no_markup_of_others),
        T(teams_gets_a_card_of_runs_without_markdown),
        T(a_line_of_syslog_is_one_line_with_its_data),
        T(cef_escapes_what_divides_it),
        T(a_large_notice_fits_each_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
