#!/bin/bash
# docs/scanning.md, typed word by word.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir "$scratch/here"
cd "$scratch/here" || exit 1
ca_init || bail 'no CA'
ca_start || bail 'it does not start'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout web.key -out web.pem \
    -subj /CN=www.example.com -days 100 2>/dev/null
port=$(free_ports | cut -d ' ' -f 1)
openssl s_server -accept "127.0.0.1:$port" -cert web.pem -key web.key -quiet </dev/null >"$scratch/server.log" 2>&1 &
server=$!
mkdir log
echo ok >log/mode
echo 300 >log/size
python3 "$root/tests/flow/ct_log.py" log log/port >log.out 2>&1 &
log=$!
# shellcheck disable=SC2317 # by the trap
stop_server() {
    kill "$server" "$log" 2>/dev/null
    return "$1"
}
trap 'stop_server $?; cleanup' EXIT
wait_until 10 openssl s_client -connect "127.0.0.1:$port"

fenced "$root/docs/scanning.md"
sed -i "s/8443/$port/g" "$scratch"/sh*
wait_until 30 test -e log/port || bail 'no log'
cp log/ec.pem log.pem
sed -i "s|https://ct.example.net/2026|http://127.0.0.1:$(cat log/port)|" "$scratch"/sh*

ok 'one server is asked' bash -e "$scratch/sh1"
like '... with its name' "$out" "^localhost:$port +served +1.2 1.3 +20.* CN=www.example.com"
like '... and without' "$out" "^localhost:$port \(no name\) +served"
ok 'and all of it is in JSON' bash -e "$scratch/sh2"
like '... the chain' "$out" '^CN=www.example.com until 20'
like '... the suites' "$out" '^TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'
is '... the octets' "$(openssl x509 -inform DER -in served.der -noout -fingerprint)" \
    "$(openssl x509 -in web.pem -noout -fingerprint)"
ok 'networks are asked' bash -e "$scratch/sh3"
is '... each target, with each name' "$(tail -n +2 found.csv | cut -d , -f 6 | sort | uniq -c | tr -d '\r' | tr '\n' ' ' | tr -s ' ')" \
    ' 10 refused 3 served '
ok 'large ones can be resumed' bash -e "$scratch/sh4"
is '... and are whole' "$(wc -l <night.jsonl)" 16
ok 'the CA is told' bash -e "$scratch/sh5"
like '... and has what it did not know' "$err" '1 results recorded, 1 certificates new'
like '... and says so' "$out" "127.0.0.1:$port .*unknown"
ok 'nothing weak is found where nothing is' bash -e "$scratch/sh6"
is '... so nothing is said' "$(cat "$out")" ''
ok 'a log is read' bash -e "$scratch/sh7"
like '... and told of' "$err" '2 results recorded, 2 certificates new'
run wait_until 30 eval 'cerca findings list --rule seen.unknown -o json | jq -e ".[] | select(.text | contains(\"entry 3\"))"'
is '... and is a finding' "$status" 0

done_testing
