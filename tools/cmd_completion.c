/* Shell completion, made from the table of commands: what it offers is what there is. */
#include <string.h>

#include "tools/commands.h"

#define OUT_MAX 131072

static void put_options(const struct opt *opts, struct buf *out)
{
    for (const struct opt *o = opts; o != NULL && o->name != NULL; o++)
        buf_printf(out, " --%s", o->name);
}

static size_t first_word(const struct command *c)
{
    return strcspn(c->name, " ");
}

static bool same_first_word(const struct command *a, const struct command *b)
{
    return first_word(a) == first_word(b) && strncmp(a->name, b->name, first_word(a)) == 0;
}

/* Whether no earlier command begins with the same word: "ca list" and "ca csr" share theirs. */
static bool is_first_of_word(size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (same_first_word(commands[i], commands[at]))
            return false;
    return true;
}

static void put_first_words(struct buf *out)
{
    for (size_t i = 0; commands[i] != NULL; i++)
        if (is_first_of_word(i))
            buf_printf(out, " %.*s", (int)first_word(commands[i]), commands[i]->name);
    buf_put_str(out, " help");
}

static void put_all_options(const struct command *c, struct buf *out)
{
    put_options(c->opts, out);
    put_options(c->shared, out);
    for (const struct opt *o = common_opts; o->name != NULL; o++)
        if (o->letter != 'o' || c->formats != 0)
            buf_printf(out, " --%s", o->name);
}

/* What may follow this word: the second words of commands, options of the command of one word. */
static void put_after_first(const struct command *first, struct buf *out)
{
    buf_printf(out, "    %.*s) words='", (int)first_word(first), first->name);
    for (size_t i = 0; commands[i] != NULL; i++) {
        size_t n = first_word(commands[i]);

        if (!same_first_word(commands[i], first))
            continue;
        if (commands[i]->name[n] == ' ')
            buf_printf(out, " %s", commands[i]->name + n + 1);
        else
            put_all_options(commands[i], out);
    }
    buf_put_str(out, "' ;;\n");
}

/* A command of one word fits whatever follows it, so those of two words stand before it. */
static void put_after_command(bool two_words, struct buf *out)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        if ((commands[i]->name[first_word(commands[i])] == ' ') != two_words)
            continue;
        buf_printf(out, two_words ? "    '%s') formats='" : "    '%s '*) formats='",
                   commands[i]->name);
        formats_print(commands[i]->formats, " ", out);
        buf_put_str(out, "' words='");
        put_all_options(commands[i], out);
        buf_put_str(out, "' ;;\n");
    }
}

/* COMP_WORDS is looked at from the command on, behind a leading -c CONF. */
static const char script_head[] =
    "  local first=1 formats='' words='' word=${COMP_WORDS[COMP_CWORD]}\n"
    "  case ${COMP_WORDS[1]} in -c | --conf) first=3 ;; esac\n"
    "  if [ \"$COMP_CWORD\" -eq \"$first\" ]; then\n"
    "    words='";
static const char script_second[] =
    "'\n"
    "  elif [ \"$COMP_CWORD\" -eq $((first + 1)) ]; then case \"${COMP_WORDS[first]}\" in\n"
    "    help) words='";
static const char script_options[] =
    "  esac; elif [ \"$COMP_CWORD\" -gt \"$first\" ]; then\n"
    "    case \"${COMP_WORDS[first]} ${COMP_WORDS[first+1]}\" in\n";
static const char script_tail[] =
    "    esac\n"
    "    case ${COMP_WORDS[COMP_CWORD-1]} in -o | --output) words=$formats ;; esac\n"
    "  fi\n"
    "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
    "}\n";

static void put_script(bool zsh, struct buf *out)
{
    const char *more = zsh ? "_words" : "";

    if (zsh)
        buf_printf(out,
                   "#compdef %s\n"
                   "autoload -U +X bashcompinit && bashcompinit\n",
                   program.name);
    buf_printf(out, "_%s%s() {\n%s", program.name, more, script_head);
    put_first_words(out);
    buf_put_str(out, script_second);
    put_first_words(out);
    buf_put_str(out, "' ;;\n");
    for (size_t i = 0; commands[i] != NULL; i++)
        if (is_first_of_word(i))
            put_after_first(commands[i], out);
    buf_put_str(out, script_options);
    put_after_command(true, out);
    put_after_command(false, out);
    buf_put_str(out, script_tail);
    /* Loaded by zsh as the function _cerca, the script itself is what completes the first time. */
    if (zsh)
        buf_printf(out, "[ \"$funcstack[1]\" != _%s ] || _bash_complete -o default -F _%s_words\n",
                   program.name, program.name);
    buf_printf(out, "complete -o default -F _%s%s %s\n", program.name, more, program.name);
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
    .examples = "  source <(cerca completion bash)\n"
                "  source <(cerca-agent completion bash)\n",
    .min = 1,
    .max = 1,
    .run = run_completion,
};
