#!/bin/bash
# cerca ct fetch against a log that nobody here wrote, by RFC 6962 and by the static API: what it
# finds, what it records, that it goes on where it was, and that it believes nothing else.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)

cd "$scratch" || exit 1
log_pid=
# shellcheck disable=SC2317 # by the trap
stop_log() { # STATUS
    [ -z "$log_pid" ] || kill "$log_pid" 2>/dev/null
    return "$1"
}
trap 'stop_log $?; cleanup' EXIT
mkdir log
echo ok >log/mode
echo 700 >log/size
python3 "$here/ct_log.py" log "$scratch/log/port" >log.out 2>&1 &
log_pid=$!
wait_until 30 test -e log/port || bail 'no log'
url=http://127.0.0.1:$(cat log/port)

fetch() { # OPTIONS...
    cerca ct fetch "$url/" --key log/ec.pem --domain example.com --timeout 8 "$@"
}
entries() { # FILE: those that it lists
    jq -r '"\(.entry) \(.kind) \(.sans | join(","))"' "$1" | tr '\n' ';'
}
found='3 certificate dns:www.example.com;255 precertificate dns:api.EXAMPLE.com;'
later='300 certificate dns:*.deep.example.com,dns:y.example.net;699 certificate dns:last.example.com;'

# --- what is found -----------------------------------------------------------------------------------

for api in '' --static; do
    what=${api:-RFC 6962}
    # shellcheck disable=SC2086 # an option or none
    ok "$what: a whole log is read" fetch $api -o json
    is "$what: what lies under the domain is found, and nothing else" "$(entries "$out")" "$found$later"
    like "$what: what cannot be read is counted" "$err" \
        '700 entries read, from 0 on, of 700; 4 under the domains, 1 that cannot be read'
    rm -f state
    echo 280 >log/size
    # shellcheck disable=SC2086
    run fetch $api -o json --state state
    is "$what: a smaller log has what it has" "$(entries "$out")" "$found"
    echo 700 >log/size
    # shellcheck disable=SC2086
    run fetch $api -o json --state state
    is "$what: with a state only what is new is read" "$(entries "$out")" "$later"
    like "$what: from where it was" "$err" '420 entries read, from 280 on, of 700'
    # shellcheck disable=SC2086
    ok "$what: and nothing twice" fetch $api -o json --state state
    is "$what: which is nothing" "$(cat "$out")" ''
    for size in 256 299; do # one peak, and five
        rm -f state
        echo $size >log/size
        # shellcheck disable=SC2086
        run fetch $api --state state --from-now
        echo 700 >log/size
        # shellcheck disable=SC2086
        ok "$what: begun at $size without what was before" fetch $api -o json --state state
        is "$what: what came after $size is found" "$(entries "$out")" "$later"
    done
    echo 600 >log/size
    # shellcheck disable=SC2086
    fails "$what: a tree that shrinks is told" 1 'rule ct.shrunk' fetch $api --state state
    echo 700 >log/size
    echo other-root >log/mode
    # shellcheck disable=SC2086
    fails "$what: two trees of one size are told" 1 'rule ct.fork' fetch $api --state state
    # shellcheck disable=SC2086
    fails "$what: entries that are not those of the tree" 1 'rule ct.root' fetch $api
    echo wrong-signature >log/mode
    # shellcheck disable=SC2086
    fails "$what: a head with a wrong signature" 1 'rule ct.signature' fetch $api
    echo ok >log/mode
    # shellcheck disable=SC2086
    fails "$what: the key of another log" 1 'rule ct.signature' \
        cerca ct fetch $api "$url" --key log/rsa.pem --domain example.com
    echo other-precert >log/mode
    # shellcheck disable=SC2086
    fails "$what: another precertificate than the log has taken" 1 'rule ct.precert' fetch $api
    echo cut-entry >log/mode
    # shellcheck disable=SC2086
    fails "$what: an entry that ends early" 1 'rule ct.entry' fetch $api
    echo garbage >log/mode
    # shellcheck disable=SC2086
    fails "$what: garbage" 1 'rule ct\.(entry|answer)' fetch $api
    echo endless >log/mode
    # shellcheck disable=SC2086
    fails "$what: an answer without an end" 1 'rule http.failed' fetch $api
    echo endless-head >log/mode
    # shellcheck disable=SC2086
    fails "$what: a head without an end" 1 'rule http.failed' fetch $api
    echo hang >log/mode
    # shellcheck disable=SC2086
    fails "$what: a log that answers no more" 1 'rule http.failed' \
        cerca ct fetch $api "$url" --key log/ec.pem --domain example.com --timeout 3
    echo busy >log/mode
    # shellcheck disable=SC2086
    ok "$what: a log that is busy is asked again when it wants" fetch $api -o json
    like "$what: which is said" "$err" 'HTTP status 429; again in 1 s'
    is "$what: nothing is left out" "$(entries "$out")" "$found$later"
    echo ok >log/mode
done
echo rsa >log/mode
ok 'a log with an RSA key' cerca ct fetch "$url" --key log/rsa.pem --domain deep.example.com -o csv
like 'as CSV' "$out" '^http.*,300,.*,certificate,CN=x,'
is 'a narrower domain' "$(wc -l <"$out")" 2
ok 'one of the static API' cerca ct fetch --static "$url" --key log/rsa.pem --domain deep.example.com -o json
is 'shows the same' "$(jq .entry "$out")" 300
echo huge-entry >log/mode
fails 'a certificate of 16 MiB' 1 'rule ct.root' fetch
like 'is read as an entry like others' log/asked 'start=600'
echo bomb >log/mode
fails 'a tile that is 1 GiB when it is unpacked' 1 'rule http.failed' fetch --static
echo no-partial >log/mode
echo 650 >log/size
ok 'a full tile in the place of a partial one' fetch --static -o json
is 'shows no more than the head has' "$(entries "$out")" "$found${later%699*}"
echo ok >log/mode
echo 700 >log/size

# --- what is asked for -------------------------------------------------------------------------------

fails 'without a key' 2 'are needed' cerca ct fetch "$url" --domain example.com
fails 'without a domain' 2 'are needed' cerca ct fetch "$url" --key log/ec.pem
fails 'a domain that is none' 2 'is no domain' cerca ct fetch "$url" --key log/ec.pem --domain '*.example.com'
fails 'from now on with nothing to keep it in' 2 'needs --state' fetch --from-now
fails 'a key that is none' 1 'rule (pem|key)' cerca ct fetch "$url" --key log/ca.pem --domain example.com
echo '{"size": 1}' >state
fails 'a state that is none' 1 'rule ct.state' fetch --state state
fails 'a log that is not there' 1 'rule http.failed' cerca ct fetch http://127.0.0.1:1 --timeout 2 \
    --key log/ec.pem --domain example.com

# --- recorded ----------------------------------------------------------------------------------------

ca_init || bail 'no CA'
ca_start || bail 'it does not start'
ok 'the CA is told' fetch --record --state recorded
like 'of each' "$err" '4 results recorded, 4 certificates new'
ok 'they are in the inventory' cerca list --source scanned -o json
is 'as scanned' "$(jq -r '[.[] | .source] | unique | join(",")' "$out")" scanned
is 'with log and entry' "$(jq -r '.[].origin' "$out" | sort -V | tr '\n' ';')" \
    "ct:$url entry 3;ct:$url entry 255;ct:$url entry 300;ct:$url entry 699;"
ok 'what was seen is listed by the log' cerca observations list --host "$url" -o json
is 'entry by entry' "$(jq -r '.[] | "\(.target) \(.address) \(.outcome) \(.compare | join(","))"' "$out" | sort -V)" \
    "$(for i in 3 255 300 699; do echo "$url entry $i logged unknown"; done)"
found_unknown() { # NUMBER
    [ "$(cerca findings list --rule seen.unknown -o json | jq length)" -eq "$1" ]
}
ok 'each is a finding' wait_until 30 found_unknown 4
like 'with the entry' <(cerca findings list --rule seen.unknown -o json) "ct:$url entry 255"
like 'and so says what is shown of it' <(cerca show www.example.com) "^logged  *ct:$url entry 3, last told"
ok 'once more' fetch --record
like 'they are known' "$err" '4 results recorded, 0 certificates new'
cerca show www.example.com -o pem >www.pem
ok 'one is told of' cerca import www.pem --owner 'web team'
ok 'which ends its finding' wait_until 30 found_unknown 3
is 'it is imported from then on' "$(cerca list --name www.example.com -o json | jq -r '.[].source')" imported
echo 'inventory = { forget_unseen = "5m"; };' >>"$ca_dir/cerca.conf"
cerca scan --record --handshake-only 127.0.0.1:1 >"$out" 2>&1
is 'beside a server that is gone' "$(cerca observations list -o json | jq length)" 5
ca_stop
CERCA_TEST_CLOCK_OFFSET=4000 ca_start || bail 'it does not start'
forgotten() { [ "$(cerca observations list -o json | jq length)" -eq 4 ]; }
ok 'which is forgotten' wait_until 60 forgotten
ok 'the log is not, while the certificates last' found_unknown 3
ok 'all that is kept agrees' cerca store check
ca_stop
CERCA_TEST_CLOCK_OFFSET=$((35 * 86400)) cercad -c "$CERCA_CONF" >>"$scratch/cercad.log" 2>&1 &
ca_pid=$!
ok 'nobody can use what has ended' wait_until 60 found_unknown 0
ca_stop
done_testing
