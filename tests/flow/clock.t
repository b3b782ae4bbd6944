#!/bin/sh
# A clock in doubt stops issuing and nothing else; it goes on once the clock is right, or when an
# operator says that it is right as it is.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

day=86400

count=0
issue() {
    count=$((count + 1))
    cerca issue --profile tls-server --san "dns:n$count.clock.example" --timeout 20 \
        --key-out "$scratch/$count.key" --out "$scratch/$count.pem"
}

# start OFFSET: in seconds. A CA that does not issue is never well.
answers() {
    cerca list --timeout 5
}
start() {
    CERCA_TEST_CLOCK_OFFSET=$1 cercad -c "$CERCA_CONF" >>"$scratch/cercad.log" 2>&1 &
    ca_pid=$!
    wait_until 30 answers
}

stopped_by() { # PATTERN
    cerca status --timeout 5 -o json |
        jq -e --arg p "$1" 'any(.items[]; .name == "issuing" and (.ok | not) and (.text | test($p)))'
}

ca_init || bail 'no CA'
ca_start || bail 'it does not start'
ok 'the clock is right' issue
first=$(openssl x509 -in "$scratch/1.pem" -noout -serial | sed 's/serial=//')
ca_stop

start $((-2 * day))
fails 'two days behind the newest commit nothing is issued' 1 clock.behind issue
ok 'the status says so' wait_until 10 stopped_by 'behind the newest commit'
ok 'revoking goes on' cerca revoke "$first" --reason superseded
ca_stop
start 0
ok 'it issues again by itself once the clock is right' wait_until 10 issue
ca_stop

start $((40 * day))
fails 'forty days ahead of it neither' 1 clock.away issue
ok 'the status says so' wait_until 10 stopped_by '40 days ahead'
ca_stop
start $((40 * day))
fails 'nor after another start' 1 clock.away issue
ca_stop
start 0
ok 'what was recorded meanwhile does not stand in the way once it is right' wait_until 10 issue
ca_stop

start $((40 * day))
ok 'an administrator accepts the clock as it is' cerca open --reason 'it was off for long'
ok 'then it issues' issue
ca_stop
start $((40 * day))
ok 'after another start too' issue
ok 'the store is sound' cerca store check

done_testing
