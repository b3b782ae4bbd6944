#include "tests/unit/signer_process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"

#define PATIENCE_US 60000000
#define CALL_MS 15000
#define QUICK "call_limit = \"1s\";"

static _Noreturn void broken(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static const char *from_environment(const char *name)
{
    const char *value = getenv(name);

    if (value == NULL) {
        (void)fprintf(stderr, "%s is not set; tests/run-tests sets it\n", name);
        exit(EXIT_FAILURE);
    }
    return value;
}

/* log: a file of the place for what it logs; NULL: it goes where ours does. */
static pid_t spawn(const struct process *p, const char *mode, const char *log)
{
    char program[512];
    pid_t pid;

    (void)snprintf(program, sizeof(program), "%s/cerca-signer", from_environment("CERCA_BIN"));
    pid = fork();
    if (pid < 0)
        broken("fork");
    if (pid > 0)
        return pid;
    /* A test that fails leaves nobody behind, who would keep its output open. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
#ifdef __SANITIZE_ADDRESS__
    /* The leak check at the end of a process needs what no jail allows. */
    (void)setenv("CERCA_NO_JAIL", "1", 1);
#endif
    if ((mode != NULL && freopen("/dev/null", "w", stdout) == NULL) ||
        (log != NULL && freopen(place_path(p->place, log), "w", stderr) == NULL))
        _exit(127);
    (void)execl(program, program, "-c", p->place->conf_path, "--token", "default", mode, NULL);
    _exit(127);
}

struct process *process_blank(const char *issuers)
{
    struct process *p = xcalloc(1, sizeof(*p));

    p->place = place_new(from_environment("CERCA_SHIM"), QUICK, issuers);
    (void)setenv("CERCA_SHIM_CONTROL", place_path(p->place, "signer/shim.control"), 1);
    (void)setenv("CERCA_SHIM_LOG", place_path(p->place, "signer/shim.log"), 1);
    return p;
}

int process_provision(struct process *p, struct buf *said)
{
    struct fault f;
    int status;

    (void)unlink(place_path(p->place, "signer/shim.log"));
    p->pid = spawn(p, "--provision", said == NULL ? NULL : "said");
    status = process_end(p);
    if (said != NULL && file_read(place_path(p->place, "said"), 1 << 16, said, &f) != 0)
        broken(f.text);
    return status;
}

struct process *process_new(const char *issuers)
{
    struct process *p = process_blank(issuers);

    if (process_provision(p, NULL) != 0)
        broken("provision");
    return p;
}

void process_reissue(const struct process *p, const char *issuers)
{
    place_configure(p->place, from_environment("CERCA_SHIM"), QUICK, issuers);
}

void process_free(struct process *p)
{
    if (p->pid != 0)
        process_kill(p, SIGKILL);
    client_free(p->client);
    place_free(p->place);
    free(p);
}

void process_order(const struct process *p, const char *line)
{
    if (line != NULL)
        place_write(p->place, "signer/shim.control", line);
    else if (unlink(place_path(p->place, "signer/shim.control")) != 0 && errno != ENOENT)
        broken("unlink");
}

unsigned process_calls(const struct process *p, const char *function)
{
    struct fault f;
    struct buf b;
    unsigned n = 0;

    buf_init(&b, 1 << 20);
    if (file_read(place_path(p->place, "signer/shim.log"), 1 << 20, &b, &f) != 0)
        broken(f.text);
    for (char *s = (char *)(uintptr_t)buf_cstr(&b), *line; (line = strsep(&s, "\n")) != NULL;)
        n += strcmp(line, function) == 0;
    buf_free(&b);
    return n;
}

static bool ended(struct process *p)
{
    siginfo_t i;

    memset(&i, 0, sizeof(i));
    return waitid(P_PID, (id_t)p->pid, &i, WEXITED | WNOHANG | WNOWAIT) == 0 && i.si_pid == p->pid;
}

void process_start(struct process *p)
{
    uint64_t until = clock_mono_us() + PATIENCE_US;
    struct fault f;
    struct buf path;

    (void)unlink(place_path(p->place, "signer/shim.log"));
    client_free(p->client);
    p->client = NULL;
    p->pid = spawn(p, NULL, NULL);
    buf_init(&path, 256);
    conf_signer_socket(p->place->conf, "default", &path);
    while (!ended(p) && clock_mono_us() < until) {
        if (client_open(buf_cstr(&path), &p->client, &f) == 0)
            break;
        (void)usleep(2000);
    }
    buf_free(&path);
}

int process_end(struct process *p)
{
    uint64_t until = clock_mono_us() + PATIENCE_US;
    int status;

    while (!ended(p)) {
        if (clock_mono_us() > until)
            broken("cerca-signer does not end");
        (void)usleep(2000);
    }
    if (waitpid(p->pid, &status, 0) != p->pid)
        broken("waitpid");
    p->pid = 0;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

void process_kill(struct process *p, int signo)
{
    (void)kill(p->pid, signo);
    if (signo == SIGKILL)
        (void)process_end(p);
}

void process_key(struct process *p, const char *issuer, struct buf *spki, uint8_t key_id[20])
{
    uint8_t generation[8];
    struct wire_in w;
    struct frame answer;
    struct fault f;
    struct spki k;
    struct buf b;

    buf_init(&b, 64);
    hello_put(&b, p->place->conf->generation);
    if (client_call(p->client, MSG_HELLO, buf_slice(&b), CALL_MS, &answer, &f) != 0)
        broken(f.text);
    buf_free(&b);
    buf_reset(spki);
    wire_in_init(&w, answer.body);
    wire_get_fixed(&w, generation, sizeof(generation));
    for (uint32_t n = wire_get_count(&w, 64, 1); n > 0; n--) {
        struct signer_key key;

        signer_key_get(&w, &key);
        if (strcmp(key.issuer, issuer) == 0)
            buf_put_slice(spki, key.spki);
    }
    if (!wire_in_done(&w) || spki_parse(buf_slice(spki), &k, &f) != 0)
        broken("hello");
    spki_key_id(&k, key_id);
}

int process_sign(struct process *p, const char *issuer, struct slice tbs, struct buf *out,
                 struct fault *f)
{
    struct sign_request r;
    struct frame answer;
    struct buf b;
    int rc;

    memset(&r, 0, sizeof(r));
    (void)snprintf(r.issuer, sizeof(r.issuer), "%s", issuer);
    memcpy(r.generation, p->place->conf->generation, sizeof(r.generation));
    r.tbs = tbs;
    buf_init(&b, FRAME_BODY_MAX);
    buf_reset(out);
    sign_request_put(&b, &r);
    rc = client_call(p->client, MSG_SIGN, buf_slice(&b), CALL_MS, &answer, f);
    if (rc == 0)
        buf_put_slice(out, answer.body);
    buf_free(&b);
    return rc;
}

int process_greet(struct process *p, struct fault *f)
{
    struct frame answer;
    struct buf b;
    int rc;

    buf_init(&b, 64);
    hello_put(&b, p->place->conf->generation);
    rc = client_call(p->client, MSG_HELLO, buf_slice(&b), CALL_MS, &answer, f);
    buf_free(&b);
    return rc;
}

int process_ping(struct process *p, struct fault *f)
{
    struct frame answer;

    return client_call(p->client, MSG_PING, SLICE_NONE, CALL_MS, &answer, f);
}
