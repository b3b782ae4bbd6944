/*
 * What a scan is told to look at: HOST, ADDRESS, ADDRESS-ADDRESS, CIDR or FILE, with ":PORTS"
 * behind. A file has a target a line, "sni=NAME,NAME" behind it where names are known, "#" begins
 * a comment. PORTS are numbers and ranges with commas between, each with "/smtp" and the like where
 * its number does not say what is spoken there (scan_starttls_of_port). An IPv6 address with ports
 * stands in brackets.
 */
#ifndef LIB_SCANTARGETS_H
#define LIB_SCANTARGETS_H

#include "lib/conf.h"
#include "lib/fault.h"
#include "lib/proto_scan.h"

struct scan_targets {
    struct buf ranges; /* as they are sent: scan_range_put, one behind the other */
    size_t *end;       /* of each in `ranges` */
    size_t n, cap;
    uint64_t count; /* addresses times ports, about: what is excluded is counted too */

    /* For what is read next. */
    struct scan_port port[SCAN_PORTS_MAX]; /* where a target has none */
    uint8_t n_ports;
    const char *const *names; /* SNI to ask with, everywhere */
    size_t n_names;
    bool names_only; /* not without a name where there is one */
    bool no_files;   /* a word is what it says, whatever lies there */
};

/* Those of a scan of the configuration; freed by the caller, but for a fault (lib/conf_scans.c).
 */
int conf_scan_targets(const struct conf_scan *s, struct scan_targets *out,
                      struct fault *f) WARN_UNUSED;

/* Port 443, no names. */
void scan_targets_init(struct scan_targets *t);
void scan_targets_free(struct scan_targets *t);
/* The ports of what is read next. Rules "scan.port", "scan.starttls". */
int scan_targets_ports(struct scan_targets *t, const char *ports, struct fault *f) WARN_UNUSED;
/* One word of a command line. Rules "scan.target", those of ports, and of files "file.*". */
int scan_targets_add(struct scan_targets *t, const char *word, struct fault *f) WARN_UNUSED;
/* Addresses not to connect to: ADDRESS, ADDRESS-ADDRESS, CIDR, or a FILE of those. */
int scan_targets_exclude(struct scan_targets *t, const char *word, struct fault *f) WARN_UNUSED;

#endif
