/*
 * Tables that people bring along, by the first octet: CSV; index.txt of openssl ca and easy-rsa;
 * files of targets and of addresses to leave out, for scans; lists of weak keys; passwords.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/enroll/passwords.h"
#include "lib/key_blocklist.h"
#include "lib/scantargets.h"
#include "lib/utf8.h"
#include "tests/fuzz/fuzz.h"
#include "tools/csv.h"
#include "tools/importindex.h"

static void check_csv(struct slice in)
{
    struct csv c;
    struct fault f;
    uint64_t left = csv_lines(in), n = 0, line = 0;
    int rc;

    csv_init(&c, in);
    while ((rc = csv_next(&c, &f)) == 0) {
        FUZZ_CHECK(c.n > 0 && c.n <= CSV_FIELDS_MAX && c.line > line && ++n <= left);
        for (size_t i = 0; i < c.n; i++)
            FUZZ_CHECK(utf8_valid(slice_str(c.field[i])) && strlen(c.field[i]) <= CSV_FIELD_MAX);
        line = c.line;
    }
    if (rc < 0)
        fuzz_refused(rc, &f);
    csv_free(&c);
}

static void check_index(struct slice in)
{
    static struct index_entry e;
    FILE *file = in.n == 0 ? NULL : fmemopen((void *)(uintptr_t)in.p, in.n, "r");
    struct index_reader r;
    struct fault f;
    int rc;

    if (file == NULL)
        return;
    index_begin(&r, file);
    while ((rc = index_next(&r, &e, &f)) != 1) {
        if (rc == 0)
            FUZZ_CHECK(e.line > 0 && index_same_serial(e.serial, e.serial));
        else
            fuzz_refused(rc, &f);
    }
    index_end(&r);
    (void)fclose(file);
}

static void check_targets(struct slice in, bool exclude)
{
    const char *path = fuzz_file("targets", in);
    struct scan_targets t;
    struct fault f;
    int rc;

    scan_targets_init(&t);
    rc = exclude ? scan_targets_exclude(&t, path, &f) : scan_targets_add(&t, path, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    scan_targets_free(&t);
}

static void check_blocklist(struct slice in)
{
    static const uint8_t hash[32];
    struct key_blocklist *l = NULL;
    struct fault f;
    int rc = key_blocklist_load(fuzz_file("keys", in), &l, &f);

    if (rc != 0)
        fuzz_refused(rc, &f);
    else
        FUZZ_CHECK(!key_blocklist_has(l, hash) || key_blocklist_count(l) > 0);
    key_blocklist_free(l);
}

static void check_passwords(struct slice in)
{
    struct passwords *p = NULL;
    struct fault f;
    int rc = passwords_load(fuzz_file("passwords", in), &p, &f);

    if (rc != 0)
        fuzz_refused(rc, &f);
    else
        FUZZ_CHECK(passwords_count(p) <= PASSWORDS_MAX);
    passwords_free(p);
}

static void run(struct slice in)
{
    unsigned what = fuzz_octet(&in) % 6;

    if (what == 0)
        check_csv(in);
    else if (what == 1)
        check_index(in);
    else if (what < 4)
        check_targets(in, what == 2);
    else if (what == 4)
        check_blocklist(in);
    else
        check_passwords(in);
}

const struct fuzz_target fuzz_target = {.form = FUZZ_OCTETS, .run = run};
