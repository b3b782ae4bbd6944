/* The development configuration with one thing changed, and what must come of it. */
#ifndef TESTS_UNIT_CONF_HELP_H
#define TESTS_UNIT_CONF_HELP_H

#include "lib/conf.h"

#define CONF_TEST_PATH "/data/ca/cerca.conf" /* needs not exist: the text is given */

extern const struct conf_dev conf_test_dev;

/* The development configuration with its first `from` replaced. The caller frees `out`. */
void conf_changed(const char *from, const char *to, struct buf *out);
/* It loads; the test fails otherwise. */
struct conf *conf_accepted(const char *from, const char *to);
/* Loading `text` is refused by `rule`, at the line on which `at` stands first. */
void conf_refused_at(const char *text, const char *at, const char *rule, const char *says);

struct conf_wrong {
    const char *from, *to; /* what is changed in the development configuration */
    const char *at;        /* what stands on the line that is named; NULL: `to` */
    const char *rule, *says;
};

void conf_refuse_all(const struct conf_wrong *cases, size_t n);

#endif
