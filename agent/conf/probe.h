/*
 * Where a service is looked at: "HOST:PORT", a name or an address ("[2001:db8::1]:443"), and behind
 * blanks
 *
 *   sni=NAME       the name that is asked for; without it the host, if it is a name
 *   starttls=WORD  smtp, imap, pop3, ldap, postgres, mysql: what is said before TLS; none
 */
#ifndef AGENT_CONF_PROBE_H
#define AGENT_CONF_PROBE_H

#include "lib/fault.h"
#include "lib/scanresult.h"

struct probe {
    char host[SCAN_HOST_MAX];
    char sni[SCAN_HOST_MAX];
    bool has_sni;
    uint16_t port;
    enum scan_starttls starttls;
};

/* Rule "probe.text". */
int probe_parse(const char *text, struct probe *out, struct fault *f) WARN_UNUSED;

#endif
