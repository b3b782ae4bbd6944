/*
 * What a client of our servers says beside its body, by the first octet: paths, dates and
 * conditions, EST's paths and bodies, credentials, hints, media types, reports of agents.
 */
#include <stdlib.h>
#include <string.h>

#include "enroll/credentials.h"
#include "enroll/hint.h"
#include "enroll/report.h"
#include "est/body.h"
#include "est/keygen.h"
#include "est/path.h"
#include "lib/http.h"
#include "tests/fuzz/fuzz.h"

#define NOW 1800000000
#define ROOM ((size_t)1 << 17)

static void check_path(const char *text)
{
    uint8_t room[ENROLL_KEYID_MAX];
    struct enroll_hint_request hint;
    char path[HTTP_PATH_MAX];
    struct est_path p;

    if (http_path(text, path) == 0)
        FUZZ_CHECK(strlen(path) < HTTP_PATH_MAX && path[0] == '/');
    if (est_path_parse(text, &p) == 0)
        FUZZ_CHECK(p.operation != NULL && (p.label[0] == '\0' || est_label_valid(p.label)));
    memset(&hint, 0, sizeof(hint));
    if (hint_path(text, &hint, room) == 0 && hint.of == HINT_OF_SERIAL)
        FUZZ_CHECK(hint.keyid.n > 0 && hint.keyid.n <= ENROLL_KEYID_MAX);
}

/* Fields one after the other (fuzz_piece). */
static void check_conditions(struct slice in)
{
    struct http_validators v = {.etag = "\"0123\"", .last_modified = NOW - 1000, .size = 1000};
    char *field[4];
    uint64_t first = 0, length = 0;
    int64_t t;

    for (size_t i = 0; i < 4; i++)
        field[i] = fuzz_text(fuzz_piece(&in));
    if (http_judge(&v, &(struct http_conditions){field[0], field[1], field[2], field[3]}, NOW,
                   &first, &length) == HTTP_PART)
        FUZZ_CHECK(first < v.size && length > 0 && length <= v.size - first);
    for (size_t i = 0; i < 4; i++) {
        if (http_date_get(field[i], NOW, &t) == 0) {
            char date[HTTP_DATE_SIZE];
            int64_t again;

            http_date_put(t, date);
            FUZZ_CHECK(http_date_get(date, NOW, &again) == 0 && again == t);
        }
        free(field[i]);
    }
}

static void check_credentials(const char *text)
{
    struct credentials c;
    struct fault f;
    int rc = credentials_get(text, &c, &f);

    if (rc != 0)
        fuzz_refused(rc, &f);
    else
        FUZZ_CHECK(c.there && c.secret.n <= CREDENTIALS_SECRET_MAX);
    credentials_free(&c);
}

static void check_body(struct slice in)
{
    static const char *const labels[] = {"PKCS7", "CERTIFICATE REQUEST", NULL};
    struct buf out, again, text;
    struct fault f;
    int rc;

    buf_init(&out, ROOM);
    buf_init(&again, ROOM);
    buf_init(&text, 2 * ROOM);
    rc = est_body_get(in, labels, &out, &f);
    if (rc != 0) {
        fuzz_refused(rc, &f);
    } else if (out.n > 0 && out.p[0] == 0x30) { /* text of other octets may look like DER itself */
        est_body_put(&text, buf_slice(&out));
        FUZZ_CHECK(est_body_get(buf_slice(&text), labels, &again, &f) == 0);
        FUZZ_CHECK(slice_eq(buf_slice(&out), buf_slice(&again)));
    }
    buf_free(&out);
    buf_free(&again);
    buf_free(&text);
}

/* A Content-Type (fuzz_piece), then the body. */
static void check_keygen(struct slice in)
{
    char *type = fuzz_text(fuzz_piece(&in));
    struct buf key, certs;
    struct fault f;
    bool sealed;
    int rc;

    buf_init(&key, KEYGEN_KEY_MAX);
    buf_init(&certs, EST_BODY_MAX);
    rc = keygen_answer_get(type, in, &key, &sealed, &certs, &f);
    if (rc != 0) {
        fuzz_refused(rc, &f);
        FUZZ_CHECK(key.n == 0 && certs.n == 0);
    }
    (void)est_type_is(type, "application/pkcs10");
    buf_free(&key);
    buf_free(&certs);
    free(type);
}

/* What is taken becomes a message that its reader takes. */
static void check_report(struct slice in)
{
    static struct agent_entry entry;
    struct enroll_report head = {.address = "192.0.2.1"}, read;
    struct agent_found found;
    struct fault f;
    struct wire_in w;
    struct buf out;
    int rc;

    head.chain = slice_str("x");
    buf_init(&out, FRAME_BODY_MAX);
    rc = report_write(in, &head, &out, &f);
    if (rc != 0) {
        fuzz_refused(rc, &f);
        buf_free(&out);
        return;
    }
    FUZZ_CHECK(enroll_report_get(buf_slice(&out), &read, &w) == 0);
    for (uint32_t i = 0; i < read.n; i++)
        agent_entry_get(&w, &entry);
    for (uint32_t i = 0; i < read.n_found; i++)
        agent_found_get(&w, &found);
    FUZZ_CHECK(wire_in_done(&w));
    buf_free(&out);
}

static void begin(void)
{
    report_prepare();
}

static void run(struct slice in)
{
    unsigned what = fuzz_octet(&in) % 6;
    char *text = fuzz_text(in);

    if (what == 0)
        check_path(text);
    else if (what == 1)
        check_conditions(in);
    else if (what == 2)
        check_credentials(text);
    else if (what == 3)
        check_body(in);
    else if (what == 4)
        check_keygen(in);
    else
        check_report(in);
    free(text);
}

const struct fuzz_target fuzz_target = {.form = FUZZ_OCTETS, .begin = begin, .run = run};
