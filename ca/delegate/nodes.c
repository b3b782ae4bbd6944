#include "ca/delegate/nodes.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/view/issuer.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/pem.h"

#define RESPONDER "responder-" /* as viewfile_responder begins */
#define TURN_MS 1000
#define AGAIN_US UINT64_C(60000000) /* after a refusal */
#define LATE_S 60
#define NAME_MAX_SHOWN 32

/* One node's responder for one issuer. */
struct place {
    struct nodes *owner;
    size_t node, issuer;
    bool read;                     /* what the view has was looked at */
    int64_t not_before, not_after; /* of what it has; 0: nothing */
    bool busy;                     /* asked for */
    uint64_t next_us;              /* not asked again before */
};

struct node {
    char name[NAME_MAX_SHOWN + 1];
    struct buf csr;
    uint8_t key[32]; /* SHA-256 of its SubjectPublicKeyInfo */
};

struct nodes {
    struct delegate_parts parts;
    struct loop_timer *turn;
    struct node *node;
    size_t n;
    struct place *place; /* n times the authorities */
    bool draining;
};

/* ---- the requests ---- */

/* "/etc/cerca/nodes/eu-1.csr" is eu-1, in a form that a name can have. */
static void name_of(const char *path, char out[NAME_MAX_SHOWN + 1])
{
    const char *base = strrchr(path, '/');
    char *dot;

    (void)snprintf(out, NAME_MAX_SHOWN + 1, "%s", base == NULL ? path : base + 1);
    dot = strrchr(out, '.');
    if (dot != NULL && dot != out)
        *dot = '\0';
    for (char *p = out; *p != '\0'; p++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", *p) == NULL)
            *p = '-';
}

static int read_request(const char *path, struct node *out, struct fault *f)
{
    static const char *const labels[] = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", NULL};
    struct buf file = {0};
    struct csr *csr = xcalloc(1, sizeof(*csr));
    int rc;

    name_of(path, out->name);
    buf_init(&out->csr, CSR_MAX);
    rc = file_read(path, 4 * CSR_MAX, &file, f);
    if (rc == 0)
        rc = pem_or_der(buf_slice(&file), labels, &out->csr, f);
    if (rc == 0)
        rc = csr_parse(buf_slice(&out->csr), csr, f);
    if (rc == 0)
        rc = csr_verify(csr, f);
    if (rc == 0)
        spki_hash(&csr->key, out->key);
    else
        rc = fault_set(f, FAULT_CONFIG, "view.nodes", "view.nodes: %s: no certification request",
                       path);
    buf_free(&file);
    free(csr);
    return rc;
}

/* As many as *n tells, also after a failure, are the caller's to free. */
static int read_requests(const struct conf *c, struct node *out, size_t *n, struct fault *f)
{
    int rc = 0;

    *n = 0;
    for (size_t i = 0; i < c->n_view_nodes && rc == 0; i++)
        rc = read_request(c->view_nodes[i], &out[(*n)++], f);
    return rc;
}

static void free_requests(struct node *node, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_free(&node[i].csr);
    free(node);
}

int nodes_check(const struct conf *c, struct fault *f)
{
    struct node *node = xcalloc(c->n_view_nodes + 1, sizeof(node[0]));
    size_t n;
    int rc = read_requests(c, node, &n, f);

    free_requests(node, n);
    return rc;
}

/* ---- what the view has ---- */

static struct authority *authority_of(const struct place *p)
{
    return &p->owner->parts.authorities->item[p->issuer];
}

/* NULL when out of memory; to be freed. */
static char *folder_of(const struct nodes *n, const struct authority *a)
{
    struct store_issuer si = {.number = a->number};

    (void)snprintf(si.name, sizeof(si.name), "%s", a->conf->name);
    return view_issuer_path(n->parts.conf->view_dir, &si);
}

/* Likewise. */
static char *path_of(const struct place *p)
{
    char *folder = folder_of(p->owner, authority_of(p)), *path = NULL;
    char name[VIEWFILE_RESPONDER_MAX];

    viewfile_responder(p->owner->node[p->node].key, name);
    if (folder != NULL && asprintf(&path, "%s/%s", folder, name) < 0)
        path = NULL;
    free(folder);
    return path;
}

/* One of another key or issuer is as good as none. */
static void note_certificate(struct place *p, struct slice der)
{
    const struct authority *a = authority_of(p);
    struct cert *c = xcalloc(1, sizeof(*c));
    uint8_t key[32];
    struct fault f;

    p->not_before = p->not_after = 0;
    if (cert_parse(der, c, &f) == 0 && slice_eq(c->issuer, a->parsed.subject)) {
        spki_hash(&c->key, key);
        if (memcmp(key, p->owner->node[p->node].key, sizeof(key)) == 0) {
            p->not_before = c->not_before;
            p->not_after = c->not_after;
        }
    }
    free(c);
}

static void read_certificate(struct place *p)
{
    char *path = path_of(p);
    struct buf der = {0};
    struct fault f;

    if (path != NULL && file_read(path, CERT_MAX, &der, &f) == 0)
        note_certificate(p, buf_slice(&der));
    p->read = true;
    buf_free(&der);
    free(path);
}

static int write_certificate(struct place *p, struct slice der, struct fault *f)
{
    char *path = path_of(p);
    int rc = path == NULL ? fault_set(f, FAULT_INTERNAL, "view.nodes", "out of memory")
                          : file_write(path, 0644, der, f);

    free(path);
    if (rc == 0)
        note_certificate(p, der);
    return rc;
}

/* ---- nodes that are none any more ---- */

static bool is_wanted(const struct nodes *n, const char *name)
{
    char wanted[VIEWFILE_RESPONDER_MAX];

    for (size_t i = 0; i < n->n; i++) {
        viewfile_responder(n->node[i].key, wanted);
        if (strcmp(wanted, name) == 0)
            return true;
    }
    return false;
}

static void sweep_folder(const struct nodes *n, const char *folder)
{
    DIR *d = opendir(folder);
    struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL)
        if (strncmp(e->d_name, RESPONDER, sizeof(RESPONDER) - 1) == 0 && !is_wanted(n, e->d_name)) {
            log_info("view.node.removed", "file", e->d_name, NULL);
            (void)unlinkat(dirfd(d), e->d_name, 0);
        }
    if (d != NULL)
        (void)closedir(d);
}

/* Once, at start: a node that was taken out of the configuration gets nothing more. */
static void sweep(const struct nodes *n)
{
    for (size_t i = 0; i < n->parts.authorities->n; i++) {
        const struct authority *a = &n->parts.authorities->item[i];
        char *folder = a->certificate.n == 0 ? NULL : folder_of(n, a);

        if (folder != NULL)
            sweep_folder(n, folder);
        free(folder);
    }
}

/* ---- asking ---- */

static void failed(struct place *p, const struct fault *f)
{
    log_fault(LOG_LEVEL_WARN, "view.node.failed", f, "node", p->owner->node[p->node].name, "issuer",
              authority_of(p)->conf->name, NULL);
    p->next_us = clock_mono_us() + AGAIN_US;
}

static void on_issued(void *arg, const struct issued *issued, const struct fault *fault)
{
    struct place *p = arg;
    struct fault f;

    p->busy = false;
    if (fault != NULL)
        failed(p, fault);
    else if (write_certificate(p, issued->certificate, &f) != 0)
        failed(p, &f);
    else
        log_info("view.node.ready", "node", p->owner->node[p->node].name, "issuer",
                 authority_of(p)->conf->name, NULL);
}

static void ask(struct place *p)
{
    struct nodes *n = p->owner;
    const struct node *node = &n->node[p->node];
    struct authority *a = authority_of(p);
    struct requester who = {.name = "cerca-ca", .role = ROLE_ADMIN, .uid = geteuid(), .own = true};
    char subject[64 + NAME_MAX_SHOWN];
    struct buf body;
    struct fault f;

    (void)snprintf(who.origin, sizeof(who.origin), "node %s", node->name);
    /* The same for all issuers: one key stands for one thing. */
    (void)snprintf(subject, sizeof(subject), "CN=OCSP responder %s", node->name);
    buf_init(&body, FRAME_BODY_MAX);
    if (delegate_write(n->parts.conf, a, subject, buf_slice(&node->csr), &body, &f) == 0) {
        p->busy = true;
        door_issue_delegate(n->parts.door, &who, a, buf_slice(&body), on_issued, p);
    } else {
        failed(p, &f);
    }
    buf_free(&body);
}

static int64_t half_life(const struct place *p)
{
    return p->not_before + (p->not_after - p->not_before) / 2;
}

static bool is_due(const struct place *p)
{
    return clock_now() >= half_life(p) && clock_mono_us() >= p->next_us;
}

static void on_turn(void *arg)
{
    struct nodes *n = arg;
    size_t n_places = n->n * n->parts.authorities->n;
    struct fault f;

    if (n->draining)
        return;
    for (size_t i = 0; i < n_places; i++) {
        struct place *p = &n->place[i];
        const struct authority *a = authority_of(p);

        if (p->busy || !delegate_may(a) || signer_link_check(a->link, &f) != 0)
            continue;
        if (!p->read)
            read_certificate(p);
        if (is_due(p))
            ask(p);
    }
    loop_timer_set(n->turn, TURN_MS);
}

int nodes_new(const struct delegate_parts *parts, struct nodes **out, struct fault *f)
{
    struct nodes *n;
    int rc;

    *out = NULL;
    n = xcalloc(1, sizeof(*n));
    n->parts = *parts;
    n->node = xcalloc(parts->conf->n_view_nodes + 1, sizeof(n->node[0]));
    n->turn = loop_timer(parts->loop, on_turn, n);
    rc = read_requests(parts->conf, n->node, &n->n, f);
    if (rc != 0) {
        nodes_free(n);
        return rc;
    }
    sweep(n);
    n->place = xcalloc(n->n * parts->authorities->n + 1, sizeof(n->place[0]));
    for (size_t i = 0; i < n->n * parts->authorities->n; i++)
        n->place[i] = (struct place){
            .owner = n, .node = i / parts->authorities->n, .issuer = i % parts->authorities->n};
    if (n->n > 0)
        loop_timer_set(n->turn, TURN_MS);
    *out = n;
    return 0;
}

/* That which is due first is the one to tell of: nothing at all is due since 1970. */
static const struct place *most_urgent(const struct nodes *n, size_t node)
{
    const struct place *out = NULL;

    for (size_t i = 0; i < n->parts.authorities->n; i++) {
        const struct place *p = &n->place[node * n->parts.authorities->n + i];

        if (delegate_may(authority_of(p)) && (out == NULL || half_life(p) < half_life(out)))
            out = p;
    }
    return out;
}

bool nodes_status(const struct nodes *n, size_t node, struct status_item *out)
{
    const struct place *p;
    char until[CLOCK_TEXT_SIZE];
    bool late;

    if (n == NULL || node >= n->n)
        return false;
    *out = (struct status_item){.ok = true};
    (void)snprintf(out->name, sizeof(out->name), "node.%.32s", n->node[node].name);
    p = most_urgent(n, node);
    late = p != NULL && clock_now() > half_life(p) + LATE_S;
    out->ok = p != NULL && !late;
    (void)snprintf(out->state, sizeof(out->state), "%s",
                   p == NULL || p->not_after == 0 ? "none"
                   : late                         ? "late"
                                                  : "current");
    if (p == NULL || p->not_after == 0) {
        (void)snprintf(out->text, sizeof(out->text), "no responder of %.64s yet",
                       p == NULL ? "any issuer" : authority_of(p)->conf->name);
        return true;
    }
    clock_format(p->not_after, until);
    (void)snprintf(out->text, sizeof(out->text), "its responders are valid until %s", until);
    return true;
}

void nodes_drain(struct nodes *n)
{
    if (n != NULL)
        n->draining = true;
}

void nodes_free(struct nodes *n)
{
    if (n == NULL)
        return;
    free_requests(n->node, n->n);
    free(n->place);
    loop_timer_free(n->turn);
    free(n);
}
