/*
 * Files that people import (client/import.h), as `cerca import` and the agent read them: PEM, DER,
 * PKCS#7, PKCS#12, manifests of Kubernetes.
 */
#include <stdlib.h>
#include <unistd.h>

#include <fcntl.h>

#include "client/import.h"
#include "lib/der.h"
#include "tests/fuzz/fuzz.h"

#define PASSWORD "password"
/* What a file may ask for of work on its password is bounded, but takes seconds: too long here. */
#define WORK_MAX 5000
#define DEPTH_MAX 12

static struct import_reader reader;

static int certificate(void *arg, const struct import_place *at, struct slice der,
                       const struct import_status *status)
{
    (void)arg;
    (void)status;
    FUZZ_CHECK(at->file != NULL && der.n > 0);
    return 0;
}

static int refused(void *arg, const struct import_place *at, const struct fault *f)
{
    (void)arg;
    FUZZ_CHECK(at->file != NULL && f->code != FAULT_NONE && f->text[0] != '\0');
    return 0;
}

static int skipped(void *arg, const char *file, const char *why)
{
    (void)arg;
    FUZZ_CHECK(file != NULL && why[0] != '\0');
    return 0;
}

/* Is there a number in it that might be so many iterations? */
static bool works_long(struct slice in, unsigned depth)
{
    struct slice contents, whole;
    uint64_t n;
    uint8_t tag;

    while (depth < DEPTH_MAX && der_get_any(&in, &tag, &contents, &whole) == 0) {
        if (tag == DER_INTEGER && der_get_u64(&whole, &n) == 0 && n > WORK_MAX)
            return true;
        if (((tag & 0x20) != 0 || tag == DER_OCTET_STRING) && works_long(contents, depth + 1))
            return true;
    }
    return false;
}

static void begin(void)
{
    reader = (struct import_reader){
        .sink = {NULL, certificate, refused, skipped},
        .password_file = fuzz_file("password", slice_str(PASSWORD "\n")),
    };
    import_prepare();
}

static void run(struct slice in)
{
    struct import_status status = {0};
    const char *path;
    int fd;

    if (works_long(in, 0))
        return;
    path = fuzz_file("file", in);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    FUZZ_CHECK(fd >= 0);
    FUZZ_CHECK(import_file(&reader, fd, "file", true, &status) == 0);
    (void)close(fd);
}

const struct fuzz_target fuzz_target = {.form = FUZZ_DER, .begin = begin, .run = run};
