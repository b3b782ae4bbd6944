#!/bin/bash
# Campaigns: who has what must go is told to renew earlier, at a rate; a pause stops that, its end
# takes it back, and what was renewed is counted.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
printf '%-31s\n' 0 >moved
CERCA_TEST_CLOCK_OFFSET=@$scratch/moved
export CERCA_TEST_CLOCK_OFFSET
echo 'est = ( { name = "default"; profile = "tls-client"; } );' >>"$ca_dir/cerca.conf"
ca_start || bail 'it does not start'
est_client
wait_until 20 is_up || bail 'HTTPS does not come'

clock() { # SECONDS from the true time
    printf '%-31s\n' "$1" | dd of=moved conv=notrunc 2>/dev/null
    offset=$1
}
offset=0

now() {
    echo $(($(date +%s) + offset))
}

issue() { # NAME TYPE OWNER
    cerca issue --profile tls-client --san "dns:$1.test" --key-type "$2" --owner "$3" \
        --key-out "$1.key" --out "$1.pem" 2>/dev/null
}

ask() { # NAME [OPTION...]
    asking=$1
    shift
    cerca est hint --url "https://localhost:$port" --trust root.pem --cert "$asking.pem" \
        --key "$asking.key" "$@"
}

start_of() { # NAME
    date -d "$(ask "$1" -o json | jq -r .start)" +%s
}

renew() { # NAME TYPE
    cerca est reenroll --url "https://localhost:$port" --trust root.pem --cert "$1.pem" \
        --key "$1.key" --key-type "$2" --key-out "next-$1.key" --out "next-$1.pem"
}

near() { # NUMBER NUMBER: some become due while they are counted
    [ $(($1 - $2)) -ge -2 ] && [ $(($1 - $2)) -le 2 ]
}

of() { # FIELD
    cerca campaign status rsa-away -o json | jq ".[0].$1"
}

seq 20 >all
while read -r i; do
    issue "n$i" rsa2048 web || bail "no certificate $i"
done <all
issue other p256 web || bail 'no other'
ask n1 -o json >before

create() {
    cerca campaign create rsa-away --key-type rsa2048 --rate 10/h --reason 'RSA has to go' "$@"
}
ok 'a dry run' create --dry-run -o json
is 'says how many' 20 "$(jq .certificates "$out")"
end=$(date -d "$(jq -r .end "$out")" +%s)
ok 'and until when' test $((end - $(now))) -gt 6900 -a $((end - $(now))) -le 7200
is 'and makes nothing' '[]' "$(cerca campaign list -o json | tr -d ' \n')"
fails 'of what nobody has' 1 campaign.none cerca campaign create x --key-type rsa4096 --rate 1/h
fails 'without a rate' 2 'rate' cerca campaign create x --key-type rsa2048
fails 'at no rate at all' 2 'rate' cerca campaign create x --key-type rsa2048 --rate 0/h
fails 'of everything' 2 'what has to go' cerca campaign create x --rate 1/h

began=$(now)
ok 'a campaign' create
fails 'which there is once' 1 campaign.known create
is 'is listed' running "$(cerca campaign list -o json | jq -r '.[0].state')"
while read -r i; do
    echo $(($(start_of "n$i") - began))
done <all | sort -n >starts
ok 'every hint lies within its two hours' test "$(head -1 starts)" -ge 0 -a "$(tail -1 starts)" -le 7300
half=$(awk '$1 < 3600' starts | wc -l)
echo "# $half in the first half: $(tr '\n' ' ' <starts)"
ok 'spread over both' test "$half" -ge 3 -a "$half" -le 17
ok 'each at its own time' test "$(sort -u starts | wc -l)" -ge 16 # two may meet
like 'the holder is told why' <(ask n1) 'campaign rsa-away: RSA has to go'
like 'who has another key is not pulled' <(ask other) 'renewing begins at'
like 'explain knows' <(cerca explain n1.test) 'campaign rsa-away'
ok 'all are to come or pulled' test "$(of to_come)" -ge 17

clock 3000
while read -r i; do
    [ "$(ask "n$i" -o json | jq .due)" = true ] && echo "n$i"
done <all >due
n=$(wc -l <due)
echo "# due by then: $n"
ok 'in fifty minutes some are due' test "$n" -ge 2
ok 'the same that the CA counts' near "$n" "$(of pulled_forward)"
ok 'the others are to come' near $((20 - n)) "$(of to_come)"

ok 'a pause' cerca campaign pause rsa-away
fails 'once' 1 campaign.state cerca campaign pause rsa-away
is 'gives back the time before' "$(jq -c '[.start, .end]' before)" \
    "$(ask n1 -o json | jq -c '[.start, .end]')"
is 'and pulls nobody' 0 "$(of pulled_forward)"
clock 3300
ok 'it goes on' cerca campaign resume rsa-away
ok 'where it was' near "$n" "$(of pulled_forward)"

first=$(head -1 due)
second=$(sed -n 2p due)
ok 'one renews with another key' renew "$first" p256
is 'and counts as renewed' 1 "$(of renewed)"
like 'its new certificate is not pulled' <(ask "next-$first") 'renewing begins at'
ok 'another one with a key of the same kind' renew "$second" rsa2048
is 'in vain' 1 "$(of renewed_in_vain)"
like 'but is not told so again and again' <(ask "next-$second") 'renewing begins at'
ok 'the others still stand out' near $((n - 2)) "$(of pulled_forward)"

clock 170000
is 'two days later all the others are late' 18 "$(of late)"
clock 3300
ok 'it is over' cerca campaign cancel rsa-away
like 'and pulls nobody' <(ask n20) 'renewing begins at|taken its place'
is 'the audit log has it all' 4 \
    "$(cerca audit log --limit 500 -o json | grep -o '"campaign"' | wc -l)"
ok 'the store is sound' cerca store check
ca_stop
done_testing
