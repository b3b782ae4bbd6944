/* Shell completion, made from the table of commands: what it offers is what there is. */
#include <string.h>

#include "tools/commands.h"

#define OUT_MAX 131072

static void put_options(const struct opt *opts, struct buf *out)
{
    for (const struct opt *o = opts; o != NULL && o->name != NULL; o++)
        buf_printf(out, " --%s", o->name);
}

/* Each word once, although "ca list" and another "ca" command share their first. */
static void put_first_words(struct buf *out)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        size_t n = strcspn(commands[i]->name, " ");
        size_t k = 0;

        while (k < i && (strcspn(commands[k]->name, " ") != n ||
                         strncmp(commands[k]->name, commands[i]->name, n) != 0))
            k++;
        if (k == i)
            buf_printf(out, " %.*s", (int)n, commands[i]->name);
    }
}

static void put_second_words(const char *first, size_t n, struct buf *out)
{
    for (size_t i = 0; commands[i] != NULL; i++)
        if (strncmp(commands[i]->name, first, n) == 0 && commands[i]->name[n] == ' ')
            buf_printf(out, " %s", commands[i]->name + n + 1);
}

static void put_cases(struct buf *out)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        const char *space = strchr(commands[i]->name, ' ');

        buf_printf(out, "    '%s'%s) words='", commands[i]->name, space == NULL ? "*" : "");
        put_options(commands[i]->opts, out);
        put_options(commands[i]->shared, out);
        put_options(common_opts, out);
        buf_put_str(out, "' ;;\n");
        if (space == NULL)
            continue;
        buf_printf(out, "    '%.*s '*) words='", (int)(space - commands[i]->name),
                   commands[i]->name);
        put_second_words(commands[i]->name, (size_t)(space - commands[i]->name), out);
        buf_put_str(out, "' ;;\n");
    }
}

static void put_script(bool zsh, struct buf *out)
{
    const char *name = zsh ? "_cerca_words" : "_cerca";

    if (zsh)
        buf_put_str(out, "#compdef cerca\n"
                         "autoload -U +X bashcompinit && bashcompinit\n");
    buf_printf(out, "%s() {\n", name);
    buf_put_str(out, "  local words='' word=${COMP_WORDS[COMP_CWORD]}\n"
                     "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                     "    words='");
    put_first_words(out);
    buf_put_str(out, " help'\n"
                     "  else case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
    put_cases(out);
    buf_put_str(out, "  esac; fi\n"
                     "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                     "}\n");
    /* Loaded by zsh as the function _cerca, the script itself is what completes the first time. */
    if (zsh)
        buf_put_str(out, "[ \"$funcstack[1]\" != _cerca ] || _bash_complete -o default -F "
                         "_cerca_words\n");
    buf_printf(out, "complete -o default -F %s cerca\n", name);
}

static int run_completion(struct tool *t, void *args)
{
    bool zsh = strcmp(t->words[0], "zsh") == 0;
    struct buf out;
    int rc;

    (void)args;
    if (!zsh && strcmp(t->words[0], "bash") != 0)
        return tool_usage(t, "\"%s\" should be bash or zsh", t->words[0]);
    buf_init(&out, OUT_MAX);
    put_script(zsh, &out);
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

const struct command cmd_completion = {
    .name = "completion",
    .help = "print what makes a shell complete commands and options",
    .arguments = "(bash | zsh)",
    .examples = "  source <(cerca completion bash)\n",
    .min = 1,
    .max = 1,
    .run = run_completion,
};
