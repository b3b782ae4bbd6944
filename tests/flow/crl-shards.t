#!/bin/sh
# Parts of a CRL: each certificate names its part for ever, whatever becomes of their number;
# OpenSSL takes the right part and no other; the full CRL has everything still.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
http=on
ca_init || bail 'no CA'
sed -i 's/^\( *\)crl_delay = .*//; s/^\( *\)signs_leaves = true;/&\n\1crl_delay = "1s"; crl_shards = "4"; crl_delta = "1h";/' \
    "$ca_dir/cerca.conf"
: "${CERCA_SHIM:=$root/build/test/shim/libcerca-shim.so}"
sed -i -e "s|module = .*|module = \"$CERCA_SHIM\";|" \
    -e 's|environment = ( |&"CERCA_SHIM_CONTROL=%d/signer/shim.control", |' "$ca_dir/cerca.conf"
grep -q crl_shards "$ca_dir/cerca.conf" || bail 'no crl_shards in the configuration'
ca_start || bail 'it does not start'
cp "$ca_dir/ca/root.pem" root.pem
cp "$ca_dir/ca/issuing.pem" issuing.pem
folder=$(echo "$ca_dir"/view/issuing-*)
base_url=$(sed -n 's/^ *crl_url = "\(.*\)\/crl\/issuing.crl";/\1/p' "$ca_dir/cerca.conf")

issue() { # NAME
    cerca issue --profile tls-server --key-out "$1.key" --force --san "dns:$1.shard.example" \
        --out "$1.pem" 2>"$1.err"
}

serial_of() {
    openssl x509 -in "$1.pem" -noout -serial | sed 's/serial=//' | tr 'A-F' 'a-f'
}

# part_of NAME: as its distribution point says, "shard-3-of-4".
part_of() {
    openssl x509 -in "$1.pem" -noout -ext crlDistributionPoints |
        sed -n 's/.*\/crl\/issuing\/\(.*\)\.crl$/\1/p'
}

# part_for NAME N: as its serial says.
part_for() {
    echo "shard-$(echo "ibase=16; $(serial_of "$1" | tail -c 9 | tr 'a-f' 'A-F') % $2" | bc)-of-$2"
}

on() { # LIST NAME
    cerca crl show issuing --list "$1" -o json |
        jq -er ".revoked[] | select(.serial == \"$(serial_of "$2")\") | .reason"
}

list() { # LIST FILTER
    cerca crl list -o json | jq -r ".[] | select(.issuer == \"issuing\" and .list == \"$1\") | $2"
}

# fetch LIST...: what relying parties would fetch, as one file, and the root's.
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

numbers() { # of each part of 4
    for i in 0 1 2 3; do
        cerca crl show issuing --list "shard-$i-of-4" -o json | jq -r "\"$i \\(.number)\""
    done
}

# --- the first ones -------------------------------------------------------------------------------

is 'all parts are there as soon as all is well' "$(list '4 shards' .state)" current
is 'each in a file' "$(find "$ca_dir/view" -name 'shard-*-of-4.der' | wc -l)" 4
n=0
while [ "$n" -lt 6 ]; do
    n=$((n + 1))
    issue "c$n" || bail "c$n is not issued"
    is "c$n names the part of its serial" "$(part_of "c$n")" "$(part_for "c$n" 4)"
done
mine=$(part_of c1)
other=$(for name in c2 c3 c4 c5 c6; do part_of "$name"; done | grep -v "^$mine$" | head -n 1)
[ -n "$other" ] || other=$([ "$mine" = shard-0-of-4 ] && echo shard-1-of-4 || echo shard-0-of-4)
openssl x509 -in c1.pem -noout -text >text
like 'at its URL' text "URI:$base_url/crl/issuing/$mine.crl"
unlike 'without a delta, which is the full one'"'"'s' text 'Freshest'
cerca crl show issuing --list "$mine" -o der >part.crl
openssl crl -in part.crl -inform DER -noout -text >text
like 'a part says by a critical extension what it is' text 'Issuing Distribution Point: critical'
like 'under the same URL' text "URI:$base_url/crl/issuing/$mine.crl"
ok 'OpenSSL verifies its signature' openssl crl -in part.crl -inform DER -CAfile issuing.pem -noout
ok 'GnuTLS reads it' certtool --crl-info --inder --infile part.crl
fetch "$mine"
ok 'OpenSSL takes the certificate with its part' verify c1
fetch "$other"
fails 'and with another part it does not know' 2 'unable to get certificate CRL|different CRL scope' verify c1
fetch full
ok 'the full one does for all' verify c1

# --- after a revocation ---------------------------------------------------------------------------

numbers >before
ok 'one is revoked' cerca revoke c1.pem --reason keyCompromise
wait_until 20 on "$mine" c1
is 'it stands on its part' "$(on "$mine" c1)" keyCompromise
numbers >after
is 'and no other part is made for it' "$(diff before after | grep -c '^>')" 1
is 'another one has not got it' "$(on "$other" c1)" ''
fetch "$mine"
fails 'OpenSSL refuses it by its part' 2 'certificate revoked' verify c1
fetch "$other"
fails 'another part says nothing' 2 'unable to get certificate CRL|different CRL scope' verify c1
wait_until 20 on delta c1
fetch full delta
fails 'and by the full one and its delta' 2 'certificate revoked' verify c1
cerca crl show issuing --list "$mine" -o pem >part.pem
run certtool --crl-info --infile part.pem
like 'GnuTLS finds the entry' "$out" 'Revoked certificates \(1\)'
mv part.crl old.crl
ok 'curl fetches the part' curl -sSf -D head -o part.crl "$base_url/crl/issuing/$mine.crl"
cerca crl show issuing --list "$mine" -o der >again.crl
ok 'that one' cmp part.crl again.crl
like 'of its type' head '^[Cc]ontent-[Tt]ype: application/pkix-crl'
for path in shard-4-of-4 shard-00-of-4 shard-0-of-8 shard-0-of-4.der; do
    is "nothing is at $path" "$(curl -sS --path-as-is -o again -w '%{http_code}' "$base_url/crl/issuing/$path.crl")" 404
done
fails 'a part is not installed' 1 'part' cerca crl install part.crl

# --- for people -----------------------------------------------------------------------------------

ok 'a table' cerca crl list
like 'with the parts together' "$out" 'issuing +4 shards +current'
ok 'status tells of them' cerca status
like 'when the next one comes' "$out" 'crl.issuing.4-shards +current +number [0-9]+, 1 entries'
before=$(cerca crl show issuing --list "$other" -o json | jq .number)
ok 'one part on demand' cerca crl publish issuing --list "$other" -o json
json 'has a greater number' ".[0].number > $before"
numbers >before
ok 'the full one on demand' cerca crl publish issuing
# shellcheck disable=SC2317 # by name
all_new() {
    numbers >after
    [ "$(diff before after | grep -c '^>')" -eq 4 ]
}
wait_until 20 all_new
report $? 'and all parts follow'
ok 'the store and the signer agree on every CRL' cerca store check

# --- a token that was away ------------------------------------------------------------------------

numbers >before
echo 'C_Sign error CKR_DEVICE_ERROR' >"$ca_dir/signer/shim.control"
fails 'while the token is away none is made' 1 'unavailable' cerca crl publish issuing --timeout 8
tried() {
    grep -c 'crl.failed.*list=shard-' cercad.log
}
# shellcheck disable=SC2317 # by name
tried_again() { [ "$(tried)" -ge 2 ]; }
ok 'parts are tried again' wait_until 60 tried_again
report "$([ "$(tried)" -lt 4 ]; echo $?)" 'one for all of them'
rm "$ca_dir/signer/shim.control"
ok 'the token is back: they all follow' wait_until 60 all_new

# --- another number, and none ---------------------------------------------------------------------

ca_stop
sed -i 's/crl_shards = "4"/crl_shards = "7"/' "$ca_dir/cerca.conf"
ca_start || bail 'it does not start with another number'
issue d1 || bail 'd1 is not issued'
is 'a new certificate names a part of the new number' "$(part_of d1)" "$(part_for d1 7)"
is 'the earlier parts are there still' "$(list '4 shards' .state)" current
ok 'an earlier certificate is revoked' cerca revoke c2.pem --reason superseded
wait_until 20 on "$(part_of c2)" c2
is 'it stands on the part that it names' "$(on "$(part_of c2)" c2)" superseded
fetch "$(part_of c2)"
fails 'which OpenSSL believes' 2 'certificate revoked' verify c2
ca_stop
sed -i 's/ crl_shards = "7";//' "$ca_dir/cerca.conf"
ca_start || bail 'it does not start without parts'
issue e1 || bail 'e1 is not issued'
like 'a new certificate names the full CRL' "$(openssl x509 -in e1.pem -noout -text >text; echo text)" \
    "URI:$base_url/crl/issuing.crl"
is 'parts of both numbers are there' "$(list '4 shards' .state) $(list '7 shards' .state)" 'current current'
ok 'the one in between is revoked' cerca revoke d1.pem --reason superseded
wait_until 20 on "$(part_of d1)" d1
fetch "$(part_of d1)"
fails 'and refused by its part' 2 'certificate revoked' verify d1
fetch "$(part_for e1 7)"
fails 'a part does not do for who names the full one' 2 'unable to get certificate CRL|different CRL scope' verify e1

# --- the next generation --------------------------------------------------------------------------

ca_stop
sed -i "/^issuers = (/a { name = \"issuing-2\"; subject = \"CN=Shards Issuing CA 2\"; replaces = \"issuing\"; \\
    token = \"default\"; key = \"pkcs11:object=issuing-2\"; key_type = \"p256\"; parent = \"root\"; \\
    signs_leaves = true; path_len = \"0\"; validity = \"5y\"; crl_shards = \"2\"; crl_delay = \"1s\"; \\
    crl_url = \"$base_url/crl/issuing-2.crl\"; }," "$ca_dir/cerca.conf"
sed -i 's/crl_delta = "1h";/& state = "crl-only";/' "$ca_dir/cerca.conf"
cercad -c "$ca_dir/cerca.conf" >>"$scratch/cercad.log" 2>&1 &
ca_pid=$!
wait_until 30 cerca ca list --timeout 5
ok 'the next generation is certified' cerca ca create issuing-2
ok 'and all is well' wait_until 30 cerca status --timeout 5
issue g2 || bail 'g2 is not issued'
openssl x509 -in g2.pem -noout -text >text
like 'it has parts of its own' text "URI:$base_url/crl/issuing-2/$(part_for g2 2).crl"
is 'those of the old one are made still' "$(list '4 shards' .state) $(list '7 shards' .state) $(list delta .state)" \
    'current current current'
ok 'what the old one issued is revoked' cerca revoke c3.pem --reason superseded
wait_until 20 on "$(part_of c3)" c3
fetch "$(part_of c3)"
fails 'and refused by its part' 2 'certificate revoked' verify c3
wait_until 20 on delta c3
fetch full delta
fails 'and by the delta' 2 'certificate revoked' verify c3

# --- killed on the way ----------------------------------------------------------------------------

set -- c4 c5 c6 e1 g2
for step in crl.numbered crl.drafted crl.written crl.renamed crl.recorded; do
    ca_stop
    kill=$ca_dir/store/kill
    : >"$kill"
    CERCA_STEP_KILL="cerca-ca:$step:1@$kill" ca_start || bail "it does not start ($step)"
    cerca crl publish issuing --list shard-1-of-7 >/dev/null 2>&1
    cerca revoke "$1.pem" --reason superseded >/dev/null 2>&1
    shift
    wait_until 20 cerca status --timeout 5
    is "killed at $step" "$(ls "$kill" 2>/dev/null)" ''
    good=0
    for file in "$folder"/shard-*.der; do
        openssl crl -inform DER -noout -CAfile issuing.pem -in "$file" 2>&1 | grep -q 'verify OK' || good=1
    done
    report "$good" "all parts are whole after a kill at $step"
done
fails 'of the parts, too, none can be asked for that never was' 1 'no CRL "shard-0-of-5"' \
    cerca crl show issuing --list shard-0-of-5
ok 'the store is sound' cerca store check

done_testing
