/* Certificates that others issued, into the inventory. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/commands.h"
#include "tools/importsend.h"

#define WORDS_MAX 4096

static int refuse_path(struct import_reader *r, const char *path, const char *why)
{
    struct import_place at = {path, 0};
    struct fault f;

    fault_clear(&f);
    (void)fault_set(&f, FAULT_NOT_FOUND, "import.read", "it cannot be opened: %s", why);
    return r->sink.refused(r->sink.arg, &at, &f);
}

static int import_folder(struct import_reader *r, int fd, const char *path)
{
    struct import_tree tree = {.reader = r, .name = path, .root = fd};
    bool is_ca;
    int rc = import_ca(r, fd, path, &is_ca);

    return rc == 0 && !is_ca ? import_tree(&tree) : rc;
}

static int import_path(struct import_reader *r, char *path)
{
    static const struct import_status not_told;
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc;
    struct stat st;
    size_t n = strlen(path);

    if (fd < 0 || fstat(fd, &st) != 0)
        return refuse_path(r, path, strerror(errno));
    while (n > 1 && path[n - 1] == '/')
        path[--n] = 0;
    if (S_ISDIR(st.st_mode))
        rc = import_folder(r, fd, path);
    else if (!standard && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
        rc = refuse_path(r, path, "it is a device"); /* which may have no end */
    else
        rc = import_file(r, fd, standard ? "standard input" : path, true, &not_told);
    if (!standard)
        (void)close(fd);
    return rc;
}

static void tell(const struct tool *t, const struct import_sender *s)
{
    const struct import_counts *n = &s->n;

    tool_say(t,
             "%s%" PRIu64 " new, %" PRIu64 " known, %" PRIu64 " issued here, %" PRIu64
             " refused, of %" PRIu64 " files; %" PRIu64 " without a certificate",
             s->args->dry_run ? "would be: " : "", n->fresh, n->known, n->issued, n->refused,
             n->files, n->skipped);
    if (n->strangers > 0)
        tool_say(t,
                 "ATTENTION: %" PRIu64 " signed by the key of an issuer of this CA, and not issued "
                 "here: somebody else has, or had, the use of that key",
                 n->strangers);
}

static int run_all(struct tool *t, struct import_sender *s, struct import_reader *r,
                   struct fault *f)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < t->n_words; i++)
        rc = import_path(r, t->words[i]);
    if (rc == 0)
        return sender_end(s, f);
    *f = s->fault;
    return rc;
}

static int run(struct tool *t, void *args)
{
    const struct import_args *a = args;
    struct import_reader reader = {.password_file = a->password_file};
    struct import_sender sender;
    struct fault f = {0};
    int rc = tool_connect(t, &f), shown;

    if (rc != 0)
        return tool_fail(t, &f);
    rc = sender_begin(&sender, t, a, &reader.sink, &f);
    if (rc == 0)
        rc = run_all(t, &sender, &reader, &f);
    progress_end(&sender.progress);
    if (rc == 0) {
        shown = rows_end(&sender.rows);
    } else {
        rows_drop(&sender.rows);
        shown = tool_fail(t, &f);
    }
    tell(t, &sender);
    if (shown == EXIT_OK && (sender.n.refused > 0 || sender.n.strangers > 0))
        shown = EXIT_FAILED;
    sender_free(&sender);
    return shown;
}

#define AT(field) offsetof(struct import_args, field)
static const struct opt opts[] = {
    {"owner", OPT_TEXT, AT(owner), "OWNER", "of what has no owner yet", 0},
    {"tag", OPT_TEXTS, AT(tags), "TAG", "add a tag; may be given many times", 0},
    {"source-name", OPT_TEXT, AT(source), "NAME", "what stands in front of where it was found", 0},
    {"password-file", OPT_TEXT, AT(password_file), "FILE",
     "the password of PKCS#12 files; without it each is asked for", 0},
    {"dry-run", OPT_FLAG, AT(dry_run), NULL, "say what would be imported, record nothing", 0},
    {"all", OPT_FLAG, AT(all), NULL, "list every certificate and file, not only what was refused",
     0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_import = {
    .name = "import",
    .help = "take certificates that others issued into the inventory",
    .arguments = "[options] (FILE | FOLDER)...",
    .examples = "  cerca import old-server.pem bundle.p7b\n"
                "  cerca import --owner team-web --tag legacy /etc/ssl/private\n"
                "  cerca import --dry-run /srv/easy-rsa\n"
                "  cerca import --password-file pw -o json laptop.p12\n",
    .opts = opts,
    .args_size = sizeof(struct import_args),
    .min = 1,
    .max = WORDS_MAX,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run,
};
