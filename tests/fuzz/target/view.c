/*
 * The public view's files (lib/viewfile.h). The input begins with the lengths of its parts
 * (fuzz_piece): `current`, the snapshot, the log. By the first octet hashes and checksums are made
 * right, as who damages by intent would.
 */
#include "lib/viewfile.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/viewseal.h"

static void look(struct viewfile *v)
{
    static const uint8_t serial[SERIAL_LEN] = {0x40};
    struct viewfile_info info;
    struct viewfile_row row;
    struct fault f;

    viewfile_info(v, &info);
    if (viewfile_lookup(v, serial, &row) == 0)
        FUZZ_CHECK(row.status >= VIEWFILE_GOOD && row.status <= VIEWFILE_REVOKED);
    (void)viewfile_fresh(v);
    (void)!viewfile_refresh(v, &f);
}

static void run(struct slice in)
{
    static const uint8_t no_owner[32];
    unsigned how = fuzz_octet(&in) % VIEWSEAL_OWNER;
    struct viewfile *v = NULL;
    struct buf file;
    struct fault f;
    int rc;

    (void)fuzz_file("current", fuzz_piece(&in));
    buf_init(&file, VIEWFILE_LOG_START + in.n);
    viewseal_snapshot(fuzz_piece(&in), how, no_owner, &file);
    (void)fuzz_file("snapshot.1", buf_slice(&file));
    buf_reset(&file);
    viewseal_log(in, how, no_owner, &file);
    (void)fuzz_file("log.1", buf_slice(&file));
    buf_free(&file);
    rc = viewfile_open(fuzz_folder(), &v, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    else
        look(v);
    viewfile_close(v);
}

const struct fuzz_target fuzz_target = {.form = FUZZ_OCTETS, .run = run};
