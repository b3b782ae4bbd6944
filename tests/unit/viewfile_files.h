/* The public view's files, made by hand for the tests of their reader. */
#ifndef TESTS_UNIT_VIEWFILE_FILES_H
#define TESTS_UNIT_VIEWFILE_FILES_H

#include <sys/types.h>

#include "lib/viewfile.h"

struct folder {
    char dir[64];
    int fd;
    struct viewfile_header header;
    uint64_t chain;
    uint64_t count;
};

int viewfile_files_setup(void **state);
int viewfile_files_teardown(void **state);
struct viewfile_row row_of(unsigned k, enum viewfile_status status, uint64_t change);
/* Writes all of it. */
void put(int fd, const void *p, size_t n, off_t at);
void make_current(const struct folder *d, const char *text);
/* Rows 0, 2, 4 ... below 2 * n, good, of changes 1 to n. */
void make_snapshot(struct folder *d, uint64_t g, unsigned n);
void make_log(struct folder *d, uint64_t g);
struct viewfile_log open_log(const struct folder *d, uint64_t g);
/* One record, and `count`. */
void append(struct folder *d, uint64_t g, const struct viewfile_row *r);
/* Generation 1: that snapshot and an empty log. */
void make_view(struct folder *d, unsigned n);
struct viewfile *open_files(const struct folder *d);
void assert_refused(const struct folder *d);
void assert_is(const struct viewfile *v, const struct viewfile_row *want);
#define FILES_TEST(name)                                                                           \
    cmocka_unit_test_setup_teardown(name, viewfile_files_setup, viewfile_files_teardown)

#endif
