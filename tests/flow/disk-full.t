#!/bin/sh
# A full disk: issuing stops and says so, everything else goes on, nothing is lost, and issuing
# resumes by itself when there is room again.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

# The small disk is a tmpfs, which takes root or a user namespace of our own.
own_namespaces --mount "$0"

size=24
store=$ca_dir/store
filler=$store/filler
count=0

issue() {
    count=$((count + 1))
    cerca issue --profile tls-server --san "dns:n$count.full.example" \
        --key-out "$scratch/$count.key" --out "$scratch/$count.pem" "$@"
}

issue_once() {
    issue --timeout 2s
}

free_bytes() {
    echo $(($(stat -f -c '%a * %S' "$store")))
}

# leave BYTES: fills the disk until so much is free.
leave() {
    fallocate -l $(($(free_bytes) - $1)) "$filler"
}

# Until nothing is free, however many write.
leave_nothing() {
    ! head -c "${size}m" /dev/zero >"$filler"
}

well() {
    cerca status --timeout 5
}

store_is() { # STATE
    cerca status -o json | jq -e --arg s "$1" '.items[] | select(.name == "store") | .state == $s'
}

core_pid() {
    ps -o pid=,comm= --ppid "$ca_pid" | awk '$2 == "cerca-ca" { print $1 }'
}

all_acknowledged_are_recorded() {
    cerca list --limit 0 -o json | jq -r '.[] | select(.status == "valid") | .serial' |
        sort >"$scratch/recorded"
    find "$scratch" -maxdepth 1 -name '*.pem' | while read -r file; do
        openssl x509 -in "$file" -noout -serial
    done | sed 's/serial=//' | tr 'A-F' 'a-f' | sort >"$scratch/acknowledged"
    [ -s "$scratch/acknowledged" ] &&
        [ -z "$(comm -13 "$scratch/recorded" "$scratch/acknowledged")" ]
}

ca_init || bail 'no CA'
cp -a "$store" "$scratch/store"
mount -t tmpfs -o "size=${size}m" tmpfs "$store" || bail 'a tmpfs cannot be mounted'
cp -a "$scratch/store/." "$store"
sed -i 's|^store = .*|store = { dir = "store"; free_watermark = "4MiB"; };|' "$ca_dir/cerca.conf"
echo 'alerts = { after = "none"; };' >>"$ca_dir/cerca.conf"
ca_start || bail 'it does not start'

# --- the watermark --------------------------------------------------------------------------------

ok 'with room it issues' issue
fails 'a backup keeps pages from being used again: it is refused without headroom' 1 backup.room \
    cerca backup --out "$scratch/no.backup"
is '... and leaves no file' "$(find "$scratch" -name 'no.backup*')" ''
pid=$(core_pid)
leave 3000000
ok 'below the watermark status says that the store is full' wait_until 10 store_is full
run cerca status
is '... and is not well' "$status" 1
like '... in words' "$out" '^FAIL store +full +.* MiB free on the disk'
told() { # STATE
    cerca alerts list --all -o json | jq -e ".[] | select(.rule == \"ca.store\" and .severity == \"critical\" and .state == \"$1\")"
}
ok '... somebody is told, as critical' wait_until 20 told raised
fails '... issuing stops, says why and when to come back' 1 \
    'disk or the quota is full.*(store.full|retry after)' issue_once
like '... by its rule' "$err" 'store\.full'
ok '... and the list goes on' cerca list
like '... with what was issued' "$out" 'n1.full.example'
ok '... and show' cerca show n1.full.example
ok '... and revoking' cerca hold "$scratch/1.pem"
is '... which is recorded' "$(cerca show n1.full.example -o json | jq -r .status)" held
ok '... and releasing' cerca release "$scratch/1.pem"
ok '... and the store check' cerca store check
is '... nothing was recorded that was refused' \
    "$(cerca list --name .full.example --limit 0 -o json | jq length)" 1
rm "$filler"
ok 'with room again all is well by itself' wait_until 10 well
ok '... which is told too' wait_until 20 told resolved
ok '... and it issues' issue
is '... in the same process' "$(core_pid)" "$pid"

# --- really full ----------------------------------------------------------------------------------

sed -i 's|^store = .*|store = { dir = "store"; free_watermark = "1MiB"; };|' "$ca_dir/cerca.conf"
ca_stop
ca_start || bail 'it does not start'
# Somebody else takes the disk under our hands: faster than a watermark can see.
jobs=
for client in 1 2 3; do
    (
        count=$((client * 1000))
        while [ ! -e "$scratch/enough" ]; do
            issue --timeout 1s
        done
    ) >/dev/null 2>"$scratch/client.$client" &
    jobs="$jobs $!"
done
some_issued() { # NUMBER
    [ "$(find "$scratch" -maxdepth 1 -name '?0[0-9]*.pem' | wc -l)" -ge "$1" ]
}
ok 'three clients are served' wait_until 20 some_issued 10
leave_nothing 2>"$scratch/fill"
refused_somewhere() {
    grep -q 'store\.full\|store.commit.failed\|No room' "$scratch/cercad.log" "$scratch"/client.*
}
ok 'with no room at all they are refused' wait_until 10 refused_somewhere
run cerca status
ok '... which status says, or that it cannot be asked' test "$status" -eq 1
rm "$filler"
: >"$scratch/enough"
for job in $jobs; do
    wait "$job"
done
ok 'with room again all is well by itself' wait_until 30 well
ok '... and it issues' issue
ok 'everything that was acknowledged is recorded' all_acknowledged_are_recorded
ok 'the store is sound' cerca store check

# --- a start with no room -------------------------------------------------------------------------

ca_stop
leave_nothing 2>"$scratch/fill"
CERCA_CONF=$ca_dir/cerca.conf cercad -c "$ca_dir/cerca.conf" >>"$scratch/cercad.log" 2>&1 &
ca_pid=$!
ok 'started on a full disk it says that it is' wait_until 20 store_is full
rm "$filler"
ok '... and recovers by itself' wait_until 30 well
ok '... and issues' issue
ok 'everything that was acknowledged is still recorded' all_acknowledged_are_recorded
ok 'the store is still sound' cerca store check

ca_stop
umount "$store"
done_testing
