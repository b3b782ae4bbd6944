#!/bin/sh
# kill -9 at every step of the door, in each program, under load. Afterwards nothing
# that was acknowledged is missing, every signature has an intent, no serial occurs twice, a retry gets
# the same certificate, and the store check is clean.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

# PROGRAM STEP PASS: the pass is late enough to fall into the load, not into the start.
steps='
cerca-ca door.start 12
cerca-ca store.reserve.before 12
cerca-ca store.commit.before 20
cerca-ca store.commit.after 20
cerca-ca store.reserve.after 12
cerca-ca door.sign 12
cerca-ca door.signed 12
cerca-ca door.verify 12
cerca-ca store.finish.before 12
cerca-ca view.record 12
cerca-ca view.count 12
cerca-ca store.finish.after 12
cerca-ca door.release 12
cerca-signer signer.checked 12
cerca-signer signer.recorded 12
cerca-signer signer.signed 12
'
clients=4
each=8

# The flag makes the kill happen once; the jailed program can remove it from a
# folder of its own only.
flag_of() {
    case $1 in
    cerca-ca) echo "$ca_dir/view/kill-once" ;;
    cerca-signer) echo "$ca_dir/signer/kill-once" ;;
    esac
}

make_csrs() {
    mkdir "$scratch/csr"
    for n in $(seq $((clients * each))); do
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj / \
            -addext "subjectAltName=DNS:n$n.kill.example" \
            -keyout /dev/null -out "$scratch/csr/$n.pem" 2>/dev/null || return 1
    done
}

# A request key of 32 octets from the round and the number.
request_key() {
    printf 'round %s request %s' "$1" "$2" | sha256sum | cut -d ' ' -f 1
}

# ask ROUND NUMBER: the command retries by itself with the same key.
ask() {
    cerca issue --profile tls-server --csr "$scratch/csr/$2.pem" --timeout 60 \
        --request-key "$(request_key "$1" "$2")" --out "$scratch/$1/$2.pem" \
        >/dev/null 2>>"$scratch/$1/errors"
}

# One client: its requests in order.
client() {
    n=$((($2 - 1) * each + 1))
    while [ $n -le $(($2 * each)) ]; do
        ask "$1" $n || echo "request $n failed" >>"$scratch/$1/failed"
        n=$((n + 1))
    done
}

# One that knows that nothing may be listening for a while, and asks again.
patient_client() {
    n=1
    while [ $n -le $each ]; do
        wait_until 30 ask "$1" $n || echo "request $n failed" >>"$scratch/$1/failed"
        n=$((n + 1))
    done
}

load() {
    mkdir "$scratch/$1"
    pids=
    for c in $(seq $clients); do
        client "$1" "$c" &
        pids="$pids $!"
    done
    for pid in $pids; do wait "$pid"; done
}

serial_of() {
    openssl x509 -in "$1" -noout -serial | sed 's/serial=//' | tr 'A-F' 'a-f'
}

acknowledged_are_recorded() {
    cerca list --limit 0 -o json >"$scratch/all.json" || return 1
    jq -r '.[] | select(.status == "valid") | .serial' <"$scratch/all.json" | sort >"$scratch/valid"
    for n in $(seq $((clients * each))); do
        serial_of "$scratch/$1/$n.pem"
    done | sort >"$scratch/acknowledged"
    [ "$(wc -l <"$scratch/acknowledged")" -eq $((clients * each)) ] || return 1
    ! comm -23 "$scratch/acknowledged" "$scratch/valid" | sed 's/$/ is not recorded/' | grep .
}

serials_are_unique() {
    [ -z "$(jq -r '.[].serial' <"$scratch/all.json" | sort | uniq -d)" ]
}

a_retry_gets_the_same() {
    for n in 1 $((clients * each / 2)) $((clients * each)); do
        cerca issue --profile tls-server --csr "$scratch/csr/$n.pem" \
            --request-key "$(request_key "$1" "$n")" --out "$scratch/again.pem" \
            >/dev/null 2>&1 || return 1
        cmp -s "$scratch/again.pem" "$scratch/$1/$n.pem" || return 1
    done
}

# Request keys are told apart by round, but a key pair serves only one identity: each
# round is a certificate for the same names again, which key reuse allows.
one_round() {
    round=$1-$2
    flag=$(flag_of "$1")
    : >"$flag"
    CERCA_STEP_KILL=$1:$2:$3@$flag
    export CERCA_STEP_KILL
    ca_start || bail "the CA does not start for $round"
    load "$round"
    test ! -e "$flag"
    report $? "$round: the program was killed there"
    test ! -e "$scratch/$round/failed"
    report $? "$round: every request was answered in the end"
    acknowledged_are_recorded "$round"
    report $? "$round: what was acknowledged is recorded"
    serials_are_unique
    report $? "$round: no serial occurs twice"
    a_retry_gets_the_same "$round"
    report $? "$round: a retry gets the same certificate"
    ok "$round: the store check is clean, and every signature has an intent" cerca store check
    ca_stop
    unset CERCA_STEP_KILL
}

everything_killed_at_once() {
    round=all
    ca_start || bail "the CA does not start"
    mkdir "$scratch/$round"
    patient_client $round &
    load_pid=$!
    wait_until 20 test -e "$scratch/$round/3.pem"
    victims="$ca_pid $(ps -o pid= --ppid "$ca_pid")"
    # shellcheck disable=SC2086 # a list of process ids
    kill -KILL $victims
    wait "$ca_pid" 2>/dev/null
    ca_start || bail "the CA does not start after everything was killed"
    wait "$load_pid"
    test ! -e "$scratch/$round/failed"
    report $? "all programs killed: every request was answered after the restart"
    ok "all programs killed: the store check is clean" cerca store check
    ca_stop
}

ca_init || bail "no CA"
make_csrs || bail "no CSRs"
while read -r program step pass; do
    [ -n "$program" ] && one_round "$program" "$step" "$pass"
done <<EOF
$steps
EOF
everything_killed_at_once
done_testing
