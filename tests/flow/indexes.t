#!/bin/sh
# The derived environment holds nothing that the durable one does not: deleted, truncated or
# overwritten, it is made anew in the background while certificates are issued, and lists say
# what they said before.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

derived=$ca_dir/store/derived
count=0
first=40

# A key of its own each time: one key serves one identity.
issue() {
    count=$((count + 1))
    cerca issue --profile tls-server --san "dns:n$count.index.example" \
        --owner "team-$((count % 3))" --validity "$((count % 7 + 1))d" --key-out "$scratch/$count.key" --out "$scratch/$count.pem"
}

issue_many() { # NUMBER
    left=$1
    while [ "$left" -gt 0 ]; do
        issue || return 1
        left=$((left - 1))
    done
}

# Every index once, a JSON array a line.
lists() {
    while read -r condition; do
        # shellcheck disable=SC2086 # an option and its value
        cerca list $condition --limit 0 -o json | jq -c . || return 1
    done <<END
--expires-within 108h
--owner team-1
--name .index.example
--name n7.index.example
--profile tls-server
--status valid
--issuer issuing
--requester $requester
END
}

indexes_ready() {
    cerca status -o json | jq -e '.items[] | select(.name == "indexes") | .ok'
}

# Those that were there at the start, in the order of each list. A damaged index is told as
# "not now" until it is whole again.
lists_as_before() {
    lists >"$scratch/now" &&
        jq -c --slurpfile known "$scratch/known" \
            'map(select(.serial as $s | $known[0] | any(. == $s)))' \
            <"$scratch/now" >"$scratch/after" &&
        cmp "$scratch/before" "$scratch/after"
}

# Damage is found by reading; what is not whole yet says so, and here is how often we ask again.
lists_come_back() {
    for try in 1 2 3 4 5; do
        lists_as_before && return 0
        echo "try $try: not yet"
        wait_until 10 indexes_ready
    done
    return 1
}

newer_are_listed() {
    [ "$(cerca list --name .index.example --limit 0 -o json | jq length)" -eq "$count" ]
}

is_whole() { # WHAT
    ok "$1: issuing goes on meanwhile" issue_many 3
    ok "$1: lists say what they said before" lists_come_back
    ok "$1: the indexes are ready" wait_until 20 indexes_ready
    ok "$1: what was issued meanwhile is listed too" newer_are_listed
    ok "$1: the store is sound" cerca store check
    ok "$1: the indexes lie in their folder" test -s "$derived/data.mdb"
}

garbage() { # OFFSET COUNT, in pages
    head -c $((4096 * $2)) /dev/urandom |
        dd of="$derived/data.mdb" bs=4096 seek="$1" conv=notrunc status=none
}

pages() {
    echo $(($(stat -c %s "$derived/data.mdb") / 4096))
}

damage() {
    case $1 in
    deleted) rm -r "$derived" ;;
    truncated) truncate -s $((4096 * ($(pages) / 2))) "$derived/data.mdb" ;;
    'overwritten at its head') garbage 0 2 ;;
    'overwritten behind its head') garbage 2 $(($(pages) - 2)) ;;
    'no folder') rm -r "$derived" && echo nonsense >"$derived" ;;
    'without its lock file') rm -f "$derived/lock.mdb" "$derived/in-use" ;;
    esac
}

ca_init || bail 'no CA'
ca_start || bail 'it does not start'
requester=operator:$(sed -n 's/.*{ name = "\([^"]*\)"; uid.*/\1/p' "$ca_dir/cerca.conf")
ok 'some certificates are issued' issue_many $first
lists >"$scratch/before" || bail 'no lists'
cerca list --limit 0 -o json | jq -c 'map(.serial)' >"$scratch/known"
is 'the lists are not empty' "$(jq length <"$scratch/before" | sort -n | head -n 1)" 1

for what in deleted truncated 'overwritten at its head' 'overwritten behind its head' \
    'no folder' 'without its lock file'; do
    ca_stop
    damage "$what"
    ca_start || bail "it does not start with its indexes $what"
    is_whole "while stopped, $what"
done

for what in deleted truncated 'overwritten behind its head'; do
    damage "$what"
    ok "while running, $what: issuing goes on meanwhile" issue_many 3
    ok "while running, $what: lists say what they said before" lists_come_back
    ca_stop
    ca_start || bail "it does not start again with its indexes $what"
    is_whole "while running, $what, and started again"
done

done_testing
