#!/bin/bash
# Servers that hang, drip, lie and never end, all in one scan: each has the outcome that it
# deserves, within the deadline, and those beside them are none the worse.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem \
    -days 30 -subj /CN=good.example 2>/dev/null
python3 "$root/tests/flow/scan_servers.py" cert.pem key.pem ports 2>servers.log &
servers=$!
# shellcheck disable=SC2317 # by the trap
stop_servers() {
    kill "$servers" 2>/dev/null
    return "$1"
}
trap 'stop_servers $?; cleanup' EXIT
wait_until 10 test -s ports

sed 's/.* /127.0.0.1:/' ports >targets
begin=$(date +%s)
ok 'all of them are scanned' cerca scan -o json --per-network 0 --rate 0 --deadline 5s targets
took=$(($(date +%s) - begin))
cp "$out" found
is 'each once' "$(wc -l <found)" "$(wc -l <ports)"
is 'within the deadline' "$([ "$took" -le 90 ] && echo yes)" yes

is_outcome() { # NAME OUTCOME [FILTER]
    at=$(sed -n "s|^$1 \([0-9]*\)/.*|\1|p" ports)
    is "$1: $2" "$(jq -r "select(.port == $at) | [.outcome, ${3-empty}] | join(\" \")" found)" "$2"
}

for name in tls smtp imap pop3 ldap postgres mysql; do
    is_outcome $name 'served TLS1.3 CN=good.example 2 true' \
        '.version, .chain[0].subject, (.versions | map(select(.)) | length | tostring), (.suites_complete | tostring)'
done
is_outcome hang 'timeout handshake' .stage
is_outcome drip 'timeout handshake' .stage
is_outcome http 'no_tls handshake' .stage
is_outcome garbage garbage
is_outcome closes closed
is_outcome resets reset
is_outcome alert 'alert handshake_failure' .alert
is_outcome endless_chain 'too_large TLS1.2' .version
is_outcome endless_handshake 'too_large TLS1.2' .version
is_outcome endless_alerts garbage
is_outcome retry_loop 'garbage TLS1.3 unexpected message' .version,.detail
is_outcome same_suite 'alert false TLS_RSA_WITH_AES_256_CBC_SHA' \
    '(.suites_complete | tostring), (.suites["TLS1.2"] | join(","))'
is_outcome bad_certificate 'bad_certificate 1 true' \
    '(.chain | length | tostring), (.chain[0] | has("malformed") | tostring)'
is_outcome borrowed 'closed CN=good.example false' '.chain[0].subject, (.key_proved | tostring)'
is_outcome tls 'served true' '(.key_proved | tostring)'
is_outcome smtp_liar 'no_tls handshake' .stage
is_outcome smtp_injector 'no_starttls starttls' .stage
is_outcome smtp_without 'no_starttls the server does not offer STARTTLS' .detail
is_outcome smtp_endless 'too_large starttls' .stage
is_outcome postgres_without 'no_starttls the server has no TLS' .detail
is_outcome ldap_liar 'no_starttls starttls' .stage

# --- many of the worst beside one that is good ------------------------------------------------------

hang=$(sed -n 's|^hang \(.*\)|\1|p' ports)
good=$(sed -n 's|^tls \(.*\)|\1|p' ports)
{
    yes "127.0.0.1:$hang" | head -n 300
    echo "127.0.0.1:$good"
} >targets
ok 'hundreds that hang' cerca scan -o json --per-network 0 --rate 0 --connections 400 --deadline 6s targets
is '... are timeouts' "$(jq -r .outcome "$out" | sort | uniq -c | tr -s ' ' | tr '\n' ';')" ' 1 served; 300 timeout;'
is '... and the good one did not wait for them' \
    "$(jq 'select(.outcome == "served") | .duration_ms < 5000' "$out")" true

done_testing
