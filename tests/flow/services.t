#!/bin/bash
# Each server of docs/agent-recipes.md starts with the lines that the page shows, and serves what
# lies in the files that it names.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/services.sh
. "$(dirname "$0")/services.sh"
own_host "$0" "$@"

for server in nginx apache2 haproxy postfix dovecot slapd postgresql mosquitto freeradius openvpn \
    strongswan; do
    server_setup "$server" >"$scratch/setup" 2>&1
    ok "$server starts" server_start "$server"
    is 'and serves' "$(served "$server")" "$(serial_of "$scratch/first.pem")"
    ok 'until it stops' server_stop "$server"
done

done_testing
