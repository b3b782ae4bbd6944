#include "agent/keychild.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/child.h"
#include "lib/conn.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/proto.h"
#include "lib/proto_hostkey.h"
#include "lib/text.h"

#define PROGRAM "cerca-agent-key"
#define ARGS_MAX 64
#define WAIT_LEAST_MS 180000 /* making an RSA key takes minutes in a small token */
#define MARK_MAX 256

struct keychild {
    const struct agent_cert *c;
    struct child child;
    struct client *client;
    int timeout_ms;
};

/* ---- a PIN that was refused ---- */

/* One of all entries with that token and that file. */
static void mark_path(const struct agent_cert *c, struct buf *path)
{
    size_t above = strlen(c->state_dir) - strlen(c->name) - 1;
    char name[65];
    uint8_t hash[32];
    struct buf which;

    buf_init(&which, 4 * PATH_MAX);
    buf_printf(&which, "%s|%s|%s", c->token.module, c->token.uri, c->token.pin_file);
    sha256(buf_slice(&which), hash);
    hex_encode(slice_of(hash, sizeof(hash)), name);
    buf_free(&which);
    buf_init(path, PATH_MAX);
    buf_printf(path, "%.*s/.pins/%s", (int)above, c->state_dir, name);
}

/* What is another one when somebody writes the file; nothing of its contents. */
static int describe(const char *file, char out[MARK_MAX])
{
    struct stat st;

    if (stat(file, &st) != 0)
        return -1;
    (void)snprintf(out, MARK_MAX, "%lld %lld %lld %lld.%09ld\n", (long long)st.st_dev,
                   (long long)st.st_ino, (long long)st.st_size, (long long)st.st_ctim.tv_sec,
                   st.st_ctim.tv_nsec);
    return 0;
}

static int may_try(const struct agent_cert *c, struct fault *f)
{
    char now[MARK_MAX];
    struct buf path, then = {0};
    struct fault none;
    int rc = 0;

    mark_path(c, &path);
    if (access(buf_cstr(&path), F_OK) == 0 && describe(c->token.pin_file, now) == 0 &&
        (file_read(buf_cstr(&path), MARK_MAX, &then, &none) != 0 ||
         slice_eq(buf_slice(&then), slice_str(now))))
        rc = fault_set(f, FAULT_DENIED, "agent.pin",
                       "the token has refused the PIN in %.120s; it is not tried again before that "
                       "file is written anew",
                       c->token.pin_file);
    buf_free(&then);
    buf_free(&path);
    return rc;
}

static void mark_refused(const struct agent_cert *c)
{
    char now[MARK_MAX], *slash;
    struct buf path;
    struct fault f;

    mark_path(c, &path);
    slash = strrchr(buf_cstr(&path), '/');
    *slash = '\0';
    if (mkdir(buf_cstr(&path), 0700) != 0 && errno != EEXIST)
        log_error("agent.pin", "folder", buf_cstr(&path), "why", strerror(errno), NULL);
    *slash = '/';
    if (describe(c->token.pin_file, now) == 0 &&
        file_write(buf_cstr(&path), 0600, slice_str(now), &f) != 0)
        log_fault(LOG_LEVEL_ERROR, "agent.pin", &f, NULL);
    buf_free(&path);
}

/* ---- asking ---- */

/* It died; what it said last may say why. */
static int ended(const struct keychild *k, struct fault *f)
{
    struct buf said;

    buf_init(&said, 16384);
    child_last_words(&k->child, &said);
    (void)fault_set(f, FAULT_UNAVAILABLE, "agent.key", PROGRAM " ended: %.180s", buf_cstr(&said));
    buf_free(&said);
    return -(int)f->code;
}

static int ask(struct keychild *k, uint16_t type, const struct hostkey_ask *a, uint16_t wanted,
               struct frame *answer, struct fault *f)
{
    struct buf body;
    int rc;

    buf_init(&body, FRAME_BODY_MAX);
    if (a != NULL)
        hostkey_ask_put(&body, a);
    rc = buf_failed(&body)
             ? fault_set(f, FAULT_TOO_LARGE, "agent.key", "too much to be signed")
             : client_call(k->client, type, buf_slice(&body), k->timeout_ms, answer, f);
    buf_free(&body);
    if (rc == 0 && answer->type != wanted)
        rc = fault_set(f, FAULT_INTERNAL, "agent.key", PROGRAM " answers something else");
    return rc != 0 && strcmp(f->rule, "connection") == 0 ? ended(k, f) : rc;
}

static int ask_octets(struct keychild *k, uint16_t type, const struct hostkey_ask *a,
                      uint16_t wanted, struct buf *out, struct fault *f)
{
    struct frame answer;
    struct slice octets;
    int rc = ask(k, type, a, wanted, &answer, f);

    if (rc == 0 && hostkey_answer_get(answer.body, &octets) != 0)
        rc = fault_set(f, FAULT_INTERNAL, "agent.key", PROGRAM " sent a broken message");
    if (rc != 0)
        return rc;
    buf_put_slice(out, octets);
    return buf_failed(out) ? fault_set(f, FAULT_TOO_LARGE, "agent.key", "too long an answer") : 0;
}

static void set_uri(struct hostkey_ask *a, const char *uri)
{
    (void)snprintf(a->uri, sizeof(a->uri), "%s", uri);
}

int keychild_make(struct keychild *k, const char *uri, const char *type, struct fault *f)
{
    struct hostkey_ask a = {.alg = SIG_NONE};
    struct buf spki;
    int rc;

    set_uri(&a, uri);
    (void)snprintf(a.type, sizeof(a.type), "%s", type);
    buf_init(&spki, HOSTKEY_ANSWER_MAX);
    rc = ask_octets(k, MSG_HOSTKEY_MAKE, &a, MSG_HOSTKEY_PUBLIC, &spki, f);
    buf_free(&spki);
    return rc;
}

int keychild_show(struct keychild *k, const char *uri, struct buf *spki, struct fault *f)
{
    struct hostkey_ask a = {.alg = SIG_NONE};

    set_uri(&a, uri);
    buf_reset(spki);
    return ask_octets(k, MSG_HOSTKEY_SHOW, &a, MSG_HOSTKEY_PUBLIC, spki, f);
}

int keychild_sign(struct keychild *k, const char *uri, enum sig_alg alg, struct slice content,
                  struct buf *signature, struct fault *f)
{
    struct hostkey_ask a = {.alg = alg, .content = content};

    set_uri(&a, uri);
    return ask_octets(k, MSG_HOSTKEY_SIGN, &a, MSG_HOSTKEY_SIGNED, signature, f);
}

int keychild_destroy(struct keychild *k, const char *uri, struct fault *f)
{
    struct hostkey_ask a = {.alg = SIG_NONE};
    struct frame answer;

    set_uri(&a, uri);
    return ask(k, MSG_HOSTKEY_DESTROY, &a, MSG_HOSTKEY_DESTROYED, &answer, f);
}

/* ---- the process ---- */

struct args {
    const char *item[ARGS_MAX + 1];
    size_t n;
};

static void add(struct args *a, const char *option, const char *value)
{
    if (value == NULL || value[0] == '\0' || a->n + 2 > ARGS_MAX)
        return;
    a->item[a->n++] = option;
    a->item[a->n++] = value;
}

static void add_all(struct args *a, const char *option, char *const *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add(a, option, values[i]);
}

static int start(struct keychild *k, int theirs, const char *const only[KEYCHILD_ONLY],
                 struct fault *f)
{
    const struct conf_token *t = &k->c->token;
    char fd[16], limit[24];
    struct args a = {.n = 0};

    (void)snprintf(fd, sizeof(fd), "%d", theirs);
    (void)snprintf(limit, sizeof(limit), "%lld", (long long)t->call_limit_ms);
    add(&a, "--fd", fd);
    add(&a, "--token", t->uri);
    add(&a, "--module", t->module);
    add(&a, "--pin-file", t->pin_file);
    add(&a, "--call-limit", limit);
    if (t->network)
        a.item[a.n++] = "--network";
    for (size_t i = 0; i < KEYCHILD_ONLY; i++)
        add(&a, "--only", only[i]);
    add(&a, "--init-reserved", t->init_reserved);
    add_all(&a, "--environment", t->environment, t->n_environment);
    add_all(&a, "--path", t->paths, t->n_paths);
    add_all(&a, "--read-path", t->read_paths, t->n_read_paths);
    return child_start(&k->child, PROGRAM, a.item, f);
}

static int connect_child(struct keychild *k, const char *const only[KEYCHILD_ONLY], struct fault *f)
{
    int pair[2], rc;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0)
        return fault_set(f, FAULT_UNAVAILABLE, "agent.key", "no socket pair: %s", strerror(errno));
    (void)fcntl(pair[0], F_SETFD, FD_CLOEXEC);
    k->client = client_of(pair[0]);
    rc = start(k, pair[1], only, f);
    (void)close(pair[1]);
    return rc;
}

int keychild_open(const struct agent_cert *c, const char *const only[KEYCHILD_ONLY],
                  struct keychild **out, struct fault *f)
{
    struct keychild *k;
    struct frame answer;
    int64_t wait = c->token.call_limit_ms * 4;
    int rc = may_try(c, f);

    *out = NULL;
    if (rc != 0)
        return rc;
    k = xcalloc(1, sizeof(*k));
    k->c = c;
    k->child.output = -1;
    k->timeout_ms = (int)(wait < WAIT_LEAST_MS ? WAIT_LEAST_MS : wait);
    rc = connect_child(k, only, f);
    if (rc == 0)
        rc = ask(k, MSG_HOSTKEY_OPEN, NULL, MSG_HOSTKEY_OPENED, &answer, f);
    if (rc == 0) {
        *out = k;
        return 0;
    }
    if (strcmp(f->rule, "signer.pin.wrong") == 0)
        mark_refused(c);
    keychild_close(k);
    return rc;
}

void keychild_close(struct keychild *k)
{
    if (k == NULL)
        return;
    client_free(k->client); /* it ends by itself */
    child_free(&k->child);
    free(k);
}
