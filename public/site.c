#include "public/site.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/log.h"
#include "ocsp/http.h"
#include "public/document.h"
#include "public/health.h"

typedef void (*document)(struct places *p, const struct conf *c, size_t issuer,
                         struct http_answer *out);

struct route {
    char *path;
    document show;
    size_t issuer;
};

struct site {
    const struct conf *conf;
    struct places *places;
    struct health *health;
    struct ocsp_responder *ocsp;
    char **ocsp_path; /* without a slash at the end */
    size_t n_ocsp_paths;
    struct route *route;
    size_t n_routes;
    struct route *beside; /* CRLs: what lies beside those is below these, with a slash at the end */
    size_t n_beside;
};

static const struct {
    const char *folder, *suffix;
    document show;
} usual[] = {{"/ca/", ".crt", document_certificate},
             {"/ca/", ".pem", document_chain},
             {"/ca/", ".p7c", document_p7c},
             {"/crl/", ".crl", document_full_crl}};
#define USUAL (sizeof usual / sizeof usual[0])

static const struct route *find(const struct site *s, const char *path)
{
    for (size_t i = 0; i < s->n_routes; i++)
        if (strcmp(s->route[i].path, path) == 0)
            return &s->route[i];
    return NULL;
}

/* Takes over `path`. */
static void add(struct site *s, char *path, document show, size_t issuer)
{
    const struct route *other = find(s, path);

    if (other == NULL) {
        s->route[s->n_routes++] = (struct route){path, show, issuer};
        return;
    }
    if (other->show != show || other->issuer != issuer)
        log_warn("http.path.twice", "path", path, "issuer", s->conf->issuers[issuer].name, "serves",
                 s->conf->issuers[other->issuer].name, NULL);
    free(path);
}

/* The path of a URL below base_url, without its query; NULL: it is elsewhere, or has none. */
static char *own_path(const struct conf *c, const char *url)
{
    size_t n = strlen(c->base_url);
    const char *path;
    char *out;

    if (strncasecmp(url, c->base_url, n) != 0 || url[n] != '/')
        return NULL;
    path = strchr(strstr(url, "://") + 3, '/');
    out = xstrdup(path);
    out[strcspn(out, "?#")] = '\0';
    return out;
}

static bool ends(const char *text, const char *suffix)
{
    size_t n = strlen(text), k = strlen(suffix);

    return n >= k && strcasecmp(text + n - k, suffix) == 0;
}

/* RFC 5280 4.2.2.1 lets the name tell DER from CMS. */
static document issuer_document(const char *path)
{
    return ends(path, ".p7c") || ends(path, ".p7b") ? document_p7c : document_certificate;
}

/* Takes over `path`. */
static void add_ocsp(struct site *s, char *path)
{
    size_t n = strlen(path);

    while (n > 0 && path[n - 1] == '/')
        path[--n] = '\0';
    for (size_t i = 0; i < s->n_ocsp_paths; i++)
        if (strcmp(s->ocsp_path[i], path) == 0)
            n = 0;
    if (n > 0)
        s->ocsp_path[s->n_ocsp_paths++] = path;
    else
        free(path); /* at "/" it would hide everything else */
}

/* What stands behind a responder's path; NULL: this is none. */
static const char *behind_ocsp(const struct site *s, const char *path)
{
    for (size_t i = 0; i < s->n_ocsp_paths; i++) {
        size_t n = strlen(s->ocsp_path[i]);

        if (strncmp(path, s->ocsp_path[i], n) == 0 && (path[n] == '\0' || path[n] == '/'))
            return path + n;
    }
    return NULL;
}

static void add_beside(struct site *s, const char *path, size_t n)
{
    struct buf b;

    buf_init(&b, CRL_URL_MAX);
    buf_put(&b, path, crl_url_stem(path));
    buf_put_str(&b, "/");
    s->beside[s->n_beside++] = (struct route){xstrdup(buf_cstr(&b)), NULL, n};
    buf_free(&b);
}

/* Takes over `path`. */
static void add_crl(struct site *s, char *path, size_t n)
{
    add_beside(s, path, n);
    add(s, path, document_full_crl, n);
}

/* /crl/NAME/delta.crl: the name is read, and written again for the file. */
static void look_beside(struct site *s, const char *path, struct http_answer *out)
{
    const char *file = strrchr(path, '/');
    size_t folder = file == NULL ? 0 : (size_t)(++file - path), n;
    char text[CRL_NAME_MAX];
    struct crl_name name;

    if (folder == 0 || !ends(file, ".crl") || (n = strlen(file) - 4) >= sizeof text)
        return;
    memcpy(text, file, n);
    text[n] = '\0';
    if (!crl_name_parse(text, &name) || name.kind == CRL_FULL)
        return;
    for (size_t i = 0; i < s->n_beside; i++)
        if (strlen(s->beside[i].path) == folder && memcmp(s->beside[i].path, path, folder) == 0) {
            document_crl(s->places, s->beside[i].issuer, &name, out);
            return;
        }
}

static void add_issuer(struct site *s, size_t n)
{
    const struct conf_issuer *i = &s->conf->issuers[n];
    char *path = own_path(s->conf, i->issuer_url);
    struct buf b;

    if (path != NULL)
        add(s, path, issuer_document(path), n);
    path = own_path(s->conf, i->crl_url);
    if (path != NULL)
        add_crl(s, path, n);
    path = own_path(s->conf, i->ocsp_url);
    if (path != NULL)
        add_ocsp(s, path);
    buf_init(&b, 256);
    for (size_t k = 0; k < USUAL; k++) {
        buf_reset(&b);
        buf_printf(&b, "%s%s%s", usual[k].folder, i->name, usual[k].suffix);
        if (usual[k].show == document_full_crl)
            add_crl(s, xstrdup(buf_cstr(&b)), n);
        else
            add(s, xstrdup(buf_cstr(&b)), usual[k].show, n);
    }
    buf_free(&b);
}

struct site *site_new(const struct conf *c, struct places *places, struct ocsp_responder *ocsp)
{
    struct site *s = xcalloc(1, sizeof *s);

    *s = (struct site){.conf = c,
                       .places = places,
                       .health = health_new(c, places, ocsp),
                       .ocsp = ocsp,
                       .ocsp_path = xcalloc(c->n_issuers + 1, sizeof(char *)),
                       .route = xcalloc(c->n_issuers * (USUAL + 2), sizeof(struct route)),
                       .beside = xcalloc(c->n_issuers * 2 + 1, sizeof(struct route))};
    add_ocsp(s, xstrdup("/ocsp"));
    for (size_t i = 0; i < c->n_issuers; i++)
        add_issuer(s, i);
    return s;
}

void site_free(struct site *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n_routes; i++)
        free(s->route[i].path);
    free(s->route);
    for (size_t i = 0; i < s->n_beside; i++)
        free(s->beside[i].path);
    free(s->beside);
    for (size_t i = 0; i < s->n_ocsp_paths; i++)
        free(s->ocsp_path[i]);
    free(s->ocsp_path);
    health_free(s->health);
    free(s);
}

void site_watch(struct site *s)
{
    health_watch(s->health);
}

static void look_up(struct site *s, const char *path, struct http_answer *out)
{
    const struct route *r = find(s, path);

    if (r != NULL)
        r->show(s->places, s->conf, r->issuer, out);
    else if (strncmp(path, "/audit/", 7) == 0)
        document_audit(s->places, path + 7, out);
    else if (strcmp(path, "/health") == 0)
        health_answer(s->health, out);
    else
        look_beside(s, path, out);
}

void site_answer(void *site, const struct http_request *r, struct http_answer *out)
{
    struct site *s = site;
    const char *rest = behind_ocsp(s, r->path);

    if (rest != NULL) {
        ocsp_http(s->ocsp, r, rest, out);
        return;
    }
    if (strcmp(r->method, "GET") == 0) {
        look_up(s, r->path, out);
        return;
    }
    http_answer_text(out, 405, "Only GET and HEAD.\n");
    out->allow = "GET, HEAD";
}
