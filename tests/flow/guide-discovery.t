#!/bin/bash
# docs/discovery.md, typed block by block.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir "$scratch/here"
cd "$scratch/here" || exit 1
port=$(free_ports | cut -d ' ' -f 1)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout web.key -out web.pem \
    -subj /CN=www.example.com -addext subjectAltName=DNS:www.example.com -days 100 2>/dev/null
openssl s_server -accept "127.0.0.1:$port" -cert web.pem -key web.key -quiet </dev/null >"$scratch/server.log" 2>&1 &
server=$!
stop_server() {
    kill "$server" 2>/dev/null
    return "$1"
}
trap 'stop_server $?; cleanup' EXIT
wait_until 10 openssl s_client -connect "127.0.0.1:$port"

fenced "$root/docs/discovery.md"
ca_init || bail 'no CA'
sed "s/8443/$port/" "$scratch/conf1" >>"$ca_dir/cerca.conf"
export CERCA_CONF=$ca_dir/cerca.conf
ok 'the configuration is right' bash -e "$scratch/sh1"
ca_start || bail 'it does not start'
scanned() { # the job has ended
    cerca scans list -o json | jq -e '.[0] | .finished != null and .finished >= .started' >/dev/null
}
ok 'the first scan begins at once' wait_until 30 scanned
ok 'scans are listed, paused, resumed and begun' bash -e "$scratch/sh2"
ok '... and end' wait_until 30 scanned
compared() { cerca observations list -o json | jq -e 'length > 0 and all(.[]; .compare != [])' >/dev/null; }
ok '... and what was seen is compared with what is known' wait_until 30 compared
ok 'what was seen is listed' bash -e "$scratch/sh3"
like '... the target' "$out" "127.0.0.1:$port .*unknown"
like '... the certificate' "$out" 'www.example.com'
ok 'agents are listed, and certificates by them' bash -e "$scratch/sh4"
like '... and that is saved' "$err" 'saved as not-verified'
found() { cerca findings list --rule seen.unknown -o json | jq -e 'length == 1' >/dev/null; }
ok 'it is a finding' wait_until 30 found
ok 'findings are counted and listed' bash -e "$scratch/sh5"
like '... with the name' "$out" 'www.example.com'
ok 'an exception is made and taken back' bash -e "$scratch/sh6"
like '... listed with its reason' "$out" 'the vendor is told'
is 'that is all there is to type' "$(find "$scratch" -maxdepth 1 -name 'sh*' | wc -l)" 6
mapfile -t rules < <(grep -o '^| `.*` |' "$root/docs/discovery.md" | grep -o '[a-z]*\.[a-z-]*')
for rule in "${rules[@]}"; do
    ok "$rule is a rule" cerca findings list --rule "$rule"
done
done_testing
