/* The cerca command: finds the command by its words, reads its options, runs it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/step.h"
#include "tools/commands.h"

#define HELP_MAX 65536

/* One a line, so that a new one changes one line. */
/* clang-format off */
const struct command *const commands[] = {
    &cmd_init,
    &cmd_issue,
    &cmd_renew,
    &cmd_bulk,
    &cmd_import,
    &cmd_scan,
    &cmd_list,
    &cmd_search,
    &cmd_report_inventory,
    &cmd_report_expiring,
    &cmd_report_compliance,
    &cmd_report_executive,
    &cmd_report_pci,
    &cmd_report_soc2,
    &cmd_report_owner,
    &cmd_show,
    &cmd_inventory_set,
    &cmd_inventory_unset,
    &cmd_inventory_show,
    &cmd_inventory_retire,
    &cmd_inventory_unretire,
    &cmd_filter_list,
    &cmd_filter_remove,
    &cmd_revoke,
    &cmd_hold,
    &cmd_release,
    &cmd_block_list,
    &cmd_block_add,
    &cmd_block_remove,
    &cmd_campaign_create,
    &cmd_campaign_list,
    &cmd_campaign_status,
    &cmd_campaign_pause,
    &cmd_campaign_resume,
    &cmd_campaign_cancel,
    &cmd_ca_list,
    &cmd_ca_csr,
    &cmd_ca_create,
    &cmd_ca_install,
    &cmd_ca_bundle,
    &cmd_ca_cross_sign,
    &cmd_ceremony,
    &cmd_conf_check,
    &cmd_conf_show,
    &cmd_conf_example,
    &cmd_conf_manual,
    &cmd_policy_explain,
    &cmd_policy_show,
    &cmd_lint,
    &cmd_status,
    &cmd_policy_preview,
    &cmd_store_check,
    &cmd_explain,
    &cmd_agents_list,
    &cmd_agents_show,
    &cmd_observations_list,
    &cmd_alerts_list,
    &cmd_alerts_show,
    &cmd_alerts_ack,
    &cmd_alerts_unack,
    &cmd_findings_list,
    &cmd_findings_count,
    &cmd_findings_except,
    &cmd_findings_exceptions,
    &cmd_token_create,
    &cmd_token_list,
    &cmd_token_revoke,
    &cmd_audit_log,
    &cmd_audit_verify,
    &cmd_audit_checkpoint,
    &cmd_audit_export,
    &cmd_audit_prove,
    &cmd_notify_test,
    &cmd_notify_list,
    &cmd_notify_show,
    &cmd_notify_retry,
    &cmd_notify_drop,
    &cmd_request_list,
    &cmd_request_show,
    &cmd_request_approve,
    &cmd_request_deny,
    &cmd_backup_verify, /* before the one of its first word */
    &cmd_backup,
    &cmd_restore,
    &cmd_open,
    &cmd_close,
    &cmd_crl_list,
    &cmd_crl_show,
    &cmd_crl_publish,
    &cmd_crl_install,
    &cmd_ocsp_query,
    &cmd_est_cacerts,
    &cmd_est_csrattrs,
    &cmd_est_enroll,
    &cmd_est_hint,
    &cmd_est_reenroll,
    &cmd_est_serverkeygen,
    &cmd_ocsp_csr,
    &cmd_view_export,
    &cmd_view_import,
    &cmd_view_node,
    &cmd_completion,
    NULL,
};
/* clang-format on */

static int help_all(const struct tool *t)
{
    struct buf out;
    int rc;

    buf_init(&out, HELP_MAX);
    buf_put_str(&out, "usage: cerca [-c CONF] COMMAND [options]\n\n");
    for (const struct command *const *c = commands; *c != NULL; c++)
        buf_printf(&out, "  %-16s %s\n", (*c)->name, (*c)->help);
    buf_put_str(&out, "\ncerca COMMAND --help tells the options of one; cerca(1) is the manual.\n"
                      "exit status: 0 done, 1 refused or failed, 2 not called as intended,\n"
                      "3 waits for a second operator\n");
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

static int help_one(const struct tool *t, const struct command *c)
{
    struct buf out;
    int rc;

    buf_init(&out, HELP_MAX);
    command_usage(c, &out);
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

/* How many of the words name this command: one, two, or 0 when they name another. */
static int words_match(const struct command *c, int n, char **words)
{
    const char *space = strchr(c->name, ' ');
    size_t first = space == NULL ? strlen(c->name) : (size_t)(space - c->name);

    if (n < 1 || strlen(words[0]) != first || strncmp(words[0], c->name, first) != 0)
        return 0;
    if (space == NULL)
        return 1;
    return n >= 2 && strcmp(words[1], space + 1) == 0 ? 2 : 0;
}

static const struct command *find_command(int n, char **words, int *taken)
{
    for (const struct command *const *c = commands; *c != NULL; c++) {
        *taken = words_match(*c, n, words);
        if (*taken > 0)
            return *c;
    }
    return NULL;
}

static int no_such_command(const struct tool *t, const char *word)
{
    size_t n = strlen(word);

    for (const struct command *const *c = commands; *c != NULL; c++)
        if (strncmp((*c)->name, word, n) == 0 && (*c)->name[n] == ' ')
            return tool_usage(t, "\"%s\" needs a second word, such as \"%s\"", word, (*c)->name);
    return tool_usage(t, "there is no command \"%s\"", word);
}

static int choose_format(struct tool *t)
{
    struct buf allowed;
    int rc = EXIT_OK;

    t->format = t->command->format;
    if (t->format_text == NULL)
        return EXIT_OK;
    t->format = format_parse(t->format_text);
    if (t->format != 0 && (t->command->formats & (unsigned)t->format) != 0)
        return EXIT_OK;
    buf_init(&allowed, 64);
    formats_print(t->command->formats, "|", &allowed);
    rc = tool_usage(t, "-o: \"%s\" should be %s", t->format_text,
                    allowed.n > 0 ? buf_cstr(&allowed) : "left out");
    buf_free(&allowed);
    return rc;
}

/* The first of the words that a command takes, as its usage names it. */
static int word_missing(const struct tool *t, const char *arguments)
{
    static const char any[] = "[options] ";
    size_t n;

    if (strncmp(arguments, any, strlen(any)) == 0)
        arguments += strlen(any);
    n = arguments[0] == '(' ? strcspn(arguments, ")") + 1 : strcspn(arguments, " ");
    return tool_usage(t, "%.*s is missing", (int)n, arguments);
}

static int run_command(struct tool *t, int argc, char **argv)
{
    const struct command *c = t->command;
    void *args = xcalloc(1, c->args_size + 1);
    int rc;

    if (c->defaults != NULL)
        memcpy(args, c->defaults, c->args_size);
    rc = options_read(t, c->opts, c->shared, args, argc, argv, false);
    if (rc == EXIT_OK && t->help)
        rc = help_one(t, c);
    else if (rc == EXIT_OK && t->n_words < c->min)
        rc = word_missing(t, c->arguments);
    else if (rc == EXIT_OK && t->n_words > c->max)
        rc = tool_usage(t, "\"%s\" is too much", t->words[c->max]);
    else if (rc == EXIT_OK && (rc = choose_format(t)) == EXIT_OK)
        rc = c->run(t, args);
    free(args);
    return rc;
}

static int find_and_run(struct tool *t)
{
    char **words = t->words;
    int n = t->n_words;
    bool help = t->help;
    int taken;

    if (n > 0 && strcmp(words[0], "help") == 0) {
        help = true;
        words++;
        n--;
    }
    if (n == 0 && help)
        return help_all(t);
    if (n == 0)
        return tool_usage(t, "which command?");
    t->command = find_command(n, words, &taken);
    if (t->command == NULL)
        return no_such_command(t, words[0]);
    if (help)
        return help_one(t, t->command);
    /* getopt looks at argv from index 1: the command's last word stands for the program. */
    return run_command(t, n - taken + 1, words + taken - 1);
}

int main(int argc, char **argv)
{
    struct tool t = {.timeout = 60, .started_us = clock_mono_us()};
    int rc;

    log_open("cerca", LOG_LEVEL_ERROR);
    STEP_INIT("cerca");
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return puts("cerca " CERCA_VERSION) < 0 ? EXIT_FAILED : EXIT_OK;
    rc = options_read(&t, NULL, NULL, NULL, argc, argv, true);
    if (rc == EXIT_OK)
        rc = find_and_run(&t);
    client_free(t.client);
    conf_free(t.conf);
    return rc;
}
