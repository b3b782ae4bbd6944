#!/bin/bash
# What make install puts where, works from there.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

dest=$scratch/dest
# As a package is built, under a tight umask: modes are those of the installation, not of the builder.
ok 'make install puts everything below DESTDIR' \
    make -s -C "$root" install "BUILD=$CERCA_RELEASE_BUILD" "DESTDIR=$dest" PREFIX=/usr
is 'nothing lands outside of PREFIX' "$(ls -A "$dest")" usr
is 'the command is in bin' "$(ls "$dest/usr/bin")" cerca
is 'the daemons are in sbin' "$(cd "$dest/usr/sbin" && echo *)" 'cerca-admin cerca-agent cerca-agent-key cerca-ca cerca-enroll cerca-public cerca-scan cerca-signer cerca-watch cercad'
is 'each manual page is there' \
    "$(cd "$dest/usr/share/man" && find . -type f | sort | tr '\n' ' ')" \
    './man1/cerca-agents.1 ./man1/cerca-alerts.1 ./man1/cerca-campaign.1 ./man1/cerca-ct.1 ./man1/cerca-est.1 ./man1/cerca-explain.1 ./man1/cerca-findings.1 ./man1/cerca-observations.1 ./man1/cerca-report.1 ./man1/cerca-scan.1 ./man1/cerca-scans.1 ./man1/cerca.1 ./man5/cerca-agent.conf.5 ./man5/cerca.conf.5 ./man8/cerca-admin.8 ./man8/cerca-agent-key.8 ./man8/cerca-agent.8 ./man8/cerca-ca.8 ./man8/cerca-enroll.8 ./man8/cerca-public.8 ./man8/cerca-scan.8 ./man8/cerca-signer.8 ./man8/cerca-watch.8 ./man8/cercad.8 '
is 'everybody may read what is installed' "$(find "$dest/usr" ! -perm -444)" ''
is 'nobody but its owner may change it' "$(find "$dest/usr" -type f -perm /022)" ''
like 'a unit starts the program that is installed' \
    "$dest/usr/lib/systemd/system/cerca-ca.service" '^ExecStart=/usr/sbin/cerca-ca -c '
ok 'bash reads the installed completion' bash -n "$dest/usr/share/bash-completion/completions/cerca"
ok 'that of the agent too' bash -n "$dest/usr/share/bash-completion/completions/cerca-agent"
like 'zsh finds what its completion is for' "$dest/usr/share/zsh/site-functions/_cerca" '^#compdef cerca$'
# Its users are those of an installed package.
sed 's/user = "cerca-[a-z]*"/user = "nobody"/' "$dest/usr/share/cerca/service.conf" >"$scratch/service.conf"
ok 'the service configuration is sound' "$dest/usr/bin/cerca" conf check -c "$scratch/service.conf"
ok 'nginx as a cache is there' test -s "$dest/usr/share/cerca/nginx/cerca-public.conf"
ok 'rules for Prometheus' promtool check rules "$dest/usr/share/cerca/prometheus/cerca.rules.yml"
ok 'a dashboard for Grafana' jq -e '.panels | length > 0' "$dest/usr/share/cerca/grafana/cerca.json"
ok 'and the example' "$dest/usr/bin/cerca" conf check -c "$dest/usr/share/cerca/cerca.conf.example"
ok 'another prefix changes the unit' \
    make -s -C "$root" install "BUILD=$CERCA_RELEASE_BUILD" "DESTDIR=$dest" PREFIX=/opt/cerca
like 'to the place of that prefix' \
    "$dest/opt/cerca/lib/systemd/system/cerca-ca.service" '^ExecStart=/opt/cerca/sbin/cerca-ca -c '
like 'and of what starts them' "$dest/opt/cerca/lib/cerca/units" '\$\(/opt/cerca/sbin/cercad --plan '

PATH=$dest/usr/bin:$dest/usr/sbin:$PATH
is 'the installed programs are the ones run' "$(command -v cerca) $(command -v cercad)" \
    "$dest/usr/bin/cerca $dest/usr/sbin/cercad"
ok 'the installed cerca finds the installed daemons' ca_init
ok 'and the installed cercad runs them' ca_start
ok 'which issue' cerca issue --profile tls-server --key-out "$scratch/key" --san dns:a.example

done_testing
