#!/bin/sh
# CRLs: published at the start, after a revocation and on demand; read and believed by programs that
# nobody here wrote; whole again after kills; installed for an issuer whose key is not here.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
sed -i 's/^\( *\)crl_delay = .*//; s/^\( *\)signs_leaves = true;/&\n\1crl_delay = "1s";/' "$ca_dir/cerca.conf"
grep -q crl_delay "$ca_dir/cerca.conf" || bail 'no crl_delay in the configuration'
ca_start || bail 'it does not start'

issue() { # NAME
    cerca issue --profile tls-server --key-out "$1.key" --force --san "dns:$1.crl.example" \
        --out "$1.pem" 2>"$1.err"
}

serial_of() {
    openssl x509 -in "$1.pem" -noout -serial | sed 's/serial=//' | tr 'A-F' 'a-f'
}

number_of() { # ISSUER
    cerca crl list -o json | jq -r ".[] | select(.issuer == \"$1\") | .number"
}

# fetch NAME: all that relying parties would fetch, as one file.
fetch() {
    cerca crl show issuing -o pem >"$1" && cerca crl show root -o pem >>"$1"
}

# shellcheck disable=SC2317 # by name
on_crl() { # NAME
    cerca crl show issuing -o json | jq -e ".revoked[] | select(.serial == \"$(serial_of "$1")\")"
}

# --- the first one --------------------------------------------------------------------------------

is 'every issuer has a CRL as soon as all is well' \
    "$(cerca crl list -o json | jq -r '[.[] | select(.state == "current")] | length')" 2
for name in one two three; do
    issue "$name" || bail "$name is not issued"
done
cp "$ca_dir/ca/root.pem" root.pem
cp "$ca_dir/ca/issuing.pem" issuing.pem
fetch crls.pem
ok 'openssl takes the chain with both CRLs' openssl verify -crl_check_all -x509_strict \
    -CAfile root.pem -untrusted issuing.pem -CRLfile crls.pem one.pem
cerca crl show issuing -o der >issuing.crl
ok 'DER is what lies in the public view' cmp issuing.crl "$ca_dir"/view/issuing-*/crl.der
ok 'openssl verifies its signature' openssl crl -in issuing.crl -inform DER -CAfile issuing.pem -noout
like 'and says so' "$err" 'verify OK'
openssl crl -in issuing.crl -inform DER -noout -text >text
like 'version 2' text 'Version 2'
like 'an authority key identifier' text 'Authority Key Identifier'
is 'the number that we say' "$(openssl crl -in issuing.crl -inform DER -noout -crlnumber |
    sed 's/.*=//; s/^0x//; s/^/ibase=16;/' | bc)" "$(number_of issuing)"
cerca crl show issuing -o pem >issuing.crl.pem
ok 'GnuTLS verifies it' certtool --verify-crl --infile issuing.crl.pem \
    --load-ca-certificate issuing.pem
ok 'and reads it' certtool --crl-info --inder --infile issuing.crl

# --- after a revocation ---------------------------------------------------------------------------

before=$(number_of issuing)
ok 'revoked for a reason' cerca revoke one.pem --reason keyCompromise --invalidity-date 2026-01-02
ok 'and on hold' cerca hold two.pem
wait_until 20 on_crl two
ok 'the next CRL follows by itself' on_crl one
json 'with its reason' '.reason == "keyCompromise"'
json 'and when the key was lost' '.invalidity_date == "2026-01-02T00:00:00Z"'
run on_crl two
json 'what is held is on hold' '.reason == "certificateHold"'
report "$([ "$(number_of issuing)" -gt "$before" ]; echo $?)" 'under a greater number'
is 'of two entries' "$(cerca crl show issuing -o json | jq '.revoked | length')" 2
fetch crls.pem
fails 'openssl refuses the revoked one' 2 'certificate revoked' openssl verify -crl_check \
    -CAfile root.pem -untrusted issuing.pem -CRLfile crls.pem one.pem
ok 'and takes the other' openssl verify -crl_check -CAfile root.pem -untrusted issuing.pem \
    -CRLfile crls.pem three.pem
cerca crl show issuing -o pem >issuing.crl.pem
cat three.pem issuing.pem root.pem >three.chain
ok 'GnuTLS takes it' certtool --verify --load-ca-certificate root.pem \
    --load-crl issuing.crl.pem --infile three.chain
cat one.pem issuing.pem root.pem >one.chain
run certtool --verify --load-ca-certificate root.pem --load-crl issuing.crl.pem --infile one.chain
like 'GnuTLS refuses the revoked one' "$out" 'revoked'
openssl crl -in issuing.crl.pem -noout -text >text
like 'openssl reads the reason' text 'Key Compromise'
like 'and the invalidity date' text 'Jan  2 00:00:00 2026 GMT'
ok 'released' cerca release two.pem
# shellcheck disable=SC2317 # by name
gone() { ! on_crl two; }
wait_until 20 gone
report $? 'what was released leaves the CRL'

# --- on demand ------------------------------------------------------------------------------------

before=$(number_of root)
ok 'a dry run publishes nothing' cerca crl publish root --dry-run
is 'the number stays' "$(number_of root)" "$before"
ok 'now' cerca crl publish root -o json
json 'the answer is the new one' ".[0].number > $before and .[0].issuer == \"root\""
ok 'all of them' cerca crl publish
fails 'an unknown issuer' 1 'nobody' cerca crl publish nobody
fails 'is not shown either' 1 'nobody' cerca crl show nobody
ok 'a table for people' cerca crl list
like 'with states' "$out" 'issuing +full +current'
ok 'text for people' cerca crl show issuing
like 'with entries' "$out" "$(serial_of one) .* keyCompromise"
ok 'status tells of each' cerca status
like 'when the next one comes' "$out" 'crl.issuing +current +number [0-9]+, 1 entries'

# --- installing -----------------------------------------------------------------------------------

cerca crl show issuing -o der >now.crl
fails 'an old one is not installed' 1 'not greater' cerca crl install now.crl
ok 'but looked at' cerca crl install now.crl --dry-run
cp now.crl bad.crl
printf '\001' | dd of=bad.crl bs=1 seek=$(($(wc -c <bad.crl) - 1)) conv=notrunc 2>/dev/null
fails 'one with a broken signature is not' 1 'not signed by' cerca crl install bad.crl
head -c 100 now.crl >short.crl
fails 'a torn one is not' 1 'neither DER nor|malformed' cerca crl install short.crl
openssl req -x509 -newkey rsa:2048 -nodes -keyout f.key -out f.pem -subj /CN=Foreign -days 2 2>/dev/null
: >index
echo 01 >number
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\n' >ca.cnf
openssl ca -config ca.cnf -gencrl -keyfile f.key -cert f.pem -crldays 1 -out f.crl 2>/dev/null
fails 'one of a stranger is not' 1 'no issuer' cerca crl install f.crl

ok 'the store and the signer agree on every CRL' cerca store check

# --- killed on the way ----------------------------------------------------------------------------

for step in crl.numbered crl.drafted crl.written crl.renamed crl.recorded; do
    ca_stop
    before=$(openssl crl -in "$(echo "$ca_dir"/view/issuing-*/crl.der)" -inform DER -noout -crlnumber)
    issue_kill=$ca_dir/store/kill
    : >"$issue_kill"
    CERCA_STEP_KILL="cerca-ca:$step:1@$issue_kill" ca_start || bail "it does not start ($step)"
    cerca crl publish issuing >/dev/null 2>&1
    wait_until 20 cerca status --timeout 5
    is "killed at $step" "$(ls "$issue_kill" 2>/dev/null)" ''
    ok "there is a CRL after a kill at $step" openssl crl -inform DER -noout -CAfile issuing.pem \
        -in "$(echo "$ca_dir"/view/issuing-*/crl.der)"
    like "a whole one ($step)" "$err" 'verify OK'
    ok "the next one comes ($step)" cerca crl publish issuing -o json
    after=$(openssl crl -in "$(echo "$ca_dir"/view/issuing-*/crl.der)" -inform DER -noout -crlnumber)
    [ "${after#*=}" != "${before#*=}" ]
    report $? "under another number ($step)"
done
is 'nothing is left beside it' "$(find "$ca_dir/view" -name 'crl.draft' | wc -l)" 0
ok 'the store is sound' cerca store check

done_testing
