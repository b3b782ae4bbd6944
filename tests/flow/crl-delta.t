#!/bin/sh
# Delta CRLs: over a published full one, with all that changed since, what was released to be
# removed; believed by OpenSSL, read by GnuTLS; served over HTTP; whole again after kills.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
http=on
ca_init || bail 'no CA'
sed -i 's/^\( *\)crl_delay = .*//; s/^\( *\)signs_leaves = true;/&\n\1crl_delay = "1s"; crl_delta = "1h";/' \
    "$ca_dir/cerca.conf"
grep -q crl_delta "$ca_dir/cerca.conf" || bail 'no crl_delta in the configuration'
ca_start || bail 'it does not start'
cp "$ca_dir/ca/root.pem" root.pem
cp "$ca_dir/ca/issuing.pem" issuing.pem
base_url=$(sed -n 's/^ *crl_url = "\(.*\)\/crl\/issuing.crl";/\1/p' "$ca_dir/cerca.conf")

issue() { # NAME
    cerca issue --profile tls-server --key-out "$1.key" --force --san "dns:$1.delta.example" \
        --out "$1.pem" 2>"$1.err"
}

serial_of() {
    openssl x509 -in "$1.pem" -noout -serial | sed 's/serial=//' | tr 'A-F' 'a-f'
}

list() { # LIST FILTER
    cerca crl list -o json | jq -r ".[] | select(.issuer == \"issuing\" and .list == \"$1\") | $2"
}

# on LIST NAME: the reason for which it stands there.
on() {
    cerca crl show issuing --list "$1" -o json |
        jq -er ".revoked[] | select(.serial == \"$(serial_of "$2")\") | .reason"
}

# shellcheck disable=SC2317 # by name
is_on() { # LIST NAME REASON
    [ "$(on "$1" "$2")" = "$3" ]
}

# fetch [LIST...]: what relying parties would fetch, as one file, and the root's.
fetch() {
    cerca crl show root -o pem >crls.pem
    for list in "$@"; do
        cerca crl show issuing --list "$list" -o pem >>crls.pem
    done
}

# shellcheck disable=SC2317 # by name
verify() { # NAME
    openssl verify -crl_check_all -use_deltas -extended_crl -x509_strict -CAfile root.pem \
        -untrusted issuing.pem -CRLfile crls.pem "$1.pem"
}

# --- the first one --------------------------------------------------------------------------------

is 'a delta is there as soon as all is well' "$(list delta .state)" current
is 'over the full one' "$(list delta .base)" "$(list full .number)"
report "$([ "$(list delta .number)" -gt "$(list full .number)" ]; echo $?)" 'with a number of the same sequence'
is 'the root has none' "$(cerca crl list -o json | jq '[.[] | select(.issuer == "root")] | length')" 1
for name in held early gone later fine; do
    issue "$name" || bail "$name is not issued"
done
openssl x509 -in fine.pem -noout -text >text
like 'certificates say where deltas are' text 'Freshest CRL'
like 'at the URL beside the CRL' text "URI:$base_url/crl/issuing/delta.crl"
cerca crl show issuing -o der >full.crl
openssl crl -in full.crl -inform DER -noout -text >text
like 'and so does the full CRL' text 'Freshest CRL'
unlike 'which is no part' text 'Issuing Distribution Point|Delta'
cerca crl show issuing --list delta -o der >delta.crl
openssl crl -in delta.crl -inform DER -noout -text >text
like 'a delta is one by a critical extension' text 'Delta CRL Indicator: critical'
unlike 'and says nothing about deltas itself' text 'Freshest'
ok 'DER is what lies in the public view' cmp delta.crl "$ca_dir"/view/issuing-*/delta.der
ok 'OpenSSL verifies its signature' openssl crl -in delta.crl -inform DER -CAfile issuing.pem -noout
ok 'GnuTLS reads it' certtool --crl-info --inder --infile delta.crl
fetch full delta
ok 'OpenSSL takes a good certificate with both' verify fine

# --- after changes --------------------------------------------------------------------------------

ok 'one is on hold' cerca hold held.pem
ok 'one is revoked' cerca revoke early.pem --reason superseded
wait_until 20 is_on delta early superseded
ok 'a full CRL on demand has both' cerca crl publish issuing
is 'that one' "$(on full held)" certificateHold
fetch full
fails 'the held one is refused' 2 'certificate revoked' verify held
is 'the base stays for caches that have it' \
    "$([ "$(list delta .base)" -lt "$(list full .number)" ] && echo older)" older
number=$(list full .number)
ok 'one is revoked since' cerca revoke gone.pem --reason keyCompromise
ok 'and the held one released' cerca release held.pem
wait_until 20 is_on delta gone keyCompromise
ok 'the delta has who was revoked' is_on delta gone keyCompromise
wait_until 20 is_on delta held removeFromCRL
ok 'and who was released, to be removed' is_on delta held removeFromCRL
is 'and who was revoked before, since its base' "$(on delta early)" superseded
is 'the full one waits for its time' "$(list full .number)" "$number"
is 'and has not heard of it' "$(on full gone)" ''
fetch full
ok 'without the delta nobody knows' verify gone
fails 'and the held one is still held' 2 'certificate revoked' verify held
fetch full delta
fails 'with the delta the revoked one is refused' 2 'certificate revoked' verify gone
ok 'and the released one taken' verify held
fails 'and the early one refused' 2 'certificate revoked' verify early
ok 'and the good one taken' verify fine
ok 'without -use_deltas the full one still counts' openssl verify -crl_check_all -CAfile root.pem \
    -untrusted issuing.pem -CRLfile crls.pem fine.pem
openssl crl -in "$(echo "$ca_dir"/view/issuing-*/delta.der)" -inform DER -noout -text >text
like 'OpenSSL reads the reason' text 'Remove From CRL'
cerca crl show issuing --list delta -o der >delta.crl
run certtool --crl-info --inder --infile delta.crl
like 'GnuTLS finds the entries' "$out" 'Revoked certificates \(3\)'

# --- over HTTP ------------------------------------------------------------------------------------

ok 'curl fetches the delta' curl -sSf -D head -o got "$base_url/crl/issuing/delta.crl"
ok 'that one' cmp got delta.crl
like 'of its type' head '^[Cc]ontent-[Tt]ype: application/pkix-crl'
like 'with a validator' head '^[Ee][Tt]ag: "'
like 'that caches keep for a short time' head 'max-age=(300|[12]?[0-9]?[0-9])'
etag=$(sed -n 's/^[Ee][Tt]ag: \(.*"\).*/\1/p' head)
is 'asked for again it is not sent' "$(curl -sS -o again -w '%{http_code}' \
    -H "If-None-Match: $etag" "$base_url/crl/issuing/delta.crl")" 304
for path in crl/issuing/delta crl/root/delta.crl crl/issuing/full.crl crl/issuing/shard-0-of-8.crl \
    crl/issuing/../delta.crl crl/issuing/delta.crl/ crl//delta.crl; do
    is "nothing is at /$path" "$(curl -sS --path-as-is -o again -w '%{http_code}' "$base_url/$path")" 404
done

# --- as it is asked for ---------------------------------------------------------------------------

number=$(list delta .number)
ok 'a delta on demand' cerca crl publish issuing --list delta -o json
json 'has a greater number' ".[0].number > $number and .[0].list == \"delta\""
fails 'another list is refused' 1 'no CRL "shard-0-of-8"' cerca crl publish issuing --list shard-0-of-8
fails 'a wrong name too' 1 'no CRL "../x"' cerca crl show issuing --list ../x
fails 'the root has none' 1 'no CRL "delta"' cerca crl show root --list delta
ok 'a table for people' cerca crl list
like 'with the delta' "$out" 'issuing +delta +current'
ok 'status tells of it' cerca status
like 'when the next one comes' "$out" 'crl.issuing.delta +current +number [0-9]+, 3 entries'
ok 'text for people' cerca crl show issuing --list delta
like 'with its base' "$out" "^base +$(list delta .base)"
fails 'a delta is not installed' 1 'delta' cerca crl install delta.crl
ok 'the store and the signer agree on every CRL' cerca store check

# --- the base moves on ----------------------------------------------------------------------------

ca_stop
CERCA_TEST_CLOCK_OFFSET=3700
export CERCA_TEST_CLOCK_OFFSET
http=off
ca_start || bail 'it does not start an hour later'
number=$(list full .number)
base=$(list delta .base)
ok 'an hour later' cerca crl publish issuing --list delta
ok 'and one more' cerca crl publish issuing --list delta
is 'the delta is over the next one' "$(list delta .base)" "$number"
report "$([ "$base" -lt "$number" ]; echo $?)" 'which is newer'
is 'who is on that one is not on the delta' "$(on delta early)" ''
is 'who changed since is' "$(on delta gone)" keyCompromise

# --- who expired (RFC 5280 5.2.4) ------------------------------------------------------------------

cerca issue --profile tls-server --key-out short.key --san dns:short.delta.example --validity 2h \
    --out short.pem 2>short.err || bail 'short is not issued'
ok 'one that ends soon is revoked' cerca revoke short.pem --reason superseded
wait_until 20 is_on delta short superseded
ca_stop
CERCA_TEST_CLOCK_OFFSET=$((26 * 3600))
ca_start || bail 'it does not start a day later'
is 'expired, it comes onto one regular full CRL' "$(on full short)" superseded
is 'and stays on deltas until then, and for caches after' "$(on delta short)" superseded
ok 'one more full CRL' cerca crl publish issuing
is 'has it no longer' "$(on full short)" ''
is 'but all that are good still' "$(on full gone)" keyCompromise

# --- killed at any time ---------------------------------------------------------------------------

delta=$(echo "$ca_dir"/view/issuing-*/delta.der)
# shellcheck disable=SC2317 # by name
read_all() {
    while [ ! -e enough ]; do
        cat "$delta" >read.der
        openssl crl -inform DER -noout -CAfile issuing.pem -in read.der 2>&1 | grep -q 'verify OK' ||
            cp read.der torn.der
        echo >>reads
    done
}
read_all &
reader=$!
for pause in 0.02 0.06 0.12 0.25; do
    cerca hold fine.pem --timeout 20 >/dev/null 2>&1
    cerca crl publish issuing --list delta --timeout 5 >/dev/null 2>&1 &
    asker=$!
    sleep "$pause"
    core=$(pgrep -P "$ca_pid" -x cerca-ca) && kill -KILL "$core"
    wait "$asker"
    wait_until 30 cerca release fine.pem --timeout 5
done
touch enough
wait "$reader"
report "$([ "$(wc -l <reads)" -gt 8 ]; echo $?)" 'it was read all the while'
is 'and never found torn' "$(find . -name torn.der)" ''
wait_until 30 cerca status --timeout 5
ok 'who was released last is to be removed' wait_until 20 is_on delta fine removeFromCRL
ok 'the store and the signer agree' cerca store check

# --- killed on the way ----------------------------------------------------------------------------

n=0
for step in crl.numbered crl.drafted crl.written crl.renamed crl.recorded; do
    n=$((n + 1))
    ca_stop
    kill=$ca_dir/store/kill
    : >"$kill"
    # The first one made after the start is the one asked for: a delta.
    CERCA_STEP_KILL="cerca-ca:$step:1@$kill" ca_start || bail "it does not start ($step)"
    issue "kill$n" || bail "kill$n is not issued"
    cerca revoke "kill$n.pem" --reason superseded >/dev/null 2>&1
    cerca crl publish issuing --list delta >/dev/null 2>&1
    wait_until 20 cerca status --timeout 5
    is "killed at $step" "$(ls "$kill" 2>/dev/null)" ''
    ok "there is a delta after a kill at $step" openssl crl -inform DER -noout -CAfile issuing.pem \
        -in "$(echo "$ca_dir"/view/issuing-*/delta.der)"
    like "a whole one ($step)" "$err" 'verify OK'
    wait_until 20 is_on delta "kill$n" superseded
    ok "who was revoked gets onto it ($step)" is_on delta "kill$n" superseded
done
is 'nothing is left beside it' "$(find "$ca_dir/view" -name 'crl.draft' | wc -l)" 0
ok 'the store is sound' cerca store check

# --- turned off -----------------------------------------------------------------------------------

ca_stop
sed -i 's/ crl_delta = "1h";//' "$ca_dir/cerca.conf"
ca_start || bail 'it does not start without deltas'
is 'without them there is one list' "$(cerca crl list -o json | jq '[.[] | select(.issuer == "issuing")] | length')" 1
is 'and no file' "$(find "$ca_dir/view" -name delta.der | wc -l)" 0
wait_until 20 is_on full gone keyCompromise
ok 'the full CRL follows by itself again' is_on full gone keyCompromise

done_testing
