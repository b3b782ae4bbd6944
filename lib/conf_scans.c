/* Scans in the configuration: their targets, and what one key alone cannot show. */
#include <stdio.h>
#include <string.h>

#include "lib/conf_schema.h"
#include "lib/scantargets.h"

int conf_scan_targets(const struct conf_scan *s, struct scan_targets *out, struct fault *f)
{
    int rc;

    scan_targets_init(out);
    out->no_files = true; /* the daemon has none, and another folder than who checks */
    out->names = (const char *const *)s->sni;
    out->n_names = s->n_sni;
    rc = scan_targets_ports(out, s->ports, f);
    for (size_t i = 0; rc == 0 && i < s->n_targets; i++)
        rc = scan_targets_add(out, s->targets[i], f);
    for (size_t i = 0; rc == 0 && i < s->n_exclude; i++)
        rc = scan_targets_exclude(out, s->exclude[i], f);
    if (rc != 0)
        scan_targets_free(out);
    return rc;
}

int conf_check_scans(const struct conf_reader *r, struct fault *f)
{
    for (size_t i = 0; i < r->conf->n_scans; i++) {
        const struct conf_scan *s = &r->conf->scans[i];
        struct scan_targets t;
        struct fault why;

        fault_clear(&why);
        if (conf_scan_targets(s, &t, &why) != 0)
            return conf_refuse(r, conf_line(r, "scans", s->name, "targets"), "conf.value",
                               "scans.targets", f, "scan \"%s\": %s", s->name, why.text);
        scan_targets_free(&t);
    }
    return 0;
}
