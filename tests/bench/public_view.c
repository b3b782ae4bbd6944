/*
 * What cerca-public is measured with: a view of many certificates, its OCSP responder, requests.
 *
 *   public_view DIR ROWS ASKED
 *
 * DIR is a CA's folder (cerca init --dev), of which the configuration is used. Writes
 *   view/bench-1   ROWS certificates, all good (tests/bench/help/sample.h)
 *   keep           for cerca-public's --keep-fd: the key and the certificate that it answers with
 *   get, post      OCSP requests for ASKED of them for http_load, by GET and by POST
 *   root/ocsp/...  the answers to those GETs, each a file, for a server of files
 * and prints the octets of one answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "ocsp/responder.h"
#include "lib/keep.h"
#include "tests/bench/help/sample.h"

#define PATH_SIZE 512

static const char *dir;
static uint64_t rows, asked;
static struct sample sample;
static struct ocsp_responder *responder;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "public_view: %s\n", what);
    exit(1);
}

static void path_in(const char *name, char out[PATH_SIZE])
{
    int n = snprintf(out, PATH_SIZE, "%s/%s", dir, name);

    if (n < 0 || n >= PATH_SIZE)
        die("the path is too long");
}

static void write_keep(void)
{
    char path[PATH_SIZE];
    unsigned char *der = NULL;
    int n = i2d_PrivateKey(sample.delegate_key, &der), fd;
    struct kept k = {.certificate = buf_slice(&sample.delegate)};

    path_in("keep", path);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (n <= 0 || fd < 0)
        die("cannot keep the key");
    memcpy(k.owner, sample.owner, sizeof(k.owner));
    k.key = slice_of(der, (size_t)n);
    keep_write(fd, &k, 1);
    OPENSSL_clear_free(der, (size_t)n);
    (void)close(fd);
}

static void start_responder(const char *view)
{
    const struct ocsp_settings s = {.validity = 86400, .view_age_max = 3600, .http_age = 3600};
    struct fault f;

    if (ocsp_responder_new(&s, &responder, &f) != 0 ||
        ocsp_responder_scan(responder, view, &f) != 0)
        die(f.text);
    EVP_PKEY_up_ref(sample.delegate_key);
    if (ocsp_responder_delegate(responder, sample.owner, sample.delegate_key,
                                buf_slice(&sample.delegate), &f) != 0)
        die(f.text);
}

/* --- requests --------------------------------------------------------------------------------- */

/* RFC 6960 A.1: what a path cannot have is encoded, and the slash with it. */
static void put_url(struct slice request, bool encoded, struct buf *out)
{
    struct buf text;

    buf_init(&text, 1024);
    base64_put(&text, request, 0);
    for (const char *c = buf_cstr(&text); *c != '\0'; c++)
        if (encoded && strchr("+/=", *c) != NULL)
            buf_printf(out, "%%%02X", (unsigned)*c);
        else
            buf_put_u8(out, (uint8_t)*c);
    buf_free(&text);
}

static void put_u32(FILE *to, size_t n)
{
    uint32_t v = (uint32_t)n;

    if (fwrite(&v, sizeof(v), 1, to) != 1)
        die("cannot write requests");
}

/* As http_load.c reads it: what the answer has in it, then the request. */
static void write_request(FILE *to, struct slice has, struct slice request)
{
    put_u32(to, has.n);
    put_u32(to, request.n);
    if (fwrite(has.p, has.n, 1, to) != 1 || fwrite(request.p, request.n, 1, to) != 1)
        die("cannot write requests");
}

static void make_folders(char *path)
{
    for (char *c = path + strlen(dir) + 1; (c = strchr(c, '/')) != NULL; *c++ = '/') {
        *c = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            die(path);
    }
}

static size_t write_answer(struct slice request)
{
    static struct ocsp_answer a = {.body = {.max = OCSP_RESPONSE_MAX}};
    struct buf path;
    FILE *to;

    ocsp_answer(responder, request, clock_now(), &a);
    if (a.status != OCSP_SUCCESSFUL)
        die(ocsp_status_name(a.status));
    buf_init(&path, 2048);
    buf_printf(&path, "%s/root/ocsp/", dir);
    put_url(request, false, &path);
    buf_put_u8(&path, '\0');
    make_folders((char *)path.p);
    to = fopen((const char *)path.p, "we");
    if (to == NULL || fwrite(a.body.p, a.body.n, 1, to) != 1 || fclose(to) != 0)
        die("cannot write an answer");
    buf_free(&path);
    return a.body.n;
}

static FILE *create(const char *name)
{
    char path[PATH_SIZE];
    FILE *f;

    path_in(name, path);
    f = fopen(path, "we");
    if (f == NULL)
        die(path);
    return f;
}

static size_t write_requests(void)
{
    struct buf request = {.max = OCSP_REQUEST_MAX}, http = {.max = 4096};
    FILE *get = create("get"), *post = create("post");
    size_t octets = 0;

    for (uint64_t n = 0; n < asked; n++) {
        uint64_t row = n * (rows / asked);
        uint8_t serial[SERIAL_LEN];

        sample_serial(row, serial);
        buf_reset(&request);
        sample_request(&sample, row, SLICE_NONE, &request);
        buf_reset(&http);
        buf_put_str(&http, "GET /ocsp/");
        put_url(buf_slice(&request), true, &http);
        buf_put_str(&http, " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        write_request(get, slice_of(serial, SERIAL_LEN), buf_slice(&http));
        buf_reset(&http);
        buf_printf(&http,
                   "POST /ocsp HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                   "Content-Type: application/ocsp-request\r\nContent-Length: %zu\r\n\r\n",
                   request.n);
        buf_put_slice(&http, buf_slice(&request));
        write_request(post, slice_of(serial, SERIAL_LEN), buf_slice(&http));
        octets = write_answer(buf_slice(&request));
    }
    if (fclose(get) != 0 || fclose(post) != 0)
        die("cannot write requests");
    buf_free(&request);
    buf_free(&http);
    return octets;
}

int main(int argc, char **argv)
{
    char view[PATH_SIZE];

    rows = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
    asked = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
    if (asked == 0 || rows < asked)
        die("usage: public_view DIR ROWS ASKED");
    dir = argv[1];
    path_in("view", view);
    sample_make(&sample, view, rows);
    write_keep();
    start_responder(view);
    printf("%zu\n", write_requests());
    ocsp_responder_free(responder);
    sample_free(&sample);
    return 0;
}
