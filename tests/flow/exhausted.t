#!/bin/bash
# Programs that run out of descriptors or memory while they serve: each says so, spends no processor on it, loses nothing, and
# serves again once there is some. (Disks: disk-full.t; clocks: clock.t, clock-leap.t; calls that fail once: faults.t.)
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
http=on
ca_init || bail 'no CA'
echo 'est = ( { name = "default"; profile = "tls-client"; ways = ( "token" ); } );' >>"$ca_dir/cerca.conf"
ca_start || bail 'it does not start'
port_of() { # SECTION
    sed -n "/^$1 = {/,/}/s/.*port = \"\(.*\)\";.*/\1/p" "$CERCA_CONF"
}
http_port=$(sed -n 's/.*base_url = ".*:\(.*\)";.*/\1/p' "$CERCA_CONF")
https_port=$(port_of https)
pid_of() {
    for pid in $(ps -o pid= --ppid "$ca_pid"); do
        [ "$(basename "$(readlink "/proc/$pid/exe")")" != "$1" ] || echo "$pid"
    done
}
ticks() {
    awk '{ print $14 + $15 }' "/proc/$1/stat"
}
asks_ca() { cerca list --timeout 3; }
asks_public() { curl -sf -m 3 -o crl "http://127.0.0.1:$http_port/crl/issuing.crl"; }
asks_enroll() { curl -skf -m 3 -o cacerts "https://127.0.0.1:$https_port/.well-known/est/cacerts"; }
ok 'something is issued' cerca issue --profile tls-server --key-out a.key --san dns:a.example --out a.pem

# No descriptor is left: none above the lowest that is free, which may be another one once the
# connection of who asked before is closed.
refuses() {
    lowest=$(find "/proc/$pid/fd" -type l -printf '%f\n' | sort -n | awk '$1 != n { exit } { n++ } END { print n + 0 }')
    prlimit --pid "$pid" --nofile="$lowest":
    ! "asks_$who"
}
for who in ca public enroll; do
    pid=$(pid_of "cerca-$who")
    ok "cerca-$who serves" wait_until 30 "asks_$who"
    before=$(prlimit --pid "$pid" --nofile --output SOFT --noheadings | tr -d ' ')
    said=$(wc -l <cercad.log)
    ok '... not without a descriptor' wait_until 20 refuses
    ok '... which it says' wait_until 10 sh -c "tail -n +$((said + 1)) cercad.log | grep -Ei 'open files|descriptor'"
    used=$(ticks "$pid")
    curl -s -m 2 -o none "http://127.0.0.1:$http_port/" "https://127.0.0.1:$https_port/" &
    asking=$!
    sleep 2
    wait "$asking"
    used=$(($(ticks "$pid") - used))
    ok "... and waits without spinning ($used ticks in two seconds)" test "$used" -lt 60
    prlimit --pid "$pid" --nofile="$before":
    ok '... and it serves again' wait_until 30 "asks_$who"
    is '... the same process' "$(pid_of "cerca-$who")" "$pid"
done

# No memory is left: what it needs from now on it does not get, and the next process does.
for who in ca public enroll; do
    pid=$(pid_of "cerca-$who")
    prlimit --pid "$pid" --as=$((1024 * $(awk '/^VmSize:/ { print $2 }' "/proc/$pid/status"))):
    for _ in 1 2 3 4 5 6 7 8; do
        asks_ca
        asks_public
        asks_enroll
    done >/dev/null 2>&1
    ok "cerca-$who serves after its memory was taken" wait_until 60 "asks_$who"
    pid=$(pid_of "cerca-$who")
    prlimit --pid "$pid" --as=unlimited:unlimited
done
is 'nobody crashed' "$(grep -E 'killed by signal (4|6|7|8|11)' cercad.log)" ''
ok 'what was issued is there' sh -c 'cerca list --name a.example -o json | jq -e "length == 1"'
ok 'the store is sound' cerca store check
ok 'all is well' wait_until 60 cerca status

done_testing
