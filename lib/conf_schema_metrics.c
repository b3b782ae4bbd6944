/* The schema: metrics. */
#include "lib/conf_table.h"

/* A key is a few lines here, its help the last. */
/* clang-format off */

#define IN(field) .at = offsetof(struct conf, field)

static const struct conf_key metrics_keys[] = {
    {.name = "listen", .type = CONF_TEXT, IN(metrics_listen), .fallback = "",
     .check = conf_check_listen, .example = "127.0.0.1",
     .help = "IP address on which cerca-admin serves /metrics for Prometheus, over HTTP and to "
             "anyone who reaches it; \"\" turns it off. Anything but this host's own address is "
             "better behind a proxy with TLS."},
    {.name = "port", .type = CONF_PORT, IN(metrics_port), .min = 1, .max = 65535,
     .fallback = "9163",
     .help = "TCP port for that."},
    {.name = "names", .type = CONF_TEXTS, IN(metrics_names),
     .at_too = offsetof(struct conf, n_metrics_names), .max = LIST_MAX, .fallback = "",
     .example = "www.example.com",
     .help = "Names whose newest valid certificates have series of their own; of all others there "
             "are only sums."},
    {.name = "user", .type = CONF_USER, IN(metrics_user),
     .at_too = offsetof(struct conf, has_metrics_user), .fallback = "",
     .help = "User that cerca-admin runs as, by name or number; \"\": the one that started "
             "cercad. It reads no file at all."},
};

const struct conf_section conf_metrics = {
    .name = "metrics", KEYS(metrics_keys), .help = "What dashboards and alarms are made of.",
};

/* clang-format on */
