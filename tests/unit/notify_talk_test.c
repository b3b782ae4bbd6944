/* Conversations with services that answer as recorded: tickets are opened once and closed, and what
 * only looks like an answer is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "watch/notify/talk.h"

#define ID "0123456789abcdef0123456789abcdef"
#define KEY "abababababababababababababababab"

static struct conf_channel channel;
static struct notify_target target;
static struct notice notice;
static struct talk talk;

static enum talk_step begin(enum channel_type type, enum notice_kind kind, const char *ticket)
{
    memset(&channel, 0, sizeof(channel));
    channel.type = type;
    channel.user = "cerca";
    channel.project = "OPS";
    channel.issue_type = "Task";
    channel.table = "incident";
    channel.close_state = "6";
    channel.close_code = "Solution provided";
    target = (struct notify_target){&channel, "https://desk.example.com/", slice_str("pass word"),
                                    "ca.example.com"};
    if (type == CHANNEL_PAGERDUTY)
        target.url = "https://events.pagerduty.com/v2/enqueue";
    memset(&notice, 0, sizeof(notice));
    notice.kind = kind;
    notice.severity = SEVERITY_CRITICAL;
    notice.has_key = kind != NOTICE_TEST && kind != NOTICE_HEARTBEAT;
    memset(notice.key, 0xab, sizeof(notice.key));
    notice_set(notice.id, sizeof(notice.id), ID);
    notice_set(notice.summary, sizeof(notice.summary), "web.example.com ends {noformat} today");
    talk_free(&talk);
    talk_init(&talk, &target, &notice, ticket, 1763718600);
    return talk_begin(&talk);
}

static enum talk_step answer(long status, const char *body)
{
    const struct talk_reply r = {.status = status, .body = slice_str(body)};

    return talk_answer(&talk, &r);
}

static void asked(const char *method, const char *url)
{
    assert_string_equal(talk.out.method, method);
    assert_string_equal(buf_cstr(&talk.out.url), url);
}

static bool says(const char *text)
{
    return strstr(buf_cstr(&talk.out.body), text) != NULL;
}

#define TABLE "https://desk.example.com/api/now/table/incident"
#define FIND                                                                                       \
    TABLE "?sysparm_query=correlation_id%3D" KEY "%5Eactive%3Dtrue"                                \
          "&sysparm_fields=sys_id&sysparm_limit=1"

static void servicenow_opens_one_ticket_and_closes_it(void **state)
{
    (void)state;
    assert_int_equal(begin(CHANNEL_SERVICENOW, NOTICE_RAISED, ""), TALK_SEND);
    asked("GET", FIND);
    assert_string_equal(buf_cstr(&talk.out.header[1]), "Authorization: Basic Y2VyY2E6cGFzcyB3b3Jk");
    assert_int_equal(answer(200, "{\"result\":[]}"), TALK_SEND);
    asked("POST", TABLE);
    assert_true(says("\"correlation_id\":\"" KEY "\""));
    assert_true(says("\"urgency\":\"1\""));
    assert_int_equal(
        answer(201, "{\"result\":{\"number\":\"INC0010023\",\"sys_id\":\"9d385017c611228701d22104c"
                    "c95c371\"}}"),
        TALK_DELIVERED);
    assert_string_equal(talk.ticket, "9d385017c611228701d22104cc95c371");
    assert_string_equal(talk.why, "HTTP 201: INC0010023");

    assert_int_equal(begin(CHANNEL_SERVICENOW, NOTICE_REPEATED, "9d38"), TALK_SEND);
    asked("PATCH", TABLE "/9d38");
    assert_true(says("work_notes"));
    assert_int_equal(answer(200, "{\"result\":{\"sys_id\":\"9d38\"}}"), TALK_DELIVERED);
    assert_false(talk.closed);

    assert_int_equal(begin(CHANNEL_SERVICENOW, NOTICE_RESOLVED, "9d38"), TALK_SEND);
    asked("PATCH", TABLE "/9d38");
    assert_true(says("\"state\":\"6\"") && says("\"close_code\":\"Solution provided\""));
    assert_int_equal(answer(200, "{\"result\":{\"sys_id\":\"9d38\"}}"), TALK_DELIVERED);
    assert_true(talk.closed);
}

/* The answer to opening was lost: the same notice comes again. */
static void a_ticket_that_is_there_is_not_opened_again(void **state)
{
    (void)state;
    assert_int_equal(begin(CHANNEL_SERVICENOW, NOTICE_RAISED, ""), TALK_SEND);
    assert_int_equal(answer(200, "{\"result\":[{\"sys_id\":\"9d38\"}]}"), TALK_SEND);
    asked("PATCH", TABLE "/9d38");
    assert_string_equal(talk.ticket, "9d38");
    assert_int_equal(begin(CHANNEL_JIRA, NOTICE_RAISED, ""), TALK_SEND);
    assert_int_equal(answer(200, "{\"issues\":[{\"id\":\"10001\",\"key\":\"OPS-7\"}]}"), TALK_SEND);
    asked("POST", "https://desk.example.com/rest/api/2/issue/OPS-7/comment");
}

static void a_ticket_that_was_deleted_is_opened_anew_or_left(void **state)
{
    (void)state;
    assert_int_equal(begin(CHANNEL_SERVICENOW, NOTICE_REPEATED, "9d38"), TALK_SEND);
    assert_int_equal(answer(404, "{\"error\":{\"message\":\"No Record found\"}}"), TALK_SEND);
    asked("POST", TABLE);
    assert_int_equal(begin(CHANNEL_SERVICENOW, NOTICE_RESOLVED, "9d38"), TALK_SEND);
    assert_int_equal(answer(404, "{}"), TALK_DELIVERED);
    assert_true(talk.closed);
    assert_int_equal(begin(CHANNEL_JIRA, NOTICE_RESOLVED, ""), TALK_SEND);
    assert_int_equal(answer(200, "{\"issues\":[]}"), TALK_DELIVERED);
    assert_true(talk.closed);
}

#define REST "https://desk.example.com/rest/api/2"
#define JQL                                                                                        \
    "?jql=labels%20%3D%20%22cerca-" KEY "%22%20AND%20statusCategory%20!%3D%20Done&fields=key"      \
    "&maxResults=1"

static void jira_opens_comments_and_moves_to_done(void **state)
{
    (void)state;
    assert_int_equal(begin(CHANNEL_JIRA, NOTICE_RAISED, ""), TALK_SEND);
    asked("GET", REST "/search/jql" JQL);
    assert_int_equal(answer(404, "<html>dead link</html>"), TALK_SEND); /* a server, no cloud */
    asked("GET", REST "/search" JQL);
    assert_int_equal(answer(200, "{\"total\":0,\"issues\":[]}"), TALK_SEND);
    asked("POST", REST "/issue");
    assert_true(says("\"labels\":[\"cerca\",\"cerca-" KEY "\"]"));
    assert_true(says("ends (noformat) today")); /* nothing ends the block but its end */
    assert_int_equal(answer(201, "{\"id\":\"10001\",\"key\":\"OPS-7\",\"self\":\"x\"}"),
                     TALK_DELIVERED);
    assert_string_equal(talk.ticket, "OPS-7");

    assert_int_equal(begin(CHANNEL_JIRA, NOTICE_RESOLVED, "OPS-7"), TALK_SEND);
    asked("POST", REST "/issue/OPS-7/comment");
    assert_int_equal(answer(201, "{\"id\":\"1\"}"), TALK_SEND);
    asked("GET", REST "/issue/OPS-7/transitions");
    assert_int_equal(
        answer(200,
               "{\"transitions\":[{\"id\":\"11\",\"to\":{\"statusCategory\":{\"key\":\"new\"}}},"
               "{\"id\":\"31\",\"to\":{\"statusCategory\":{\"key\":\"done\"}}}]}"),
        TALK_SEND);
    asked("POST", REST "/issue/OPS-7/transitions");
    assert_string_equal(buf_cstr(&talk.out.body), "{\"transition\":{\"id\":\"31\"}}");
    assert_int_equal(answer(204, ""), TALK_DELIVERED);
    assert_true(talk.closed);
}

static void a_jira_without_a_way_to_done_leaves_it_to_people(void **state)
{
    (void)state;
    assert_int_equal(begin(CHANNEL_JIRA, NOTICE_RESOLVED, "OPS-7"), TALK_SEND);
    assert_int_equal(answer(201, "{\"id\":\"1\"}"), TALK_SEND);
    assert_int_equal(answer(200, "{\"transitions\":[]}"), TALK_DELIVERED);
    assert_non_null(strstr(talk.why, "no transition"));
}

static void pagerduty_has_one_incident_a_condition(void **state)
{
    (void)state;
    assert_int_equal(begin(CHANNEL_PAGERDUTY, NOTICE_RAISED, ""), TALK_SEND);
    assert_true(says("\"event_action\":\"trigger\"") && says("\"dedup_key\":\"" KEY "\""));
    assert_true(says("\"routing_key\":\"pass word\"") && says("\"severity\":\"critical\""));
    assert_int_equal(answer(202, "{\"status\":\"success\",\"message\":\"Event processed\"}"),
                     TALK_DELIVERED);
    assert_int_equal(begin(CHANNEL_PAGERDUTY, NOTICE_ACKNOWLEDGED, ""), TALK_SEND);
    assert_true(says("\"event_action\":\"acknowledge\"") && !says("payload"));
    assert_int_equal(begin(CHANNEL_PAGERDUTY, NOTICE_RESOLVED, ""), TALK_SEND);
    assert_true(says("\"event_action\":\"resolve\"") && says("\"dedup_key\":\"" KEY "\""));
    assert_int_equal(begin(CHANNEL_PAGERDUTY, NOTICE_HEARTBEAT, ""), TALK_SEND);
    asked("POST", "https://events.pagerduty.com/v2/change/enqueue");
    assert_false(says("event_action"));
}

static void a_test_leaves_nothing_open(void **state)
{
    (void)state;
    assert_int_equal(begin(CHANNEL_PAGERDUTY, NOTICE_TEST, ""), TALK_SEND);
    assert_true(says("\"dedup_key\":\"" ID "\""));
    assert_int_equal(answer(202, "{\"status\":\"success\"}"), TALK_SEND);
    assert_true(says("\"event_action\":\"resolve\""));
    assert_int_equal(answer(202, "{\"status\":\"success\"}"), TALK_DELIVERED);
    assert_int_equal(begin(CHANNEL_SERVICENOW, NOTICE_TEST, ""), TALK_SEND);
    assert_int_equal(answer(200, "{\"result\":[]}"), TALK_SEND);
    assert_int_equal(answer(201, "{\"result\":{\"sys_id\":\"9d38\"}}"), TALK_SEND);
    assert_true(says("\"state\":\"6\""));
    assert_int_equal(answer(200, "{\"result\":{}}"), TALK_DELIVERED);
    assert_int_equal(begin(CHANNEL_JIRA, NOTICE_TEST, ""), TALK_SEND);
    assert_int_equal(answer(200, "{\"issues\":[]}"), TALK_SEND);
    assert_int_equal(answer(201, "{\"key\":\"OPS-8\"}"), TALK_SEND);
    asked("GET", REST "/issue/OPS-8/transitions");
}

static void a_status_says_whether_to_come_again(void **state)
{
    static const struct {
        long status;
        enum talk_step step;
    } cases[] = {{200, TALK_DELIVERED}, {202, TALK_DELIVERED}, {204, TALK_DELIVERED},
                 {301, TALK_FAILED},    {400, TALK_REFUSED},   {401, TALK_FAILED},
                 {403, TALK_FAILED},    {404, TALK_FAILED},    {413, TALK_REFUSED},
                 {422, TALK_REFUSED},   {429, TALK_FAILED},    {500, TALK_FAILED},
                 {503, TALK_FAILED},    {0, TALK_FAILED}};
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(begin(CHANNEL_TEAMS, NOTICE_RAISED, ""), TALK_SEND);
        assert_int_equal(answer(cases[i].status, ""), cases[i].step);
    }
    const struct talk_reply slow = {.status = 429, .retry_after = 120};
    assert_int_equal(begin(CHANNEL_TEAMS, NOTICE_RAISED, ""), TALK_SEND);
    assert_int_equal(talk_answer(&talk, &slow), TALK_FAILED);
    assert_int_equal(talk.retry_after, 120);
}

/* A portal in between says 200 to everything. */
static void a_page_with_200_is_no_delivery(void **state)
{
    static const char *const lies[] = {"<html><title>Log\x1b[2J in</title></html>", "", "{}", "[]",
                                       "{\"result\":7,\"issues\":{},\"status\":\"no\"}"};
    (void)state;

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        assert_int_equal(begin(CHANNEL_SLACK, NOTICE_RAISED, ""), TALK_SEND);
        assert_int_equal(answer(200, lies[i]), TALK_FAILED);
        for (const char *p = talk.why; *p != '\0'; p++)
            assert_true(*p >= ' ' && *p <= '~');
        assert_int_equal(begin(CHANNEL_PAGERDUTY, NOTICE_RAISED, ""), TALK_SEND);
        assert_int_equal(answer(200, lies[i]), TALK_FAILED);
        assert_int_equal(begin(CHANNEL_SERVICENOW, NOTICE_RAISED, ""), TALK_SEND);
        assert_int_equal(answer(200, lies[i]), TALK_FAILED);
        assert_int_equal(begin(CHANNEL_SERVICENOW, NOTICE_RESOLVED, "9d38"), TALK_SEND);
        assert_int_equal(answer(200, lies[i]), TALK_FAILED);
        assert_int_equal(begin(CHANNEL_JIRA, NOTICE_RAISED, ""), TALK_SEND);
        assert_int_equal(answer(200, lies[i]), TALK_FAILED);
        assert_int_equal(begin(CHANNEL_JIRA, NOTICE_REPEATED, "OPS-7"), TALK_SEND);
        assert_int_equal(answer(200, lies[i]), TALK_FAILED);
    }
    assert_int_equal(begin(CHANNEL_SLACK, NOTICE_RAISED, ""), TALK_SEND);
    assert_int_equal(answer(200, "ok"), TALK_DELIVERED);
}

/* An id of a ticket goes into a URL. */
static void an_id_that_is_none_is_not_taken(void **state)
{
    (void)state;
    assert_int_equal(begin(CHANNEL_JIRA, NOTICE_RAISED, ""), TALK_SEND);
    assert_int_equal(answer(200, "{\"issues\":[{\"key\":\"../../admin?x=\"}]}"), TALK_FAILED);
    assert_string_equal(talk.ticket, "");
    assert_int_equal(begin(CHANNEL_SERVICENOW, NOTICE_RAISED, ""), TALK_SEND);
    assert_int_equal(answer(200, "{\"result\":[{\"sys_id\":\"a/b\"}]}"), TALK_FAILED);
}

static int tear_down(void **state)
{
    (void)state;
    talk_free(&talk);
    return 0;
}

#define T(fn) cmocka_unit_test(fn)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(servicenow_opens_one_ticket_and_closes_it),
        T(a_ticket_that_is_there_is_not_opened_again),
        T(a_ticket_that_was_deleted_is_opened_anew_or_left),
        T(jira_opens_comments_and_moves_to_done),
        T(a_jira_without_a_way_to_done_leaves_it_to_people),
        T(pagerduty_has_one_incident_a_condition),
        T(a_test_leaves_nothing_open),
        T(a_status_says_whether_to_come_again),
        T(a_page_with_200_is_no_delivery),
        T(an_id_that_is_none_is_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
