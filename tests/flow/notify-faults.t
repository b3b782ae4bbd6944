#!/bin/sh
# A notice whose first delivery fails, and whoever had it is killed: it comes again, as the same one.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/notify.sh
. "$(dirname "$0")/notify.sh"
trap 'stop_peers; cleanup' EXIT

cd "$scratch" || exit 1
peer_certificates || bail 'no certificates'
secret hook 'a key for signatures'
start_http
ca_init || bail 'no CA'
echo 'alerts = { heartbeat = "1h"; };' >>"$ca_dir/cerca.conf"
channels "$(hook slow /drip 'heartbeat = true; timeout = "60s";'), $(hook once /once500 'heartbeat = true;')"
ca_start || bail 'it does not start'

came() { # PATH NUMBER: so many requests
    [ "$(jq -s "[.[] | select(.path == \"$1\")] | length" "$peers/http.log")" -ge "$2" ]
}
ids() { # PATH: different ones
    jq -s "[.[] | select(.path == \"$1\" and .signed) | .id] | unique | length" "$peers/http.log"
}

wait_until 60 came /once500 1
report $? 'a heartbeat comes by itself'
wait_until 60 came /drip 1
report $? 'and another channel is not kept waiting by a slow one'
wait_until 60 sh -c 'cerca notify list --channel once -o json | jq -e ".[0].tries >= 1"'
report $? 'what failed waits'
kill -KILL "$(pid_of cerca-watch)" "$(pid_of cerca-ca)"
wait_until 90 came /once500 2
report $? 'it is told again after both were killed'
wait_until 60 came /drip 2
report $? 'and so is what was under way'
is 'as the same one' "$(ids /once500)" 1
is 'also there' "$(ids /drip)" 1
gone() { [ "$(cerca notify list --channel once -o json | jq length)" = 0 ]; }
wait_until 20 gone
report $? 'and once it was taken it is gone'
ok 'the store is sound' cerca store check
done_testing
