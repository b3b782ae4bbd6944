#include "tests/unit/ocsp_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "tests/unit/x509_help.h"

const struct ocsp_settings test_settings = {
    .validity = 86400, .view_age_max = 900, .http_age = 3600, .cache_max = 64u << 20};

void ocsp_world_stamp(const struct folder *view, int64_t stamp)
{
    struct viewfile_log l = open_log(view, view->header.generation);

    viewfile_pair_set(l.live->stamp, (uint64_t)stamp);
    viewfile_pair_set(l.live->through, ROWS);
    viewfile_log_close(&l);
}

void ocsp_world_folder(const struct ocsp_world *w, const struct ocsp_place *p, const char *name,
                       struct folder *out)
{
    char path[128];
    struct cert c;
    struct fault f;

    memset(out, 0, sizeof(*out));
    snprintf(out->dir, sizeof(out->dir), "%s/%s", w->dir, name);
    assert_int_equal(mkdir(out->dir, 0755), 0);
    out->fd = open(out->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(out->fd >= 0);
    snprintf(path, sizeof(path), "%s/issuer.der", out->dir);
    assert_int_equal(file_write(path, 0644, buf_slice(&p->issuer), &f), 0);
    assert_int_equal(cert_parse(buf_slice(&p->issuer), &c, &f), 0);
    out->header = (struct viewfile_header){.issuer = 1, .created = 1000};
    spki_hash(&c.key, out->header.owner);
    make_view(out, ROWS);
    ocsp_world_stamp(out, w->now - 60);
}

void ocsp_world_scan(struct ocsp_world *w)
{
    struct fault f;

    if (ocsp_responder_scan(w->r, w->dir, &f) < 0)
        fail_msg("%s", f.text);
}

void ocsp_world_delegate(struct ocsp_world *w, const struct ocsp_place *p)
{
    EVP_PKEY *key = test_key(p->delegate_key);
    uint8_t owner[32];
    struct cert c;
    struct fault f;

    assert_int_equal(cert_parse(buf_slice(&p->issuer), &c, &f), 0);
    spki_hash(&c.key, owner);
    assert_int_equal(EVP_PKEY_up_ref(key), 1);
    if (ocsp_responder_delegate(w->r, owner, key, buf_slice(&p->delegate), &f) < 0)
        fail_msg("%s", f.text);
}

void ocsp_world_settings(struct ocsp_world *w, const struct ocsp_settings *s)
{
    struct fault f;

    ocsp_responder_free(w->r);
    assert_int_equal(ocsp_responder_new(s, &w->r, &f), 0);
    ocsp_world_scan(w);
    ocsp_world_delegate(w, &w->place);
}

int ocsp_world_setup(void **state)
{
    struct ocsp_world *w = calloc(1, sizeof(*w));
    char offset[32];

    snprintf(w->dir, sizeof(w->dir), "/tmp/cerca-ocsp-test.XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    unsetenv("CERCA_TEST_CLOCK_OFFSET");
    w->now = TEST_NOW;
    snprintf(offset, sizeof(offset), "%lld", (long long)(w->now - clock_now()));
    setenv("CERCA_TEST_CLOCK_OFFSET", offset, 1);
    ocsp_place_make(&w->place, KEY_P384, KEY_P256);
    ocsp_world_folder(w, &w->place, "issuing-1", &w->view);
    buf_init(&w->answer.body, OCSP_RESPONSE_MAX);
    buf_init(&w->request, OCSP_REQUEST_MAX);
    ocsp_world_settings(w, &test_settings);
    *state = w;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

int ocsp_world_teardown(void **state)
{
    struct ocsp_world *w = *state;

    ocsp_responder_free(w->r);
    buf_free(&w->answer.body);
    buf_free(&w->request);
    ocsp_place_free(&w->place);
    close(w->view.fd);
    assert_int_equal(nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(w);
    return 0;
}

enum ocsp_status ocsp_ask(struct ocsp_world *w, unsigned k, const EVP_MD *md, size_t nonce)
{
    struct viewfile_row row = row_of(k, VIEWFILE_GOOD, 1);

    ocsp_place_request(&w->place, md, (const uint8_t(*)[SERIAL_LEN]) & row.serial, 1, nonce,
                       &w->request);
    ocsp_answer(w->r, buf_slice(&w->request), w->now, &w->answer);
    return w->answer.status;
}

void ocsp_ask_seen(struct ocsp_world *w, unsigned k, const EVP_MD *md, size_t nonce,
                   struct ocsp_seen *out)
{
    assert_int_equal(ocsp_ask(w, k, md, nonce), OCSP_SUCCESSFUL);
    ocsp_look(&w->place, buf_slice(&w->answer.body), 0, out);
    assert_int_equal(out->nonce.n, nonce);
    assert_true(nonce == 0 || memmem(w->request.p, w->request.n, out->nonce.p, nonce) != NULL);
    buf_free(&out->nonce);
}

struct ocsp_stats ocsp_world_stats(struct ocsp_world *w)
{
    struct ocsp_stats s;

    ocsp_responder_stats(w->r, &s);
    return s;
}
