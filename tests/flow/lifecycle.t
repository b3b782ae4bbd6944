#!/bin/bash
# Alerts, findings and what explain says, over a restart, a renewal, and a clock that is a year off.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

day=86400
cd "$scratch" || exit 1
ca_init || bail 'no CA'
export CERCA_CONF=$ca_dir/cerca.conf
cat >>"$CERCA_CONF" <<'END'
alerts = { after = "none"; backup_age = "none"; contact = "pki@example.com"; };
owners = ( { name = "web"; contact = "web@example.com"; } );
END

answers() {
    cerca list --timeout 5
}

# start OFFSET: in seconds
start() {
    CERCA_TEST_CLOCK_OFFSET=$1 cercad -c "$CERCA_CONF" >>"$scratch/cercad.log" 2>&1 &
    ca_pid=$!
    wait_until 30 answers
}

issue() { # NAME VALIDITY MORE...
    local name=$1 validity=$2
    shift 2
    cerca issue --profile tls-server --san "dns:$name" --validity "$validity" --owner web \
        --key-out "$name.key" --out "$name.pem" "$@"
}

alert() { # FILTER
    cerca alerts list --all -o json | jq -e "any(.[]; $1)"
}

evaluated() {
    cerca findings count -o json | jq -e '.[0].evaluated != null'
}

# In the jail that its parent left it.
steps_back() {
    awk '$19 == 19 { least = 1 } END { exit !least }' "/proc/$(pid_of cerca-ca)/task/"*/stat
}

start 0
ok 'what evaluates has the least priority' wait_until 5 steps_back
ok 'one certificate lives for three days' issue soon.example.com 3d
ok 'another one longer' issue later.example.com 60d
ok 'all is evaluated' wait_until 20 evaluated
# Of the CA itself somebody may be told for a moment, where it starts slowly.
open_ones() {
    cerca alerts list -o json | jq -c '[.[] | select(.rule | startswith("ca.") | not)]'
}
is 'nobody is told of them yet' "$(open_ones)" '[]'
ok 'explain says when it is to be renewed' cerca explain soon.example.com
like 'by its state' "$out" 'dns:soon.example.com: ok'
like 'and what comes next' "$out" 'next +somebody has to renew it from 20'
is 'and no other name has that line' "$(cerca explain later.example.com -o json | jq length)" 1
ok 'the status is about what is due' cerca status
like 'which one that has just begun is not' "$out" '^ok +inventory +ready +0 renewals late or stuck, 0 due ones end within 7 days'
fails 'of what nobody knows it says so' 1 'No certificate has this name' cerca explain nothing.example.com
ca_stop

# --- a threshold passes while nobody is there ------------------------------------------------------

later=$((day * 29 / 10))
start $later
expired='.rule == "expiry" and .name == "dns:soon.example.com"'
ok 'what passed meanwhile is told' wait_until 20 alert "$expired"
ok 'as critical, to its owner' alert "$expired and .severity == \"critical\" and .owner == \"web\" and .told == \"owner\" and .state == \"raised\""
is 'and once' "$(open_ones | jq length)" 1
first=$(open_ones | jq -r '.[0].first_seen')
id=$(open_ones | jq -r '.[0].id')
ok 'one alert is shown' cerca alerts show dns:soon.example.com
like 'with who has it' "$out" 'owner +web'
like 'and when it escalates' "$out" 'told again +20'
ok 'explain says that it is late' cerca explain soon.example.com
like 'in plain words' "$out" 'overdue'
like 'with the alert' "$out" 'alert +.*raised, told to the owner'
like 'and the finding' "$out" 'finding +.*never renewed'
ok 'the status says so' cerca status
like 'as what has to be done' "$out" '^todo inventory +late +1 renewals late or stuck, [1-9][0-9]* due ones end within 7 days'
is 'soonest first' "$(grep ^todo "$out" | head -n 1 | cut -d' ' -f2)" inventory
ok 'the list is for people' cerca alerts list
like 'by name' "$out" "${id:0:8} +critical +raised"

ok 'an operator has seen it' cerca alerts ack "${id:0:8}" --note 'on Monday'
ok 'that is kept' alert "$expired and .state == \"acknowledged\" and .note == \"on Monday\" and .next == null"
ok 'and audited' cerca audit log -o json
like 'with who and what' "$out" "acknowledged $id: on Monday"
ca_stop
start $((later + 60))
ok 'after a restart all is evaluated again' wait_until 20 evaluated
ok 'and it is acknowledged still, and was raised once' alert "$expired and .state == \"acknowledged\" and .times == 1 and .first_seen == \"$first\""
ok 'it is taken back' cerca alerts unack "$id"
ok 'and goes on' alert "$expired and .state == \"raised\" and .next != null"
fails 'what does not exist cannot be acknowledged' 1 'no open alert' cerca alerts ack nothing
fails 'nor under a wrong ID' 1 'There is no such alert' cerca alerts ack 00112233445566778899aabbccddeeff

# --- renewed ---------------------------------------------------------------------------------------

ok 'it is renewed' cerca renew "$(openssl x509 -in soon.example.com.pem -noout -serial | sed 's/serial=//')" --key-out new.key --out new.pem
ok 'then the alert is resolved' wait_until 20 alert "$expired and .state == \"resolved\""
is 'and nothing is open' "$(open_ones)" '[]'
fails 'nobody acknowledges what is resolved' 1 'resolved' cerca alerts ack "$id"

# --- the CA itself ---------------------------------------------------------------------------------

ok 'issuing is closed' cerca close --reason 'a drill'
ok 'somebody is told' wait_until 30 alert '.rule == "ca.gate" and .state == "raised"'
ok 'and opened' cerca open
ok 'that is told too' wait_until 30 alert '.rule == "ca.gate" and .state == "resolved"'

# --- findings and exceptions -----------------------------------------------------------------------

ok 'a certificate that nobody owns' cerca issue --profile tls-server --san dns:stray.example.com --key-out stray.key --out stray.pem
found() { # FILTER
    cerca findings list --all -o json | jq -e "any(.[]; $1)"
}
ok 'is a finding' wait_until 20 found '.rule == "owner.missing" and .name == "dns:stray.example.com"'
ok 'listed by its rule' cerca findings list --rule owner.missing
like 'in a table' "$out" 'owner.missing +warning'
is 'and not among those of an owner' "$(cerca findings list --owner web --rule owner.missing -o json | jq length)" 0
identity=$(cerca findings list --rule owner.missing -o json | jq -r '.[0].identity')
fails 'an exception has an end' 2 'either --until' cerca findings except owner.missing "$identity"
fails 'and a reason' 1 'exception.reason' cerca findings except owner.missing "$identity" --until 2099-01-01
fails 'of a rule that there is' 1 'exception.rule' cerca findings except nothing "$identity" --until 2099-01-01 --reason x
fails 'to come' 1 'exception.until' cerca findings except owner.missing "$identity" --until 2001-01-01 --reason x
ok 'it is made' cerca findings except owner.missing "$identity" --until 2099-01-01 --reason 'behind the proxy'
is 'then it is not listed' "$(cerca findings list --rule owner.missing -o json | jq length)" 0
ok 'but with all' found '.rule == "owner.missing" and .excepted_until == "2099-01-01T00:00:00Z"'
ok 'exceptions are listed' cerca findings exceptions -o json
is 'with who approved' "$(jq -r '.[0].approver' "$out")" "$(jq -r '.[0].by' "$out")"
counted() {
    cerca findings count -o json | jq -e 'any(.[]; .rule == "owner.missing" and .found == 0 and .excepted == 1)'
}
ok 'and counted apart' wait_until 20 counted
ok 'it is taken back' cerca findings except owner.missing "$identity" --end
back() {
    cerca findings count -o json | jq -e 'any(.[]; .rule == "owner.missing" and .found == 1 and .excepted == 0)'
}
ok 'which counts at once' wait_until 5 back
ok 'an owner is written down' cerca inventory set owner=web --name stray.example.com
owned() {
    cerca findings count -o json | jq -e 'any(.[]; .rule == "owner.missing" and .found == 0 and .excepted == 0)'
}
ok 'and that too' wait_until 5 owned
ok 'and taken away' cerca inventory unset --field owner stray.example.com
ok 'and that too' wait_until 5 back
ok 'and listed again' found '.rule == "owner.missing" and .excepted_until == null'
fails 'twice there is nothing to take back' 1 'There is no such exception' cerca findings except owner.missing "$identity" --end
ca_stop

# --- a clock that is a year off --------------------------------------------------------------------

before() {
    test "$(cerca alerts list -o json | jq '[.[] | select(.rule | startswith("ca.") | not)] | length')" = 0
}
doubt() {
    cerca status -o json | jq -e 'any(.items[]; .name == "lifecycle" and .state == "waiting")'
}
start $((later + 365 * day))
ok 'a year ahead nothing is evaluated' wait_until 20 doubt
ok 'but that the CA does not issue' wait_until 30 alert '.rule == "ca.issuing" and .state == "raised"'
ok 'so nobody is told of an end that is not near' before
ca_stop
start $((later - 365 * day))
ok 'nor a year behind' wait_until 20 doubt
ok 'and nobody is told either' before
ca_stop
start $((later + 120))
ok 'once it is right all is evaluated' wait_until 20 evaluated
ok 'and the doubt is resolved' wait_until 30 alert '.rule == "ca.issuing" and .state == "resolved"'
ok 'nothing else was raised' before
ok 'the store is sound' cerca store check

done_testing
