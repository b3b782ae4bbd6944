#!/bin/bash
# A scan of real servers, in their own protocols before TLS: nginx, postfix, dovecot (IMAP and POP3), slapd,
# postgresql.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/services.sh
. "$(dirname "$0")/services.sh"
own_host "$0" "$@"
cd "$scratch" || exit 1

for server in nginx postfix dovecot slapd postgresql; do
    server_setup $server >"$scratch/setup" 2>&1
    ok "$server starts" server_start $server
    cp "$scratch/first.pem" "$scratch/$server.pem"
done

ok 'all of them are scanned' cerca scan -o json --per-network 0 127.0.0.1:443,25,143,110,389,5432
cp "$out" found
takes() { # PORT STARTTLS: true or false for each version, as openssl finds it
    for version in tls1 tls1_1 tls1_2 tls1_3; do
        # shellcheck disable=SC2046 # none, or two words
        if openssl s_client -connect "127.0.0.1:$1" $([ "$2" = none ] || echo "-starttls $2") -$version \
            -cipher ALL:@SECLEVEL=0 </dev/null 2>/dev/null | grep -q 'BEGIN CERTIFICATE'; then
            echo true
        else
            echo false
        fi
    done | tr '\n' ' '
}
while read -r server port starttls; do
    is "$server serves what it was given ($port, $starttls)" \
        "$(jq -r "select(.port == $port) | [.outcome, .starttls, .chain[0].serial] | join(\" \")" found)" \
        "served $starttls $(serial_of "$scratch/$server.pem")"
    is '... by the versions that openssl finds too' \
        "$(jq -r "select(.port == $port) | .versions | to_entries | sort_by(.key) | .[].value" found | tr '\n' ' ')" \
        "$(takes "$port" "$starttls")"
    is '... and some suites of each' \
        "$(jq -r "select(.port == $port) | .suites_complete and (.suites[\"TLS1.3\"] | length) > 1" found)" true
done <<'END'
nginx 443 none
postfix 25 smtp
dovecot 143 imap
dovecot 110 pop3
slapd 389 ldap
postgresql 5432 postgres
END

for server in nginx postfix dovecot slapd postgresql; do
    ok "$server stops" server_stop $server
done

done_testing
