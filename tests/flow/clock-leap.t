#!/bin/bash
# The clock leaps by a year, forward and back, under a CA that runs: an operator is told of that, once
# each time, and nobody of ends that are not near.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
year=$((365 * 86400))
clock=$scratch/clock
moved() { # SECONDS
    printf '%-32s' "$1" | dd of="$clock" conv=notrunc status=none
}
moved 0
export CERCA_TEST_CLOCK_OFFSET=@$clock

ca_init || bail 'no CA'
echo 'alerts = { after = "none"; backup_age = "none"; };' >>"$ca_dir/cerca.conf"
ca_start || bail 'it does not start'
issue() { # NAME
    cerca issue --profile tls-server --san "dns:$1.leap.example" --key-out "$1.key" --force --out "$1.pem" --timeout 20
}
told() { # FILTER: the alert about issuing
    cerca alerts list --all -o json | jq -e "any(.[]; .rule == \"ca.issuing\" and ($1))"
}
waits() { cerca status -o json | jq -e 'any(.items[]; .name == "lifecycle" and .state == "waiting")'; }
evaluates() { cerca status -o json | jq -e 'any(.items[]; .name == "lifecycle" and .state == "ready")'; }
expiries() { cerca alerts list --all -o json | jq '[.[] | select(.rule == "expiry")] | length'; }

ok 'a certificate' issue one
ok 'is evaluated' wait_until 20 evaluates
times() { cerca alerts list --all -o json | jq '[.[] | select(.rule == "ca.issuing") | .times] | add // 0'; }
before=$(times) # of a slow start
for leap in $year -$year; do
    moved "$leap"
    ok "by $leap s: somebody is told, as critical" wait_until 30 told \
        '.state == "raised" and .severity == "critical" and (.summary | test("clock"))'
    ok '... with what to do' told '.summary | test("cerca open")'
    ok '... the inventory waits' wait_until 20 waits
    fails '... and nothing is issued' 1 'rule clock' issue two
    like '... who asks is told that the time is in doubt' <(cerca explain one.leap.example) '^  blocked +the clock'
    is '... nor is anybody told of an end' "$(expiries)" 0
    moved 0
    ok 'set right it is over' wait_until 30 told '.state == "resolved"'
    ok '... the inventory is evaluated' wait_until 20 evaluates
done
is 'each time was one alert' "$(($(times) - before))" 2
is 'and there was none of an end' "$(expiries)" 0
ok 'it issues' issue three
ok 'the store is sound' cerca store check

done_testing
